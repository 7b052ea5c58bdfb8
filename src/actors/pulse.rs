//! The sign that a loop goes round, given by the loop itself and by nobody for it.
//!
//! What a loop waits for in its `select` keeps it from nothing: it beats all the same. One that is
//! stuck (in a call that blocks, in handing something to a loop that is stuck) beats no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often a loop that has nothing else to do beats.
const RHYTHM: Duration = Duration::from_secs(1);

/// How often a loop went round, for whoever watches over it.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<AtomicU64>);

/// Has a loop beat though nothing happens: one of the branches it waits in.
pub(super) struct Rhythm(Interval);

impl Pulse {
    /// Went round once more.
    pub(crate) fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it has beaten.
    #[must_use]
    pub fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Rhythm {
    pub(super) fn start() -> Self {
        let mut ticks = interval(RHYTHM);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(ticks)
    }

    /// Waits for the time to beat. Cancel-safe.
    pub(super) async fn due(&mut self) {
        self.0.tick().await;
    }
}
