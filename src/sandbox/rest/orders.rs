//! Ordinary orders and the trades they made (exchange-api.md 4.1, 4.2).

use serde::Serialize;

use crate::domain::{
    Amount, Fill, OrderId, OrderKind, OrderRequest, OrderStatus, Price, Quantity, Symbol,
    TimeInForce, TradeId,
};
use crate::sim::{FillQuery, OrderName, OrderRecord};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words;
use super::{Answer, Done, market, to_json};

/// The widest span of trades or orders that may be asked for: seven days.
const WIDEST_SPAN_MS: i64 = 7 * 24 * 3_600_000;

/// What an order may carry.
const OF_AN_ORDER: &[&str] = &[
    "symbol",
    "side",
    "positionSide",
    "type",
    "timeInForce",
    "quantity",
    "price",
    "reduceOnly",
    "newClientOrderId",
    "newOrderRespType",
    "priceMatch",
    "selfTradePreventionMode",
    "goodTillDate",
];

/// An ordinary order as the venue shows it; which of the optional fields are there depends on the
/// question.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderBody {
    order_id: u64,
    symbol: Symbol,
    status: &'static str,
    client_order_id: String,
    price: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_price: Option<String>,
    orig_qty: String,
    executed_qty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cum_qty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cum_quote: Option<String>,
    time_in_force: &'static str,
    r#type: &'static str,
    reduce_only: bool,
    close_position: bool,
    side: &'static str,
    position_side: &'static str,
    stop_price: String,
    working_type: &'static str,
    price_protect: bool,
    orig_type: &'static str,
    price_match: &'static str,
    self_trade_prevention_mode: &'static str,
    good_till_date: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    update_time: i64,
}

impl OrderBody {
    /// The answer to placing or cancelling: neither average price nor quote.
    fn acknowledged(card: &Card, order: &OrderRecord) -> Self {
        let report = &order.report;
        Self {
            order_id: report.order_id.0,
            symbol: report.symbol,
            status: words::status(report.status),
            client_order_id: report.client_order_id.to_string(),
            price: card.places.price(report.price.unwrap_or_default()),
            avg_price: None,
            orig_qty: card.places.quantity(report.quantity),
            executed_qty: card.places.quantity(report.filled_quantity),
            cum_qty: Some(card.places.quantity(report.filled_quantity)),
            cum_quote: None,
            time_in_force: words::time_in_force(order.kind),
            r#type: words::kind(order.kind),
            reduce_only: report.reduce_only,
            close_position: false,
            side: words::side(report.side),
            position_side: "BOTH",
            stop_price: card.places.price(Price::ZERO),
            working_type: "CONTRACT_PRICE",
            price_protect: false,
            orig_type: if order.stop.is_some() { "STOP_MARKET" } else { words::kind(order.kind) },
            price_match: "NONE",
            self_trade_prevention_mode: "EXPIRE_MAKER",
            good_till_date: 0,
            time: None,
            update_time: report.update_time.millis(),
        }
    }

    /// The answer to a question.
    fn queried(card: &Card, order: &OrderRecord) -> Self {
        let average = order.report.average_price.unwrap_or_default();
        Self {
            avg_price: Some(words::padded(average.units(), 5)),
            cum_qty: None,
            cum_quote: Some(words::padded(order.filled_notional.units(), 5)),
            time: Some(order.created_at.millis()),
            ..Self::acknowledged(card, order)
        }
    }

    /// The order as it was accepted, before it met the book.
    fn when_accepted(mut self, card: &Card, order: &OrderRecord) -> Self {
        self.status = words::status(OrderStatus::New);
        self.executed_qty = card.places.quantity(Quantity::ZERO);
        self.cum_qty = Some(self.executed_qty.clone());
        self.update_time = order.created_at.millis();
        self
    }
}

pub(super) fn place(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    let card = floor.card(symbol)?.clone();
    let side = words::parse_side(parameters.required("side")?)?;
    let is_market = is_market(parameters.required("type")?)?;
    parameters.only(OF_AN_ORDER)?;
    check_modes(parameters)?;
    let wants_result = wants_result(parameters)?;
    let quantity = required_quantity(&card, parameters)?;
    let kind = if is_market { market_kind(parameters)? } else { limit_kind(&card, parameters)? };
    let client_order_id = match parameters.client_id("newClientOrderId")? {
        Some(id) => id,
        None => floor.name_order()?,
    };
    let reduce_only = parameters.flag("reduceOnly")?.unwrap_or(false);
    let request = OrderRequest { client_order_id, symbol, side, quantity, kind, reduce_only };
    let order = floor.exchange.place(floor.now(), floor.account, &request)?;
    let body = OrderBody::acknowledged(&card, &order);
    // The venue tells the outcome only of orders that never rest, and only if asked to.
    let is_told = wants_result && never_rests(kind);
    to_json(&if is_told { body } else { body.when_accepted(&card, &order) })
}

const fn never_rests(kind: OrderKind) -> bool {
    match kind {
        OrderKind::Market
        | OrderKind::Limit {
            time_in_force: TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill,
            ..
        } => true,
        OrderKind::Limit {
            time_in_force: TimeInForce::GoodTilCanceled | TimeInForce::PostOnly,
            ..
        } => false,
    }
}

fn is_market(kind: &str) -> Result<bool, Refusal> {
    match kind {
        "LIMIT" => Ok(false),
        "MARKET" => Ok(true),
        "STOP" | "STOP_MARKET" | "TAKE_PROFIT" | "TAKE_PROFIT_MARKET" | "TRAILING_STOP_MARKET" => {
            let message = "Order type not supported for this endpoint. \
                           Please use the Algo Order API endpoints instead.";
            Err(Refusal::new(-4120, message))
        }
        _ => Err(Refusal::new(-1116, "Invalid orderType.")),
    }
}

/// Checks what this exchange offers in one way only: one-way mode, its own self-trade prevention,
/// explicit prices.
pub(super) fn check_modes(parameters: &Parameters) -> Result<(), Refusal> {
    match parameters.text("positionSide")? {
        None | Some("BOTH") => {}
        Some("LONG" | "SHORT") => {
            let message = "Order's position side does not match user's setting.";
            return Err(Refusal::new(-4061, message));
        }
        Some(_) => return Err(Refusal::new(-4060, "Invalid position side.")),
    }
    if !matches!(parameters.text("selfTradePreventionMode")?, None | Some("EXPIRE_MAKER")) {
        return Err(Refusal::new(-5039, "Invalid self trade prevention mode."));
    }
    if !matches!(parameters.text("priceMatch")?, None | Some("NONE")) {
        return Err(Refusal::new(-5037, "Invalid price match."));
    }
    if !matches!(parameters.text("goodTillDate")?, None | Some("0")) {
        return Err(Refusal::new(-5040, "GoodTillDate is invalid."));
    }
    Ok(())
}

pub(super) fn wants_result(parameters: &Parameters) -> Result<bool, Refusal> {
    match parameters.text("newOrderRespType")? {
        None | Some("ACK") => Ok(false),
        Some("RESULT") => Ok(true),
        Some(_) => Err(Refusal::new(-1136, "Invalid newOrderRespType.")),
    }
}

fn market_kind(parameters: &Parameters) -> Result<OrderKind, Refusal> {
    for name in ["price", "timeInForce"] {
        if parameters.text(name)?.is_some() {
            return Err(Refusal::not_required(name));
        }
    }
    Ok(OrderKind::Market)
}

fn limit_kind(card: &Card, parameters: &Parameters) -> Result<OrderKind, Refusal> {
    let time_in_force = words::parse_time_in_force(parameters.required("timeInForce")?)?;
    parameters.required("price")?;
    let price = parameters.price("price")?.ok_or_else(|| Refusal::mandatory("price"))?;
    check_price_places(card, price)?;
    Ok(OrderKind::Limit { price, time_in_force })
}

/// A price may not have more digits than the symbol's precision.
pub(super) fn check_price_places(card: &Card, price: Price) -> Result<(), Refusal> {
    let is_finer = words::places_of(price.units()) > card.places.price;
    if is_finer { Err(Refusal::precision()) } else { Ok(()) }
}

/// A quantity that must be there and not be finer than the symbol's precision.
pub(super) fn required_quantity(card: &Card, parameters: &Parameters) -> Result<Quantity, Refusal> {
    parameters.required("quantity")?;
    let quantity =
        parameters.quantity("quantity")?.ok_or_else(|| Refusal::mandatory("quantity"))?;
    let is_finer = words::places_of(quantity.units()) > card.places.quantity;
    if is_finer { Err(Refusal::precision()) } else { Ok(quantity) }
}

/// Which order is meant: by the venue's id, else by the client's.
fn name(parameters: &Parameters) -> Result<OrderName, Refusal> {
    if let Some(id) = parameters.integer("orderId")? {
        return Ok(OrderName::Id(OrderId(id)));
    }
    parameters
        .client_id("origClientOrderId")?
        .map(OrderName::Client)
        .ok_or_else(|| Refusal::one_of("origClientOrderId", "orderId"))
}

const OF_A_QUESTION: &[&str] = &["symbol", "orderId", "origClientOrderId"];

pub(super) fn query(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let (symbol, name) = (parameters.symbol()?, name(parameters)?);
    parameters.only(OF_A_QUESTION)?;
    let order = floor.exchange.query(floor.account, symbol, name)?;
    to_json(&OrderBody::queried(floor.card(symbol)?, &order))
}

pub(super) fn query_open(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let (symbol, name) = (parameters.symbol()?, name(parameters)?);
    parameters.only(OF_A_QUESTION)?;
    let order = floor.exchange.query(floor.account, symbol, name)?;
    if order.report.status.is_terminal() {
        return Err(Refusal::new(-2013, "Order does not exist."));
    }
    to_json(&OrderBody::queried(floor.card(symbol)?, &order))
}

pub(super) fn cancel(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let (symbol, name) = (parameters.symbol()?, name(parameters)?);
    parameters.only(OF_A_QUESTION)?;
    let order = floor.exchange.cancel(floor.now(), floor.account, symbol, name)?;
    to_json(&OrderBody::acknowledged(floor.card(symbol)?, &order))
}

pub(super) fn open_orders(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    parameters.only(&["symbol"])?;
    if let Some(symbol) = symbol {
        floor.card(symbol)?;
    }
    listed(floor, &floor.exchange.open_orders(floor.account, symbol))
}

fn listed(floor: &Floor, orders: &[OrderRecord]) -> Answer {
    let rows: Result<Vec<OrderBody>, Refusal> = orders
        .iter()
        .map(|order| Ok(OrderBody::queried(floor.card(order.report.symbol)?, order)))
        .collect();
    to_json(&rows?)
}

pub(super) fn all_orders(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    floor.card(symbol)?;
    let from = parameters.integer("orderId")?.map_or_else(OrderId::default, OrderId);
    let (since, until) = (parameters.moment("startTime")?, parameters.moment("endTime")?);
    let limit = parameters.limit(500, 1_000)?;
    parameters.only(&["symbol", "orderId", "startTime", "endTime", "limit"])?;
    let orders: Vec<OrderRecord> = floor
        .exchange
        .all_orders(floor.account, symbol, from, usize::MAX)
        .into_iter()
        .filter(|order| since.is_none_or(|since| order.created_at >= since))
        .filter(|order| until.is_none_or(|until| order.created_at <= until))
        .collect();
    let is_newest = from == OrderId::default() && since.is_none();
    let first = if is_newest { orders.len().saturating_sub(limit) } else { 0 };
    listed(floor, &orders[first..orders.len().min(first + limit)])
}

pub(super) fn cancel_all(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    parameters.only(&["symbol"])?;
    floor.exchange.cancel_all(floor.now(), floor.account, symbol)?;
    to_json(&Done { code: 200, msg: "The operation of cancel all open order is done." })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TradeBody {
    buyer: bool,
    commission: String,
    commission_asset: String,
    id: u64,
    maker: bool,
    order_id: u64,
    price: String,
    qty: String,
    quote_qty: String,
    realized_pnl: String,
    side: &'static str,
    position_side: &'static str,
    symbol: Symbol,
    time: i64,
}

impl TradeBody {
    fn new(card: &Card, fill: &Fill) -> Self {
        let quote = Amount::notional(fill.price, fill.quantity).unwrap_or_default();
        Self {
            buyer: fill.side == crate::domain::Side::Buy,
            commission: words::amount(fill.commission),
            commission_asset: fill.commission_asset.to_string(),
            id: fill.trade_id.0,
            maker: fill.is_maker,
            order_id: fill.order_id.0,
            price: card.places.price(fill.price),
            qty: card.places.quantity(fill.quantity),
            quote_qty: words::padded(quote.units(), 5),
            realized_pnl: words::amount(fill.realized_pnl),
            side: words::side(fill.side),
            position_side: "BOTH",
            symbol: fill.symbol,
            time: fill.time.millis(),
        }
    }
}

pub(super) fn user_trades(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    let card = floor.card(symbol)?;
    parameters.only(&["symbol", "orderId", "startTime", "endTime", "fromId", "limit"])?;
    let from_id = parameters.integer("fromId")?.map(TradeId);
    let (since, until) = (parameters.moment("startTime")?, parameters.moment("endTime")?);
    if from_id.is_some() && (since.is_some() || until.is_some()) {
        let message = "Combination of optional parameters invalid.";
        return Err(Refusal::new(-1128, message));
    }
    if let (Some(since), Some(until)) = (since, until)
        && until.millis().saturating_sub(since.millis()) > WIDEST_SPAN_MS
    {
        return Err(Refusal::new(-1127, "Lookup interval is too big."));
    }
    let all = FillQuery::default();
    let query = FillQuery {
        from_id,
        since: since.unwrap_or(all.since),
        until: until.unwrap_or(all.until),
        order_id: parameters.integer("orderId")?.map(OrderId),
        limit: parameters.limit(500, 1_000)?,
    };
    let fills = floor.exchange.fills(floor.account, symbol, &query);
    let rows: Vec<TradeBody> = fills.iter().map(|fill| TradeBody::new(card, fill)).collect();
    to_json(&rows)
}

pub(super) fn rate_limit(floor: &mut Floor, _: &Parameters) -> Answer {
    to_json(&market::rate_limits(floor.windows.limits(), true))
}
