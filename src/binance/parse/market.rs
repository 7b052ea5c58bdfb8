//! Public REST answers about a market.

use super::{ParseError, exact, rounded, shorten, symbol};
use crate::binance::wire::{self, Text};
use crate::book::{DepthSnapshot, Level, PublicTrade};
use crate::domain::{Price, Rate, Symbol, Timestamp, TradeId};

/// A bar of prices. Volumes are statistics: a month of a cheap coin exceeds exact quantities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kline {
    /// When it begins.
    pub open_time: Timestamp,
    /// The last millisecond in it; the newest bar may still be open.
    pub close_time: Timestamp,
    /// The first price.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The last price.
    pub close: Price,
    /// Traded base asset.
    pub volume: f64,
    /// Traded quote asset.
    pub quote_volume: f64,
    /// Base asset bought by those who took.
    pub taker_buy_volume: f64,
    /// How many trades.
    pub trades: u64,
}

/// What funding goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PremiumIndex {
    /// Of which symbol.
    pub symbol: Symbol,
    /// The mark price.
    pub mark_price: Price,
    /// The index price.
    pub index_price: Price,
    /// The rate of the next funding, as it stands: longs pay if it is positive.
    pub funding_rate: Rate,
    /// When that is; `None` for contracts without funding.
    pub next_funding_time: Option<Timestamp>,
    /// When the venue says so.
    pub time: Timestamp,
}

/// One funding that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingRate {
    /// Of which symbol.
    pub symbol: Symbol,
    /// A fraction of notional: longs paid if it is positive.
    pub rate: Rate,
    /// When.
    pub time: Timestamp,
    /// The mark price it was reckoned by, where told.
    pub mark_price: Option<Price>,
    /// Whether it was an extra one, out of turn.
    pub is_special: bool,
}

/// Terms of funding that differ from every eight hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingTerms {
    /// Of which symbol.
    pub symbol: Symbol,
    /// The highest rate.
    pub cap: Rate,
    /// The lowest rate.
    pub floor: Rate,
    /// Hours between two fundings.
    pub interval_hours: u32,
}

/// A day of trading, as statistics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DayTicker {
    /// Of which symbol.
    pub symbol: Symbol,
    /// The newest price.
    pub last: Price,
    /// The price a day before.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// Traded base asset.
    pub volume: f64,
    /// Traded quote asset.
    pub quote_volume: f64,
    /// How many trades.
    pub trades: u64,
    /// When the venue says so.
    pub time: Timestamp,
}

/// The best prices of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BestPrices {
    /// Of which symbol.
    pub symbol: Symbol,
    /// The best bid.
    pub bid: Level,
    /// The best ask.
    pub ask: Level,
    /// When the venue says so.
    pub time: Timestamp,
}

/// The newest price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastPrice {
    /// Of which symbol.
    pub symbol: Symbol,
    /// The price.
    pub price: Price,
    /// When the venue says so.
    pub time: Timestamp,
}

/// How much is held by all, as a statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenInterest {
    /// Of which symbol.
    pub symbol: Symbol,
    /// In base asset.
    pub contracts: f64,
    /// When the venue says so.
    pub time: Timestamp,
}

/// A whole order book.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_depth(symbol: Symbol, depth: &wire::Depth) -> Result<DepthSnapshot, ParseError> {
    Ok(DepthSnapshot {
        symbol,
        last_update_id: depth.last_update_id,
        bids: levels(&depth.bids)?,
        asks: levels(&depth.asks)?,
    })
}

fn levels(rows: &[(Text, Text)]) -> Result<Vec<Level>, ParseError> {
    rows.iter()
        .map(|(price, quantity)| {
            Ok(Level {
                price: exact("depth", "price", price.as_str())?,
                quantity: exact("depth", "quantity", quantity.as_str())?,
            })
        })
        .collect()
}

/// Recent public trades, oldest first.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_recent_trades(
    symbol: Symbol,
    rows: &[wire::RecentTrade],
) -> Result<Vec<PublicTrade>, ParseError> {
    let trade = |row: &wire::RecentTrade| {
        let of_taker = (row.id, row.time, row.is_buyer_maker);
        book_trade(symbol, of_taker, ("price", &row.price), ("qty", &row.qty))
    };
    rows.iter().map(trade).collect()
}

/// A trade of the book: its id, time and maker, its price and quantity under the venue's names.
fn book_trade(
    symbol: Symbol,
    (id, time, buyer_is_maker): (u64, i64, bool),
    (price_name, price): (&'static str, &wire::Text),
    (quantity_name, quantity): (&'static str, &wire::Text),
) -> Result<PublicTrade, ParseError> {
    Ok(PublicTrade {
        symbol,
        trade_id: TradeId(id),
        price: exact("trade", price_name, price.as_str())?,
        quantity: exact("trade", quantity_name, quantity.as_str())?,
        buyer_is_maker,
        is_book_trade: true,
        trade_time: Timestamp::from_millis(time),
    })
}

/// Bars, oldest first.
///
/// # Errors
/// [`ParseError`] for a row that is too short or a number that is none.
pub fn parse_klines(rows: &[wire::Kline]) -> Result<Vec<Kline>, ParseError> {
    rows.iter().map(kline).collect()
}

fn kline(wire::Kline(row): &wire::Kline) -> Result<Kline, ParseError> {
    const WHAT: &str = "kline";
    // Documented rows pad some numbers with a blank.
    let text = |place: usize, field| {
        let found = row.get(place).map(|text| text.as_str().trim());
        found.ok_or(ParseError::Field { what: WHAT, field, detail: "is missing".to_owned() })
    };
    let price = |place, field| exact(WHAT, field, text(place, field)?);
    let number = |place, field| statistic(WHAT, field, text(place, field)?);
    let time = |place, field| exact(WHAT, field, text(place, field)?).map(Timestamp::from_millis);
    Ok(Kline {
        open_time: time(0, "open time")?,
        open: price(1, "open")?,
        high: price(2, "high")?,
        low: price(3, "low")?,
        close: price(4, "close")?,
        volume: number(5, "volume")?,
        close_time: time(6, "close time")?,
        quote_volume: number(7, "quote volume")?,
        trades: exact(WHAT, "trades", text(8, "trades")?)?,
        taker_buy_volume: number(9, "taker buy volume")?,
    })
}

/// Aggregated public trades, oldest first.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_aggregate_trades(
    symbol: Symbol,
    rows: &[wire::AggregateTrade],
) -> Result<Vec<PublicTrade>, ParseError> {
    let trade = |row: &wire::AggregateTrade| {
        let of_taker = (row.id, row.time, row.is_buyer_maker);
        book_trade(symbol, of_taker, ("p", &row.price), ("q", &row.quantity))
    };
    rows.iter().map(trade).collect()
}

/// What funding goes by.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_premium_index(row: &wire::PremiumIndex) -> Result<PremiumIndex, ParseError> {
    const WHAT: &str = "premium index";
    let has_funding = row.next_funding_time > 0;
    Ok(PremiumIndex {
        symbol: symbol(WHAT, &row.symbol)?,
        mark_price: rounded(WHAT, "markPrice", &row.mark_price)?,
        index_price: rounded(WHAT, "indexPrice", &row.index_price)?,
        funding_rate: rounded(WHAT, "lastFundingRate", &row.last_funding_rate)?,
        next_funding_time: has_funding.then(|| Timestamp::from_millis(row.next_funding_time)),
        time: Timestamp::from_millis(row.time),
    })
}

/// One funding that was.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_funding_rate(row: &wire::FundingRate) -> Result<FundingRate, ParseError> {
    const WHAT: &str = "funding rate";
    let mark_price: Price = rounded(WHAT, "markPrice", &row.mark_price)?;
    Ok(FundingRate {
        symbol: symbol(WHAT, &row.symbol)?,
        rate: rounded(WHAT, "fundingRate", &row.funding_rate)?,
        time: Timestamp::from_millis(row.funding_time),
        mark_price: (!mark_price.is_zero()).then_some(mark_price),
        is_special: row.rate_type.as_ref().is_some_and(|kind| kind.as_str() == "Special"),
    })
}

/// Terms of funding.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_funding_terms(row: &wire::FundingInfo) -> Result<FundingTerms, ParseError> {
    const WHAT: &str = "funding info";
    Ok(FundingTerms {
        symbol: symbol(WHAT, &row.symbol)?,
        cap: rounded(WHAT, "adjustedFundingRateCap", &row.adjusted_funding_rate_cap)?,
        floor: rounded(WHAT, "adjustedFundingRateFloor", &row.adjusted_funding_rate_floor)?,
        interval_hours: row.funding_interval_hours,
    })
}

/// A day of trading.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_day_ticker(row: &wire::DayTicker) -> Result<DayTicker, ParseError> {
    const WHAT: &str = "ticker";
    Ok(DayTicker {
        symbol: symbol(WHAT, &row.symbol)?,
        last: exact(WHAT, "lastPrice", row.last_price.as_str())?,
        open: exact(WHAT, "openPrice", row.open_price.as_str())?,
        high: exact(WHAT, "highPrice", row.high_price.as_str())?,
        low: exact(WHAT, "lowPrice", row.low_price.as_str())?,
        volume: statistic(WHAT, "volume", row.volume.as_str())?,
        quote_volume: statistic(WHAT, "quoteVolume", row.quote_volume.as_str())?,
        trades: row.count,
        time: Timestamp::from_millis(row.close_time),
    })
}

/// The best prices of a book.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_best_prices(row: &wire::BestPrices) -> Result<BestPrices, ParseError> {
    const WHAT: &str = "book ticker";
    let level = |price: &Text, quantity: &Text| {
        Ok(Level {
            price: exact(WHAT, "price", price.as_str())?,
            quantity: exact(WHAT, "quantity", quantity.as_str())?,
        })
    };
    Ok(BestPrices {
        symbol: symbol(WHAT, &row.symbol)?,
        bid: level(&row.bid_price, &row.bid_qty)?,
        ask: level(&row.ask_price, &row.ask_qty)?,
        time: Timestamp::from_millis(row.time),
    })
}

/// The newest price.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_last_price(row: &wire::LastPrice) -> Result<LastPrice, ParseError> {
    Ok(LastPrice {
        symbol: symbol("price ticker", &row.symbol)?,
        price: exact("price ticker", "price", row.price.as_str())?,
        time: Timestamp::from_millis(row.time),
    })
}

/// How much is held by all.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_open_interest(row: &wire::OpenInterest) -> Result<OpenInterest, ParseError> {
    Ok(OpenInterest {
        symbol: symbol("open interest", &row.symbol)?,
        contracts: statistic("open interest", "openInterest", row.open_interest.as_str())?,
        time: Timestamp::from_millis(row.time),
    })
}

/// A number that no order depends on.
fn statistic(what: &'static str, field: &'static str, text: &str) -> Result<f64, ParseError> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| ParseError::Field {
        what,
        field,
        detail: format!("not a number: {:?}", shorten(text)),
    })
}
