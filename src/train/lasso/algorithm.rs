//! Choosing the penalty, and the final fit.

use std::ops::Range;

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_elasticnet::ElasticNet;
use ndarray::{Array1, Array2, ShapeBuilder};

use crate::features::{Dataset, Purge, Split, float};
use crate::train::design::Design;
use crate::train::outliers::OutlierRule;

use super::error::LassoError;
use super::hyperparams::LassoSettings;
use super::path;

/// Relative change of the coefficients, and duality gap relative to `‖y‖²`, at which linfa stops.
const TOLERANCE: f64 = 1e-12;

/// Sweeps linfa may take; each costs a few microseconds on the factor.
const MOST_STEPS: u32 = 200_000;

/// Chooses the penalty whose walk-forward forecasts inside `train` have the least squared error.
///
/// Every fold fits its own transforms. `progress` is told after each fold.
///
/// # Errors
/// [`LassoError`].
pub fn choose_alpha(
    (dataset, train): (&Dataset, &Range<usize>),
    purge: Purge,
    rule: OutlierRule,
    settings: LassoSettings,
    progress: &mut dyn FnMut(usize),
) -> Result<f64, LassoError> {
    let settings = settings.check()?;
    let all: Vec<usize> = kept_rows(dataset, train.clone(), rule);
    let silencing = path::silencing_penalty(&Design::new(dataset, &all, rule).covariance);
    let alphas = path::grid(silencing, settings.smallest_share, settings.penalties);
    let mut errors = vec![0.0; alphas.len()];
    let folds = Split::walk_forward(dataset.seconds(), train, settings.folds, purge)?;
    for (at, fold) in folds.iter().enumerate() {
        judge_fold(dataset, fold, rule, (&alphas, &mut errors));
        progress(at + 1);
    }
    // The first of equals is the greatest penalty: the simplest model.
    let best = errors.iter().enumerate().min_by(|(_, left), (_, right)| left.total_cmp(right));
    Ok(best.map_or(silencing, |(at, _)| alphas[at]))
}

/// Adds each penalty's squared error on the fold's later block.
fn judge_fold(
    dataset: &Dataset,
    fold: &Split,
    rule: OutlierRule,
    (alphas, errors): (&[f64], &mut [f64]),
) {
    let design = Design::new(dataset, &kept_rows(dataset, fold.train.clone(), rule), rule);
    let mut weights = Array1::zeros(design.covariance.len());
    let mut path: Array2<f64> = Array2::zeros((weights.len(), alphas.len()).f());
    for (mut column, &alpha) in path.columns_mut().into_iter().zip(alphas) {
        path::descend(design.correlation.view(), &design.covariance, alpha, &mut weights);
        column.assign(&weights);
    }
    for row in fold.test.clone() {
        let standardised = Array1::from_iter(design.standardise(dataset.row(row)));
        for (error, column) in errors.iter_mut().zip(path.columns()) {
            let miss = dataset.labels()[row] - design.label_mean - column.dot(&standardised);
            *error += miss * miss;
        }
    }
}

/// The rows of a range whose label is no outlier of that range.
pub(in crate::train) fn kept_rows(
    dataset: &Dataset,
    rows: Range<usize>,
    rule: OutlierRule,
) -> Vec<usize> {
    let kept = rule.keeps(&dataset.labels()[rows.clone()]);
    rows.zip(kept).filter_map(|(row, keep)| keep.then_some(row)).collect()
}

/// Fits the coefficients of the kept columns at one penalty, bps per standard deviation.
///
/// # Errors
/// [`LassoError`].
pub fn fit(design: &Design, alpha: f64) -> Result<Vec<f64>, LassoError> {
    let columns = design.covariance.len();
    if columns == 0 {
        return Ok(Vec::new());
    }
    // With correlation C = L Lᵀ and X'y / n = c, ‖y − Xw‖² / n = ‖z − Lᵀw‖² + what w cannot change,
    // z solving Lz = c. Rows of zeros change nothing either; linfa counts degrees of freedom by rows.
    let rows = 2 * columns + 2;
    let scale = float(rows).sqrt();
    let mut x = Array2::zeros((rows, columns).f());
    x.slice_mut(ndarray::s![..columns, ..]).assign(&(&design.factor.t() * scale));
    let mut y = Array1::zeros(rows);
    y.slice_mut(ndarray::s![..columns])
        .assign(&(solve_lower(&design.factor, &design.covariance) * scale));
    let fitted = ElasticNet::<f64>::params()
        .l1_ratio(1.0)
        .penalty(alpha)
        .with_intercept(false)
        .tolerance(TOLERANCE)
        .max_iterations(MOST_STEPS)
        .fit(&DatasetBase::new(x.view(), y.view()))
        .map_err(|error| LassoError::Solver(error.to_string()))?;
    let (gap, steps) = (fitted.duality_gap(), fitted.n_steps());
    if steps >= MOST_STEPS && gap > TOLERANCE * y.dot(&y) {
        return Err(LassoError::NotConverged { steps, gap });
    }
    let coefficients = fitted.hyperplane().to_vec();
    if coefficients.iter().all(|value| value.is_finite()) {
        Ok(coefficients)
    } else {
        Err(LassoError::NotFinite)
    }
}

/// Solves Lz = c for a lower triangular L with positive diagonal.
fn solve_lower(lower: &Array2<f64>, right: &Array1<f64>) -> Array1<f64> {
    let mut solution = Array1::zeros(right.len());
    for at in 0..right.len() {
        let known = lower.row(at).dot(&solution);
        solution[at] = (right[at] - known) / lower[(at, at)];
    }
    solution
}
