//! The change from one account connection to its successor. Pure.
//!
//! Account events carry no sequence number; but both connections of one key bring the same texts.
//! The old one is told, the new one held back; at the switch, what only the new one brought is told,
//! and afterwards what it still repeats is not. Invariants: **1** an event both brought is told once;
//! **2** a new connection that lacks what the old one brought never takes over; **3** what is kept is
//! bounded; **4** texts, which may hold the listen key, are never shown.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::Timestamp;

/// Events kept of either connection: more than a swept book brings in seconds.
const MOST_KEPT: usize = 2_000;

/// What one connection told may be on its way over the other.
const IN_FLIGHT: Duration = Duration::from_secs(2);

/// Two connections of one key.
pub(super) struct UserOverlap {
    until: Timestamp,
    /// Told by the old connection and not brought by the new one yet.
    told: VecDeque<(Timestamp, String)>,
    /// Brought by the new connection and not told by the old one yet.
    held: VecDeque<String>,
}

/// Whether the new connection may take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Wait,
    Switch,
    /// It lacks an event that the old one brought.
    Abandon,
}

impl UserOverlap {
    /// Both connections are open; the decision falls at `until`.
    pub(super) fn new(until: Timestamp) -> Self {
        Self { until, told: VecDeque::new(), held: VecDeque::new() }
    }

    /// When to decide.
    pub(super) const fn deadline(&self) -> Timestamp {
        self.until
    }

    /// The old connection told a text.
    pub(super) fn on_old(&mut self, now: Timestamp, text: &str) {
        if let Some(at) = self.held.iter().position(|held| held == text) {
            self.held.remove(at);
        } else {
            self.told.push_back((now, text.to_owned()));
            if self.told.len() > MOST_KEPT {
                self.told.pop_front();
            }
        }
    }

    /// The new connection brought a text, which is held.
    pub(super) fn on_new(&mut self, text: &str) {
        if !self.forget(text) {
            self.held.push_back(text.to_owned());
            if self.held.len() > MOST_KEPT {
                self.held.pop_front();
            }
        }
    }

    pub(super) fn verdict(&self, now: Timestamp) -> Verdict {
        if now < self.until {
            return Verdict::Wait;
        }
        match self.told.front() {
            Some((at, _)) if now.since(*at) >= IN_FLIGHT => Verdict::Abandon,
            Some(_) | None => Verdict::Switch,
        }
    }

    /// Whether the connection that took over repeats what was told before.
    pub(super) fn is_repeated(&mut self, text: &str) -> bool {
        self.forget(text)
    }

    /// The switch: what only the new connection brought.
    pub(super) fn take_news(&mut self) -> VecDeque<String> {
        std::mem::take(&mut self.held)
    }

    fn forget(&mut self, text: &str) -> bool {
        let found = self.told.iter().position(|(_, told)| told == text);
        found.is_some_and(|at| self.told.remove(at).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn invariant_1_an_event_both_bring_is_told_once_whichever_comes_first() {
        let mut overlap = UserOverlap::new(at(5));
        overlap.on_old(at(1), "a");
        overlap.on_new("a");
        overlap.on_new("b");
        overlap.on_old(at(2), "b");
        overlap.on_new("c");
        overlap.on_old(at(4), "d");
        assert_eq!(overlap.verdict(at(4)), Verdict::Wait);
        assert_eq!(overlap.verdict(at(5)), Verdict::Switch, "d may be on its way");
        assert_eq!(overlap.take_news(), ["c"]);
        assert!(overlap.is_repeated("d"), "told before the switch");
        assert!(!overlap.is_repeated("d") && !overlap.is_repeated("e"));
    }

    #[test]
    fn invariant_2_a_connection_that_lacks_an_event_does_not_take_over() {
        let mut overlap = UserOverlap::new(at(5));
        overlap.on_old(at(3), "a");
        assert_eq!(overlap.verdict(at(5)), Verdict::Abandon);
        overlap.on_new("a");
        assert_eq!(overlap.verdict(at(5)), Verdict::Switch);
        assert!(overlap.take_news().is_empty());
    }

    #[test]
    fn invariant_3_what_is_kept_is_bounded() {
        let mut overlap = UserOverlap::new(at(5));
        for number in 0..3 * MOST_KEPT {
            overlap.on_old(at(1), &format!("old {number}"));
            overlap.on_new(&format!("new {number}"));
        }
        assert!(overlap.told.len() <= MOST_KEPT && overlap.held.len() <= MOST_KEPT);
    }
}
