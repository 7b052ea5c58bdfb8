//! What a snapshot says at a glance: mid, spread, micro-price, imbalance.
//!
//! Pure functions of one snapshot. Prices stay exact; ratios are floats and serve statistics only.

use crate::domain::{Price, Rate};

use super::snapshot::{DEPTH, Snapshot};

/// The midpoint of best bid and best ask, rounded down to 1e-8.
#[must_use]
pub fn mid_price(snapshot: &Snapshot) -> Price {
    snapshot.best_bid().price.midpoint(snapshot.best_ask().price)
}

/// The best ask less the best bid.
#[must_use]
pub fn spread(snapshot: &Snapshot) -> Price {
    snapshot.best_ask().price.distance(snapshot.best_bid().price)
}

/// The spread as a fraction of the mid-price; [`Rate::bps`] gives basis points.
#[must_use]
pub fn relative_spread(snapshot: &Snapshot) -> Rate {
    let mid = mid_price(snapshot);
    mid.checked_offset(spread(snapshot).units()).map_or(Rate::ZERO, |above| above.relative_to(mid))
}

/// The mid-price weighted by the opposite side's quantity: nearer to the thinner side, where the
/// price is likelier to go.
///
/// - **Units:** quote asset per base asset.
///
/// # Source
/// The level-1 weighted mid of Gatheral & Oomen (2010), *Finance and Stochastics* 14, 249–283.
#[must_use]
pub fn micro_price(snapshot: &Snapshot) -> f64 {
    let (bid, ask) = (snapshot.best_bid(), snapshot.best_ask());
    let (bid_quantity, ask_quantity) = (bid.quantity.to_f64(), ask.quantity.to_f64());
    let weighted = bid.price.to_f64() * ask_quantity + ask.price.to_f64() * bid_quantity;
    weighted / (bid_quantity + ask_quantity)
}

/// The imbalance `(bid − ask) / (bid + ask)` of the quantities at each level, best first.
///
/// - **Shapes:** one number a level in [−1, 1]; a level that neither side holds gives 0.
#[must_use]
pub fn queue_imbalance(snapshot: &Snapshot) -> [f64; DEPTH] {
    imbalances(snapshot, false)
}

/// The same imbalance of the quantities summed from the best level down to each.
#[must_use]
pub fn cumulative_imbalance(snapshot: &Snapshot) -> [f64; DEPTH] {
    imbalances(snapshot, true)
}

fn imbalances(snapshot: &Snapshot, is_cumulative: bool) -> [f64; DEPTH] {
    let quantity = |levels: &[super::Level], at: usize| {
        levels.get(at).map_or(0.0, |level| level.quantity.to_f64())
    };
    let (mut bids, mut asks) = (0.0, 0.0);
    std::array::from_fn(|at| {
        let kept = if is_cumulative { 1.0 } else { 0.0 };
        bids = bids * kept + quantity(snapshot.bids(), at);
        asks = asks * kept + quantity(snapshot.asks(), at);
        if bids + asks > 0.0 { (bids - asks) / (bids + asks) } else { 0.0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Level;

    fn level(price: &str, quantity: &str) -> Level {
        Level { price: price.parse().unwrap(), quantity: quantity.parse().unwrap() }
    }

    #[test]
    fn the_measures_of_a_small_book_can_be_checked_in_ones_head() {
        let bids = [level("99.9", "3"), level("99.8", "1")];
        let asks = [level("100.1", "1")];
        let snapshot = Snapshot::new(bids, asks).unwrap();
        assert_eq!(mid_price(&snapshot), "100".parse().unwrap());
        assert_eq!(spread(&snapshot), "0.2".parse().unwrap());
        assert!((relative_spread(&snapshot).bps() - 20.0).abs() < 1e-9);
        assert!((micro_price(&snapshot) - 100.05).abs() < 1e-9, "the ask is the thinner side");
        let (plain, cumulative) = (queue_imbalance(&snapshot), cumulative_imbalance(&snapshot));
        for (measured, expected) in
            [(plain[0], 0.5), (plain[1], 1.0), (plain[2], 0.0), (cumulative[1], 0.6)]
        {
            assert!((measured - expected).abs() < 1e-12, "{measured} is not {expected}");
        }
    }
}
