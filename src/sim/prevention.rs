//! Self-trade prevention: no account ever meets its own order (exchange-api.md 4.1).
//!
//! The venue's modes are in force for orders that may rest or fill in part. A fill-or-kill order
//! counts only what others offer and always expires its own account's orders in the way, so that it
//! fills wholly or not at all and yet never meets itself.

use crate::domain::{OrderKind, OrderStatus, Side, TimeInForce};

use super::accounts::AccountId;
use super::events::ExpiryReason;
use super::exchange::Exchange;
use super::matching::Incoming;
use super::orders::OrderRecord;
use super::terms::SelfTradePrevention;

impl Exchange {
    /// Expires the account's own resting orders that this one would meet, or says after how many
    /// lots it must stop itself; `None` if it may go on.
    pub(super) fn prevent_self_trade(
        &mut self,
        at: usize,
        incoming: &Incoming,
        order: &OrderRecord,
    ) -> Option<i64> {
        match mode(order) {
            SelfTradePrevention::ExpireMaker => {
                self.expire_makers(at, incoming, order);
                None
            }
            SelfTradePrevention::ExpireTaker => {
                self.first_own(at, incoming, order).map(|own| own.1)
            }
            SelfTradePrevention::ExpireBoth => {
                let (maker, lots) = self.first_own(at, incoming, order)?;
                self.end(at, maker, OrderStatus::ExpiredInMatch, ExpiryReason::SelfTrade);
                Some(lots)
            }
        }
    }

    /// Ends what is left of an order that would have met its own account's.
    pub(super) fn end_at_own(&mut self, at: usize, order: OrderRecord) -> OrderRecord {
        let is_immediate = time_in_force(&order) == Some(TimeInForce::ImmediateOrCancel);
        let reason =
            if is_immediate { ExpiryReason::ImmediateSelfTrade } else { ExpiryReason::SelfTrade };
        self.end(at, order, OrderStatus::ExpiredInMatch, reason)
    }

    /// The lots of an account's own orders that an order of this side and limit would meet.
    pub(super) fn own_lots(
        &self,
        account: AccountId,
        at: usize,
        (side, limit): (Side, i64),
    ) -> i64 {
        let (listing, sign) = (&self.listings[at], side.sign());
        if !listing.source.shows_accounts() {
            return 0;
        }
        self.orders
            .open(account, listing.symbol())
            .filter(|order| order.report.side != side)
            .filter(|order| {
                let price = order.report.price.unwrap_or_default();
                sign * (limit - listing.grid.ticks(price)) >= 0
            })
            .map(|order| listing.grid.lots(order.remaining))
            .sum()
    }

    fn expire_makers(&mut self, at: usize, incoming: &Incoming, order: &OrderRecord) {
        let (symbol, grid) = (self.listings[at].symbol(), self.listings[at].grid);
        let own = self.orders.by_priority(order.account, symbol, incoming.side.opposite());
        for resting in own {
            let ticks = grid.ticks(resting.report.price.unwrap_or_default());
            let before = self.listings[at].source.lots_before(incoming, resting.key(), ticks);
            if before.is_some_and(|lots| lots < incoming.lots) {
                self.end(at, resting, OrderStatus::ExpiredInMatch, ExpiryReason::SelfTrade);
            }
        }
    }

    /// The first of the account's own orders that this one would meet, and the lots before it.
    fn first_own(
        &self,
        at: usize,
        incoming: &Incoming,
        order: &OrderRecord,
    ) -> Option<(OrderRecord, i64)> {
        let listing = &self.listings[at];
        let own =
            self.orders.by_priority(order.account, listing.symbol(), incoming.side.opposite());
        own.into_iter()
            .filter_map(|resting| {
                let ticks = listing.grid.ticks(resting.report.price.unwrap_or_default());
                let lots = listing.source.lots_before(incoming, resting.key(), ticks)?;
                (lots < incoming.lots).then_some((resting, lots))
            })
            .min_by_key(|(_, lots)| *lots)
    }
}

fn mode(order: &OrderRecord) -> SelfTradePrevention {
    if time_in_force(order) == Some(TimeInForce::FillOrKill) {
        SelfTradePrevention::ExpireMaker
    } else {
        order.terms.prevention
    }
}

const fn time_in_force(order: &OrderRecord) -> Option<TimeInForce> {
    match order.kind {
        OrderKind::Limit { time_in_force, .. } => Some(time_in_force),
        OrderKind::Market => None,
    }
}
