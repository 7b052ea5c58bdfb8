//! Conditional orders: the Algo Service (exchange-api.md 4.6).
//!
//! Of the venue's kinds only `STOP_MARKET` is offered, which is what protects a position.

use serde::Serialize;

use crate::domain::{
    AlgoOrderId, Price, Quantity, StopRequest, StopSize, StopStatus, Symbol, Timestamp,
};
use crate::sim::{StopName, StopRecord, StopTerms, WorkingPrice};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words;
use super::{Answer, Done, orders, to_json};

/// What a conditional order may carry.
const OF_A_STOP: &[&str] = &[
    "algoType",
    "symbol",
    "side",
    "positionSide",
    "type",
    "timeInForce",
    "quantity",
    "triggerPrice",
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

/// A conditional order as the venue shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StopBody {
    algo_id: u64,
    client_algo_id: String,
    algo_type: &'static str,
    order_type: &'static str,
    symbol: Symbol,
    side: &'static str,
    position_side: &'static str,
    time_in_force: &'static str,
    quantity: String,
    algo_status: &'static str,
    #[serde(flatten)]
    outcome: Option<Outcome>,
    trigger_price: String,
    price: String,
    iceberg_quantity: Option<String>,
    self_trade_prevention_mode: &'static str,
    working_type: &'static str,
    price_match: &'static str,
    close_position: bool,
    price_protect: bool,
    reduce_only: bool,
    create_time: i64,
    update_time: i64,
    trigger_time: i64,
    good_till_date: u8,
}

/// What a question tells beyond the acknowledgement.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    actual_order_id: String,
    actual_price: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_qty: Option<String>,
    tp_order_type: &'static str,
}

impl StopBody {
    fn acknowledged(card: &Card, stop: &StopRecord) -> Self {
        let report = &stop.report;
        let (quantity, close_position) = match report.size {
            StopSize::Quantity(quantity) => (quantity, false),
            StopSize::ClosePosition => (Quantity::ZERO, true),
        };
        Self {
            algo_id: report.algo_order_id.0,
            client_algo_id: report.client_order_id.to_string(),
            algo_type: "CONDITIONAL",
            order_type: "STOP_MARKET",
            symbol: report.symbol,
            side: words::side(report.side),
            position_side: "BOTH",
            time_in_force: if close_position { "GTE_GTC" } else { "GTC" },
            quantity: card.places.quantity(quantity),
            algo_status: words::stop_status(report.status),
            outcome: None,
            trigger_price: card.places.price(report.trigger_price),
            price: card.places.price(Price::ZERO),
            iceberg_quantity: None,
            self_trade_prevention_mode: "EXPIRE_MAKER",
            working_type: match stop.terms.working_price {
                WorkingPrice::Mark => "MARK_PRICE",
                WorkingPrice::Contract => "CONTRACT_PRICE",
            },
            price_match: "NONE",
            close_position,
            price_protect: false,
            reduce_only: !close_position && stop.terms.reduce_only,
            create_time: stop.created_at.millis(),
            update_time: report.update_time.millis(),
            trigger_time: stop.triggered_at.map_or(0, Timestamp::millis),
            good_till_date: 0,
        }
    }

    fn queried(card: &Card, stop: &StopRecord) -> Self {
        let child = stop.report.child_order_id;
        Self {
            outcome: Some(Outcome {
                actual_order_id: child.map_or_else(String::new, |id| id.to_string()),
                actual_price: words::padded(stop.child.average_price.units(), 6),
                actual_type: child.map(|_| "MARKET"),
                actual_qty: child.map(|_| card.places.quantity(stop.child.filled_quantity)),
                tp_order_type: "",
            }),
            ..Self::acknowledged(card, stop)
        }
    }
}

pub(super) fn place(floor: &mut Floor, parameters: &Parameters) -> Answer {
    if parameters.required("algoType")? != "CONDITIONAL" {
        return Err(Refusal::bad_value("algoType"));
    }
    let symbol = parameters.symbol()?;
    let card = floor.card(symbol)?.clone();
    let side = words::parse_side(parameters.required("side")?)?;
    if parameters.required("type")? != "STOP_MARKET" {
        return Err(Refusal::new(-1116, "Invalid orderType."));
    }
    parameters.only(OF_A_STOP)?;
    orders::check_modes(parameters)?;
    orders::wants_result(parameters)?;
    check_patience(parameters)?;
    parameters.required("triggerPrice")?;
    let trigger_price =
        parameters.price("triggerPrice")?.ok_or_else(|| Refusal::mandatory("triggerPrice"))?;
    orders::check_price_places(&card, trigger_price)?;
    let stop_size = stop_size(&card, parameters)?;
    let terms = terms(parameters)?;
    let client_order_id = match parameters.client_id("clientAlgoId")? {
        Some(id) => id,
        None => floor.name_order()?,
    };
    let request = StopRequest { client_order_id, symbol, side, trigger_price, size: stop_size };
    let stop = floor.exchange.place_stop(floor.now(), floor.account, &request, terms)?;
    to_json(&StopBody::acknowledged(&card, &stop))
}

/// A stop waits for as long as it takes; price protection is not offered.
fn check_patience(parameters: &Parameters) -> Result<(), Refusal> {
    if !matches!(parameters.text("timeInForce")?, None | Some("GTC" | "GTE_GTC")) {
        return Err(Refusal::new(-1115, "Invalid timeInForce."));
    }
    if parameters.flag("priceProtect")?.unwrap_or(false) {
        return Err(Refusal::bad_value("priceProtect"));
    }
    Ok(())
}

fn stop_size(card: &Card, parameters: &Parameters) -> Result<StopSize, Refusal> {
    if !parameters.flag("closePosition")?.unwrap_or(false) {
        return orders::required_quantity(card, parameters).map(StopSize::Quantity);
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

fn terms(parameters: &Parameters) -> Result<StopTerms, Refusal> {
    let working_price = match parameters.text("workingType")? {
        None | Some("CONTRACT_PRICE") => WorkingPrice::Contract,
        Some("MARK_PRICE") => WorkingPrice::Mark,
        Some(_) => return Err(Refusal::bad_value("workingType")),
    };
    let reduce_only = parameters.flag("reduceOnly")?.unwrap_or(false);
    Ok(StopTerms { working_price, reduce_only, ..StopTerms::default() })
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
    let stops = floor.exchange.open_stops(floor.account, symbol);
    let rows: Result<Vec<StopBody>, Refusal> = stops
        .iter()
        .filter(|stop| stop.report.status == StopStatus::New)
        .filter(|stop| algo_id.is_none_or(|id| id == stop.report.algo_order_id))
        .map(|stop| Ok(StopBody::queried(floor.card(stop.report.symbol)?, stop)))
        .collect();
    to_json(&rows?)
}

pub(super) fn cancel_all(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    parameters.only(&["symbol"])?;
    floor.exchange.cancel_all_stops(floor.now(), floor.account, symbol)?;
    to_json(&Done { code: 200, msg: "The operation of cancel all open order is done." })
}
