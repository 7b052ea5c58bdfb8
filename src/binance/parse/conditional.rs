//! Conditional orders of every type; protective stops are [`super::parse_stop`]'s.

use super::{ParseError, exact_or_zero, limit_price, order, rounded, side, symbol};
use crate::binance::wire::{self, ConditionalType};
use crate::domain::{
    AlgoOrderId, ClientOrderId, OrderId, Price, Quantity, Side, StopSize, StopStatus, Symbol,
    Timestamp,
};

/// A conditional order's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionalReport {
    /// What is traded.
    pub symbol: Symbol,
    /// Our name for it; a foreign one has the name its sender gave.
    pub client_order_id: ClientOrderId,
    /// The venue's name for it.
    pub algo_order_id: AlgoOrderId,
    /// Buy or sell.
    pub side: Side,
    /// Which type; one that this version does not know is kept as it came.
    pub kind: ConditionalType,
    /// The price that triggers it; a trailing stop has none before it trails.
    pub trigger_price: Option<Price>,
    /// Its limit price once triggered; `None` for a market order.
    pub limit_price: Option<Price>,
    /// How much it trades.
    pub size: StopSize,
    /// Whether it may only make the position smaller.
    pub reduce_only: bool,
    /// Where it stands.
    pub status: StopStatus,
    /// The order it became.
    pub child: Option<ChildOrder>,
    /// When the venue last changed it.
    pub update_time: Timestamp,
}

/// The ordinary order a conditional one became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChildOrder {
    /// The venue's name for it.
    pub order_id: OrderId,
    /// How much of it is filled.
    pub filled_quantity: Quantity,
    /// At which average price, if anything is.
    pub average_price: Option<Price>,
}

/// A conditional order's state, as REST and the order socket answer it.
///
/// # Errors
/// [`ParseError`] for a number that is none, and for a side unknown to this version.
pub fn parse_conditional(row: &wire::AlgoOrder) -> Result<ConditionalReport, ParseError> {
    const WHAT: &str = "algo order";
    Ok(ConditionalReport {
        symbol: symbol(WHAT, &row.symbol)?,
        client_order_id: order::client_algo_id(&row.client_algo_id, row.algo_id),
        algo_order_id: AlgoOrderId(row.algo_id),
        side: side("side", &row.side)?,
        kind: row.order_type.clone(),
        trigger_price: limit_price(WHAT, &row.trigger_price)?,
        limit_price: limit_price(WHAT, &row.price)?,
        size: order::stop_size(row.close_position.is_true(), &row.quantity)?,
        reduce_only: row.reduce_only.is_true() || row.close_position.is_true(),
        status: order::stop_status(&row.algo_status),
        child: child(row)?,
        update_time: Timestamp::from_millis(row.update_time),
    })
}

fn child(row: &wire::AlgoOrder) -> Result<Option<ChildOrder>, ParseError> {
    const WHAT: &str = "algo order";
    let Some(order_id) = order::child_order_id(&row.actual_order_id)? else { return Ok(None) };
    let no_text = wire::Text::default();
    let quantity = row.actual_qty.as_ref().unwrap_or(&no_text);
    let filled_quantity: Quantity = exact_or_zero(WHAT, "actualQty", quantity)?;
    let price: Price = rounded(WHAT, "actualPrice", row.actual_price.as_ref().unwrap_or(&no_text))?;
    let is_filled = !filled_quantity.is_zero() && !price.is_zero();
    Ok(Some(ChildOrder { order_id, filled_quantity, average_price: is_filled.then_some(price) }))
}
