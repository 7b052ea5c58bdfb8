//! Quantity (how much) and exposure (how much, and on which side), in base asset.

use super::decimal::{DecimalError, fixed_point};
use super::price::Rounding;
use super::side::Side;

fixed_point! {
    /// A non-negative amount of the base asset, exact to 1e-8.
    Quantity
}

fixed_point! {
    /// A signed position in base asset: positive is long, negative is short.
    Exposure
}

impl Quantity {
    /// Makes a quantity of 1e-8 units.
    ///
    /// # Errors
    /// [`DecimalError::Negative`] if `units < 0`.
    pub fn from_units(units: i64) -> Result<Self, DecimalError> {
        if units < 0 {
            return Err(DecimalError::Negative(units.to_string()));
        }
        Ok(Self(units))
    }

    /// The quantity of `steps` steps.
    ///
    /// # Errors
    /// [`DecimalError`] if the product is negative or overflows.
    pub fn from_steps(steps: i64, step_size: Self) -> Result<Self, DecimalError> {
        let units = steps
            .checked_mul(step_size.0)
            .ok_or_else(|| DecimalError::Overflow(format!("{steps} steps of {step_size}")))?;
        Self::from_units(units)
    }

    /// The number of whole steps in this quantity, or `None` if it is not on the step grid.
    #[must_use]
    pub fn steps(self, step_size: Self) -> Option<i64> {
        (step_size.0 > 0 && self.0 % step_size.0 == 0).then(|| self.0 / step_size.0)
    }

    /// Moves the quantity onto the step grid in the given direction.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] if rounding up leaves the range.
    pub fn round_to_step(self, step_size: Self, rounding: Rounding) -> Result<Self, DecimalError> {
        super::decimal_round(self.0, step_size.0, rounding).map(Self)
    }

    /// The sum, or an error on overflow.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, DecimalError> {
        self.0
            .checked_add(other.0)
            .map(Self)
            .ok_or_else(|| DecimalError::Overflow(format!("{self} plus {other}")))
    }

    /// The difference, or zero where it would be negative.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self((self.0 - other.0).max(0))
    }

    /// This quantity held on `side`: bought is long, sold is short.
    #[must_use]
    pub fn on(self, side: Side) -> Exposure {
        Exposure(self.0 * side.sign())
    }
}

impl Exposure {
    /// Makes an exposure of signed 1e-8 units.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] for the one value that has no opposite.
    pub fn from_units(units: i64) -> Result<Self, DecimalError> {
        if units == i64::MIN {
            return Err(DecimalError::Overflow(units.to_string()));
        }
        Ok(Self(units))
    }

    /// How much is held, whichever the side.
    #[must_use]
    pub fn quantity(self) -> Quantity {
        Quantity(self.0.abs())
    }

    /// The side that was bought or sold to get here; `None` when flat.
    #[must_use]
    pub fn side(self) -> Option<Side> {
        match self.0.signum() {
            1 => Some(Side::Buy),
            -1 => Some(Side::Sell),
            _ => None,
        }
    }

    /// The exposure after another change, or an error on overflow.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`].
    pub fn checked_add(self, change: Self) -> Result<Self, DecimalError> {
        self.0
            .checked_add(change.0)
            .filter(|units| *units != i64::MIN)
            .map(Self)
            .ok_or_else(|| DecimalError::Overflow(format!("{self} plus {change}")))
    }
}

impl std::ops::Neg for Exposure {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exposure_knows_its_side_and_size() {
        let quantity: Quantity = "0.5".parse().unwrap();
        assert_eq!(quantity.on(Side::Sell).side(), Some(Side::Sell));
        assert_eq!(quantity.on(Side::Sell).quantity(), quantity);
        assert_eq!(Exposure::ZERO.side(), None);
    }

    #[test]
    fn overflow_is_an_error() {
        assert!(Quantity(i64::MAX).checked_add(Quantity(1)).is_err());
        assert!(Exposure(i64::MAX).checked_add(Exposure(1)).is_err());
        assert!(Quantity(i64::MAX).round_to_step(Quantity(1000), Rounding::Up).is_err());
    }

    proptest! {
        #[test]
        fn rounding_to_step_never_invents_quantity(units in 0..i64::MAX, step in 1..i64::MAX) {
            let down = Quantity(units).round_to_step(Quantity(step), Rounding::Down).unwrap();
            prop_assert!(down <= Quantity(units));
            prop_assert!(down.steps(Quantity(step)).is_some());
        }
    }
}
