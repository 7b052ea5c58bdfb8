//! When to ask about an outcome that is hidden (exchange-api.md 7.3).
//!
//! Asks after 0.3, 1, 2, 5 and 10 s, then every 10 s; never resends. A denial (−2013) is decisive
//! only once the venue's window for late acceptance has passed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;

/// When to ask, counted from the moment the outcome became unknown.
const SCHEDULE: [Duration; 5] = [
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// The longest window of acceptance there may be: settings allow no longer one.
pub const LONGEST_ACCEPTANCE: Duration = Duration::from_secs(5);

/// Clocks, queues and replicas differ: a denial is believed so much later than the window's end.
const DENIAL_MARGIN: Duration = Duration::from_secs(5);

/// A running inquiry into one order or stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    began: Timestamp,
    asked: u32,
    next_at: Timestamp,
}

impl Inquiry {
    /// Begins to count at `now`.
    #[must_use]
    pub fn begin(now: Timestamp) -> Self {
        Self { began: now, asked: 0, next_at: now + SCHEDULE[0] }
    }

    /// When to ask next.
    #[must_use]
    pub const fn next_at(&self) -> Timestamp {
        self.next_at
    }

    /// Whether it is time to ask; if so, the schedule moves on.
    #[must_use]
    pub fn take_due(&mut self, now: Timestamp) -> bool {
        let is_due = self.next_at <= now;
        if is_due {
            self.asked = self.asked.saturating_add(1);
            let step = usize::try_from(self.asked).unwrap_or(usize::MAX);
            let last = SCHEDULE[SCHEDULE.len() - 1];
            // A wake-up that came late must not set the next one in the past.
            self.next_at = match SCHEDULE.get(step) {
                Some(&after) => (self.began + after).max(now + SCHEDULE[0]),
                None => now + last,
            };
        }
        is_due
    }

    /// Whether it has asked an even number of times: for those who alternate two requests.
    #[must_use]
    pub const fn has_asked_evenly(&self) -> bool {
        self.asked.is_multiple_of(2)
    }

    /// Whether "no such order" may now be believed.
    #[must_use]
    pub fn is_decisive(&self, now: Timestamp) -> bool {
        now.since(self.began) >= LONGEST_ACCEPTANCE + DENIAL_MARGIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_on_schedule_and_believes_a_denial_only_after_the_window() {
        let at = Timestamp::from_millis;
        let mut inquiry = Inquiry::begin(at(0));
        let mut asked = Vec::new();
        for milli in (0..40_000).step_by(100) {
            if inquiry.take_due(at(milli)) {
                asked.push(milli);
            }
        }
        assert_eq!(asked, [300, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000]);
        assert!(!inquiry.is_decisive(at(9_999)));
        assert!(inquiry.is_decisive(at(10_000)));
    }
}
