//! Ordinary orders and the trades they made (exchange-api.md 4.1, 4.2).

use serde::Serialize;

use crate::domain::{Amount, Fill, OrderId, Symbol, TradeId};
use crate::sim::{FillQuery, OrderName, OrderRecord};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words;
use super::order_body::OrderBody;
use super::order_form::Form;
use super::{Answer, Done, market, to_json};

/// The widest span of trades or orders that may be asked for: seven days.
const WIDEST_SPAN_MS: i64 = 7 * 24 * 3_600_000 - 1;

/// The longest span of trades: a week is not too much.
const WIDEST_TRADES_MS: i64 = 7 * 24 * 3_600_000;

pub(super) fn place(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let form = Form::read(floor, parameters)?;
    let (now, account) = (floor.now(), floor.account);
    let order = floor.exchange.place_on(now, account, &form.request, form.terms)?;
    if form.is_told_the_outcome() {
        return to_json(&OrderBody::acknowledged(floor, &order)?);
    }
    to_json(&OrderBody::accepted(floor, &order)?)
}

/// Judges an order without placing it.
pub(super) fn test(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let form = Form::read(floor, parameters)?;
    let (now, account) = (floor.now(), floor.account);
    let order = floor.exchange.test_order(now, account, &form.request, form.terms)?;
    to_json(&OrderBody::queried(floor, &order)?)
}

/// Which order is meant: by the venue's id, else by the client's.
pub(super) fn name(parameters: &Parameters) -> Result<OrderName, Refusal> {
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
    to_json(&OrderBody::queried(floor, &order)?)
}

pub(super) fn query_open(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let (symbol, name) = (parameters.symbol()?, name(parameters)?);
    parameters.only(OF_A_QUESTION)?;
    let order = floor.exchange.query(floor.account, symbol, name)?;
    if order.report.status.is_terminal() {
        return Err(Refusal::new(-2013, "Order does not exist."));
    }
    to_json(&OrderBody::queried(floor, &order)?)
}

pub(super) fn cancel(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let (symbol, name) = (parameters.symbol()?, name(parameters)?);
    parameters.only(OF_A_QUESTION)?;
    let order = floor.exchange.cancel(floor.now(), floor.account, symbol, name)?;
    to_json(&OrderBody::acknowledged(floor, &order)?)
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
    let rows: Result<Vec<OrderBody>, Refusal> =
        orders.iter().map(|order| OrderBody::queried(floor, order)).collect();
    to_json(&rows?)
}

/// Orders of one symbol, or of all; the newest, unless an id or a time to begin with is given.
pub(super) fn all_orders(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    if let Some(symbol) = symbol {
        floor.card(symbol)?;
    }
    let from = parameters.integer("orderId")?.map_or_else(OrderId::default, OrderId);
    let (since, until) = parameters.span(WIDEST_SPAN_MS)?;
    let limit = parameters.limit(500, 1_000)?;
    parameters.only(&["symbol", "orderId", "startTime", "endTime", "limit"])?;
    let mut orders: Vec<OrderRecord> = floor
        .cards
        .keys()
        .filter(|listed| symbol.is_none_or(|symbol| symbol == **listed))
        .flat_map(|listed| floor.exchange.all_orders(floor.account, *listed, from, usize::MAX))
        .filter(|order| since.is_none_or(|since| order.created_at >= since))
        .filter(|order| until.is_none_or(|until| order.created_at <= until))
        .collect();
    orders.sort_by_key(|order| order.report.order_id);
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
    let (since, until) = parameters.span(WIDEST_TRADES_MS)?;
    if from_id.is_some() && (since.is_some() || until.is_some()) {
        let message = "Combination of optional parameters invalid.";
        return Err(Refusal::new(-1128, message));
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
