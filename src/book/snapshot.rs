//! Ten levels a side of an order book at one moment.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::{Price, Quantity};

/// Levels kept on each side: the ten tiers of the record.
pub const DEPTH: usize = 10;

/// One price level: its price and the quantity resting there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Level {
    /// The price.
    pub price: Price,
    /// The quantity resting, in base asset.
    pub quantity: Quantity,
}

/// The best levels of one side, best first; at most [`DEPTH`] of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Levels {
    levels: [Level; DEPTH],
    length: u8,
}

/// The best ten levels a side.
///
/// Invariants, checked on construction: both sides hold at least one level; prices get strictly
/// worse from level to level; every quantity is positive; the best bid is below the best ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawSnapshot", into = "RawSnapshot")]
pub struct Snapshot {
    bids: Levels,
    asks: Levels,
}

/// Why levels are not a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// A side holds no level.
    #[error("a side of the book is empty")]
    Empty,
    /// Prices do not get strictly worse, or a quantity is zero.
    #[error("levels are out of order or hold a zero quantity at price {0}")]
    Unordered(Price),
    /// The best bid is not below the best ask.
    #[error("the book is crossed: bid {bid} is not below ask {ask}")]
    Crossed {
        /// The best bid.
        bid: Price,
        /// The best ask.
        ask: Price,
    },
}

#[derive(Serialize, Deserialize)]
struct RawSnapshot {
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Levels {
    fn take(levels: impl IntoIterator<Item = Level>) -> Self {
        let mut taken = Self::default();
        for (slot, level) in taken.levels.iter_mut().zip(levels) {
            *slot = level;
            taken.length += 1;
        }
        taken
    }
}

impl std::ops::Deref for Levels {
    type Target = [Level];
    fn deref(&self) -> &[Level] {
        &self.levels[..usize::from(self.length)]
    }
}

impl Snapshot {
    /// Takes the first [`DEPTH`] levels of each side, best first.
    ///
    /// # Errors
    /// [`SnapshotError`] if they break an invariant of the type.
    pub fn new(
        bids: impl IntoIterator<Item = Level>,
        asks: impl IntoIterator<Item = Level>,
    ) -> Result<Self, SnapshotError> {
        let snapshot = Self { bids: Levels::take(bids), asks: Levels::take(asks) };
        let (Some(bid), Some(ask)) = (snapshot.bids.first(), snapshot.asks.first()) else {
            return Err(SnapshotError::Empty);
        };
        if bid.price >= ask.price {
            return Err(SnapshotError::Crossed { bid: bid.price, ask: ask.price });
        }
        check_order(&snapshot.bids, |better, worse| better > worse)?;
        check_order(&snapshot.asks, |better, worse| better < worse)?;
        Ok(snapshot)
    }

    /// The bids, best (highest) first.
    #[must_use]
    pub fn bids(&self) -> &[Level] {
        &self.bids
    }

    /// The asks, best (lowest) first.
    #[must_use]
    pub fn asks(&self) -> &[Level] {
        &self.asks
    }

    /// The best bid.
    #[must_use]
    pub const fn best_bid(&self) -> Level {
        self.bids.levels[0]
    }

    /// The best ask.
    #[must_use]
    pub const fn best_ask(&self) -> Level {
        self.asks.levels[0]
    }

    /// Whether both sides hold all ten levels.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bids.len() == DEPTH && self.asks.len() == DEPTH
    }
}

fn check_order(levels: &[Level], is_better: fn(Price, Price) -> bool) -> Result<(), SnapshotError> {
    if let Some(empty) = levels.iter().find(|level| level.quantity.is_zero()) {
        return Err(SnapshotError::Unordered(empty.price));
    }
    match levels.windows(2).find(|pair| !is_better(pair[0].price, pair[1].price)) {
        Some(pair) => Err(SnapshotError::Unordered(pair[1].price)),
        None => Ok(()),
    }
}

impl TryFrom<RawSnapshot> for Snapshot {
    type Error = SnapshotError;
    fn try_from(raw: RawSnapshot) -> Result<Self, SnapshotError> {
        Self::new(raw.bids, raw.asks)
    }
}

impl From<Snapshot> for RawSnapshot {
    fn from(snapshot: Snapshot) -> Self {
        Self { bids: snapshot.bids().to_vec(), asks: snapshot.asks().to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: &str, quantity: &str) -> Level {
        Level { price: price.parse().unwrap(), quantity: quantity.parse().unwrap() }
    }

    #[test]
    fn what_is_no_book_is_refused() {
        let (bid, ask) = (level("100", "1"), level("100.1", "2"));
        assert!(Snapshot::new([bid], [ask]).is_ok());
        assert_eq!(Snapshot::new([], [ask]), Err(SnapshotError::Empty));
        assert!(matches!(Snapshot::new([ask], [bid]), Err(SnapshotError::Crossed { .. })));
        assert!(matches!(Snapshot::new([bid, bid], [ask]), Err(SnapshotError::Unordered(_))));
        assert!(matches!(
            Snapshot::new([level("100", "0")], [ask]),
            Err(SnapshotError::Unordered(_))
        ));
    }

    #[test]
    fn only_ten_levels_are_taken() {
        let bids = (0..15).map(|tick| level(&(1000 - tick).to_string(), "1"));
        let snapshot = Snapshot::new(bids, [level("1001", "1")]).unwrap();
        assert_eq!(snapshot.bids().len(), DEPTH);
        assert!(!snapshot.is_full());
    }
}
