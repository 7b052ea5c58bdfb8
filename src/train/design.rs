//! The matrix an estimator is given: clipped, centred, scaled, column-major, of full rank.
//!
//! linfa returns coefficients of 1e9 without an error on collinear columns and never centres its
//! inputs. So each column is standardised, and a pivot-checked Cholesky of the correlation matrix
//! keeps a column only if the columns before it leave some of it unexplained.

use ndarray::{Array1, Array2, ShapeBuilder};

use crate::features::{Dataset, Scaler, float};
use crate::predict::Fate;

use super::outliers::{Bounds, OutlierRule};

/// A column is collinear if those before it leave less than this share of its variance: on a one-tick
/// market the micro-price is the best imbalance up to the drift of the price level.
const SMALLEST_PIVOT: f64 = 1e-6;

/// How one column is transformed, fitted on the training rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transform {
    /// Clip and range.
    pub bounds: Bounds,
    /// Mean and scale of the clipped values.
    pub scaler: Scaler,
    /// Whether an estimator sees the column.
    pub fate: Fate,
}

/// Training rows ready for an estimator.
#[derive(Debug, Clone)]
pub struct Design {
    /// One transform a column of the dataset.
    pub transforms: Vec<Transform>,
    /// Standardised kept columns, column-major: (rows, kept).
    pub x: Array2<f64>,
    /// Labels less their mean, bps.
    pub y: Array1<f64>,
    /// Mean label, bps.
    pub label_mean: f64,
    /// The correlation matrix of the kept columns.
    pub correlation: Array2<f64>,
    /// Its Cholesky factor L (lower): correlation = L Lᵀ.
    pub factor: Array2<f64>,
    /// Each kept column's covariance with the label, bps.
    pub covariance: Array1<f64>,
}

impl Design {
    /// Fits the transforms on the given rows and lays out the matrix.
    #[must_use]
    pub fn new(dataset: &Dataset, rows: &[usize], rule: OutlierRule) -> Self {
        let labels: Vec<f64> = rows.iter().map(|&row| dataset.labels()[row]).collect();
        let label_mean = labels.iter().sum::<f64>() / float(labels.len().max(1));
        let mut transforms = Vec::with_capacity(dataset.width());
        let mut columns: Vec<Vec<f64>> = Vec::new();
        let mut factor = Cholesky::default();
        for column in 0..dataset.width() {
            let mut values: Vec<f64> = rows.iter().map(|&row| dataset.row(row)[column]).collect();
            let bounds = rule.bounds(&values);
            for value in &mut values {
                *value = bounds.clip.apply(*value);
            }
            let scaler = Scaler::fit(&values);
            for value in &mut values {
                *value = scaler.apply(*value);
            }
            let fate = if scaler.is_constant() {
                Fate::Constant
            } else if factor.admits(columns.iter().map(|kept| mean_product(kept, &values))) {
                columns.push(values);
                Fate::Kept
            } else {
                Fate::Collinear
            };
            transforms.push(Transform { bounds, scaler, fate });
        }
        let y = Array1::from_iter(labels.iter().map(|label| label - label_mean));
        let covariance =
            columns.iter().map(|column| mean_product(column, y.as_slice().unwrap_or(&[])));
        let covariance = Array1::from_iter(covariance);
        let factor = factor.matrix();
        let kept = columns.len();
        let x = Array2::from_shape_fn((rows.len(), kept).f(), |(row, column)| columns[column][row]);
        Self {
            transforms,
            x,
            y,
            label_mean,
            correlation: factor.dot(&factor.t()),
            factor,
            covariance,
        }
    }

    /// One row of the dataset as the estimator sees it: kept columns, clipped and standardised.
    pub fn standardise<'a>(&'a self, features: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        self.transforms
            .iter()
            .zip(features)
            .filter(|(transform, _)| transform.fate == Fate::Kept)
            .map(|(transform, &value)| transform.scaler.apply(transform.bounds.clip.apply(value)))
    }
}

fn mean_product(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum::<f64>() / float(left.len().max(1))
}

/// The rows of a lower Cholesky factor of a correlation matrix, grown a column at a time.
#[derive(Debug, Default)]
struct Cholesky {
    rows: Vec<Vec<f64>>,
}

impl Cholesky {
    /// Adds a standardised column given its correlations with those kept; refuses a collinear one.
    fn admits(&mut self, correlations: impl Iterator<Item = f64>) -> bool {
        let mut row: Vec<f64> = Vec::with_capacity(self.rows.len() + 1);
        for (at, correlation) in correlations.enumerate() {
            let above = &self.rows[at];
            let known: f64 = above.iter().zip(&row).map(|(l, r)| l * r).sum();
            row.push((correlation - known) / above[at]);
        }
        let pivot = 1.0 - row.iter().map(|value| value * value).sum::<f64>();
        if pivot < SMALLEST_PIVOT {
            return false;
        }
        row.push(pivot.sqrt());
        self.rows.push(row);
        true
    }

    fn matrix(&self) -> Array2<f64> {
        let size = self.rows.len();
        Array2::from_shape_fn((size, size), |(row, column)| {
            self.rows[row].get(column).copied().unwrap_or(0.0)
        })
    }
}
