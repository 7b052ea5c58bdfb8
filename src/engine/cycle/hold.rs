//! Holding a position (step 5): its stop at the venue, and its take-profit.

use std::time::Duration;

use crate::domain::{Exposure, OrderKind, Quantity, StopRequest, StopSize, TimeInForce};
use crate::engine::Severity;
use crate::trading::order::{Order, Purpose};
use crate::trading::protection::Cover;
use crate::trading::{TradingSettings, prices, risk};

use super::{Command, Cycle, Desk};

/// How long after a refusal the take-profit is tried again.
pub(super) const TAKE_PROFIT_RETRY: Duration = Duration::from_secs(1);

impl Cycle {
    /// Brings the venue's stops in line with what is held.
    pub(super) fn protect(&mut self, desk: &mut Desk<'_>) {
        let needed = self.needed_cover(self.held(), desk.settings);
        for action in self.protection.cover(desk.now, needed) {
            self.send_stop_action(desk, action);
        }
    }

    /// What the position needs. The stop stands where the *whole ordered* quantity would lose the
    /// backstop, and covers it, so that a partial fill needs no replacement later.
    pub(super) fn needed_cover(&self, held: Exposure, settings: &TradingSettings) -> Option<Cover> {
        let (side, plan) = (held.side()?, self.plan?);
        let quantity = held.quantity().max(plan.ordered);
        let liquidation = self
            .venue_position
            .filter(|(_, report)| report.exposure.side() == Some(side))
            .and_then(|(_, report)| report.liquidation_price);
        let farthest = prices::half_way_to_liquidation(side, plan.reference_price, liquidation);
        let loss = prices::backstop_loss(settings);
        let bounds = (&self.instrument.filters, farthest);
        let trigger_price =
            prices::stop_trigger(side, plan.reference_price, quantity, loss, bounds);
        let side = side.opposite();
        Some(Cover { side, held: held.quantity(), quantity, trigger_price, farthest })
    }

    /// Sends a stop.
    pub(super) fn place_stop(&mut self, desk: &mut Desk<'_>, cover: &Cover) {
        let request = StopRequest {
            client_order_id: desk.next_id(),
            symbol: self.symbol(),
            side: cover.side,
            trigger_price: cover.trigger_price,
            size: StopSize::Quantity(cover.quantity),
        };
        match risk::approve_stop(request, &self.instrument.filters) {
            Ok(approved) if is_over(approved.get().size, cover.held) => {
                self.protection.submit(desk.now, *approved.get());
                desk.send(Command::PlaceStop(approved));
            }
            // Clipped to the venue's largest it would cover only part, and be asked for for ever.
            Ok(_) => self.give_up_protection(desk, "no stop may be as large as the position"),
            Err(refusal) => {
                self.give_up_protection(desk, &format!("no stop can be placed: {refusal}"));
            }
        }
    }

    /// A position that cannot be protected is closed, and people are told.
    fn give_up_protection(&mut self, desk: &mut Desk<'_>, text: &str) {
        *desk.halt = Some(format!("{}: {text}", self.symbol()));
        self.protection.give_up();
        desk.notify(Severity::Alarm, self.symbol(), text.to_owned());
    }

    /// Keeps one take-profit over exactly what is held, at the planned price.
    pub(super) fn take_profit(&mut self, desk: &mut Desk<'_>) {
        let held = self.held();
        let price = self.plan.and_then(|plan| plan.take_profit);
        let (Some(price), Some(side)) = (price, held.side()) else {
            self.cancel_take_profits(desk, |_| true);
            return;
        };
        if self.stop_loss.is_active() {
            return; // it has cancelled them, and needs the position for itself
        }
        let filters = &self.instrument.filters;
        let target = risk::closing_quantity(held.quantity(), filters.max_quantity, filters);
        let is_right =
            |order: &Order| order.remaining() == target && order.request.side == side.opposite();
        // Several on the way at once would be refused as more than the position (−2022).
        self.cancel_take_profits(desk, |order| order.is_acknowledged() && !is_right(order));
        let is_waiting = self.take_profit_retry_at.is_some_and(|at| at > desk.now);
        let is_rivalled = self.blotter.live().any(|order| order.request.reduce_only);
        if is_waiting || is_rivalled {
            return;
        }
        let kind = OrderKind::Limit { price, time_in_force: TimeInForce::GoodTilCanceled };
        let id = desk.next_id();
        let instrument = (self.symbol(), &self.instrument.filters);
        match risk::approve_close(id, instrument, held, kind) {
            Ok(approved) => {
                self.blotter.submit(desk.now, *approved.get(), Purpose::TakeProfit);
                desk.send(Command::Place(approved));
            }
            // Its holding time or its stop closes the position; this is only the better way.
            Err(_) => self.take_profit_retry_at = Some(desk.now + TAKE_PROFIT_RETRY),
        }
    }

    fn cancel_take_profits(&mut self, desk: &mut Desk<'_>, is_wrong: impl Fn(&Order) -> bool) {
        let is_meant = |order: &Order| order.purpose == Purpose::TakeProfit && is_wrong(order);
        for (id, action) in self.blotter.cancel(desk.now, is_meant) {
            self.send_order_action(desk, id, Some(action));
        }
    }
}

/// Whether a stop of this size covers all that is held.
fn is_over(size: StopSize, held: Quantity) -> bool {
    match size {
        StopSize::Quantity(quantity) => quantity >= held,
        StopSize::ClosePosition => true,
    }
}
