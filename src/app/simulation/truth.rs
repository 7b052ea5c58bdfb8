//! What the exchange knows, at one moment: the judge of everything that is claimed.

use crate::book::Level;
use crate::domain::{
    AlgoOrderId, Exposure, Fill, OrderId, Price, Side, StopStatus, Symbol, Timestamp, TradeId,
};
use crate::sim::{AccountId, Exchange, FillQuery, OrderRecord, StopQuery, StopRecord};

/// Orders, stops and trades read at once.
const PAGE: usize = 1_000;

/// The exchange at one moment.
#[derive(Debug, Clone)]
pub(super) struct Truth {
    pub(super) now: Timestamp,
    pub(super) position: Exposure,
    pub(super) mark_price: Price,
    pub(super) open_orders: Vec<OrderRecord>,
    pub(super) open_stops: Vec<StopRecord>,
    /// Ten levels of each side, bids first.
    pub(super) book: (Vec<Level>, Vec<Level>),
    /// Orders accepted since the last look.
    pub(super) new_orders: Vec<OrderRecord>,
    /// Stops accepted since the last look.
    pub(super) new_stops: Vec<StopRecord>,
    /// Trades since the last look.
    pub(super) new_fills: Vec<Fill>,
}

/// Up to where the exchange's lists have been read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Read {
    orders: OrderId,
    stops: AlgoOrderId,
    fills: TradeId,
}

impl Truth {
    /// Reads what is so, and what is new since `read`.
    pub(super) fn read(
        exchange: &Exchange,
        (account, symbol): (AccountId, Symbol),
        mut read: Read,
    ) -> Option<(Self, Read)> {
        let position = exchange.position(account, symbol).ok()?;
        let depth = exchange.depth(symbol, crate::book::DEPTH)?;
        let new_orders = exchange.all_orders(account, symbol, read.orders, PAGE);
        let since_ever = (Timestamp::default(), Timestamp::MAX);
        let stops = StopQuery { from: read.stops, since: since_ever.0, until: since_ever.1 };
        let new_stops = exchange.all_stops(account, symbol, stops);
        let query = FillQuery { from_id: Some(read.fills), limit: PAGE, ..FillQuery::default() };
        let new_fills = exchange.fills(account, symbol, &query);
        if let Some(last) = new_orders.last() {
            read.orders = OrderId(last.report.order_id.0 + 1);
        }
        if let Some(last) = new_stops.last() {
            read.stops = AlgoOrderId(last.report.algo_order_id.0 + 1);
        }
        if let Some(last) = new_fills.last() {
            read.fills = TradeId(last.trade_id.0 + 1);
        }
        let truth = Self {
            now: exchange.now(),
            position: position.exposure,
            mark_price: position.mark_price,
            open_orders: exchange.open_orders(account, Some(symbol)),
            open_stops: exchange.open_stops(account, Some(symbol)),
            book: (depth.bids, depth.asks),
            new_orders,
            new_stops,
            new_fills,
        };
        Some((truth, read))
    }

    /// Whether anything is held, or an order or stop of ours rests.
    pub(super) fn is_open(&self) -> bool {
        let orders = self.open_orders.iter().map(|order| order.report.client_order_id);
        let stops = self.open_stops.iter().map(|stop| stop.report.client_order_id);
        !self.position.is_zero() || orders.chain(stops).any(|name| is_ours(name.as_str()))
    }

    /// Whether the position is flat, or a stop at the exchange covers all of it.
    pub(super) fn is_protected(&self) -> bool {
        let Some(side) = self.position.side() else { return true };
        let held = self.position.quantity();
        self.open_stops.iter().any(|stop| {
            let covers = match stop.report.size {
                crate::domain::StopSize::ClosePosition => true,
                crate::domain::StopSize::Quantity(quantity) => quantity >= held,
            };
            stop.report.side == side.opposite()
                && covers
                && matches!(stop.report.status, StopStatus::New | StopStatus::Triggering)
        })
    }

    /// Whether an order at the exchange is about to close the position.
    pub(super) fn is_being_closed(&self) -> bool {
        let Some(side) = self.position.side() else { return false };
        self.open_orders
            .iter()
            .any(|order| order.report.reduce_only && order.report.side == side.opposite())
    }

    /// The greatest position that the open orders could lead to, in either direction.
    pub(super) fn worst_exposure(&self) -> i64 {
        let opening = |side: Side| -> i64 {
            let orders = self.open_orders.iter();
            orders
                .filter(|order| order.report.side == side && !order.report.reduce_only)
                .filter(|order| is_ours(order.report.client_order_id.as_str()))
                .map(|order| order.report.quantity.units() - order.report.filled_quantity.units())
                .sum()
        };
        let held = self.position.units();
        (held + opening(Side::Buy)).abs().max((held - opening(Side::Sell)).abs())
    }
}

/// Whether an order's name is one that a daemon derived.
pub(super) fn is_ours(client_order_id: &str) -> bool {
    client_order_id.starts_with("lobd-")
}
