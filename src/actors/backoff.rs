//! How long to wait before trying again: doubling, capped, jittered, and forgetful after success.

use std::time::Duration;

/// Exponential backoff, pure: the jitter is handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits `first` after the first failure, twice as long after each further one, at most
    /// `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// Counts a failure and says how long to wait. `jitter` in 0..=255 stretches the wait by up to
    /// a half, so that many clients do not come back at once.
    pub fn on_failure(&mut self, jitter: u8) -> Duration {
        let doublings = self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        let wait = self.first.saturating_mul(1 << doublings).min(self.longest);
        wait + wait * u32::from(jitter) / 510
    }

    /// Forgets the failures.
    pub const fn on_success(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let waits: Vec<_> = (0..5).map(|_| backoff.on_failure(0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5, 5]);
        backoff.on_success();
        assert_eq!(backoff.on_failure(255), Duration::from_millis(1_500));
    }
}
