//! Whether the account is still set up as it was when the run began (hedge mode, leverage, margin
//! type, multi-assets mode), and what follows if it is not.
//!
//! The stream tells of some changes; of the others only asking tells. Protection goes on under other
//! terms as well, except in hedge mode: there the venue takes no order of this program. It lets nobody
//! switch while anything is held or works, so what is held in that mode was opened in it by others.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{AccountTerms, Failure, Timestamp};

use super::{Command, DeadlineReason, Running, Turn};

/// Between two questions in quiet times; they weigh ten together.
const INTERVAL: Duration = Duration::from_secs(30);
/// What is doubted is not asked for more often than this.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(5);
/// The venue's refusal of an order that names no side of a position, where it should.
const SIDE_OF_OTHER_MODE: i32 = -4061;

const HEDGED: &str = "the account was set to hedge mode, in which no order of lobd is taken: what is \
                      held in it is yours to protect; close it, set one-way mode at the venue, then \
                      `lobd resume`";

/// Questions for the account's terms, and what they were last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TermsWatch {
    known: Option<AccountTerms>,
    asked_at: Option<Timestamp>,
    due_at: Timestamp,
}

impl TermsWatch {
    /// Asks at once.
    pub(super) const fn new(now: Timestamp) -> Self {
        Self { known: None, asked_at: None, due_at: now }
    }

    /// The terms may have changed.
    pub(super) fn doubt(&mut self, now: Timestamp) {
        let soonest = self.asked_at.map_or(now, |at| now.max(at + SHORTEST_INTERVAL));
        self.due_at = self.due_at.min(soonest);
    }

    /// A refusal that the account's mode explains.
    pub(super) fn on_refusal(&mut self, now: Timestamp, failure: &Failure) {
        if matches!(failure, Failure::Rejected(refusal) if refusal.code == SIDE_OF_OTHER_MODE) {
            self.doubt(now);
        }
    }

    /// When to ask next.
    pub(super) fn next_deadline(&self, now: Timestamp) -> Option<(Timestamp, DeadlineReason)> {
        Some((self.due_at, DeadlineReason::Terms)).filter(|(at, _)| *at > now)
    }

    /// Why trading may not go on under these terms, whoever wants it to.
    pub(super) fn forbids(&self) -> Option<&'static str> {
        self.known.as_ref().is_some_and(|known| known.is_hedged).then_some(HEDGED)
    }
}

impl Running {
    /// Asks how the account is set up, if that is due. One that fails is asked with the next.
    pub(super) fn ask_terms_if_due(&mut self, turn: &mut Turn) {
        if self.terms.due_at > turn.now {
            return;
        }
        self.terms.asked_at = Some(turn.now);
        self.terms.due_at = turn.now + INTERVAL;
        let symbols = self.cycles.keys().copied().collect();
        turn.commands.push(Command::QueryTerms { symbols });
    }

    /// What a person has changed halts trading: sizes, margins and liquidation were reckoned by what
    /// it was. Once a person resumes, what it is now stands.
    pub(super) fn on_terms(&mut self, turn: &mut Turn, terms: AccountTerms) {
        let before = self.terms.known.replace(terms);
        let now = self.terms.known.as_ref();
        let changes = now.zip(before.as_ref()).map(|(now, before)| now.changes_since(before));
        let changes = changes.unwrap_or_default();
        if let Some(reason) = self.terms.forbids() {
            self.halt(turn, reason.to_owned());
        } else if !changes.is_empty() {
            self.halt(turn, format!("changed by hand at the venue: {}", changes.join("; ")));
        }
    }
}
