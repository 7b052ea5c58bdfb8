//! Frames of candles and of the day's trading (exchange-api.md 2.4).
//!
//! A candle is told every 250 ms while it trades, and once more, as final, when it is over; a candle
//! in which nothing traded is never told.

use serde::Serialize;

use crate::domain::{Symbol, Timestamp};
use crate::sim::{Candle, Exchange, INTERVALS, Interval};

use super::super::rest::klines::DayText;
use super::super::words::{self, Places};
use super::hub::Hub;
use super::market_frames::{USD_MARGINED, to_text};
use super::route::Route;

/// How often a trading candle is told.
const CANDLE_EVERY_MS: i64 = 250;

/// How often the day's trading is told.
pub(super) const TICKER_EVERY_MS: i64 = 2_000;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 3_600_000;

/// The two frames of a day's trading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DayFrame {
    Whole,
    Mini,
}

impl DayFrame {
    pub(super) const ALL: [Self; 2] = [Self::Whole, Self::Mini];

    /// How its streams are named.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Whole => "ticker",
            Self::Mini => "miniTicker",
        }
    }
}

/// What has been told of one symbol's candles.
#[derive(Debug)]
pub(super) struct CandleFrames {
    symbol: Symbol,
    lower: String,
    places: Places,
    /// The minute of the newest trade.
    minute: i64,
    /// When the candle that trades now opened, by interval.
    open: [Option<i64>; INTERVALS.len()],
    /// Candles that are over and not yet told so: interval and opening.
    over: Vec<(Interval, i64)>,
    has_traded: bool,
    candle_slot: i64,
    ticker_slot: i64,
}

impl CandleFrames {
    pub(super) fn new(symbol: Symbol, lower: String, places: Places) -> Self {
        Self {
            symbol,
            lower,
            places,
            minute: i64::MIN,
            open: [None; INTERVALS.len()],
            over: Vec::new(),
            has_traded: false,
            candle_slot: 0,
            ticker_slot: 0,
        }
    }

    /// Notes a trade.
    pub(super) fn trade(&mut self, time: Timestamp) {
        self.has_traded = true;
        let minute = time.millis().div_euclid(MINUTE_MS);
        if minute == self.minute {
            return;
        }
        self.minute = minute;
        for interval in INTERVALS {
            let opened = interval.open_of(time.millis());
            let before = self.open[interval.index()].replace(opened);
            self.over.extend(before.filter(|open| *open != opened).map(|open| (interval, open)));
        }
    }

    /// Tells what is due.
    pub(super) fn flush(&mut self, hub: &mut Hub, exchange: &Exchange, now: Timestamp) {
        let slot = now.millis().div_euclid(CANDLE_EVERY_MS);
        if slot == self.candle_slot {
            return;
        }
        self.candle_slot = slot;
        for interval in INTERVALS {
            let open = &mut self.open[interval.index()];
            if let Some(ended) = open.take_if(|open| interval.close_of(*open) < now.millis()) {
                self.over.push((interval, ended));
                self.minute = i64::MIN; // the next trade opens it anew
            }
        }
        for (interval, open_ms) in std::mem::take(&mut self.over) {
            self.tell(hub, exchange, (interval, open_ms, true), now);
        }
        if std::mem::take(&mut self.has_traded) {
            for interval in INTERVALS {
                if let Some(open_ms) = self.open[interval.index()] {
                    self.tell(hub, exchange, (interval, open_ms, false), now);
                }
            }
        }
        let slot = now.millis().div_euclid(TICKER_EVERY_MS);
        if slot != self.ticker_slot {
            self.ticker_slot = slot;
            for kind in DayFrame::ALL {
                let name = format!("{}@{}", self.lower, kind.name());
                if hub.is_heard(Route::Market, &name)
                    && let Some(frame) = self.day(exchange, kind, now)
                {
                    hub.publish(Route::Market, &name, || frame);
                }
            }
        }
    }

    /// The frame of a day's trading; `None` if there has been none.
    pub(super) fn day(
        &self,
        exchange: &Exchange,
        kind: DayFrame,
        now: Timestamp,
    ) -> Option<String> {
        let day = exchange.day(self.symbol)?;
        Some(match kind {
            DayFrame::Whole => to_text(&self.ticker(exchange, &day, now)),
            DayFrame::Mini => to_text(&self.mini_ticker(&day, now)),
        })
    }

    fn tell(
        &self,
        hub: &mut Hub,
        exchange: &Exchange,
        (interval, open_ms, is_final): (Interval, i64, bool),
        now: Timestamp,
    ) {
        let Some(candle) = exchange.candle(self.symbol, interval, open_ms) else { return };
        let name = format!("{}@kline_{}", self.lower, interval.name());
        for route in [Route::Market, Route::Spot] {
            hub.publish(route, &name, || {
                to_text(&CandleFrame {
                    e: "kline",
                    event_time: now.millis(),
                    s: self.symbol,
                    k: CandlePart::new(self, interval, &candle, is_final),
                })
            });
        }
    }

    fn ticker(&self, exchange: &Exchange, day: &Candle, now: Timestamp) -> TickerFrame {
        let (places, text) = (self.places, DayText::new(self.places, day));
        let last = exchange.recent_trades(self.symbol, 1).pop();
        let (first_id, last_id) = day.ids.unwrap_or_default();
        TickerFrame {
            e: "24hrTicker",
            event_time: now.millis(),
            s: self.symbol,
            ps: self.symbol,
            p: text.price_change,
            percent: text.price_change_percent,
            w: text.weighted_average,
            c: places.price(day.close),
            last_quantity: places.quantity(last.map(|trade| trade.quantity).unwrap_or_default()),
            o: places.price(day.open),
            h: places.price(day.high),
            l: places.price(day.low),
            v: text.volume,
            q: text.quote_volume,
            open_time: now.millis() - DAY_MS,
            close_time: now.millis(),
            first_id: first_id.0,
            last_id: last_id.0,
            n: day.trades,
            st: USD_MARGINED,
        }
    }

    fn mini_ticker(&self, day: &Candle, now: Timestamp) -> MiniTickerFrame {
        let (places, text) = (self.places, DayText::new(self.places, day));
        MiniTickerFrame {
            e: "24hrMiniTicker",
            event_time: now.millis(),
            s: self.symbol,
            ps: self.symbol,
            c: places.price(day.close),
            o: places.price(day.open),
            h: places.price(day.high),
            l: places.price(day.low),
            v: text.volume,
            q: text.quote_volume,
            st: USD_MARGINED,
        }
    }
}

#[derive(Serialize)]
struct CandleFrame {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: Symbol,
    k: CandlePart,
}

#[derive(Serialize)]
struct CandlePart {
    t: i64,
    #[serde(rename = "T")]
    close_time: i64,
    s: Symbol,
    i: &'static str,
    f: i64,
    #[serde(rename = "L")]
    last_id: i64,
    o: String,
    c: String,
    h: String,
    l: String,
    v: String,
    n: u64,
    x: bool,
    q: String,
    #[serde(rename = "V")]
    taker_buy_volume: String,
    #[serde(rename = "Q")]
    taker_buy_quote_volume: String,
    #[serde(rename = "B")]
    unused: &'static str,
}

impl CandlePart {
    fn new(of: &CandleFrames, interval: Interval, candle: &Candle, is_final: bool) -> Self {
        let places = of.places;
        let id = |id: u64| i64::try_from(id).unwrap_or(-1);
        Self {
            t: candle.open_ms,
            close_time: candle.close_ms,
            s: of.symbol,
            i: interval.name(),
            f: candle.ids.map_or(-1, |(first, _)| id(first.0)),
            last_id: candle.ids.map_or(-1, |(_, last)| id(last.0)),
            o: places.price(candle.open),
            c: places.price(candle.close),
            h: places.price(candle.high),
            l: places.price(candle.low),
            v: words::padded_wide(candle.volume, places.quantity),
            n: candle.trades,
            x: is_final,
            q: words::padded_wide(candle.quote_volume, places.quote()),
            taker_buy_volume: words::padded_wide(candle.taker_buy_volume, places.quantity),
            taker_buy_quote_volume: words::padded_wide(
                candle.taker_buy_quote_volume,
                places.quote(),
            ),
            unused: "0",
        }
    }
}

#[derive(Serialize)]
struct TickerFrame {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: Symbol,
    ps: Symbol,
    p: String,
    #[serde(rename = "P")]
    percent: String,
    w: String,
    c: String,
    #[serde(rename = "Q")]
    last_quantity: String,
    o: String,
    h: String,
    l: String,
    v: String,
    q: String,
    #[serde(rename = "O")]
    open_time: i64,
    #[serde(rename = "C")]
    close_time: i64,
    #[serde(rename = "F")]
    first_id: u64,
    #[serde(rename = "L")]
    last_id: u64,
    n: u64,
    st: u8,
}

#[derive(Serialize)]
struct MiniTickerFrame {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: Symbol,
    ps: Symbol,
    c: String,
    o: String,
    h: String,
    l: String,
    v: String,
    q: String,
    st: u8,
}
