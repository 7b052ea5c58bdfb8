//! How orders come in and go: judged, matched, rested, cancelled.
//!
//! The order of judgement is the venue's: symbol, filters, client id, open orders, reduce-only,
//! margin, then what only the book can tell (post-only, fill-or-kill). A refused order leaves no
//! trace; an accepted one is NEW before anything else happens to it.

use crate::domain::decimal::UNITS_PER_ONE;
use crate::domain::{
    Amount, FilterViolation, OrderId, OrderKind, OrderRequest, OrderStatus, Price, Quantity, Rate,
    Rejection, Rounding, Side, Symbol, TimeInForce, Timestamp,
};

use super::accounts::{AccountId, initial_margin};
use super::alarms::Alarm;
use super::events::{ExchangeEvent, Execution, ExpiryReason, OrderEvent};
use super::exchange::Exchange;
use super::matching::{Incoming, Owner};
use super::orders::{NewOrder, OrderName, OrderRecord, Orders};
use super::refusals;
use super::stops::WorkingPrice;
use super::terms::OrderTerms;

impl Exchange {
    /// Places an ordinary order on the usual terms; see [`Exchange::place_on`].
    ///
    /// # Errors
    /// [`Rejection`] with the venue's code (exchange-api.md 7.1); nothing has happened then.
    pub fn place(
        &mut self,
        now: Timestamp,
        account: AccountId,
        request: &OrderRequest,
    ) -> Result<OrderRecord, Rejection> {
        self.place_on(now, account, request, OrderTerms::default())
    }

    /// Places an ordinary order on terms of its own; the answer is its state once the book has
    /// dealt with it.
    ///
    /// # Errors
    /// [`Rejection`] with the venue's code (exchange-api.md 7.1); nothing has happened then.
    pub fn place_on(
        &mut self,
        now: Timestamp,
        account: AccountId,
        request: &OrderRequest,
        terms: OrderTerms,
    ) -> Result<OrderRecord, Rejection> {
        self.advance(now);
        let (at, room) = self.judge(account, request)?;
        let new = NewOrder { account, request, terms, stop: None };
        let order = self.accept(new);
        let order = self.work(at, order, room);
        if !order.report.filled_quantity.is_zero() {
            self.trigger(at, WorkingPrice::Contract);
        }
        Ok(self.orders.get(order.report.order_id).copied().unwrap_or(order))
    }

    /// Judges an order as [`Exchange::place_on`] would, without placing it; the answer is the order
    /// as it would be accepted, with the id zero.
    ///
    /// # Errors
    /// The [`Rejection`] that placing it now would bring.
    pub fn test_order(
        &mut self,
        now: Timestamp,
        account: AccountId,
        request: &OrderRequest,
        terms: OrderTerms,
    ) -> Result<OrderRecord, Rejection> {
        self.advance(now);
        self.judge(account, request)?;
        Ok(Orders::draft(self.now, NewOrder { account, request, terms, stop: None }))
    }

    /// Cancels a working order; the answer is its last state.
    ///
    /// # Errors
    /// −2011 if it is unknown or works no more, −1121 for an unknown symbol.
    pub fn cancel(
        &mut self,
        now: Timestamp,
        account: AccountId,
        symbol: Symbol,
        name: OrderName,
    ) -> Result<OrderRecord, Rejection> {
        self.advance(now);
        let at = self.listed(symbol)?;
        let working = self.orders.find_working(account, symbol, name);
        let order = *working.ok_or_else(refusals::unknown_order)?;
        Ok(self.end(at, order, OrderStatus::Canceled, ExpiryReason::None))
    }

    /// Cancels every working order of an account in a symbol; the answer is how many.
    ///
    /// # Errors
    /// −1121 for an unknown symbol.
    pub fn cancel_all(
        &mut self,
        now: Timestamp,
        account: AccountId,
        symbol: Symbol,
    ) -> Result<usize, Rejection> {
        self.advance(now);
        let at = self.listed(symbol)?;
        Ok(self.cancel_working(at, account))
    }

    /// Cancels every working order of an account in a listing; the answer is how many.
    pub(super) fn cancel_working(&mut self, at: usize, account: AccountId) -> usize {
        let symbol = self.listings[at].symbol();
        let open: Vec<OrderRecord> = self.orders.open(account, symbol).copied().collect();
        for order in &open {
            self.end(at, *order, OrderStatus::Canceled, ExpiryReason::None);
        }
        open.len()
    }

    /// Tells of an accepted order, matches it, rests or ends what is left; its state after that.
    pub(super) fn work(&mut self, at: usize, order: OrderRecord, room: Quantity) -> OrderRecord {
        self.push_order(&order, Execution::New, ExpiryReason::None);
        self.enter(at, order, room)
    }

    /// Matches an order, rests or ends what is left, and returns its state after that.
    pub(super) fn enter(
        &mut self,
        at: usize,
        mut order: OrderRecord,
        room: Quantity,
    ) -> OrderRecord {
        if room < order.remaining {
            order.remaining = room;
            self.orders.update(order);
        }
        let (grid, id) = (self.listings[at].grid, order.report.order_id);
        let incoming = Incoming {
            key: order.key(),
            owner: Owner::Account(order.account),
            side: order.report.side,
            limit: self.worst_price(at, &order).map(|price| grid.ticks(price)),
            lots: grid.lots(order.remaining),
        };
        let before_own = self.prevent_self_trade(at, &incoming, &order);
        let reach = Incoming { lots: before_own.unwrap_or(incoming.lots), ..incoming };
        let mut matches = Vec::new();
        let left = self.listings[at].source.take(&reach, &mut matches);
        self.settle(at, &matches);
        let mut order = self.orders.get(id).copied().unwrap_or(order);
        if order.report.status.is_terminal() {
            // Wholly filled.
        } else if before_own.is_some() {
            order = self.end_at_own(at, order);
        } else {
            let lots = left.min(grid.lots(order.remaining));
            order = self.after_match(at, order, Incoming { lots, ..incoming });
        }
        self.enforce_reduce_only(at, order.account);
        self.orders.get(id).copied().unwrap_or(order)
    }

    /// Rests what a patient order has left; ends what an impatient one has.
    fn after_match(&mut self, at: usize, order: OrderRecord, rest: Incoming) -> OrderRecord {
        let report = &order.report;
        let unfilled = report.quantity.saturating_sub(report.filled_quantity);
        let is_clipped = order.remaining < unfilled;
        match order.kind {
            OrderKind::Limit {
                time_in_force: TimeInForce::GoodTilCanceled | TimeInForce::PostOnly,
                ..
            } if rest.lots > 0 => {
                self.listings[at].source.rest(self.now, rest);
                self.after_book_change(at);
                order
            }
            OrderKind::Limit { .. } | OrderKind::Market if is_clipped && rest.lots == 0 => {
                self.end(at, order, OrderStatus::Expired, ExpiryReason::ReduceOnly)
            }
            OrderKind::Limit { .. } => {
                self.end(at, order, OrderStatus::Expired, ExpiryReason::ImmediateRemainder)
            }
            OrderKind::Market => {
                self.end(at, order, OrderStatus::Expired, ExpiryReason::MarketRemainder)
            }
        }
    }

    pub(super) fn push_order(
        &mut self,
        order: &OrderRecord,
        execution: Execution,
        expiry: ExpiryReason,
    ) {
        let (time, account) = (self.now, order.account);
        let order = *order;
        let event = OrderEvent { time, account, execution, order, fill: None, expiry };
        self.events.push(ExchangeEvent::Order(event));
    }

    /// Everything that can refuse an order, in the venue's order; how much of it may fill.
    fn judge(
        &self,
        account: AccountId,
        request: &OrderRequest,
    ) -> Result<(usize, Quantity), Rejection> {
        let at = self.listed(request.symbol)?;
        self.judge_status(at, request.reduce_only)?;
        self.judge_mode(account)?;
        self.judge_filters(at, request)?;
        self.judge_identity(account, at, request)?;
        let room = self.judge_room(account, at, request)?;
        self.judge_book(account, at, request)?;
        Ok((at, room))
    }

    fn judge_filters(&self, at: usize, request: &OrderRequest) -> Result<(), Rejection> {
        let listing = &self.listings[at];
        let (filters, reference) = (&listing.instrument.filters, listing.reference_price());
        let is_market = request.kind.price().is_none();
        let judge = || {
            if let Some(price) = request.kind.price() {
                filters.check_price(price)?;
            }
            filters.check_quantity(request.quantity, is_market)?;
            self.judge_distance(at, request)?;
            match request.kind.price().or(reference) {
                Some(price) if !request.reduce_only => {
                    filters.check_notional(price, request.quantity)
                }
                Some(_) | None => Ok(()),
            }
        };
        judge().map_err(|violation| refusals::of_filter(&violation))
    }

    /// A limit too far from the mark price is refused, also once a stop has become it.
    fn judge_distance(&self, at: usize, request: &OrderRequest) -> Result<(), FilterViolation> {
        let listing = &self.listings[at];
        match request.kind.price().zip(listing.reference_price()) {
            Some((price, mark)) => {
                listing.instrument.filters.check_percent_price(request.side, price, mark)
            }
            None => Ok(()),
        }
    }

    fn judge_identity(
        &self,
        account: AccountId,
        at: usize,
        request: &OrderRequest,
    ) -> Result<(), Rejection> {
        let limit = self.listings[at].instrument.filters.max_open_orders;
        let mut open = 0_u32;
        for order in self.orders.open(account, request.symbol) {
            if order.report.client_order_id == request.client_order_id {
                return Err(refusals::duplicate_client_id());
            }
            open += 1;
        }
        if open >= limit && limit > 0 { Err(refusals::max_open_orders()) } else { Ok(()) }
    }

    /// How much of the order may fill: all, or what a reduce-only order finds to reduce.
    pub(super) fn judge_room(
        &self,
        account: AccountId,
        at: usize,
        request: &OrderRequest,
    ) -> Result<Quantity, Rejection> {
        if !request.reduce_only {
            self.judge_bracket(account, at, request)?;
            self.judge_margin(account, at, request)?;
            return Ok(request.quantity);
        }
        self.reducible_room(account, request, None)
    }

    /// What a reduce-only order finds to reduce, one of the account's own orders left aside.
    pub(super) fn reducible_room(
        &self,
        account: AccountId,
        request: &OrderRequest,
        aside: Option<OrderId>,
    ) -> Result<Quantity, Rejection> {
        let position = self.account(account).map(|found| found.position(request.symbol));
        let reducible = position.unwrap_or_default().reducible(request.side);
        let sign = request.side.sign();
        let is_before = |order: &OrderRecord| {
            let price = order.report.price.unwrap_or_default().units();
            order.report.side == request.side
                && Some(order.report.order_id) != aside
                && request.kind.price().is_some_and(|limit| sign * price >= sign * limit.units())
        };
        let room = self
            .orders
            .open(account, request.symbol)
            .filter(|order| is_before(order))
            .fold(reducible, |room, order| room.saturating_sub(order.remaining));
        // A fill-or-kill order that reduce-only would clip could not fill wholly.
        let least = if is_fill_or_kill(request) { request.quantity } else { Quantity::ZERO };
        if room.is_zero() || room < least {
            return Err(refusals::reduce_only());
        }
        Ok(room.min(request.quantity))
    }

    fn judge_margin(
        &self,
        account: AccountId,
        at: usize,
        request: &OrderRequest,
    ) -> Result<(), Rejection> {
        let (listing, symbol) = (&self.listings[at], request.symbol);
        let Some(found) = self.account(account) else {
            return Err(refusals::margin_insufficient());
        };
        let Some(mark) = listing.reference_price().or_else(|| request.kind.price()) else {
            return Ok(());
        };
        let exposure = found.position(symbol).exposure();
        let open = |side| self.orders.open_quantity(account, symbol, side);
        let (buys, sells) = (open(Side::Buy), open(Side::Sell));
        let with = |open: Quantity, side| {
            let added = if request.side == side { request.quantity } else { Quantity::ZERO };
            open.checked_add(added).unwrap_or(open)
        };
        let margin = |orders| initial_margin(exposure, orders, mark, found.leverage(symbol));
        let before = margin((buys, sells));
        let after = margin((with(buys, Side::Buy), with(sells, Side::Sell)));
        let required = after.saturating_add(-before);
        if required > Amount::ZERO && required > self.free_margin(account) {
            return Err(refusals::margin_insufficient());
        }
        Ok(())
    }

    /// What only the book can tell: post-only would take, fill-or-kill cannot fill.
    fn judge_book(
        &self,
        account: AccountId,
        at: usize,
        request: &OrderRequest,
    ) -> Result<(), Rejection> {
        let listing = &self.listings[at];
        match request.kind {
            OrderKind::Limit { price, time_in_force } => {
                let limit = listing.grid.ticks(price);
                let (side, lots) = (request.side, listing.grid.lots(request.quantity));
                match time_in_force {
                    TimeInForce::PostOnly if listing.source.would_take(side, limit) => {
                        Err(refusals::would_take())
                    }
                    TimeInForce::FillOrKill
                        if listing.source.takeable(side, limit)
                            - self.own_lots(account, at, (side, limit))
                            < lots =>
                    {
                        Err(refusals::cannot_fill())
                    }
                    TimeInForce::GoodTilCanceled
                    | TimeInForce::ImmediateOrCancel
                    | TimeInForce::FillOrKill
                    | TimeInForce::PostOnly => Ok(()),
                }
            }
            OrderKind::Market => {
                let best = listing.best(request.side.opposite());
                let bound = self.market_bound(at, request.side);
                match best.zip(bound) {
                    Some((best, bound))
                        if request.side.sign() * (bound.units() - best.units()) < 0 =>
                    {
                        Err(refusals::market_out_of_bound())
                    }
                    Some(_) | None => Ok(()),
                }
            }
        }
    }

    /// The worst price at which an order may trade: its limit, or the bound around the mark.
    fn worst_price(&self, at: usize, order: &OrderRecord) -> Option<Price> {
        order.kind.price().or_else(|| self.market_bound(at, order.report.side))
    }

    /// How far from the mark price a market order may go (`PERCENT_PRICE`).
    fn market_bound(&self, at: usize, side: Side) -> Option<Price> {
        let listing = &self.listings[at];
        let filters = &listing.instrument.filters;
        let minus_one = Rate::from_units(-UNITS_PER_ONE).ok()?;
        let (multiplier, rounding) = match side {
            Side::Buy => (filters.multiplier_up, Rounding::Down),
            Side::Sell => (filters.multiplier_down, Rounding::Up),
        };
        let bound = listing.mark.price()?.moved_by(multiplier.saturating_add(minus_one)).ok()?;
        bound.round_to_tick(filters.tick_size, rounding).ok()
    }

    /// Accepts the order a stop becomes, with how much of it may fill.
    pub(super) fn accept_child(
        &mut self,
        at: usize,
        new: NewOrder<'_>,
    ) -> Result<(OrderRecord, Quantity), Rejection> {
        let room = self.judge_room(new.account, at, new.request)?;
        self.judge_distance(at, new.request).map_err(|broken| refusals::of_filter(&broken))?;
        self.judge_book(new.account, at, new.request)?;
        Ok((self.accept(new), room))
    }

    fn accept(&mut self, new: NewOrder<'_>) -> OrderRecord {
        let order = self.orders.accept(self.now, new);
        if let Some(date) = new.terms.good_till {
            self.alarms.set(date, Alarm::OrderDate(order.report.order_id));
        }
        order
    }
}

const fn is_fill_or_kill(request: &OrderRequest) -> bool {
    match request.kind {
        OrderKind::Limit { time_in_force, .. } => {
            matches!(time_in_force, TimeInForce::FillOrKill)
        }
        OrderKind::Market => false,
    }
}
