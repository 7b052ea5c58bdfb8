//! Candles and what has been traded in a day (exchange-api.md 2.1, 2.2).

use serde::Serialize;

use crate::domain::Symbol;
use crate::sim::{Candle, CandleQuery, Interval};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words::{self, Places};
use super::market::one_or_all;
use super::{Answer, to_json};

/// Candles asked for unless a number is named.
pub(super) const DEFAULT_ROWS: usize = 500;

/// Candles that may be asked for at once.
const MOST_ROWS: usize = 1_500;

/// A candle as the venue writes it: a list whose last entry means nothing.
pub(super) type Row =
    (i64, String, String, String, String, String, i64, String, u64, String, String, &'static str);

/// What a request for candles counts toward the weight limit.
pub(super) fn weight(parameters: &Parameters) -> u32 {
    match parameters.integer::<u32>("limit") {
        Ok(Some(..=99)) => 1,
        Ok(Some(100..=499)) => 2,
        Ok(Some(1_001..)) => 10,
        Ok(Some(500..=1_000) | None) | Err(_) => 5,
    }
}

pub(super) fn klines(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    let places = floor.card(symbol)?.places;
    let interval = Interval::parse(parameters.required("interval")?)
        .ok_or_else(|| Refusal::new(-1120, "Invalid interval."))?;
    let (since, until) = parameters.span(i64::MAX)?;
    let limit = parameters.limit(DEFAULT_ROWS, MOST_ROWS)?;
    let query = CandleQuery { interval, since, until, limit };
    let rows: Vec<Row> =
        floor.exchange.candles(symbol, &query).iter().map(|candle| row(places, candle)).collect();
    to_json(&rows)
}

fn row(places: Places, candle: &Candle) -> Row {
    (
        candle.open_ms,
        places.price(candle.open),
        places.price(candle.high),
        places.price(candle.low),
        places.price(candle.close),
        words::padded_wide(candle.volume, places.quantity),
        candle.close_ms,
        words::padded_wide(candle.quote_volume, places.quote()),
        candle.trades,
        words::padded_wide(candle.taker_buy_volume, places.quantity),
        words::padded_wide(candle.taker_buy_quote_volume, places.quote()),
        "0",
    )
}

/// What has been traded in a day, as numbers spelled for a symbol.
pub(in crate::sandbox) struct DayText {
    pub(in crate::sandbox) price_change: String,
    pub(in crate::sandbox) price_change_percent: String,
    pub(in crate::sandbox) weighted_average: String,
    pub(in crate::sandbox) volume: String,
    pub(in crate::sandbox) quote_volume: String,
}

impl DayText {
    pub(in crate::sandbox) fn new(places: Places, day: &Candle) -> Self {
        let change = i128::from(day.close.units()) - i128::from(day.open.units());
        let one = i128::from(crate::domain::decimal::UNITS_PER_ONE);
        let percent = (change * 100 * one).checked_div(i128::from(day.open.units())).unwrap_or(0);
        // Three places, as the venue rounds them.
        let percent = percent / 100_000 * 100_000;
        let average = (day.quote_volume * one).checked_div(day.volume).unwrap_or(0);
        Self {
            price_change: words::padded_wide(change, places.price),
            price_change_percent: words::padded_wide(percent, 3),
            weighted_average: words::padded_wide(average, places.price),
            volume: words::padded_wide(day.volume, places.quantity),
            quote_volume: words::padded_wide(day.quote_volume, places.quote()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DayTicker {
    symbol: Symbol,
    price_change: String,
    price_change_percent: String,
    weighted_avg_price: String,
    last_price: String,
    last_qty: String,
    open_price: String,
    high_price: String,
    low_price: String,
    volume: String,
    quote_volume: String,
    open_time: i64,
    close_time: i64,
    first_id: u64,
    last_id: u64,
    count: u64,
}

pub(super) fn day_ticker(floor: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.only(&["symbol"])?;
    one_or_all(floor, parameters, |floor, symbol, card| {
        let day = floor.exchange.day(symbol)?;
        let last = floor.exchange.recent_trades(symbol, 1).pop()?;
        Some(day_row(card, &day, card.places.quantity(last.quantity)))
    })
}

fn day_row(card: &Card, day: &Candle, last_qty: String) -> DayTicker {
    let places = card.places;
    let text = DayText::new(places, day);
    let (first, last) = day.ids.unwrap_or_default();
    DayTicker {
        symbol: card.instrument.symbol,
        price_change: text.price_change,
        price_change_percent: text.price_change_percent,
        weighted_avg_price: text.weighted_average,
        last_price: places.price(day.close),
        last_qty,
        open_price: places.price(day.open),
        high_price: places.price(day.high),
        low_price: places.price(day.low),
        volume: text.volume,
        quote_volume: text.quote_volume,
        open_time: day.open_ms,
        close_time: day.close_ms,
        first_id: first.0,
        last_id: last.0,
        count: day.trades,
    }
}

#[derive(Serialize)]
struct PriceTicker {
    symbol: Symbol,
    price: String,
    time: i64,
}

pub(super) fn price_ticker(floor: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.only(&["symbol"])?;
    one_or_all(floor, parameters, |floor, symbol, card| {
        let price = card.places.price(floor.exchange.last_price(symbol)?);
        Some(PriceTicker { symbol, price, time: floor.now().millis() })
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenInterest {
    open_interest: String,
    symbol: Symbol,
    time: i64,
}

pub(super) fn open_interest(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    let places = floor.card(symbol)?.places;
    parameters.only(&["symbol"])?;
    let open_interest = places.quantity(floor.exchange.open_interest(symbol));
    to_json(&OpenInterest { open_interest, symbol, time: floor.now().millis() })
}
