//! A book in which everyone's orders truly meet: the accounts', and the seeded market's if there is
//! one. Keeps what its public streams need: update ids, the pending depth message, the best prices
//! last told.
//!
//! An update id counts actions that changed the book. Depth messages follow the futures rules: `U`
//! is the first id in the message, `u` the last, `pu` the `u` of the message before.

use std::time::Duration;

use crate::book::{BookTicker, DepthUpdate, Level};
use crate::domain::{Side, Symbol, Timestamp};
use crate::sim::adversity::Adverse;
use crate::sim::grid::Grid;
use crate::sim::market::SeededMarket;
use crate::sim::matching::{LevelChange, Match, MatchingBook};

/// A matching book and what has been told of it.
#[derive(Debug)]
pub(in crate::sim) struct Live {
    pub(in crate::sim) book: MatchingBook,
    pub(in crate::sim) market: Option<SeededMarket>,
    pub(in crate::sim) adverse: Adverse,
    /// How far the exchange's clock has been moved ahead of the market's.
    ahead: Duration,
    pub(in crate::sim) update_id: u64,
    /// `u` of the depth message before.
    told_update_id: u64,
    told_best: Option<(Level, Level)>,
    changes: Vec<LevelChange>,
}

impl Live {
    pub(in crate::sim) fn new(market: Option<SeededMarket>) -> Self {
        Self {
            book: MatchingBook::new(),
            market,
            adverse: Adverse::default(),
            ahead: Duration::ZERO,
            update_id: 1,
            told_update_id: 1,
            told_best: None,
            changes: Vec::new(),
        }
    }

    /// Leaves so many update ids out, as if they had been told.
    pub(in crate::sim) const fn skip_update_ids(&mut self, count: u64) {
        self.update_id = self.update_id.saturating_add(count);
        self.told_update_id = self.told_update_id.saturating_add(count);
    }

    /// When somebody of the seeded market acts next.
    pub(in crate::sim) fn next_market_time(&self) -> Timestamp {
        self.market.as_ref().map_or(Timestamp::MAX, |market| market.next_event_time() + self.ahead)
    }

    /// Lets the seeded market act, and appends the trades it makes.
    pub(in crate::sim) fn step_market(&mut self, now: Timestamp, out: &mut Vec<Match>) {
        if let Some(market) = &mut self.market {
            market.step(now.earlier_by(self.ahead), &mut self.book, out);
            self.adverse.keep_empty(now, &mut self.book);
        }
    }

    /// Lets the scripted participant act, and appends the trades it makes.
    pub(in crate::sim) fn step_adverse(
        &mut self,
        now: Timestamp,
        grid: Grid,
        out: &mut Vec<Match>,
    ) {
        self.adverse.step(now, grid, &mut self.book, out);
    }

    /// Goes on at a later clock.
    pub(in crate::sim) fn shift_time(&mut self, by: Duration) {
        self.ahead += by;
        self.adverse.shift_time(by);
    }

    /// Counts a change of the book; the best prices, if they are not those told before.
    pub(in crate::sim) fn changed(&mut self, symbol: Symbol, grid: Grid) -> Option<BookTicker> {
        self.update_id += 1;
        let bid = grid.level(self.book.best(Side::Buy)?);
        let ask = grid.level(self.book.best(Side::Sell)?);
        if self.told_best == Some((bid, ask)) {
            return None;
        }
        self.told_best = Some((bid, ask));
        Some(BookTicker { symbol, update_id: self.update_id, bid, ask })
    }

    /// The depth message of what changed since the last one; `None` if nothing did.
    pub(in crate::sim) fn flush(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        grid: Grid,
    ) -> Option<DepthUpdate> {
        self.book.take_changes(&mut self.changes);
        if self.changes.is_empty() {
            return None;
        }
        let side = |side| {
            self.changes
                .iter()
                .filter(|change| change.side == side)
                .map(|change| grid.level((change.ticks, change.lots)))
                .collect()
        };
        let update = DepthUpdate {
            symbol,
            event_time: now,
            transaction_time: Some(now),
            first_update_id: self.told_update_id + 1,
            final_update_id: self.update_id,
            previous_final_update_id: Some(self.told_update_id),
            bids: side(Side::Buy),
            asks: side(Side::Sell),
        };
        self.told_update_id = self.update_id;
        Some(update)
    }
}
