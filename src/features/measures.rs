//! What one second says by itself, and against the second before it.

use std::array;

use crate::book::measures::{micro_price, queue_imbalance};
use crate::book::{DEPTH, Level, Row, Snapshot};

/// The measures of one valid second from which every feature is built.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measures {
    /// Mid-price, quote asset.
    pub mid: f64,
    /// Spread, bps of the mid.
    pub spread_bps: f64,
    /// Micro-price less mid, bps of the mid.
    pub micro_price_deviation_bps: f64,
    /// (bid − ask) / (bid + ask) of each level's quantities; 0 where both sides lack the level.
    pub imbalances: [f64; DEPTH],
    /// Mean of the two best quantities, base asset.
    pub best_quantity: f64,
    /// Mean of the two sides' ten-level quantities, base asset.
    pub book_quantity: f64,
    /// Event order flow imbalance at the best level within the second, base asset.
    pub order_flow_imbalance: f64,
    /// Order flow imbalance of all levels against the second before, base asset; 0 for the first.
    pub multi_level_ofi: f64,
    /// Bought by aggressors, base asset.
    pub buy_volume: f64,
    /// Sold by aggressors, base asset.
    pub sell_volume: f64,
    /// Return of the mid since the second before, bps; 0 for the first.
    pub return_bps: f64,
}

impl Measures {
    /// Measures a valid second; `previous` is the snapshot and mid of the second before it.
    #[must_use]
    pub fn new(snapshot: &Snapshot, row: &Row, previous: Option<(&Snapshot, f64)>) -> Self {
        let (bid, ask) = (snapshot.best_bid(), snapshot.best_ask());
        let (bid_price, ask_price) = (bid.price.to_f64(), ask.price.to_f64());
        let (bid_quantity, ask_quantity) = (bid.quantity.to_f64(), ask.quantity.to_f64());
        let mid = f64::midpoint(bid_price, ask_price);
        let flows = previous.map(|(before, _)| snapshot_order_flow_imbalance(before, snapshot));
        Self {
            mid,
            spread_bps: (ask_price - bid_price) / mid * 1e4,
            micro_price_deviation_bps: (micro_price(snapshot) - mid) / mid * 1e4,
            imbalances: queue_imbalance(snapshot),
            best_quantity: f64::midpoint(bid_quantity, ask_quantity),
            book_quantity: f64::midpoint(total(snapshot.bids()), total(snapshot.asks())),
            order_flow_imbalance: row.flow.order_flow_imbalance.to_f64(),
            multi_level_ofi: flows.map_or(0.0, |flows| flows.iter().sum()),
            buy_volume: row.flow.trades.buy_volume.to_f64(),
            sell_volume: row.flow.trades.sell_volume.to_f64(),
            return_bps: previous.map_or(0.0, |(_, before)| super::label::move_bps(before, mid)),
        }
    }
}

/// Returns the order flow imbalance (OFI) of every level between two consecutive snapshots.
///
/// A level's OFI is its bid flow less its ask flow. The flow of a side is its new quantity if the
/// level's price improved, minus its old quantity if the price worsened, and the change in quantity
/// if the price stayed. Positive means net buying pressure. A level that one of the snapshots lacks
/// flows nothing.
///
/// - **Units:** base asset over the interval between the snapshots.
/// - **Timing:** uses nothing later than `current`.
///
/// # Source
/// Best level: Cont, Kukanov & Stoikov (2014), *J. Financial Econometrics* 12(1), 47–88.
/// Deeper levels: Xu, Gould & Howison (2018), arXiv:1907.06230.
#[must_use]
pub fn snapshot_order_flow_imbalance(previous: &Snapshot, current: &Snapshot) -> [f64; DEPTH] {
    array::from_fn(|level| {
        let bid = flow(previous.bids(), current.bids(), level, true);
        let ask = flow(previous.asks(), current.asks(), level, false);
        bid - ask
    })
}

fn flow(previous: &[Level], current: &[Level], level: usize, higher_is_better: bool) -> f64 {
    let (Some(before), Some(after)) = (previous.get(level), current.get(level)) else {
        return 0.0;
    };
    let (old, new) = (before.quantity.to_f64(), after.quantity.to_f64());
    if before.price == after.price {
        new - old
    } else if (after.price > before.price) == higher_is_better {
        new
    } else {
        -old
    }
}

fn total(levels: &[Level]) -> f64 {
    levels.iter().map(|level| level.quantity.to_f64()).sum()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the expected values are exact")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn level(tick: i64, lots: i64) -> Level {
        Level {
            price: crate::domain::Price::from_units(tick * 10_000_000).unwrap(),
            quantity: crate::domain::Quantity::from_units(lots * 100_000_000).unwrap(),
        }
    }

    fn book(bid: i64, bid_lots: i64, ask: i64, ask_lots: i64) -> Snapshot {
        Snapshot::new([level(bid, bid_lots)], [level(ask, ask_lots)]).unwrap()
    }

    #[test]
    fn flow_is_new_old_or_change_by_where_the_price_went() {
        let at = |bid, bid_lots, ask, ask_lots| {
            let after = book(bid, bid_lots, ask, ask_lots);
            snapshot_order_flow_imbalance(&book(100, 5, 102, 7), &after)[0]
        };
        assert_eq!(at(100, 8, 102, 7), 3.0, "bid quantity grew");
        assert_eq!(at(101, 2, 102, 7), 2.0, "bid improved: all of it is new");
        assert_eq!(at(99, 9, 102, 7), -5.0, "bid worsened: all of the old is gone");
        assert_eq!(at(100, 5, 101, 4), -4.0, "ask improved");
        assert_eq!(at(100, 5, 103, 1), 7.0, "ask worsened");
    }

    proptest! {
        #[test]
        fn mirrored_books_have_mirrored_flow(
            bids in (90_i64..100, 1_i64..50, 90_i64..100, 1_i64..50),
            asks in (101_i64..110, 1_i64..50, 101_i64..110, 1_i64..50),
        ) {
            let flow = snapshot_order_flow_imbalance(
                &book(bids.0, bids.1, asks.0, asks.1), &book(bids.2, bids.3, asks.2, asks.3));
            let mirror = |tick: i64| 200 - tick;
            let mirrored = snapshot_order_flow_imbalance(
                &book(mirror(asks.0), asks.1, mirror(bids.0), bids.1),
                &book(mirror(asks.2), asks.3, mirror(bids.2), bids.3));
            prop_assert!((flow[0] + mirrored[0]).abs() < 1e-9);
        }
    }
}
