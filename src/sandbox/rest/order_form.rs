//! What a request says of the order it wants: read, and checked as far as words go.

use crate::domain::{
    OrderKind, OrderRequest, Price, Quantity, Side, Symbol, TimeInForce, Timestamp,
};
use crate::sim::{OrderTerms, PriceMatch};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words;

/// How far ahead a date must be.
const EARLIEST_DATE_AHEAD_MS: i64 = 600_000;

/// Dates end with the year 9999.
const LATEST_DATE_MS: i64 = 253_402_300_799_000;

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

/// An order that a request wants.
pub(super) struct Form {
    pub(super) request: OrderRequest,
    pub(super) terms: OrderTerms,
    /// Whether the sender wants to be told the outcome of an order that never rests.
    wants_result: bool,
}

impl Form {
    pub(super) fn read(floor: &mut Floor, parameters: &Parameters) -> Result<Self, Refusal> {
        let symbol = parameters.symbol()?;
        let card = floor.card(symbol)?.clone();
        let side = words::parse_side(parameters.required("side")?)?;
        let is_market = is_market(parameters.required("type")?)?;
        parameters.only(OF_AN_ORDER)?;
        check_position_side(parameters)?;
        let prevention = words::parse_prevention(parameters.text("selfTradePreventionMode")?)?;
        let price_match = words::parse_price_match(parameters.text("priceMatch")?)?;
        let wants_result = wants_result(parameters)?;
        let quantity = required_quantity(&card, parameters)?;
        let kind = if is_market {
            market_kind(parameters, price_match)?
        } else {
            let time_in_force = words::parse_time_in_force(parameters.required("timeInForce")?)?;
            let price = limit_price(floor, &card, side, parameters)?;
            OrderKind::Limit { price, time_in_force }
        };
        let good_till = good_till(floor.now(), parameters)?;
        let client_order_id = match parameters.client_id("newClientOrderId")? {
            Some(id) => id,
            None => floor.name_order()?,
        };
        let reduce_only = parameters.flag("reduceOnly")?.unwrap_or(false);
        Ok(Self {
            request: OrderRequest { client_order_id, symbol, side, quantity, kind, reduce_only },
            terms: OrderTerms { prevention, good_till, price_match },
            wants_result,
        })
    }

    /// Whether the answer tells the outcome; otherwise it shows the order as it was accepted.
    pub(super) const fn is_told_the_outcome(&self) -> bool {
        self.wants_result && never_rests(self.request.kind)
    }
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

fn market_kind(
    parameters: &Parameters,
    price_match: Option<PriceMatch>,
) -> Result<OrderKind, Refusal> {
    if price_match.is_some() {
        return Err(Refusal::price_match_kind());
    }
    for name in ["price", "timeInForce"] {
        if parameters.text(name)?.is_some() {
            return Err(Refusal::not_required(name));
        }
    }
    Ok(OrderKind::Market)
}

/// The limit price: named by its sender, or that of a level of the book.
pub(super) fn limit_price(
    floor: &Floor,
    card: &Card,
    side: Side,
    parameters: &Parameters,
) -> Result<Price, Refusal> {
    match words::parse_price_match(parameters.text("priceMatch")?)? {
        Some(price_match) => {
            if parameters.text("price")?.is_some() {
                return Err(Refusal::not_required("price"));
            }
            matched_price(floor, card.instrument.symbol, side, price_match)
        }
        None => required_price(card, parameters, "price"),
    }
}

fn matched_price(
    floor: &Floor,
    symbol: Symbol,
    side: Side,
    price_match: PriceMatch,
) -> Result<Price, Refusal> {
    Ok(floor.exchange.matched_price(symbol, side, price_match)?)
}

/// One-way mode is all there is.
pub(super) fn check_position_side(parameters: &Parameters) -> Result<(), Refusal> {
    match parameters.text("positionSide")? {
        None | Some("BOTH") => Ok(()),
        Some("LONG" | "SHORT") => {
            let message = "Order's position side does not match user's setting.";
            Err(Refusal::new(-4061, message))
        }
        Some(_) => Err(Refusal::new(-4060, "Invalid position side.")),
    }
}

/// The date of an order: there with GTD and only then; its milliseconds are not kept.
pub(super) fn good_till(
    now: Timestamp,
    parameters: &Parameters,
) -> Result<Option<Timestamp>, Refusal> {
    let is_dated = parameters.text("timeInForce")? == Some("GTD");
    match parameters.integer::<i64>("goodTillDate")? {
        None | Some(0) if !is_dated => Ok(None),
        None | Some(0) => Err(Refusal::mandatory("goodTillDate")),
        Some(_) if !is_dated => Err(Refusal::not_required("goodTillDate")),
        Some(date) if date <= now.millis() + EARLIEST_DATE_AHEAD_MS || date >= LATEST_DATE_MS => {
            Err(Refusal::good_till_date())
        }
        Some(date) => Ok(Some(Timestamp::from_seconds(date.div_euclid(1_000)))),
    }
}

pub(super) fn wants_result(parameters: &Parameters) -> Result<bool, Refusal> {
    match parameters.text("newOrderRespType")? {
        None | Some("ACK") => Ok(false),
        Some("RESULT") => Ok(true),
        Some(_) => Err(Refusal::new(-1136, "Invalid newOrderRespType.")),
    }
}

/// A price that must be there and not have more digits than the symbol's precision.
pub(super) fn required_price(
    card: &Card,
    parameters: &Parameters,
    name: &str,
) -> Result<Price, Refusal> {
    parameters.required(name)?;
    let price = parameters.price(name)?.ok_or_else(|| Refusal::mandatory(name))?;
    check_price_places(card, price)?;
    Ok(price)
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
