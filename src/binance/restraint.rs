//! How often something may be asked for again that refusals call for: the first time at once, then
//! ever more seldom while they go on. Pure.

use std::time::Duration;

use crate::domain::Timestamp;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// Lets a question through, and holds back those that follow too soon: a second after the first,
/// twice as long after each further one, at most a minute. A quiet minute lets it begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restraint {
    last: Option<Timestamp>,
    wait: Duration,
}

impl Restraint {
    /// Whether the question may be asked now; if so, it is counted.
    pub fn lets_through(&mut self, now: Timestamp) -> bool {
        let since = self.last.map_or(Duration::MAX, |last| now.since(last));
        if since < self.wait {
            return false;
        }
        let is_quiet = since >= self.wait + LONGEST;
        self.wait = if is_quiet { SHORTEST } else { (self.wait * 2).clamp(SHORTEST, LONGEST) };
        self.last = Some(now);
        true
    }

    /// When the next question may be asked; `None` before the first.
    #[must_use]
    pub fn next_at(&self) -> Option<Timestamp> {
        self.last.map(|last| last + self.wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_let_through_at_once_and_a_storm_ever_more_seldom() {
        let mut restraint = Restraint::default();
        assert_eq!(restraint.next_at(), None);
        let at = Timestamp::from_seconds;
        let passed = |restraint: &mut Restraint, from: i64, to: i64| {
            (from..to).filter(|second| restraint.lets_through(at(*second))).collect::<Vec<_>>()
        };
        assert_eq!(passed(&mut restraint, 0, 200), [0, 1, 3, 7, 15, 31, 63, 123, 183]);
        assert_eq!(restraint.next_at(), Some(at(243)));
        assert_eq!(passed(&mut restraint, 400, 404), [400, 401, 403], "after a quiet time");
    }
}
