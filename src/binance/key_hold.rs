//! A key that the venue refuses: asking with it again and again proves nothing and looks like an
//! attack. Pure.
//!
//! Invariant: **1** after a refusal nothing is asked with the key for a second, after each further
//! one for twice as long, at most half a minute; one answer lets everything through again.

use std::time::Duration;

use crate::domain::Timestamp;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Whether the key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct KeyHold {
    wait: Duration,
    until: Option<Timestamp>,
}

impl KeyHold {
    /// Until when nothing is to be asked with the key.
    pub(super) fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| now < *until)
    }

    /// The venue refused the key. What was asked beside the first such question adds nothing.
    pub(super) fn on_refused(&mut self, now: Timestamp) {
        if self.held_until(now).is_none() {
            self.wait = (self.wait * 2).clamp(SHORTEST, LONGEST);
            self.until = Some(now + self.wait);
        }
    }

    /// The venue took the key.
    pub(super) fn on_taken(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_key_is_used_ever_more_seldom_until_it_is_taken() {
        let mut hold = KeyHold::default();
        let asked = |hold: &mut KeyHold, from: i64, to: i64| {
            let mut asked = Vec::new();
            for second in from..to {
                let now = Timestamp::from_seconds(second);
                if hold.held_until(now).is_none() {
                    asked.push(second);
                    hold.on_refused(now);
                    hold.on_refused(now); // asked at the same time
                }
            }
            asked
        };
        assert_eq!(asked(&mut hold, 0, 130), [0, 1, 3, 7, 15, 31, 61, 91, 121]);
        hold.on_taken();
        assert_eq!(asked(&mut hold, 200, 203), [200, 201]);
    }
}
