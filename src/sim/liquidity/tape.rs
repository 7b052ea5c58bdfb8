//! Outside liquidity from recorded messages.
//!
//! The recorded book is what takers walk; what they consumed stays consumed until the recording
//! changes that level. Resting orders wait in a [`Queue`]: trades of the opposite aggressor at
//! their price move them forward, a shrinking level caps what is ahead of them, a trade through
//! their price or an opposite quote at it fills them. Accounts do not meet each other here: each
//! trades with the recording alone.

use std::collections::BTreeMap;

use crate::book::{BookSync, DepthSnapshot, DepthUpdate, Outcome, PublicTrade};
use crate::domain::{Filters, Side};
use crate::sim::grid::Grid;
use crate::sim::matching::{Incoming, Match, OrderKey, Owner};

use super::accepts;
use super::queue::Queue;

/// A recorded book, and our orders waiting in it.
#[derive(Debug)]
pub(in crate::sim) struct Tape {
    grid: Grid,
    recorded: BookSync,
    /// What our takers have used up of levels, in lots, until the recording changes them.
    consumed: BTreeMap<(Side, i64), i64>,
    pub(super) queue: Queue,
}

impl Tape {
    pub(in crate::sim) fn new(grid: Grid, filters: &Filters) -> Self {
        let recorded = BookSync::new(crate::book::Grid::from(filters));
        Self { grid, recorded, consumed: BTreeMap::new(), queue: Queue::default() }
    }

    /// The update id up to which the recorded book holds.
    pub(in crate::sim) const fn update_id(&self) -> u64 {
        self.recorded.update_id()
    }

    /// Takes a whole recorded book.
    pub(in crate::sim) fn snapshot(&mut self, snapshot: &DepthSnapshot, out: &mut Vec<Match>) {
        if self.recorded.on_snapshot(snapshot) != Outcome::Applied {
            return;
        }
        self.consumed.clear();
        for side in [Side::Buy, Side::Sell] {
            let prices: Vec<i64> = self.queue.prices(side).collect();
            for ticks in prices {
                self.queue.show(side, ticks, self.recorded_lots(side, ticks));
            }
        }
        self.fill_crossed(out);
    }

    /// Takes a recorded increment; by the venue's rules it may have to wait for a snapshot.
    pub(in crate::sim) fn depth(&mut self, update: &DepthUpdate, out: &mut Vec<Match>) {
        if self.recorded.on_update(update) != Outcome::Applied {
            return;
        }
        for (side, levels) in [(Side::Buy, &update.bids), (Side::Sell, &update.asks)] {
            for level in levels {
                let ticks = self.grid.ticks(level.price);
                self.consumed.remove(&(side, ticks));
                self.queue.show(side, ticks, self.grid.lots(level.quantity));
            }
        }
        self.fill_crossed(out);
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

    /// The lots the recording shows at a price.
    fn recorded_lots(&self, side: Side, ticks: i64) -> i64 {
        let price = self.grid.price(ticks);
        let level = self.recorded.book().levels(side).find(|level| level.price == price);
        level.map_or(0, |level| self.grid.lots(level.quantity))
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
    pub(super) fn levels(&self, side: Side) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.recorded
            .book()
            .levels(side)
            .map(move |level| {
                let ticks = self.grid.ticks(level.price);
                let used = self.consumed.get(&(side, ticks)).copied().unwrap_or(0);
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
            *self.consumed.entry((resting, ticks)).or_default() += traded;
            open -= traded;
            out.push(background_match(incoming, ticks, traded, lots - traded));
        }
        open
    }

    pub(super) fn rest(&mut self, incoming: &Incoming) {
        let ahead = incoming.limit.and_then(|ticks| {
            let (side, sign) = (incoming.side, incoming.side.sign());
            let worst = self.recorded.book().levels(side).last();
            let is_within =
                worst.is_some_and(|worst| sign * ticks >= sign * self.grid.ticks(worst.price));
            is_within.then(|| self.recorded_lots(side, ticks))
        });
        self.queue.join(incoming, ahead);
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
