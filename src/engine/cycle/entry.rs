//! Signal and entry (steps 2 and 3), and the end of an entry nobody filled (step 4).

use crate::domain::{OrderKind, OrderRequest, Prediction, Price, Rounding, Timestamp};
use crate::trading::order::{OrderState, Purpose};
use crate::trading::risk::{Elsewhere, Holding};
use crate::trading::signal::{self, Signal, SignalInputs};
use crate::trading::{WhyNot, prices};

use super::{Command, Cycle, Desk, Plan};

impl Cycle {
    /// Judges a prediction and enters if it is worth it; else the reason is counted.
    pub(in crate::engine) fn consider(
        &mut self,
        desk: &mut Desk<'_>,
        prediction: Prediction,
        elsewhere: Elsewhere,
    ) {
        self.prediction = Some(prediction);
        self.why_not = self.try_to_enter(desk, &prediction, elsewhere).err();
        if let Some(why_not) = self.why_not {
            *self.why_not_counts.entry(why_not).or_default() += 1;
        }
    }

    fn try_to_enter(
        &mut self,
        desk: &mut Desk<'_>,
        prediction: &Prediction,
        elsewhere: Elsewhere,
    ) -> Result<(), WhyNot> {
        desk.standing?;
        if self.closed.is_some() {
            return Err(WhyNot::SymbolClosed);
        }
        if self.is_open() {
            return Err(WhyNot::CycleOpen);
        }
        if desk.countdown.is_some() && !self.countdown.is_proven() {
            return Err(WhyNot::CountdownUnproven);
        }
        if self.market.is_doubted(desk.now) {
            return Err(WhyNot::PriceJump);
        }
        let inputs = SignalInputs {
            settings: desk.settings,
            fees: &self.fees,
            model: self.model.map(|model| (model.model, model.expires_at, model.spread_multiple)),
            quote: self.market.quote(desk.now),
            second: self.market.second(),
        };
        let signal = signal::assess(desk.now, prediction, &inputs)?;
        self.enter(desk, &signal, elsewhere)
    }

    fn enter(
        &mut self,
        desk: &mut Desk<'_>,
        signal: &Signal,
        elsewhere: Elsewhere,
    ) -> Result<(), WhyNot> {
        let filters = &self.instrument.filters;
        let style = desk.settings.entry_style;
        let (price, time_in_force) =
            prices::entry(style, signal.side, signal.quote, filters.tick_size)
                .map_err(|_| WhyNot::Filter)?;
        let take_profit = self.take_profit_price(desk, signal, price)?;
        let quantity = desk
            .settings
            .order_notional
            .quantity_at(price)
            .and_then(|quantity| quantity.round_to_step(filters.step_size, Rounding::Down))
            .map_err(|_| WhyNot::Filter)?;
        let request = OrderRequest {
            client_order_id: desk.next_id(),
            symbol: self.symbol(),
            side: signal.side,
            quantity,
            kind: OrderKind::Limit { price, time_in_force },
            reduce_only: false,
        };
        let holding = Holding {
            exposure: self.held(),
            may_fill: self.blotter.worst_case(signal.side),
            mark_price: self.market.fresh_mark_price(desk.now, desk.settings.mark_price_max_age),
            elsewhere,
        };
        let checked = (&desk.settings.limits, filters);
        let approved = desk
            .risk
            .approve_entry(desk.now, request, checked, (signal.quote, &holding))
            .map_err(|refusal| refusal.why_not())?;
        self.blotter.submit(desk.now, request, Purpose::Entry);
        self.plan = Some(Plan {
            side: signal.side,
            reference_price: price,
            ordered: quantity,
            expires_at: signal.expires_at,
            take_profit: Some(take_profit),
            opened_at: None,
        });
        self.tally.entries += 1;
        self.guard_entries(desk);
        desk.send(Command::Place(approved));
        Ok(())
    }

    fn take_profit_price(
        &self,
        desk: &Desk<'_>,
        signal: &Signal,
        entry_price: Price,
    ) -> Result<Price, WhyNot> {
        let tick_size = self.instrument.filters.tick_size;
        let fees = prices::entry_fee(desk.settings.entry_style, &self.fees)
            .saturating_add(self.fees.maker);
        prices::nearest_take_profit(signal.side, entry_price, fees, tick_size)
            .and_then(|nearest| {
                prices::take_profit(signal.side, signal.predicted_mid, nearest, tick_size)
            })
            .map_err(|_| WhyNot::Filter)
    }

    /// Cancels an entry that has outlived its prediction, or that nothing stands behind any more:
    /// a halt, a feed gone, a mid that jumped, a position already closed again.
    pub(super) fn withdraw_entry(&mut self, desk: &mut Desk<'_>) {
        let is_expired = self.plan.is_some_and(|plan| plan.expires_at <= desk.now);
        // What others opened is not added to.
        let was_closed =
            self.is_external || self.settling_since.is_some() || self.stop_loss.is_active();
        let was_closed = was_closed || self.closed.is_some();
        let is_doubtful = desk.standing.is_err() || self.market.is_doubted(desk.now);
        if !(is_expired || was_closed || is_doubtful) {
            return;
        }
        for (id, action) in self.blotter.cancel(desk.now, |order| order.purpose == Purpose::Entry) {
            self.send_order_action(desk, id, Some(action));
        }
    }

    /// Asks again and again where a working entry stands: a user stream that was lost in silence tells
    /// of no fill, and the account's next report may come too late to cover it in time (I4).
    pub(super) fn ask_for_entry(&mut self, desk: &mut Desk<'_>) {
        let entry = self.blotter.live_for(Purpose::Entry);
        let Some(entry) = entry.filter(|order| order.state() == OrderState::Working) else {
            self.entry_due_at = None;
            return;
        };
        let client_order_id = entry.id();
        let is_due = self.entry_due_at.is_some_and(|at| at <= desk.now);
        if is_due {
            desk.send(Command::Query { symbol: self.symbol(), client_order_id });
        }
        if is_due || self.entry_due_at.is_none() {
            self.entry_due_at = Some(desk.now + desk.entry_interval);
        }
    }

    /// A plan for a position this run did not enter: protected, and closed without a loss if it
    /// can be. One that others opened is only protected.
    pub(super) fn adopted_plan(
        &self,
        held: crate::domain::Exposure,
        side: crate::domain::Side,
        now: Timestamp,
    ) -> Option<Plan> {
        let venue_price = self.venue_position.map(|(_, report)| report.entry_price);
        let reference_price = self
            .position
            .entry_price()
            .or(venue_price)
            .filter(|price| !price.is_zero())
            .or_else(|| self.market.mark_price())?;
        let fees = self.fees.maker.saturating_add(self.fees.maker);
        let tick_size = self.instrument.filters.tick_size;
        let nearest = prices::nearest_take_profit(side, reference_price, fees, tick_size);
        Some(Plan {
            side,
            reference_price,
            ordered: held.quantity(),
            expires_at: now,
            take_profit: nearest.ok().filter(|_| !self.is_external),
            opened_at: Some(now),
        })
    }
}
