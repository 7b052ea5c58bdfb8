//! Changes of working orders, and their history (exchange-api.md 4.3).

use serde::Serialize;

use crate::domain::Symbol;
use crate::sim::{Amendment, AmendmentRecord};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words;
use super::order_body::OrderBody;
use super::{Answer, order_form, orders, to_json};

/// What a change may carry. `reduceOnly` is listed by the venue without a readable meaning
/// (exchange-api.md 4.3): it is taken and changes nothing, so an order stays what it was.
const OF_A_CHANGE: &[&str] = &[
    "symbol",
    "side",
    "quantity",
    "price",
    "priceMatch",
    "orderId",
    "origClientOrderId",
    "modifyId",
    "reduceOnly",
];

pub(super) fn amend(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let (symbol, name) = (parameters.symbol()?, orders::name(parameters)?);
    let card = floor.card(symbol)?;
    let side = words::parse_side(parameters.required("side")?)?;
    parameters.only(OF_A_CHANGE)?;
    parameters.flag("reduceOnly")?;
    let change = Amendment {
        side,
        quantity: order_form::required_quantity(card, parameters)?,
        price: order_form::limit_price(floor, card, side, parameters)?,
        price_match: words::parse_price_match(parameters.text("priceMatch")?)?,
        modify_id: parameters.integer("modifyId")?,
    };
    let order = floor.exchange.amend(floor.now(), floor.account, (symbol, name), &change)?;
    to_json(&OrderBody::amended(floor, &order)?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AmendmentBody {
    amendment_id: u64,
    symbol: Symbol,
    pair: Symbol,
    order_id: u64,
    client_order_id: String,
    time: i64,
    amendment: Change,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    price: BeforeAndAfter,
    orig_qty: BeforeAndAfter,
    count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    modify_id: Option<u64>,
}

#[derive(Serialize)]
struct BeforeAndAfter {
    before: String,
    after: String,
}

impl AmendmentBody {
    fn new(card: &Card, record: &AmendmentRecord) -> Self {
        let places = card.places;
        let [price_before, price_after] =
            [record.price.0, record.price.1].map(|price| places.price(price));
        let [before, after] =
            [record.quantity.0, record.quantity.1].map(|quantity| places.quantity(quantity));
        Self {
            amendment_id: record.id,
            symbol: record.symbol,
            pair: record.symbol,
            order_id: record.order_id.0,
            client_order_id: record.client_order_id.to_string(),
            time: record.time.millis(),
            amendment: Change {
                price: BeforeAndAfter { before: price_before, after: price_after },
                orig_qty: BeforeAndAfter { before, after },
                count: record.count,
                modify_id: record.modify_id,
            },
        }
    }
}

/// The changes of one order, newest first.
pub(super) fn history(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let (symbol, name) = (parameters.symbol()?, orders::name(parameters)?);
    parameters.only(&[
        "symbol",
        "orderId",
        "origClientOrderId",
        "startTime",
        "endTime",
        "limit",
    ])?;
    let (since, until) = parameters.span(i64::MAX)?;
    let limit = parameters.limit(50, 100)?;
    let records = floor.exchange.amendments(floor.account, symbol, name).map_err(Refusal::from)?;
    let card = floor.card(symbol)?;
    let rows: Vec<AmendmentBody> = records
        .iter()
        .filter(|record| since.is_none_or(|since| record.time >= since))
        .filter(|record| until.is_none_or(|until| record.time <= until))
        .take(limit)
        .map(|record| AmendmentBody::new(card, record))
        .collect();
    to_json(&rows)
}
