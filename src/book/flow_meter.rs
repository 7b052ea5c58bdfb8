//! Adds up what happens within one second: changes of the best prices, and trades.
//!
//! Invariant: a change is counted only between two proven books; nothing is counted across a
//! resynchronisation.

use crate::domain::{Amount, Exposure, Price, Quantity};

use super::frame::{Flow, TradeFlow};
use super::snapshot::Level;
use super::update::PublicTrade;

/// The best bid and the best ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Best {
    pub(super) bid: Level,
    pub(super) ask: Level,
}

/// The flow of the second under way.
#[derive(Debug, Clone, Default)]
pub(super) struct FlowMeter {
    flow: Flow,
    tick_size: Price,
}

impl Best {
    pub(super) fn mid_price(&self) -> Price {
        self.bid.price.midpoint(self.ask.price)
    }
}

impl FlowMeter {
    pub(super) fn new(tick_size: Price) -> Self {
        Self { flow: Flow::default(), tick_size }
    }

    /// Ends the second; the next one begins at `best`.
    pub(super) fn cut(&mut self, best: Option<Best>) -> Flow {
        let flow = std::mem::take(&mut self.flow);
        self.see_mid(best);
        flow
    }

    /// The book was replaced: its mid counts, the way to it does not.
    pub(super) fn on_replaced(&mut self, best: Option<Best>) {
        self.see_mid(best);
    }

    /// One update was applied.
    pub(super) fn on_update(&mut self, before: Option<Best>, after: Option<Best>) {
        self.flow.updates = self.flow.updates.saturating_add(1);
        let (Some(before), Some(after)) = (before, after) else {
            return self.see_mid(after);
        };
        if before == after {
            return;
        }
        let sum =
            |best: &Best| i128::from(best.bid.price.units()) + i128::from(best.ask.price.units());
        let change = (sum(&after) - sum(&before)) / i128::from(self.tick_size.units().max(1));
        let squared = u64::try_from(change.saturating_mul(change)).unwrap_or(u64::MAX);
        self.flow.squared_mid_changes = self.flow.squared_mid_changes.saturating_add(squared);
        let total = self.flow.order_flow_imbalance.units();
        let total = total.saturating_add(order_flow_imbalance(&before, &after));
        self.flow.order_flow_imbalance = Exposure::from_units(total).unwrap_or_default();
        self.see_mid(Some(after));
    }

    /// One trade of the order book.
    pub(super) fn on_trade(&mut self, trade: &PublicTrade) {
        let trades: &mut TradeFlow = &mut self.flow.trades;
        trades.count = trades.count.saturating_add(1);
        let volume = if trade.buyer_is_maker {
            let lowest = trades.lowest_sell.map_or(trade.price, |held| held.min(trade.price));
            trades.lowest_sell = Some(lowest);
            &mut trades.sell_volume
        } else {
            let highest = trades.highest_buy.map_or(trade.price, |held| held.max(trade.price));
            trades.highest_buy = Some(highest);
            &mut trades.buy_volume
        };
        *volume = volume.checked_add(trade.quantity).unwrap_or(*volume);
        let notional = Amount::notional(trade.price, trade.quantity);
        let largest = Amount::from_units(i64::MAX).unwrap_or_default();
        trades.notional = trades.notional.saturating_add(notional.unwrap_or(largest));
    }

    fn see_mid(&mut self, best: Option<Best>) {
        let Some(mid) = best.map(|best| best.mid_price()) else { return };
        let Flow { mid_high, mid_low, .. } = &mut self.flow;
        *mid_high = Some(mid_high.map_or(mid, |held| held.max(mid)));
        *mid_low = Some(mid_low.map_or(mid, |held| held.min(mid)));
    }
}

/// Event order flow imbalance at the best level, in 1e-8 base asset.
///
/// # Source
/// Cont, Kukanov & Stoikov (2014), *J. Financial Econometrics* 12(1), 47–88, equation 4.
fn order_flow_imbalance(before: &Best, after: &Best) -> i64 {
    let units = |quantity: Quantity, counts: bool| if counts { quantity.units() } else { 0 };
    let (bid, held_bid) = (after.bid, before.bid);
    let (ask, held_ask) = (after.ask, before.ask);
    let bid_flow = units(bid.quantity, bid.price >= held_bid.price)
        - units(held_bid.quantity, bid.price <= held_bid.price);
    let ask_flow = units(ask.quantity, ask.price <= held_ask.price)
        - units(held_ask.quantity, ask.price >= held_ask.price);
    bid_flow.saturating_sub(ask_flow)
}
