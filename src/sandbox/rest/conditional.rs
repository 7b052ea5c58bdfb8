//! Conditional orders: the Algo Service (exchange-api.md 4.6).

use serde::Serialize;

use crate::domain::{
    AlgoOrderId, OrderKind, Price, Rate, StopRequest, StopSize, StopStatus, TimeInForce, Timestamp,
};
use crate::sim::{
    OrderTerms, StopCondition, StopName, StopQuery, StopRecord, StopTerms, WorkingPrice,
};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words;
use super::stop_body::StopBody;
use super::{Answer, Done, order_form, to_json};

/// The widest span of orders that may be asked for: seven days.
const WIDEST_SPAN_MS: i64 = 7 * 24 * 3_600_000 - 1;

/// The callback rates there are, in units of 1e-8 of a fraction: 0.1 to 20 per cent.
const CALLBACKS: std::ops::RangeInclusive<i64> = 100_000..=20_000_000;

/// What a conditional order may carry.
const OF_A_STOP: &[&str] = &[
    "algoType",
    "symbol",
    "side",
    "positionSide",
    "type",
    "timeInForce",
    "quantity",
    "price",
    "triggerPrice",
    "activatePrice",
    "callbackRate",
    "workingType",
    "closePosition",
    "priceProtect",
    "reduceOnly",
    "clientAlgoId",
    "newOrderRespType",
    "priceMatch",
    "selfTradePreventionMode",
    "goodTillDate",
];

/// The five kinds of conditional order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stop,
    StopMarket,
    TakeProfit,
    TakeProfitMarket,
    TrailingStopMarket,
}

impl Kind {
    fn parse(text: &str) -> Result<Self, Refusal> {
        match text {
            "STOP" => Ok(Self::Stop),
            "STOP_MARKET" => Ok(Self::StopMarket),
            "TAKE_PROFIT" => Ok(Self::TakeProfit),
            "TAKE_PROFIT_MARKET" => Ok(Self::TakeProfitMarket),
            "TRAILING_STOP_MARKET" => Ok(Self::TrailingStopMarket),
            _ => Err(Refusal::new(-1116, "Invalid orderType.")),
        }
    }

    const fn is_limit(self) -> bool {
        matches!(self, Self::Stop | Self::TakeProfit)
    }

    const fn may_close_position(self) -> bool {
        matches!(self, Self::StopMarket | Self::TakeProfitMarket)
    }
}

pub(super) fn place(floor: &mut Floor, parameters: &Parameters) -> Answer {
    if parameters.required("algoType")? != "CONDITIONAL" {
        return Err(Refusal::bad_value("algoType"));
    }
    let symbol = parameters.symbol()?;
    let card = floor.card(symbol)?.clone();
    let side = words::parse_side(parameters.required("side")?)?;
    let kind = Kind::parse(parameters.required("type")?)?;
    parameters.only(OF_A_STOP)?;
    order_form::check_position_side(parameters)?;
    order_form::wants_result(parameters)?;
    let trigger_price = trigger_price(&card, kind, parameters)?;
    let closes = stop_size(&card, kind, parameters)?;
    let terms = StopTerms {
        ends_with_position: ends_with_position(kind, closes, parameters)?,
        ..terms(floor.now(), &card, kind, parameters)?
    };
    let client_order_id = match parameters.client_id("clientAlgoId")? {
        Some(id) => id,
        None => floor.name_order()?,
    };
    let request = StopRequest { client_order_id, symbol, side, trigger_price, size: closes };
    let stop = floor.exchange.place_stop(floor.now(), floor.account, &request, terms)?;
    to_json(&StopBody::acknowledged(&card, &stop))
}

/// The trigger price, which a trailing stop finds by itself.
fn trigger_price(card: &Card, kind: Kind, parameters: &Parameters) -> Result<Price, Refusal> {
    if kind != Kind::TrailingStopMarket {
        return order_form::required_price(card, parameters, "triggerPrice");
    }
    match parameters.text("triggerPrice")? {
        None => Ok(Price::ZERO),
        Some(_) => Err(Refusal::not_required("triggerPrice")),
    }
}

fn stop_size(card: &Card, kind: Kind, parameters: &Parameters) -> Result<StopSize, Refusal> {
    if !parameters.flag("closePosition")?.unwrap_or(false) {
        return order_form::required_quantity(card, parameters).map(StopSize::Quantity);
    }
    if !kind.may_close_position() {
        return Err(Refusal::not_required("closePosition"));
    }
    if parameters.text("quantity")?.is_some() {
        let message = "Quantity must be zero with closePosition equals true.";
        return Err(Refusal::new(-4137, message));
    }
    if parameters.text("reduceOnly")?.is_some() {
        let message = "Reduce only must be true with closePosition equals true.";
        return Err(Refusal::new(-4138, message));
    }
    Ok(StopSize::ClosePosition)
}

/// Whether it lives while the position does: so it may say, and so those are that close it unless
/// they say otherwise.
fn ends_with_position(
    kind: Kind,
    size: StopSize,
    parameters: &Parameters,
) -> Result<bool, Refusal> {
    match parameters.text("timeInForce")? {
        None => Ok(size == StopSize::ClosePosition),
        Some(words::WHILE_THE_POSITION_LIVES) if kind.is_limit() => Err(Refusal::time_in_force()),
        Some(text) => Ok(text == words::WHILE_THE_POSITION_LIVES),
    }
}

fn terms(
    now: Timestamp,
    card: &Card,
    kind: Kind,
    parameters: &Parameters,
) -> Result<StopTerms, Refusal> {
    let working_price = match parameters.text("workingType")? {
        None | Some("CONTRACT_PRICE") => WorkingPrice::Contract,
        Some("MARK_PRICE") => WorkingPrice::Mark,
        Some(_) => return Err(Refusal::bad_value("workingType")),
    };
    Ok(StopTerms {
        condition: condition(card, kind, parameters)?,
        becomes: becomes(card, kind, parameters)?,
        working_price,
        reduce_only: parameters.flag("reduceOnly")?.unwrap_or(false),
        price_protect: parameters.flag("priceProtect")?.unwrap_or(false),
        ends_with_position: false,
        order: OrderTerms {
            prevention: words::parse_prevention(parameters.text("selfTradePreventionMode")?)?,
            good_till: order_form::good_till(now, parameters)?,
            price_match: words::parse_price_match(parameters.text("priceMatch")?)?,
        },
    })
}

fn condition(card: &Card, kind: Kind, parameters: &Parameters) -> Result<StopCondition, Refusal> {
    match kind {
        Kind::Stop | Kind::StopMarket => refuse_trailing(parameters, StopCondition::StopLoss),
        Kind::TakeProfit | Kind::TakeProfitMarket => {
            refuse_trailing(parameters, StopCondition::TakeProfit)
        }
        Kind::TrailingStopMarket => {
            let activation = parameters.price("activatePrice")?;
            if let Some(price) = activation {
                order_form::check_price_places(card, price)?;
            }
            parameters.required("callbackRate")?;
            let percent = parameters
                .rate("callbackRate")?
                .ok_or_else(|| Refusal::mandatory("callbackRate"))?;
            let callback = percent.units() / 100;
            if !CALLBACKS.contains(&callback) {
                return Err(Refusal::callback_rate());
            }
            let callback = Rate::from_units(callback).map_err(|_| Refusal::callback_rate())?;
            Ok(StopCondition::Trailing { activation, callback })
        }
    }
}

fn refuse_trailing(
    parameters: &Parameters,
    condition: StopCondition,
) -> Result<StopCondition, Refusal> {
    for name in ["activatePrice", "callbackRate"] {
        if parameters.text(name)?.is_some() {
            return Err(Refusal::not_required(name));
        }
    }
    Ok(condition)
}

/// The order it becomes; a matched price is looked up once it has triggered.
fn becomes(card: &Card, kind: Kind, parameters: &Parameters) -> Result<OrderKind, Refusal> {
    let price_match = words::parse_price_match(parameters.text("priceMatch")?)?;
    let time_in_force = match parameters.text("timeInForce")? {
        None | Some(words::WHILE_THE_POSITION_LIVES) => TimeInForce::GoodTilCanceled,
        Some(text) => words::parse_time_in_force(text)?,
    };
    if kind.is_limit() {
        let price = match price_match {
            None => order_form::required_price(card, parameters, "price")?,
            Some(_) if parameters.text("price")?.is_some() => {
                return Err(Refusal::not_required("price"));
            }
            Some(_) => Price::ZERO,
        };
        return Ok(OrderKind::Limit { price, time_in_force });
    }
    if price_match.is_some() {
        return Err(Refusal::price_match_kind());
    }
    if parameters.text("price")?.is_some() {
        return Err(Refusal::not_required("price"));
    }
    if time_in_force != TimeInForce::GoodTilCanceled {
        return Err(Refusal::time_in_force());
    }
    Ok(OrderKind::Market)
}

fn name(parameters: &Parameters) -> Result<StopName, Refusal> {
    if let Some(id) = parameters.integer("algoId")? {
        return Ok(StopName::Id(AlgoOrderId(id)));
    }
    parameters
        .client_id("clientAlgoId")?
        .map(StopName::Client)
        .ok_or_else(|| Refusal::one_of("clientAlgoId", "algoId"))
}

pub(super) fn query(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let name = name(parameters)?;
    parameters.only(&["algoId", "clientAlgoId"])?;
    let stop = floor.exchange.query_stop(floor.account, name)?;
    to_json(&StopBody::queried(floor.card(stop.report.symbol)?, &stop))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Canceled {
    algo_id: u64,
    client_algo_id: String,
    /// Text here, a number where all are cancelled: so at the venue.
    code: &'static str,
    msg: &'static str,
}

pub(super) fn cancel(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let name = name(parameters)?;
    parameters.only(&["algoId", "clientAlgoId"])?;
    let stop = floor.exchange.cancel_stop(floor.now(), floor.account, name)?;
    to_json(&Canceled {
        algo_id: stop.report.algo_order_id.0,
        client_algo_id: stop.report.client_order_id.to_string(),
        code: "200",
        msg: "success",
    })
}

pub(super) fn open_orders(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    let algo_id = parameters.integer("algoId")?.map(AlgoOrderId);
    if !matches!(parameters.text("algoType")?, None | Some("CONDITIONAL")) {
        return Err(Refusal::bad_value("algoType"));
    }
    parameters.only(&["symbol", "algoType", "algoId"])?;
    if let Some(symbol) = symbol {
        floor.card(symbol)?;
    }
    let stops: Vec<StopRecord> = floor
        .exchange
        .open_stops(floor.account, symbol)
        .into_iter()
        .filter(|stop| stop.report.status == StopStatus::New)
        .filter(|stop| algo_id.is_none_or(|id| id == stop.report.algo_order_id))
        .collect();
    listed(floor, &stops)
}

fn listed(floor: &Floor, stops: &[StopRecord]) -> Answer {
    let rows: Result<Vec<StopBody>, Refusal> = stops
        .iter()
        .map(|stop| Ok(StopBody::listed(floor.card(stop.report.symbol)?, stop)))
        .collect();
    to_json(&rows?)
}

/// Conditional orders of a symbol, whatever became of them; the newest, unless an id or a time to
/// begin with is given.
pub(super) fn all_orders(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    floor.card(symbol)?;
    let from = parameters.integer("algoId")?.map_or_else(AlgoOrderId::default, AlgoOrderId);
    let (since, until) = parameters.span(WIDEST_SPAN_MS)?;
    let limit = parameters.limit(500, 1_000)?;
    parameters.only(&["symbol", "algoId", "startTime", "endTime", "limit"])?;
    let query = StopQuery {
        from,
        since: since.unwrap_or_default(),
        until: until.unwrap_or(Timestamp::MAX),
    };
    let stops = floor.exchange.all_stops(floor.account, symbol, query);
    let is_newest = from == AlgoOrderId::default() && since.is_none();
    let first = if is_newest { stops.len().saturating_sub(limit) } else { 0 };
    listed(floor, &stops[first..stops.len().min(first + limit)])
}

pub(super) fn cancel_all(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    parameters.only(&["symbol"])?;
    floor.exchange.cancel_all_stops(floor.now(), floor.account, symbol)?;
    to_json(&Done { code: 200, msg: "The operation of cancel all open order is done." })
}
