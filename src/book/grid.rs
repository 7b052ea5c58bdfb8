//! The instrument's price and quantity grid, as far as market data must obey it.

use crate::domain::{DecimalError, Filters, Price, Quantity};

use super::snapshot::Level;

/// Tick and step that every level of a book must be a multiple of.
///
/// The venue counts prices from its lowest one (exchange-api.md 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    tick_size: Price,
    tick: Divisor,
    step: Divisor,
    /// Where the count of ticks begins: below one tick.
    origin: i64,
}

impl Grid {
    /// A grid counted from zero.
    #[must_use]
    pub const fn of(tick_size: Price, step_size: Quantity) -> Self {
        Self::counted_from(Price::ZERO, tick_size, step_size)
    }

    const fn counted_from(min_price: Price, tick_size: Price, step_size: Quantity) -> Self {
        let origin = match min_price.units().checked_rem(tick_size.units()) {
            Some(origin) => origin,
            None => 0,
        };
        let (tick, step) = (Divisor::by(tick_size.units()), Divisor::by(step_size.units()));
        Self { tick_size, tick, step, origin }
    }

    /// Whether a level's price and quantity are on the grid. The price must be positive; the
    /// quantity may be zero. Nothing is on a grid of zero tick or step.
    #[must_use]
    pub const fn admits(&self, level: Level) -> bool {
        !level.price.is_zero()
            && self.ticks(level.price).is_some()
            && self.step.quotient(level.quantity.units()).is_some()
    }

    /// Which tick of the grid a price is, if it is one.
    #[must_use]
    pub(super) const fn ticks(&self, price: Price) -> Option<i64> {
        self.tick.quotient(price.units() - self.origin)
    }

    /// The price that is so many ticks of the grid.
    pub(super) fn price(&self, ticks: i64) -> Result<Price, DecimalError> {
        Price::from_ticks(ticks, self.tick_size)?.checked_offset(self.origin)
    }

    /// The tick size.
    #[must_use]
    pub const fn tick_size(&self) -> Price {
        self.tick_size
    }
}

impl From<&Filters> for Grid {
    fn from(filters: &Filters) -> Self {
        Self::counted_from(filters.min_price, filters.tick_size, filters.step_size)
    }
}

/// Exact division by one number, without dividing: every level of every message is divided twice.
///
/// An odd number has an inverse among the integers modulo 2^64; times it, a multiple becomes its
/// quotient and any other number something greater than every quotient. Factors of two are rotated
/// out, which makes what is no multiple of them great as well.
///
/// # Source
/// H. S. Warren, Hacker's Delight, second edition (2013), 10–17.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Divisor {
    inverse: u64,
    twos: u32,
    /// One more than the greatest quotient; zero where nothing can be divided.
    quotients: u64,
}

impl Divisor {
    const fn by(divisor: i64) -> Self {
        if divisor <= 0 {
            return Self { inverse: 0, twos: 0, quotients: 0 };
        }
        let divisor = divisor.cast_unsigned();
        let twos = divisor.trailing_zeros();
        let odd = divisor >> twos;
        let mut inverse = odd; // right to three bits; each step doubles them
        let mut step = 0;
        while step < 5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
            step += 1;
        }
        Self { inverse, twos, quotients: i64::MAX.cast_unsigned() / divisor + 1 }
    }

    /// The quotient, if the dividend is a multiple and not negative.
    const fn quotient(self, dividend: i64) -> Option<i64> {
        let product = dividend.cast_unsigned().wrapping_mul(self.inverse);
        let quotient = product.rotate_right(self.twos);
        if quotient < self.quotients { Some(quotient.cast_signed()) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prices_are_counted_from_the_lowest() {
        let price = |text: &str| text.parse::<Price>().unwrap();
        let step = "0.001".parse().unwrap();
        let grid = Grid::counted_from(price("0.25"), price("0.1"), step);
        let admits = |text| grid.admits(Level { price: price(text), quantity: step });
        assert!(admits("0.15") && admits("0.05") && admits("100.25"));
        assert!(!admits("0.2") && !admits("0.01") && !admits("0"));
        assert_eq!(grid.price(2), Ok(price("0.25")));
        assert_eq!(grid.ticks(price("0.25")), Some(2));
        assert!(!Grid::of(Price::ZERO, step).admits(Level { price: step_price(), quantity: step }));
    }

    fn step_price() -> Price {
        "1".parse().unwrap()
    }

    proptest! {
        #[test]
        fn a_quotient_is_that_of_division(
            divisor in prop_oneof![1..1_000_i64, (0..62_u32).prop_map(|bit| 1 << bit), 1..i64::MAX],
            quotient in 0..i64::MAX,
            other in any::<i64>(),
        ) {
            let divide = Divisor::by(divisor);
            let quotient = quotient / divisor;
            prop_assert_eq!(divide.quotient(quotient * divisor), Some(quotient));
            let expected = (other >= 0 && other % divisor == 0).then(|| other / divisor);
            prop_assert_eq!(divide.quotient(other), expected);
        }
    }
}
