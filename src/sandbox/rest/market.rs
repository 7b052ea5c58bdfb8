//! Market data anyone may ask for.

use serde::Serialize;

use crate::book::{Level, PublicTrade};
use crate::domain::{Amount, Symbol};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::windows::RateLimits;
use super::super::words::{self, Places};
use super::{Answer, to_json};

/// The depths that may be asked for.
const DEPTHS: [usize; 7] = [5, 10, 20, 50, 100, 500, 1_000];

/// The venue's spelling of "perpetual".
const NEVER_DELIVERED: i64 = 4_133_404_800_000;

pub(super) fn ping(_: &mut Floor, _: &Parameters) -> Answer {
    Ok("{}".to_owned())
}

pub(super) fn time(floor: &mut Floor, _: &Parameters) -> Answer {
    Ok(format!(r#"{{"serverTime":{}}}"#, floor.server_time().millis()))
}

/// Price and quantity as the venue writes a level.
pub(in crate::sandbox) fn level_text(places: Places, level: &Level) -> (String, String) {
    (places.price(level.price), places.quantity(level.quantity))
}

#[derive(Serialize)]
struct Depth {
    #[serde(rename = "lastUpdateId")]
    last_update_id: u64,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    transaction_time: i64,
    bids: Vec<(String, String)>,
    asks: Vec<(String, String)>,
}

pub(super) fn depth(floor: &mut Floor, parameters: &Parameters) -> Answer {
    book(floor, parameters, &DEPTHS, 500)
}

/// The whole book with the orders of selected makers, of whom there are none here.
pub(super) fn rpi_depth(floor: &mut Floor, parameters: &Parameters) -> Answer {
    book(floor, parameters, &[1_000], 1_000)
}

fn book(floor: &Floor, parameters: &Parameters, depths: &[usize], usual: usize) -> Answer {
    let symbol = parameters.symbol()?;
    let places = floor.card(symbol)?.places;
    let limit = parameters.integer("limit")?.unwrap_or(usual);
    if !depths.contains(&limit) {
        return Err(Refusal::bad_value("limit"));
    }
    let book = floor.exchange.depth(symbol, limit).ok_or_else(Refusal::bad_symbol)?;
    let now = floor.now().millis();
    to_json(&Depth {
        last_update_id: book.last_update_id,
        event_time: now,
        transaction_time: now,
        bids: book.bids.iter().map(|level| level_text(places, level)).collect(),
        asks: book.asks.iter().map(|level| level_text(places, level)).collect(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trade {
    id: u64,
    price: String,
    qty: String,
    quote_qty: String,
    time: i64,
    is_buyer_maker: bool,
    #[serde(rename = "isRPITrade")]
    is_rpi_trade: bool,
}

impl Trade {
    fn new(places: Places, trade: &PublicTrade) -> Self {
        let quote = Amount::notional(trade.price, trade.quantity).unwrap_or_default();
        Self {
            id: trade.trade_id.0,
            price: places.price(trade.price),
            qty: places.quantity(trade.quantity),
            quote_qty: words::padded(quote.units(), places.price),
            time: trade.trade_time.millis(),
            is_buyer_maker: trade.buyer_is_maker,
            is_rpi_trade: false,
        }
    }
}

pub(super) fn trades(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let (places, trades) = recent_trades(floor, parameters)?;
    to_json(&trades.iter().map(|trade| Trade::new(places, trade)).collect::<Vec<_>>())
}

/// Trades from an id on, among those kept.
pub(super) fn historical_trades(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let from_id: u64 = parameters.integer("fromId")?.unwrap_or(0);
    let symbol = parameters.symbol()?;
    let places = floor.card(symbol)?.places;
    let limit = parameters.limit(500, 1_000)?;
    let kept = floor.exchange.recent_trades(symbol, 1_000);
    let known = &kept[kept.partition_point(|trade| trade.trade_id.0 < from_id)..];
    let rows = if from_id == 0 {
        &known[known.len().saturating_sub(limit)..]
    } else {
        &known[..known.len().min(limit)]
    };
    to_json(&rows.iter().map(|trade| Trade::new(places, trade)).collect::<Vec<_>>())
}

fn recent_trades(
    floor: &Floor,
    parameters: &Parameters,
) -> Result<(Places, Vec<PublicTrade>), Refusal> {
    let symbol = parameters.symbol()?;
    let places = floor.card(symbol)?.places;
    let limit = parameters.limit(500, 1_000)?;
    Ok((places, floor.exchange.recent_trades(symbol, limit)))
}

#[derive(Serialize)]
struct AggregateTrade {
    a: u64,
    p: String,
    q: String,
    nq: String,
    f: u64,
    l: u64,
    #[serde(rename = "T")]
    time: i64,
    m: bool,
}

/// Aggregate trades of less than an hour are told at once.
const WIDEST_AGGREGATES_MS: i64 = 3_600_000 - 1;

/// The newest aggregates; what is asked beyond those kept is not found.
pub(super) fn aggregate_trades(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let from_id: Option<u64> = parameters.integer("fromId")?;
    let (since, until) = parameters.span(WIDEST_AGGREGATES_MS)?;
    let limit = parameters.limit(500, 1_000)?;
    let symbol = parameters.symbol()?;
    let places = floor.card(symbol)?.places;
    let aggregates = floor.market.aggregates(symbol).ok_or_else(Refusal::bad_symbol)?;
    let wanted = aggregates.iter().filter(|(id, trade)| {
        from_id.is_none_or(|from| *id >= from)
            && since.is_none_or(|since| trade.trade_time >= since)
            && until.is_none_or(|until| trade.trade_time <= until)
    });
    let mut rows: Vec<AggregateTrade> = wanted
        .map(|(id, trade)| AggregateTrade {
            a: *id,
            p: places.price(trade.price),
            q: places.quantity(trade.quantity),
            nq: places.quantity(trade.quantity),
            f: trade.trade_id.0,
            l: trade.trade_id.0,
            time: trade.trade_time.millis(),
            m: trade.buyer_is_maker,
        })
        .collect();
    if from_id.is_none() && since.is_none() {
        rows.drain(..rows.len().saturating_sub(limit));
    }
    rows.truncate(limit);
    to_json(&rows)
}

/// One row if a symbol is asked for, else a list of all.
pub(super) fn one_or_all<T: Serialize>(
    floor: &Floor,
    parameters: &Parameters,
    row: impl Fn(&Floor, Symbol, &Card) -> Option<T>,
) -> Answer {
    if let Some(symbol) = parameters.optional_symbol()? {
        let found = row(floor, symbol, floor.card(symbol)?);
        return to_json(&found.ok_or_else(Refusal::no_market_yet)?);
    }
    let rows: Vec<T> =
        floor.cards.iter().filter_map(|(symbol, card)| row(floor, *symbol, card)).collect();
    to_json(&rows)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PremiumIndex {
    symbol: Symbol,
    mark_price: String,
    index_price: String,
    estimated_settle_price: String,
    last_funding_rate: String,
    interest_rate: String,
    next_funding_time: i64,
    time: i64,
}

pub(super) fn premium_index(floor: &mut Floor, parameters: &Parameters) -> Answer {
    one_or_all(floor, parameters, |floor, symbol, _| {
        let mark = floor.exchange.mark_price(symbol)?;
        let funding = floor.exchange.funding(symbol)?;
        let price = words::padded(mark.price.units(), 8);
        let now = floor.now().millis();
        Some(PremiumIndex {
            symbol,
            mark_price: price.clone(),
            index_price: price.clone(),
            estimated_settle_price: price,
            last_funding_rate: words::padded(funding.rate.units(), 8),
            interest_rate: words::padded(funding.interest.units(), 8),
            next_funding_time: funding.next_time.millis(),
            time: now,
        })
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BookTicker {
    symbol: Symbol,
    bid_price: String,
    bid_qty: String,
    ask_price: String,
    ask_qty: String,
    time: i64,
}

pub(super) fn book_ticker(floor: &mut Floor, parameters: &Parameters) -> Answer {
    one_or_all(floor, parameters, |floor, symbol, card| {
        let book = floor.exchange.depth(symbol, 1)?;
        // A side that holds nothing is told as zeros.
        let best = |levels: &[Level]| levels.first().copied().unwrap_or_default();
        let (bid_price, bid_qty) = level_text(card.places, &best(&book.bids));
        let (ask_price, ask_qty) = level_text(card.places, &best(&book.asks));
        Some(BookTicker {
            symbol,
            bid_price,
            bid_qty,
            ask_price,
            ask_qty,
            time: floor.now().millis(),
        })
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RateLimit {
    rate_limit_type: &'static str,
    interval: &'static str,
    interval_num: u32,
    limit: u32,
}

/// The limits on new orders, or on everything.
pub(super) fn rate_limits(limits: RateLimits, orders_only: bool) -> Vec<RateLimit> {
    let row = |rate_limit_type, interval, interval_num, limit| RateLimit {
        rate_limit_type,
        interval,
        interval_num,
        limit,
    };
    let mut rows = vec![
        row("ORDERS", "MINUTE", 1, limits.orders_1m),
        row("ORDERS", "SECOND", 10, limits.orders_10s),
    ];
    if !orders_only {
        rows.insert(0, row("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_1m));
    }
    rows
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExchangeInfo {
    timezone: &'static str,
    server_time: i64,
    futures_type: &'static str,
    rate_limits: Vec<RateLimit>,
    exchange_filters: [(); 0],
    assets: [AssetInfo; 1],
    symbols: Vec<SymbolInfo>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AssetInfo {
    asset: &'static str,
    margin_available: bool,
    auto_asset_exchange: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SymbolInfo {
    symbol: Symbol,
    pair: Symbol,
    contract_type: &'static str,
    delivery_date: i64,
    onboard_date: i64,
    status: &'static str,
    maint_margin_percent: &'static str,
    required_margin_percent: &'static str,
    base_asset: String,
    quote_asset: &'static str,
    margin_asset: &'static str,
    price_precision: usize,
    quantity_precision: usize,
    base_asset_precision: u8,
    quote_precision: u8,
    underlying_type: &'static str,
    underlying_sub_type: [&'static str; 1],
    trigger_protect: &'static str,
    liquidation_fee: &'static str,
    market_take_bound: &'static str,
    max_move_order_limit: u32,
    filters: Vec<Filter>,
    order_types: [&'static str; 7],
    time_in_force: [&'static str; 5],
    permission_sets: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(tag = "filterType", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
#[expect(clippy::enum_variant_names, reason = "the venue's names")]
enum Filter {
    PriceFilter {
        min_price: String,
        max_price: String,
        tick_size: String,
    },
    LotSize {
        min_qty: String,
        max_qty: String,
        step_size: String,
    },
    MarketLotSize {
        min_qty: String,
        max_qty: String,
        step_size: String,
    },
    MaxNumOrders {
        limit: u32,
    },
    MinNotional {
        notional: String,
    },
    PercentPrice {
        multiplier_up: String,
        multiplier_down: String,
        multiplier_decimal: &'static str,
    },
    PositionRiskControl {
        position_control_side: &'static str,
    },
}

pub(super) fn exchange_info(floor: &mut Floor, _: &Parameters) -> Answer {
    to_json(&ExchangeInfo {
        timezone: "UTC",
        server_time: floor.server_time().millis(),
        futures_type: "U_MARGINED",
        rate_limits: rate_limits(floor.windows.limits(), false),
        exchange_filters: [],
        assets: [AssetInfo { asset: "USDT", margin_available: true, auto_asset_exchange: "0" }],
        symbols: floor.cards.values().map(|card| symbol_info(floor, card)).collect(),
    })
}

fn symbol_info(floor: &Floor, card: &Card) -> SymbolInfo {
    let symbol = card.instrument.symbol;
    let status = floor.exchange.trading_status(symbol).unwrap_or_default();
    SymbolInfo {
        symbol,
        pair: symbol,
        contract_type: "PERPETUAL",
        delivery_date: NEVER_DELIVERED,
        onboard_date: 1_567_965_300_000,
        status: words::trading_status(status),
        maint_margin_percent: "2.5000",
        required_margin_percent: "5.0000",
        base_asset: card.base_asset().to_owned(),
        quote_asset: "USDT",
        margin_asset: "USDT",
        price_precision: card.places.price,
        quantity_precision: card.places.quantity,
        base_asset_precision: 8,
        quote_precision: 8,
        underlying_type: "COIN",
        underlying_sub_type: ["Layer-1"],
        trigger_protect: "0.0500",
        liquidation_fee: "0.012500",
        market_take_bound: "0.05",
        max_move_order_limit: 10_000,
        filters: filters(card),
        order_types: [
            "LIMIT",
            "MARKET",
            "STOP",
            "STOP_MARKET",
            "TAKE_PROFIT",
            "TAKE_PROFIT_MARKET",
            "TRAILING_STOP_MARKET",
        ],
        time_in_force: ["GTC", "IOC", "FOK", "GTX", "GTD"],
        permission_sets: ["GRID"],
    }
}

fn filters(card: &Card) -> Vec<Filter> {
    let (places, filters) = (card.places, &card.instrument.filters);
    let lot = |largest| {
        (places.quantity(filters.min_quantity), largest, places.quantity(filters.step_size))
    };
    let (min_qty, max_qty, step_size) = lot(places.quantity(filters.max_quantity));
    let market = lot(places.quantity(filters.max_market_quantity));
    vec![
        Filter::PriceFilter {
            min_price: places.price(filters.min_price),
            max_price: places.price(filters.max_price),
            tick_size: places.price(filters.tick_size),
        },
        Filter::LotSize { min_qty, max_qty, step_size },
        Filter::MarketLotSize { min_qty: market.0, max_qty: market.1, step_size: market.2 },
        Filter::MaxNumOrders { limit: filters.max_open_orders },
        Filter::MinNotional { notional: words::padded(filters.min_notional.units(), 0) },
        Filter::PercentPrice {
            multiplier_up: words::rate(filters.multiplier_up),
            multiplier_down: words::rate(filters.multiplier_down),
            multiplier_decimal: "4",
        },
        Filter::PositionRiskControl { position_control_side: "NONE" },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::*;
    use crate::domain::Timestamp;
    use crate::sandbox::{SandboxSettings, listings};
    use crate::sim::{Exchange, ExchangeSettings, InstrumentSettings, Liquidity};

    #[test]
    fn the_best_prices_of_an_empty_book_are_zeros() {
        let instrument = listings::instrument("BTCUSDT").unwrap();
        let instruments = vec![InstrumentSettings { instrument, liquidity: Liquidity::Accounts }];
        let start = Timestamp::from_seconds(1_700_000_000);
        let exchange = Exchange::new(&ExchangeSettings { instruments, seed: 1 }, start).unwrap();
        let mut floor = Floor::new(exchange, &SandboxSettings::for_seed(1));
        let request = Request {
            method: "GET".to_owned(),
            path: "/fapi/v1/ticker/bookTicker".to_owned(),
            query: "symbol=BTCUSDT".to_owned(),
            ..Request::default()
        };
        let reply = floor.serve(start, &request);
        assert_eq!(reply.status, 200, "{}", reply.body);
        let row: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        for name in ["bidPrice", "bidQty", "askPrice", "askQty"] {
            let number: Amount = row[name].as_str().unwrap().parse().unwrap();
            assert!(number.is_zero(), "{name}: {}", reply.body);
        }
    }
}
