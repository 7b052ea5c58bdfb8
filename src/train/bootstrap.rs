//! Block bootstrap: how far a figure moves when whole blocks of time are drawn again.
//!
//! Ten-second labels overlap, so rows are no independent draws; blocks of a minute nearly are.
//!
//! # Source
//! Künsch (1989), *Annals of Statistics* 17(3), 1217–1241; here with blocks that do not overlap.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::predict::Interval;
use crate::train::outliers::quantile;

/// How intervals are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapSettings {
    /// Seconds in a block.
    pub block_s: u32,
    /// Resamples drawn.
    pub resamples: u32,
    /// Level of the interval, such as 0.95.
    pub level: f64,
    /// Seed of the draws.
    pub seed: u64,
}

/// Sums over one block, from which a ratio is made: `1 − numerator / denominator`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BlockSums {
    /// Squared errors of the model.
    pub errors: f64,
    /// Squared deviations from the training mean.
    pub from_mean: f64,
    /// Squared labels: errors of the zero forecast.
    pub from_zero: f64,
}

/// Intervals of r² and of r² against zero; `None` under two blocks or without variation.
#[must_use]
pub fn intervals(
    blocks: &[BlockSums],
    settings: BootstrapSettings,
) -> (Option<Interval>, Option<Interval>) {
    if blocks.len() < 2 || settings.resamples < 2 {
        return (None, None);
    }
    let mut generator = ChaCha8Rng::seed_from_u64(settings.seed);
    let (mut against_mean, mut against_zero) = (Vec::new(), Vec::new());
    for _ in 0..settings.resamples {
        let mut sums = BlockSums::default();
        for _ in 0..blocks.len() {
            let block = blocks[generator.random_range(0..blocks.len())];
            sums.errors += block.errors;
            sums.from_mean += block.from_mean;
            sums.from_zero += block.from_zero;
        }
        against_mean.extend(super::evaluate::skill(sums.errors, sums.from_mean));
        against_zero.extend(super::evaluate::skill(sums.errors, sums.from_zero));
    }
    (interval(against_mean, settings.level), interval(against_zero, settings.level))
}

fn interval(mut draws: Vec<f64>, level: f64) -> Option<Interval> {
    if draws.len() < 2 {
        return None;
    }
    draws.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Some(Interval { lower: quantile(&draws, tail), upper: quantile(&draws, 1.0 - tail) })
}
