//! Outside liquidity from recorded seconds: what a tape of one-second rows can honestly say.
//!
//! An order joins behind the displayed quantity at its price (nobody, if it betters the best;
//! whatever is displayed first, if the ten levels do not reach its price). Only volume of the
//! opposite aggressor in a second whose trades reached its price moves it forward; a trade strictly
//! through its price, or an opposite quote at it, fills it; cancellations ahead never help. Within
//! the second of its arrival only the share of the volume after it counts, as if trades were spread
//! evenly. Takers walk the book of the last second's end, and what they used up is gone until the
//! next row. Made for speed: a row costs a copy while no order waits.

use std::time::Duration;

use crate::book::{Level, Row, Snapshot};
use crate::domain::{Second, Side, Timestamp};
use crate::sim::grid::Grid;
use crate::sim::matching::{Incoming, Match, OrderKey};

use super::accepts;
use super::queue::Queue;
use super::tape::background_match;

/// The last second's book, and our orders waiting in it.
#[derive(Debug)]
pub(in crate::sim) struct Seconds {
    grid: Grid,
    book: Option<Snapshot>,
    /// What our takers have used up of the book: side, price and lots.
    consumed: Vec<(Side, i64, i64)>,
    pub(super) queue: Queue,
    /// Orders that joined within the running second, and when.
    joined: Vec<(OrderKey, Timestamp)>,
}

impl Seconds {
    pub(in crate::sim) fn new(grid: Grid) -> Self {
        let (consumed, joined) = (Vec::new(), Vec::new());
        Self { grid, book: None, consumed, queue: Queue::default(), joined }
    }

    /// Takes the row of a second: first its trades, then the book at its end.
    pub(in crate::sim) fn second(&mut self, second: Second, row: &Row, out: &mut Vec<Match>) {
        if !self.queue.is_empty() {
            self.trade(second, row, out);
        }
        self.joined.clear();
        let Some(snapshot) = row.snapshot else { return };
        self.book = Some(snapshot);
        self.consumed.clear();
        if !self.queue.is_empty() {
            self.show(&snapshot, out);
        }
    }

    fn trade(&mut self, second: Second, row: &Row, out: &mut Vec<Match>) {
        let trades = &row.flow.trades;
        for (side, reached, volume) in [
            (Side::Buy, trades.lowest_sell, trades.sell_volume),
            (Side::Sell, trades.highest_buy, trades.buy_volume),
        ] {
            let Some(reached) = reached.map(|price| self.grid.ticks(price)) else { continue };
            let lots = self.grid.lots(volume);
            for (key, at) in &self.joined {
                self.queue.hold_back(*key, side, lots * elapsed_permille(second, *at) / 1_000);
            }
            self.queue.trade_through(side, reached, out);
            self.queue.trade_at(side, reached, lots, out);
        }
    }

    fn show(&mut self, snapshot: &Snapshot, out: &mut Vec<Match>) {
        for (side, levels) in [(Side::Buy, snapshot.bids()), (Side::Sell, snapshot.asks())] {
            let prices: Vec<i64> = self.queue.prices(side).collect();
            for ticks in prices {
                if let Some(shown) = self.shown(side, levels, ticks) {
                    self.queue.show(side, ticks, shown);
                }
            }
        }
        let (bid, ask) = (snapshot.best_bid().price, snapshot.best_ask().price);
        self.queue.trade_through(Side::Buy, self.grid.ticks(ask) - 1, out);
        self.queue.trade_through(Side::Sell, self.grid.ticks(bid) + 1, out);
    }

    /// The lots displayed at a price; `None` where the levels do not reach it.
    fn shown(&self, side: Side, levels: &[Level], ticks: i64) -> Option<i64> {
        let sign = side.sign();
        for level in levels {
            let at = self.grid.ticks(level.price);
            if at == ticks {
                return Some(self.grid.lots(level.quantity));
            }
            if sign * at < sign * ticks {
                return Some(0);
            }
        }
        None
    }

    /// The levels of a side that our takers have left, best first.
    pub(super) fn levels(&self, side: Side) -> impl Iterator<Item = (i64, i64)> + '_ {
        let levels = self.book.as_ref().map_or(&[][..], |book| match side {
            Side::Buy => book.bids(),
            Side::Sell => book.asks(),
        });
        levels
            .iter()
            .map(move |level| {
                let ticks = self.grid.ticks(level.price);
                let consumed =
                    self.consumed.iter().filter(|used| (used.0, used.1) == (side, ticks));
                let used: i64 = consumed.map(|used| used.2).sum();
                (ticks, self.grid.lots(level.quantity) - used)
            })
            .filter(|(_, lots)| *lots > 0)
    }

    pub(super) fn take(&mut self, incoming: &Incoming, out: &mut Vec<Match>) -> i64 {
        let resting = incoming.side.opposite();
        let mut open = incoming.lots;
        while open > 0 {
            let best = self.levels(resting).next();
            let Some((ticks, lots)) = best.filter(|best| accepts(incoming, best.0)) else { break };
            let traded = lots.min(open);
            self.consumed.push((resting, ticks, traded));
            open -= traded;
            out.push(background_match(incoming, ticks, traded, lots - traded));
        }
        open
    }

    pub(super) fn rest(&mut self, now: Timestamp, incoming: &Incoming) {
        let ahead = self.book.as_ref().zip(incoming.limit).and_then(|(book, ticks)| {
            let levels = match incoming.side {
                Side::Buy => book.bids(),
                Side::Sell => book.asks(),
            };
            self.shown(incoming.side, levels, ticks)
        });
        self.queue.join(incoming, ahead);
        self.joined.push((incoming.key, now));
    }
}

/// How much of a second had passed at a moment in it, in thousandths.
fn elapsed_permille(second: Second, at: Timestamp) -> i64 {
    let start = second.end().earlier_by(Duration::from_secs(1));
    i64::try_from(at.since(start).as_millis()).unwrap_or(1_000).min(1_000)
}
