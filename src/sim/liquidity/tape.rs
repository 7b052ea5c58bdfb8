//! Outside liquidity from recorded messages.
//!
//! The recorded book is what takers walk; what they consumed stays consumed until the recording
//! changes that level. Resting orders wait in a [`Queue`]: trades of the opposite aggressor at
//! their price move them forward, a shrinking level caps what is ahead of them, a trade through
//! their price or an opposite quote at it fills them. Accounts do not meet each other here: each
//! trades with the recording alone.

use std::collections::BTreeMap;

use crate::book::{DepthSnapshot, DepthUpdate, Level, PublicTrade};
use crate::domain::Side;
use crate::sim::grid::Grid;
use crate::sim::matching::{Incoming, Match, OrderKey, Owner};

use super::accepts;
use super::queue::Queue;

/// A recorded book, and our orders waiting in it.
#[derive(Debug)]
pub(in crate::sim) struct Tape {
    grid: Grid,
    bids: BTreeMap<i64, Shown>,
    asks: BTreeMap<i64, Shown>,
    pub(super) queue: Queue,
    /// The newest update id of the recording.
    pub(in crate::sim) update_id: u64,
}

/// What the recording shows at a price, and how much of it our takers have used up.
#[derive(Debug, Clone, Copy)]
struct Shown {
    lots: i64,
    consumed: i64,
}

impl Shown {
    const fn left(self) -> i64 {
        self.lots - self.consumed
    }
}

impl Tape {
    pub(in crate::sim) fn new(grid: Grid) -> Self {
        let queue = Queue::default();
        Self { grid, bids: BTreeMap::new(), asks: BTreeMap::new(), queue, update_id: 0 }
    }

    /// Takes a whole recorded book.
    pub(in crate::sim) fn snapshot(&mut self, snapshot: &DepthSnapshot, out: &mut Vec<Match>) {
        self.bids.clear();
        self.asks.clear();
        self.update_id = snapshot.last_update_id;
        self.apply(&snapshot.bids, &snapshot.asks, out);
    }

    /// Takes a recorded increment; older than the book, it is ignored.
    pub(in crate::sim) fn depth(&mut self, update: &DepthUpdate, out: &mut Vec<Match>) {
        if update.final_update_id < self.update_id {
            return;
        }
        self.update_id = update.final_update_id;
        self.apply(&update.bids, &update.asks, out);
    }

    /// Takes a recorded trade; prints outside the order book move nobody.
    pub(in crate::sim) fn trade(&mut self, trade: &PublicTrade, out: &mut Vec<Match>) {
        if !trade.is_book_trade || self.queue.is_empty() {
            return;
        }
        let resting = if trade.buyer_is_maker { Side::Buy } else { Side::Sell };
        let ticks = self.grid.ticks(trade.price);
        self.queue.trade_through(resting, ticks, out);
        self.queue.trade_at(resting, ticks, self.grid.lots(trade.quantity), out);
    }

    fn apply(&mut self, bids: &[Level], asks: &[Level], out: &mut Vec<Match>) {
        for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
            for level in levels {
                self.set(side, level);
            }
        }
        self.fill_crossed(out);
    }

    /// Takes one recorded level; a price off the grid belongs to no order of ours and is left out.
    fn set(&mut self, side: Side, level: &Level) {
        let (ticks, lots) = (self.grid.ticks(level.price), self.grid.lots(level.quantity));
        if self.grid.price(ticks) != level.price {
            return;
        }
        let levels = self.side_mut(side);
        if lots == 0 {
            levels.remove(&ticks);
        } else if levels.get(&ticks).is_none_or(|shown| shown.lots != lots) {
            levels.insert(ticks, Shown { lots, consumed: 0 });
        }
        self.queue.show(side, ticks, lots);
    }

    /// An opposite quote at our price would have met our order first.
    fn fill_crossed(&mut self, out: &mut Vec<Match>) {
        if self.queue.is_empty() {
            return;
        }
        for side in [Side::Buy, Side::Sell] {
            let opposite = self.levels(side.opposite()).next();
            if let Some((opposite, _)) = opposite {
                self.queue.trade_through(side, opposite - side.sign(), out);
            }
        }
    }

    /// The levels of a side that our takers have left, best first.
    pub(super) fn levels(&self, side: Side) -> Box<dyn Iterator<Item = (i64, i64)> + '_> {
        let left = |(ticks, shown): (&i64, &Shown)| (*ticks, shown.left());
        let open = |level: &(i64, i64)| level.1 > 0;
        match side {
            Side::Buy => Box::new(self.bids.iter().rev().map(left).filter(open)),
            Side::Sell => Box::new(self.asks.iter().map(left).filter(open)),
        }
    }

    pub(super) fn take(&mut self, incoming: &Incoming, out: &mut Vec<Match>) -> i64 {
        let resting = incoming.side.opposite();
        let mut open = incoming.lots;
        while open > 0 {
            let best = self.levels(resting).next();
            let Some((ticks, lots)) = best.filter(|best| accepts(incoming, best.0)) else { break };
            let traded = lots.min(open);
            if let Some(shown) = self.side_mut(resting).get_mut(&ticks) {
                shown.consumed += traded;
            }
            open -= traded;
            out.push(background_match(incoming, ticks, traded, lots - traded));
        }
        open
    }

    pub(super) fn rest(&mut self, incoming: &Incoming) {
        let ahead = incoming.limit.and_then(|ticks| {
            let worst = match incoming.side {
                Side::Buy => self.bids.keys().next(),
                Side::Sell => self.asks.keys().next_back(),
            };
            let shown = self.side(incoming.side).get(&ticks).map(|shown| shown.left());
            let sign = incoming.side.sign();
            let is_within = worst.is_none_or(|worst| sign * ticks > sign * worst);
            shown.or(is_within.then_some(0))
        });
        self.queue.join(incoming, ahead);
    }

    const fn side(&self, side: Side) -> &BTreeMap<i64, Shown> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    const fn side_mut(&mut self, side: Side) -> &mut BTreeMap<i64, Shown> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

/// A trade of an incoming order with the recording.
pub(super) const fn background_match(
    incoming: &Incoming,
    price_ticks: i64,
    lots: i64,
    left: i64,
) -> Match {
    Match {
        maker: OrderKey::BACKGROUND,
        maker_owner: Owner::Background,
        maker_remaining_lots: left,
        taker: incoming.key,
        taker_side: incoming.side,
        price_ticks,
        lots,
    }
}
