//! Our orders' places in the queues of a recorded book.
//!
//! A recording cannot be traded with, only waited in: an order knows how many lots are ahead of it,
//! trades of others move it forward, and what is traded beyond those lots fills it. Cancellations of
//! others never help, except that nobody can be ahead of us who is no longer shown at all.
//!
//! Invariants: **1** an order fills only from trades at its price that came after the lots ahead
//! of it, or because the market traded or quoted through it; **2** lots filled never exceed lots
//! traded, trades through the price apart; **3** lots ahead never grow but for what traded before
//! the order came.

use crate::domain::Side;
use crate::sim::matching::{Incoming, Match, OrderKey, Owner};

/// One order waiting in a recorded queue.
#[derive(Debug, Clone, Copy)]
struct Queued {
    key: OrderKey,
    owner: Owner,
    ticks: i64,
    /// Lots that trade first; `None` while the recording has not yet shown this price.
    ahead: Option<i64>,
    lots: i64,
}

/// All orders of the accounts, a side each, best price first and then the oldest.
#[derive(Debug, Default)]
pub(super) struct Queue {
    bids: Vec<Queued>,
    asks: Vec<Queued>,
}

impl Queue {
    pub(super) const fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    /// Lets an order wait behind `ahead` lots, or behind whatever is shown first at its price.
    pub(super) fn join(&mut self, incoming: &Incoming, ahead: Option<i64>) {
        let Some(ticks) = incoming.limit.filter(|_| incoming.lots > 0) else { return };
        let (key, owner, lots) = (incoming.key, incoming.owner, incoming.lots);
        let sign = incoming.side.sign();
        let orders = self.side_mut(incoming.side);
        let place = orders.partition_point(|order| sign * order.ticks >= sign * ticks);
        orders.insert(place, Queued { key, owner, ticks, ahead, lots });
    }

    /// Takes an order out; returns its remaining lots.
    pub(super) fn cancel(&mut self, key: OrderKey) -> Option<i64> {
        [Side::Buy, Side::Sell].into_iter().find_map(|side| {
            let orders = self.side_mut(side);
            let place = orders.iter().position(|order| order.key == key)?;
            Some(orders.remove(place).lots)
        })
    }

    /// Makes an order smaller by `lots`; returns what remains, zero removes it.
    pub(super) fn reduce(&mut self, key: OrderKey, lots: i64) -> Option<i64> {
        let order = self.bids.iter_mut().chain(&mut self.asks).find(|order| order.key == key)?;
        order.lots -= lots;
        let left = order.lots;
        if left <= 0 {
            self.cancel(key);
        }
        Some(left.max(0))
    }

    /// The lots ahead of an order, where known.
    pub(super) fn lots_ahead(&self, key: OrderKey) -> Option<i64> {
        self.bids.iter().chain(&self.asks).find(|order| order.key == key)?.ahead
    }

    /// What the recording now shows at a price: nobody beyond it can be ahead of us.
    pub(super) fn show(&mut self, side: Side, ticks: i64, shown: i64) {
        for order in self.side_mut(side).iter_mut().filter(|order| order.ticks == ticks) {
            order.ahead = Some(order.ahead.map_or(shown, |ahead| ahead.min(shown)));
        }
    }

    /// Fills every order of a side at a price strictly better than `ticks`: the market has traded
    /// past them, at their own price or a better one for us.
    pub(super) fn trade_through(&mut self, side: Side, ticks: i64, out: &mut Vec<Match>) {
        let sign = side.sign();
        let orders = self.side_mut(side);
        let reached = orders.partition_point(|order| sign * order.ticks > sign * ticks);
        for order in orders.drain(..reached) {
            out.push(filled(&order, side, order.lots, 0));
        }
    }

    /// Puts more lots ahead of an order: trades that came before it did.
    pub(super) fn hold_back(&mut self, key: OrderKey, side: Side, lots: i64) {
        if let Some(order) = self.side_mut(side).iter_mut().find(|order| order.key == key) {
            order.ahead = order.ahead.map(|ahead| ahead + lots);
        }
    }

    /// Moves the orders of a side at or better than `ticks` forward by `lots` of others' trades.
    pub(super) fn trade_at(&mut self, side: Side, ticks: i64, lots: i64, out: &mut Vec<Match>) {
        let (sign, mut left) = (side.sign(), lots);
        let orders = self.side_mut(side);
        for order in orders.iter_mut().take_while(|order| sign * order.ticks >= sign * ticks) {
            let Some(ahead) = order.ahead else { continue };
            let traded = (left - ahead).clamp(0, order.lots);
            order.ahead = Some((ahead - left).max(0));
            if traded > 0 {
                order.lots -= traded;
                left -= traded;
                out.push(filled(order, side, traded, order.lots));
            }
        }
        orders.retain(|order| order.lots > 0);
    }

    /// The prices at which orders of a side wait, best first, each as often as orders wait there.
    pub(super) fn prices(&self, side: Side) -> impl Iterator<Item = i64> + '_ {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
        .iter()
        .map(|order| order.ticks)
    }

    const fn side_mut(&mut self, side: Side) -> &mut Vec<Queued> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

fn filled(order: &Queued, side: Side, lots: i64, left: i64) -> Match {
    Match {
        maker: order.key,
        maker_owner: order.owner,
        maker_remaining_lots: left,
        taker: OrderKey::BACKGROUND,
        taker_side: side.opposite(),
        price_ticks: order.ticks,
        lots,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::matching::AccountId;
    use proptest::prelude::*;

    fn order(key: u64, side: Side, ticks: i64, lots: i64) -> Incoming {
        let owner = Owner::Account(AccountId(1));
        Incoming { key: OrderKey(key), owner, side, limit: Some(ticks), lots }
    }

    fn lots(matches: &[Match]) -> Vec<(u64, i64)> {
        matches.iter().map(|found| (found.maker.0, found.lots)).collect()
    }

    #[test]
    fn an_order_waits_its_turn_and_cancellations_ahead_only_cap_it() {
        let (mut queue, mut out) = (Queue::default(), Vec::new());
        queue.join(&order(1, Side::Buy, 100, 5), Some(10));
        queue.show(Side::Buy, 100, 8);
        assert_eq!(queue.lots_ahead(OrderKey(1)), Some(8), "at most what is shown");
        queue.show(Side::Buy, 100, 50);
        assert_eq!(queue.lots_ahead(OrderKey(1)), Some(8), "joined behind us");
        queue.trade_at(Side::Buy, 100, 6, &mut out);
        assert!(out.is_empty());
        queue.trade_at(Side::Buy, 100, 4, &mut out);
        assert_eq!(lots(&out), [(1, 2)]);
        queue.trade_through(Side::Buy, 100, &mut out);
        assert_eq!(out.len(), 1, "a trade at the price is not through it");
        queue.trade_through(Side::Buy, 99, &mut out);
        assert_eq!(lots(&out), [(1, 2), (1, 3)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_price_not_yet_shown_moves_only_once_it_has_been() {
        let (mut queue, mut out) = (Queue::default(), Vec::new());
        queue.join(&order(1, Side::Sell, 200, 5), None);
        queue.trade_at(Side::Sell, 200, 100, &mut out);
        assert!(out.is_empty(), "who is ahead is unknown");
        queue.show(Side::Sell, 200, 7);
        queue.trade_at(Side::Sell, 201, 8, &mut out);
        assert_eq!(lots(&out), [(1, 1)], "a buyer up to 201 reaches 200");
    }

    #[test]
    fn better_prices_fill_first_and_use_up_the_volume() {
        let (mut queue, mut out) = (Queue::default(), Vec::new());
        queue.join(&order(1, Side::Buy, 100, 5), Some(0));
        queue.join(&order(2, Side::Buy, 101, 3), Some(0));
        queue.join(&order(3, Side::Buy, 100, 5), Some(0));
        queue.trade_at(Side::Buy, 100, 6, &mut out);
        assert_eq!(lots(&out), [(2, 3), (1, 3)]);
    }

    proptest! {
        #[test]
        fn invariant_2_lots_filled_never_exceed_lots_traded(
            orders in prop::collection::vec((95..105_i64, 1..20_i64, 0..30_i64), 1..8),
            trades in prop::collection::vec((94..106_i64, 1..40_i64), 1..20),
        ) {
            let mut queue = Queue::default();
            for (key, (ticks, lots, ahead)) in (1..).zip(orders) {
                queue.join(&order(key, Side::Buy, ticks, lots), Some(ahead));
            }
            for (ticks, traded) in trades {
                let mut out = Vec::new();
                queue.trade_at(Side::Buy, ticks, traded, &mut out);
                prop_assert!(out.iter().map(|found| found.lots).sum::<i64>() <= traded);
                prop_assert!(out.iter().all(|found| found.price_ticks >= ticks && found.lots > 0));
            }
        }
    }
}
