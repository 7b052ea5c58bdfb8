//! Price: quote asset per unit of base asset, exact to 1e-8.

use super::decimal::{DecimalError, fixed_point};
use super::money::Rate;

fixed_point! {
    /// A non-negative price in quote asset per base asset, exact to 1e-8.
    Price
}

/// Direction in which a value is moved onto a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Toward zero: never more than asked.
    Down,
    /// Away from zero: never less than asked.
    Up,
}

impl Price {
    /// The greatest price.
    pub const MAX: Self = Self(i64::MAX);

    /// Makes a price of 1e-8 units.
    ///
    /// # Errors
    /// [`DecimalError::Negative`] if `units < 0`.
    pub fn from_units(units: i64) -> Result<Self, DecimalError> {
        if units < 0 {
            return Err(DecimalError::Negative(units.to_string()));
        }
        Ok(Self(units))
    }

    /// The price `ticks` ticks of `tick_size` above zero.
    ///
    /// # Errors
    /// [`DecimalError`] if the product is negative or overflows.
    pub fn from_ticks(ticks: i64, tick_size: Self) -> Result<Self, DecimalError> {
        let units = ticks
            .checked_mul(tick_size.0)
            .ok_or_else(|| DecimalError::Overflow(format!("{ticks} ticks of {tick_size}")))?;
        Self::from_units(units)
    }

    /// The number of whole ticks in this price, or `None` if it is not on the tick grid.
    #[must_use]
    pub fn ticks(self, tick_size: Self) -> Option<i64> {
        (tick_size.0 > 0 && self.0 % tick_size.0 == 0).then(|| self.0 / tick_size.0)
    }

    /// Moves the price onto the tick grid in the given direction; a zero tick size changes nothing.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] if rounding up leaves the range.
    pub fn round_to_tick(self, tick_size: Self, rounding: Rounding) -> Result<Self, DecimalError> {
        super::decimal_round(self.0, tick_size.0, rounding).map(Self)
    }

    /// The price plus `offset` (a signed number of 1e-8 units), or an error outside the range.
    ///
    /// # Errors
    /// [`DecimalError`] if the sum is negative or overflows.
    pub fn checked_offset(self, offset: i64) -> Result<Self, DecimalError> {
        let units = self
            .0
            .checked_add(offset)
            .ok_or_else(|| DecimalError::Overflow(format!("{self} plus {offset} units")))?;
        Self::from_units(units)
    }

    /// The price moved by a fraction of itself, rounded to the nearest unit: `self × (1 + move)`.
    ///
    /// # Errors
    /// [`DecimalError`] if the result is negative or overflows.
    pub fn moved_by(self, fraction: Rate) -> Result<Self, DecimalError> {
        let moved = i128::from(self.0)
            + super::divide_half_away(
                i128::from(self.0) * i128::from(fraction.units()),
                i128::from(super::decimal::UNITS_PER_ONE),
            );
        let units = i64::try_from(moved)
            .map_err(|_| DecimalError::Overflow(format!("{self} moved by {fraction}")))?;
        Self::from_units(units)
    }

    /// The relative distance `(self − from) / from`, rounded to the nearest 1e-8; zero if `from`
    /// is zero.
    #[must_use]
    pub fn relative_to(self, from: Self) -> Rate {
        if from.0 == 0 {
            return Rate::ZERO;
        }
        let difference = i128::from(self.0) - i128::from(from.0);
        let fraction = super::divide_half_away(
            difference * i128::from(super::decimal::UNITS_PER_ONE),
            i128::from(from.0),
        );
        Rate::from_units_saturating(fraction)
    }

    /// The midpoint of two prices, rounded down to 1e-8.
    #[must_use]
    pub fn midpoint(self, other: Self) -> Self {
        Self(i64::midpoint(self.0, other.0))
    }

    /// The absolute distance between two prices.
    #[must_use]
    pub fn distance(self, other: Self) -> Self {
        Self((self.0 - other.0).abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn a_price_moves_by_a_fraction_and_measures_it_back() {
        let moved = price("60000").moved_by("0.0005".parse().unwrap()).unwrap();
        assert_eq!(moved, price("60030"));
        assert_eq!(moved.relative_to(price("60000")), "0.0005".parse().unwrap());
    }

    #[test]
    fn negative_prices_do_not_exist() {
        assert!("-1".parse::<Price>().is_err());
        assert!(price("1").checked_offset(-200_000_000).is_err());
    }

    proptest! {
        #[test]
        fn rounding_to_tick_lands_on_the_grid_within_one_tick(
            units in 0..i64::MAX / 4, tick in 1..1_000_000_000_i64,
        ) {
            let (value, tick_size) = (Price(units), Price(tick));
            let down = value.round_to_tick(tick_size, Rounding::Down).unwrap();
            let up = value.round_to_tick(tick_size, Rounding::Up).unwrap();
            prop_assert!(down.ticks(tick_size).is_some() && up.ticks(tick_size).is_some());
            prop_assert!(down <= value && value <= up);
            prop_assert!(up.units() - down.units() <= tick);
        }

        #[test]
        fn ticks_and_back_is_the_identity(ticks in 0..1_000_000_000_i64, tick in 1..1_000_000_i64) {
            let tick_size = Price(tick);
            prop_assert_eq!(Price::from_ticks(ticks, tick_size).unwrap().ticks(tick_size), Some(ticks));
        }
    }
}
