//! The books the exchange has published, so that a recorded second can be held against them (I8).
//!
//! The exchange publishes each tenth of a second, and looks are taken at exactly these moments. A
//! valid second shows the newest book that had arrived by its end: one of the last few published.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::book::{Level, Snapshot};
use crate::domain::Timestamp;

/// A book that has been under way for longer cannot be called valid: its connection proves nothing.
const OLDEST: Duration = Duration::from_secs(12);

/// While a stream is frozen its socket answers: a silent book is taken for a quiet one for a minute,
/// and for what it takes to ask the venue.
const OLDEST_FROZEN: Duration = Duration::from_secs(75);

/// Bids and asks, best first.
pub(super) type Sides = (Vec<Level>, Vec<Level>);

/// Every book published, by its hash, in order of time.
#[derive(Debug, Default)]
pub(super) struct BookTruth {
    published: VecDeque<(Timestamp, u64)>,
    /// Told in answer to a question, in between.
    told: Vec<(Timestamp, u64)>,
    /// When streams were frozen.
    frozen: Vec<(Timestamp, Timestamp)>,
}

impl BookTruth {
    /// The exchange published this book.
    pub(super) fn publish(&mut self, at: Timestamp, (bids, asks): &Sides) {
        self.published.push_back((at, hash(bids, asks)));
    }

    /// The exchange told this book to somebody who asked.
    pub(super) fn tell(&mut self, at: Timestamp, (bids, asks): &Sides) {
        self.told.push((at, hash(bids, asks)));
    }

    /// The exchange freezes streams in this span.
    pub(super) fn freeze(&mut self, from: Timestamp, to: Timestamp) {
        self.frozen.push((from, to));
    }

    /// Whether a second that ended then, by true time, may show this book.
    pub(super) fn may_show(&self, end: Timestamp, snapshot: &Snapshot) -> bool {
        let wanted = hash(snapshot.bids(), snapshot.asks());
        let is_frozen =
            |(from, to): &(Timestamp, Timestamp)| (*from..=*to + OLDEST_FROZEN).contains(&end);
        let most = if self.frozen.iter().any(is_frozen) { OLDEST_FROZEN } else { OLDEST };
        let oldest = end.earlier_by(most);
        let after = self.published.partition_point(|(at, _)| *at <= end);
        let before = self.published.partition_point(|(at, _)| *at < oldest);
        let is_shown = |(_, known): &(Timestamp, u64)| *known == wanted;
        let told = self.told.iter().filter(|(at, _)| (oldest..=end).contains(at));
        self.published.range(before..after).any(is_shown) || told.into_iter().any(is_shown)
    }
}

fn hash(bids: &[Level], asks: &[Level]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for level in bids.iter().chain(asks) {
        (level.price.units(), level.quantity.units()).hash(&mut hasher);
    }
    (bids.len(), asks.len()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: &str, quantity: &str) -> Level {
        Level { price: price.parse().unwrap(), quantity: quantity.parse().unwrap() }
    }

    fn book(quantity: &str) -> Sides {
        (vec![level("1", quantity)], vec![level("2", "1")])
    }

    #[test]
    fn only_a_book_that_was_published_lately_may_be_shown() {
        let mut truth = BookTruth::default();
        truth.publish(Timestamp::from_seconds(100), &book("5"));
        truth.publish(Timestamp::from_seconds(101), &book("6"));
        let shown = |quantity, second| {
            let (bids, asks) = book(quantity);
            let snapshot = Snapshot::new(bids, asks).unwrap();
            truth.may_show(Timestamp::from_seconds(second), &snapshot)
        };
        assert!(shown("5", 100) && shown("5", 102) && shown("6", 101));
        assert!(!shown("6", 100), "not published yet");
        assert!(!shown("7", 101), "never published");
        assert!(!shown("5", 200), "long ago");
    }
}
