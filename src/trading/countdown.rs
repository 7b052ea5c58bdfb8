//! The dead-man's switch over entries: the venue cancels a symbol's ordinary orders unless it is
//! told again in time that somebody is there (exchange-api.md 4.5).
//!
//! It is for entries alone: an entry that fills while nobody is there opens a position that nobody
//! closes. A take-profit goes with it, which costs a better price and no protection; so the countdown
//! is taken back once no entry works. The stop stays, which certification has to show first.
//!
//! One call weighs 10, so it is set for long and renewed once half of it is over; an entry that
//! follows soon finds it still running. Invariants: **1** while an entry may work, more than half of
//! the time is left, or a renewal is under way or tried again: a second after its failure, and then
//! ever more seldom; **2** once none does it is taken back before it runs out; **3** nothing is asked
//! while a call is under way.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{Failure, Timestamp};

/// An answer that has not come after this long is not waited for.
const ANSWER_PATIENCE: Duration = Duration::from_secs(12);
/// How long after the first failure it is tried again; after each further one in a row, twice as long.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The longest wait between two tries: a call that is refused for ever must not eat the budget.
const LONGEST_RETRY: Duration = Duration::from_secs(32);

/// One symbol's countdown, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Countdown {
    /// When it may run out; `None` if it surely does not run.
    ends_at: Option<Timestamp>,
    /// The call under way: when it was sent, and for how long it sets the countdown.
    asked: Option<(Timestamp, Duration)>,
    /// Before this nothing is tried again.
    retry_at: Option<Timestamp>,
    /// Whether the last call failed.
    has_failed: bool,
    /// How long the last failure was waited after.
    waited: Duration,
}

impl Countdown {
    /// A countdown that an earlier run may have left running: the first call takes it back.
    #[must_use]
    pub fn left_by_another_run() -> Self {
        Self { has_failed: true, ..Self::default() }
    }

    /// How long to set it for now, if it is to be set: nothing takes it back. `length` is how long
    /// it runs; `is_wanted` says whether an entry works or may work, `is_leaving` that the process
    /// is about to end.
    pub fn follow(
        &mut self,
        now: Timestamp,
        length: Duration,
        (is_wanted, is_leaving): (bool, bool),
    ) -> Option<Duration> {
        if self.asked.is_some_and(|(at, _)| now.since(at) < ANSWER_PATIENCE) {
            return None;
        }
        if let Some((at, time)) = self.asked.take() {
            self.fail(now, Some((at, time)), now);
        }
        if self.retry_at.is_some_and(|at| now < at) {
            return None;
        }
        let is_low = self.ends_at.is_none_or(|end| end.since(now) <= length / 2);
        let time = match (is_wanted, self.ends_at.is_some()) {
            (true, _) if is_low || self.has_failed => length,
            (false, true) if is_low || is_leaving || self.has_failed => Duration::ZERO,
            // A call that failed proves the way only once another one is answered.
            (false, false) if self.has_failed => Duration::ZERO,
            (true | false, _) => return None,
        };
        self.asked = Some((now, time));
        Some(time)
    }

    /// The venue did as it was asked.
    pub fn on_set(&mut self) {
        if let Some((at, time)) = self.asked.take() {
            self.ends_at = (!time.is_zero()).then_some(at + time);
        }
        (self.retry_at, self.has_failed, self.waited) = (None, false, Duration::ZERO);
    }

    /// The call did not simply succeed.
    pub fn on_failed(&mut self, now: Timestamp, failure: &Failure) {
        let asked = self.asked.take();
        match failure {
            Failure::Unknown { .. } => self.fail(now, asked, now),
            Failure::Throttled { until } => self.fail(now, None, *until),
            Failure::NotSent { .. } | Failure::Rejected(_) => self.fail(now, None, now),
        }
    }

    /// Whether the venue answers these calls, as far as is known: an entry waits until it does.
    #[must_use]
    pub const fn is_proven(&self) -> bool {
        !self.has_failed
    }

    /// Whether nothing is left to be taken back, or that was tried in vain: a process that ends
    /// waits no longer.
    #[must_use]
    pub const fn may_be_left(&self) -> bool {
        self.asked.is_none() && (self.ends_at.is_none() || self.has_failed)
    }

    /// When it may run out at the venue, if it runs.
    #[must_use]
    pub const fn ends_at(&self) -> Option<Timestamp> {
        self.ends_at
    }

    /// When it wants to be looked at again.
    #[must_use]
    pub fn next_deadline(&self, length: Duration) -> Option<Timestamp> {
        let renewal = self.ends_at.map(|end| end.earlier_by(length / 2));
        let patience = self.asked.map(|(at, _)| at + ANSWER_PATIENCE);
        patience.or(self.retry_at).or(renewal)
    }

    /// A call that may have been done may have set it: it runs until the later of both ends.
    fn fail(&mut self, now: Timestamp, done: Option<(Timestamp, Duration)>, until: Timestamp) {
        if let Some((at, time)) = done {
            self.ends_at = self.ends_at.max(Some(at + time));
        }
        self.has_failed = true;
        self.waited = (self.waited * 2).clamp(RETRY_AFTER, LONGEST_RETRY);
        self.retry_at = Some(until.max(now + self.waited));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_mins(1);
    const NEEDED: (bool, bool) = (true, false);
    const IDLE: (bool, bool) = (false, false);
    const LEAVING: (bool, bool) = (false, true);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000 + seconds)
    }

    fn running() -> Countdown {
        let mut countdown = Countdown::default();
        assert_eq!(countdown.follow(at(0), LENGTH, NEEDED), Some(LENGTH));
        assert_eq!(countdown.follow(at(0), LENGTH, NEEDED), None, "invariant 3");
        countdown.on_set();
        countdown
    }

    fn unknown() -> Failure {
        Failure::Unknown { reason: "test".to_owned() }
    }

    #[test]
    fn it_is_renewed_at_half_and_taken_back_once_no_entry_works() {
        let mut countdown = running();
        assert_eq!(countdown.follow(at(29), LENGTH, NEEDED), None);
        assert_eq!(countdown.next_deadline(LENGTH), Some(at(30)));
        assert_eq!(countdown.follow(at(30), LENGTH, NEEDED), Some(LENGTH));
        countdown.on_set();
        assert_eq!(countdown.follow(at(59), LENGTH, IDLE), None, "another entry may follow");
        assert_eq!(countdown.follow(at(60), LENGTH, IDLE), Some(Duration::ZERO));
        countdown.on_set();
        assert_eq!((countdown.ends_at(), countdown.next_deadline(LENGTH)), (None, None));
        assert_eq!(countdown.follow(at(90), LENGTH, IDLE), None);
    }

    #[test]
    fn a_process_that_ends_takes_it_back_at_once() {
        let mut countdown = running();
        assert!(!countdown.may_be_left());
        assert_eq!(countdown.follow(at(1), LENGTH, LEAVING), Some(Duration::ZERO));
        assert!(!countdown.may_be_left(), "not before the answer");
        countdown.on_set();
        assert!(countdown.may_be_left());
        let mut countdown = running();
        assert_eq!(countdown.follow(at(1), LENGTH, LEAVING), Some(Duration::ZERO));
        countdown.on_failed(at(2), &unknown());
        assert!(countdown.may_be_left(), "nor for ever");
    }

    #[test]
    fn a_call_that_failed_is_repeated_and_nothing_is_proven_until_one_is_answered() {
        let mut countdown = Countdown::default();
        assert_eq!(countdown.follow(at(0), LENGTH, NEEDED), Some(LENGTH));
        countdown.on_failed(at(1), &unknown());
        assert!(!countdown.is_proven());
        assert_eq!(countdown.ends_at(), Some(at(60)), "it may run");
        assert_eq!(countdown.follow(at(1), LENGTH, IDLE), None);
        assert_eq!(countdown.follow(at(2), LENGTH, IDLE), Some(Duration::ZERO));
        assert_eq!(countdown.follow(at(14), LENGTH, IDLE), None, "no answer is a failure");
        assert_eq!(countdown.follow(at(15), LENGTH, IDLE), None, "twice as long as before");
        assert_eq!(countdown.follow(at(16), LENGTH, IDLE), Some(Duration::ZERO));
        countdown.on_set();
        assert!(countdown.is_proven() && countdown.ends_at().is_none());
        let mut refused = Countdown::default();
        assert_eq!(refused.follow(at(0), LENGTH, NEEDED), Some(LENGTH));
        refused.on_failed(at(0), &Failure::Throttled { until: at(9) });
        assert_eq!((refused.ends_at(), refused.next_deadline(LENGTH)), (None, Some(at(9))));
    }

    #[test]
    fn a_call_that_is_always_refused_is_tried_ever_more_seldom() {
        let mut countdown = Countdown::left_by_another_run();
        let mut tries = 0;
        for second in 0..600 {
            if countdown.follow(at(second), LENGTH, IDLE).is_some() {
                tries += 1;
                let failure = Failure::NotSent { reason: "test".to_owned() };
                countdown.on_failed(at(second), &failure);
            }
        }
        assert_eq!(tries, 23, "after 0, 1, 3, 7, 15, 31 s, and then each 32 s");
    }
}
