//! What participants act on: a short-lived drift and a clustered volatility.
//!
//! Three mean-reverting (Ornstein-Uhlenbeck) processes, each normalised to a standard deviation
//! of one: the drift, and a fast and a slow part of log-volatility. Nothing here is periodic and
//! nothing knows a future draw. Does not move the price: the market does.

use super::draws::{Draws, Purpose};
use super::settings::MarketSettings;

/// Relaxation times and weights of the parts of the log of activity.
const FAST: (f64, f64) = (180.0, 0.3);
const SLOW: (f64, f64) = (1_800.0, 0.25);
/// Sizes of moves grow with activity, by this power of it.
const SIZE_POWER: f64 = 0.6;
/// The drift saturates here, in standard deviations.
const DRIFT_LIMIT: f64 = 3.0;
/// However strong the drift, some revaluations go against it.
const BIAS_LIMIT: f64 = 0.9;

/// The state that nobody outside the market sees.
#[derive(Debug, Clone)]
pub(super) struct Latent {
    drift: f64,
    fast: f64,
    slow: f64,
    activity: f64,
    drift_seconds: f64,
    drift_bias: f64,
    mean_move_ticks: f64,
    moves_per_second: f64,
    draws: Draws,
}

impl Latent {
    pub(super) fn new(settings: &MarketSettings, seed: u64) -> Self {
        let mut draws = Draws::new(seed, Purpose::Latent);
        let (drift, fast, slow) = (draws.normal(), draws.normal(), draws.normal());
        let common = (1.0 - settings.large_move_share) * settings.small_move_ticks;
        let mut latent = Self {
            drift,
            fast,
            slow,
            activity: 1.0,
            drift_seconds: settings.drift_seconds,
            drift_bias: settings.drift_bias,
            mean_move_ticks: common + settings.large_move_share * settings.large_move_ticks,
            moves_per_second: settings.moves_per_second,
            draws,
        };
        latent.update_activity();
        latent
    }

    /// Lets `seconds` pass.
    pub(super) fn advance(&mut self, seconds: f64) {
        self.drift = relax(self.drift, seconds / self.drift_seconds, self.draws.normal());
        self.fast = relax(self.fast, seconds / FAST.0, self.draws.normal());
        self.slow = relax(self.slow, seconds / SLOW.0, self.draws.normal());
        self.update_activity();
    }

    /// How busy the market is; its mean is one.
    pub(super) const fn activity(&self) -> f64 {
        self.activity
    }

    /// By what the sizes of moves are multiplied.
    pub(super) fn move_scale(&self) -> f64 {
        self.activity.powf(SIZE_POWER)
    }

    /// The drift in standard deviations.
    pub(super) const fn drift(&self) -> f64 {
        self.drift.clamp(-DRIFT_LIMIT, DRIFT_LIMIT)
    }

    /// P(up) − P(down) of the next revaluation. The busier the market, the less one move says, so
    /// that the drift's share in the variance of returns is the same in calm and in storm.
    pub(super) fn bias(&self) -> f64 {
        (self.drift_bias * self.drift() / self.activity.sqrt()).clamp(-BIAS_LIMIT, BIAS_LIMIT)
    }

    /// The expected move of the value over the coming `seconds`, in ticks.
    pub(super) fn expected_move_ticks(&self, seconds: f64) -> f64 {
        let ticks_per_second =
            self.moves_per_second * self.activity * self.mean_move_ticks * self.move_scale();
        let effective_seconds = self.drift_seconds * (1.0 - (-seconds / self.drift_seconds).exp());
        self.bias() * ticks_per_second * effective_seconds
    }

    fn update_activity(&mut self) {
        let variance = FAST.1 * FAST.1 + SLOW.1 * SLOW.1;
        self.activity = (FAST.1 * self.fast + SLOW.1 * self.slow - variance / 2.0).exp();
    }
}

/// One exact step of a mean-reverting process of unit variance.
pub(super) fn relax(value: f64, relaxation_times: f64, shock: f64) -> f64 {
    let kept = (-relaxation_times).exp();
    value * kept + shock * (1.0 - kept * kept).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drift_fades_within_its_relaxation_time() {
        let mut latent = Latent::new(&MarketSettings::bitcoin_perpetual(), 3);
        let (mut product, mut square) = (0.0, 0.0);
        for _ in 0..40_000 {
            let before = latent.drift;
            latent.advance(10.0);
            product += before * latent.drift;
            square += before * before;
        }
        let kept = product / square;
        assert!((kept - (-1.0_f64).exp()).abs() < 0.02, "autocorrelation after 10 s: {kept}");
    }

    #[test]
    fn the_expected_move_has_the_sign_of_the_drift_and_levels_off() {
        let mut latent = Latent::new(&MarketSettings::bitcoin_perpetual(), 3);
        latent.drift = 1.0;
        let [short, long, longer] =
            [10.0, 100.0, 200.0].map(|seconds| latent.expected_move_ticks(seconds));
        assert!(short > 0.0 && long > short && (longer / long - 1.0).abs() < 1e-3);
        latent.drift = -1.0;
        assert!((latent.expected_move_ticks(10.0) + short).abs() < 1e-9);
    }
}
