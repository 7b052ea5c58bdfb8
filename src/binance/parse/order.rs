//! Ordinary and conditional orders.

use super::{ParseError, average_price, client_order_id, exact, exact_or_zero, limit_price};
use super::{shorten, side, symbol};
use crate::binance::wire;
use crate::domain::{
    AlgoOrderId, ClientOrderId, OrderId, OrderReport, OrderStatus, Price, Quantity, StopReport,
    StopSize, StopStatus, Timestamp,
};

/// An ordinary order's state.
///
/// # Errors
/// [`ParseError`] for a number that is none, and for a status or side unknown to this version.
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
        status: order_status(&order.status)?,
        reduce_only: order.reduce_only.is_true(),
        update_time: Timestamp::from_millis(order.update_time),
    })
}

pub(super) fn order_status(status: &wire::OrderStatus) -> Result<OrderStatus, ParseError> {
    match status {
        wire::OrderStatus::New => Ok(OrderStatus::New),
        wire::OrderStatus::PartiallyFilled => Ok(OrderStatus::PartiallyFilled),
        wire::OrderStatus::Filled => Ok(OrderStatus::Filled),
        wire::OrderStatus::Canceled => Ok(OrderStatus::Canceled),
        wire::OrderStatus::Rejected => Ok(OrderStatus::Rejected),
        wire::OrderStatus::Expired => Ok(OrderStatus::Expired),
        wire::OrderStatus::ExpiredInMatch => Ok(OrderStatus::ExpiredInMatch),
        wire::OrderStatus::Other(value) => {
            Err(ParseError::UnknownValue { field: "order status", value: shorten(value) })
        }
    }
}

/// A conditional order's state, as REST answers it.
///
/// # Errors
/// [`ParseError`] for a number that is none, and for a status or side unknown to this version.
pub fn parse_stop(order: &wire::AlgoOrder) -> Result<StopReport, ParseError> {
    const WHAT: &str = "algo order";
    Ok(StopReport {
        symbol: symbol(WHAT, &order.symbol)?,
        client_order_id: client_algo_id(&order.client_algo_id, order.algo_id),
        algo_order_id: AlgoOrderId(order.algo_id),
        side: side("side", &order.side)?,
        trigger_price: exact(WHAT, "triggerPrice", order.trigger_price.as_str())?,
        size: stop_size(order.close_position.is_true(), &order.quantity)?,
        status: stop_status(&order.algo_status)?,
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

pub(super) fn stop_status(status: &wire::AlgoStatus) -> Result<StopStatus, ParseError> {
    match status {
        wire::AlgoStatus::New => Ok(StopStatus::New),
        wire::AlgoStatus::Triggering => Ok(StopStatus::Triggering),
        wire::AlgoStatus::Triggered => Ok(StopStatus::Triggered),
        wire::AlgoStatus::Finished => Ok(StopStatus::Finished),
        wire::AlgoStatus::Canceled => Ok(StopStatus::Canceled),
        wire::AlgoStatus::Expired => Ok(StopStatus::Expired),
        wire::AlgoStatus::Rejected => Ok(StopStatus::Rejected),
        wire::AlgoStatus::Other(value) => {
            Err(ParseError::UnknownValue { field: "algo status", value: shorten(value) })
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
    fn invariant_2_an_unknown_status_is_an_error_and_never_filled() {
        let unknown = order("\"NEW\"", "\"NEW_INSURANCE\"");
        assert!(matches!(unknown, Err(ParseError::UnknownValue { .. })), "{unknown:?}");
        assert!(order("\"BUY\"", "\"BORROW\"").is_err());
        assert!(order("\"0.0008\"", "\"much\"").is_err());
    }

    #[test]
    fn a_market_order_has_no_price() {
        assert_eq!(order("74260.40", "0.00").unwrap().price, None);
    }
}
