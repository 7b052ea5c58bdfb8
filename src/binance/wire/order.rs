//! Answers about orders, ordinary and conditional, and the error body.

use serde::Deserialize;

use super::{AlgoStatus, ConditionalType, OrderStatus, Side, Text};

/// An ordinary order, as placing, cancelling and querying answer it (exchange-api.md 4.2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The venue's id; exceeds 2^53.
    pub order_id: u64,
    /// What is traded.
    pub symbol: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// Its sender's name for it.
    pub client_order_id: String,
    /// The limit price; zero for a market order.
    #[serde(default)]
    pub price: Text,
    /// The average fill price; absent from acknowledgements since 2026-06-30.
    pub avg_price: Option<Text>,
    /// The quantity ordered.
    pub orig_qty: Text,
    /// The quantity filled.
    #[serde(default)]
    pub executed_qty: Text,
    /// `LIMIT`, `MARKET` and others.
    #[serde(rename = "type", default)]
    pub order_type: String,
    /// `GTC`, `GTX` and others.
    #[serde(default)]
    pub time_in_force: Text,
    /// When a good-till-date order ends, in milliseconds; zero for others.
    #[serde(default)]
    pub good_till_date: Text,
    /// Whose order goes when it would trade with another of ours.
    #[serde(default)]
    pub self_trade_prevention_mode: Text,
    /// The number its last change was given by its sender, where it has one.
    pub modify_id: Option<u64>,
    /// Whether it may only reduce the position.
    #[serde(default)]
    pub reduce_only: Text,
    /// Buy or sell.
    pub side: Side,
    /// Milliseconds since the epoch of the last change.
    #[serde(default)]
    pub update_time: i64,
    /// Milliseconds since the epoch of its creation; queries only.
    pub time: Option<i64>,
}

/// A conditional order, as placing and querying answer it (exchange-api.md 4.6).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlgoOrder {
    /// The venue's id.
    pub algo_id: u64,
    /// Its sender's name for it.
    pub client_algo_id: String,
    /// `STOP_MARKET` and others.
    pub order_type: ConditionalType,
    /// What is traded.
    pub symbol: String,
    /// Buy or sell.
    pub side: Side,
    /// How much; may be spelt `7.0E-4`, and is zero or absent with `closePosition`.
    #[serde(default)]
    pub quantity: Text,
    /// Where it stands.
    pub algo_status: AlgoStatus,
    /// The price that triggers it.
    #[serde(default)]
    pub trigger_price: Text,
    /// Its limit price once triggered; zero for a market order.
    #[serde(default)]
    pub price: Text,
    /// Whether it closes whatever the position is.
    #[serde(default)]
    pub close_position: Text,
    /// Whether it may only reduce the position.
    #[serde(default)]
    pub reduce_only: Text,
    /// Which price triggers it: `CONTRACT_PRICE` or `MARK_PRICE`.
    #[serde(default)]
    pub working_type: Text,
    /// Of a trailing stop: the distance, in percent.
    pub callback_rate: Option<Text>,
    /// Of a trailing stop: the price from which on it trails.
    pub activate_price: Option<Text>,
    /// The id of the order it became; empty before.
    #[serde(default)]
    pub actual_order_id: Text,
    /// How much of that order is filled.
    pub actual_qty: Option<Text>,
    /// At which average price.
    pub actual_price: Option<Text>,
    /// Milliseconds since the epoch of the last change.
    #[serde(default)]
    pub update_time: i64,
}

/// One row of `GET /fapi/v1/orderAmendment`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderAmendment {
    /// The venue's number of the change.
    pub amendment_id: u64,
    /// Of which symbol.
    pub symbol: String,
    /// Of which order.
    pub order_id: u64,
    /// The order's name.
    pub client_order_id: String,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// What changed.
    pub amendment: AmendedFields,
}

/// What one change of an order changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AmendedFields {
    /// The limit price.
    pub price: BeforeAfter,
    /// The quantity ordered.
    pub orig_qty: BeforeAfter,
    /// The how manieth change it is.
    pub count: u32,
    /// The number its sender gave it.
    pub modify_id: Option<u64>,
}

/// A value before and after a change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BeforeAfter {
    /// Before.
    pub before: Text,
    /// After.
    pub after: Text,
}

/// `POST /fapi/v1/countdownCancelAll`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Countdown {
    /// Of which symbol.
    pub symbol: String,
    /// Milliseconds; zero is disarmed.
    pub countdown_time: Text,
}

/// `{"code":…,"msg":…}`: an error, or the success of a request without a result of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ErrorBody {
    /// A number or a text; `200` is success.
    pub code: Text,
    /// For people; not stable.
    #[serde(default)]
    pub msg: Text,
}

/// `PUT /fapi/v1/listenKey`: older servers answer `{}`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtendedListenKey {
    /// The key that was extended: a secret.
    #[serde(default)]
    pub listen_key: Option<String>,
}

/// `POST /fapi/v1/listenKey`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenKey {
    /// The key: a secret.
    pub listen_key: String,
}

impl std::fmt::Debug for ExtendedListenKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ExtendedListenKey(***)")
    }
}

impl std::fmt::Debug for ListenKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ListenKey(***)")
    }
}
