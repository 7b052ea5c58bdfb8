//! All ordinary orders of one symbol: who is working, who is unknown, what may still fill.
//!
//! Routes news to the order it is about, wakes orders when they are due, and answers what the
//! other machines ask. It decides nothing of its own; an order is never forgotten while it is live.
//!
//! Invariants: **1** a client order id enters once; **2** only ended orders are dropped.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::doubt::Resolution;
use super::order::{Order, OrderAction, OrderEvent, Purpose};
use super::position::Position;
use crate::domain::{
    ClientOrderId, Exposure, Fill, OrderReport, OrderRequest, Quantity, Side, Timestamp,
};

/// Ended orders remembered, so that late news finds them.
const ENDED_ORDERS: usize = 64;

/// All ordinary orders of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Blotter {
    live: BTreeMap<ClientOrderId, Order>,
    ended: VecDeque<Order>,
    /// Hidden outcomes that came to light, until they are taken.
    resolved: Vec<Resolution>,
}

impl Blotter {
    /// Takes in an order that is being sent now.
    pub fn submit(&mut self, now: Timestamp, request: OrderRequest, purpose: Purpose) {
        let id = request.client_order_id;
        assert!(self.find(id).is_none(), "invariant 1: {id} is used once");
        self.live.insert(id, Order::sent(now, request, purpose));
    }

    /// Takes in an order of ours that was found at the venue, to be cancelled.
    #[must_use]
    pub fn adopt(
        &mut self,
        now: Timestamp,
        report: &OrderReport,
        ledger: &Position,
    ) -> Option<OrderAction> {
        let request = OrderRequest {
            client_order_id: report.client_order_id,
            symbol: report.symbol,
            side: report.side,
            quantity: report.quantity,
            kind: report.price.map_or(crate::domain::OrderKind::Market, |price| {
                let time_in_force = crate::domain::TimeInForce::GoodTilCanceled;
                crate::domain::OrderKind::Limit { price, time_in_force }
            }),
            reduce_only: report.reduce_only,
        };
        let id = report.client_order_id;
        assert!(self.find(id).is_none(), "invariant 1: {id} is used once");
        // Its fills so far are in the ledger already: this run or an earlier one booked them.
        let booked = ledger.booked_of(id, Some(report.order_id));
        let booked_before = report.filled_quantity.saturating_sub(booked);
        let order = Order::found(now, request, booked_before);
        self.live.insert(id, order);
        for told in [OrderEvent::Booked(booked), OrderEvent::Report(report)] {
            let action = self.handle(now, id, told);
            debug_assert_eq!(action, None, "news alone asks for nothing");
        }
        self.handle(now, id, OrderEvent::CancelWanted)
    }

    /// Advances one order by one event; orders we do not know have no answer.
    #[must_use]
    pub fn handle(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        event: OrderEvent<'_>,
    ) -> Option<OrderAction> {
        if let Some(order) = self.live.get_mut(&id) {
            let action = order.handle(now, event);
            self.resolved.extend(order.take_resolution());
            if !order.is_live() {
                self.ended.extend(self.live.remove(&id));
                self.ended.drain(..self.ended.len().saturating_sub(ENDED_ORDERS));
            }
            return action;
        }
        let at = self.ended.iter().position(|order| order.id() == id)?;
        let action = self.ended[at].handle(now, event);
        if self.ended[at].is_live() {
            self.live.extend(self.ended.remove(at).map(|order| (id, order)));
        }
        action
    }

    /// Tells the order of a fill how much of it is booked now; says which order that is.
    #[must_use]
    pub fn book(
        &mut self,
        now: Timestamp,
        fill: &Fill,
        ledger: &Position,
    ) -> Option<(ClientOrderId, Option<OrderAction>)> {
        let is_meant = |order: &&Order| {
            fill.client_order_id == Some(order.id()) || order.order_id == Some(fill.order_id)
        };
        let order = self.live.values().chain(&self.ended).find(is_meant)?;
        let (id, order_id) = (order.id(), order.order_id);
        // The ledger may have folded the order's earlier fills into what it carries over; fills
        // that came before the venue's name for the order was known are counted only there.
        let counted = order.booked().checked_add(fill.quantity).unwrap_or(order.booked());
        let booked = ledger.booked_of(id, order_id).max(counted);
        Some((id, self.handle(now, id, OrderEvent::Booked(booked))))
    }

    /// Hidden outcomes that came to light since this was last asked.
    pub fn take_resolved(&mut self) -> Vec<Resolution> {
        std::mem::take(&mut self.resolved)
    }

    /// Orders that are due: whom to ask about or cancel again.
    #[must_use]
    pub fn tick(&mut self, now: Timestamp) -> Vec<(ClientOrderId, OrderAction)> {
        let due = |order: &Order| order.next_deadline().is_some_and(|at| at <= now);
        let wake = |(id, order): (&ClientOrderId, &mut Order)| {
            order.handle(now, OrderEvent::Tick).map(|action| (*id, action))
        };
        self.live.iter_mut().filter(|(_, order)| due(order)).filter_map(wake).collect()
    }

    /// Asks for the end of every live order that matches.
    #[must_use]
    pub fn cancel(
        &mut self,
        now: Timestamp,
        is_meant: impl Fn(&Order) -> bool,
    ) -> Vec<(ClientOrderId, OrderAction)> {
        let end = |(id, order): (&ClientOrderId, &mut Order)| {
            order.handle(now, OrderEvent::CancelWanted).map(|action| (*id, action))
        };
        self.live.iter_mut().filter(|(_, order)| is_meant(order)).filter_map(end).collect()
    }

    /// The order of this name, live or lately ended.
    #[must_use]
    pub fn find(&self, id: ClientOrderId) -> Option<&Order> {
        self.live.get(&id).or_else(|| self.ended.iter().find(|order| order.id() == id))
    }

    /// Orders that work or may work.
    pub fn live(&self) -> impl Iterator<Item = &Order> {
        self.live.values()
    }

    /// Whether no order works or may work.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.live.is_empty()
    }

    /// The live order for a purpose; the newest if there are several.
    #[must_use]
    pub fn live_for(&self, purpose: Purpose) -> Option<&Order> {
        self.live().filter(|order| order.purpose == purpose).max_by_key(|order| order.sent_at)
    }

    /// What reports say is filled and no fill has told yet, as a change of the position.
    #[must_use]
    pub fn unbooked(&self) -> Exposure {
        let orders = self.live.values().chain(&self.ended);
        orders.fold(Exposure::ZERO, |sum, order| {
            let change = order.unbooked().on(order.request.side);
            sum.checked_add(change).unwrap_or(sum)
        })
    }

    /// Whether a report told of fills that have not arrived.
    #[must_use]
    pub fn awaits_fills(&self) -> bool {
        self.live.values().chain(&self.ended).any(|order| !order.unbooked().is_zero())
    }

    /// The most that one side's opening orders may still fill, unknown ones included.
    #[must_use]
    pub fn worst_case(&self, side: Side) -> Quantity {
        let opens = |order: &&Order| order.request.side == side && !order.request.reduce_only;
        self.live()
            .filter(opens)
            .fold(Quantity::ZERO, |sum, order| sum.checked_add(order.remaining()).unwrap_or(sum))
    }

    /// Orders and lately ended ones whose reported fills have not arrived since `before`.
    pub fn unbooked_since(&self, before: Timestamp) -> impl Iterator<Item = &Order> {
        let orders = self.live.values().chain(&self.ended);
        orders.filter(move |order| !order.unbooked().is_zero() && order.changed_at <= before)
    }

    /// The earliest moment at which an order wants to be woken.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.live().filter_map(Order::next_deadline).min()
    }
}
