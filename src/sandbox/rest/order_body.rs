//! An ordinary order as the venue shows it (exchange-api.md 4.2).

use serde::Serialize;

use crate::domain::{OrderStatus, Price, Quantity, Symbol};
use crate::sim::{OrderRecord, StopName};

use super::super::floor::Floor;
use super::super::refusal::Refusal;
use super::super::words;

/// An ordinary order; which of the optional fields are there depends on the question.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderBody {
    order_id: u64,
    symbol: Symbol,
    #[serde(skip_serializing_if = "Option::is_none")]
    pair: Option<Symbol>,
    status: &'static str,
    client_order_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    modify_id: Option<u64>,
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
    good_till_date: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    update_time: i64,
}

impl OrderBody {
    /// The answer to placing or cancelling: neither average price nor quote.
    pub(super) fn acknowledged(floor: &Floor, order: &OrderRecord) -> Result<Self, Refusal> {
        let (report, terms) = (&order.report, &order.terms);
        let places = floor.card(report.symbol)?.places;
        let stop = order
            .stop
            .and_then(|id| floor.exchange.query_stop(order.account, StopName::Id(id)).ok());
        let kind = words::kind(order.kind);
        Ok(Self {
            order_id: report.order_id.0,
            symbol: report.symbol,
            pair: None,
            status: words::status(report.status),
            client_order_id: report.client_order_id.to_string(),
            modify_id: None,
            price: places.price(report.price.unwrap_or_default()),
            avg_price: None,
            orig_qty: places.quantity(report.quantity),
            executed_qty: places.quantity(report.filled_quantity),
            cum_qty: Some(places.quantity(report.filled_quantity)),
            cum_quote: None,
            time_in_force: words::time_in_force(order.kind, terms),
            r#type: kind,
            reduce_only: report.reduce_only,
            close_position: false,
            side: words::side(report.side),
            position_side: "BOTH",
            stop_price: places.price(Price::ZERO),
            working_type: "CONTRACT_PRICE",
            price_protect: false,
            orig_type: stop.map_or(kind, |stop| words::stop_kind(&stop.terms)),
            price_match: words::price_match(terms.price_match),
            self_trade_prevention_mode: words::prevention(terms.prevention),
            good_till_date: words::good_till(terms),
            time: None,
            update_time: report.update_time.millis(),
        })
    }

    /// The answer to a question.
    pub(super) fn queried(floor: &Floor, order: &OrderRecord) -> Result<Self, Refusal> {
        let average = order.report.average_price.unwrap_or_default();
        Ok(Self {
            avg_price: Some(words::padded(average.units(), 5)),
            cum_qty: None,
            cum_quote: Some(words::padded(order.filled_notional.units(), 5)),
            time: Some(order.created_at.millis()),
            ..Self::acknowledged(floor, order)?
        })
    }

    /// The answer to a change.
    pub(super) fn amended(floor: &Floor, order: &OrderRecord) -> Result<Self, Refusal> {
        Ok(Self {
            pair: Some(order.report.symbol),
            modify_id: order.modify_id,
            ..Self::acknowledged(floor, order)?
        })
    }

    /// The order as it was accepted, before it met the book.
    pub(super) fn accepted(floor: &Floor, order: &OrderRecord) -> Result<Self, Refusal> {
        let nothing = floor.card(order.report.symbol)?.places.quantity(Quantity::ZERO);
        Ok(Self {
            status: words::status(OrderStatus::New),
            executed_qty: nothing.clone(),
            cum_qty: Some(nothing),
            update_time: order.created_at.millis(),
            ..Self::acknowledged(floor, order)?
        })
    }
}
