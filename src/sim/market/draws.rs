//! Seeded draws, and the two doors between the market's floats and the book's integers.
//!
//! One generator per purpose, all from one seed: a further draw for one purpose shifts no other.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp1, StandardNormal};

/// What a stream of random numbers is for; the discriminant is its stream number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// When something happens and what kind of thing.
    Clock = 1,
    /// The drift and the volatility.
    Latent = 2,
    /// Directions and sizes of revaluations.
    Moves = 3,
    /// Inventories, sizes and distances of resting quotes.
    Quotes = 4,
    /// Noise orders.
    Flow = 5,
}

/// A stream of random numbers of one purpose.
#[derive(Debug, Clone)]
pub(super) struct Draws(ChaCha8Rng);

impl Draws {
    pub(super) fn new(seed: u64, purpose: Purpose) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(purpose as u64);
        Self(generator)
    }

    /// Uniform in [0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    /// True with the given probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Standard normal.
    pub(super) fn normal(&mut self) -> f64 {
        self.0.sample(StandardNormal)
    }

    /// Exponential with the given mean.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        let unit: f64 = self.0.sample(Exp1);
        unit * mean
    }

    /// A whole number from 1 upwards, geometric, with the given mean.
    pub(super) fn whole_from_one(&mut self, mean: f64) -> i64 {
        let beyond = mean - 1.0;
        if beyond <= 0.0 {
            return 1;
        }
        1 + floor(self.exponential(1.0 / (1.0 / beyond).ln_1p()))
    }

    /// A whole number from 0 up to, not including, `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }
}

/// The whole part of a number that is small and not negative.
#[expect(clippy::cast_possible_truncation, reason = "draws are small; float casts saturate")]
pub(super) fn floor(value: f64) -> i64 {
    value as i64
}

/// A small count as a float.
#[expect(clippy::cast_precision_loss, reason = "ticks and lots are far below 2^53")]
pub(super) const fn float(value: i64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_from_one_have_the_mean_they_are_asked_for() {
        let mut draws = Draws::new(1, Purpose::Moves);
        for mean in [1.0, 1.3, 3.8, 40.0] {
            let total: i64 = (0..100_000).map(|_| draws.whole_from_one(mean)).sum();
            let found = float(total) / 1e5;
            assert!((found / mean - 1.0).abs() < 0.02, "asked {mean}, found {found}");
        }
    }

    #[test]
    fn purposes_do_not_share_their_numbers() {
        let mut clock = Draws::new(7, Purpose::Clock);
        let mut flow = Draws::new(7, Purpose::Flow);
        assert!((0..8).any(|_| clock.below(1_000) != flow.below(1_000)));
    }
}
