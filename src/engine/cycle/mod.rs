//! One instrument's trading cycle (design.md §3): composes the machines of `trading/`.
//!
//! News changes what is known (`news.rs`); after every event [`Cycle::advance`] compares what is
//! known with what should be, and asks for the difference. So each step survives a lost answer, a
//! late fill or a restart: there is no script to fall out of.
//!
//! | step of design.md §3 | where |
//! |---|---|
//! | 2, 3 signal and entry, 4 expiry | `entry.rs` |
//! | 3 dead-man's switch over entries | `guard.rs` |
//! | 5 protective stop and take-profit | `hold.rs` |
//! | 6 stop-loss, maximum holding time | `close.rs` |
//! | 7 reconciliation | `account.rs` |

mod account;
mod close;
mod entry;
mod guard;
mod hold;
mod market;
mod news;
mod rules;
mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Amount, Asset, ClientOrderId, Environment, Exposure, FeeRates, Income, Instrument,
    PositionReport, Prediction, Price, Quantity, Side, Symbol, Timestamp,
};
use crate::trading::order::{OrderAction, Purpose};
use crate::trading::protection::{Protection, ProtectionAction};
use crate::trading::stop_loss::StopLoss;
use crate::trading::{Blotter, Countdown, Position, TradingSettings, WhyNot, is_priced_in};

use super::command::{Command, Severity};
use super::deadline::DeadlineReason;
use super::desk::Desk;
use super::event::{LedgerSummary, ModelInCharge, TradedInstrument};
use market::MarketView;

/// What is intended with the position of one cycle, made when its entry was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Plan {
    /// On which side it is entered.
    side: Side,
    /// The price its stop is reckoned from: the entry's limit.
    reference_price: Price,
    /// The whole ordered quantity, filled or not.
    ordered: Quantity,
    /// When an unfilled entry is cancelled.
    expires_at: Timestamp,
    /// Where to take the profit; none for a position that others opened.
    take_profit: Option<Price>,
    /// When the first fill became known.
    opened_at: Option<Timestamp>,
}

/// What the round trip under way will have brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct RoundTrip {
    /// What was realised, after fees, when the last one ended.
    realized_before: Amount,
    /// Whether the position that was closed last was ours.
    was_ours: bool,
    /// Whether it is, or was, closed for lack of a stop.
    was_unprotected: bool,
    /// What the last one brought, until it is taken.
    ended_with: Option<Amount>,
}

/// One instrument's cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cycle {
    instrument: Instrument,
    fees: FeeRates,
    model: Option<ModelInCharge>,
    /// Why the venue does not let the symbol be traded, in its word; none if it does.
    closed: Option<String>,
    market: MarketView,
    blotter: Blotter,
    position: Position,
    protection: Protection,
    stop_loss: StopLoss,
    countdown: Countdown,
    /// Whether orders that are not ours work in this symbol: a countdown would take them too.
    has_foreign_orders: bool,
    plan: Option<Plan>,
    /// Since when a closed position waits to be confirmed by an account report.
    settling_since: Option<Timestamp>,
    /// Whether the position came from outside: it is protected, not traded.
    is_external: bool,
    round_trip: RoundTrip,
    /// Funding, and what else this run was paid for the symbol apart from trades.
    income: Amount,
    venue_position: Option<(Timestamp, PositionReport)>,
    /// When the entry that works is asked for.
    entry_due_at: Option<Timestamp>,
    /// Before this the position is not polled again.
    position_due_at: Option<Timestamp>,
    last_fill_at: Option<Timestamp>,
    take_profit_retry_at: Option<Timestamp>,
    prediction: Option<Prediction>,
    why_not: Option<WhyNot>,
    why_not_counts: BTreeMap<WhyNot, u64>,
    tally: Tally,
}

/// What the run's cycles add up to, beside what the ledger knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Tally {
    entries: u64,
    stop_losses: u64,
    holding_timeouts: u64,
}

impl Cycle {
    /// A cycle that continues where the ledger of earlier runs ends.
    /// `may_guard` says whether the venue's countdown may guard its entries.
    pub(super) fn new(traded: TradedInstrument, ledger: &LedgerSummary, may_guard: bool) -> Self {
        let countdown =
            if may_guard { Countdown::left_by_another_run() } else { Countdown::default() };
        let symbol = traded.instrument.symbol;
        let exposure = ledger.exposures.get(&symbol).copied().unwrap_or_default();
        let last_trade = ledger.last_trades.get(&symbol).copied();
        Self {
            instrument: traded.instrument,
            fees: traded.fees,
            model: traded.model,
            closed: None,
            market: MarketView::default(),
            blotter: Blotter::default(),
            position: Position::carried_over(symbol, last_trade, exposure),
            protection: Protection::default(),
            stop_loss: StopLoss::Idle,
            countdown,
            has_foreign_orders: false,
            plan: None,
            settling_since: None,
            is_external: false,
            round_trip: RoundTrip::default(),
            income: Amount::ZERO,
            venue_position: None,
            entry_due_at: None,
            position_due_at: None,
            last_fill_at: None,
            take_profit_retry_at: None,
            prediction: None,
            why_not: None,
            why_not_counts: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    /// Which instrument.
    pub(super) const fn symbol(&self) -> Symbol {
        self.instrument.symbol
    }

    /// Whose money.
    pub(super) const fn environment(&self) -> Environment {
        self.instrument.environment
    }

    /// The ledger.
    pub(super) const fn position(&self) -> &Position {
        &self.position
    }

    /// Puts another model in charge.
    pub(super) const fn set_model(&mut self, model: Option<ModelInCharge>) {
        self.model = model;
    }

    /// What is held, reported fills that have not been booked yet included.
    pub(super) fn held(&self) -> Exposure {
        let booked = self.position.exposure();
        booked.checked_add(self.blotter.unbooked()).unwrap_or(booked)
    }

    /// Profit realised by this run, with funding, after fees in the quote asset.
    pub(super) fn realized(&self) -> Amount {
        let traded = self.position.realized().saturating_add(-self.position.quote_fees());
        traded.saturating_add(self.income)
    }

    /// Books what was paid for the symbol apart from trades. Other assets than the one that prices
    /// it cannot be added to the profit.
    pub(super) fn book_income(&mut self, row: &Income) {
        if self.is_priced_in(row.asset) {
            self.income = self.income.saturating_add(row.amount);
        }
    }

    /// Whether an asset is the one that prices the symbol.
    pub(super) fn is_priced_in(&self, asset: Asset) -> bool {
        is_priced_in(self.symbol(), asset)
    }

    /// Whether fills were reported that have not arrived, or the end of a cycle is unconfirmed: the
    /// account should be asked soon.
    pub(super) fn wants_account(&self) -> bool {
        self.settling_since.is_some() || self.stop_loss.is_settling() || self.blotter.awaits_fills()
    }

    /// Whether anything is open: the next cycle may not begin.
    pub(super) fn is_open(&self) -> bool {
        !self.is_quiet() || self.settling_since.is_some()
    }

    /// Whether an entry works or may work.
    pub(super) fn has_entry(&self) -> bool {
        self.blotter.live_for(Purpose::Entry).is_some()
    }

    /// Whether nothing is held, works or may work, at the venue or on its way.
    pub(super) fn is_quiet(&self) -> bool {
        self.blotter.is_idle()
            && self.protection.is_idle()
            && self.held().is_zero()
            && !self.blotter.awaits_fills()
            && !self.stop_loss.is_active()
    }

    /// Whether the process may end and leave this position under its stop.
    pub(super) fn is_left_protected(&self, now: Timestamp, settings: &TradingSettings) -> bool {
        let only_take_profit =
            self.blotter.live().all(|order| order.purpose == Purpose::TakeProfit);
        let needed = self.needed_cover(self.held(), settings);
        let is_covered = self.held().is_zero()
            || needed.is_some_and(|needed| self.protection.covers(now, &needed));
        only_take_profit && is_covered && !self.stop_loss.is_active()
    }

    /// Compares what is known with what should be, and asks for the difference.
    pub(super) fn advance(&mut self, desk: &mut Desk<'_>) {
        self.tell_of_resolved(desk);
        self.guard_entries(desk);
        // An instrument at rest has nothing to compare; a quiet day must cost nothing.
        if self.is_quiet() && self.plan.is_none() {
            return;
        }
        for (id, action) in self.blotter.tick(desk.now) {
            self.send_order_action(desk, id, Some(action));
        }
        self.withdraw_entry(desk);
        self.ask_for_entry(desk);
        self.follow_position(desk.now);
        self.protect(desk);
        self.close_if_due(desk);
        self.run_stop_loss(desk, None);
        self.take_profit(desk);
    }

    /// Has the journal keep by what hidden outcomes are known, and tells people.
    fn tell_of_resolved(&mut self, desk: &mut Desk<'_>) {
        let symbol = self.symbol();
        let resolved = self.blotter.take_resolved().into_iter();
        for resolution in resolved.chain(self.protection.take_resolved()) {
            desk.send(Command::Resolved { symbol, resolution });
            desk.notify(Severity::Info, symbol, resolution.to_string());
        }
    }

    /// Keeps the plan in step with what is held.
    fn follow_position(&mut self, now: Timestamp) {
        let held = self.held();
        let Some(side) = held.side() else {
            if self.plan.is_some_and(|plan| plan.opened_at.is_some()) {
                self.settling_since = self.settling_since.or(Some(now));
                self.round_trip.was_ours = !self.is_external;
            }
            if self.blotter.live_for(Purpose::Entry).is_none() {
                (self.plan, self.is_external) = (None, false);
            }
            return;
        };
        if self.plan.is_none_or(|plan| plan.side != side) {
            self.plan = self.adopted_plan(held, side, now);
        }
        if let Some(plan) = &mut self.plan {
            plan.opened_at = plan.opened_at.or(Some(now));
        }
    }

    /// The venue agrees that the position is closed: what it brought is final.
    fn end_round_trip(&mut self, desk: &mut Desk<'_>) {
        if !std::mem::take(&mut self.round_trip.was_unprotected) {
            desk.unprotected.on_protected();
        }
        let realized = self.realized();
        let profit = realized.saturating_add(-self.round_trip.realized_before);
        self.round_trip.realized_before = realized;
        self.round_trip.ended_with = self.round_trip.was_ours.then_some(profit);
    }

    /// What a round trip brought that ended since this was last asked.
    pub(super) const fn take_ended_round_trip(&mut self) -> Option<Amount> {
        self.round_trip.ended_with.take()
    }

    /// Carries out what an order asked for.
    fn send_order_action(
        &self,
        desk: &mut Desk<'_>,
        client_order_id: ClientOrderId,
        action: Option<OrderAction>,
    ) {
        let symbol = self.symbol();
        match action {
            Some(OrderAction::Query) => desk.send(Command::Query { symbol, client_order_id }),
            Some(OrderAction::Cancel) => desk.send(Command::Cancel { symbol, client_order_id }),
            None => {}
        }
    }

    /// Carries out what a stop asked for.
    fn send_stop_action(&mut self, desk: &mut Desk<'_>, action: ProtectionAction) {
        let symbol = self.symbol();
        match action {
            ProtectionAction::Place(cover) => self.place_stop(desk, &cover),
            ProtectionAction::Cancel(client_order_id) => {
                desk.send(Command::CancelStop { symbol, client_order_id });
            }
            ProtectionAction::Query(client_order_id) => {
                desk.send(Command::QueryStop { symbol, client_order_id });
            }
        }
    }

    /// Everything that wants to be woken, later than `now`: what was due has been dealt with.
    pub(super) fn next_deadline(
        &self,
        now: Timestamp,
        settings: &TradingSettings,
    ) -> Option<(Timestamp, DeadlineReason)> {
        let countdown = self.countdown.next_deadline(settings.countdown);
        if self.is_quiet() && self.plan.is_none() {
            return countdown.filter(|at| *at > now).map(|at| (at, DeadlineReason::Countdown));
        }
        let entry = self.blotter.live_for(Purpose::Entry);
        let expires_at = self.plan.map(|plan| plan.expires_at).filter(|_| entry.is_some());
        let opened_at = self.plan.and_then(|plan| plan.opened_at);
        let close_at = opened_at.map(|at| at + settings.max_holding);
        let deadlines = [
            (self.blotter.next_deadline(), DeadlineReason::OrderInquiry),
            (self.entry_due_at, DeadlineReason::OrderInquiry),
            (self.protection.inquiry_deadline(), DeadlineReason::StopInquiry),
            (expires_at, DeadlineReason::EntryExpiry),
            (self.protection.naked_deadline(), DeadlineReason::NakedTimeout),
            (self.protection.retry_deadline(), DeadlineReason::Retry),
            (self.take_profit_retry_at, DeadlineReason::Retry),
            (self.stop_loss.next_deadline(settings.stop_loss_budget), DeadlineReason::StopLossStep),
            (close_at, DeadlineReason::MaxHolding),
            (self.mark_deadline(settings), DeadlineReason::MarkPriceAge),
            (countdown, DeadlineReason::Countdown),
        ];
        let ahead = |(at, reason): (Option<Timestamp>, _)| at.map(|at| (at, reason));
        deadlines.into_iter().filter_map(ahead).filter(|(at, _)| *at > now).min()
    }
}
