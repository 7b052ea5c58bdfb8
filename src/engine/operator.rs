//! Halts, and what the operator and the end of the process ask for.
//!
//! A halt latches: it cancels entries, keeps take-profit, stop and stop-loss working, and is lifted
//! only by a person, once its cause is gone.

use crate::domain::Timestamp;
use crate::trading::ShutdownPolicy;
use crate::trading::reconcile::UNRESOLVED_LIMIT;

use super::cycle::Cycle;
use super::{EngineStatus, OperatorRequest, Running, Severity, Turn};

impl Running {
    /// Halts trading for a reason; the first reason stays.
    pub(super) fn halt(&mut self, turn: &mut Turn, reason: String) {
        if self.conditions.halted.is_none() {
            turn.notify(Severity::Alarm, format!("halted: {reason}"));
            self.conditions.halted = Some(reason);
            // Entries are withdrawn at once, not with the next event.
            for place in 0..self.cycles.len() {
                self.with_cycle_at(turn, place, Cycle::advance);
            }
        }
    }

    /// Does what the operator asks for.
    pub(super) fn on_operator(&mut self, turn: &mut Turn, request: OperatorRequest) {
        self.refusal = None;
        match request {
            OperatorRequest::Pause => {
                self.conditions.is_paused = true;
                turn.notify(Severity::Info, "paused: no new entries".to_owned());
            }
            OperatorRequest::Resume => self.resume(turn),
            OperatorRequest::Halt { reason } => self.halt(turn, reason),
            OperatorRequest::Flatten => {
                self.conditions.is_paused = true;
                self.conditions.is_flattening = true;
                turn.notify(Severity::Info, "flattening every position, then paused".to_owned());
            }
        }
    }

    /// Lifts a pause and a halt, unless the halt's cause persists. What may be looked at and accepted
    /// (a drawdown, losses in a row) counts from here.
    fn resume(&mut self, turn: &mut Turn) {
        self.losses.forgive();
        self.unprotected.forgive();
        let cause = self.excessive_loss(turn.now).map(|breach| breach.to_string());
        let cause = cause.or_else(|| self.margin_too_thin());
        let cause = cause.or_else(|| self.conditions.refused_key.clone());
        let cause = cause.or_else(|| self.terms.forbids().map(ToOwned::to_owned));
        let mut unresolved = self.account.unresolved(turn.now, UNRESOLVED_LIMIT);
        if let Some(cause) = cause.or_else(|| unresolved.next().map(|found| found.to_string())) {
            let refusal = format!("not resumed: {cause}");
            turn.notify(Severity::Warning, refusal.clone());
            drop(unresolved);
            self.refusal = Some(refusal);
            return;
        }
        drop(unresolved);
        self.wallet.begin_anew();
        self.conditions.halted = None;
        self.conditions.is_paused = false;
        self.conditions.is_flattening = false;
        turn.notify(Severity::Info, "resumed".to_owned());
    }

    /// The process is asked to end: entries go, positions stay protected or are closed.
    pub(super) fn on_shutdown(&mut self, turn: &mut Turn) {
        self.conditions.is_shutting_down = true;
        let left = self.cycles.values().filter(|cycle| !cycle.held().is_zero()).count();
        let text = match self.settings.shutdown_policy {
            ShutdownPolicy::Flatten => {
                self.conditions.is_flattening = true;
                format!("shutting down: {left} positions are being closed")
            }
            ShutdownPolicy::Protect => {
                format!("shutting down: {left} positions stay under their stops at the venue")
            }
        };
        turn.notify(Severity::Info, text);
    }

    /// Whether a process that was asked to end may do so.
    fn may_stop(&self, now: Timestamp) -> bool {
        let is_done = |cycle: &Cycle| match self.settings.shutdown_policy {
            ShutdownPolicy::Flatten => !cycle.is_open(),
            ShutdownPolicy::Protect => cycle.is_left_protected(now, &self.settings),
        };
        let is_left = |cycle: &Cycle| is_done(cycle) && cycle.is_guard_left();
        self.conditions.is_shutting_down && self.cycles.values().all(is_left)
    }

    /// Where ledger and venue differ for good, in words.
    fn discrepancies(&self) -> Vec<String> {
        let wallets = self.wallet.confirmed().map(ToString::to_string);
        self.account.confirmed().map(ToString::to_string).chain(wallets).collect()
    }

    /// A copy of what is known, for people.
    pub(super) fn status(&self, now: Timestamp) -> EngineStatus {
        let by_run = self.realized_by_run();
        EngineStatus {
            at: now,
            state: self.conditions.state(),
            halted: self.conditions.halted.clone(),
            is_paused: self.conditions.is_paused,
            is_shutting_down: self.conditions.is_shutting_down,
            may_stop: self.may_stop(now),
            is_reconciled: self.conditions.reconciled_at.is_some(),
            reconciled_at: self.conditions.reconciled_at,
            reconcile_failure: self.account.failure().map(ToOwned::to_owned),
            realized_today: self.losses.realized_today(now, by_run),
            discrepancies: self.discrepancies(),
            discrepancies_total: self.account.confirmed_total() + self.wallet.confirmed_total(),
            foreign_orders: self.account.foreign(),
            dead_mans_switch: self.countdown,
            symbols: self.cycles.values().map(|cycle| cycle.status(now, &self.settings)).collect(),
        }
    }
}
