//! Conditional orders: placed, cancelled, and set off by the mark price or the last trade.
//!
//! A touched stop goes through TRIGGERING, TRIGGERED and FINISHED within one moment; the order it
//! becomes tells its own story in between. If that order is refused, the stop ends REJECTED with
//! the reason.

use crate::domain::{
    OrderKind, OrderRequest, Quantity, Rejection, StopRequest, StopSize, StopStatus, Symbol,
    Timestamp,
};

use super::accounts::AccountId;
use super::events::{ChildFills, ExchangeEvent, StopEvent};
use super::exchange::Exchange;
use super::orders::OrderRecord;
use super::refusals;
use super::stops::{MAX_OPEN_STOPS, StopName, StopRecord, StopTerms, WorkingPrice, is_touched};

impl Exchange {
    /// Places a conditional market order.
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
        let filters = &self.listings[at].instrument.filters;
        filters
            .check_price(request.trigger_price)
            .map_err(|broken| refusals::of_filter(&broken))?;
        if let StopSize::Quantity(quantity) = request.size {
            filters
                .check_quantity(quantity, true)
                .map_err(|broken| refusals::of_filter(&broken))?;
        }
        let price = self.working_price(at, terms.working_price);
        if price.is_some_and(|price| is_touched(request.side, request.trigger_price, price)) {
            return Err(refusals::would_trigger());
        }
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
        self.push_stop(&stop);
        Ok(stop)
    }

    /// Cancels a waiting stop; the answer is its last state.
    ///
    /// # Errors
    /// −2011 if it is unknown or waits no more.
    pub fn cancel_stop(
        &mut self,
        now: Timestamp,
        account: AccountId,
        name: StopName,
    ) -> Result<StopRecord, Rejection> {
        self.advance(now);
        let found = self
            .stops
            .find(account, name)
            .filter(|stop| stop.report.status == StopStatus::New)
            .map(|stop| stop.report.algo_order_id)
            .ok_or_else(refusals::unknown_order)?;
        let mut stop = self.stops.take(found).ok_or_else(refusals::unknown_order)?;
        self.advance_stop(&mut stop, StopStatus::Canceled);
        self.stops.file(stop.clone());
        Ok(stop)
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
        let open: Vec<StopName> = self
            .stops
            .open(account)
            .filter(|stop| stop.report.symbol == symbol)
            .map(|stop| StopName::Id(stop.report.algo_order_id))
            .collect();
        for name in &open {
            self.cancel_stop(now, account, *name)?;
        }
        Ok(open.len())
    }

    /// Sets off every stop of a symbol that the newest price of this kind touches, oldest first.
    pub(super) fn trigger(&mut self, at: usize, kind: WorkingPrice) {
        let symbol = self.listings[at].symbol();
        while let Some(price) = self.working_price(at, kind)
            && let Some(id) = self.stops.next_touched(symbol, kind, price)
            && let Some(stop) = self.stops.take(id)
        {
            self.set_off(at, stop);
        }
    }

    fn set_off(&mut self, at: usize, mut stop: StopRecord) {
        stop.triggered_at = Some(self.now);
        self.advance_stop(&mut stop, StopStatus::Triggering);
        match self.place_stop_order(at, &stop) {
            Ok((order, room)) => {
                stop.report.child_order_id = Some(order.report.order_id);
                self.advance_stop(&mut stop, StopStatus::Triggered);
                let order = self.work(at, order, room);
                stop.child = ChildFills {
                    average_price: order.report.average_price.unwrap_or_default(),
                    filled_quantity: order.report.filled_quantity,
                };
                self.advance_stop(&mut stop, StopStatus::Finished);
            }
            Err(refusal) => {
                stop.report.reason = Some(refusal.reason);
                self.advance_stop(&mut stop, StopStatus::Rejected);
            }
        }
        self.stops.file(stop);
    }

    fn place_stop_order(
        &mut self,
        at: usize,
        stop: &StopRecord,
    ) -> Result<(OrderRecord, Quantity), Rejection> {
        let report = &stop.report;
        let position = self.account(stop.account).map(|found| found.position(report.symbol));
        let reducible = position.unwrap_or_default().reducible(report.side);
        let (quantity, reduce_only) = match report.size {
            StopSize::Quantity(quantity) => (quantity, stop.terms.reduce_only),
            StopSize::ClosePosition => (reducible, true),
        };
        let request = OrderRequest {
            client_order_id: report.client_order_id,
            symbol: report.symbol,
            side: report.side,
            quantity,
            kind: OrderKind::Market,
            reduce_only,
        };
        self.place_child(at, stop.account, &request, report.algo_order_id)
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

    fn working_price(&self, at: usize, kind: WorkingPrice) -> Option<crate::domain::Price> {
        match kind {
            WorkingPrice::Mark => self.listings[at].mark.price(),
            WorkingPrice::Contract => self.listings[at].last_price,
        }
    }
}
