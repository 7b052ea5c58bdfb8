//! One price level: a first-in-first-out queue of orders with anonymous background quantity between.
//!
//! Background quantity has no identity: it is a run of lots ahead of the first order (`front`) or
//! right behind an order (`behind`). A level without orders is therefore three integers and never
//! allocates, which is what makes a day of market cost seconds.
//!
//! Does not know its neighbours or its side, and reports nothing: the book does.
//!
//! Invariants: (1) `lots` is the sum of every run and every order; (2) no order of zero lots waits.

use super::{Match, OrderKey, Owner, Side};

/// An order waiting at a level, and the background lots that queue right behind it.
#[derive(Debug, Clone)]
struct Waiting {
    key: OrderKey,
    owner: Owner,
    lots: i64,
    behind: i64,
}

/// The queue at one price.
#[derive(Debug, Clone)]
pub(super) struct PriceLevel {
    pub(super) ticks: i64,
    lots: i64,
    front: i64,
    orders: Vec<Waiting>,
}

impl PriceLevel {
    pub(super) const fn new(ticks: i64) -> Self {
        Self { ticks, lots: 0, front: 0, orders: Vec::new() }
    }

    /// Everything waiting here.
    pub(super) const fn lots(&self) -> i64 {
        self.lots
    }

    /// The part of it that is nobody's order.
    pub(super) fn background(&self) -> i64 {
        self.front + self.orders.iter().map(|order| order.behind).sum::<i64>()
    }

    /// Adds an order at the back of the queue.
    pub(super) fn join(&mut self, key: OrderKey, owner: Owner, lots: i64) {
        self.orders.push(Waiting { key, owner, lots, behind: 0 });
        self.lots += lots;
    }

    /// Adds background quantity at the back of the queue.
    pub(super) fn join_background(&mut self, lots: i64) {
        *self.orders.last_mut().map_or(&mut self.front, |order| &mut order.behind) += lots;
        self.lots += lots;
    }

    /// Takes up to `lots` of background quantity out, from the back forwards: whoever waits here
    /// gains a place by it only when nothing else is left behind. Returns the lots taken out.
    pub(super) fn withdraw_background(&mut self, lots: i64) -> i64 {
        let mut open = lots;
        let behind = self.orders.iter_mut().rev().map(|order| &mut order.behind);
        for run in behind.chain(std::iter::once(&mut self.front)) {
            let taken = open.min(*run);
            *run -= taken;
            open -= taken;
            if open == 0 {
                break;
            }
        }
        self.lots -= lots - open;
        lots - open
    }

    /// Removes an order; the background behind it moves up. Returns its remaining lots.
    pub(super) fn cancel(&mut self, key: OrderKey) -> Option<i64> {
        let position = self.position(key)?;
        let order = self.orders.remove(position);
        *match position {
            0 => &mut self.front,
            _ => &mut self.orders[position - 1].behind,
        } += order.behind;
        self.lots -= order.lots;
        Some(order.lots)
    }

    /// Makes an order smaller at its place and returns what remains; zero removes it.
    pub(super) fn reduce(&mut self, key: OrderKey, lots: i64) -> Option<i64> {
        let position = self.position(key)?;
        let order = &mut self.orders[position];
        if order.lots <= lots {
            self.cancel(key)?;
            return Some(0);
        }
        order.lots -= lots;
        self.lots -= lots;
        Some(order.lots)
    }

    /// Lots that trade before the order does.
    pub(super) fn lots_ahead(&self, key: OrderKey) -> Option<i64> {
        let position = self.position(key)?;
        let ahead = self.orders[..position].iter().map(|order| order.lots + order.behind);
        Some(self.front + ahead.sum::<i64>())
    }

    /// The remaining lots of an order.
    pub(super) fn order_lots(&self, key: OrderKey) -> Option<i64> {
        self.position(key).map(|position| self.orders[position].lots)
    }

    /// Trades up to `lots` from the front of the queue; returns what is still wanted.
    pub(super) fn trade(
        &mut self,
        taker: (OrderKey, Side),
        lots: i64,
        out: &mut Vec<Match>,
    ) -> i64 {
        let mut open = lots;
        let (mut filled, mut front) = (0, self.front);
        let (price_ticks, (taker, taker_side)) = (self.ticks, taker);
        let mut report = |maker, maker_owner, maker_remaining_lots, lots| {
            out.push(Match {
                maker,
                maker_owner,
                maker_remaining_lots,
                taker,
                taker_side,
                price_ticks,
                lots,
            });
        };
        loop {
            let traded = open.min(front);
            if traded > 0 {
                front -= traded;
                open -= traded;
                report(OrderKey::BACKGROUND, Owner::Background, front, traded);
            }
            let Some(order) = self.orders.get_mut(filled).filter(|_| open > 0) else { break };
            let traded = open.min(order.lots);
            order.lots -= traded;
            open -= traded;
            report(order.key, order.owner, order.lots, traded);
            if order.lots > 0 {
                break;
            }
            front = order.behind;
            filled += 1;
        }
        self.front = front;
        self.orders.drain(..filled);
        self.lots -= lots - open;
        open
    }

    fn position(&self, key: OrderKey) -> Option<usize> {
        self.orders.iter().position(|order| order.key == key)
    }
}
