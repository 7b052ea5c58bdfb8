//! Public REST answers: time, exchangeInfo, depth, trades, bars, tickers, funding.

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
    /// Of `MIN_NOTIONAL` and `NOTIONAL` on the spot market, which spells it so.
    pub min_notional: Option<Text>,
    /// Of `PERCENT_PRICE_BY_SIDE` on the spot market.
    pub bid_multiplier_up: Option<Text>,
    /// Of `PERCENT_PRICE_BY_SIDE` on the spot market.
    pub ask_multiplier_down: Option<Text>,
    /// Of `MAX_NUM_ORDERS` on the spot market.
    pub max_num_orders: Option<Text>,
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

/// One row of `GET /fapi/v1/klines`: values by their place. Rows may grow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Kline(pub Vec<Text>);

/// One row of `GET /fapi/v1/aggTrades`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AggregateTrade {
    /// The aggregate's id.
    #[serde(rename = "a")]
    pub id: u64,
    /// Its price.
    #[serde(rename = "p")]
    pub price: Text,
    /// Its quantity.
    #[serde(rename = "q")]
    pub quantity: Text,
    /// The first trade in it.
    #[serde(rename = "f")]
    pub first_trade_id: u64,
    /// The last trade in it.
    #[serde(rename = "l")]
    pub last_trade_id: u64,
    /// Milliseconds since the epoch.
    #[serde(rename = "T")]
    pub time: i64,
    /// Whether the buyer rested.
    #[serde(rename = "m")]
    pub is_buyer_maker: bool,
}

/// `GET /fapi/v1/premiumIndex`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PremiumIndex {
    /// Of which symbol.
    pub symbol: String,
    /// The mark price.
    pub mark_price: Text,
    /// The index price.
    #[serde(default)]
    pub index_price: Text,
    /// The rate of the next funding, as it stands; empty where there is none.
    #[serde(default)]
    pub last_funding_rate: Text,
    /// Milliseconds since the epoch; zero where there is none.
    #[serde(default)]
    pub next_funding_time: i64,
    /// Milliseconds since the epoch.
    #[serde(default)]
    pub time: i64,
}

/// One row of `GET /fapi/v1/fundingRate`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FundingRate {
    /// Of which symbol.
    pub symbol: String,
    /// A fraction of notional; longs pay if it is positive.
    pub funding_rate: Text,
    /// Milliseconds since the epoch.
    pub funding_time: i64,
    /// The mark price it was reckoned by; empty in old rows.
    #[serde(default)]
    pub mark_price: Text,
    /// `Regular` or `Special`; since 2026-07-23.
    pub rate_type: Option<Text>,
}

/// One row of `GET /fapi/v1/fundingInfo`: only symbols with terms of their own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FundingInfo {
    /// Of which symbol.
    pub symbol: String,
    /// The highest rate.
    pub adjusted_funding_rate_cap: Text,
    /// The lowest rate.
    pub adjusted_funding_rate_floor: Text,
    /// Hours between two fundings.
    pub funding_interval_hours: u32,
}

/// `GET /fapi/v1/ticker/24hr`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DayTicker {
    /// Of which symbol.
    pub symbol: String,
    /// The newest price.
    pub last_price: Text,
    /// The price a day before.
    pub open_price: Text,
    /// The highest price.
    pub high_price: Text,
    /// The lowest price.
    pub low_price: Text,
    /// Traded base asset.
    pub volume: Text,
    /// Traded quote asset.
    pub quote_volume: Text,
    /// Milliseconds since the epoch.
    pub close_time: i64,
    /// How many trades.
    pub count: u64,
}

/// `GET /fapi/v1/ticker/bookTicker`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BestPrices {
    /// Of which symbol.
    pub symbol: String,
    /// The best bid.
    pub bid_price: Text,
    /// How much is bid.
    pub bid_qty: Text,
    /// The best ask.
    pub ask_price: Text,
    /// How much is asked.
    pub ask_qty: Text,
    /// Milliseconds since the epoch.
    #[serde(default)]
    pub time: i64,
}

/// `GET /fapi/v2/ticker/price`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LastPrice {
    /// Of which symbol.
    pub symbol: String,
    /// The newest price.
    pub price: Text,
    /// Milliseconds since the epoch.
    #[serde(default)]
    pub time: i64,
}

/// `GET /fapi/v1/openInterest`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenInterest {
    /// Of which symbol.
    pub symbol: String,
    /// Contracts open, in base asset.
    pub open_interest: Text,
    /// Milliseconds since the epoch.
    pub time: i64,
}
