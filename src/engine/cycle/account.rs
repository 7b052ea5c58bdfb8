//! One instrument's part of an account report (step 7): booked, compared, corrected.

use std::time::Duration;

use crate::domain::{AccountReport, PositionReport};
use crate::engine::Severity;
use crate::trading::order::OrderEvent;
use crate::trading::protection::StopEvent;
use crate::trading::reconcile::{self, Correction, Findings, Ledger};
use crate::trading::stop_loss::StopLossEvent;

use super::{Command, Cycle, Desk};

/// A trade this young at the venue may or may not be in a position asked for at the same time:
/// the clocks may differ by a second.
const CLOCK_MARGIN: Duration = Duration::from_secs(1);

impl Cycle {
    /// Takes in an account report: fills first, then orders and stops, then the comparison.
    pub(in crate::engine) fn on_account(
        &mut self,
        desk: &mut Desk<'_>,
        report: &AccountReport,
    ) -> Findings {
        let symbol = self.symbol();
        for fill in report.fills.iter().filter(|fill| fill.symbol == symbol) {
            if self.book(desk, fill) {
                self.last_fill_at = self.last_fill_at.max(Some(fill.time + CLOCK_MARGIN));
            }
            self.position.confirm(fill.trade_id);
        }
        for order in report.open_orders.iter().filter(|order| order.symbol == symbol) {
            self.on_order_report(desk, OrderEvent::Listed(order), order);
        }
        for stop in report.open_stops.iter().filter(|stop| stop.symbol == symbol) {
            self.on_stop_report(desk, StopEvent::Listed(stop), stop);
        }
        self.learn_position(report);
        let findings = reconcile::compare(&self.ledger(desk), report);
        self.has_foreign_orders = findings.foreign > 0;
        for correction in &findings.corrections {
            self.correct(desk, report, *correction);
        }
        // A procedure that waits for the venue's word has it here as well.
        let exposure = reconcile::venue_exposure(symbol, report);
        let told = StopLossEvent::Position { exposure, asked_at: report.asked_at };
        self.run_stop_loss(desk, Some(told));
        let is_settled = self.settling_since.is_some_and(|since| report.asked_at >= since);
        if is_settled && findings.discrepancies.is_empty() && !findings.is_inconclusive {
            self.settling_since = None;
            self.end_round_trip(desk);
        }
        findings
    }

    /// Makes the ledger say what the venue says: the difference stood for too long.
    pub(in crate::engine) fn adopt_venue_position(
        &mut self,
        desk: &mut Desk<'_>,
        report: &AccountReport,
    ) {
        let symbol = self.symbol();
        let row = report.positions.iter().find(|position| position.symbol == symbol);
        let exposure = reconcile::venue_exposure(symbol, report);
        let entry_price = row.map(|position| position.entry_price).unwrap_or_default();
        let asked_at = report.asked_at;
        self.position.take_over(exposure, entry_price, asked_at);
        let last_trade = self.position.last_trade();
        desk.send(Command::TakeOver { symbol, exposure, last_trade, asked_at });
        (self.plan, self.is_external) = (None, !exposure.is_zero());
        let text = format!("the venue's position {exposure} is taken over and protected");
        desk.notify(Severity::Alarm, symbol, text);
    }

    /// A position carried over from an earlier run has no price in the ledger: the venue knows it.
    fn learn_position(&mut self, report: &AccountReport) {
        let symbol = self.symbol();
        let row = report.positions.iter().find(|position| position.symbol == symbol);
        let Some(row) = row else {
            self.venue_position = None;
            return;
        };
        self.venue_position = Some((report.asked_at, *row));
        let PositionReport { exposure, entry_price, .. } = *row;
        let held = self.position.exposure();
        if held == exposure && self.position.entry_price().is_none() {
            self.position.adopt(exposure, entry_price);
        }
    }

    const fn ledger<'a>(&'a self, desk: &Desk<'_>) -> Ledger<'a> {
        Ledger {
            symbol: self.symbol(),
            run: desk.ids.run(),
            position: &self.position,
            blotter: &self.blotter,
            protection: &self.protection,
            last_fill_at: self.last_fill_at,
        }
    }

    fn correct(&mut self, desk: &mut Desk<'_>, report: &AccountReport, correction: Correction) {
        match correction {
            Correction::OrderMissing(id) => {
                let event = OrderEvent::MissingFromAccount { asked_at: report.asked_at };
                self.on_order_event(desk, id, event);
            }
            Correction::OrderFound(id) => self.on_order_event(desk, id, OrderEvent::FoundInAccount),
            Correction::StopFound(id) => self.on_stop_event(desk, id, StopEvent::FoundInAccount),
            Correction::AdoptOrder(place) => {
                let order = &report.open_orders[place];
                let action = self.blotter.adopt(desk.now, order, &self.position);
                self.send_order_action(desk, order.client_order_id, action);
            }
            Correction::StopMissing(id) => {
                self.on_stop_event(desk, id, StopEvent::MissingFromAccount);
            }
            Correction::AdoptStop(place) => {
                self.protection.adopt(desk.now, &report.open_stops[place]);
            }
        }
    }
}
