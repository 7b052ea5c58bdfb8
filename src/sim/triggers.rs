//! Conditional orders: placed, cancelled, and set off by the mark price or the last trade.
//!
//! A touched stop is TRIGGERING until its order reaches the matching engine, after the lag of
//! [`super::Rules`]; then TRIGGERED, and FINISHED once that order, which tells its own story, has
//! ended. If the order is refused, the stop ends REJECTED with the reason.

use crate::domain::{
    AlgoOrderId, OrderKind, OrderRequest, Price, Quantity, Rate, Rejection, Side, StopRequest,
    StopSize, StopStatus, Symbol, Timestamp,
};

use super::accounts::AccountId;
use super::alarms::Alarm;
use super::events::{ChildFills, ExchangeEvent, StopEvent};
use super::exchange::Exchange;
use super::orders::{NewOrder, OrderRecord};
use super::refusals;
use super::stops::{
    MAX_OPEN_STOPS, StopCondition, StopName, StopRecord, StopTerms, Touch, WorkingPrice, is_touched,
};

/// How far mark price and last trade may be apart for protected stops (`triggerProtect`, 5 %).
const TRIGGER_PROTECT_UNITS: i64 = 5_000_000;

impl Exchange {
    /// Places a conditional order. The trigger price of a trailing stop is its own business.
    ///
    /// # Errors
    /// [`Rejection`] with the venue's code: filters, −2021 if the condition holds already, −4045
    /// past 200 waiting stops, −4116 for a client id that waits already.
    pub fn place_stop(
        &mut self,
        now: Timestamp,
        account: AccountId,
        request: &StopRequest,
        terms: StopTerms,
    ) -> Result<StopRecord, Rejection> {
        self.advance(now);
        let at = self.listed(request.symbol)?;
        self.judge_status(at, true)?;
        self.judge_mode(account)?;
        self.judge_stop_filters(at, request, terms)?;
        self.judge_condition(at, request, terms)?;
        let mut waiting = 0;
        for stop in self.stops.open(account) {
            if stop.report.client_order_id == request.client_order_id {
                return Err(refusals::duplicate_client_id());
            }
            waiting += 1;
        }
        if waiting >= MAX_OPEN_STOPS {
            return Err(refusals::max_stops());
        }
        let stop = self.stops.accept(self.now, account, request, terms);
        if let Some(date) = terms.order.good_till {
            self.alarms.set(date, Alarm::StopDate(stop.report.algo_order_id));
        }
        self.push_stop(&stop);
        self.trigger(at, terms.working_price);
        Ok(stop)
    }

    /// Cancels a waiting stop; the answer is its last state.
    ///
    /// # Errors
    /// −2011 if it is unknown or waits no more, −4117 while it is triggering.
    pub fn cancel_stop(
        &mut self,
        now: Timestamp,
        account: AccountId,
        name: StopName,
    ) -> Result<StopRecord, Rejection> {
        self.advance(now);
        let found = self.stops.find(account, name).ok_or_else(refusals::unknown_order)?;
        if found.report.status == StopStatus::Triggering {
            return Err(refusals::stop_triggering());
        }
        let id = found.report.algo_order_id;
        self.end_waiting(id, StopStatus::Canceled).ok_or_else(refusals::unknown_order)
    }

    /// Cancels every waiting stop of an account in a symbol; the answer is how many.
    ///
    /// # Errors
    /// −1121 for an unknown symbol.
    pub fn cancel_all_stops(
        &mut self,
        now: Timestamp,
        account: AccountId,
        symbol: Symbol,
    ) -> Result<usize, Rejection> {
        self.advance(now);
        self.listed(symbol)?;
        Ok(self.cancel_waiting(account, symbol))
    }

    /// Cancels every waiting stop of an account in a symbol; the answer is how many.
    pub(super) fn cancel_waiting(&mut self, account: AccountId, symbol: Symbol) -> usize {
        let open: Vec<AlgoOrderId> = self
            .stops
            .open(account)
            .filter(|stop| stop.report.symbol == symbol)
            .map(|stop| stop.report.algo_order_id)
            .collect();
        for id in &open {
            self.end_waiting(*id, StopStatus::Canceled);
        }
        open.len()
    }

    /// Ends a stop whose date has come before its trigger.
    pub(super) fn end_stop_at_date(&mut self, id: AlgoOrderId) {
        self.end_waiting(id, StopStatus::Expired);
    }

    /// Which side of a symbol an account holds.
    pub(super) fn held_side(&self, account: AccountId, symbol: Symbol) -> Option<Side> {
        self.account(account)?.position(symbol).exposure().side()
    }

    /// Ends the waiting stops that live while a position does, once the one held before is no more.
    pub(super) fn end_with_position(
        &mut self,
        account: AccountId,
        symbol: Symbol,
        held_before: Option<Side>,
    ) {
        if held_before.is_none() || held_before == self.held_side(account, symbol) {
            return;
        }
        let is_over =
            |stop: &&StopRecord| stop.report.symbol == symbol && stop.terms.ends_with_position;
        let over: Vec<AlgoOrderId> = self
            .stops
            .open(account)
            .filter(is_over)
            .map(|stop| stop.report.algo_order_id)
            .collect();
        for id in over {
            self.end_waiting(id, StopStatus::Expired);
        }
    }

    /// Sets off every stop of a symbol that the newest price of this kind touches, oldest first.
    pub(super) fn trigger(&mut self, at: usize, kind: WorkingPrice) {
        if let Some(touch) = self.touch(at, kind) {
            for activated in self.stops.follow(&touch) {
                self.push_stop(&activated);
            }
        }
        while let Some(touch) = self.touch(at, kind)
            && let Some(id) = self.stops.next_touched(&touch)
        {
            self.set_off(id);
        }
    }

    /// Lets a triggered stop's order reach the matching engine.
    pub(super) fn fire(&mut self, id: AlgoOrderId) {
        let Some(mut stop) = self.stops.take_underway(id) else { return };
        let Some(at) = self.find(stop.report.symbol) else { return };
        let accepted = if self.trigger_refusals.takes_one() {
            Err(refusals::reduce_only())
        } else {
            self.accept_stop_order(at, &stop)
        };
        match accepted {
            Ok((order, room)) => {
                stop.report.child_order_id = Some(order.report.order_id);
                self.advance_stop(&mut stop, StopStatus::Triggered);
                self.stops.keep_underway(stop);
                self.work(at, order, room);
                self.trigger(at, WorkingPrice::Contract);
            }
            Err(refusal) => {
                stop.report.reason = Some(refusal.reason);
                self.advance_stop(&mut stop, StopStatus::Rejected);
                self.stops.file(stop);
            }
        }
    }

    /// Finishes a stop: the order that it became has ended.
    pub(super) fn finish_stop(&mut self, id: AlgoOrderId, order: &OrderRecord) {
        let Some(mut stop) = self.stops.take_underway(id) else { return };
        stop.child = ChildFills::of(order);
        self.advance_stop(&mut stop, StopStatus::Finished);
        self.stops.file(stop);
    }

    fn set_off(&mut self, id: AlgoOrderId) {
        let Some(mut stop) = self.stops.take(id) else { return };
        self.forget_date(&stop);
        stop.triggered_at = Some(self.now);
        self.advance_stop(&mut stop, StopStatus::Triggering);
        self.stops.keep_underway(stop);
        let lag = self.rules.trigger_lag;
        if lag.is_zero() {
            self.fire(id);
        } else {
            self.alarms.set(self.now + lag, Alarm::Trigger(id));
        }
    }

    fn end_waiting(&mut self, id: AlgoOrderId, status: StopStatus) -> Option<StopRecord> {
        let mut stop = self.stops.take(id)?;
        self.forget_date(&stop);
        self.advance_stop(&mut stop, status);
        self.stops.file(stop.clone());
        Some(stop)
    }

    fn forget_date(&mut self, stop: &StopRecord) {
        if let Some(date) = stop.terms.order.good_till {
            self.alarms.clear(date, Alarm::StopDate(stop.report.algo_order_id));
        }
    }

    fn accept_stop_order(
        &mut self,
        at: usize,
        stop: &StopRecord,
    ) -> Result<(OrderRecord, Quantity), Rejection> {
        let (report, terms) = (&stop.report, &stop.terms);
        let position = self.account(stop.account).map(|found| found.position(report.symbol));
        let reducible = position.unwrap_or_default().reducible(report.side);
        let (quantity, reduce_only) = match report.size {
            StopSize::Quantity(quantity) => (quantity, terms.reduce_only),
            StopSize::ClosePosition => (reducible, true),
        };
        let kind = match (terms.becomes, terms.order.price_match) {
            (OrderKind::Limit { time_in_force, .. }, Some(price_match)) => {
                let price = self.matched_price(report.symbol, report.side, price_match)?;
                OrderKind::Limit { price, time_in_force }
            }
            (kind @ (OrderKind::Limit { .. } | OrderKind::Market), _) => kind,
        };
        let request = OrderRequest {
            client_order_id: report.client_order_id,
            symbol: report.symbol,
            side: report.side,
            quantity,
            kind,
            reduce_only,
        };
        let new = NewOrder {
            account: stop.account,
            request: &request,
            terms: terms.order,
            stop: Some(report.algo_order_id),
        };
        self.accept_child(at, new)
    }

    fn advance_stop(&mut self, stop: &mut StopRecord, status: StopStatus) {
        stop.report.status = status;
        stop.report.update_time = self.now;
        self.push_stop(stop);
    }

    fn push_stop(&mut self, stop: &StopRecord) {
        let (time, account, stop) = (self.now, stop.account, stop.clone());
        self.events.push(ExchangeEvent::Stop(StopEvent { time, account, stop }));
    }

    fn judge_stop_filters(
        &self,
        at: usize,
        request: &StopRequest,
        terms: StopTerms,
    ) -> Result<(), Rejection> {
        let filters = &self.listings[at].instrument.filters;
        let named = match terms.condition {
            StopCondition::StopLoss | StopCondition::TakeProfit => Some(request.trigger_price),
            StopCondition::Trailing { activation, .. } => activation,
        };
        // A matched price is known only once the stop has triggered.
        let limit = terms.becomes.price().filter(|_| terms.order.price_match.is_none());
        let judge = || {
            for price in [named, limit].into_iter().flatten() {
                filters.check_price(price)?;
            }
            match request.size {
                StopSize::Quantity(quantity) => {
                    filters.check_quantity(quantity, terms.becomes == OrderKind::Market)
                }
                StopSize::ClosePosition => Ok(()),
            }
        };
        judge().map_err(|broken| refusals::of_filter(&broken))
    }

    /// A stop whose condition holds already, or a trailing one that would wake at once, is refused.
    fn judge_condition(
        &self,
        at: usize,
        request: &StopRequest,
        terms: StopTerms,
    ) -> Result<(), Rejection> {
        let Some(price) = self.working_price(at, terms.working_price) else { return Ok(()) };
        let (side, condition) = (request.side, terms.condition);
        let holds = match condition {
            StopCondition::StopLoss | StopCondition::TakeProfit => {
                is_touched(condition, side, request.trigger_price, price)
            }
            StopCondition::Trailing { activation, .. } => activation.is_some_and(|activation| {
                is_touched(StopCondition::TakeProfit, side, activation, price)
            }),
        };
        if holds { Err(refusals::would_trigger()) } else { Ok(()) }
    }

    fn touch(&self, at: usize, working_price: WorkingPrice) -> Option<Touch> {
        let price = self.working_price(at, working_price)?;
        let symbol = self.listings[at].symbol();
        Some(Touch { symbol, working_price, price, is_calm: self.is_calm(at) })
    }

    fn is_calm(&self, at: usize) -> bool {
        let listing = &self.listings[at];
        let prices = listing.mark.price().zip(listing.last_price);
        let protect = Rate::from_units(TRIGGER_PROTECT_UNITS).unwrap_or_default();
        prices.is_none_or(|(mark, last)| last.relative_to(mark).abs() <= protect)
    }

    fn working_price(&self, at: usize, kind: WorkingPrice) -> Option<Price> {
        match kind {
            WorkingPrice::Mark => self.listings[at].mark.price(),
            WorkingPrice::Contract => self.listings[at].last_price,
        }
    }
}
