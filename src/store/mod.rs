//! Data at rest: the tape of seconds, the journal of events, model files, and the folder they
//! live in.
//!
//! Knows no venue and decides nothing. Everything written is either wholly there or not at all: a
//! transaction in SQLite, or a temporary file that is synced and renamed. Invariants: **1** what
//! was reported durable is readable after any crash (I7); **2** stored time strictly increases per
//! instrument (I19); **3** one writer per data folder (I18); **4** values are exact: ticks and
//! steps, never floats.

pub mod atomic;
mod database;
mod disk;
mod emergency;
mod error;
pub mod export;
mod file_steps;
mod gaps;
mod identity;
pub mod import;
mod instruments;
mod journal;
mod lease;
mod lock;
mod memory_disk;
pub mod models;
mod query;
mod row_codec;
mod scan;
mod schema;
mod tape;
mod tape_import;
mod tape_recovery;
mod varint;

pub use disk::Disk;
pub use emergency::{EmergencyFile, EmergencyRecord};
pub use error::StoreError;
pub use gaps::{Gap, GapKind};
pub use identity::Identities;
pub use instruments::{InstrumentId, InstrumentKey, InstrumentVersion};
pub use journal::{
    BookedTrade, Difference, Journal, Record, Records, Replay, RunSummary, Step, TornTails, Upkeep,
    Verification, command_kind, event_kind,
};
pub use lease::{AccountLease, AccountName};
pub use lock::{FolderLock, TrainingLock};
pub use memory_disk::{DiskFault, MemoryDisk};
pub use query::{Answer, Cell, Query};
pub use row_codec::{RowError, RowGrid, decode, encode};
pub use scan::Scan;
pub use tape::{RECORD_BATCH_MAX, Span, Tape};
pub use tape_import::{IMPORT_BATCH, TapeImport};

use std::path::{Path, PathBuf};

/// Where the tape lives inside a data folder.
#[must_use]
pub fn tape_path(data_dir: &Path) -> PathBuf {
    data_dir.join("tape.db")
}

/// Where the journal lives inside a data folder.
#[must_use]
pub fn journal_path(data_dir: &Path) -> PathBuf {
    data_dir.join("journal.db")
}

/// Where the journal's emergency file lives inside a data folder.
#[must_use]
pub fn emergency_path(data_dir: &Path) -> PathBuf {
    data_dir.join("journal.emergency")
}

/// Where model artefacts live inside a data folder.
#[must_use]
pub fn models_path(data_dir: &Path) -> PathBuf {
    data_dir.join("models")
}
