//! The venue changes an instrument's rules while it is traded.
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
