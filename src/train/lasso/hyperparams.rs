//! What LASSO is told.

use super::error::LassoError;

/// How the penalty is chosen.
///
/// | name | purpose | range |
/// |---|---|---|
/// | `penalties` | points of the logarithmic grid | 2 to 200 |
/// | `smallest_share` | the least penalty as a share of the one that silences all | 0 to 1, exclusive |
/// | `folds` | expanding walk-forward fits, each judged on the block after it | 1 to 20 |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LassoSettings {
    /// Points of the grid.
    pub penalties: usize,
    /// The least penalty over the greatest.
    pub smallest_share: f64,
    /// Walk-forward fits.
    pub folds: usize,
}

impl LassoSettings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`LassoError::Setting`] naming the first setting out of its range.
    pub fn check(self) -> Result<Self, LassoError> {
        if !(2..=200).contains(&self.penalties) {
            return Err(LassoError::Setting("penalties (2 to 200)"));
        }
        if !(self.smallest_share > 0.0 && self.smallest_share < 1.0) {
            return Err(LassoError::Setting("smallest_share (between 0 and 1)"));
        }
        if !(1..=20).contains(&self.folds) {
            return Err(LassoError::Setting("folds (1 to 20)"));
        }
        Ok(self)
    }
}
