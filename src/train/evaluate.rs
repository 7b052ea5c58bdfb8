//! Judgement of predictions on rows the model never saw, beside the zero forecast.

use crate::domain::Second;
use crate::features::float;
use crate::predict::{Evaluation, Metrics};

use super::bootstrap::{self, BlockSums, BootstrapSettings};

/// A prediction and what came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The second at which it was made.
    pub second: Second,
    /// The move predicted, bps.
    pub prediction: f64,
    /// The move that came, bps.
    pub label: f64,
    /// The spread when it was made, bps.
    pub spread_bps: f64,
}

/// Scores predictions in order of time; `training_mean` is the baseline of `r2`, bps.
#[must_use]
pub fn evaluate(scored: &[Scored], training_mean: f64, settings: BootstrapSettings) -> Evaluation {
    let (r2_interval, skill_interval) =
        bootstrap::intervals(&blocks(scored, training_mean, settings.block_s), settings);
    Evaluation {
        model: metrics(scored, training_mean, |row| row.prediction),
        zero: metrics(scored, training_mean, |_| 0.0),
        r2_interval,
        skill_interval,
        level: settings.level,
        block_s: settings.block_s,
        resamples: settings.resamples,
    }
}

fn metrics(scored: &[Scored], training_mean: f64, forecast: fn(&Scored) -> f64) -> Metrics {
    let count = float(scored.len().max(1));
    let total = |term: &dyn Fn(&Scored) -> f64| scored.iter().map(term).sum::<f64>();
    let errors = total(&|row| square(row.label - forecast(row)));
    let from_mean = total(&|row| square(row.label - training_mean));
    let moved: Vec<&Scored> = scored.iter().filter(|row| row.label != 0.0).collect();
    let hits = moved.iter().filter(|row| forecast(row) * row.label > 0.0).count();
    let mean_forecast = total(&|row| forecast(row)) / count;
    let mean_label = total(&|row| row.label) / count;
    let covariance = total(&|row| (forecast(row) - mean_forecast) * (row.label - mean_label));
    let spread = total(&|row| square(forecast(row) - mean_forecast)).sqrt()
        * total(&|row| square(row.label - mean_label)).sqrt();
    Metrics {
        n: scored.len(),
        mse: errors / count,
        r2: skill(errors, from_mean),
        r2_vs_zero: skill(errors, total(&|row| square(row.label))),
        correlation: (spread > 0.0).then(|| covariance / spread),
        mae_bps: total(&|row| (row.label - forecast(row)).abs()) / count,
        rmse_bps: (errors / count).sqrt(),
        sign_hit_rate: (!moved.is_empty()).then(|| float(hits) / float(moved.len())),
        non_zero: moved.len(),
    }
}

/// `1 − errors / baseline`; `None` where the baseline made no error.
#[must_use]
pub fn skill(errors: f64, baseline: f64) -> Option<f64> {
    (baseline > 0.0).then(|| 1.0 - errors / baseline)
}

fn blocks(scored: &[Scored], training_mean: f64, block_s: u32) -> Vec<BlockSums> {
    let mut numbered: Vec<(i64, BlockSums)> = Vec::new();
    for row in scored {
        let number = row.second.unix().div_euclid(i64::from(block_s.max(1)));
        if numbered.last().is_none_or(|(last, _)| *last != number) {
            numbered.push((number, BlockSums::default()));
        }
        if let Some((_, sums)) = numbered.last_mut() {
            sums.errors += square(row.label - row.prediction);
            sums.from_mean += square(row.label - training_mean);
            sums.from_zero += square(row.label);
        }
    }
    numbered.into_iter().map(|(_, sums)| sums).collect()
}

fn square(value: f64) -> f64 {
    value * value
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTSTRAP: BootstrapSettings =
        BootstrapSettings { block_s: 60, resamples: 200, level: 0.95, seed: 3 };

    fn scored(forecast: fn(f64) -> f64) -> Vec<Scored> {
        (0..6_000)
            .map(|second| {
                let label = f64::from(second * 7_919 % 13 - 6);
                Scored {
                    second: Second::from_unix(i64::from(second)),
                    prediction: forecast(label),
                    label,
                    spread_bps: 1.0,
                }
            })
            .collect()
    }

    #[test]
    fn a_perfect_forecast_scores_one_and_the_zero_forecast_nothing() {
        let perfect = evaluate(&scored(|label| label), 0.0, BOOTSTRAP);
        assert_eq!(perfect.model.r2, Some(1.0));
        assert_eq!(perfect.model.sign_hit_rate, Some(1.0));
        assert!((perfect.model.correlation.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(perfect.zero.r2_vs_zero, Some(0.0));
        assert_eq!(perfect.zero.correlation, None);
    }

    #[test]
    fn the_interval_holds_the_figure_and_one_seed_gives_one_interval() {
        let half = evaluate(&scored(|label| label / 2.0), 0.0, BOOTSTRAP);
        let interval = half.skill_interval.unwrap();
        let figure = half.model.r2_vs_zero.unwrap();
        assert!((figure - 0.75).abs() < 1e-9);
        assert!(interval.lower <= figure + 1e-9 && figure - 1e-9 <= interval.upper);
        assert_eq!(half, evaluate(&scored(|label| label / 2.0), 0.0, BOOTSTRAP));
    }
}
