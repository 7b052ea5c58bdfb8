//! What can go wrong with data at rest, by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use thiserror::Error;

use crate::domain::{Second, Symbol};

use super::row_codec::RowError;

/// Why data could not be stored or read.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No space is left; nothing was half-written.
    #[error("no space left for {}: free some space, then start again; nothing was half-written", path.display())]
    DiskFull {
        /// Which file could not grow.
        path: PathBuf,
    },
    /// The database refused for a reason that has no variant of its own.
    #[error("database {}: {source}", path.display())]
    Database {
        /// Which database.
        path: PathBuf,
        /// What it said.
        #[source]
        source: rusqlite::Error,
    },
    /// A file is not what it should be.
    #[error("{} is damaged: {detail}; {remedy}", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
        /// What to do.
        remedy: &'static str,
    },
    /// One row of the tape cannot be read; the others can.
    #[error("row of {instrument} at {second} is damaged: {source}; see `lobd data check`")]
    CorruptRow {
        /// Whose row.
        instrument: String,
        /// Which second.
        second: Second,
        /// What is wrong with it.
        #[source]
        source: RowError,
    },
    /// The file was written by a newer lobd.
    #[error(
        "{} has layout {found}, this lobd knows up to {supported}: use the newer lobd that wrote it",
        path.display()
    )]
    NewerVersion {
        /// Which file.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest layout known here.
        supported: i64,
    },
    /// Nothing has been stored there yet.
    #[error("there is no {what} at {}: {remedy}", path.display())]
    Absent {
        /// What was looked for.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// How it comes into being.
        remedy: &'static str,
    },
    /// Another instance writes this data folder.
    #[error(
        "{} is in use by another lobd{}: stop it, or choose another --data-dir",
        path.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Locked {
        /// The data folder.
        path: PathBuf,
        /// The other instance, where it can be told.
        pid: Option<u32>,
    },
    /// Another daemon of this user trades on the account.
    #[error(
        "another lobd{} trades on this account, in {}: stop it first",
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(),
        data_dir.display()
    )]
    AccountInUse {
        /// Its data folder.
        data_dir: PathBuf,
        /// Its process.
        pid: Option<u32>,
    },
    /// Somebody trains on this data folder.
    #[error(
        "another training{} is under way in {}: wait for it",
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(),
        path.display()
    )]
    Training {
        /// The folder of models.
        path: PathBuf,
        /// The other training, where it can be told.
        pid: Option<u32>,
    },
    /// A second is not later than the last one stored (I19).
    #[error("{instrument} at {second} is not later than {last}, the last second stored")]
    OutOfOrder {
        /// Whose second.
        instrument: String,
        /// The second refused.
        second: Second,
        /// The last second stored.
        last: Second,
    },
    /// A value is not on the instrument's grid: its filters have changed.
    #[error("{instrument} at {second}: {source}; register the instrument's new filters first")]
    OffGrid {
        /// Whose row.
        instrument: String,
        /// Which second.
        second: Second,
        /// Which value.
        #[source]
        source: RowError,
    },
    /// A row's symbol was not registered with this tape.
    #[error("symbol {symbol} is not registered with the tape")]
    Unregistered {
        /// Which symbol.
        symbol: Symbol,
    },
    /// An instrument has no tick or step size, so nothing of it can be stored exactly.
    #[error("{instrument} has no tick or step size: its rows cannot be stored")]
    NoGrid {
        /// Which instrument.
        instrument: String,
    },
    /// No instrument has that name.
    #[error("no instrument {asked:?} on the tape; it holds {}", listed(known))]
    UnknownSymbol {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
    /// More than one instrument has that name.
    #[error("{asked:?} is ambiguous: say {}", candidates.join(" or "))]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// Which instruments it may mean.
        candidates: Vec<String>,
    },
    /// A payload of the journal has a layout this lobd does not read.
    #[error("event {sequence} of {} cannot be read: {detail}; see `lobd journal verify`", path.display())]
    CorruptEvent {
        /// Which journal.
        path: PathBuf,
        /// Which event.
        sequence: i64,
        /// What is wrong with it.
        detail: String,
    },
    /// The ledger holds something that its events do not lead to, or lacks what they do.
    #[error(
        "{table} {row} of {} is not what its events say: restore the journal from a backup, \
         and see `lobd reconcile`",
        path.display()
    )]
    LedgerDiffers {
        /// Which journal.
        path: PathBuf,
        /// Which table.
        table: &'static str,
        /// Which row of it, by its key.
        row: String,
    },
    /// A replay does not arrive at a checkpoint of the engine.
    #[error(
        "no replay arrives at the checkpoint after event {sequence} of {}: replay with the lobd \
         that ran it, {version}",
        path.display()
    )]
    CheckpointDiffers {
        /// Which journal.
        path: PathBuf,
        /// The last event in the checkpoint.
        sequence: i64,
        /// The code that wrote it.
        version: String,
    },
    /// A run's first events were dropped by age, and no checkpoint of this lobd stands for them.
    #[error(
        "the beginning of run {run} in {} was dropped with all events up to {dropped}, and this \
         lobd wrote no checkpoint after it: replay with the lobd that ran it",
        path.display()
    )]
    NoBeginning {
        /// Which journal.
        path: PathBuf,
        /// Which run.
        run: u32,
        /// The last event dropped.
        dropped: i64,
    },
    /// More is waiting for a failing journal than may be held in memory (I10).
    #[error("{waiting} events wait for {}, which does not accept them", path.display())]
    Backlog {
        /// Which journal.
        path: PathBuf,
        /// How many events wait.
        waiting: usize,
    },
    /// A file that has failed is tried again once a second, not for each event.
    #[error("{} has failed and is tried again once a second", path.display())]
    Suspended {
        /// Which file.
        path: PathBuf,
    },
    /// A file or folder in use was deleted, moved or replaced.
    #[error(
        "{} is not the one that was opened: it was deleted, moved or replaced meanwhile; put it back \
         or restore it from a backup, look at the venue, then start again",
        path.display()
    )]
    Replaced {
        /// What is gone, or another now.
        path: PathBuf,
    },
    /// A statement of `lobd sql` would write.
    #[error("only statements that read are allowed here")]
    WritingStatement,
    /// A statement of `lobd sql` is none, or failed.
    #[error("SQL: {source}")]
    Statement {
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The emergency file takes only what reduces risk.
    #[error("the emergency file takes cancels, stops and reduce-only closes only")]
    NotReducing,
    /// The emergency file has no room for these commands.
    #[error("the emergency file {} is full", path.display())]
    EmergencyFull {
        /// Which file.
        path: PathBuf,
    },
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { "nothing yet".to_owned() } else { known.join(", ") }
}

/// What to do about a damaged database.
const DATABASE_REMEDY: &str =
    "move it away (with its -wal and -shm files) or restore it from a backup";

impl StoreError {
    /// Whether the disk or a file on it is at fault, rather than what was to be written.
    pub(crate) const fn is_of_the_disk(&self) -> bool {
        matches!(
            self,
            Self::Io { .. }
                | Self::DiskFull { .. }
                | Self::Database { .. }
                | Self::Corrupt { .. }
                | Self::Absent { .. }
                | Self::Locked { .. }
        )
    }

    /// Whether it may pass without anybody's help: space and file descriptors are freed by others,
    /// a lock is let go. A disk that fails, or a file that is not what it was, needs a person.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::DiskFull { .. }
            | Self::Locked { .. }
            | Self::AccountInUse { .. }
            | Self::Training { .. }
            | Self::Backlog { .. }
            | Self::Suspended { .. } => true,
            Self::Io { source, .. } => {
                let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
                Errno::from_io_error(source).is_some_and(|error| exhausted.contains(&error))
            }
            Self::Database { .. }
            | Self::Corrupt { .. }
            | Self::CorruptRow { .. }
            | Self::NewerVersion { .. }
            | Self::Absent { .. }
            | Self::Replaced { .. }
            | Self::OutOfOrder { .. }
            | Self::OffGrid { .. }
            | Self::Unregistered { .. }
            | Self::NoGrid { .. }
            | Self::UnknownSymbol { .. }
            | Self::Ambiguous { .. }
            | Self::CorruptEvent { .. }
            | Self::LedgerDiffers { .. }
            | Self::CheckpointDiffers { .. }
            | Self::NoBeginning { .. }
            | Self::WritingStatement
            | Self::Statement { .. }
            | Self::NotReducing
            | Self::EmergencyFull { .. } => false,
        }
    }

    /// Wraps an I/O failure, telling a full disk apart.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        ) {
            return Self::DiskFull { path };
        }
        Self::Io { action, path, source }
    }

    /// Wraps a database failure by what can be done about it.
    pub(crate) fn database(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(Code::DiskFull) => Self::DiskFull { path },
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => {
                Self::Corrupt { path, detail: source.to_string(), remedy: DATABASE_REMEDY }
            }
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Locked { path, pid: None },
            Some(Code::SystemIoFailure) if is_write_failure(&source) => Self::DiskFull { path },
            _ => Self::Database { path, source },
        }
    }

    /// The error of a database file that is none of ours.
    pub(crate) fn foreign(path: &Path, what: &str) -> Self {
        Self::Corrupt {
            path: path.to_owned(),
            detail: format!("it is no lobd {what}"),
            remedy: DATABASE_REMEDY,
        }
    }
}

/// A refused write of a file that could be opened means a limit was met: a full disk or a quota.
fn is_write_failure(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|failure| failure.extended_code == rusqlite::ffi::SQLITE_IOERR_WRITE)
}
