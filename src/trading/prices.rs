//! Where the orders of a cycle stand (design.md §3, steps 3 and 5): pure arithmetic on the grid.
//!
//! Every price errs toward safety: the take-profit toward the entry, the stop toward the entry.

use serde::{Deserialize, Serialize};

use super::settings::{EntryStyle, TradingSettings};
use crate::domain::{
    Amount, DecimalError, FeeRates, Filters, Price, Quantity, Rate, Rounding, Side, TimeInForce,
};

/// The best prices of a valid book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The best bid.
    pub best_bid: Price,
    /// The best ask.
    pub best_ask: Price,
}

impl Quote {
    /// The mid-price.
    #[must_use]
    pub fn mid_price(&self) -> Price {
        self.best_bid.midpoint(self.best_ask)
    }

    /// The spread as a fraction of the mid.
    #[must_use]
    pub fn relative_spread(&self) -> Rate {
        let mid = self.mid_price();
        let spread = self.best_ask.distance(self.best_bid);
        mid.checked_offset(spread.units()).map_or(Rate::ZERO, |above| above.relative_to(mid))
    }

    /// The best price of one side: where an order of that side joins the queue.
    #[must_use]
    pub const fn best(&self, side: Side) -> Price {
        match side {
            Side::Buy => self.best_bid,
            Side::Sell => self.best_ask,
        }
    }
}

/// Where an entry is placed, and for how long it may work.
///
/// # Errors
/// [`DecimalError`] where the price would leave the range.
pub fn entry(
    style: EntryStyle,
    side: Side,
    quote: Quote,
    tick_size: Price,
) -> Result<(Price, TimeInForce), DecimalError> {
    match style {
        EntryStyle::Join => {
            Ok((joining(side, quote.best(side), tick_size)?, TimeInForce::PostOnly))
        }
        EntryStyle::Improve => {
            let joining = joining(side, quote.best(side), tick_size)?;
            let improved = joining.checked_offset(tick_size.units() * side.sign())?;
            let has_room = improved > quote.best_bid && improved < quote.best_ask;
            Ok((if has_room { improved } else { joining }, TimeInForce::PostOnly))
        }
        EntryStyle::Cross => {
            let beyond = side.opposite();
            let price = joining(beyond, quote.best(beyond), tick_size)?;
            Ok((price, TimeInForce::GoodTilCanceled))
        }
    }
}

/// The price at which an order joins a side's best: that may be of an older, finer grid, and is
/// then joined from behind.
///
/// # Errors
/// [`DecimalError`] where the price would leave the range.
pub fn joining(side: Side, best: Price, tick_size: Price) -> Result<Price, DecimalError> {
    let away_from_the_other_side = match side {
        Side::Buy => Rounding::Down,
        Side::Sell => Rounding::Up,
    };
    best.round_to_tick(tick_size, away_from_the_other_side)
}

/// The fee of an entry of this style.
#[must_use]
pub const fn entry_fee(style: EntryStyle, fees: &FeeRates) -> Rate {
    match style {
        EntryStyle::Join | EntryStyle::Improve => fees.maker,
        EntryStyle::Cross => fees.taker,
    }
}

/// The nearest take-profit worth having: fees of both sides and one tick beyond the entry.
///
/// # Errors
/// [`DecimalError`] where the price would leave the range.
pub fn nearest_take_profit(
    entry_side: Side,
    entry_price: Price,
    fees: Rate,
    tick_size: Price,
) -> Result<Price, DecimalError> {
    let (fees, away) = match entry_side {
        Side::Buy => (fees, Rounding::Up),
        Side::Sell => (-fees, Rounding::Down),
    };
    let paid_for = entry_price.moved_by(fees)?.round_to_tick(tick_size, away)?;
    paid_for.checked_offset(tick_size.units() * entry_side.sign())
}

/// The take-profit: the predicted mid, rounded to the tick toward the entry, and not nearer than
/// [`nearest_take_profit`].
///
/// # Errors
/// [`DecimalError`] where the price would leave the range.
pub fn take_profit(
    entry_side: Side,
    predicted_mid: Price,
    nearest: Price,
    tick_size: Price,
) -> Result<Price, DecimalError> {
    Ok(match entry_side {
        Side::Buy => predicted_mid.round_to_tick(tick_size, Rounding::Down)?.max(nearest),
        Side::Sell => predicted_mid.round_to_tick(tick_size, Rounding::Up)?.min(nearest),
    })
}

/// What the venue's stop may lose before fees: the backstop behind the stop-loss procedure.
#[must_use]
pub fn backstop_loss(settings: &TradingSettings) -> Amount {
    settings.stop_loss.times(settings.venue_stop_multiple).unwrap_or(settings.stop_loss)
}

/// The trigger at which `quantity`, entered at `entry_price`, would lose `loss`; rounded to the
/// tick toward the entry, inside the price filter, never beyond `farthest`.
#[must_use]
pub fn stop_trigger(
    position_side: Side,
    entry_price: Price,
    quantity: Quantity,
    loss: Amount,
    (filters, farthest): (&Filters, Option<Price>),
) -> Price {
    let one = i128::from(crate::domain::decimal::UNITS_PER_ONE);
    let distance = i128::from(loss.units()) * one / i128::from(quantity.units().max(1));
    let distance = i64::try_from(distance).unwrap_or(i64::MAX);
    let lowest = filters.min_price.max(filters.tick_size);
    let highest = if filters.max_price.is_zero() { Price::MAX } else { filters.max_price };
    let (trigger, toward_entry) = match position_side {
        Side::Buy => {
            let trigger = entry_price.checked_offset(-distance).unwrap_or(Price::ZERO);
            (trigger.max(farthest.unwrap_or(Price::ZERO)), Rounding::Up)
        }
        Side::Sell => {
            let trigger = entry_price.checked_offset(distance).unwrap_or(Price::MAX);
            (trigger.min(farthest.unwrap_or(Price::MAX)), Rounding::Down)
        }
    };
    let rounded = trigger.round_to_tick(filters.tick_size, toward_entry);
    rounded.unwrap_or(trigger).clamp(lowest, highest)
}

/// Half way from the entry to liquidation: no stop may stand beyond it.
#[must_use]
pub fn half_way_to_liquidation(
    position_side: Side,
    entry_price: Price,
    liquidation_price: Option<Price>,
) -> Option<Price> {
    let liquidation = liquidation_price.filter(|price| !price.is_zero())?;
    let is_on_the_losing_side = match position_side {
        Side::Buy => liquidation < entry_price,
        Side::Sell => liquidation > entry_price,
    };
    is_on_the_losing_side.then(|| entry_price.midpoint(liquidation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn filters() -> Filters {
        Filters {
            tick_size: price("0.1"),
            step_size: "0.001".parse().unwrap(),
            min_price: price("100"),
            max_price: price("1000000"),
            min_quantity: "0.001".parse().unwrap(),
            max_quantity: "1000".parse().unwrap(),
            max_market_quantity: "120".parse().unwrap(),
            min_notional: "50".parse().unwrap(),
            multiplier_up: "1.05".parse().unwrap(),
            multiplier_down: "0.95".parse().unwrap(),
            max_open_orders: 200,
        }
    }

    #[test]
    fn on_a_grid_coarser_than_the_book_an_entry_joins_from_behind_or_crosses_beyond() {
        let quote = Quote { best_bid: price("60000.2"), best_ask: price("60000.3") };
        let placed = |style, side| entry(style, side, quote, price("0.5")).unwrap().0;
        for style in [EntryStyle::Join, EntryStyle::Improve] {
            assert_eq!(placed(style, Side::Buy), price("60000"));
            assert_eq!(placed(style, Side::Sell), price("60000.5"));
        }
        assert_eq!(placed(EntryStyle::Cross, Side::Buy), price("60000.5"));
        assert_eq!(placed(EntryStyle::Cross, Side::Sell), price("60000"));
    }

    #[test]
    fn an_entry_joins_improves_or_crosses() {
        let quote = Quote { best_bid: price("100"), best_ask: price("100.3") };
        let at = |style, side| entry(style, side, quote, price("0.1")).unwrap().0;
        assert_eq!(at(EntryStyle::Join, Side::Buy), price("100"));
        assert_eq!(at(EntryStyle::Join, Side::Sell), price("100.3"));
        assert_eq!(at(EntryStyle::Improve, Side::Buy), price("100.1"));
        assert_eq!(at(EntryStyle::Improve, Side::Sell), price("100.2"));
        assert_eq!(at(EntryStyle::Cross, Side::Buy), price("100.3"));
        let tight = Quote { best_bid: price("100"), best_ask: price("100.1") };
        let (improved, _) = entry(EntryStyle::Improve, Side::Buy, tight, price("0.1")).unwrap();
        assert_eq!(improved, price("100"), "no room to improve in a spread of one tick");
    }

    #[test]
    fn a_take_profit_is_never_nearer_than_fees_and_a_tick() {
        let fees = "0.0004".parse().unwrap();
        let tick = price("0.1");
        let nearest = nearest_take_profit(Side::Buy, price("60000"), fees, tick).unwrap();
        assert_eq!(nearest, price("60024.1"));
        let far = take_profit(Side::Buy, price("60040.17"), nearest, tick).unwrap();
        assert_eq!(far, price("60040.1"), "toward the entry");
        let near = take_profit(Side::Buy, price("60010"), nearest, tick).unwrap();
        assert_eq!(near, nearest);
        let short = nearest_take_profit(Side::Sell, price("60000"), fees, tick).unwrap();
        assert_eq!(short, price("59975.9"));
        assert_eq!(take_profit(Side::Sell, price("59950.11"), short, tick), Ok(price("59950.2")));
    }

    #[test]
    fn the_stop_stands_where_the_whole_entry_would_lose_the_backstop() {
        let (filters, quantity) = (filters(), "0.1".parse().unwrap());
        let loss = "15".parse().unwrap();
        let at = |side, farthest| {
            stop_trigger(side, price("60000"), quantity, loss, (&filters, farthest))
        };
        assert_eq!(at(Side::Buy, None), price("59850"));
        assert_eq!(at(Side::Sell, None), price("60150"));
        assert_eq!(at(Side::Buy, Some(price("59900.05"))), price("59900.1"), "half way binds");
        let half = half_way_to_liquidation(Side::Buy, price("60000"), Some(price("59800")));
        assert_eq!(half, Some(price("59900")));
        assert_eq!(half_way_to_liquidation(Side::Buy, price("60000"), Some(Price::ZERO)), None);
    }

    #[test]
    fn a_stop_never_leaves_the_price_filter() {
        let tiny = "0.001".parse().unwrap();
        let trigger =
            stop_trigger(Side::Buy, price("150"), tiny, "15".parse().unwrap(), (&filters(), None));
        assert_eq!(trigger, price("100"));
    }
}
