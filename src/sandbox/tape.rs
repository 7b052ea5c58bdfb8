//! A recording as the exchange's market: raw messages, replayed at the pace they were made.
//!
//! Each line is a receive time and the venue's JSON, gzipped or not. The exchange lives in the
//! messages' own time, moved as a whole so that the first one happens at the start; receive times
//! are the recorder's business and ignored. Diffs before the snapshot are passed on as they came.
//!
//! Invariants: **1** messages keep the order of the file, and their times never fall; **2** a line
//! that cannot be read is an error naming it, never skipped in silence.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::book::{
    BookTicker, DepthSnapshot, DepthUpdate, Level, MarkPrice, MarketEvent, PublicTrade,
};
use crate::domain::{Price, Quantity, Symbol, Timestamp, TradeId};

/// Why a recording cannot be played.
#[derive(Debug, Error)]
pub enum TapeError {
    /// The file cannot be read.
    #[error("cannot read the recording {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A line is not `<receive time> <exchange JSON>`.
    #[error("line {line} of the recording {path} is not a receive time and a message")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What the parser said.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// Nothing in it says anything about the market.
    #[error("the recording {0} holds no message with a symbol and a time")]
    Empty(PathBuf),
}

/// A recording, and how far it has been played.
#[derive(Debug, Clone)]
pub struct Tape {
    symbol: Symbol,
    messages: Arc<Vec<(Timestamp, MarketEvent)>>,
    played: usize,
}

impl Tape {
    /// Reads a whole recording of one symbol and moves it so that it begins at `start`.
    ///
    /// # Errors
    /// [`TapeError`] naming the file, and the line if one cannot be read.
    pub fn load(path: &Path, start: Timestamp) -> Result<Self, TapeError> {
        let unreadable = |source| TapeError::Read { path: path.to_owned(), source };
        let mut lines = open(path).map_err(unreadable)?;
        let (mut read, mut text, mut number) = (Vec::new(), String::new(), 0);
        while lines.read_line(&mut text).map_err(unreadable)? > 0 {
            number += 1;
            if !text.trim().is_empty() {
                read.push(parse(&text).map_err(|source| TapeError::Line {
                    path: path.to_owned(),
                    line: number,
                    source,
                })?);
            }
            text.clear();
        }
        Self::of(read, start).ok_or_else(|| TapeError::Empty(path.to_owned()))
    }

    fn of(read: Vec<Wire>, start: Timestamp) -> Option<Self> {
        let symbol = read.iter().find_map(Wire::symbol)?;
        let first = read.iter().find_map(Wire::time)?;
        let shift = start.since(first);
        let (mut messages, mut latest) = (Vec::with_capacity(read.len()), start);
        for wire in read {
            latest = wire.time().map_or(latest, |time| (time + shift).max(latest));
            if let Some(event) = wire.into_event(symbol, latest) {
                messages.push((latest, event));
            }
        }
        Some(Self { symbol, messages: Arc::new(messages), played: 0 })
    }

    /// Whose market it is.
    #[must_use]
    pub const fn symbol(&self) -> Symbol {
        self.symbol
    }

    /// When the next message happens; `None` at the end.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        self.messages.get(self.played).map(|(time, _)| *time)
    }

    /// The next message, if it has happened by `now`.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<MarketEvent> {
        let (time, event) = self.messages.get(self.played)?;
        if *time > now {
            return None;
        }
        self.played += 1;
        if self.played == self.messages.len() {
            tracing::info!(symbol = %self.symbol, "the recording has ended: the market stands still");
        }
        Some(event.clone())
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, std::io::Error> {
    let mut file = BufReader::new(std::fs::File::open(path)?);
    let is_gzip = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let plain: Box<dyn Read> =
        if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(Box::new(BufReader::new(plain)))
}

fn parse(line: &str) -> Result<Wire, Option<serde_json::Error>> {
    let (_, json) = line.split_once(' ').ok_or(None)?;
    read_message(json).map_err(Some)
}

fn read_message(json: &str) -> Result<Wire, serde_json::Error> {
    let envelope: Envelope<'_> = serde_json::from_str(json)?;
    let message = envelope.data.map_or(json, RawValue::get);
    let kind: Kind = serde_json::from_str(message)?;
    Ok(match (kind.name.as_deref(), kind.last_update_id) {
        (Some("depthUpdate"), _) => Wire::Depth(serde_json::from_str(message)?),
        (Some("trade"), _) => Wire::Trade(serde_json::from_str(message)?),
        (Some("bookTicker"), _) => Wire::BookTicker(serde_json::from_str(message)?),
        (Some("markPriceUpdate"), _) => Wire::MarkPrice(serde_json::from_str(message)?),
        (None, Some(_)) => Wire::Snapshot(serde_json::from_str(message)?),
        (Some(_) | None, _) => Wire::Other,
    })
}

/// `/stream` wraps a message, `/ws` does not.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// What tells messages apart.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "e")]
    name: Option<String>,
    #[serde(rename = "lastUpdateId")]
    last_update_id: Option<u64>,
}

/// Any recorded message; `Other` says nothing about the market.
enum Wire {
    Depth(DepthWire),
    Trade(TradeWire),
    BookTicker(TickerWire),
    MarkPrice(MarkWire),
    Snapshot(SnapshotWire),
    Other,
}

#[derive(Deserialize)]
struct DepthWire {
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "s")]
    symbol: Symbol,
    #[serde(rename = "U")]
    first: u64,
    #[serde(rename = "u")]
    last: u64,
    pu: Option<u64>,
    #[serde(rename = "b")]
    bids: Vec<(Price, Quantity)>,
    #[serde(rename = "a")]
    asks: Vec<(Price, Quantity)>,
}

#[derive(Deserialize)]
struct TradeWire {
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "s")]
    symbol: Symbol,
    #[serde(rename = "t")]
    id: u64,
    #[serde(rename = "p")]
    price: Price,
    #[serde(rename = "q")]
    quantity: Quantity,
    #[serde(rename = "m")]
    buyer_is_maker: bool,
    /// Futures only: `MARKET` for a trade of the book.
    #[serde(rename = "X")]
    origin: Option<String>,
}

#[derive(Deserialize)]
struct TickerWire {
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "s")]
    symbol: Symbol,
    #[serde(rename = "u")]
    update_id: u64,
    #[serde(rename = "b")]
    bid_price: Price,
    #[serde(rename = "B")]
    bid_quantity: Quantity,
    #[serde(rename = "a")]
    ask_price: Price,
    #[serde(rename = "A")]
    ask_quantity: Quantity,
}

#[derive(Deserialize)]
struct MarkWire {
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "s")]
    symbol: Symbol,
    #[serde(rename = "p")]
    price: Price,
}

#[derive(Deserialize)]
struct SnapshotWire {
    #[serde(rename = "lastUpdateId")]
    last_update_id: u64,
    bids: Vec<(Price, Quantity)>,
    asks: Vec<(Price, Quantity)>,
}

fn levels(pairs: Vec<(Price, Quantity)>) -> Vec<Level> {
    pairs.into_iter().map(|(price, quantity)| Level { price, quantity }).collect()
}

impl Wire {
    const fn symbol(&self) -> Option<Symbol> {
        match self {
            Self::Depth(depth) => Some(depth.symbol),
            Self::Trade(trade) => Some(trade.symbol),
            Self::BookTicker(ticker) => Some(ticker.symbol),
            Self::MarkPrice(mark) => Some(mark.symbol),
            Self::Snapshot(_) | Self::Other => None,
        }
    }

    const fn time(&self) -> Option<Timestamp> {
        let millis = match self {
            Self::Depth(depth) => depth.event_time,
            Self::Trade(trade) => trade.event_time,
            Self::BookTicker(ticker) => ticker.event_time,
            Self::MarkPrice(mark) => mark.event_time,
            Self::Snapshot(_) | Self::Other => return None,
        };
        Some(Timestamp::from_millis(millis))
    }

    /// The message in our words, at the moment it happens here; a second symbol's is left out.
    fn into_event(self, symbol: Symbol, time: Timestamp) -> Option<MarketEvent> {
        if self.symbol().is_some_and(|of| of != symbol) {
            return None;
        }
        let event = match self {
            Self::Depth(depth) => MarketEvent::Depth(DepthUpdate {
                symbol,
                event_time: time,
                transaction_time: Some(time),
                first_update_id: depth.first,
                final_update_id: depth.last,
                previous_final_update_id: depth.pu,
                bids: levels(depth.bids),
                asks: levels(depth.asks),
            }),
            Self::Trade(trade) => MarketEvent::Trade(PublicTrade {
                symbol,
                trade_id: TradeId(trade.id),
                price: trade.price,
                quantity: trade.quantity,
                buyer_is_maker: trade.buyer_is_maker,
                is_book_trade: trade.origin.is_none_or(|origin| origin == "MARKET"),
                trade_time: time,
            }),
            Self::BookTicker(ticker) => MarketEvent::BookTicker(BookTicker {
                symbol,
                update_id: ticker.update_id,
                bid: Level { price: ticker.bid_price, quantity: ticker.bid_quantity },
                ask: Level { price: ticker.ask_price, quantity: ticker.ask_quantity },
            }),
            Self::MarkPrice(mark) => {
                MarketEvent::MarkPrice(MarkPrice { symbol, price: mark.price, event_time: time })
            }
            Self::Snapshot(snapshot) => MarketEvent::Snapshot(DepthSnapshot {
                symbol,
                last_update_id: snapshot.last_update_id,
                bids: levels(snapshot.bids),
                asks: levels(snapshot.asks),
            }),
            Self::Other => return None,
        };
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tape(lines: &[&str]) -> Tape {
        let read = lines.iter().map(|line| parse(line).unwrap()).collect();
        Tape::of(read, Timestamp::from_seconds(1_000)).unwrap()
    }

    #[test]
    fn a_recording_is_moved_as_a_whole_and_keeps_its_order() {
        let mut tape = tape(&[
            r#"9 {"stream":"btcusdt@trade","data":{"e":"trade","E":5000,"T":1,"s":"BTCUSDT","t":1,"p":"100.1","q":"2","X":"MARKET","m":true}}"#,
            r#"10 {"lastUpdateId":7,"bids":[["100","1"]],"asks":[["101","1"]]}"#,
            r#"11 {"e":"markPriceUpdate","E":4900,"s":"BTCUSDT","p":"100.5"}"#,
            r#"12 {"e":"markPriceUpdate","E":6000,"s":"BTCUSDT","p":"100.6"}"#,
            r#"13 {"result":null,"id":1}"#,
        ]);
        let at = |millis: i64| Timestamp::from_millis(1_000_000 + millis);
        assert_eq!(tape.symbol().as_str(), "BTCUSDT");
        assert!(matches!(tape.take_due(at(0)), Some(MarketEvent::Trade(_))));
        assert!(matches!(tape.take_due(at(0)), Some(MarketEvent::Snapshot(_))));
        assert!(matches!(tape.take_due(at(0)), Some(MarketEvent::MarkPrice(_))), "never back");
        assert_eq!((tape.next_time(), tape.take_due(at(999))), (Some(at(1_000)), None));
        assert!(tape.take_due(at(1_000)).is_some() && tape.next_time().is_none());
    }

    #[test]
    fn a_line_that_is_no_message_is_an_error() {
        assert!(parse("no-json-here").is_err());
        for line in ["12 {broken", r#"12 {"e":"depthUpdate","E":"late"}"#] {
            assert!(parse(line).is_err_and(|error| error.is_some()), "{line}");
        }
    }
}
