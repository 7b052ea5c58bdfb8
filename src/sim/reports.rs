//! What can be asked of the exchange: orders, stops, trades, positions, money, the market.

use crate::book::{DepthSnapshot, Level, MarkPrice, PublicTrade};
use crate::domain::{
    Amount, BalanceReport, FeeRates, Fill, Instrument, OrderId, PositionReport, Price, Rejection,
    Side, Symbol, Timestamp, TradeId,
};

use super::accounts::{AccountId, initial_margin, liquidation_price, quote_asset};
use super::exchange::Exchange;
use super::listing::Listing;
use super::orders::{OrderName, OrderRecord};
use super::refusals;
use super::stops::{StopName, StopRecord};

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
        self.stops.find(account, name).cloned().ok_or_else(refusals::no_such_order)
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

    /// The position of an account in a symbol; a flat one is zero.
    ///
    /// # Errors
    /// −1121 for an unknown symbol.
    pub fn position(
        &self,
        account: AccountId,
        symbol: Symbol,
    ) -> Result<PositionReport, Rejection> {
        let at = self.listed(symbol)?;
        let Some(found) = self.account(account) else { return Err(refusals::bad_symbol()) };
        let position = found.position(symbol);
        let mark_price = self.listings[at].reference_price().unwrap_or_default();
        let unrealized_pnl = position.unrealized(mark_price);
        let others = self.equity(account).saturating_add(-unrealized_pnl);
        Ok(PositionReport {
            symbol,
            exposure: position.exposure(),
            entry_price: position.entry_price(),
            mark_price,
            unrealized_pnl,
            liquidation_price: liquidation_price(&position, others),
            update_time: position.updated_at(),
        })
    }

    /// The positions of an account in every listed symbol, flat ones included, ordered by symbol.
    #[must_use]
    pub fn positions(&self, account: AccountId) -> Vec<PositionReport> {
        self.symbols().filter_map(|symbol| self.position(account, symbol).ok()).collect()
    }

    /// The balance of an account.
    #[must_use]
    pub fn balance(&self, account: AccountId) -> BalanceReport {
        BalanceReport {
            asset: quote_asset(),
            wallet_balance: self.account(account).map(|found| found.wallet).unwrap_or_default(),
            available_balance: self.free_margin(account).max(Amount::ZERO),
        }
    }

    /// The initial margin that an account's positions and orders in a symbol bind.
    #[must_use]
    pub fn bound_margin(&self, account: AccountId, symbol: Symbol) -> Amount {
        let Some((at, found)) = self.find(symbol).zip(self.account(account)) else {
            return Amount::ZERO;
        };
        let open = |side| self.orders.open_quantity(account, symbol, side);
        let exposure = found.position(symbol).exposure();
        let mark = self.listings[at].reference_price().unwrap_or_default();
        initial_margin(exposure, (open(Side::Buy), open(Side::Sell)), mark, found.leverage(symbol))
    }

    /// The fees an account pays.
    #[must_use]
    pub fn fee_rates(&self, account: AccountId) -> Option<FeeRates> {
        self.account(account).map(|found| found.fees)
    }

    /// The leverage of an account in a symbol.
    #[must_use]
    pub fn leverage(&self, account: AccountId, symbol: Symbol) -> Option<u32> {
        self.account(account).map(|found| found.leverage(symbol))
    }

    /// Sets the leverage of an account in a symbol.
    ///
    /// # Errors
    /// −4028 outside 1 to 125, −1121 for an unknown symbol.
    pub fn set_leverage(
        &mut self,
        account: AccountId,
        symbol: Symbol,
        leverage: u32,
    ) -> Result<(), Rejection> {
        self.listed(symbol)?;
        match self.account_mut(account) {
            Some(found) if (1..=125).contains(&leverage) => {
                found.set_leverage(symbol, leverage);
                Ok(())
            }
            Some(_) | None => Err(refusals::bad_leverage()),
        }
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

    /// Wallet and unrealised profit together.
    pub(super) fn equity(&self, account: AccountId) -> Amount {
        let Some(found) = self.account(account) else { return Amount::ZERO };
        let unrealized: Amount = found
            .positions()
            .filter(|(_, position)| position.exposure().side().is_some())
            .filter_map(|(symbol, position)| {
                let mark = self.listings[self.find(symbol)?].reference_price()?;
                Some(position.unrealized(mark))
            })
            .sum();
        found.wallet.saturating_add(unrealized)
    }

    /// Equity less the margin bound; negative when the account is over its means.
    pub(super) fn free_margin(&self, account: AccountId) -> Amount {
        let bound: Amount = self.symbols().map(|symbol| self.bound_margin(account, symbol)).sum();
        self.equity(account).saturating_add(-bound)
    }

    fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.listings.iter().map(Listing::symbol)
    }
}
