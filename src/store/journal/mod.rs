//! `journal.db`: every event in order with the commands it led to, durable before they leave (I1).
//!
//! Decides nothing and interprets little: orders, fills and the ledger are derived from the same
//! events in the same transaction, so that they can never disagree with them. Invariants: **1**
//! an event or command reported committed is readable after any crash; **2** events are numbered
//! without a gap, and each carries the hash of all before it; **3** a trade id is booked once per
//! symbol and life of the account (I6); **4** what could not be written stays buffered, in order,
//! until it can.

mod agreement;
mod audit;
mod block;
mod checkpoint;
mod fills;
mod income;
mod layout;
mod ledger;
mod record;
mod recovery;
mod replay;
mod resolutions;
mod rows;
mod takeover;
mod torn_log;
mod upkeep;
mod verify;
pub(super) mod views;

pub use audit::BookedTrade;
pub use record::{Record, command_kind, event_kind};
pub use replay::{Difference, Replay, Step};
pub use rows::Records;
pub use torn_log::TornTails;
pub use upkeep::Upkeep;
pub use verify::Verification;

pub(super) use layout::SCHEMA;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Params, Transaction, params};

use crate::domain::{RunId, Symbol, Timestamp};
use crate::engine::{Command, Event, LedgerSummary};
use crate::fail_point;

use super::database::Database;
use super::disk::Disk;
use super::emergency::EmergencyRecord;
use super::error::StoreError;
use record::{Hash, PendingEvent};

/// Events that may wait for a failing journal: an hour of a calm market, some tens of megabytes.
const PENDING_MAX: usize = 20_000;

/// The append-only record of what happened and what was decided.
#[derive(Debug)]
pub struct Journal {
    connection: Database,
    path: PathBuf,
    installation: u32,
    /// The newest run; events belong to it.
    epoch: u32,
    /// The number of the last event handed out, written or waiting.
    last_sequence: i64,
    /// The hash of the last event written.
    last_hash: Hash,
    /// Events not yet durable, in order, with the commands each led to.
    pending: Vec<PendingEvent>,
    /// How often the file was opened anew.
    reopenings: u64,
    /// Commits since the log was last written into the file.
    commits_in_log: u32,
}

/// One start of the daemon, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Which run.
    pub run: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// The code that ran.
    pub version: String,
    /// How many of its events are durable, and kept.
    pub events: u64,
}

impl Journal {
    /// Opens a journal for writing; creates it, with an installation id of its own, or migrates it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::NewerVersion`], [`StoreError::DiskFull`] or
    /// [`StoreError::Io`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_on(&Disk::Machine, path)
    }

    /// Opens a journal for writing on a disk.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_on(disk: &Disk, path: &Path) -> Result<Self, StoreError> {
        let torn = torn_log::torn_tail(disk, path)?;
        let connection = Database::open(&SCHEMA, disk, path)?;
        torn_log::count(&connection, path, torn)?;
        let drawn = disk.draw() >> 32;
        connection
            .execute(
                "INSERT OR IGNORE INTO meta (key, value) VALUES ('installation', ?1)",
                [drawn.to_string()],
            )
            .map_err(|source| StoreError::database(path, source))?;
        Self::with(connection, path)
    }

    /// Opens an existing journal for reading; the daemon may go on writing meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if there is none, otherwise as [`Journal::open`].
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        Self::with(Database::open_read_only(&SCHEMA, path)?, path)
    }

    fn with(connection: Database, path: &Path) -> Result<Self, StoreError> {
        let fail = |source| StoreError::database(path, source);
        let installation = connection
            .query_row("SELECT value FROM meta WHERE key = 'installation'", [], |row| {
                row.get::<_, String>(0)
            })
            .map_err(fail)?;
        let damaged = |detail: &str| StoreError::Corrupt {
            path: path.to_owned(),
            detail: detail.to_owned(),
            remedy: "restore it from a backup",
        };
        let epoch = connection
            .query_row("SELECT coalesce(max(epoch), 0) FROM runs", [], |row| row.get(0))
            .map_err(fail)?;
        let (last_sequence, last_hash) = newest_event(&connection, path)?;
        Ok(Self {
            installation: installation.parse().map_err(|_| damaged("no installation id"))?,
            connection,
            path: path.to_owned(),
            epoch,
            last_sequence,
            last_hash,
            pending: Vec::new(),
            reopenings: 0,
            commits_in_log: 0,
        })
    }

    /// Opens a new run, durably: its order ids derive from what is returned.
    ///
    /// # Errors
    /// A failure to write; nothing has then begun.
    pub fn start_run(&mut self, now: Timestamp, version: &str) -> Result<RunId, StoreError> {
        let epoch = self.epoch + 1;
        self.write(
            "INSERT INTO runs (epoch, started_ns, version, first_seq) VALUES (?1, ?2, ?3, ?4)",
            params![epoch, now.nanos(), version, self.last_sequence + 1],
        )?;
        self.epoch = epoch;
        Ok(self.run())
    }

    /// The newest run.
    #[must_use]
    pub const fn run(&self) -> RunId {
        RunId { installation: self.installation, epoch: self.epoch }
    }

    /// Takes an event in order and returns its number. It is durable after the next
    /// [`Journal::commit`].
    ///
    /// # Errors
    /// [`StoreError::Backlog`] if too many events wait for a failing journal already.
    pub fn append(&mut self, now: Timestamp, event: &Event) -> Result<i64, StoreError> {
        if self.pending.len() >= PENDING_MAX {
            let waiting = self.pending.len();
            return Err(StoreError::Backlog { path: self.path.clone(), waiting });
        }
        let sequence = self.last_sequence + 1;
        let pending = PendingEvent::new(sequence, self.epoch, now, event)
            .map_err(|detail| self.unreadable(sequence, detail))?;
        self.pending.push(pending);
        self.last_sequence = sequence;
        Ok(sequence)
    }

    /// Makes durable, in one synced transaction, every event taken since the last commit, and the
    /// commands that the last of them led to. Only after this may a command leave (I1). A write that
    /// fails is made once more, through a file that was opened anew, unless only space is wanting.
    ///
    /// # Errors
    /// A failure to write. Events and commands then stay buffered: committing again, with no
    /// commands, tries them again.
    pub fn commit(&mut self, intents: &[Command]) -> Result<(), StoreError> {
        self.hold(intents)?;
        let was_doubtful = self.connection.is_doubtful();
        match self.commit_held() {
            Err(error) if !was_doubtful && !error.may_pass() => self.commit_held(),
            outcome => outcome,
        }
    }

    /// Keeps the commands that the last event led to with it, for a later commit.
    ///
    /// # Errors
    /// [`StoreError::CorruptEvent`] if one of them has no bytes.
    pub fn hold(&mut self, intents: &[Command]) -> Result<(), StoreError> {
        let sequence = self.last_sequence;
        let held = self.pending.last_mut().map_or(Ok(()), |last| last.add_commands(intents));
        held.map_err(|detail| self.unreadable(sequence, detail))
    }

    fn commit_held(&mut self) -> Result<(), StoreError> {
        self.believe()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self.write_held();
        self.last_hash = self.connection.after(written)?;
        self.pending.clear();
        self.commits_in_log = self.commits_in_log.saturating_add(1);
        Ok(())
    }

    /// Writes what is pending; the hash of its last event.
    fn write_held(&self) -> Result<Hash, StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        let transaction = self.connection.unchecked_transaction().map_err(fail)?;
        let mut hash = self.last_hash;
        for pending in &self.pending {
            hash = pending.hash_after(&hash);
            insert(&transaction, pending, &hash).map_err(fail)?;
            for (kind, _) in &pending.commands {
                fail_point::pass(format_args!("{kind} written"));
            }
        }
        transaction.commit().map_err(fail)?;
        Ok(hash)
    }

    /// Where the journal is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many events wait for the next commit.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Latches why the engine is halted, or that it no longer is; the next run begins with it.
    ///
    /// # Errors
    /// A failure to write.
    pub fn set_halted(&mut self, reason: Option<&str>) -> Result<(), StoreError> {
        match reason {
            Some(reason) => self.write(
                "INSERT INTO meta (key, value) VALUES ('halted', ?1) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [reason],
            ),
            None => self.write("DELETE FROM meta WHERE key = 'halted'", []),
        }
    }

    /// Keeps what a reconciliation found.
    ///
    /// # Errors
    /// A failure to write.
    pub fn record_discrepancy(
        &mut self,
        now: Timestamp,
        symbol: Option<Symbol>,
        text: &str,
    ) -> Result<(), StoreError> {
        let (epoch, symbol) = (self.epoch, symbol.map(|symbol| symbol.to_string()));
        self.write(
            "INSERT INTO discrepancies (detected_ns, epoch, symbol, text) VALUES (?1, ?2, ?3, ?4)",
            params![now.nanos(), epoch, symbol, text],
        )
    }

    /// How many discrepancies the newest run found.
    ///
    /// # Errors
    /// A failure to read.
    pub fn discrepancies(&self) -> Result<u64, StoreError> {
        self.connection
            .query_row("SELECT count(*) FROM discrepancies WHERE epoch = ?1", [self.epoch], |row| {
                row.get::<_, i64>(0).map(i64::cast_unsigned)
            })
            .map_err(|source| StoreError::database(&self.path, source))
    }

    /// Where the ledger of all runs so far ends, with the profit realised since midnight UTC.
    ///
    /// # Errors
    /// A failure to read, or [`StoreError::Corrupt`] if a booked value cannot be one.
    pub fn ledger(&self, now: Timestamp) -> Result<LedgerSummary, StoreError> {
        ledger::summarize(&self.connection, &self.path, now)
    }

    /// Which of the positions the ledger ends with are not ours to trade: taken over from the
    /// venue, or opened by others.
    ///
    /// # Errors
    /// A failure to read.
    pub fn external(&self, ledger: &LedgerSummary) -> Result<Vec<Symbol>, StoreError> {
        let mut external = Vec::new();
        for (symbol, exposure) in &ledger.exposures {
            let held = (*symbol, *exposure);
            if takeover::is_external(&self.connection, self.installation, held)
                .map_err(|source| StoreError::database(&self.path, source))?
            {
                external.push(*symbol);
            }
        }
        Ok(external)
    }

    /// Takes in, in one transaction, what an earlier run left in the emergency file: commands that
    /// went out while this journal failed, and that it did not live to write here.
    ///
    /// # Errors
    /// A failure to write; none of them is then kept, and the file must not be cleared.
    pub fn keep_emergencies(&mut self, left: &[EmergencyRecord]) -> Result<(), StoreError> {
        self.believe()?;
        let kept = self.write_emergencies(left);
        self.connection.after(kept)
    }

    fn write_emergencies(&self, left: &[EmergencyRecord]) -> Result<(), StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        let transaction = self.connection.unchecked_transaction().map_err(fail)?;
        for record in left {
            transaction
                .execute(
                    "INSERT INTO emergencies (found_by_epoch, decided_ns, command) \
                     VALUES (?1, ?2, ?3)",
                    params![self.epoch, record.now.nanos(), record.command],
                )
                .map_err(fail)?;
        }
        transaction.commit().map_err(fail)
    }

    /// How many commands earlier runs sent by way of the emergency file alone.
    ///
    /// # Errors
    /// A failure to read.
    pub fn emergencies(&self) -> Result<u64, StoreError> {
        self.connection
            .query_row("SELECT count(*) FROM emergencies", [], |row| {
                row.get::<_, i64>(0).map(i64::cast_unsigned)
            })
            .map_err(|source| StoreError::database(&self.path, source))
    }

    /// Every run, oldest first.
    ///
    /// # Errors
    /// A failure to read.
    pub fn runs(&self) -> Result<Vec<RunSummary>, StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        let mut statement = self
            .connection
            .prepare(
                "SELECT epoch, started_ns, version, \
                 max(0, lead(first_seq, 1, ?1) OVER (ORDER BY epoch) - max(first_seq, ?2)) \
                 FROM runs ORDER BY epoch",
            )
            .map_err(fail)?;
        let (end, begin) = (self.last_sequence - self.pending_len() + 1, self.anchor()? + 1);
        let runs = statement.query_map([end, begin], |row| {
            Ok(RunSummary {
                run: RunId { installation: self.installation, epoch: row.get(0)? },
                started_at: Timestamp::from_nanos(row.get(1)?),
                version: row.get(2)?,
                events: row.get::<_, i64>(3)?.cast_unsigned(),
            })
        });
        runs.and_then(Iterator::collect).map_err(fail)
    }

    /// Reads a run's events in order, each with the commands it led to.
    #[must_use]
    pub fn records(&self, epoch: u32) -> Records<'_> {
        self.records_after(epoch, 0)
    }

    /// The same from after one of them.
    fn records_after(&self, epoch: u32, after: i64) -> Records<'_> {
        let span = self.span_of(epoch).map(|(first, last)| (after.max(first - 1), last));
        Records::between(&self.connection, &self.path, span)
    }

    /// The numbers of a run's first and last possible event.
    fn span_of(&self, epoch: u32) -> Result<(i64, i64), StoreError> {
        self.connection
            .prepare_cached(
                "SELECT coalesce((SELECT first_seq FROM runs WHERE epoch = ?1), 1), coalesce( \
                 (SELECT min(first_seq) - 1 FROM runs WHERE epoch > ?1), ?2)",
            )
            .and_then(|mut statement| {
                statement.query_row(params![epoch, i64::MAX], |row| Ok((row.get(0)?, row.get(1)?)))
            })
            .map_err(|source| StoreError::database(&self.path, source))
    }

    fn pending_len(&self) -> i64 {
        i64::try_from(self.pending.len()).unwrap_or(i64::MAX)
    }

    /// Moves committed records from the log into the file; call it where nothing waits for a
    /// command.
    ///
    /// # Errors
    /// A failure to write.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|source| StoreError::database(&self.path, source))
    }

    /// How many events stand in rows and not in blocks.
    #[cfg(test)]
    pub(crate) fn rows_left(&self) -> i64 {
        let count = "SELECT count(*) FROM events";
        self.connection.query_row(count, [], |row| row.get(0)).unwrap()
    }

    /// Makes every write fail, as a full disk does, or lets them succeed again.
    #[cfg(test)]
    pub(crate) fn refuse_writes(&mut self, refuse: bool) {
        self.connection.refuse_writes(refuse);
    }

    /// Runs one statement that writes, durably.
    fn write(&mut self, statement: &str, values: impl Params) -> Result<(), StoreError> {
        self.believe()?;
        let written = self
            .connection
            .execute(statement, values)
            .map_err(|source| StoreError::database(&self.path, source));
        self.connection.after(written).map(|_| ())
    }

    fn unreadable(&self, sequence: i64, detail: String) -> StoreError {
        StoreError::CorruptEvent { path: self.path.clone(), sequence, detail }
    }
}

/// The number and hash of the last event written; zeros before the first.
fn newest_event(connection: &Connection, path: &Path) -> Result<(i64, Hash), StoreError> {
    let newest = "SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1";
    let newest = connection.query_row(newest, [], |row| Ok((row.get(0)?, row.get(1)?))).optional();
    let newest = newest.and_then(|newest| match newest {
        None => upkeep::end_of_the_packed(connection),
        found => Ok(found),
    });
    newest.map(Option::unwrap_or_default).map_err(|source| StoreError::database(path, source))
}

fn insert(
    transaction: &Transaction<'_>,
    pending: &PendingEvent,
    hash: &Hash,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO events (seq, epoch, now_ns, kind, version, payload, hash) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            pending.sequence,
            pending.epoch,
            pending.now.nanos(),
            record::event_kind(&pending.event),
            record::EVENT_LAYOUT,
            pending.payload,
            hash,
        ])?;
    let mut insert_command = transaction.prepare_cached(
        "INSERT INTO commands (seq, position, kind, payload) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (position, (kind, payload)) in (0_u32..).zip(&pending.commands) {
        insert_command.execute(params![pending.sequence, position, kind, payload])?;
    }
    ledger::book_event(transaction, pending.sequence, &pending.event)?;
    for intent in &pending.intents {
        ledger::book_command(transaction, pending.sequence, intent)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod upkeep_tests;
