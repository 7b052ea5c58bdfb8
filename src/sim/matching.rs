//! The matching book: price-time priority in integer ticks and lots.
//!
//! One queue per price. Two kinds of quantity share it: orders, which have a key and an owner, and
//! anonymous background quantity, which is what a recorded depth message or the seeded market puts
//! at a price. Both trade strictly from the front; background joins at the back and withdraws from
//! the back, so that an order's place in the queue is never flattered by others' cancellations.
//!
//! Does not know accounts, filters, fees, time in force or time: [`MatchingBook::take`] never rests
//! what it could not fill, and the caller decides whether it does.
//!
//! Invariants: (1) better prices trade first, and at one price earlier quantity trades first;
//! (2) lots in = lots traded + lots cancelled + lots resting; (3) [`MatchingBook::rest`] never
//! crosses the book; [`MatchingBook::set_background`] trusts its caller, because a recorded message
//! may be locked between its bids and its asks; (4) the same calls give the same matches and
//! changes: the map from keys to prices is only ever looked up, never walked.

mod level;
#[cfg(test)]
mod properties;

use std::collections::HashMap;

use level::PriceLevel;
use serde::{Deserialize, Serialize};

use crate::domain::Side;

/// Changes are deduplicated once this many have gathered, so that a caller who never asks for them
/// pays for the prices that were touched and not for every operation.
const CHANGES_BEFORE_COMPACTION: usize = 4_096;

/// Names one order in the book; assigned by the caller, unique while the order rests.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct OrderKey(pub u64);

impl OrderKey {
    /// The key under which anonymous background quantity trades; never an order's.
    pub const BACKGROUND: Self = Self(0);
}

/// Names one account of the simulated exchange.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct AccountId(pub u32);

/// Whose order it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Owner {
    /// A background participant: nobody keeps its position.
    Background,
    /// An account of the exchange.
    Account(AccountId),
}

/// An order on its way into the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incoming {
    /// Its name.
    pub key: OrderKey,
    /// Whose it is.
    pub owner: Owner,
    /// Buy or sell.
    pub side: Side,
    /// The worst price it accepts, in ticks; `None` takes any price.
    pub limit: Option<i64>,
    /// How many lots; positive.
    pub lots: i64,
}

/// One trade between a resting maker and an incoming taker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The resting order, or [`OrderKey::BACKGROUND`].
    pub maker: OrderKey,
    /// Whose it was.
    pub maker_owner: Owner,
    /// What the maker has left after this trade; for background, what is left of its run.
    pub maker_remaining_lots: i64,
    /// The incoming order.
    pub taker: OrderKey,
    /// The side of the incoming order: the aggressor's.
    pub taker_side: Side,
    /// The maker's price.
    pub price_ticks: i64,
    /// How many lots.
    pub lots: i64,
}

/// One level whose quantity may have changed, with its absolute quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelChange {
    /// Of which side of the book.
    pub side: Side,
    /// At which price.
    pub ticks: i64,
    /// What rests there now; zero: the level is gone.
    pub lots: i64,
}

/// A price-time priority book.
#[derive(Debug, Clone, Default)]
pub struct MatchingBook {
    /// Ascending: the best bid is last.
    bids: Vec<PriceLevel>,
    /// Descending: the best ask is last.
    asks: Vec<PriceLevel>,
    prices: HashMap<OrderKey, (Side, i64)>,
    changed: Vec<(Side, i64)>,
    compacted: usize,
}

impl MatchingBook {
    /// An empty book.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trades an incoming order against the other side, best price first, and appends the matches.
    ///
    /// Returns the lots left unfilled; they do not rest.
    pub fn take(&mut self, incoming: &Incoming, out: &mut Vec<Match>) -> i64 {
        let resting = incoming.side.opposite();
        let mut open = incoming.lots;
        while open > 0 && self.would_take_any(incoming.side, incoming.limit) {
            let levels = self.side_mut(resting);
            let Some(level) = levels.last_mut() else { break };
            let (ticks, first) = (level.ticks, out.len());
            open = level.trade((incoming.key, incoming.side), open, out);
            if level.lots() == 0 {
                levels.pop();
            }
            self.note_change(resting, ticks);
            for filled in out[first..].iter().filter(|found| found.maker_remaining_lots == 0) {
                self.prices.remove(&filled.maker);
            }
        }
        open
    }

    /// Puts an order at the back of its level; the caller has matched it first.
    ///
    /// An order without a limit, or without lots, cannot rest and is ignored.
    pub fn rest(&mut self, incoming: Incoming) {
        let Some(ticks) = incoming.limit.filter(|_| incoming.lots > 0) else { return };
        debug_assert!(!self.would_take(incoming.side, ticks), "{incoming:?} would cross the book");
        debug_assert!(incoming.key != OrderKey::BACKGROUND, "an order needs a key of its own");
        self.level_mut(incoming.side, ticks).join(incoming.key, incoming.owner, incoming.lots);
        self.prices.insert(incoming.key, (incoming.side, ticks));
        self.note_change(incoming.side, ticks);
    }

    /// Takes an order out; returns its remaining lots, or `None` if it does not rest.
    pub fn cancel(&mut self, key: OrderKey) -> Option<i64> {
        self.change_order(key, |level| level.cancel(key))
    }

    /// Makes an order smaller by `lots` without losing its place; zero or less removes it.
    ///
    /// Returns the lots that remain, or `None` if it does not rest.
    pub fn reduce(&mut self, key: OrderKey, lots: i64) -> Option<i64> {
        self.change_order(key, |level| level.reduce(key, lots.max(0)))
    }

    /// Sets the anonymous quantity at a price: more joins the back; less is withdrawn from behind
    /// the orders first, and from ahead of them only when nothing is left behind.
    pub fn set_background(&mut self, side: Side, ticks: i64, lots: i64) {
        let lots = lots.max(0);
        let now = self.background_lots(side, ticks);
        match lots - now {
            0 => {}
            more @ 1.. => self.join_background(side, ticks, more),
            _ => {
                self.withdraw_background(side, ticks, now - lots);
            }
        }
    }

    /// Adds anonymous quantity at the back of a level: others' limit orders.
    pub fn join_background(&mut self, side: Side, ticks: i64, lots: i64) {
        if lots > 0 {
            self.level_mut(side, ticks).join_background(lots);
            self.note_change(side, ticks);
        }
    }

    /// Withdraws up to `lots` of anonymous quantity from the back: others' cancellations.
    /// Returns the lots withdrawn.
    pub fn withdraw_background(&mut self, side: Side, ticks: i64, lots: i64) -> i64 {
        let (levels, position) = self.find(side, ticks);
        let Ok(position) = position else { return 0 };
        let withdrawn = levels[position].withdraw_background(lots);
        if levels[position].lots() == 0 {
            levels.remove(position);
        }
        self.note_change(side, ticks);
        withdrawn
    }

    /// Whether an incoming order with this limit would trade at once.
    #[must_use]
    pub fn would_take(&self, side: Side, limit: i64) -> bool {
        self.would_take_any(side, Some(limit))
    }

    /// The best price of a side and what rests there.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<(i64, i64)> {
        self.levels(side).next()
    }

    /// What rests at a price.
    #[must_use]
    pub fn level_lots(&self, side: Side, ticks: i64) -> i64 {
        self.level(side, ticks).map_or(0, PriceLevel::lots)
    }

    /// What rests at a price without being anyone's order.
    #[must_use]
    pub fn background_lots(&self, side: Side, ticks: i64) -> i64 {
        self.level(side, ticks).map_or(0, PriceLevel::background)
    }

    /// The levels of a side, best first: price in ticks and lots.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.side(side).iter().rev().map(|level| (level.ticks, level.lots()))
    }

    /// How many levels a side has.
    #[must_use]
    pub fn level_count(&self, side: Side) -> usize {
        self.side(side).len()
    }

    /// The lots that trade before this order does; `None` if it does not rest.
    #[must_use]
    pub fn lots_ahead(&self, key: OrderKey) -> Option<i64> {
        self.level_of(key)?.lots_ahead(key)
    }

    /// The remaining lots of a resting order; `None` if it does not rest.
    #[must_use]
    pub fn remaining_lots(&self, key: OrderKey) -> Option<i64> {
        self.level_of(key)?.order_lots(key)
    }

    /// Moves what changed since the last call to `out`, which is cleared first: each level once,
    /// bids before asks, ascending prices, absolute lots. The source of depth messages.
    pub fn take_changes(&mut self, out: &mut Vec<LevelChange>) {
        self.compact_changes();
        let mut changed = std::mem::take(&mut self.changed);
        self.compacted = 0;
        out.clear();
        out.extend(changed.drain(..).map(|(side, ticks)| LevelChange {
            side,
            ticks,
            lots: self.level_lots(side, ticks),
        }));
        self.changed = changed; // keeps its allocation
    }

    fn would_take_any(&self, side: Side, limit: Option<i64>) -> bool {
        self.side(side.opposite()).last().is_some_and(|best| match (side, limit) {
            (_, None) => true,
            (Side::Buy, Some(limit)) => best.ticks <= limit,
            (Side::Sell, Some(limit)) => best.ticks >= limit,
        })
    }

    fn change_order(
        &mut self,
        key: OrderKey,
        change: impl FnOnce(&mut PriceLevel) -> Option<i64>,
    ) -> Option<i64> {
        let (side, ticks) = *self.prices.get(&key)?;
        let (levels, position) = self.find(side, ticks);
        let position = position.ok()?;
        let lots = change(&mut levels[position]);
        let is_gone = levels[position].order_lots(key).is_none();
        if levels[position].lots() == 0 {
            levels.remove(position);
        }
        if is_gone {
            self.prices.remove(&key);
        }
        self.note_change(side, ticks);
        lots
    }

    fn note_change(&mut self, side: Side, ticks: i64) {
        if self.changed.last() == Some(&(side, ticks)) {
            return;
        }
        self.changed.push((side, ticks));
        if self.changed.len() >= self.compacted.saturating_mul(2).max(CHANGES_BEFORE_COMPACTION) {
            self.compact_changes();
        }
    }

    fn compact_changes(&mut self) {
        self.changed.sort_unstable();
        self.changed.dedup();
        self.compacted = self.changed.len();
    }

    fn level_of(&self, key: OrderKey) -> Option<&PriceLevel> {
        let (side, ticks) = *self.prices.get(&key)?;
        self.level(side, ticks)
    }

    fn level(&self, side: Side, ticks: i64) -> Option<&PriceLevel> {
        let levels = self.side(side);
        position(levels, side, ticks).ok().map(|position| &levels[position])
    }

    fn level_mut(&mut self, side: Side, ticks: i64) -> &mut PriceLevel {
        let (levels, position) = self.find(side, ticks);
        let position = position.unwrap_or_else(|vacant| {
            levels.insert(vacant, PriceLevel::new(ticks));
            vacant
        });
        &mut levels[position]
    }

    fn find(&mut self, side: Side, ticks: i64) -> (&mut Vec<PriceLevel>, Result<usize, usize>) {
        let levels = self.side_mut(side);
        let position = position(levels, side, ticks);
        (levels, position)
    }

    const fn side(&self, side: Side) -> &Vec<PriceLevel> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    const fn side_mut(&mut self, side: Side) -> &mut Vec<PriceLevel> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

/// Where a price is in a side's levels, or where it would be inserted: the best is last.
fn position(levels: &[PriceLevel], side: Side, ticks: i64) -> Result<usize, usize> {
    let sign = side.sign();
    levels.binary_search_by(|level| (sign * level.ticks).cmp(&(sign * ticks)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Owner = Owner::Account(AccountId(1));

    #[test]
    fn our_place_in_the_queue_is_honest() {
        let mut book = MatchingBook::new();
        book.set_background(Side::Buy, 100, 10);
        book.rest(Incoming { lots: 5, ..order(1, Side::Buy, Some(100)) });
        book.set_background(Side::Buy, 100, 30);
        assert_eq!(book.lots_ahead(OrderKey(1)), Some(10), "who comes later queues behind us");
        book.set_background(Side::Buy, 100, 12);
        assert_eq!(book.lots_ahead(OrderKey(1)), Some(10), "cancellations leave from behind us");
        book.set_background(Side::Buy, 100, 4);
        assert_eq!(book.lots_ahead(OrderKey(1)), Some(4), "until nobody else is left");

        let mut matches = Vec::new();
        let open =
            book.take(&Incoming { lots: 6, ..order(2, Side::Sell, Some(100)) }, &mut matches);
        assert_eq!(open, 0);
        let fills: Vec<_> = matches.iter().map(|one| (one.maker, one.lots)).collect();
        assert_eq!(fills, [(OrderKey::BACKGROUND, 4), (OrderKey(1), 2)], "the front trades first");
        assert_eq!(matches[1].maker_owner, US);
        assert_eq!(matches[1].maker_remaining_lots, 3);
    }

    #[test]
    fn a_taker_stops_at_its_limit_and_never_rests_by_itself() {
        let mut book = MatchingBook::new();
        for ticks in [101, 102, 103] {
            book.set_background(Side::Sell, ticks, 5);
        }
        let mut matches = Vec::new();
        let taker = Incoming { lots: 20, ..order(1, Side::Buy, Some(102)) };
        assert_eq!(book.take(&taker, &mut matches), 10);
        assert_eq!(book.best(Side::Sell), Some((103, 5)));
        assert_eq!(book.best(Side::Buy), None);
        let mut changes = Vec::new();
        book.take_changes(&mut changes);
        let changes: Vec<_> = changes.iter().map(|one| (one.ticks, one.lots)).collect();
        assert_eq!(changes, [(101, 0), (102, 0), (103, 5)], "absolute, each level once");
    }

    fn order(key: u64, side: Side, limit: Option<i64>) -> Incoming {
        Incoming { key: OrderKey(key), owner: US, side, limit, lots: 1 }
    }
}
