//! A fitted model as data: everything inference needs, and where it came from.

use serde::{Deserialize, Serialize};

use crate::domain::{Environment, Market, Second, Symbol};

use super::metrics::Evaluation;

/// How the coefficients were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Ordinary least squares.
    Ols,
    /// Least squares with an absolute-value penalty.
    Lasso,
}

/// Whose mid-price a model predicts, and from whose books it learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Whose money the books belong to.
    pub environment: Environment,
    /// Which market.
    pub market: Market,
    /// Which symbol.
    pub symbol: Symbol,
}

/// Seconds from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first second.
    pub first: Second,
    /// The last second.
    pub last: Second,
    /// Rows within.
    pub rows: usize,
}

/// What became of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It has a coefficient (which LASSO may have made zero).
    Kept,
    /// It never varied on the training part.
    Constant,
    /// Earlier columns say all it says.
    Collinear,
}

/// One feature's transform and coefficient, fitted on the training part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The feature's name.
    pub name: String,
    /// What became of it.
    pub fate: Fate,
    /// Values below are raised to it.
    pub clip_lower: f64,
    /// Values above are lowered to it.
    pub clip_upper: f64,
    /// One deviation below the smallest value of the training part; below it a prediction is out of range.
    pub range_lower: f64,
    /// One deviation above the largest value of the training part; above it a prediction is out of range.
    pub range_upper: f64,
    /// Mean of the clipped values.
    pub mean: f64,
    /// Standard deviation of the clipped values.
    pub scale: f64,
    /// Bps of expected move per standard deviation; 0 unless kept.
    pub coefficient: f64,
}

/// Where a model came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The rows it was fitted on, after the purge.
    pub train: Span,
    /// The rows it was judged on.
    pub test: Span,
    /// Training rows left out because their label was an outlier.
    pub outliers: usize,
    /// Seconds kept unjudged after the cut.
    pub embargo_s: u32,
    /// Seed of everything drawn.
    pub seed: u64,
    /// LASSO's penalty, bps per standard deviation.
    pub alpha: Option<f64>,
    /// Version of the code that fitted it.
    pub code_version: String,
}

/// A linear model of the mid-price's move over a horizon.
///
/// `move_bps = intercept + Σ coefficient × (clip(feature) − mean) / scale` over the kept columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// How it was fitted.
    pub kind: ModelKind,
    /// Whose mid-price.
    pub target: Target,
    /// Seconds ahead.
    pub horizon_s: u32,
    /// Name of the feature set.
    pub feature_set: String,
    /// SHA-256 of the set's ordered names and versions.
    pub schema: String,
    /// The set's features in order.
    pub columns: Vec<Column>,
    /// Expected move at the features' means, bps.
    pub intercept: f64,
    /// Mean label of the training part, bps: the baseline of `r2`.
    pub training_mean_bps: f64,
    /// Root mean squared error on the test part, bps.
    pub error_bps: f64,
    /// Multiples of the spread that a move must exceed to be a signal.
    pub signal_spread_multiple: f64,
    /// Where it came from.
    pub provenance: Provenance,
    /// How it did on the test part.
    pub evaluation: Evaluation,
}

impl ModelKind {
    /// The word in model ids and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ols => "ols",
            Self::Lasso => "lasso",
        }
    }
}

impl std::fmt::Display for ModelKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.name())
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}:{}", self.environment, self.market, self.symbol)
    }
}

impl Model {
    /// Names of the columns that were dropped, with the reason.
    pub fn dropped(&self) -> impl Iterator<Item = (&str, Fate)> {
        self.columns
            .iter()
            .filter(|column| column.fate != Fate::Kept)
            .map(|column| (column.name.as_str(), column.fate))
    }

    /// The first number that is not finite, by name.
    pub(super) fn not_finite(&self) -> Option<&str> {
        let numbers = [
            ("intercept", self.intercept),
            ("training_mean_bps", self.training_mean_bps),
            ("error_bps", self.error_bps),
            ("signal_spread_multiple", self.signal_spread_multiple),
        ];
        let column = |column: &Column| {
            [
                column.clip_lower,
                column.clip_upper,
                column.range_lower,
                column.range_upper,
                column.mean,
                column.scale,
                column.coefficient,
            ]
            .iter()
            .any(|number| !number.is_finite())
        };
        numbers
            .into_iter()
            .find(|(_, number)| !number.is_finite())
            .map(|(name, _)| name)
            .or_else(|| self.columns.iter().find(|c| column(c)).map(|column| column.name.as_str()))
    }
}
