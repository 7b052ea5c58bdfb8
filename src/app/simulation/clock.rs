//! Virtual time: that of the runtime, which jumps from one timer to the next when all is quiet.
//!
//! The exchange lives by true time. A daemon's clock begins with the wall clock of its start, which
//! may be off, and then goes on evenly; what the wall does afterwards is only measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::time::Instant;

use crate::clock::Clock;
use crate::domain::Timestamp;

/// True time.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrueClock {
    origin: Instant,
    start: Timestamp,
}

/// A machine's wall clock less true time, moved by whoever sets it.
#[derive(Debug, Clone, Default)]
pub(super) struct WallOffset(Arc<AtomicI64>);

/// A daemon's clock.
#[derive(Debug)]
pub(super) struct MachineClock {
    truth: TrueClock,
    wall: WallOffset,
    /// The wall's offset when the daemon started.
    offset_nanos: i64,
}

impl TrueClock {
    /// True time is `start` now.
    pub(super) fn starting_at(start: Timestamp) -> Self {
        Self { origin: Instant::now(), start }
    }

    /// How long it has run.
    pub(super) fn elapsed(&self) -> std::time::Duration {
        self.origin.elapsed()
    }
}

impl Clock for TrueClock {
    fn now(&self) -> Timestamp {
        self.start + self.elapsed()
    }
}

impl WallOffset {
    pub(super) fn nanos(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Steps the wall clock.
    pub(super) fn step_millis(&self, millis: i64) {
        self.0.fetch_add(millis * 1_000_000, Ordering::Relaxed);
    }

    /// Sets it right.
    pub(super) fn correct(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl MachineClock {
    /// The clock of a daemon that starts now.
    pub(super) fn start(truth: TrueClock, wall: WallOffset) -> Self {
        let offset_nanos = wall.nanos();
        Self { truth, wall, offset_nanos }
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.truth.now().nanos() + self.offset_nanos)
    }

    fn wall_step_nanos(&self) -> i64 {
        self.wall.nanos() - self.offset_nanos
    }
}
