//! What the outside tells of one instrument: market, orders, fills, stops, position.
//!
//! News only changes what is known; what follows from it is decided in [`Cycle::advance`].

use crate::book::Row;
use crate::domain::{
    ClientOrderId, Failure, Fill, OrderReport, PositionReport, Second, StopReport, Timestamp,
};
use crate::engine::Severity;
use crate::trading::RiskLimits;
use crate::trading::order::{OrderEvent, Purpose};
use crate::trading::protection::{Stop, StopEnding, StopEvent, StopState};
use crate::trading::stop_loss::StopLossEvent;

use super::hold::TAKE_PROFIT_RETRY;
use super::{Cycle, Desk};

/// How the venue names orders of its own making: liquidation and auto-deleveraging.
const VENUE_MADE: [&str; 2] = ["autoclose-", "adl_autoclose"];

impl Cycle {
    /// A second of the market.
    pub(in crate::engine) fn observe(&mut self, second: Second, row: &Row, limits: &RiskLimits) {
        self.market.observe(second, row, limits);
    }

    /// Whether an ordinary order of this name is ours here.
    pub(in crate::engine) fn knows_order(&self, id: ClientOrderId) -> bool {
        self.blotter.find(id).is_some()
    }

    /// Whether a stop of this name is ours here.
    pub(in crate::engine) fn knows_stop(&self, id: ClientOrderId) -> bool {
        self.protection.find(id).is_some()
    }

    /// Where an order stands, and who told; of one we do not know the next account report tells.
    pub(in crate::engine) fn on_order_report(
        &mut self,
        desk: &mut Desk<'_>,
        told: OrderEvent<'_>,
        report: &OrderReport,
    ) {
        let id = report.client_order_id;
        self.notice_rival(desk, id);
        // A fill without our name may have come before the report that tells the venue's name.
        let booked = self.position.booked_of(id, Some(report.order_id));
        for event in [OrderEvent::Booked(booked), told] {
            let action = self.blotter.handle(desk.now, id, event);
            self.send_order_action(desk, id, action);
        }
    }

    /// Any other news of an order.
    pub(in crate::engine) fn on_order_event(
        &mut self,
        desk: &mut Desk<'_>,
        id: ClientOrderId,
        event: OrderEvent<'_>,
    ) {
        let order = self.blotter.find(id);
        let is_take_profit = order.is_some_and(|order| order.purpose == Purpose::TakeProfit);
        if let (OrderEvent::PlaceFailed(failure), true) = (event, is_take_profit) {
            self.take_profit_retry_at = Some(retry_moment(desk.now, failure));
        }
        let action = self.blotter.handle(desk.now, id, event);
        self.send_order_action(desk, id, action);
    }

    /// News of a stop.
    pub(in crate::engine) fn on_stop_event(
        &mut self,
        desk: &mut Desk<'_>,
        id: ClientOrderId,
        event: StopEvent<'_>,
    ) {
        let protected = self.protection.find(id).is_some_and(Stop::protects);
        if let Some(action) = self.protection.handle(desk.now, id, event) {
            self.send_stop_action(desk, action.of(id));
        }
        if protected {
            self.tell_of_lost_stop(desk, id);
        }
    }

    /// A stop that nobody here asked to cancel, gone while something is held: a person's hand, or
    /// the venue's. Another one is placed; whoever took it should know.
    fn tell_of_lost_stop(&self, desk: &mut Desk<'_>, id: ClientOrderId) {
        let ending = self.protection.find(id).map(Stop::state);
        let what = match ending {
            Some(StopState::Closed(StopEnding::Canceled)) => "was cancelled, and not by us",
            Some(StopState::Closed(StopEnding::Absent)) => "is gone from the venue",
            Some(_) | None => return,
        };
        let held = self.held();
        if !held.is_zero() {
            let text = format!("stop {id} over {held} {what}; another one is placed");
            desk.notify(Severity::Alarm, self.symbol(), text);
        }
    }

    /// Two daemons on one account would each call the other's fills a discrepancy (I18): the order
    /// of another installation, which a lock on the data folder cannot keep away, halts this one.
    fn notice_rival(&self, desk: &mut Desk<'_>, id: ClientOrderId) {
        let ours = desk.ids.run().installation;
        if id.installation().is_some_and(|installation| installation != ours) {
            *desk.halt = Some(format!(
                "{}: another lobd trades this account: order {id} is of another data folder; stop \
                 it and cancel its orders, or give each an account of its own",
                self.symbol()
            ));
        }
    }

    /// Where a stop stands, and who told.
    pub(in crate::engine) fn on_stop_report(
        &mut self,
        desk: &mut Desk<'_>,
        told: StopEvent<'_>,
        report: &StopReport,
    ) {
        self.notice_rival(desk, report.client_order_id);
        self.on_stop_event(desk, report.client_order_id, told);
    }

    /// A trade of ours, from the user stream.
    pub(in crate::engine) fn on_fill(&mut self, desk: &mut Desk<'_>, fill: &Fill) {
        if self.book(desk, fill) {
            self.last_fill_at = Some(desk.now);
        } else if self.is_by_others(desk, fill) {
            // An account report told it first, without the name that says whose it is.
            self.leave_to_others(fill);
        }
    }

    /// Books a fill once, whoever told it; `false` if it was known.
    pub(super) fn book(&mut self, desk: &mut Desk<'_>, fill: &Fill) -> bool {
        if !self.position.book(fill) {
            return false;
        }
        desk.wallet.on_fill(fill);
        if let Some((id, action)) = self.blotter.book(desk.now, fill, &self.position) {
            self.send_order_action(desk, id, action);
        } else {
            self.judge_unlinked(desk, fill);
        }
        true
    }

    /// A fill of no order we know: from a stop or an earlier run, or made by others.
    fn judge_unlinked(&mut self, desk: &mut Desk<'_>, fill: &Fill) {
        if !self.is_by_others(desk, fill) {
            return;
        }
        let symbol = self.symbol();
        let id = fill.client_order_id;
        if let Some(id) = id.filter(|id| VENUE_MADE.iter().any(|it| id.as_str().starts_with(it))) {
            *desk.halt = Some(format!("{symbol}: the venue itself closed by order {id}"));
        }
        let name = id.map_or_else(|| fill.order_id.to_string(), |id| id.to_string());
        let booked =
            if self.leave_to_others(fill) { "booked, protected, not traded" } else { "booked" };
        let text = format!("trade {} of order {name} is not ours; {booked}", fill.trade_id);
        desk.notify(Severity::Warning, symbol, text);
    }

    /// Whether a fill is surely none of ours. One without our name may be an earlier run's, or of
    /// an order whose answer has not come yet.
    fn is_by_others(&self, desk: &Desk<'_>, fill: &Fill) -> bool {
        let is_ours = match fill.client_order_id {
            Some(id) => id.is_of_installation(desk.ids.run().installation),
            None => !desk.has_agreed || self.blotter.live().any(|order| order.order_id.is_none()),
        };
        !is_ours && !self.protection.is_child(fill.order_id)
    }

    /// The position carried over from earlier runs is not ours to trade.
    pub(in crate::engine) fn leave_carried_over(&mut self) {
        self.is_external = !self.position.exposure().is_zero();
    }

    /// A position that begins with somebody else's trade is theirs: it is protected, and neither
    /// taken profit of nor closed for its age. Tells whether it is one.
    fn leave_to_others(&mut self, fill: &Fill) -> bool {
        let has_opened = self.position.exposure() == fill.quantity.on(fill.side);
        if has_opened {
            (self.plan, self.is_external) = (None, true);
        }
        has_opened
    }

    /// The position as the venue tells it.
    pub(in crate::engine) fn on_position(
        &mut self,
        desk: &mut Desk<'_>,
        asked_at: Timestamp,
        report: &PositionReport,
    ) {
        self.venue_position = Some((asked_at, *report));
        let event = StopLossEvent::Position { exposure: report.exposure, asked_at };
        self.run_stop_loss(desk, Some(event));
    }
}

fn retry_moment(now: Timestamp, failure: &Failure) -> Timestamp {
    let soonest = now + TAKE_PROFIT_RETRY;
    match failure {
        Failure::Throttled { until } => soonest.max(*until),
        Failure::NotSent { .. } | Failure::Rejected(_) | Failure::Unknown { .. } => soonest,
    }
}
