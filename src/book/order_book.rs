//! The whole order book of one instrument: every level known, both sides.
//!
//! Knows nothing of sequence numbers; `BookSync` admits only what belongs here. Invariants: **1** a
//! side holds each price once, best first; **2** no level has quantity zero; **3** applying a level
//! to a warm book allocates nothing.

use crate::domain::{Price, Quantity, Side};

use super::grid::Grid;
use super::ladder::Ladder;
use super::snapshot::{DEPTH, Level, Snapshot, SnapshotError};

/// Every known level of both sides.
#[derive(Debug, Clone)]
pub struct OrderBook {
    grid: Grid,
    bids: Ladder,
    /// By negated ticks, so that the lowest ask is the greatest rung.
    asks: Ladder,
}

impl OrderBook {
    /// An empty book on a grid.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        Self { grid, bids: Ladder::default(), asks: Ladder::default() }
    }

    /// Sets the level at a price to its new absolute quantity; zero removes it, and removing what
    /// is not there is normal (rule 7 of [`BookSync`](super::BookSync)). A price between two ticks
    /// has no level here.
    pub fn apply(&mut self, side: Side, level: Level) {
        let Some(ticks) = self.grid.ticks(level.price) else { return };
        match side {
            Side::Buy => self.bids.set(ticks, level.quantity),
            Side::Sell => self.asks.set(-ticks, level.quantity),
        }
    }

    /// Forgets everything and takes over the levels given, in any order.
    pub fn replace(&mut self, bids: &[Level], asks: &[Level]) {
        self.bids.clear();
        self.asks.clear();
        // Snapshots come best first: backwards, each page is simply appended.
        bids.iter().rev().for_each(|level| self.apply(Side::Buy, *level));
        asks.iter().rev().for_each(|level| self.apply(Side::Sell, *level));
    }

    /// The best level of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        self.ladder(side).best().and_then(|rung| self.level(rung))
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> {
        self.ladder(side).rungs().filter_map(|rung| self.level(rung))
    }

    /// Whether the best bid is at or above the best ask, which no venue's book is.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        match (self.bids.best(), self.asks.best()) {
            (Some((bid, _)), Some((ask, _))) => bid >= -ask,
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
        self.levels(side).take(DEPTH).last().map(|level| level.price)
    }

    fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// The level of a rung; a book holds none whose price is beyond the range.
    fn level(&self, (rung, quantity): (i64, Quantity)) -> Option<Level> {
        Some(Level { price: self.grid.price(rung.abs()).ok()?, quantity })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn book() -> OrderBook {
        let unit = level(1, 1);
        OrderBook::new(Grid::of(unit.price, unit.quantity))
    }

    fn level(price: i64, quantity: i64) -> Level {
        Level {
            price: Price::from_units(price).unwrap(),
            quantity: Quantity::from_units(quantity).unwrap(),
        }
    }

    #[test]
    fn a_quantity_is_absolute_and_zero_removes() {
        let mut book = book();
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
            let mut book = book();
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
