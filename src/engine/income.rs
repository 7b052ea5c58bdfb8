//! When the venue is asked what moved the wallet, and what follows from the answer.
//!
//! On start, after each full hour (funding is paid on hours), and when something moved that nothing
//! has told yet. A question weighs thirty: seldom is the rule.
//!
//! Invariant: a row is booked once, however often it is told and over restarts (promise I6).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{Failure, Income, IncomeId, Symbol, Timestamp};

use super::{Command, DeadlineReason, LedgerSummary, Running, Severity, Turn};

/// Funding is settled within a minute of its hour.
const AFTER_THE_HOUR: Duration = Duration::from_secs(65);
/// What has just moved shows as a row a moment later.
const SOON: Duration = Duration::from_secs(2);
/// Between two questions, whatever the need.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(30);
/// How long a row that must exist is asked for.
const AWAITED: Duration = Duration::from_secs(90);
/// An answer that has not come after this long is not waited for.
const ANSWER_PATIENCE: Duration = Duration::from_mins(1);
/// Rows may be told later than others of the same moment: so much is asked for again.
const OVERLAP: Duration = Duration::from_mins(10);
/// Rows are asked for so far back at most.
const FARTHEST_BACK: Duration = Duration::from_hours(7 * 24);

const HOUR_NANOS: i64 = 3_600_000_000_000;

/// Questions for the account's income, and the rows that are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IncomeWatch {
    /// Rows from here on are asked for.
    since: Timestamp,
    /// Rows that are booked, as far back as they may be told again.
    known: BTreeSet<IncomeId>,
    asked_at: Option<Timestamp>,
    /// When the last question was asked that had an answer.
    told_until: Option<Timestamp>,
    due_at: Timestamp,
    /// Until when a row is asked for that must exist.
    awaited_until: Option<Timestamp>,
}

impl IncomeWatch {
    /// Continues where earlier runs ended.
    pub(super) fn new(now: Timestamp, ledger: &LedgerSummary) -> Self {
        let since = ledger.income_since.unwrap_or(now).max(now.earlier_by(FARTHEST_BACK));
        let known = ledger.income_known.iter().cloned().collect();
        Self { since, known, asked_at: None, told_until: None, due_at: now, awaited_until: None }
    }

    /// Something moved the wallet that no row has told.
    pub(super) fn want(&mut self, now: Timestamp) {
        self.awaited_until = self.awaited_until.or(Some(now + AWAITED));
        let soonest = self.asked_at.map_or(now, |at| at + SHORTEST_INTERVAL);
        self.due_at = self.due_at.min(soonest.max(now + SOON));
    }

    /// Up to when the venue has told what moved the wallet.
    pub(super) const fn told_until(&self) -> Option<Timestamp> {
        self.told_until
    }

    /// Asking failed: again, not soon.
    pub(super) fn on_failure(&mut self, now: Timestamp, failure: &Failure) {
        let soon = now + SHORTEST_INTERVAL;
        self.due_at = match failure {
            Failure::Throttled { until } => soon.max(*until),
            Failure::NotSent { .. } | Failure::Rejected(_) | Failure::Unknown { .. } => soon,
        };
    }

    /// When to ask next.
    pub(super) fn next_deadline(&self, now: Timestamp) -> Option<(Timestamp, DeadlineReason)> {
        Some((self.due_at, DeadlineReason::Income)).filter(|(at, _)| *at > now)
    }

    /// The question that is due, if one is.
    fn question(&mut self, now: Timestamp) -> Option<Command> {
        if self.due_at > now {
            return None;
        }
        self.asked_at = Some(now);
        self.due_at = now + ANSWER_PATIENCE;
        Some(Command::QueryIncome { since: self.since })
    }

    /// The rows that were not known, oldest first.
    fn take_in(&mut self, now: Timestamp, asked_at: Timestamp, rows: &[Income]) -> Vec<Income> {
        let news: Vec<Income> =
            rows.iter().filter(|row| self.known.insert(row.id())).cloned().collect();
        self.told_until = self.told_until.max(Some(asked_at));
        self.since = self.since.max(asked_at.earlier_by(OVERLAP));
        let since = self.since;
        self.known.retain(|id| id.time >= since);
        if news.iter().any(|row| !row.kind.is_of_trade()) {
            self.awaited_until = None;
        }
        self.awaited_until = self.awaited_until.filter(|until| now < *until);
        let hour = (now.nanos().div_euclid(HOUR_NANOS) + 1).saturating_mul(HOUR_NANOS);
        let after_the_hour = Timestamp::from_nanos(hour) + AFTER_THE_HOUR;
        self.due_at = match self.awaited_until {
            Some(_) => after_the_hour.min(now + SHORTEST_INTERVAL),
            None => after_the_hour,
        };
        news
    }
}

impl Running {
    /// Asks what moved the wallet, if that is due.
    pub(super) fn ask_income_if_due(&mut self, turn: &mut Turn) {
        turn.commands.extend(self.income.question(turn.now));
    }

    /// Books what was not known: into the symbol's profit, and into the wallet.
    pub(super) fn on_income(&mut self, turn: &mut Turn, asked_at: Timestamp, rows: &[Income]) {
        for row in self.income.take_in(turn.now, asked_at, rows) {
            let place = row.symbol.and_then(|symbol| self.place_of(symbol));
            if place.is_some() && row.kind.is_of_trade() {
                continue; // its fill is booked as such
            }
            self.wallet.on_income(&row);
            if row.kind.is_of_trade() {
                continue; // a trade in a symbol that is not traded here
            }
            if let Some(place) = place {
                self.book_income(turn, place, &row);
            }
            let about = row.symbol.map(|symbol| format!(" in {symbol}")).unwrap_or_default();
            let text = format!("{}{about}: {} {}", row.kind.as_str(), row.amount, row.asset);
            turn.notify(Severity::Info, text);
        }
    }

    /// What was paid before this run began is of the day, if it is, and not of the run.
    fn book_income(&mut self, turn: &Turn, place: usize, row: &Income) {
        let Some(cycle) = self.cycles.values_mut().nth(place) else { return };
        if row.time >= self.began_at {
            cycle.book_income(row);
        } else if cycle.is_priced_in(row.asset) {
            self.losses.on_earlier(turn.now, row.time, row.amount);
        }
    }

    fn place_of(&self, symbol: Symbol) -> Option<usize> {
        self.cycles.keys().position(|traded| *traded == symbol)
    }
}
