//! One-way position: entry price, realised and unrealised profit.
//!
//! Invariants: **1** the exposure is the signed sum of the fills applied; **2** over a round trip the
//! realised profits add up to what was received less what was paid, to the last 1e-8: the cost is
//! kept, not the rounded entry price.

use crate::domain::decimal::UNITS_PER_ONE;
use crate::domain::{Amount, Exposure, Price, Quantity, Side, Timestamp};

/// What an account holds in one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    exposure: Exposure,
    /// What the open quantity was paid for (long) or sold for (short); never negative.
    cost: Amount,
    /// Fees paid for opening it.
    fees: Amount,
    realized: Amount,
    updated_at: Timestamp,
}

impl Position {
    /// The signed quantity held.
    #[must_use]
    pub const fn exposure(&self) -> Exposure {
        self.exposure
    }

    /// Profit realised so far, before fees.
    #[must_use]
    pub const fn realized(&self) -> Amount {
        self.realized
    }

    /// When a fill last changed it.
    #[must_use]
    pub const fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// The average price paid for what is held; zero when flat.
    #[must_use]
    pub fn entry_price(&self) -> Price {
        let held = i128::from(self.exposure.quantity().units());
        if held == 0 {
            return Price::ZERO;
        }
        let units = (i128::from(self.cost.units()) * i128::from(UNITS_PER_ONE) + held / 2) / held;
        i64::try_from(units)
            .ok()
            .and_then(|units| Price::from_units(units).ok())
            .unwrap_or_default()
    }

    /// The price at which closing would give back what was paid, opening fees included; zero when
    /// flat.
    #[must_use]
    pub fn break_even_price(&self) -> Price {
        let held = i128::from(self.exposure.quantity().units());
        let per_unit =
            (i128::from(self.fees.units()) * i128::from(UNITS_PER_ONE)).checked_div(held);
        let offset = i64::try_from(per_unit.unwrap_or_default()).unwrap_or_default();
        let sign = self.exposure.side().map_or(0, Side::sign);
        self.entry_price().checked_offset(sign * offset).unwrap_or_default()
    }

    /// What the open quantity was paid for (long) or sold for (short).
    pub(super) const fn cost(&self) -> Amount {
        self.cost
    }

    /// Adds to the fees paid for opening it.
    pub(super) const fn charge(&mut self, fee: Amount) {
        self.fees = self.fees.saturating_add(fee);
    }

    /// Profit not yet realised at a mark price.
    #[must_use]
    pub fn unrealized(&self, mark_price: Price) -> Amount {
        let value = notional(mark_price, self.exposure.quantity());
        match self.exposure.side() {
            Some(Side::Buy) => value.saturating_add(-self.cost),
            Some(Side::Sell) => self.cost.saturating_add(-value),
            None => Amount::ZERO,
        }
    }

    /// How much of an order on `side` would only make the position smaller.
    #[must_use]
    pub fn reducible(&self, side: Side) -> Quantity {
        match self.exposure.side() {
            Some(held) if held != side => self.exposure.quantity(),
            Some(_) | None => Quantity::ZERO,
        }
    }

    /// Books one fill and returns the profit it realised, before fees.
    pub fn apply(
        &mut self,
        side: Side,
        price: Price,
        quantity: Quantity,
        now: Timestamp,
    ) -> Amount {
        let closing = quantity.min(self.reducible(side));
        let opening = quantity.saturating_sub(closing);
        let (whole, part) = (notional(price, quantity), notional(price, closing));
        let released = share(self.cost, closing, self.exposure.quantity());
        let realized = match side {
            Side::Sell => part.saturating_add(-released),
            Side::Buy => released.saturating_add(-part),
        };
        self.cost = self.cost.saturating_add(-released);
        let fees = share(self.fees, closing, self.exposure.quantity());
        self.fees = self.fees.saturating_add(-fees);
        if !opening.is_zero() {
            self.cost = self.cost.saturating_add(whole.saturating_add(-part));
        }
        self.exposure = self.exposure.checked_add(quantity.on(side)).unwrap_or(self.exposure);
        self.realized = self.realized.saturating_add(realized);
        self.updated_at = now;
        realized
    }
}

/// Price × quantity; the filters keep it far from the range's end, where it would be held.
pub(super) fn notional(price: Price, quantity: Quantity) -> Amount {
    Amount::notional(price, quantity)
        .unwrap_or_else(|_| Amount::from_units(i64::MAX).unwrap_or_default())
}

/// The share of an amount that belongs to `part` of `whole`: all of it for the whole.
pub(super) fn share(amount: Amount, part: Quantity, whole: Quantity) -> Amount {
    if part == whole {
        return amount;
    }
    let units =
        i128::from(amount.units()) * i128::from(part.units()) / i128::from(whole.units()).max(1);
    i64::try_from(units).ok().and_then(|units| Amount::from_units(units).ok()).unwrap_or(amount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    fn apply(position: &mut Position, side: Side, at: &str, much: &str) -> String {
        position.apply(side, price(at), quantity(much), Timestamp::default()).to_string()
    }

    #[test]
    fn a_flip_realizes_the_old_side_and_opens_the_new_one_at_its_own_price() {
        let mut position = Position::default();
        assert_eq!(apply(&mut position, Side::Buy, "100", "1"), "0");
        assert_eq!(apply(&mut position, Side::Buy, "110", "1"), "0");
        assert_eq!(position.entry_price(), price("105"));
        assert_eq!(position.unrealized(price("106")).to_string(), "2");
        assert_eq!(apply(&mut position, Side::Sell, "115", "1"), "10");
        assert_eq!(apply(&mut position, Side::Sell, "95", "3"), "-10");
        assert_eq!(position.exposure().to_string(), "-2");
        assert_eq!(position.entry_price(), price("95"));
        assert_eq!(position.unrealized(price("90")).to_string(), "10");
        assert_eq!(position.reducible(Side::Buy), quantity("2"));
        assert_eq!(position.reducible(Side::Sell), Quantity::ZERO);
        assert_eq!(apply(&mut position, Side::Buy, "96", "2"), "-2");
        assert_eq!(position.entry_price(), Price::ZERO);
    }

    proptest! {
        #[test]
        fn invariant_2_profit_of_a_round_trip_is_cash_received_less_cash_paid(
            fills in prop::collection::vec((any::<bool>(), 1..1_000_000_i64, 1..5_000_i64), 1..60),
        ) {
            let mut position = Position::default();
            let (mut cash, mut sum) = (Amount::ZERO, Exposure::ZERO);
            let mut book = |side: Side, at: Price, much: Quantity| {
                position.apply(side, at, much, Timestamp::default());
                let value = Amount::notional(at, much).unwrap();
                cash = cash.saturating_add(if side == Side::Buy { -value } else { value });
                sum = sum.checked_add(much.on(side)).unwrap();
                prop_assert_eq!(position.exposure(), sum);
                Ok(sum)
            };
            let mut last = Exposure::ZERO;
            for (is_buy, ticks, steps) in fills {
                let side = if is_buy { Side::Buy } else { Side::Sell };
                let at = Price::from_units(ticks * 10_000_000).unwrap();
                last = book(side, at, Quantity::from_units(steps * 100_000).unwrap())?;
            }
            if let Some(held) = last.side() {
                book(held.opposite(), price("50000"), last.quantity())?;
            }
            prop_assert_eq!(position.realized(), cash);
            prop_assert_eq!(position.exposure(), Exposure::ZERO);
        }
    }
}
