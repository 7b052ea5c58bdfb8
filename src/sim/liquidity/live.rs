//! A book in which everyone's orders truly meet: the accounts', and the seeded market's if there is
//! one. Keeps what its public streams need: update ids, the pending depth message, the best prices
//! last told.
//!
//! An update id counts actions that changed the book. Depth messages follow the futures rules: `U`
//! is the first id in the message, `u` the last, `pu` the `u` of the message before.

use crate::book::{BookTicker, DepthUpdate, Level};
use crate::domain::{Side, Symbol, Timestamp};
use crate::sim::grid::Grid;
use crate::sim::matching::{LevelChange, MatchingBook};

/// A matching book and what has been told of it.
#[derive(Debug)]
pub(in crate::sim) struct Live {
    pub(in crate::sim) book: MatchingBook,
    pub(in crate::sim) update_id: u64,
    /// `u` of the depth message before.
    told_update_id: u64,
    told_best: Option<(Level, Level)>,
    changes: Vec<LevelChange>,
}

impl Live {
    pub(in crate::sim) fn new() -> Self {
        let (book, changes) = (MatchingBook::new(), Vec::new());
        Self { book, update_id: 1, told_update_id: 1, told_best: None, changes }
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
