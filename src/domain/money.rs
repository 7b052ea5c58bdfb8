//! Amounts of quote asset (notional, fee, profit and loss, balance) and dimensionless rates.

use super::decimal::{DecimalError, UNITS_PER_ONE, fixed_point};
use super::divide_half_away;
use super::price::Price;
use super::quantity::{Exposure, Quantity};

fixed_point! {
    /// A signed amount of quote asset (USDT), exact to 1e-8: notional, fee, profit, balance.
    Amount
}

fixed_point! {
    /// A dimensionless fraction, exact to 1e-8: a fee of 2 bps is `0.0002`, a move of +5 bps `0.0005`.
    Rate
}

/// 1 basis point in units of [`Rate`].
const UNITS_PER_BPS: f64 = 10_000.0;

impl Amount {
    /// The greatest there is: what does not fit is taken for it.
    pub const MAX: Self = Self(i64::MAX);

    /// Makes an amount of signed 1e-8 units.
    ///
    /// # Errors
    /// None today; the signature is shared by every fixed-point value.
    pub const fn from_units(units: i64) -> Result<Self, DecimalError> {
        Ok(Self(units))
    }

    /// Price × quantity, rounded half away from zero to 1e-8.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] past about 92 billion of quote asset.
    pub fn notional(price: Price, quantity: Quantity) -> Result<Self, DecimalError> {
        Self::product(price.units(), quantity.units())
            .ok_or_else(|| DecimalError::Overflow(format!("{price} times {quantity}")))
    }

    /// Profit of holding `exposure` while the price goes from `entry` to `exit`.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`].
    pub fn profit(exposure: Exposure, entry: Price, exit: Price) -> Result<Self, DecimalError> {
        Self::product(exit.units() - entry.units(), exposure.units())
            .ok_or_else(|| DecimalError::Overflow(format!("profit of {exposure} at {exit}")))
    }

    /// This amount times a rate, rounded half away from zero to 1e-8.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`].
    pub fn times(self, rate: Rate) -> Result<Self, DecimalError> {
        Self::product(self.0, rate.0)
            .ok_or_else(|| DecimalError::Overflow(format!("{self} times {rate}")))
    }

    /// The greatest quantity whose notional at `price` does not exceed this amount.
    ///
    /// # Errors
    /// [`DecimalError`] if the amount is negative, the price zero, or the quotient overflows.
    pub fn quantity_at(self, price: Price) -> Result<Quantity, DecimalError> {
        if price.is_zero() {
            return Err(DecimalError::Overflow(format!("{self} divided by a zero price")));
        }
        let units = i128::from(self.0) * i128::from(UNITS_PER_ONE) / i128::from(price.units());
        let units = i64::try_from(units)
            .map_err(|_| DecimalError::Overflow(format!("{self} divided by {price}")))?;
        Quantity::from_units(units)
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

    /// The sum, held at the range's end on overflow.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    fn product(left: i64, right: i64) -> Option<Self> {
        let exact = i128::from(left) * i128::from(right);
        i64::try_from(divide_half_away(exact, i128::from(UNITS_PER_ONE))).ok().map(Self)
    }
}

impl std::ops::Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

impl Rate {
    /// Makes a rate of signed 1e-8 units.
    ///
    /// # Errors
    /// None today; the signature is shared by every fixed-point value.
    pub const fn from_units(units: i64) -> Result<Self, DecimalError> {
        Ok(Self(units))
    }

    /// The rate nearest to a float number of basis points, held at the range's ends.
    ///
    /// This is where a model's prediction leaves the floats; `NaN` becomes zero.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "float casts saturate, NaN is zero")]
    pub fn from_bps(bps: f64) -> Self {
        Self((bps * UNITS_PER_BPS).round() as i64)
    }

    /// The rate in basis points, for people and statistics.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "floats belong to statistics only")]
    pub fn bps(self) -> f64 {
        self.0 as f64 / UNITS_PER_BPS
    }

    /// The magnitude.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// The sum, held at the range's end on overflow.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The product of two rates, held at the range's end on overflow.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        let exact = i128::from(self.0) * i128::from(other.0);
        Self::from_units_saturating(divide_half_away(exact, i128::from(UNITS_PER_ONE)))
    }

    pub(super) fn from_units_saturating(units: i128) -> Self {
        Self(i64::try_from(units).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX }))
    }
}

impl std::ops::Neg for Rate {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Side;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn notional_fee_and_profit_are_exact() {
        let (price, quantity) = ("61799.9".parse().unwrap(), "0.097".parse::<Quantity>().unwrap());
        let notional = Amount::notional(price, quantity).unwrap();
        assert_eq!(notional, amount("5994.5903"));
        assert_eq!(notional.times("0.0005".parse().unwrap()), Ok(amount("2.99729515")));
        let profit = Amount::profit(quantity.on(Side::Sell), price, "61809.9".parse().unwrap());
        assert_eq!(profit, Ok(amount("-0.97")));
    }

    #[test]
    fn overflow_is_an_error_and_never_a_wrap() {
        let huge = Quantity::from_units(i64::MAX).unwrap();
        assert!(Amount::notional("92233720368".parse().unwrap(), huge).is_err());
    }

    #[test]
    fn basis_points_round_trip() {
        assert_eq!(Rate::from_bps(2.5), "0.00025".parse().unwrap());
        assert!((Rate::from_bps(-3.25).bps() + 3.25).abs() < 1e-12);
        assert_eq!(Rate::from_bps(f64::NAN), Rate::ZERO);
    }

    proptest! {
        #[test]
        fn a_quantity_bought_for_an_amount_never_costs_more(
            budget in 0..10_i64.pow(15), price in 1..10_i64.pow(13),
        ) {
            let (budget, price) = (Amount(budget), Price::from_units(price).unwrap());
            if let Ok(quantity) = budget.quantity_at(price)
                && let Ok(cost) = Amount::notional(price, quantity)
            {
                prop_assert!(cost <= budget);
            }
        }
    }
}
