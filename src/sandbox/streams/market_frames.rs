//! Frames of the public and market streams (exchange-api.md 2.4).
//!
//! The exchange makes depth events every 100 ms; the slower streams are merged from them. Partial
//! depth is taken from the book at the moment of the diff it goes with.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::book::{BookTicker, DepthUpdate, Level, MarkPrice, MarketEvent, PublicTrade};
use crate::domain::{Symbol, Timestamp};
use crate::sim::Exchange;

use super::super::card::Card;
use super::super::rest::level_text;
use super::super::words::{self, Places};
use super::aggregates::Aggregates;
use super::candle_frames::{CandleFrames, DayFrame, TICKER_EVERY_MS};
use super::hub::Hub;
use super::merge::Merge;
use super::route::Route;
use super::spot_frames::SpotFrames;

/// How the names of the fastest depth streams end.
const FASTEST: &str = "@100ms";

/// The slower speeds of depth streams: how their names end, and how often they come.
const SLOWER: [(&str, i64); 2] = [("", 250), ("@500ms", 500)];

/// The depths of partial streams.
const PARTIAL_DEPTHS: [usize; 3] = [5, 10, 20];

/// The exchange's word for "USD-margined".
pub(super) const USD_MARGINED: u8 = 1;

/// Makes the frames of every listed symbol.
#[derive(Debug)]
pub(in crate::sandbox) struct MarketFrames {
    symbols: BTreeMap<Symbol, SymbolFrames>,
    /// When all tickers were last told together.
    ticker_slot: i64,
    /// The second in which all mark prices were last told together.
    mark_second: i64,
}

#[derive(Debug)]
struct SymbolFrames {
    symbol: Symbol,
    lower: String,
    places: Places,
    slower: [Merge; 2],
    aggregates: Aggregates,
    candles: CandleFrames,
    spot: SpotFrames,
    /// The speeds whose next frame goes missing, by how their names end.
    dropping: Vec<&'static str>,
}

impl MarketFrames {
    /// Frames of the listed symbols; trades from before are kept for those who ask by id.
    pub(in crate::sandbox) fn new<'a>(
        cards: impl Iterator<Item = &'a Card>,
        exchange: &Exchange,
    ) -> Self {
        let frames = |card: &Card| {
            let mut frames = SymbolFrames::new(card, exchange.ids_skipped());
            for trade in exchange.recent_trades(card.instrument.symbol, Aggregates::KEPT) {
                frames.aggregates.add(&trade);
            }
            (card.instrument.symbol, frames)
        };
        Self { symbols: cards.map(frames).collect(), ticker_slot: 0, mark_second: 0 }
    }

    /// Publishes what a market event says, on every stream that carries it.
    pub(in crate::sandbox) fn publish(
        &mut self,
        hub: &mut Hub,
        exchange: &Exchange,
        time: Timestamp,
        event: &MarketEvent,
    ) {
        let Some(frames) = self.symbols.get_mut(&event.symbol()) else { return };
        match event {
            MarketEvent::Depth(update) => frames.depth(hub, exchange, time, update),
            MarketEvent::Trade(trade) => frames.trade(hub, time, trade),
            MarketEvent::BookTicker(ticker) => frames.book_ticker(hub, time, ticker),
            MarketEvent::MarkPrice(mark) => frames.mark_price(hub, exchange, mark),
            MarketEvent::Snapshot(_) => {}
        }
    }

    /// Lets the next depth frame of every speed of a symbol go missing.
    pub(in crate::sandbox) fn drop_next_depth(&mut self, symbol: Symbol) {
        if let Some(frames) = self.symbols.get_mut(&symbol) {
            frames.dropping = SLOWER.iter().map(|(suffix, _)| *suffix).chain([FASTEST]).collect();
        }
    }

    /// The aggregated trades of a listed symbol.
    pub(in crate::sandbox) fn aggregates(&self, symbol: Symbol) -> Option<&Aggregates> {
        self.symbols.get(&symbol).map(|frames| &frames.aggregates)
    }

    /// Sends merged depth whose time has come though nothing new happened.
    pub(in crate::sandbox) fn flush(&mut self, hub: &mut Hub, exchange: &Exchange, now: Timestamp) {
        for frames in self.symbols.values_mut() {
            frames.flush(hub, exchange, now);
        }
        self.tell_days(hub, exchange, now);
        self.tell_marks(hub, exchange, now);
    }

    /// Tells what every symbol has traded in a day, on one stream.
    fn tell_days(&mut self, hub: &mut Hub, exchange: &Exchange, now: Timestamp) {
        let slot = now.millis().div_euclid(TICKER_EVERY_MS);
        if slot != self.ticker_slot {
            self.ticker_slot = slot;
            for kind in DayFrame::ALL {
                hub.publish(Route::Market, &format!("!{}@arr", kind.name()), || {
                    let days = self.symbols.values();
                    let told: Vec<String> =
                        days.filter_map(|of| of.candles.day(exchange, kind, now)).collect();
                    format!("[{}]", told.join(","))
                });
            }
        }
    }

    /// Tells every symbol's mark price, on one stream each second and on one each third second.
    fn tell_marks(&mut self, hub: &mut Hub, exchange: &Exchange, now: Timestamp) {
        let second = now.millis().div_euclid(1_000);
        if second == self.mark_second {
            return;
        }
        self.mark_second = second;
        let names = [("!markPrice@arr@1s", true), ("!markPrice@arr", second.rem_euclid(3) == 0)];
        for (name, _) in names.iter().filter(|(_, is_due)| *is_due) {
            hub.publish(Route::Market, name, || {
                let marks = self.symbols.values().filter_map(|of| {
                    let mark = exchange.mark_price(of.symbol)?;
                    Some(of.mark_frame(exchange, &mark))
                });
                format!("[{}]", marks.collect::<Vec<String>>().join(","))
            });
        }
    }
}

impl SymbolFrames {
    fn new(card: &Card, ids_skipped: u64) -> Self {
        Self {
            symbol: card.instrument.symbol,
            lower: card.lower.clone(),
            places: card.places,
            slower: SLOWER.map(|(_, interval_ms)| Merge::new(interval_ms)),
            aggregates: Aggregates::after(ids_skipped),
            candles: CandleFrames::new(card.instrument.symbol, card.lower.clone(), card.places),
            spot: SpotFrames::new(card.instrument.symbol, card.lower.clone()),
            dropping: Vec::new(),
        }
    }

    fn depth(&mut self, hub: &mut Hub, exchange: &Exchange, time: Timestamp, update: &DepthUpdate) {
        self.send_depth(hub, exchange, FASTEST, update);
        self.spot.depth(hub, exchange, update);
        for merge in &mut self.slower {
            merge.add(update);
        }
        self.flush(hub, exchange, time);
    }

    fn flush(&mut self, hub: &mut Hub, exchange: &Exchange, now: Timestamp) {
        for (at, (suffix, _)) in SLOWER.iter().enumerate() {
            if let Some(update) = self.slower[at].take_due(now) {
                self.send_depth(hub, exchange, suffix, &update);
            }
        }
        self.candles.flush(hub, exchange, now);
        self.spot.flush(hub, exchange, now);
    }

    /// Sends a diff and the partial books that go with it.
    fn send_depth(
        &mut self,
        hub: &mut Hub,
        exchange: &Exchange,
        suffix: &str,
        update: &DepthUpdate,
    ) {
        if let Some(at) = self.dropping.iter().position(|dropped| *dropped == suffix) {
            self.dropping.swap_remove(at);
            return;
        }
        let name = format!("{}@depth{suffix}", self.lower);
        hub.publish(Route::Public, &name, || self.depth_frame(update, &update.bids, &update.asks));
        for levels in PARTIAL_DEPTHS {
            let name = format!("{}@depth{levels}{suffix}", self.lower);
            hub.publish(Route::Public, &name, || match exchange.depth(self.symbol, levels) {
                Some(book) => self.depth_frame(update, &book.bids, &book.asks),
                None => self.depth_frame(update, &[], &[]),
            });
        }
    }

    fn depth_frame(&self, update: &DepthUpdate, bids: &[Level], asks: &[Level]) -> String {
        let level = |level: &Level| level_text(self.places, level);
        to_text(&DepthFrame {
            e: "depthUpdate",
            event_time: update.event_time.millis(),
            transaction_time: update.transaction_time.unwrap_or(update.event_time).millis(),
            s: self.symbol,
            ps: self.symbol,
            st: USD_MARGINED,
            first: update.first_update_id,
            last: update.final_update_id,
            pu: update.previous_final_update_id.unwrap_or(0),
            b: bids.iter().map(level).collect(),
            a: asks.iter().map(level).collect(),
        })
    }

    fn trade(&mut self, hub: &mut Hub, time: Timestamp, trade: &PublicTrade) {
        self.candles.trade(trade.trade_time);
        self.spot.trade(hub, time, trade);
        let id = self.aggregates.add(trade);
        let quantity = self.places.quantity(trade.quantity);
        hub.publish(Route::Market, &format!("{}@aggTrade", self.lower), || {
            to_text(&TradeFrame {
                e: "aggTrade",
                event_time: time.millis(),
                s: self.symbol,
                a: id,
                p: self.places.price(trade.price),
                q: quantity.clone(),
                nq: quantity,
                f: trade.trade_id.0,
                l: trade.trade_id.0,
                trade_time: trade.trade_time.millis(),
                m: trade.buyer_is_maker,
                st: USD_MARGINED,
            })
        });
    }

    fn book_ticker(&self, hub: &mut Hub, time: Timestamp, ticker: &BookTicker) {
        self.spot.book_ticker(hub, ticker);
        for name in [format!("{}@bookTicker", self.lower), "!bookTicker".to_owned()] {
            hub.publish(Route::Public, &name, || {
                to_text(&TickerFrame {
                    e: "bookTicker",
                    u: ticker.update_id,
                    event_time: time.millis(),
                    transaction_time: time.millis(),
                    s: self.symbol,
                    ps: self.symbol,
                    st: USD_MARGINED,
                    b: self.places.price(ticker.bid.price),
                    bid_quantity: self.places.quantity(ticker.bid.quantity),
                    a: self.places.price(ticker.ask.price),
                    ask_quantity: self.places.quantity(ticker.ask.quantity),
                })
            });
        }
    }

    fn mark_price(&self, hub: &mut Hub, exchange: &Exchange, mark: &MarkPrice) {
        let is_third = mark.event_time.millis().div_euclid(1_000).rem_euclid(3) == 0;
        let names = [("@markPrice@1s", true), ("@markPrice", is_third)];
        for (suffix, _) in names.iter().filter(|(_, is_due)| *is_due) {
            hub.publish(Route::Market, &format!("{}{suffix}", self.lower), || {
                self.mark_frame(exchange, mark)
            });
        }
    }

    fn mark_frame(&self, exchange: &Exchange, mark: &MarkPrice) -> String {
        let price = words::padded(mark.price.units(), 8);
        let funding = exchange.funding(self.symbol);
        to_text(&MarkFrame {
            e: "markPriceUpdate",
            event_time: mark.event_time.millis(),
            s: self.symbol,
            p: price.clone(),
            ap: price.clone(),
            settle_price: price.clone(),
            i: price,
            r: words::padded(funding.map_or(0, |funding| funding.rate.units()), 8),
            next_funding_time: funding.map_or(0, |funding| funding.next_time.millis()),
            st: USD_MARGINED,
        })
    }
}

/// Frames are made of text and numbers: they always serialise.
pub(super) fn to_text(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).unwrap_or_default()
}

#[derive(Serialize)]
struct DepthFrame {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    transaction_time: i64,
    s: Symbol,
    ps: Symbol,
    st: u8,
    #[serde(rename = "U")]
    first: u64,
    #[serde(rename = "u")]
    last: u64,
    pu: u64,
    b: Vec<(String, String)>,
    a: Vec<(String, String)>,
}

#[derive(Serialize)]
struct TradeFrame {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: Symbol,
    a: u64,
    p: String,
    q: String,
    nq: String,
    f: u64,
    l: u64,
    #[serde(rename = "T")]
    trade_time: i64,
    m: bool,
    st: u8,
}

#[derive(Serialize)]
struct TickerFrame {
    e: &'static str,
    u: u64,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    transaction_time: i64,
    s: Symbol,
    ps: Symbol,
    st: u8,
    b: String,
    #[serde(rename = "B")]
    bid_quantity: String,
    a: String,
    #[serde(rename = "A")]
    ask_quantity: String,
}

#[derive(Serialize)]
struct MarkFrame {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: Symbol,
    p: String,
    ap: String,
    #[serde(rename = "P")]
    settle_price: String,
    i: String,
    r: String,
    #[serde(rename = "T")]
    next_funding_time: i64,
    st: u8,
}
