//! Changing a working order: price and quantity at once, for the loss of its place in the queue.
//!
//! A change that breaks a filter, or that the account cannot carry, leaves the order as it was. One
//! that leaves nothing to fill, or that would make a post-only order take, cancels it
//! (exchange-api.md 4.3).

use std::collections::VecDeque;

use crate::domain::{
    ClientOrderId, OrderId, OrderKind, OrderRequest, OrderStatus, Price, Quantity, Rejection, Side,
    Symbol, TimeInForce, Timestamp,
};

use super::accounts::AccountId;
use super::events::{Execution, ExpiryReason};
use super::exchange::Exchange;
use super::orders::{OrderName, OrderRecord};
use super::refusals;
use super::stops::WorkingPrice;
use super::terms::PriceMatch;

/// Changes of one order, at most one less.
const MOST_AMENDMENTS: u32 = 10_000;

/// Changes kept for queries, over all accounts: about 10 MB.
const AMENDMENTS_KEPT: usize = 50_000;

/// What a working order is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amendment {
    /// The side of the order, which cannot change.
    pub side: Side,
    /// The new limit price.
    pub price: Price,
    /// The new whole quantity, what is filled included.
    pub quantity: Quantity,
    /// Where in the book the price was taken from, if its sender named none.
    pub price_match: Option<PriceMatch>,
    /// The owner's name for the change.
    pub modify_id: Option<u64>,
}

/// One change that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmendmentRecord {
    /// The exchange's name for it; rises.
    pub id: u64,
    /// Of which order.
    pub order_id: OrderId,
    /// That order's client id.
    pub client_order_id: ClientOrderId,
    /// In which symbol.
    pub symbol: Symbol,
    /// When.
    pub time: Timestamp,
    /// The limit price before and after.
    pub price: (Price, Price),
    /// The whole quantity before and after.
    pub quantity: (Quantity, Quantity),
    /// Which change of the order it was, from one.
    pub count: u32,
    /// The owner's name for it.
    pub modify_id: Option<u64>,
}

/// The newest changes.
#[derive(Debug, Default)]
pub(super) struct Amendments {
    made: u64,
    kept: VecDeque<AmendmentRecord>,
}

impl Amendments {
    fn keep(&mut self, record: AmendmentRecord) {
        self.made += 1;
        self.kept.push_back(AmendmentRecord { id: self.made, ..record });
        if self.kept.len() > AMENDMENTS_KEPT {
            self.kept.pop_front();
        }
    }
}

impl Exchange {
    /// Changes a working limit order; the answer is its state once the book has dealt with it.
    ///
    /// # Errors
    /// [`Rejection`] with the venue's code: −2013 if it works no more, −5025 if it is no limit
    /// order, −5026 past 10,000 changes, −5027 if nothing changes, a filter's, −2019, −2022. The
    /// order is unchanged then.
    pub fn amend(
        &mut self,
        now: Timestamp,
        account: AccountId,
        (symbol, name): (Symbol, OrderName),
        change: &Amendment,
    ) -> Result<OrderRecord, Rejection> {
        self.advance(now);
        let at = self.listed(symbol)?;
        let working = self.orders.find_working(account, symbol, name);
        let order = *working.ok_or_else(refusals::no_such_order)?;
        let time_in_force = self.judge_amendment(at, &order, change)?;
        let would_take = {
            let listing = &self.listings[at];
            listing.source.would_take(change.side, listing.grid.ticks(change.price))
        };
        let is_spent = change.quantity <= order.report.filled_quantity;
        if is_spent || (time_in_force == TimeInForce::PostOnly && would_take) {
            return Ok(self.end(at, order, OrderStatus::Canceled, ExpiryReason::None));
        }
        let room = self.judge_amended_room(at, &order, change)?;
        let order = self.change(at, order, change, time_in_force);
        let filled = order.report.filled_quantity;
        let order = self.enter(at, order, room);
        if order.report.filled_quantity > filled {
            self.trigger(at, WorkingPrice::Contract);
        }
        Ok(self.orders.get(order.report.order_id).copied().unwrap_or(order))
    }

    /// The changes kept of an order, newest first.
    ///
    /// # Errors
    /// −2013 if the order is unknown, −1121 for an unknown symbol.
    pub fn amendments(
        &self,
        account: AccountId,
        symbol: Symbol,
        name: OrderName,
    ) -> Result<Vec<AmendmentRecord>, Rejection> {
        let id = self.query(account, symbol, name)?.report.order_id;
        let kept = self.amendments.kept.iter().rev();
        Ok(kept.filter(|record| record.order_id == id).copied().collect())
    }

    /// What refuses a change whatever the account's means; else the order's time in force.
    fn judge_amendment(
        &self,
        at: usize,
        order: &OrderRecord,
        change: &Amendment,
    ) -> Result<TimeInForce, Rejection> {
        let OrderKind::Limit { price, time_in_force } = order.kind else {
            return Err(refusals::only_limit());
        };
        if change.side != order.report.side {
            return Err(refusals::other_side());
        }
        if order.amended + 1 >= MOST_AMENDMENTS {
            return Err(refusals::too_many_amendments());
        }
        if (change.price, change.quantity) == (price, order.report.quantity) {
            return Err(refusals::no_change());
        }
        let listing = &self.listings[at];
        let filters = &listing.instrument.filters;
        let judge = || {
            filters.check_price(change.price)?;
            filters.check_quantity(change.quantity, false)?;
            if let Some(mark) = listing.reference_price() {
                filters.check_percent_price(change.side, change.price, mark)?;
            }
            if order.report.reduce_only {
                return Ok(());
            }
            filters.check_notional(change.price, change.quantity)
        };
        judge().map_err(|broken| refusals::of_amended_filter(&broken))?;
        Ok(time_in_force)
    }

    /// How much of the changed order may fill, as if the order had not been there before.
    fn judge_amended_room(
        &self,
        at: usize,
        order: &OrderRecord,
        change: &Amendment,
    ) -> Result<Quantity, Rejection> {
        let report = &order.report;
        let open = change.quantity.saturating_sub(report.filled_quantity);
        let time_in_force = TimeInForce::GoodTilCanceled;
        let request = OrderRequest {
            client_order_id: report.client_order_id,
            symbol: report.symbol,
            side: report.side,
            quantity: open,
            kind: OrderKind::Limit { price: change.price, time_in_force },
            reduce_only: report.reduce_only,
        };
        if report.reduce_only {
            return self.reducible_room(order.account, &request, Some(report.order_id));
        }
        // Margin is bound at the mark price: only a larger order needs more of it.
        let added = open.saturating_sub(order.remaining);
        if !added.is_zero() {
            let added = OrderRequest { quantity: added, ..request };
            self.judge_room(order.account, at, &added)?;
        }
        Ok(open)
    }

    /// Takes the order out of the book, changes it and tells of it.
    fn change(
        &mut self,
        at: usize,
        mut order: OrderRecord,
        change: &Amendment,
        time_in_force: TimeInForce,
    ) -> OrderRecord {
        self.listings[at].source.cancel(order.key());
        let report = &mut order.report;
        let before = (report.price.unwrap_or_default(), report.quantity);
        report.price = Some(change.price);
        report.quantity = change.quantity;
        report.update_time = self.now;
        order.remaining = change.quantity.saturating_sub(report.filled_quantity);
        order.kind = OrderKind::Limit { price: change.price, time_in_force };
        order.terms.price_match = change.price_match;
        order.amended += 1;
        order.modify_id = change.modify_id;
        order.entered = self.orders.next_entry();
        self.orders.update(order);
        self.amendments.keep(AmendmentRecord {
            id: 0,
            order_id: order.report.order_id,
            client_order_id: order.report.client_order_id,
            symbol: order.report.symbol,
            time: self.now,
            price: (before.0, change.price),
            quantity: (before.1, change.quantity),
            count: order.amended,
            modify_id: change.modify_id,
        });
        self.push_order(&order, Execution::Amended, ExpiryReason::None);
        order
    }
}
