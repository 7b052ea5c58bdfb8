//! The whole order book of one instrument: every level known, both sides.
//!
//! Knows nothing of sequence numbers and grids; `BookSync` admits only what belongs here.
//! Invariants: **1** a side is sorted with its best level last and holds each price once;
//! **2** no level has quantity zero; **3** applying a level to a warm book allocates nothing.

use crate::domain::{Price, Side};

use super::snapshot::{DEPTH, Level, Snapshot, SnapshotError};

/// Levels reserved a side: a thousand from the snapshot and what a busy day's diffs add.
const RESERVED_LEVELS: usize = 4_096;

/// Every known level of both sides. Changes happen near the best price, so the best is kept last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBook {
    /// Ascending: the highest bid is last.
    bids: Vec<Level>,
    /// Descending: the lowest ask is last.
    asks: Vec<Level>,
}

impl Default for OrderBook {
    fn default() -> Self {
        Self {
            bids: Vec::with_capacity(RESERVED_LEVELS),
            asks: Vec::with_capacity(RESERVED_LEVELS),
        }
    }
}

impl OrderBook {
    /// Sets the level at a price to its new absolute quantity; zero removes it, and removing what
    /// is not there is normal (rule 7 of [`BookSync`](super::BookSync)).
    pub fn apply(&mut self, side: Side, level: Level) {
        let (levels, found) = match side {
            Side::Buy => {
                let found = self.bids.binary_search_by(|held| held.price.cmp(&level.price));
                (&mut self.bids, found)
            }
            Side::Sell => {
                let found = self.asks.binary_search_by(|held| level.price.cmp(&held.price));
                (&mut self.asks, found)
            }
        };
        match found {
            Ok(at) if level.quantity.is_zero() => {
                levels.remove(at);
            }
            Ok(at) => levels[at] = level,
            Err(_) if level.quantity.is_zero() => {}
            Err(at) => levels.insert(at, level),
        }
    }

    /// Forgets everything and takes over the levels given, in any order.
    pub fn replace(&mut self, bids: &[Level], asks: &[Level]) {
        self.bids.clear();
        self.asks.clear();
        // Snapshots come best first: backwards, each level is simply appended.
        bids.iter().rev().for_each(|level| self.apply(Side::Buy, *level));
        asks.iter().rev().for_each(|level| self.apply(Side::Sell, *level));
    }

    /// The best level of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        self.side(side).last().copied()
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl ExactSizeIterator<Item = Level> {
        self.side(side).iter().rev().copied()
    }

    /// Whether the best bid is at or above the best ask, which no venue's book is.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        match (self.bids.last(), self.asks.last()) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            (None, _) | (_, None) => false,
        }
    }

    /// The best ten levels a side.
    ///
    /// # Errors
    /// [`SnapshotError`] if a side is empty or the book is crossed.
    pub fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        Snapshot::new(self.levels(Side::Buy), self.levels(Side::Sell))
    }

    /// The price of the tenth level of a side, or of its worst if there are fewer.
    #[must_use]
    pub fn tenth_price(&self, side: Side) -> Option<Price> {
        let levels = self.side(side);
        levels.get(levels.len().saturating_sub(DEPTH)).map(|level| level.price)
    }

    fn side(&self, side: Side) -> &[Level] {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::Quantity;

    fn level(price: i64, quantity: i64) -> Level {
        Level {
            price: Price::from_units(price).unwrap(),
            quantity: Quantity::from_units(quantity).unwrap(),
        }
    }

    #[test]
    fn a_quantity_is_absolute_and_zero_removes() {
        let mut book = OrderBook::default();
        book.apply(Side::Buy, level(100, 5));
        book.apply(Side::Buy, level(100, 3));
        book.apply(Side::Buy, level(99, 1));
        book.apply(Side::Buy, level(98, 0));
        assert_eq!(book.levels(Side::Buy).collect::<Vec<_>>(), [level(100, 3), level(99, 1)]);
        book.apply(Side::Buy, level(100, 0));
        assert_eq!(book.best(Side::Buy), Some(level(99, 1)));
        assert_eq!(book.snapshot(), Err(SnapshotError::Empty), "there is no ask");
        book.apply(Side::Sell, level(99, 1));
        assert!(book.is_crossed());
    }

    proptest! {
        #[test]
        fn the_book_equals_a_naive_map_after_any_diffs(
            initial in prop::collection::vec((any::<bool>(), 1..60_i64, 0..4_i64), 0..40),
            diffs in prop::collection::vec((any::<bool>(), 1..60_i64, 0..4_i64), 0..300),
        ) {
            let mut book = OrderBook::default();
            let mut naive = [BTreeMap::new(), BTreeMap::new()];
            let of_side = |wanted: bool| -> Vec<Level> {
                let side = initial.iter().filter(|(is_bid, _, _)| *is_bid == wanted);
                side.map(|(_, price, quantity)| level(*price, *quantity)).collect()
            };
            book.replace(&of_side(true), &of_side(false));
            let known = initial.iter().rev().copied();
            for (index, (is_bid, price, quantity)) in known.chain(diffs).enumerate() {
                if index >= initial.len() {
                    let side = if is_bid { Side::Buy } else { Side::Sell };
                    book.apply(side, level(price, quantity));
                }
                let map = &mut naive[usize::from(is_bid)];
                map.insert(price, quantity);
                map.retain(|_, quantity| *quantity > 0);
            }
            let bids: Vec<_> = naive[1].iter().rev().map(|(p, q)| level(*p, *q)).collect();
            let asks: Vec<_> = naive[0].iter().map(|(p, q)| level(*p, *q)).collect();
            prop_assert_eq!(book.best(Side::Buy), bids.first().copied());
            let tenth = asks.iter().take(DEPTH).next_back().map(|level| level.price);
            prop_assert_eq!(book.tenth_price(Side::Sell), tenth);
            prop_assert_eq!(book.snapshot(), Snapshot::new(bids.clone(), asks.clone()));
            prop_assert_eq!(book.levels(Side::Buy).collect::<Vec<_>>(), bids);
            prop_assert_eq!(book.levels(Side::Sell).collect::<Vec<_>>(), asks);
        }
    }
}
