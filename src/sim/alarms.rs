//! What the exchange has promised to do at a moment: end an order, set off a stop, cancel all.
//!
//! Does not act: the exchange takes what is due and does it. Invariant: at one moment alarms ring in
//! one order, whatever the order in which they were set.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::{AlgoOrderId, OrderId, Symbol, Timestamp};

use super::accounts::AccountId;

/// One thing to do at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// An order's date has come.
    OrderDate(OrderId),
    /// A conditional order's date has come.
    StopDate(AlgoOrderId),
    /// A triggered stop's order reaches the matching engine.
    Trigger(AlgoOrderId),
    /// An account has not said that it is alive.
    Countdown(AccountId, Symbol),
}

/// Everything promised, by its moment.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    due: BTreeSet<(Timestamp, Alarm)>,
}

impl Alarms {
    pub(super) fn set(&mut self, at: Timestamp, alarm: Alarm) {
        self.due.insert((at, alarm));
    }

    pub(super) fn clear(&mut self, at: Timestamp, alarm: Alarm) {
        self.due.remove(&(at, alarm));
    }

    /// When the next one rings; [`Timestamp::MAX`] if none will.
    pub(super) fn next_time(&self) -> Timestamp {
        self.due.first().map_or(Timestamp::MAX, |(at, _)| *at)
    }

    /// Takes the next one.
    pub(super) fn take_next(&mut self) -> Option<Alarm> {
        self.due.pop_first().map(|(_, alarm)| alarm)
    }

    /// Goes on at a later clock: what was due in a while is due in that while.
    pub(super) fn shift_time(&mut self, by: Duration) {
        let due = std::mem::take(&mut self.due);
        self.due = due.into_iter().map(|(at, alarm)| (at + by, alarm)).collect();
    }
}
