//! The one reader of wall and monotonic time.
//!
//! `now` is the wall time at the start plus monotonic time since: it never runs backwards and never
//! jumps. How far the wall clock has been stepped away from it is measured, not followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::domain::Timestamp;

/// A source of the present moment.
pub trait Clock: Send + Sync + 'static {
    /// The present moment; never earlier than any moment told before.
    fn now(&self) -> Timestamp;
}

/// A clock shared by the actors of a process.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started_wall: Timestamp,
    started: Instant,
}

/// A clock moved by hand, for tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl SystemClock {
    /// Reads the wall clock once; from here on only the monotonic clock is read.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of time")]
    pub fn start() -> Self {
        Self { started_wall: wall_time(), started: Instant::now() }
    }

    /// How far the wall clock stands ahead of ours, in nanoseconds: a step shows here.
    #[must_use]
    pub fn wall_step_nanos(&self) -> i64 {
        wall_time().nanos().saturating_sub(self.now().nanos())
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one reader of time")]
fn wall_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_nanos(0) + since_epoch
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.started_wall + self.started.elapsed()
    }
}

impl ManualClock {
    /// A clock standing at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.nanos()))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let later = self.now() + by;
        self.0.store(later.nanos(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_never_runs_backwards() {
        let clock = SystemClock::start();
        let moments: Vec<_> = (0..1_000).map(|_| clock.now()).collect();
        assert!(moments.is_sorted());
        assert!(clock.wall_step_nanos().abs() < 60_000_000_000);
    }

    #[test]
    fn a_manual_clock_stands_until_moved() {
        let clock = ManualClock::at(Timestamp::from_seconds(5));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_millis(1));
        assert_eq!(clock.now().millis(), 5_001);
    }
}
