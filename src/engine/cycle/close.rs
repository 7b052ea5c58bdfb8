//! Closing a position (step 6): what calls for it, and the stop-loss procedure carried out.

use crate::domain::{Amount, Exposure, OrderKind, Side, TimeInForce, Timestamp};
use crate::engine::Severity;
use crate::trading::order::Purpose;
use crate::trading::stop_loss::{CloseCause, Situation, StopLossAction, StopLossEvent};
use crate::trading::{TradingSettings, prices, risk};

use super::market::profit_at;
use super::{Command, Cycle, Desk};

impl Cycle {
    /// Begins to close if anything calls for it.
    pub(super) fn close_if_due(&mut self, desk: &mut Desk<'_>) {
        let held = self.held();
        // While it settles, the procedure itself asks the venue again; a cause can add nothing.
        if held.is_zero() || self.stop_loss.is_settling() {
            return;
        }
        self.poll_position(desk);
        if let Some(cause) = self.cause_to_close(desk, held) {
            self.count_unprotected(desk, cause);
            let is_new = !self.stop_loss.is_active();
            self.run_stop_loss(desk, Some(StopLossEvent::Begin(cause)));
            if is_new {
                self.tell_of_close(desk, cause, held);
            }
        }
    }

    /// Counts each position once that has to be closed for lack of a stop; too many of them halt
    /// trading: the next one would fare no better.
    fn count_unprotected(&mut self, desk: &mut Desk<'_>, cause: CloseCause) {
        let is_unprotected = matches!(cause, CloseCause::Unprotected | CloseCause::StopInVain);
        if !is_unprotected || std::mem::replace(&mut self.round_trip.was_unprotected, true) {
            return;
        }
        desk.unprotected.on_close(desk.now);
        if let Err(breach) = desk.unprotected.check(desk.now, &desk.settings.limits) {
            *desk.halt = Some(format!("{}: {breach}", self.symbol()));
        }
    }

    fn cause_to_close(&self, desk: &Desk<'_>, held: Exposure) -> Option<CloseCause> {
        let loss_limit = -desk.settings.stop_loss;
        let opened_at = self.plan.and_then(|plan| plan.opened_at);
        let is_old = opened_at.is_some_and(|at| desk.now.since(at) >= desk.settings.max_holding);
        let is_lossy = self.profit(desk.now, desk.settings, held).is_some_and(|p| p <= loss_limit);
        let causes = [
            (self.protection.has_failed(desk.now), CloseCause::Unprotected),
            (self.protection.has_triggered_in_vain(desk.now), CloseCause::StopInVain),
            (is_lossy, CloseCause::Loss),
            (desk.is_flattening, CloseCause::Flatten),
            (self.closed.is_some() && !self.is_external, CloseCause::SymbolClosed),
            (is_old && !self.is_external, CloseCause::Age),
        ];
        causes.into_iter().find(|(is_due, _)| *is_due).map(|(_, cause)| cause)
    }

    /// Unrealised profit: at the mark price; where that is too old, the worse of what the venue
    /// says of the position and what the mid says. A mid that has just jumped says nothing.
    pub(super) fn profit(
        &self,
        now: Timestamp,
        settings: &TradingSettings,
        held: Exposure,
    ) -> Option<Amount> {
        let max_age = settings.mark_price_max_age;
        let entry_price =
            self.position.entry_price().or(self.plan.map(|plan| plan.reference_price))?;
        if let Some(mark_price) = self.market.fresh_mark_price(now, max_age) {
            return Some(profit_at(held, entry_price, mark_price));
        }
        let by_venue = self
            .venue_position
            .filter(|(asked_at, report)| {
                now.since(*asked_at) <= max_age && report.exposure.side() == held.side()
            })
            .map(|(_, report)| report.unrealized_pnl);
        let quote = self.market.quote(now).filter(|_| !self.market.is_doubted(now));
        let by_mid = quote.map(|quote| profit_at(held, entry_price, quote.mid_price()));
        by_venue.into_iter().chain(by_mid).min()
    }

    /// Asks the venue again and again while the mark price is too old to judge by.
    fn poll_position(&mut self, desk: &mut Desk<'_>) {
        let is_fresh =
            self.market.fresh_mark_price(desk.now, desk.settings.mark_price_max_age).is_some();
        let was_asked = self.position_due_at.is_some_and(|at| at > desk.now);
        if !is_fresh && !was_asked {
            self.ask_position(desk);
        }
    }

    /// When the mark price will be too old, or the next poll is due.
    pub(super) fn mark_deadline(&self, settings: &TradingSettings) -> Option<Timestamp> {
        if self.held().is_zero() {
            return None;
        }
        let expires = self.market.mark_price_expires(settings.mark_price_max_age);
        expires.max(self.position_due_at)
    }

    /// Advances the stop-loss procedure, by an event if there is one, and carries out its steps.
    pub(super) fn run_stop_loss(&mut self, desk: &mut Desk<'_>, event: Option<StopLossEvent>) {
        let news = [event, Some(StopLossEvent::Tick)];
        for event in news.into_iter().flatten() {
            let situation = self.situation(desk);
            let action = self.stop_loss.handle(desk.now, event, &situation);
            self.carry_out(desk, action);
        }
        if self.stop_loss.is_active() && self.blotter.is_idle() {
            let situation = self.situation(desk);
            let action = self.stop_loss.handle(desk.now, StopLossEvent::OrdersGone, &situation);
            self.carry_out(desk, action);
        }
    }

    fn situation(&self, desk: &Desk<'_>) -> Situation {
        let held = self.held();
        let backstop = -prices::backstop_loss(desk.settings);
        let profit = self.profit(desk.now, desk.settings, held);
        Situation {
            exposure: held,
            has_quote: self.market.quote(desk.now).is_some(),
            is_past_backstop: profit.is_some_and(|profit| profit <= backstop),
            is_symbol_closed: self.closed.is_some(),
            max_trial: desk.settings.stop_loss_max_trial,
            trial_wait: desk.settings.stop_loss_trial_wait,
            budget: desk.settings.stop_loss_budget,
        }
    }

    fn carry_out(&mut self, desk: &mut Desk<'_>, action: Option<StopLossAction>) {
        match action {
            Some(StopLossAction::CancelOrders) => {
                for (id, action) in self.blotter.cancel(desk.now, |_| true) {
                    self.send_order_action(desk, id, Some(action));
                }
            }
            Some(StopLossAction::AskPosition) => self.ask_position(desk),
            Some(StopLossAction::Limit(exposure)) => {
                let closing_side = exposure.side().map_or(Side::Sell, Side::opposite);
                let tick_size = self.instrument.filters.tick_size;
                let price = self.market.quote(desk.now).and_then(|quote| {
                    prices::joining(closing_side, quote.best(closing_side), tick_size).ok()
                });
                if let Some(price) = price {
                    let time_in_force = TimeInForce::GoodTilCanceled;
                    self.close_by(desk, exposure, OrderKind::Limit { price, time_in_force });
                }
            }
            Some(StopLossAction::Market { exposure, is_alarm }) => {
                if is_alarm {
                    let text = format!("still not flat: {exposure} left, to the market again");
                    desk.notify(Severity::Alarm, self.symbol(), text);
                }
                self.close_by(desk, exposure, OrderKind::Market);
            }
            None => {}
        }
    }

    fn close_by(&mut self, desk: &mut Desk<'_>, exposure: Exposure, kind: OrderKind) {
        let id = desk.next_id();
        let instrument = (self.symbol(), &self.instrument.filters);
        match risk::approve_close(id, instrument, exposure, kind) {
            Ok(approved) => {
                self.blotter.submit(desk.now, *approved.get(), Purpose::Close);
                desk.send(Command::Place(approved));
            }
            Err(refusal) => {
                *desk.halt = Some(format!("{}: cannot close {exposure}: {refusal}", self.symbol()));
            }
        }
    }

    fn ask_position(&mut self, desk: &mut Desk<'_>) {
        self.position_due_at = Some(desk.now + desk.position_interval);
        desk.send(Command::QueryPosition { symbol: self.symbol() });
    }

    fn tell_of_close(&mut self, desk: &mut Desk<'_>, cause: CloseCause, held: Exposure) {
        let severity = match cause {
            CloseCause::Age | CloseCause::Flatten => Severity::Info,
            CloseCause::Loss => Severity::Warning,
            CloseCause::Unprotected | CloseCause::StopInVain | CloseCause::SymbolClosed => {
                Severity::Alarm
            }
        };
        self.tally.stop_losses += u64::from(cause == CloseCause::Loss);
        self.tally.holding_timeouts += u64::from(cause == CloseCause::Age);
        desk.notify(severity, self.symbol(), format!("closing {held}: {cause}"));
    }
}
