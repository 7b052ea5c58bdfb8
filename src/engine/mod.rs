//! The fold: `handle(now, event) -> Vec<Command>` is the only place where anything is decided.
//!
//! It holds one `cycle` an instrument under one risk budget, and what no instrument has for
//! itself: conditions, halts, and the reconciliation of the account. No clock, no I/O, no floats.
//!
//! Invariants: **1** the first event is [`Event::Started`], so a journal alone replays the engine;
//! **2** same events, same commands; **3** after a halt every command reduces exposure; **4** new
//! risk only while every condition holds (promise I5).
//!
//! The driver must say that the streams are live ([`Event::Feed`]) and how far the clocks differ
//! ([`Event::ClockOffset`]): unproven counts as bad. [`Event::Tick`] is sent at `next_deadline`.

mod account;
mod command;
mod conditions;
mod cycle;
mod deadline;
mod desk;
mod event;
mod income;
mod key;
mod limits;
mod operator;
mod status;
mod terms;
mod weight;

pub use command::{Command, Notice, Severity};
pub use deadline::DeadlineReason;
pub use event::{
    AccountChange, CountdownProof, Event, Feed, LedgerSummary, ModelInCharge, OperatorRequest,
    Started, TradedInstrument,
};
pub use status::{CyclePhase, EngineStatus, SymbolStatus, Totals, TradingState, WorkingOrder};

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::book::Frame;
use crate::domain::{
    Amount, ClientOrderId, Failure, Fill, Instrument, OrderReport, PositionReport, Prediction,
    StopReport, Symbol, Timestamp,
};
use crate::trading::order::OrderEvent;
use crate::trading::protection::StopEvent;
use crate::trading::risk::RiskBudget;
use crate::trading::{LossWatch, TradingSettings, UnprotectedWatch, Wallet};

use account::AccountWatch;
use conditions::Conditions;
use cycle::Cycle;
use desk::{Desk, IdSequence};
use income::IncomeWatch;
use terms::TermsWatch;

/// Decides everything: events in, commands out; no clock, no I/O.
///
/// A new engine knows nothing; its first event is [`Event::Started`]. A later one begins a new run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TradingEngine {
    now: Timestamp,
    running: Option<Running>,
}

/// A run: everything that is known since it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Running {
    settings: TradingSettings,
    countdown: CountdownProof,
    conditions: Conditions,
    risk: RiskBudget,
    losses: LossWatch,
    unprotected: UnprotectedWatch,
    ids: IdSequence,
    account: AccountWatch,
    began_at: Timestamp,
    income: IncomeWatch,
    terms: TermsWatch,
    wallet: Wallet,
    cycles: BTreeMap<Symbol, Cycle>,
    /// Why the operator's last request was refused, if it was.
    refusal: Option<String>,
    /// How often a working entry is asked for, given how many there are.
    entry_interval: Duration,
    /// How often a position may be polled, given how many are held.
    position_interval: Duration,
}

/// Time, and where commands go, while one event is handled.
struct Turn {
    now: Timestamp,
    commands: Vec<Command>,
    halt: Option<String>,
}

impl TradingEngine {
    /// Advances by one event; what it returns is to be made durable and carried out, in order.
    #[must_use]
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Command> {
        // Time never runs backward: a stepped clock must not revive what has expired.
        self.now = self.now.max(now);
        let mut turn = Turn { now: self.now, commands: Vec::new(), halt: None };
        if let Event::Started(started) = event {
            self.running = Some(Running::start(self.now, *started, &mut turn));
        } else if let Some(running) = &mut self.running {
            running.take_in(&mut turn, event);
        }
        if let Some(running) = &mut self.running {
            running.advance(&mut turn);
        }
        turn.commands
    }

    /// When to send [`Event::Tick`] if nothing else comes before, and what for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Timestamp, DeadlineReason)> {
        let running = self.running.as_ref()?;
        let cycles = running.cycles.values();
        cycles
            .filter_map(|cycle| cycle.next_deadline(self.now, &running.settings))
            .chain(running.account.next_deadline(self.now))
            .chain(running.income.next_deadline(self.now))
            .chain(running.terms.next_deadline(self.now))
            .min()
    }

    /// Why the last [`Event::Operator`] was refused; `None` if it was obeyed.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.running.as_ref()?.refusal.as_deref()
    }

    /// A copy of what the engine knows, for people.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        self.running.as_ref().map_or_else(EngineStatus::default, |running| running.status(self.now))
    }
}

impl Running {
    fn start(now: Timestamp, started: Started, turn: &mut Turn) -> Self {
        let Started { run, settings, instruments, ledger, countdown, .. } = started;
        let mut conditions = Conditions::default();
        if let Some(reason) = &ledger.halted {
            conditions.halted = Some(reason.clone());
            turn.notify(Severity::Warning, format!("still halted: {reason}"));
        }
        let instruments_count = instruments.len();
        let may_guard = may_guard(countdown, &settings);
        let guard = if settings.countdown.is_zero() {
            "off by its setting".to_owned()
        } else {
            countdown.to_string()
        };
        turn.notify(Severity::Info, format!("dead-man's switch over entries {guard}"));
        let cycles = instruments
            .into_iter()
            .map(|traded| (traded.instrument.symbol, Cycle::new(traded, &ledger, may_guard)))
            .collect();
        Self {
            settings,
            countdown,
            conditions,
            risk: RiskBudget::default(),
            losses: LossWatch::carried_over(now, ledger.realized_today),
            unprotected: UnprotectedWatch::default(),
            ids: IdSequence::new(run),
            account: AccountWatch::new(now, weight::account_interval(instruments_count)),
            began_at: now,
            income: IncomeWatch::new(now, &ledger),
            terms: TermsWatch::new(now),
            wallet: Wallet::default(),
            cycles,
            refusal: None,
            entry_interval: weight::entry_interval(0),
            position_interval: weight::position_interval(0),
        }
    }

    /// What is known changes; what follows from it is decided in [`Self::advance`].
    fn take_in(&mut self, turn: &mut Turn, event: Event) {
        self.watch_key(turn, &event);
        match event {
            // Time alone changes nothing that is known; a procedure that asked for a position has
            // its own patience (`stop_loss`).
            Event::Started(_)
            | Event::Tick
            | Event::PositionFailed { .. }
            | Event::TermsFailed(_) => {}
            Event::Second(frame) => self.observe(&frame),
            Event::Prediction(prediction) => self.on_prediction(turn, prediction),
            Event::Order(report) => self.tell_order(turn, OrderEvent::Report(&report), &report),
            Event::OrderAnswer(report) => {
                self.tell_order(turn, OrderEvent::Answer(&report), &report);
            }
            Event::PlaceFailed { client_order_id, failure } => {
                self.terms.on_refusal(turn.now, &failure);
                self.on_order(turn, client_order_id, OrderEvent::PlaceFailed(&failure));
            }
            Event::CancelFailed { client_order_id, failure } => {
                self.on_order(turn, client_order_id, OrderEvent::CancelFailed(&failure));
            }
            Event::QueryFailed { client_order_id, failure } => {
                self.on_order(turn, client_order_id, OrderEvent::QueryFailed(&failure));
            }
            Event::Fill(fill) => self.on_fill(turn, &fill),
            Event::Stop(report) => self.tell_stop(turn, StopEvent::Report(&report), &report),
            Event::StopAnswer(report) => self.tell_stop(turn, StopEvent::Answer(&report), &report),
            Event::PlaceStopFailed { client_order_id, failure } => {
                self.terms.on_refusal(turn.now, &failure);
                self.on_stop(turn, client_order_id, StopEvent::PlaceFailed(&failure));
            }
            Event::CancelStopFailed { client_order_id, failure } => {
                self.on_stop(turn, client_order_id, StopEvent::CancelFailed(&failure));
            }
            Event::QueryStopFailed { client_order_id, failure } => {
                self.on_stop(turn, client_order_id, StopEvent::QueryFailed(&failure));
            }
            Event::Position { asked_at, report } => self.on_position(turn, asked_at, &report),
            Event::CountdownSet { symbol } => self.on_countdown(turn, symbol, None),
            Event::CountdownFailed { symbol, failure } => {
                self.on_countdown(turn, symbol, Some(&failure));
            }
            Event::Account(report) => self.on_account(turn, &report),
            Event::AccountFailed(failure) => self.account.on_failure(turn.now, &failure),
            Event::Income { asked_at, rows } => self.on_income(turn, asked_at, &rows),
            Event::IncomeFailed(failure) => self.income.on_failure(turn.now, &failure),
            Event::AccountChanged(AccountChange::Wallet) => self.income.want(turn.now),
            Event::AccountChanged(AccountChange::Terms) => self.terms.doubt(turn.now),
            Event::Terms(terms) => self.on_terms(turn, terms),
            Event::Feed { feed, is_live } => self.on_feed(turn, feed, is_live),
            Event::ClockOffset { nanos } => self.conditions.clock_offset = Some(nanos),
            Event::Journal { is_healthy } => self.conditions.is_journal_healthy = is_healthy,
            Event::Model { symbol, model } => self.on_model(turn, symbol, model),
            Event::External { symbol } => self.on_external(turn, symbol),
            Event::Rules(instrument) => self.on_rules(turn, *instrument),
            Event::Listing { symbol, closed } => self.on_listing(turn, symbol, closed),
            Event::Operator(request) => self.on_operator(turn, request),
            Event::Shutdown => self.on_shutdown(turn),
        }
    }

    /// Brings everything in line with what is known now.
    fn advance(&mut self, turn: &mut Turn) {
        // On start the account speaks first: what is held is not known before.
        if !self.account.has_answered() {
            self.ask_account_if_due(turn);
            return;
        }
        self.check_limits(turn);
        let held = self.cycles.values().filter(|cycle| !cycle.held().is_zero()).count();
        self.position_interval = weight::position_interval(held);
        let entering = self.cycles.values().filter(|cycle| cycle.has_entry()).count();
        self.entry_interval = weight::entry_interval(entering);
        for place in 0..self.cycles.len() {
            self.with_cycle_at(turn, place, Cycle::advance);
        }
        if let Some(reason) = turn.halt.take() {
            self.halt(turn, reason);
        }
        self.ask_account_if_due(turn);
        self.ask_income_if_due(turn);
        self.ask_terms_if_due(turn);
    }

    fn observe(&mut self, frame: &Frame) {
        for row in &frame.rows {
            if let Some(cycle) = self.cycles.get_mut(&row.symbol) {
                cycle.observe(frame.second, row, &self.settings.limits);
            }
        }
    }

    fn on_prediction(&mut self, turn: &mut Turn, prediction: Prediction) {
        let elsewhere = self.elsewhere(prediction.symbol);
        self.with_cycle(turn, prediction.symbol, |cycle, desk| {
            cycle.consider(desk, prediction, elsewhere);
        });
    }

    fn on_fill(&mut self, turn: &mut Turn, fill: &Fill) {
        self.with_cycle(turn, fill.symbol, |cycle, desk| cycle.on_fill(desk, fill));
    }

    fn on_position(&mut self, turn: &mut Turn, asked_at: Timestamp, report: &PositionReport) {
        self.with_cycle(turn, report.symbol, |cycle, desk| {
            cycle.on_position(desk, asked_at, report);
        });
    }

    fn on_feed(&mut self, turn: &Turn, feed: Feed, is_live: bool) {
        self.conditions.on_feed(feed, is_live);
        self.account.want(turn.now);
    }

    fn on_model(&mut self, turn: &mut Turn, symbol: Symbol, model: Option<ModelInCharge>) {
        self.with_cycle(turn, symbol, |cycle, _| cycle.set_model(model));
    }

    fn on_listing(&mut self, turn: &mut Turn, symbol: Symbol, closed: Option<String>) {
        self.with_cycle(turn, symbol, |cycle, desk| cycle.on_listing(desk, closed));
    }

    fn on_external(&mut self, turn: &mut Turn, symbol: Symbol) {
        self.with_cycle(turn, symbol, |cycle, _| cycle.leave_carried_over());
    }

    fn on_rules(&mut self, turn: &mut Turn, instrument: Instrument) {
        self.with_cycle(turn, instrument.symbol, |cycle, desk| cycle.obey(desk, instrument));
    }

    fn on_countdown(&mut self, turn: &mut Turn, symbol: Symbol, failure: Option<&Failure>) {
        self.with_cycle(turn, symbol, |cycle, desk| cycle.on_countdown(desk, failure));
    }

    fn tell_order(&mut self, turn: &mut Turn, told: OrderEvent<'_>, report: &OrderReport) {
        self.with_cycle(turn, report.symbol, |cycle, desk| {
            cycle.on_order_report(desk, told, report);
        });
    }

    fn tell_stop(&mut self, turn: &mut Turn, told: StopEvent<'_>, report: &StopReport) {
        self.with_cycle(turn, report.symbol, |cycle, desk| {
            cycle.on_stop_report(desk, told, report);
        });
    }

    fn on_order(&mut self, turn: &mut Turn, id: ClientOrderId, event: OrderEvent<'_>) {
        let place = self.cycles.values().position(|cycle| cycle.knows_order(id));
        if let Some(place) = place {
            self.with_cycle_at(turn, place, |cycle, desk| cycle.on_order_event(desk, id, event));
        }
    }

    fn on_stop(&mut self, turn: &mut Turn, id: ClientOrderId, event: StopEvent<'_>) {
        let place = self.cycles.values().position(|cycle| cycle.knows_stop(id));
        if let Some(place) = place {
            self.with_cycle_at(turn, place, |cycle, desk| cycle.on_stop_event(desk, id, event));
        }
    }

    fn with_cycle(
        &mut self,
        turn: &mut Turn,
        symbol: Symbol,
        act: impl FnOnce(&mut Cycle, &mut Desk<'_>),
    ) {
        // News of a symbol that is not traded here is none of ours.
        if let Some(place) = self.cycles.keys().position(|traded| *traded == symbol) {
            self.with_cycle_at(turn, place, act);
        }
    }

    fn with_cycle_at(
        &mut self,
        turn: &mut Turn,
        place: usize,
        act: impl FnOnce(&mut Cycle, &mut Desk<'_>),
    ) {
        let mut desk = Desk {
            now: turn.now,
            settings: &self.settings,
            risk: &mut self.risk,
            unprotected: &mut self.unprotected,
            standing: self.conditions.check(),
            has_agreed: self.account.has_matched(),
            entry_interval: self.entry_interval,
            position_interval: self.position_interval,
            countdown: may_guard(self.countdown, &self.settings).then_some(self.settings.countdown),
            is_leaving: self.conditions.is_shutting_down,
            wallet: &mut self.wallet,
            is_flattening: self.conditions.is_flattening,
            halt: &mut turn.halt,
            commands: &mut turn.commands,
            ids: &mut self.ids,
        };
        if let Some(cycle) = self.cycles.values_mut().nth(place) {
            act(cycle, &mut desk);
        }
    }

    fn realized_by_run(&self) -> Amount {
        self.cycles.values().map(Cycle::realized).sum()
    }
}

/// Whether the venue's countdown may guard entries.
fn may_guard(proof: CountdownProof, settings: &TradingSettings) -> bool {
    proof == CountdownProof::StopsSurvive && !settings.countdown.is_zero()
}

impl Turn {
    /// Tells people something about the engine as a whole.
    fn notify(&mut self, severity: Severity, text: String) {
        self.commands.push(Command::Notify(Notice { severity, symbol: None, text }));
    }
}
