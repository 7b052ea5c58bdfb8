//! How long to wait before connecting again: doubling from 1 s to 15 s, with seeded jitter, so
//! that many clients of one outage do not come back as one. Pure.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SHORTEST: Duration = Duration::from_secs(1);
/// After an outage it is traded again within 30 s (I16): the wait, the handshake and the first book.
const LONGEST: Duration = Duration::from_secs(15);
/// A connection that lived so long was a good one: the next wait is short again.
const GOOD_LIFE: Duration = Duration::from_mins(1);

/// The waits between attempts to connect.
#[derive(Debug, Clone)]
pub struct Backoff {
    jitter: ChaCha8Rng,
    failures: u32,
}

impl Backoff {
    /// No failures yet. Connections of one process take different seeds.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { jitter: ChaCha8Rng::seed_from_u64(seed), failures: 0 }
    }

    /// The wait after a connection that lived for `life` (zero if it never came about): between
    /// half and the whole of the doubled wait.
    pub fn next_delay(&mut self, life: Duration) -> Duration {
        if life >= GOOD_LIFE {
            self.failures = 0;
        }
        let whole = SHORTEST.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let half = u64::try_from(whole.as_millis() / 2).unwrap_or(u64::MAX);
        let jitter = u64::from(self.jitter.next_u32()) % (half + 1);
        Duration::from_millis(half + jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_fifteen_seconds_and_start_over_after_a_good_connection() {
        let mut backoff = Backoff::new(7);
        let delays: Vec<_> = (0..9).map(|_| backoff.next_delay(Duration::ZERO)).collect();
        for (attempt, delay) in delays.iter().enumerate() {
            let whole = Duration::from_secs(1 << attempt.min(6)).min(LONGEST);
            assert!(*delay >= whole / 2 && *delay <= whole, "{attempt}: {delay:?}");
        }
        assert!(backoff.next_delay(GOOD_LIFE) <= SHORTEST);
    }

    #[test]
    fn the_same_seed_waits_the_same() {
        let delays = |seed| {
            let mut backoff = Backoff::new(seed);
            (0..5).map(|_| backoff.next_delay(Duration::ZERO)).collect::<Vec<_>>()
        };
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
    }
}
