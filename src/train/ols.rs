//! Ordinary least squares by linfa-linear, on a [`Design`] of full rank.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_linear::LinearRegression;
use thiserror::Error;

use super::design::Design;

/// Why there are no coefficients.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OlsError {
    /// The solver gave up.
    #[error("least squares found no solution: {0}")]
    Solver(String),
    /// A coefficient is not finite.
    #[error("least squares gave a coefficient that is not finite")]
    NotFinite,
}

/// Fits the coefficients of the kept columns, bps per standard deviation.
///
/// The intercept is the label mean, because the columns are centred. No column, no coefficient.
///
/// # Errors
/// [`OlsError`].
pub fn fit(design: &Design) -> Result<Vec<f64>, OlsError> {
    if design.x.ncols() == 0 {
        return Ok(Vec::new());
    }
    let dataset = DatasetBase::new(design.x.view(), design.y.view());
    let fitted = LinearRegression::new()
        .with_intercept(false)
        .fit(&dataset)
        .map_err(|error| OlsError::Solver(error.to_string()))?;
    let coefficients = fitted.params().to_vec();
    if coefficients.iter().all(|value| value.is_finite()) {
        Ok(coefficients)
    } else {
        Err(OlsError::NotFinite)
    }
}
