//! Coordinate descent on the correlation matrix, down a path of penalties with warm starts.
//!
//! # Source
//! Friedman, Hastie & Tibshirani (2010), *J. Statistical Software* 33(1), covariance updates.

use ndarray::{Array1, ArrayView2};

/// A sweep that moves no coefficient by more than this ends a penalty, bps.
const TOLERANCE: f64 = 1e-11;

/// Sweeps spent on one penalty at most; a path that needs more is judged as it stands.
const MOST_SWEEPS: usize = 20_000;

/// The penalty from which on every coefficient is zero.
#[must_use]
pub fn silencing_penalty(covariance: &Array1<f64>) -> f64 {
    covariance.iter().fold(0.0, |most: f64, value| most.max(value.abs()))
}

/// A logarithmic grid from the silencing penalty down to a share of it, greatest first.
#[must_use]
pub fn grid(silencing: f64, smallest_share: f64, penalties: usize) -> Vec<f64> {
    let last = crate::features::float(penalties.saturating_sub(1).max(1));
    let at = |step: usize| silencing * smallest_share.powf(crate::features::float(step) / last);
    (0..penalties).map(at).collect()
}

/// Moves `weights` to the minimiser of `wᵀCw / 2 − cᵀw + alpha ‖w‖₁`, C being `correlation`.
pub fn descend(
    correlation: ArrayView2<'_, f64>,
    covariance: &Array1<f64>,
    alpha: f64,
    weights: &mut Array1<f64>,
) {
    for _ in 0..MOST_SWEEPS {
        let mut farthest = 0.0_f64;
        for at in 0..weights.len() {
            let others = correlation.row(at).dot(weights) - correlation[(at, at)] * weights[at];
            let gradient = covariance[at] - others;
            let shrunk = gradient.signum() * (gradient.abs() - alpha).max(0.0);
            let next = shrunk / correlation[(at, at)];
            farthest = farthest.max((next - weights[at]).abs());
            weights[at] = next;
        }
        if farthest <= TOLERANCE {
            break;
        }
    }
}
