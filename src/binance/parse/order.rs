//! Ordinary and conditional orders.

use super::{ParseError, average_price, client_order_id, exact, exact_or_zero, limit_price};
use super::{side, symbol, unknown};
use crate::binance::wire;
use crate::domain::{
    AlgoOrderId, ClientOrderId, OrderId, OrderReport, OrderStatus, Price, Quantity, StopReport,
    StopSize, StopStatus, Timestamp,
};

/// An ordinary order's state.
///
/// # Errors
/// [`ParseError`] for a number that is none, and for a side unknown to this version.
pub fn parse_order(order: &wire::Order) -> Result<OrderReport, ParseError> {
    const WHAT: &str = "order";
    let filled_quantity = exact_or_zero(WHAT, "executedQty", &order.executed_qty)?;
    Ok(OrderReport {
        symbol: symbol(WHAT, &order.symbol)?,
        client_order_id: client_order_id(&order.client_order_id, order.order_id),
        order_id: OrderId(order.order_id),
        side: side("side", &order.side)?,
        price: limit_price(WHAT, &order.price)?,
        quantity: exact(WHAT, "origQty", order.orig_qty.as_str())?,
        filled_quantity,
        average_price: average_price(WHAT, order.avg_price.as_ref(), filled_quantity)?,
        status: order_status(&order.status),
        reduce_only: order.reduce_only.is_true(),
        update_time: Timestamp::from_millis(order.update_time),
    })
}

/// What follows from a status that is not known.
const UNRESOLVED: &str = "such an order counts as working and is asked for again";

pub(super) fn order_status(status: &wire::OrderStatus) -> OrderStatus {
    match status {
        wire::OrderStatus::New => OrderStatus::New,
        wire::OrderStatus::PartiallyFilled => OrderStatus::PartiallyFilled,
        wire::OrderStatus::Filled => OrderStatus::Filled,
        wire::OrderStatus::Canceled => OrderStatus::Canceled,
        wire::OrderStatus::Rejected => OrderStatus::Rejected,
        wire::OrderStatus::Expired => OrderStatus::Expired,
        wire::OrderStatus::ExpiredInMatch => OrderStatus::ExpiredInMatch,
        wire::OrderStatus::Other(value) => {
            unknown::tell_once("order status", value, UNRESOLVED);
            OrderStatus::Unknown
        }
    }
}

/// A conditional order's state, as REST answers it.
///
/// # Errors
/// [`ParseError`] for a number that is none, and for a side unknown to this version.
pub fn parse_stop(order: &wire::AlgoOrder) -> Result<StopReport, ParseError> {
    const WHAT: &str = "algo order";
    Ok(StopReport {
        symbol: symbol(WHAT, &order.symbol)?,
        client_order_id: client_algo_id(&order.client_algo_id, order.algo_id),
        algo_order_id: AlgoOrderId(order.algo_id),
        side: side("side", &order.side)?,
        trigger_price: exact(WHAT, "triggerPrice", order.trigger_price.as_str())?,
        size: stop_size(order.close_position.is_true(), &order.quantity)?,
        status: stop_status(&order.algo_status),
        child_order_id: child_order_id(&order.actual_order_id)?,
        reason: None,
        update_time: Timestamp::from_millis(order.update_time),
    })
}

/// One change that an order went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amended {
    /// The order.
    pub order_id: OrderId,
    /// Our name for it.
    pub client_order_id: ClientOrderId,
    /// When.
    pub time: Timestamp,
    /// The limit price before and after.
    pub price: (Price, Price),
    /// The quantity ordered, before and after.
    pub quantity: (Quantity, Quantity),
    /// The how manieth change of the order it is.
    pub count: u32,
    /// The number its sender gave it.
    pub modify_id: Option<u64>,
}

/// One change of an order.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_amendment(row: &wire::OrderAmendment) -> Result<Amended, ParseError> {
    const WHAT: &str = "order amendment";
    let (price, quantity) = (&row.amendment.price, &row.amendment.orig_qty);
    Ok(Amended {
        order_id: OrderId(row.order_id),
        client_order_id: client_order_id(&row.client_order_id, row.order_id),
        time: Timestamp::from_millis(row.time),
        price: (
            exact(WHAT, "price", price.before.as_str())?,
            exact(WHAT, "price", price.after.as_str())?,
        ),
        quantity: (
            exact(WHAT, "origQty", quantity.before.as_str())?,
            exact(WHAT, "origQty", quantity.after.as_str())?,
        ),
        count: row.amendment.count,
        modify_id: row.amendment.modify_id,
    })
}

pub(super) fn client_algo_id(text: &str, algo_id: u64) -> ClientOrderId {
    client_order_id(text, algo_id)
}

pub(super) fn stop_size(
    close_position: bool,
    quantity: &wire::Text,
) -> Result<StopSize, ParseError> {
    if close_position {
        return Ok(StopSize::ClosePosition);
    }
    exact("algo order", "quantity", quantity.as_str()).map(StopSize::Quantity)
}

pub(super) fn child_order_id(text: &wire::Text) -> Result<Option<OrderId>, ParseError> {
    if text.as_str().is_empty() || text.as_str() == "0" {
        return Ok(None);
    }
    exact("algo order", "actualOrderId", text.as_str()).map(|id| Some(OrderId(id)))
}

pub(super) fn stop_status(status: &wire::AlgoStatus) -> StopStatus {
    match status {
        wire::AlgoStatus::New => StopStatus::New,
        wire::AlgoStatus::Triggering => StopStatus::Triggering,
        wire::AlgoStatus::Triggered => StopStatus::Triggered,
        wire::AlgoStatus::Finished => StopStatus::Finished,
        wire::AlgoStatus::Canceled => StopStatus::Canceled,
        wire::AlgoStatus::Expired => StopStatus::Expired,
        wire::AlgoStatus::Rejected => StopStatus::Rejected,
        wire::AlgoStatus::Other(value) => {
            unknown::tell_once("conditional order status", value, UNRESOLVED);
            StopStatus::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::parse::read_json;

    const ORDER: &str = r#"{"orderId":28580357696,"symbol":"BTCUSDT","status":"NEW",
        "clientOrderId":"lobd-7f3a9c01-1-1","price":"74260.40","origQty":"0.0008",
        "executedQty":"0.0000","type":"LIMIT","reduceOnly":false,"side":"BUY",
        "updateTime":1789116070010}"#;

    fn order(from: &str, to: &str) -> Result<OrderReport, ParseError> {
        parse_order(&read_json("order", &ORDER.replace(from, to)).unwrap())
    }

    #[test]
    fn an_acknowledgement_becomes_a_report() {
        let report = order("", "").unwrap();
        assert_eq!(report.order_id, OrderId(28_580_357_696));
        assert_eq!(report.status, OrderStatus::New);
        assert_eq!(report.price, Some("74260.4".parse().unwrap()));
        assert_eq!(report.average_price, None);
        assert_eq!(report.update_time, Timestamp::from_millis(1_789_116_070_010));
    }

    #[test]
    fn invariant_2_an_unknown_status_stays_unknown_and_an_unknown_side_is_an_error() {
        let unknown = order("\"NEW\"", "\"NEW_INSURANCE\"").unwrap();
        assert_eq!((unknown.status, unknown.status.is_terminal()), (OrderStatus::Unknown, false));
        let unknown = order("\"BUY\"", "\"BORROW\"");
        assert!(matches!(unknown, Err(ParseError::UnknownValue { .. })), "{unknown:?}");
        assert!(order("\"0.0008\"", "\"much\"").is_err());
    }

    #[test]
    fn a_market_order_has_no_price() {
        assert_eq!(order("74260.40", "0.00").unwrap().price, None);
    }
}
