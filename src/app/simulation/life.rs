//! One life of the daemon, from a start to a crash or an exit: its disk, and when it dies.
//!
//! Invariant: once it is over, neither network nor disk carry out anything that is still asked for
//! in it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{MemoryDisk, journal_path};

/// Where every daemon of a simulation keeps its files.
pub(super) const FOLDER: &str = "/data";

/// How far back a record is looked for: a few hundred commits.
const RECENT_BYTES: usize = 4 << 20;

/// One life; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) disk: MemoryDisk,
    requests: Arc<Requests>,
}

/// Requests of this life, and the one it dies of.
#[derive(Debug, Default)]
struct Requests {
    sent: AtomicU64,
    dies_before: AtomicU64,
    dies_after: AtomicU64,
    /// Orders that left before their record was durable.
    unrecorded: Mutex<Vec<String>>,
}

impl Life {
    pub(super) fn new(disk: MemoryDisk) -> Self {
        Self { disk, requests: Arc::default() }
    }

    pub(super) fn is_over(&self) -> bool {
        self.disk.is_over()
    }

    /// Has it end before the so-manieth request from now on leaves.
    pub(super) fn die_before_request(&self, number: u64) {
        let sent = self.requests.sent.load(Ordering::Relaxed);
        self.requests.dies_before.store(sent + number.max(1), Ordering::Relaxed);
    }

    /// Has it end as soon as the so-manieth request from now on has left.
    pub(super) fn die_after_request(&self, number: u64) {
        let sent = self.requests.sent.load(Ordering::Relaxed);
        self.requests.dies_after.store(sent + number.max(1), Ordering::Relaxed);
    }

    /// A request is about to leave.
    pub(super) fn before_request(&self) {
        let number = self.requests.sent.fetch_add(1, Ordering::Relaxed) + 1;
        if self.requests.dies_before.load(Ordering::Relaxed) == number {
            self.disk.end();
        }
    }

    /// The request has left.
    pub(super) fn after_request(&self) {
        let number = self.requests.sent.load(Ordering::Relaxed);
        if self.requests.dies_after.load(Ordering::Relaxed) == number {
            self.disk.end();
        }
    }

    /// An order leaves: its record must be durable (I1).
    pub(super) fn must_have_recorded(&self, order: &str) {
        if !self.has_recorded(order) {
            let unrecorded = self.requests.unrecorded.lock();
            unrecorded.unwrap_or_else(PoisonError::into_inner).push(order.to_owned());
        }
    }

    /// The first order that left before its record was durable.
    pub(super) fn first_unrecorded(&self) -> Option<String> {
        let unrecorded = self.requests.unrecorded.lock();
        unrecorded.unwrap_or_else(PoisonError::into_inner).first().cloned()
    }

    /// Whether an order's name is durable, in the journal or in the emergency file.
    pub(super) fn has_recorded(&self, order: &str) -> bool {
        let journal = journal_path(Path::new(FOLDER));
        let log = journal.with_extension("db-wal");
        let emergency = Path::new(FOLDER).join("emergency.bin");
        let holds = |path: &Path| self.disk.holds_durably(path, order.as_bytes(), RECENT_BYTES);
        holds(&log) || holds(&emergency) || holds(&journal)
    }
}
