//! Column transforms fitted on the training part only: clipping bounds, means and scales.

use super::float;

/// Bounds to which one column's values are held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clip {
    /// Values below are raised to it.
    pub lower: f64,
    /// Values above are lowered to it.
    pub upper: f64,
}

impl Clip {
    /// The value, held between the bounds.
    #[must_use]
    pub fn apply(self, value: f64) -> f64 {
        value.max(self.lower).min(self.upper)
    }
}

/// A column's mean and standard deviation: the z-score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaler {
    /// The mean.
    pub mean: f64,
    /// The standard deviation (divisor n); 0 marks a column that never varied.
    pub scale: f64,
}

/// A column varies only if its deviation exceeds this share of its mean: a spread of always one tick
/// varies in bps only with the price level, which is nothing to learn from.
const RELATIVE_NOISE: f64 = 1e-3;

impl Scaler {
    /// Fits mean and deviation in two passes.
    #[must_use]
    pub fn fit(values: &[f64]) -> Self {
        let count = float(values.len().max(1));
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        let deviation = (squares / count).sqrt();
        let varies = deviation > RELATIVE_NOISE * mean.abs().max(f64::MIN_POSITIVE);
        Self { mean, scale: if varies { deviation } else { 0.0 } }
    }

    /// Whether the column never varied, so that nothing can be learnt from it.
    #[must_use]
    pub fn is_constant(self) -> bool {
        self.scale <= 0.0
    }

    /// The z-score; 0 for a constant column.
    #[must_use]
    pub fn apply(self, value: f64) -> f64 {
        if self.is_constant() { 0.0 } else { (value - self.mean) / self.scale }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the expected values are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_centred_and_scaled_and_a_constant_one_is_known() {
        let scaler = Scaler::fit(&[1.0, 3.0]);
        assert_eq!((scaler.mean, scaler.scale), (2.0, 1.0));
        assert_eq!(scaler.apply(4.0), 2.0);
        assert!(Scaler::fit(&[0.1; 1000]).is_constant(), "rounding is not variation");
        assert!(Scaler::fit(&[0.0; 3]).is_constant());
    }

    #[test]
    fn clipping_holds_both_ends() {
        let clip = Clip { lower: -1.0, upper: 2.0 };
        assert_eq!([-5.0, 0.5, 9.0].map(|value| clip.apply(value)), [-1.0, 0.5, 2.0]);
    }
}
