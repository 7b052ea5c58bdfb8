//! A conditional order as the venue shows it (exchange-api.md 4.6).

use serde::Serialize;

use crate::domain::{Price, Quantity, StopSize, Symbol, Timestamp};
use crate::sim::{StopCondition, StopRecord};

use super::super::card::Card;
use super::super::words;

/// A conditional order; which of the optional fields are there depends on the question.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StopBody {
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
    #[serde(flatten)]
    bracket: Option<Bracket>,
    self_trade_prevention_mode: &'static str,
    working_type: &'static str,
    price_match: &'static str,
    close_position: bool,
    price_protect: bool,
    reduce_only: bool,
    #[serde(flatten)]
    trailing: Option<Trailing>,
    create_time: i64,
    update_time: i64,
    trigger_time: i64,
    good_till_date: i64,
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

/// Fields of order pairs that lists show of every order, unused.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bracket {
    tp_trigger_price: &'static str,
    tp_price: &'static str,
    sl_trigger_price: &'static str,
    sl_price: &'static str,
}

impl Bracket {
    const NONE: Self = Self {
        tp_trigger_price: "0.000",
        tp_price: "0.000",
        sl_trigger_price: "0.000",
        sl_price: "0.000",
    };
}

/// What only trailing stops have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trailing {
    activate_price: String,
    callback_rate: String,
}

/// How much a stop closes, and whether it closes whatever there is.
pub(in crate::sandbox) const fn size_of(stop: &StopRecord) -> (Quantity, bool) {
    match stop.report.size {
        StopSize::Quantity(quantity) => (quantity, false),
        StopSize::ClosePosition => (Quantity::ZERO, true),
    }
}

/// The time in force of a stop.
pub(in crate::sandbox) const fn time_in_force(stop: &StopRecord) -> &'static str {
    if stop.terms.ends_with_position {
        return words::WHILE_THE_POSITION_LIVES;
    }
    words::time_in_force(stop.terms.becomes, &stop.terms.order)
}

/// The limit price of the order a stop becomes, zero for a market order.
pub(in crate::sandbox) fn limit_price(stop: &StopRecord) -> Price {
    let named = stop.terms.becomes.price().filter(|_| stop.terms.order.price_match.is_none());
    named.unwrap_or_default()
}

impl StopBody {
    pub(super) fn acknowledged(card: &Card, stop: &StopRecord) -> Self {
        let (report, terms) = (&stop.report, &stop.terms);
        let (quantity, close_position) = size_of(stop);
        Self {
            algo_id: report.algo_order_id.0,
            client_algo_id: report.client_order_id.to_string(),
            algo_type: "CONDITIONAL",
            order_type: words::stop_kind(terms),
            symbol: report.symbol,
            side: words::side(report.side),
            position_side: "BOTH",
            time_in_force: time_in_force(stop),
            quantity: card.places.quantity(quantity),
            algo_status: words::stop_status(report.status),
            outcome: None,
            trigger_price: card.places.price(report.trigger_price),
            price: card.places.price(limit_price(stop)),
            iceberg_quantity: None,
            bracket: None,
            self_trade_prevention_mode: words::prevention(terms.order.prevention),
            working_type: words::working_type(terms.working_price),
            price_match: words::price_match(terms.order.price_match),
            close_position,
            price_protect: terms.price_protect,
            reduce_only: !close_position && terms.reduce_only,
            trailing: Trailing::of(card, stop),
            create_time: stop.created_at.millis(),
            update_time: report.update_time.millis(),
            trigger_time: stop.triggered_at.map_or(0, Timestamp::millis),
            good_till_date: words::good_till(&terms.order),
        }
    }

    /// The answer to a question for one order.
    pub(super) fn queried(card: &Card, stop: &StopRecord) -> Self {
        let child = stop.report.child_order_id;
        Self {
            outcome: Some(Outcome {
                actual_order_id: child.map_or_else(String::new, |id| id.to_string()),
                actual_price: words::padded(stop.child.average_price.units(), 6),
                actual_type: child.map(|_| words::kind(stop.terms.becomes)),
                actual_qty: child.map(|_| card.places.quantity(stop.child.filled_quantity)),
                tp_order_type: "",
            }),
            ..Self::acknowledged(card, stop)
        }
    }

    /// A row of a list, where quantities and prices are spelled as recorded there.
    pub(super) fn listed(card: &Card, stop: &StopRecord) -> Self {
        Self {
            quantity: words::as_double(size_of(stop).0.units()),
            price: words::as_double(limit_price(stop).units()),
            bracket: Some(Bracket::NONE),
            ..Self::queried(card, stop)
        }
    }
}

impl Trailing {
    fn of(card: &Card, stop: &StopRecord) -> Option<Self> {
        match stop.terms.condition {
            StopCondition::StopLoss | StopCondition::TakeProfit => None,
            StopCondition::Trailing { activation, callback } => Some(Self {
                activate_price: card.places.price(activation.unwrap_or_default()),
                callback_rate: words::percent(callback),
            }),
        }
    }
}
