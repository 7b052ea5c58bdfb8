//! Positions closed for lack of a stop: once is chance, again and again is a venue that takes none.
//!
//! Invariant: **1** a position counts once, however often it is tried to be closed.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::limits::RiskLimits;
use crate::domain::Timestamp;

const HOUR: Duration = Duration::from_hours(1);

/// Why no more positions may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnprotectedBreach {
    /// Too many positions in a row.
    #[error("{0} positions in a row were closed for lack of a stop at the venue")]
    InARow(u32),
    /// Too many within an hour.
    #[error("{0} positions within an hour were closed for lack of a stop at the venue")]
    WithinAnHour(u32),
}

/// How often positions were closed for lack of a stop, of all symbols together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UnprotectedWatch {
    in_a_row: u32,
    lately: VecDeque<Timestamp>,
}

impl UnprotectedWatch {
    /// A position is being closed because no stop protects it, or because its stop did nothing.
    pub fn on_close(&mut self, now: Timestamp) {
        self.forget_before(now);
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.lately.push_back(now);
    }

    /// A position was protected to its end.
    pub const fn on_protected(&mut self) {
        self.in_a_row = 0;
    }

    /// Whether it happens too often.
    ///
    /// # Errors
    /// The first [`UnprotectedBreach`].
    pub fn check(&self, now: Timestamp, limits: &RiskLimits) -> Result<(), UnprotectedBreach> {
        if self.in_a_row >= limits.unprotected_in_a_row {
            return Err(UnprotectedBreach::InARow(self.in_a_row));
        }
        let is_late = |at: &&Timestamp| now.since(**at) < HOUR;
        let lately = u32::try_from(self.lately.iter().filter(is_late).count()).unwrap_or(u32::MAX);
        if lately >= limits.unprotected_per_hour {
            return Err(UnprotectedBreach::WithinAnHour(lately));
        }
        Ok(())
    }

    /// A person has looked and goes on: it counts from here.
    pub fn forgive(&mut self) {
        *self = Self::default();
    }

    fn forget_before(&mut self, now: Timestamp) {
        while self.lately.front().is_some_and(|at| now.since(*at) >= HOUR) {
            self.lately.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> RiskLimits {
        RiskLimits {
            unprotected_in_a_row: 2,
            unprotected_per_hour: 3,
            ..crate::trading::losses::tests::limits()
        }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(minutes * 60)
    }

    #[test]
    fn two_in_a_row_are_too_many_and_a_protected_one_between_them_is_not() {
        let mut watch = UnprotectedWatch::default();
        watch.on_close(at(0));
        assert_eq!(watch.check(at(0), &limits()), Ok(()));
        watch.on_protected();
        watch.on_close(at(10));
        assert_eq!(watch.check(at(10), &limits()), Ok(()));
        watch.on_close(at(20));
        assert_eq!(watch.check(at(20), &limits()), Err(UnprotectedBreach::InARow(2)));
        watch.forgive();
        assert_eq!(watch.check(at(20), &limits()), Ok(()), "a person goes on");
    }

    #[test]
    fn three_within_an_hour_are_too_many_whatever_lies_between() {
        let mut watch = UnprotectedWatch::default();
        for minutes in [0, 30, 59] {
            watch.on_close(at(minutes));
            watch.on_protected();
        }
        assert_eq!(watch.check(at(59), &limits()), Err(UnprotectedBreach::WithinAnHour(3)));
        assert_eq!(watch.check(at(60), &limits()), Ok(()), "the first is an hour old");
    }
}
