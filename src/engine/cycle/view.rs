//! The cycle as people see it.

use crate::domain::{Amount, Price, Rate, Side, Timestamp};
use crate::engine::status::{CyclePhase, SymbolStatus, Totals, WorkingOrder};
use crate::trading::TradingSettings;
use crate::trading::order::{Order, OrderState, Purpose};
use crate::trading::protection::Stop;

use super::Cycle;

impl Cycle {
    /// A copy of what this cycle knows.
    pub(in crate::engine) fn status(
        &self,
        now: Timestamp,
        settings: &TradingSettings,
    ) -> SymbolStatus {
        let held = self.held();
        let quote = self.market.quote(now);
        let plan = self.plan.filter(|_| !held.is_zero());
        let mut stops = self.protection.live().filter(|stop| stop.is_acknowledged());
        SymbolStatus {
            symbol: self.symbol(),
            phase: self.phase(),
            exposure: held,
            entry_price: self.position.entry_price().or(plan.map(|plan| plan.reference_price)),
            opened_at: plan.and_then(|plan| plan.opened_at),
            best_bid: quote.map(|quote| quote.best(Side::Buy)),
            best_ask: quote.map(|quote| quote.best(Side::Sell)),
            mark_price: self.market.mark_price(),
            unrealized_pnl: self.profit(now, settings, held).filter(|_| !held.is_zero()),
            stop_price: stops.next().map(|stop: &Stop| stop.request.trigger_price),
            take_profit_price: plan.and_then(|plan| plan.take_profit),
            countdown_ends_at: self.countdown.ends_at(),
            working_orders: self.blotter.live().map(working_order).collect(),
            prediction: self.prediction,
            why_not: self.why_not,
            why_not_counts: self.why_not_counts.clone(),
            totals: self.totals(now),
        }
    }

    /// The notional of what is held and what opening orders may still fill, in the worse direction.
    pub(in crate::engine) fn worst_notional(&self) -> Amount {
        let Some(price) = self.market.mark_price().or(self.plan.map(|plan| plan.reference_price))
        else {
            return Amount::ZERO; // nothing was ever entered without a price
        };
        let worst = |side: Side| {
            let held = self.held();
            let worst = held.checked_add(self.blotter.worst_case(side).on(side)).unwrap_or(held);
            Amount::notional(price, worst.quantity()).unwrap_or(Amount::MAX)
        };
        worst(Side::Buy).max(worst(Side::Sell))
    }

    /// Orders and stops that work or may work.
    pub(in crate::engine) fn open_orders(&self) -> usize {
        self.blotter.live().count() + self.protection.live().count()
    }

    /// What the position would bring now; `None` if no price says that.
    pub(in crate::engine) fn unrealized(
        &self,
        now: Timestamp,
        settings: &TradingSettings,
    ) -> Option<Amount> {
        let held = self.held();
        if held.is_zero() { Some(Amount::ZERO) } else { self.profit(now, settings, held) }
    }

    /// How far the mark price is from where the venue would liquidate, with that price.
    pub(in crate::engine) fn liquidation_distance(&self) -> Option<(Rate, Price)> {
        let side = self.held().side()?;
        let (_, report) = self.venue_position.filter(|(_, it)| it.exposure.side() == Some(side))?;
        let liquidation = report.liquidation_price.filter(|price| !price.is_zero())?;
        let mark_price = self.market.mark_price().unwrap_or(report.mark_price);
        Some((liquidation.relative_to(mark_price).abs(), liquidation))
    }

    fn phase(&self) -> CyclePhase {
        if self.stop_loss.is_active() {
            CyclePhase::Closing
        } else if !self.held().is_zero() {
            CyclePhase::Holding
        } else if self.blotter.live_for(Purpose::Entry).is_some() {
            CyclePhase::Entering
        } else if self.is_open() {
            CyclePhase::Settling
        } else {
            CyclePhase::Flat
        }
    }

    fn totals(&self, now: Timestamp) -> Totals {
        let (maker_notional, taker_notional) = self.position.notionals();
        let (naked, longest_naked) = self.protection.naked_time(now);
        Totals {
            realized_pnl: self.position.realized(),
            fees: self.position.quote_fees(),
            other_fees: self.position.other_fees(),
            funding: self.income,
            maker_notional,
            taker_notional,
            fills: self.position.booked(),
            entries: self.tally.entries,
            round_trips: self.position.round_trips(),
            stop_losses: self.tally.stop_losses,
            holding_timeouts: self.tally.holding_timeouts,
            naked,
            longest_naked,
        }
    }
}

fn working_order(order: &Order) -> WorkingOrder {
    WorkingOrder {
        client_order_id: order.id(),
        purpose: match order.purpose {
            Purpose::Entry => "entry",
            Purpose::TakeProfit => "take-profit",
            Purpose::Close => "close",
            Purpose::Leftover => "leftover",
        },
        state: match order.state() {
            OrderState::Pending { .. } => "sent",
            OrderState::Unknown(_) | OrderState::Denied { .. } => "unknown",
            OrderState::Working => "working",
            OrderState::Canceling(_) => "canceling",
            OrderState::Closed(_) => "closed",
        },
        side: order.request.side,
        price: order.request.kind.price(),
        quantity: order.request.quantity,
        filled_quantity: order.filled(),
        sent_at: order.sent_at,
    }
}
