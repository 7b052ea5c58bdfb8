//! Market data of the spot market: the same books and trades, as the spot interface tells them
//! (exchange-api.md 10). There is no spot trading here.

use serde::Serialize;

use crate::book::Level;
use crate::domain::{Price, Quantity, Symbol};
use crate::sim::{Candle, CandleQuery, Interval};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words;
use super::klines::{DEFAULT_ROWS, Row};
use super::{Answer, to_json};

/// The deepest book there is; a larger limit asks for this much.
const DEEPEST: usize = 5_000;

/// The spot interface writes every number with eight places.
const PLACES: usize = 8;

/// Candles that may be asked for at once.
const MOST_ROWS: usize = 1_000;

/// What a request for a book counts toward the weight limit.
pub(super) fn depth_weight(parameters: &Parameters) -> u32 {
    match parameters.integer::<u32>("limit") {
        Ok(Some(..=100) | None) | Err(_) => 5,
        Ok(Some(101..=500)) => 25,
        Ok(Some(501..=1_000)) => 50,
        Ok(Some(1_001..)) => 250,
    }
}

/// Price and quantity as the spot interface writes a level.
pub(in crate::sandbox) fn level_text(level: &Level) -> (String, String) {
    (price(level.price), quantity(level.quantity))
}

pub(in crate::sandbox) fn price(price: Price) -> String {
    words::padded(price.units(), PLACES)
}

pub(in crate::sandbox) fn quantity(quantity: Quantity) -> String {
    words::padded(quantity.units(), PLACES)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Depth {
    last_update_id: u64,
    bids: Vec<(String, String)>,
    asks: Vec<(String, String)>,
}

pub(super) fn depth(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    floor.card(symbol)?;
    let limit = parameters.integer("limit")?.unwrap_or(100);
    if limit == 0 {
        return Err(Refusal::bad_value("limit"));
    }
    let book = floor.exchange.depth(symbol, limit.min(DEEPEST)).ok_or_else(Refusal::bad_symbol)?;
    to_json(&Depth {
        last_update_id: book.last_update_id,
        bids: book.bids.iter().map(level_text).collect(),
        asks: book.asks.iter().map(level_text).collect(),
    })
}

pub(super) fn klines(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    floor.card(symbol)?;
    let interval = Interval::parse(parameters.required("interval")?)
        .ok_or_else(|| Refusal::new(-1120, "Invalid interval."))?;
    let (since, until) = parameters.span(i64::MAX)?;
    let limit = parameters.limit(DEFAULT_ROWS, MOST_ROWS)?;
    let query = CandleQuery { interval, since, until, limit };
    let rows: Vec<Row> = floor.exchange.candles(symbol, &query).iter().map(row).collect();
    to_json(&rows)
}

fn row(candle: &Candle) -> Row {
    let wide = |units| words::padded_wide(units, PLACES);
    (
        candle.open_ms,
        price(candle.open),
        price(candle.high),
        price(candle.low),
        price(candle.close),
        wide(candle.volume),
        candle.close_ms,
        wide(candle.quote_volume),
        candle.trades,
        wide(candle.taker_buy_volume),
        wide(candle.taker_buy_quote_volume),
        "0",
    )
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExchangeInfo {
    timezone: &'static str,
    server_time: i64,
    rate_limits: [RateLimit; 1],
    exchange_filters: [(); 0],
    symbols: Vec<SymbolInfo>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RateLimit {
    rate_limit_type: &'static str,
    interval: &'static str,
    interval_num: u32,
    limit: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SymbolInfo {
    symbol: Symbol,
    status: &'static str,
    base_asset: String,
    base_asset_precision: usize,
    quote_asset: &'static str,
    quote_precision: usize,
    quote_asset_precision: usize,
    order_types: [&'static str; 3],
    is_spot_trading_allowed: bool,
    is_margin_trading_allowed: bool,
    filters: [Filter; 3],
    permissions: [(); 0],
}

#[derive(Serialize)]
#[serde(tag = "filterType", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
#[expect(clippy::enum_variant_names, reason = "the venue's names")]
enum Filter {
    PriceFilter { min_price: String, max_price: String, tick_size: String },
    LotSize { min_qty: String, max_qty: String, step_size: String },
    Notional { min_notional: String, apply_min_to_market: bool },
}

/// The listed symbols; of one or some if they are named.
pub(super) fn exchange_info(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    if let Some(symbol) = symbol {
        floor.card(symbol)?;
    }
    let wanted = floor
        .cards
        .values()
        .filter(|card| symbol.is_none_or(|symbol| symbol == card.instrument.symbol));
    to_json(&ExchangeInfo {
        timezone: "UTC",
        server_time: floor.server_time().millis(),
        rate_limits: [RateLimit {
            rate_limit_type: "REQUEST_WEIGHT",
            interval: "MINUTE",
            interval_num: 1,
            limit: super::super::windows::SPOT_WEIGHT_1M,
        }],
        exchange_filters: [],
        symbols: wanted.map(symbol_info).collect(),
    })
}

fn symbol_info(card: &Card) -> SymbolInfo {
    let filters = &card.instrument.filters;
    SymbolInfo {
        symbol: card.instrument.symbol,
        status: "TRADING",
        base_asset: card.base_asset().to_owned(),
        base_asset_precision: PLACES,
        quote_asset: "USDT",
        quote_precision: PLACES,
        quote_asset_precision: PLACES,
        order_types: ["LIMIT", "LIMIT_MAKER", "MARKET"],
        is_spot_trading_allowed: false,
        is_margin_trading_allowed: false,
        filters: [
            Filter::PriceFilter {
                min_price: price(filters.min_price),
                max_price: price(filters.max_price),
                tick_size: price(filters.tick_size),
            },
            Filter::LotSize {
                min_qty: quantity(filters.min_quantity),
                max_qty: quantity(filters.max_quantity),
                step_size: quantity(filters.step_size),
            },
            Filter::Notional {
                min_notional: words::padded(filters.min_notional.units(), PLACES),
                apply_min_to_market: true,
            },
        ],
        permissions: [],
    }
}
