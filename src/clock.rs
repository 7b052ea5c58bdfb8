//! The one reader of wall and monotonic time.
//!
//! `now` is the wall time at the start plus monotonic time since: it never runs backwards, and goes
//! on while the machine sleeps. How far the wall clock has been stepped away from it is measured,
//! not followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::domain::Timestamp;

/// A source of the present moment.
pub trait Clock: Send + Sync + 'static {
    /// The present moment; never earlier than any moment told before.
    fn now(&self) -> Timestamp;

    /// How far the wall clock has been stepped ahead of ours, in nanoseconds; zero for a clock that
    /// follows none.
    fn wall_step_nanos(&self) -> i64 {
        0
    }
}

/// A clock shared by the actors of a process.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started_wall: Timestamp,
    /// Since the machine's start.
    started: Duration,
}

/// A clock moved by hand, for tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl SystemClock {
    /// Reads the wall clock once; from here on only the monotonic clock is read.
    #[must_use]
    pub fn start() -> Self {
        Self { started_wall: wall_time(), started: since_boot() }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one reader of time")]
fn wall_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_nanos(0) + since_epoch
}

/// Monotonic time that counts the machine's sleep, which `std::time::Instant` leaves out.
fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    // Neither is ever negative, nor are there a billion nanoseconds.
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.started_wall + since_boot().saturating_sub(self.started)
    }

    fn wall_step_nanos(&self) -> i64 {
        wall_time().nanos().saturating_sub(self.now().nanos())
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
