//! When the whole account is asked for, and what follows from the answer.
//!
//! On start, when the user stream comes back, after each cycle, while fills are awaited, and every
//! `reconcile_interval`. On start nothing else is done before the first answer.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{AccountReport, Failure, Symbol, Timestamp, TradeId};
use crate::trading::reconcile::{
    Discrepancy, DiscrepancyLog, Findings, IN_FLIGHT, Subject, UNRESOLVED_LIMIT,
};

use super::cycle::Cycle;
use super::{Command, DeadlineReason, Running, Severity, Turn};

/// An answer that has not come after this long is not waited for.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// An agreement with the venue as old as this proves nothing any more (promise I5).
const AGREEMENT_LIMIT: Duration = Duration::from_secs(30);

/// Questions to the account, and what the answers showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AccountWatch {
    /// The account is not asked for more often than this, whatever the need.
    shortest_interval: Duration,
    due_at: Timestamp,
    asked_at: Option<Timestamp>,
    has_answered: bool,
    has_matched: bool,
    /// Why the last question had no answer, if it had none.
    failure: Option<String>,
    log: DiscrepancyLog,
    foreign: u64,
}

impl AccountWatch {
    /// Asks at once, and then never twice within `shortest_interval`.
    pub(super) fn new(now: Timestamp, shortest_interval: Duration) -> Self {
        Self {
            shortest_interval,
            due_at: now,
            asked_at: None,
            has_answered: false,
            has_matched: false,
            failure: None,
            log: DiscrepancyLog::default(),
            foreign: 0,
        }
    }

    /// The account is wanted as soon as may be.
    pub(super) fn want(&mut self, now: Timestamp) {
        let soonest = self.asked_at.map_or(now, |at| now.max(at + self.shortest_interval));
        self.due_at = self.due_at.min(soonest);
    }

    /// Asking failed: again, soon, unless the venue asks for silence.
    pub(super) fn on_failure(&mut self, now: Timestamp, failure: &Failure) {
        self.failure = Some(failure.to_string());
        let soon = now + self.shortest_interval;
        self.due_at = match failure {
            Failure::Throttled { until } => soon.max(*until),
            Failure::NotSent { .. } | Failure::Rejected(_) | Failure::Unknown { .. } => soon,
        };
    }

    /// Whether the account has been heard of since the start.
    pub(super) const fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Why the account's last answer is still awaited, if asking failed.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Whether ledger and venue have agreed since the start.
    pub(super) const fn has_matched(&self) -> bool {
        self.has_matched
    }

    /// When to ask next, or to stop waiting.
    pub(super) fn next_deadline(&self, now: Timestamp) -> Option<(Timestamp, DeadlineReason)> {
        Some((self.due_at, DeadlineReason::Reconcile)).filter(|(at, _)| *at > now)
    }

    /// Discrepancies open for at least this long.
    pub(super) fn unresolved(
        &self,
        now: Timestamp,
        age: Duration,
    ) -> impl Iterator<Item = Discrepancy> + '_ {
        self.log.older_than(now, age)
    }

    /// Confirmed discrepancies that are still open.
    pub(super) fn confirmed(&self) -> impl Iterator<Item = &Discrepancy> {
        self.log.confirmed()
    }

    /// How many discrepancies this run has confirmed.
    pub(super) const fn confirmed_total(&self) -> u64 {
        self.log.confirmed_total()
    }

    /// Orders at the venue that are not ours.
    pub(super) const fn foreign(&self) -> u64 {
        self.foreign
    }

    /// A position that differs is taken over after this long: on start soon, because it may be
    /// unprotected; later only when nothing can be in flight any more. What would be too old at the
    /// next report is too old at this one, so that the limit holds however rare reports are (I3).
    fn patience(&self) -> Duration {
        if self.has_matched {
            UNRESOLVED_LIMIT.saturating_sub(self.shortest_interval).max(IN_FLIGHT)
        } else {
            IN_FLIGHT
        }
    }
}

impl Running {
    /// Asks for the account if it is due.
    pub(super) fn ask_account_if_due(&mut self, turn: &mut Turn) {
        if self.cycles.values().any(Cycle::wants_account) {
            self.account.want(turn.now);
        }
        if self.account.due_at > turn.now {
            return;
        }
        let limit = AGREEMENT_LIMIT.max(self.reconcile_interval() * 2);
        self.conditions.reconciled_at =
            self.conditions.reconciled_at.filter(|at| turn.now.since(*at) < limit);
        let fills_after: BTreeMap<Symbol, Option<TradeId>> = self
            .cycles
            .iter()
            .map(|(symbol, cycle)| (*symbol, self.fills_after(turn.now, cycle)))
            .collect();
        self.account.asked_at = Some(turn.now);
        self.account.due_at = turn.now + ANSWER_PATIENCE.max(self.account.shortest_interval);
        turn.commands.push(Command::QueryAccount { fills_after });
    }

    /// After which trade fills are asked for. While a position differs they are asked for by their
    /// time: a venue that numbers its trades anew shows none after the one that was the newest.
    fn fills_after(&self, now: Timestamp, cycle: &Cycle) -> Option<TradeId> {
        let is_of_it = |found: Discrepancy| found.subject() == Subject::Position(cycle.symbol());
        let differs = self.account.unresolved(now, Duration::ZERO).any(is_of_it);
        cycle.position().fills_after().filter(|_| !differs)
    }

    /// Books, compares and corrects, instrument by instrument.
    pub(super) fn on_account(&mut self, turn: &mut Turn, report: &AccountReport) {
        self.account.has_answered = true;
        self.account.failure = None;
        self.account.foreign = 0;
        let symbols: Vec<Symbol> = self.cycles.keys().copied().collect();
        let mut is_conclusive = true;
        for symbol in symbols.iter().copied() {
            let mut findings = Findings::default();
            self.with_cycle(turn, symbol, |cycle, desk| {
                findings = cycle.on_account(desk, report);
            });
            is_conclusive &= !findings.is_inconclusive;
            self.account.foreign += findings.foreign;
            for discrepancy in self.account.log.observe(turn.now, symbol, &findings) {
                turn.notify(Severity::Warning, format!("discrepancy: {discrepancy}"));
            }
        }
        self.settle_discrepancies(turn, report);
        let is_matched = self.account.log.is_clean() && is_conclusive;
        if is_matched {
            self.account.has_matched = true;
            self.conditions.reconciled_at = Some(turn.now);
        }
        if is_conclusive {
            self.compare_wallet(turn, &symbols, report);
        }
        let is_blind = !self.conditions.is_user_live && self.cycles.values().any(Cycle::is_open);
        let is_urgent = !is_matched || is_blind;
        let shortest = self.account.shortest_interval;
        self.account.due_at =
            turn.now + if is_urgent { shortest } else { self.reconcile_interval() };
    }

    /// The wallet is taken as the venue has it; what nothing explains halts trading.
    fn compare_wallet(&mut self, turn: &mut Turn, symbols: &[Symbol], report: &AccountReport) {
        for difference in self.wallet.compare((turn.now, self.income.told_until()), symbols, report)
        {
            turn.notify(Severity::Warning, format!("discrepancy: {difference}"));
            self.halt(turn, difference.to_string());
        }
        if self.wallet.wants_income() {
            self.income.want(turn.now);
        }
    }

    /// How often the account is asked for in quiet times.
    fn reconcile_interval(&self) -> Duration {
        self.settings.reconcile_interval.max(self.account.shortest_interval)
    }

    /// What has differed for too long halts trading; a position is then taken as the venue has it,
    /// so that all of it is protected.
    fn settle_discrepancies(&mut self, turn: &mut Turn, report: &AccountReport) {
        let patience = self.account.patience();
        let unresolved: Vec<Discrepancy> = self.account.unresolved(turn.now, patience).collect();
        for discrepancy in unresolved {
            if let Discrepancy::Position { symbol, .. } = discrepancy {
                self.with_cycle(turn, symbol, |cycle, desk| {
                    cycle.adopt_venue_position(desk, report);
                });
                self.halt(turn, discrepancy.to_string());
            } else if self.account.has_matched {
                self.halt(turn, discrepancy.to_string());
            }
        }
    }
}
