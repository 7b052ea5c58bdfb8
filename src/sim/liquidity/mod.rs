//! Who trades besides the accounts: one interface over the seeded market and the recordings.

mod live;
mod queue;
mod seconds;
mod tape;

use crate::domain::{Side, Timestamp};

use super::matching::{Incoming, Match, OrderKey};
pub(super) use live::Live;
pub(super) use seconds::Seconds;
pub(super) use tape::Tape;

/// The book of one instrument, whoever fills it.
#[derive(Debug)]
pub(super) enum Source {
    /// Orders that truly meet.
    Live(Box<Live>),
    /// Recorded messages.
    Tape(Box<Tape>),
    /// Recorded seconds.
    Seconds(Box<Seconds>),
}

impl Source {
    /// Trades an incoming order at once as far as its limit allows; returns the lots left.
    pub(super) fn take(&mut self, incoming: &Incoming, out: &mut Vec<Match>) -> i64 {
        match self {
            Self::Live(live) => live.book.take(incoming, out),
            Self::Tape(tape) => tape.take(incoming, out),
            Self::Seconds(seconds) => seconds.take(incoming, out),
        }
    }

    /// Lets what could not be filled wait at its limit.
    pub(super) fn rest(&mut self, now: Timestamp, incoming: Incoming) {
        match self {
            Self::Live(live) => live.book.rest(incoming),
            Self::Tape(tape) => tape.rest(&incoming),
            Self::Seconds(seconds) => seconds.rest(now, &incoming),
        }
    }

    /// Takes a waiting order out.
    pub(super) fn cancel(&mut self, key: OrderKey) -> Option<i64> {
        match self {
            Self::Live(live) => live.book.cancel(key),
            Self::Tape(tape) => tape.queue.cancel(key),
            Self::Seconds(seconds) => seconds.queue.cancel(key),
        }
    }

    /// Makes a waiting order smaller by `lots` where it stands.
    pub(super) fn reduce(&mut self, key: OrderKey, lots: i64) -> Option<i64> {
        match self {
            Self::Live(live) => live.book.reduce(key, lots),
            Self::Tape(tape) => tape.queue.reduce(key, lots),
            Self::Seconds(seconds) => seconds.queue.reduce(key, lots),
        }
    }

    /// The levels of a side, best first: ticks and lots.
    pub(super) fn levels(&self, side: Side) -> Box<dyn Iterator<Item = (i64, i64)> + '_> {
        match self {
            Self::Live(live) => Box::new(live.book.levels(side)),
            Self::Tape(tape) => Box::new(tape.levels(side)),
            Self::Seconds(seconds) => Box::new(seconds.levels(side)),
        }
    }

    /// The best level of a side.
    pub(super) fn best(&self, side: Side) -> Option<(i64, i64)> {
        self.levels(side).next()
    }

    /// Whether an order of this side and limit would trade at once.
    pub(super) fn would_take(&self, side: Side, limit: i64) -> bool {
        self.best(side.opposite()).is_some_and(|best| side.sign() * (limit - best.0) >= 0)
    }

    /// The lots an incoming order would trade before it meets a waiting one at `ticks`; `None` if it
    /// would not meet it at any size.
    pub(super) fn lots_before(
        &self,
        incoming: &Incoming,
        key: OrderKey,
        ticks: i64,
    ) -> Option<i64> {
        let resting = incoming.side.opposite();
        let ahead = match self {
            Self::Live(live) => live.book.lots_ahead(key),
            Self::Tape(tape) => tape.queue.lots_ahead(key),
            Self::Seconds(seconds) => seconds.queue.lots_ahead(key),
        };
        let ahead = ahead.filter(|_| accepts(incoming, ticks))?;
        let better: i64 = self
            .levels(resting)
            .take_while(|level| resting.sign() * (level.0 - ticks) > 0)
            .map(|level| level.1)
            .sum();
        Some(better + ahead)
    }

    /// Whether the accounts' own orders are among the levels shown.
    pub(super) const fn shows_accounts(&self) -> bool {
        match self {
            Self::Live(_) => true,
            Self::Tape(_) | Self::Seconds(_) => false,
        }
    }

    /// The lots an order of this side and limit could trade at once.
    pub(super) fn takeable(&self, side: Side, limit: i64) -> i64 {
        self.levels(side.opposite())
            .take_while(|(ticks, _)| side.sign() * (limit - ticks) >= 0)
            .map(|(_, lots)| lots)
            .sum()
    }
}

/// Whether an incoming order accepts a price.
fn accepts(incoming: &Incoming, ticks: i64) -> bool {
    incoming.limit.is_none_or(|limit| incoming.side.sign() * (limit - ticks) >= 0)
}
