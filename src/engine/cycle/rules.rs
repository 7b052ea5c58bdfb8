//! The venue changes an instrument's rules while it is traded, or closes it.
//!
//! What is decided from now on keeps to the new ones; what works at the venue stays as it is, for the
//! venue leaves it so. The model in charge stays: it knows prices, not grids, and says by itself
//! when its input leaves the range it was trained on.

use std::fmt::Write;

use crate::domain::{Filters, Instrument};
use crate::engine::Severity;
use crate::trading::prices;

use super::{Cycle, Desk, Plan};

impl Cycle {
    /// Keeps to these rules from now on.
    pub(in crate::engine) fn obey(&mut self, desk: &mut Desk<'_>, instrument: Instrument) {
        let changes = changes(&self.instrument.filters, &instrument.filters);
        if changes.is_empty() {
            return;
        }
        self.instrument = instrument;
        self.plan = self.plan.map(|plan| self.on_the_grid(desk, plan));
        let text = format!(
            "the venue changed its rules: {changes}; orders keep to them from now on; the model \
             was trained before, so watch what it brings"
        );
        desk.notify(Severity::Warning, self.symbol(), text);
    }

    /// The venue closes the symbol, or opens it again: nothing is entered meanwhile, and what is ours
    /// is closed for as long as the venue lets it be.
    pub(in crate::engine) fn on_listing(&mut self, desk: &mut Desk<'_>, closed: Option<String>) {
        if closed == self.closed {
            return;
        }
        let (severity, text) = match &closed {
            None => (Severity::Warning, "the venue lets it be traded again".to_owned()),
            Some(status) => {
                let held = self.held();
                let severity = if held.is_zero() { Severity::Warning } else { Severity::Alarm };
                let fate = match (held.is_zero(), self.is_external) {
                    (true, _) => "nothing is held".to_owned(),
                    (false, false) => format!("{held} is being closed while it can be"),
                    (false, true) => format!("{held}, which is not ours, stays"),
                };
                (severity, format!("the venue does not let it be traded ({status}): {fate}"))
            }
        };
        desk.notify(severity, self.symbol(), text);
        self.closed = closed;
    }

    /// The plan with its take-profit on the new grid, toward the entry.
    fn on_the_grid(&self, desk: &Desk<'_>, plan: Plan) -> Plan {
        let tick_size = self.instrument.filters.tick_size;
        let fees = prices::entry_fee(desk.settings.entry_style, &self.fees)
            .saturating_add(self.fees.maker);
        let nearest = prices::nearest_take_profit(plan.side, plan.reference_price, fees, tick_size);
        let take_profit = plan.take_profit.zip(nearest.ok()).and_then(|(price, nearest)| {
            prices::take_profit(plan.side, price, nearest, tick_size).ok()
        });
        Plan { take_profit, ..plan }
    }
}

/// What differs, for people; nothing if nothing does.
fn changes(before: &Filters, after: &Filters) -> String {
    let mut text = String::new();
    let mut differs =
        |what: &str, before: &dyn std::fmt::Display, after: &dyn std::fmt::Display| {
            let (before, after) = (before.to_string(), after.to_string());
            if before != after {
                let comma = if text.is_empty() { "" } else { ", " };
                // Writing to a text cannot fail.
                let _ = write!(text, "{comma}{what} {before} to {after}");
            }
        };
    differs("tick size", &before.tick_size, &after.tick_size);
    differs("step size", &before.step_size, &after.step_size);
    differs("lowest price", &before.min_price, &after.min_price);
    differs("highest price", &before.max_price, &after.max_price);
    differs("smallest quantity", &before.min_quantity, &after.min_quantity);
    differs("largest quantity", &before.max_quantity, &after.max_quantity);
    let market = (&before.max_market_quantity, &after.max_market_quantity);
    differs("largest market quantity", market.0, market.1);
    differs("smallest notional", &before.min_notional, &after.min_notional);
    differs("highest price over mark", &before.multiplier_up, &after.multiplier_up);
    differs("lowest price over mark", &before.multiplier_down, &after.multiplier_down);
    differs("most open orders", &before.max_open_orders, &after.max_open_orders);
    text
}
