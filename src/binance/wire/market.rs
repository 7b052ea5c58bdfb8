//! Public REST answers: time, exchangeInfo, depth, recent trades.

use serde::Deserialize;

use super::Text;

/// `GET /fapi/v1/time`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerTime {
    /// Milliseconds since the epoch.
    pub server_time: i64,
}

/// `GET /fapi/v1/exchangeInfo` (exchange-api.md 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeInfo {
    /// Milliseconds since the epoch.
    #[serde(default)]
    pub server_time: i64,
    /// The venue's request limits.
    #[serde(default)]
    pub rate_limits: Vec<RateLimit>,
    /// Everything listed.
    pub symbols: Vec<SymbolInfo>,
}

/// One request limit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// `REQUEST_WEIGHT` or `ORDERS`.
    pub rate_limit_type: String,
    /// `SECOND`, `MINUTE`, `HOUR` or `DAY`.
    pub interval: String,
    /// How many of the interval make one window.
    pub interval_num: u32,
    /// The most in one window.
    pub limit: u32,
}

/// One listed symbol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SymbolInfo {
    /// Its name.
    pub symbol: String,
    /// `PERPETUAL` and others.
    #[serde(default)]
    pub contract_type: String,
    /// `TRADING` and others.
    pub status: String,
    /// Its filters, in no stable order.
    #[serde(default)]
    pub filters: Vec<Filter>,
}

/// One filter; which fields it has depends on its type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Filter {
    /// `PRICE_FILTER`, `LOT_SIZE` and others.
    pub filter_type: String,
    /// Of `PRICE_FILTER`.
    pub min_price: Option<Text>,
    /// Of `PRICE_FILTER`.
    pub max_price: Option<Text>,
    /// Of `PRICE_FILTER`.
    pub tick_size: Option<Text>,
    /// Of `LOT_SIZE` and `MARKET_LOT_SIZE`.
    pub min_qty: Option<Text>,
    /// Of `LOT_SIZE` and `MARKET_LOT_SIZE`.
    pub max_qty: Option<Text>,
    /// Of `LOT_SIZE` and `MARKET_LOT_SIZE`.
    pub step_size: Option<Text>,
    /// Of `MIN_NOTIONAL`.
    pub notional: Option<Text>,
    /// Of `PERCENT_PRICE`.
    pub multiplier_up: Option<Text>,
    /// Of `PERCENT_PRICE`.
    pub multiplier_down: Option<Text>,
    /// Of `MAX_NUM_ORDERS`.
    pub limit: Option<Text>,
}

/// `GET /fapi/v1/depth`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Depth {
    /// The update id up to which it holds.
    pub last_update_id: u64,
    /// `[price, quantity]`, best first.
    pub bids: Vec<(Text, Text)>,
    /// `[price, quantity]`, best first.
    pub asks: Vec<(Text, Text)>,
}

/// One row of `GET /fapi/v1/trades`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecentTrade {
    /// The trade's id.
    pub id: u64,
    /// Its price.
    pub price: Text,
    /// Its quantity.
    pub qty: Text,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// Whether the buyer rested.
    pub is_buyer_maker: bool,
}
