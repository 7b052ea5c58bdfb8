//! The ledger of one symbol: exposure, average entry price, realised profit and fees, from fills.
//!
//! Does not look at orders or at what the venue calls our position: reconciliation compares.
//!
//! Invariants: **1** a trade id is booked once; **2** the position is a function of the *set* of
//! fills, whatever order they came in, also where the venue begins to number anew; **3** profit is before fees, and over a round trip equals
//! proceeds less cost exactly.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Amount, Asset, ClientOrderId, Exposure, Fill, OrderId, Price, Quantity, Side, Symbol,
    Timestamp, TradeId,
};

/// Fills kept one by one: enough for whatever may still arrive late or twice.
const RECENT_FILLS: usize = 512;

/// A venue whose numbering begins anew lets its clock go on: a lower number so much later is no late
/// fill.
const NUMBERING_MARGIN: Duration = Duration::from_secs(1);

/// The newest trade of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTrade {
    /// Its number.
    pub trade_id: TradeId,
    /// When it happened at the venue.
    pub time: Timestamp,
}

impl LastTrade {
    /// Whether the venue has begun to number its trades anew, as a testnet does that is reset: this
    /// fill happened later and has no higher number.
    #[must_use]
    pub fn is_outlived_by(&self, fill: &Fill) -> bool {
        fill.trade_id <= self.trade_id && fill.time > self.time + NUMBERING_MARGIN
    }
}

/// What a run of fills adds up to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Sum {
    exposure: Exposure,
    /// What the position held has cost; `None` while an earlier run's price is not known yet.
    cost: Option<Amount>,
    realized: Amount,
    fees: BTreeMap<Asset, Amount>,
    maker_notional: Amount,
    taker_notional: Amount,
    round_trips: u64,
}

/// The ledger of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    symbol: Symbol,
    /// Everything up to and including this trade is in `base` and cannot be booked again.
    base_trade_id: Option<TradeId>,
    base: Sum,
    recent: BTreeMap<TradeId, Fill>,
    /// `base` and `recent` together.
    sum: Sum,
    /// The trade with the highest number since numbering began.
    newest: Option<LastTrade>,
    /// What happened up to then is in `base`, whatever its number: a position was taken over, or
    /// numbering began anew after it.
    settled_until: Option<Timestamp>,
    /// The newest trade that an account report has confirmed: none before it is missing.
    confirmed: Option<TradeId>,
    booked: u64,
}

impl Position {
    /// The ledger where earlier runs left it: their last trade, and what their fills add up to.
    #[must_use]
    pub fn carried_over(symbol: Symbol, newest: Option<LastTrade>, exposure: Exposure) -> Self {
        let cost = exposure.is_zero().then_some(Amount::ZERO);
        let last_trade = newest.map(|last| last.trade_id);
        let base = Sum { exposure, cost, ..Sum::default() };
        Self {
            symbol,
            base_trade_id: last_trade,
            sum: base.clone(),
            base,
            recent: BTreeMap::new(),
            newest,
            settled_until: None,
            confirmed: last_trade,
            booked: 0,
        }
    }

    /// Books a fill; `false` if it was booked before.
    pub fn book(&mut self, fill: &Fill) -> bool {
        debug_assert_eq!(fill.symbol, self.symbol, "a ledger is of one symbol");
        if self.settled_until.is_some_and(|until| fill.time <= until) {
            return false;
        }
        if self.newest.is_some_and(|newest| newest.is_outlived_by(fill)) {
            self.begin_anew();
        }
        let is_known = self.recent.contains_key(&fill.trade_id)
            || self.base_trade_id.is_some_and(|base| fill.trade_id <= base);
        if is_known {
            return false;
        }
        let is_newest = self.recent.last_key_value().is_none_or(|(id, _)| *id < fill.trade_id);
        if self.newest.is_none_or(|newest| newest.trade_id < fill.trade_id) {
            self.newest = Some(LastTrade { trade_id: fill.trade_id, time: fill.time });
        }
        self.recent.insert(fill.trade_id, *fill);
        self.booked += 1;
        if is_newest {
            self.sum.add(fill);
        } else {
            self.recompute();
        }
        self.compact();
        true
    }

    /// Takes note that an account report's fills, now booked, reach up to this trade.
    pub fn confirm(&mut self, trade_id: TradeId) {
        self.confirmed = self.confirmed.max(Some(trade_id));
    }

    /// Makes the ledger say what the venue says, where they differ for good.
    ///
    /// The difference is no profit: what is held from here on costs `entry_price`. What happened up
    /// to the moment at which the venue was asked is in it, and fills are asked for by their time, for
    /// the account may have been reset.
    pub fn take_over(&mut self, exposure: Exposure, entry_price: Price, asked_at: Timestamp) {
        self.adopt(exposure, entry_price);
        self.settled_until = Some(asked_at);
        self.confirmed = None;
    }

    /// Learns the price of what an earlier run left, or takes a position as it is.
    pub fn adopt(&mut self, exposure: Exposure, entry_price: Price) {
        self.base_trade_id = self.last_trade();
        self.recent.clear();
        self.sum.exposure = exposure;
        self.sum.cost = Some(notional(entry_price, exposure.quantity()));
        self.base = self.sum.clone();
    }

    /// The newest trade booked, by this run or an earlier one.
    #[must_use]
    pub fn last_trade(&self) -> Option<TradeId> {
        self.recent.last_key_value().map(|(id, _)| *id).max(self.base_trade_id)
    }

    /// After this trade the account is to be asked for fills.
    #[must_use]
    pub const fn fills_after(&self) -> Option<TradeId> {
        self.confirmed
    }

    /// How much is held, and on which side.
    #[must_use]
    pub const fn exposure(&self) -> Exposure {
        self.sum.exposure
    }

    /// The average price paid for what is held; `None` when flat or when it is not known.
    #[must_use]
    pub fn entry_price(&self) -> Option<Price> {
        let quantity = self.sum.exposure.quantity();
        let cost = self.sum.cost.filter(|cost| !quantity.is_zero() && !cost.is_zero())?;
        let one = i128::from(crate::domain::decimal::UNITS_PER_ONE);
        let units = i128::from(cost.units()) * one / i128::from(quantity.units());
        i64::try_from(units).ok().and_then(|units| Price::from_units(units).ok())
    }

    /// Profit realised, before fees.
    #[must_use]
    pub const fn realized(&self) -> Amount {
        self.sum.realized
    }

    /// Fees paid in assets other than the one that prices the symbol.
    #[must_use]
    pub fn other_fees(&self) -> BTreeMap<Asset, Amount> {
        let is_other = |(asset, _): &(&Asset, &Amount)| !is_priced_in(self.symbol, **asset);
        self.sum.fees.iter().filter(is_other).map(|(asset, fee)| (*asset, *fee)).collect()
    }

    /// Fees paid in the asset that prices the symbol.
    #[must_use]
    pub fn quote_fees(&self) -> Amount {
        let is_quote = |asset: &Asset| is_priced_in(self.symbol, *asset);
        self.sum.fees.iter().filter(|(asset, _)| is_quote(asset)).map(|(_, fee)| *fee).sum()
    }

    /// Notional of fills whose order rested, and of fills whose order took.
    #[must_use]
    pub const fn notionals(&self) -> (Amount, Amount) {
        (self.sum.maker_notional, self.sum.taker_notional)
    }

    /// Positions opened and closed again.
    #[must_use]
    pub const fn round_trips(&self) -> u64 {
        self.sum.round_trips
    }

    /// Trades booked by this run.
    #[must_use]
    pub const fn booked(&self) -> u64 {
        self.booked
    }

    /// How much of one order is booked, by whichever name its fills carry.
    #[must_use]
    pub fn booked_of(&self, client: ClientOrderId, order: Option<OrderId>) -> Quantity {
        let is_of_order = |fill: &&Fill| {
            fill.client_order_id == Some(client) || order.is_some_and(|id| id == fill.order_id)
        };
        let fills = self.recent.values().filter(is_of_order);
        fills.fold(Quantity::ZERO, |sum, fill| sum.checked_add(fill.quantity).unwrap_or(sum))
    }

    /// The venue numbers its trades from the first again: what was booked stands, and says nothing of
    /// the numbers to come.
    fn begin_anew(&mut self) {
        self.settled_until = self.settled_until.max(self.newest.map(|newest| newest.time));
        self.base = self.sum.clone();
        self.recent.clear();
        (self.base_trade_id, self.newest, self.confirmed) = (None, None, None);
    }

    fn recompute(&mut self) {
        self.sum = self.base.clone();
        for fill in self.recent.values() {
            self.sum.add(fill);
        }
    }

    /// Folds the oldest fills into the base, confirmed ones only: others may have elder brothers
    /// that are still on their way.
    fn compact(&mut self) {
        while self.recent.len() > RECENT_FILLS {
            let Some((trade_id, fill)) = self.recent.first_key_value() else { return };
            if self.confirmed < Some(*trade_id) {
                return;
            }
            self.base.add(fill);
            self.base_trade_id = Some(*trade_id);
            self.recent.pop_first();
        }
    }
}

impl Sum {
    fn add(&mut self, fill: &Fill) {
        let traded = notional(fill.price, fill.quantity);
        let fees = self.fees.entry(fill.commission_asset).or_default();
        *fees = fees.saturating_add(fill.commission);
        let turnover =
            if fill.is_maker { &mut self.maker_notional } else { &mut self.taker_notional };
        *turnover = turnover.saturating_add(traded);
        let held = self.exposure.quantity();
        match self.exposure.side() {
            Some(side) if side != fill.side => {
                let closed = held.min(fill.quantity);
                self.realized = self.realized.saturating_add(self.profit_of(side, closed, fill));
                let opened = fill.quantity.saturating_sub(closed);
                self.round_trips += u64::from(closed == held);
                self.cost = if closed == held {
                    Some(notional(fill.price, opened))
                } else {
                    self.cost.map(|cost| cost.saturating_add(-share(cost, closed, held)))
                };
            }
            Some(_) | None => self.cost = self.cost.map(|cost| cost.saturating_add(traded)),
        }
        let exposure = self.exposure.checked_add(fill.quantity.on(fill.side));
        assert!(exposure.is_ok(), "a position beyond 92 billion base units is not a position");
        self.exposure = exposure.unwrap_or(self.exposure);
    }

    /// What closing this much of the position by a fill brings, before fees. Where the cost is an
    /// earlier run's and not known, the venue's own figure stands in.
    fn profit_of(&self, side: Side, closed: Quantity, fill: &Fill) -> Amount {
        let Some(cost) = self.cost else { return fill.realized_pnl };
        let cost = share(cost, closed, self.exposure.quantity());
        let proceeds = notional(fill.price, closed);
        match side {
            Side::Buy => proceeds.saturating_add(-cost),
            Side::Sell => cost.saturating_add(-proceeds),
        }
    }
}

/// Whether an asset is the one a symbol is priced in: `USDT` of `BTCUSDT`.
#[must_use]
pub fn is_priced_in(symbol: Symbol, asset: Asset) -> bool {
    symbol.as_str().ends_with(asset.as_str())
}

fn notional(price: Price, quantity: Quantity) -> Amount {
    Amount::notional(price, quantity)
        .unwrap_or_else(|_| Amount::from_units(i64::MAX).unwrap_or_default())
}

/// The share `part / whole` of an amount, rounded toward zero to 1e-8.
fn share(amount: Amount, part: Quantity, whole: Quantity) -> Amount {
    if part >= whole {
        return amount;
    }
    let units = i128::from(amount.units()) * i128::from(part.units()) / i128::from(whole.units());
    Amount::from_units(i64::try_from(units).unwrap_or(i64::MAX)).unwrap_or_default()
}
