//! How well predictions met what came: the figures every report shows.

use serde::{Deserialize, Serialize};

/// Figures of one forecast on one span; a figure that the span cannot give is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Predictions scored. Labels overlap: these are not independent moves.
    pub n: usize,
    /// Mean squared error, bps².
    pub mse: f64,
    /// 1 − SSE / SST, SST taken around the mean label of the training part.
    pub r2: Option<f64>,
    /// 1 − SSE / the zero forecast's SSE.
    pub r2_vs_zero: Option<f64>,
    /// Pearson correlation of prediction and label.
    pub correlation: Option<f64>,
    /// Mean absolute error, bps.
    pub mae_bps: f64,
    /// Root mean squared error, bps.
    pub rmse_bps: f64,
    /// Share of non-zero moves whose sign was predicted.
    pub sign_hit_rate: Option<f64>,
    /// Moves that were not zero.
    pub non_zero: usize,
}

/// A block-bootstrap interval of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Its lower end.
    pub lower: f64,
    /// Its upper end.
    pub upper: f64,
}

/// A forecast's figures beside the zero forecast's, with the uncertainty of its skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// The model.
    pub model: Metrics,
    /// The forecast that nothing moves.
    pub zero: Metrics,
    /// Interval of the model's `r2`.
    pub r2_interval: Option<Interval>,
    /// Interval of the model's `r2_vs_zero`: its skill.
    pub skill_interval: Option<Interval>,
    /// Level of the intervals, such as 0.95.
    pub level: f64,
    /// Seconds in one resampled block.
    pub block_s: u32,
    /// Resamples drawn.
    pub resamples: u32,
}
