//! Depth events of 100 ms merged into those of the slower streams.
//!
//! Invariant: a merged event's `pu` is the `u` of the one before it, because the 100 ms events it is
//! made of form such a chain.

use std::collections::BTreeMap;

use crate::book::{DepthUpdate, Level};
use crate::domain::{Price, Quantity, Timestamp};

/// Gathers depth events until the next multiple of its interval.
#[derive(Debug)]
pub(super) struct Merge {
    interval_ms: i64,
    /// The interval in which something was last sent.
    sent_in: i64,
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    newest: DepthUpdate,
    first_update_id: u64,
    previous_final_update_id: Option<u64>,
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
}

impl Merge {
    pub(super) const fn new(interval_ms: i64) -> Self {
        Self { interval_ms, sent_in: 0, pending: None }
    }

    /// Takes one event in.
    pub(super) fn add(&mut self, update: &DepthUpdate) {
        let pending = self.pending.get_or_insert_with(|| Pending {
            newest: update.clone(),
            first_update_id: update.first_update_id,
            previous_final_update_id: update.previous_final_update_id,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
        });
        pending.bids.extend(update.bids.iter().map(|level| (level.price, level.quantity)));
        pending.asks.extend(update.asks.iter().map(|level| (level.price, level.quantity)));
        pending.newest.final_update_id = update.final_update_id;
        pending.newest.event_time = update.event_time;
        pending.newest.transaction_time = update.transaction_time;
    }

    /// The merged event, if there is one and its time has come.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<DepthUpdate> {
        let interval = now.millis().div_euclid(self.interval_ms);
        if interval == self.sent_in {
            return None;
        }
        let pending = self.pending.take()?;
        self.sent_in = interval;
        let levels = |(price, quantity)| Level { price, quantity };
        Some(DepthUpdate {
            first_update_id: pending.first_update_id,
            previous_final_update_id: pending.previous_final_update_id,
            bids: pending.bids.into_iter().rev().map(levels).collect(),
            asks: pending.asks.into_iter().map(levels).collect(),
            ..pending.newest
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(id: u64, quantity: &str) -> DepthUpdate {
        let level = Level { price: "100".parse().unwrap(), quantity: quantity.parse().unwrap() };
        DepthUpdate {
            symbol: "BTCUSDT".parse().unwrap(),
            event_time: Timestamp::default(),
            transaction_time: None,
            first_update_id: id * 10,
            final_update_id: id * 10 + 9,
            previous_final_update_id: Some(id * 10 - 1),
            bids: vec![level],
            asks: vec![],
        }
    }

    #[test]
    fn merged_events_keep_the_chain_and_the_newest_quantity() {
        let mut merge = Merge::new(250);
        let at = Timestamp::from_millis;
        assert_eq!(merge.take_due(at(250)), None, "nothing to send");
        merge.add(&update(1, "1"));
        merge.add(&update(2, "2"));
        let first = merge.take_due(at(300)).unwrap();
        assert_eq!((first.first_update_id, first.final_update_id), (10, 29));
        assert_eq!(first.previous_final_update_id, Some(9));
        assert_eq!(first.bids, update(2, "2").bids);
        merge.add(&update(3, "3"));
        assert_eq!(merge.take_due(at(400)), None, "the same quarter of a second");
        assert_eq!(merge.take_due(at(500)).unwrap().previous_final_update_id, Some(29));
    }
}
