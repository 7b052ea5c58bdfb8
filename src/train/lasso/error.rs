//! Why LASSO has no coefficients.

use thiserror::Error;

use crate::features::SplitError;

/// Why there are no coefficients.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LassoError {
    /// A setting is out of its range.
    #[error("lasso setting {0} is out of its range")]
    Setting(&'static str),
    /// The training part is too short for the validation blocks.
    #[error("the training part is too short to choose the penalty: {0}")]
    Folds(#[from] SplitError),
    /// linfa refused or gave up.
    #[error("lasso found no solution: {0}")]
    Solver(String),
    /// Coordinate descent ended before the duality gap closed.
    #[error("lasso did not converge in {steps} steps: duality gap {gap:e}")]
    NotConverged {
        /// Steps taken.
        steps: u32,
        /// The gap left.
        gap: f64,
    },
    /// A coefficient is not finite.
    #[error("lasso gave a coefficient that is not finite")]
    NotFinite,
}
