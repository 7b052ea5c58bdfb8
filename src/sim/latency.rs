//! How long messages travel, as data: a constant and a seeded jitter.
//!
//! Does not delay anything itself: whoever carries messages asks how long the next one takes.
//! Invariant: the same settings and seed give the same latencies in the same order.

use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// How long messages travel between a trader and the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencySettings {
    /// From sending a request to its arrival at the exchange, at least.
    pub entry: Duration,
    /// From the exchange's answer or event to its arrival at the trader, at least.
    pub response: Duration,
    /// Up to so much more, evenly drawn, on either way.
    pub jitter: Duration,
}

/// Draws latencies, one a message.
#[derive(Debug, Clone)]
pub struct Latency {
    settings: LatencySettings,
    random: ChaCha8Rng,
}

impl LatencySettings {
    /// A home connection to a venue half a continent away: 25 ms each way, up to 10 ms more.
    #[must_use]
    pub const fn usual() -> Self {
        Self {
            entry: Duration::from_millis(25),
            response: Duration::from_millis(25),
            jitter: Duration::from_millis(10),
        }
    }
}

impl Latency {
    /// Draws from a seed.
    #[must_use]
    pub fn new(settings: LatencySettings, seed: u64) -> Self {
        Self { settings, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// How long the next request travels to the exchange.
    pub fn next_entry(&mut self) -> Duration {
        self.settings.entry + self.draw()
    }

    /// How long the next answer or event travels back.
    pub fn next_response(&mut self) -> Duration {
        self.settings.response + self.draw()
    }

    fn draw(&mut self) -> Duration {
        let most = u64::try_from(self.settings.jitter.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.random.random_range(0..=most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_latencies_within_their_bounds() {
        let settings = LatencySettings::usual();
        let (mut one, mut two) = (Latency::new(settings, 7), Latency::new(settings, 7));
        for _ in 0..100 {
            let latency = one.next_entry();
            assert_eq!(latency, two.next_entry());
            assert!(latency >= settings.entry && latency <= settings.entry + settings.jitter);
        }
        assert_ne!(one.next_response(), Latency::new(settings, 8).next_response());
    }
}
