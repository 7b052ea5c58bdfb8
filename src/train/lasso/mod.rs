//! LASSO: the penalty chosen by walk-forward validation inside the training part, the final fit by
//! linfa-elasticnet.
//!
//! linfa has no path, no warm start and no cross-validation, so [`path`] walks the penalties over
//! the correlation matrix. The final fit needs the rows no more: least squares depends on them only
//! through the Gram matrix, so linfa is given its Cholesky factor, a few rows instead of a million,
//! with the same minimiser.
//!
//! Objective, as linfa's with `l1_ratio` 1: `‖y − Xw‖² / 2n + alpha ‖w‖₁`.

mod algorithm;
mod error;
mod hyperparams;
pub mod path;

pub(in crate::train) use algorithm::kept_rows;
pub use algorithm::{choose_alpha, fit};
pub use error::LassoError;
pub use hyperparams::LassoSettings;
