//! Frames that tell everyone of a liquidation (exchange-api.md 2.4, `forceOrder`).
//!
//! Every liquidation is told; the venue tells at most one per symbol and second.

use serde::Serialize;

use crate::domain::{Symbol, Timestamp};
use crate::sim::OrderRecord;

use super::super::card::Card;
use super::super::words;
use super::hub::Hub;
use super::market_frames::to_text;
use super::route::Route;

/// Publishes the order of a liquidation to whoever subscribed to its symbol or to all.
pub(in crate::sandbox) fn publish_liquidation(
    hub: &mut Hub,
    card: &Card,
    time: Timestamp,
    order: &OrderRecord,
) {
    for name in [format!("{}@forceOrder", card.lower), "!forceOrder@arr".to_owned()] {
        hub.publish(Route::Market, &name, || frame(card, time, order));
    }
}

fn frame(card: &Card, time: Timestamp, order: &OrderRecord) -> String {
    let report = &order.report;
    let filled = card.places.quantity(report.filled_quantity);
    to_text(&ForceOrder {
        e: "forceOrder",
        event_time: time.millis(),
        o: ForceOrderPart {
            s: report.symbol,
            side: words::side(report.side),
            o: words::kind(order.kind),
            f: words::time_in_force(order.kind, &order.terms),
            q: card.places.quantity(report.quantity),
            p: card.places.price(report.price.unwrap_or_default()),
            ap: card.places.price(report.average_price.unwrap_or_default()),
            status: words::status(report.status),
            l: filled.clone(),
            z: filled,
            trade_time: report.update_time.millis(),
        },
    })
}

#[derive(Serialize)]
struct ForceOrder {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    o: ForceOrderPart,
}

#[derive(Serialize)]
struct ForceOrderPart {
    s: Symbol,
    #[serde(rename = "S")]
    side: &'static str,
    o: &'static str,
    f: &'static str,
    q: String,
    p: String,
    ap: String,
    #[serde(rename = "X")]
    status: &'static str,
    l: String,
    z: String,
    #[serde(rename = "T")]
    trade_time: i64,
}
