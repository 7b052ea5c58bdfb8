//! What can be asked of the exchange: orders, stops, trades, the market.

use std::time::Duration;

use crate::book::{DepthSnapshot, Level, MarkPrice, PublicTrade};
use crate::domain::{
    FeeRates, Fill, Instrument, OrderId, Price, Quantity, Rejection, Side, Symbol, Timestamp,
    TradeId,
};

use super::accounts::AccountId;
use super::candles::{Candle, CandleQuery};
use super::events::ChildFills;
use super::exchange::Exchange;
use super::interval::Interval;
use super::listing::Listing;
use super::orders::{OrderName, OrderRecord};
use super::refusals;
use super::stops::{StopName, StopQuery, StopRecord};

const DAY: Duration = Duration::from_hours(24);

/// Which of an account's trades are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillQuery {
    /// From this trade on; with it the times are ignored.
    pub from_id: Option<TradeId>,
    /// Not before.
    pub since: Timestamp,
    /// Not after.
    pub until: Timestamp,
    /// Only of this order.
    pub order_id: Option<OrderId>,
    /// At most so many: the oldest with `from_id` or a `since`, else the newest.
    pub limit: usize,
}

impl Default for FillQuery {
    /// The newest 500.
    fn default() -> Self {
        let (since, until) = (Timestamp::default(), Timestamp::MAX);
        Self { from_id: None, since, until, order_id: None, limit: 500 }
    }
}

impl Exchange {
    /// Where an ordinary order stands.
    ///
    /// # Errors
    /// −2013 if it is unknown, −1121 for an unknown symbol.
    pub fn query(
        &self,
        account: AccountId,
        symbol: Symbol,
        name: OrderName,
    ) -> Result<OrderRecord, Rejection> {
        self.listed(symbol)?;
        self.orders.find(account, symbol, name).copied().ok_or_else(refusals::no_such_order)
    }

    /// Working orders of an account, oldest first; of every symbol if none is named.
    #[must_use]
    pub fn open_orders(&self, account: AccountId, symbol: Option<Symbol>) -> Vec<OrderRecord> {
        self.symbols()
            .filter(|listed| symbol.is_none_or(|symbol| symbol == *listed))
            .flat_map(|listed| self.orders.open(account, listed))
            .copied()
            .collect()
    }

    /// Orders known of an account in a symbol, working or not, from an id on, oldest first.
    #[must_use]
    pub fn all_orders(
        &self,
        account: AccountId,
        symbol: Symbol,
        from: OrderId,
        limit: usize,
    ) -> Vec<OrderRecord> {
        self.orders.all(account, symbol, from).take(limit).copied().collect()
    }

    /// Where a conditional order stands.
    ///
    /// # Errors
    /// −2013 if it is unknown.
    pub fn query_stop(&self, account: AccountId, name: StopName) -> Result<StopRecord, Rejection> {
        let found = self.stops.find(account, name).ok_or_else(refusals::no_such_order)?;
        Ok(self.with_child(found.clone()))
    }

    /// Conditional orders known of an account in a symbol, whatever became of them, oldest first.
    #[must_use]
    pub fn all_stops(
        &self,
        account: AccountId,
        symbol: Symbol,
        query: StopQuery,
    ) -> Vec<StopRecord> {
        let found = self.stops.all(account, symbol, query);
        found.into_iter().map(|stop| self.with_child(stop)).collect()
    }

    /// A stop with what its order has traded by now.
    fn with_child(&self, stop: StopRecord) -> StopRecord {
        match stop.report.child_order_id.and_then(|id| self.orders.get(id)) {
            Some(order) => StopRecord { child: ChildFills::of(order), ..stop },
            None => stop,
        }
    }

    /// Waiting conditional orders of an account, oldest first; of every symbol if none is named.
    #[must_use]
    pub fn open_stops(&self, account: AccountId, symbol: Option<Symbol>) -> Vec<StopRecord> {
        self.stops
            .open(account)
            .filter(|stop| symbol.is_none_or(|symbol| symbol == stop.report.symbol))
            .cloned()
            .collect()
    }

    /// An account's trades in a symbol, oldest first.
    #[must_use]
    pub fn fills(&self, account: AccountId, symbol: Symbol, query: &FillQuery) -> Vec<Fill> {
        let Some(found) = self.account(account) else { return Vec::new() };
        let wanted = |fill: &&Fill| {
            let in_time = (query.since..=query.until).contains(&fill.time);
            (query.from_id.is_some() || in_time)
                && query.order_id.is_none_or(|order| order == fill.order_id)
        };
        let from = query.from_id.unwrap_or_default();
        let fills = found.fills(symbol, from).filter(wanted).copied();
        if query.from_id.is_some() || query.since > Timestamp::default() {
            return fills.take(query.limit).collect();
        }
        let mut newest: Vec<Fill> = fills.rev().take(query.limit).collect();
        newest.reverse();
        newest
    }

    /// The fees an account pays.
    #[must_use]
    pub fn fee_rates(&self, account: AccountId) -> Option<FeeRates> {
        self.account(account).map(|found| found.fees)
    }

    /// The listed instruments, ordered by symbol.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.listings.iter().map(|listing| &listing.instrument)
    }

    /// The order book, up to `limit` levels a side; `None` for an unknown symbol.
    #[must_use]
    pub fn depth(&self, symbol: Symbol, limit: usize) -> Option<DepthSnapshot> {
        self.find(symbol).map(|at| self.listings[at].depth(limit))
    }

    /// The best bid and ask; `None` where a side is empty.
    #[must_use]
    pub fn best_prices(&self, symbol: Symbol) -> Option<(Level, Level)> {
        let listing = &self.listings[self.find(symbol)?];
        let best = |side| listing.source.best(side).map(|level| listing.grid.level(level));
        Some((best(Side::Buy)?, best(Side::Sell)?))
    }

    /// The newest mark price, if there has been one.
    #[must_use]
    pub fn mark_price(&self, symbol: Symbol) -> Option<MarkPrice> {
        let price = self.listings[self.find(symbol)?].mark.price()?;
        Some(MarkPrice { symbol, price, event_time: self.now })
    }

    /// The price of the last public trade, if there has been one.
    #[must_use]
    pub fn last_price(&self, symbol: Symbol) -> Option<Price> {
        self.listings[self.find(symbol)?].last_price
    }

    /// The newest public trades, oldest first; at most 1,000 are kept.
    #[must_use]
    pub fn recent_trades(&self, symbol: Symbol, limit: usize) -> Vec<PublicTrade> {
        let Some(at) = self.find(symbol) else { return Vec::new() };
        let trades = &self.listings[at].recent_trades;
        trades.iter().skip(trades.len().saturating_sub(limit)).copied().collect()
    }

    /// Candles of a symbol, oldest first; the last may not be over yet.
    #[must_use]
    pub fn candles(&self, symbol: Symbol, query: &CandleQuery) -> Vec<Candle> {
        let Some(at) = self.find(symbol) else { return Vec::new() };
        self.listings[at].candles.list(self.now, query)
    }

    /// The candle of a symbol that opened at a moment, if anything traded in it.
    #[must_use]
    pub fn candle(&self, symbol: Symbol, interval: Interval, open_ms: i64) -> Option<Candle> {
        self.listings[self.find(symbol)?].candles.at(interval, open_ms)
    }

    /// What has been traded in the last 24 hours, to the minute; `None` if nothing has.
    #[must_use]
    pub fn day(&self, symbol: Symbol) -> Option<Candle> {
        let from = self.now.earlier_by(DAY).millis();
        self.listings[self.find(symbol)?].candles.since(from)
    }

    /// What the accounts hold of a symbol on the side that holds more.
    #[must_use]
    pub fn open_interest(&self, symbol: Symbol) -> Quantity {
        let held = |side| {
            self.accounts
                .iter()
                .map(|account| account.position(symbol).exposure())
                .filter(|exposure| exposure.side() == Some(side))
                .fold(Quantity::ZERO, |sum, exposure| {
                    sum.checked_add(exposure.quantity()).unwrap_or(sum)
                })
        };
        held(Side::Buy).max(held(Side::Sell))
    }

    fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.listings.iter().map(Listing::symbol)
    }
}
