//! Any text as a market message: no panic, and the same event as a plain typed reading of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lobd::binance::market_data::MarketDataParser;
use lobd::book::{
    BookTicker, DepthUpdate, Level, MarkPrice, MarketDataDecoder, MarketEvent, PublicTrade,
};
use lobd::domain::{Price, Quantity, Symbol, Timestamp, TradeId};
use serde::Deserialize;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let mut parser = MarketDataParser::new();
    let ours = parser.decode(text).map(|event| event.cloned());
    // A parser must not remember: the same text again, through used buffers, gives the same.
    assert_eq!(parser.decode(text).map(|event| event.cloned()), ours);
    // Texts with escapes are nobody's number or name; the parser skips what they spell.
    if text.contains('\\') {
        return;
    }
    match (ours, typed(text)) {
        (Ok(Some(MarketEvent::Snapshot(_))), _) => {}
        (Ok(Some(event)), Typed::Event(expected)) => assert_eq!(event, expected),
        (ours, Typed::Event(expected)) => panic!("{ours:?} instead of {expected:?}"),
        (Ok(Some(event)), Typed::Unlike) => panic!("{event:?} is read of what is none"),
        _ => {}
    }
});

/// What the second reading says.
enum Typed {
    Event(MarketEvent),
    /// It is JSON and no event.
    Unlike,
    /// The second reading is stricter than the venue's promises: it says nothing.
    Unsaid,
}

/// One message with every field of any kind; serde refuses a field told twice.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    e: Value,
    #[serde(rename = "E")]
    event_time: Value,
    #[serde(rename = "T")]
    transaction_time: Value,
    s: Value,
    symbol: Value,
    #[serde(rename = "U")]
    first: Value,
    u: Value,
    pu: Value,
    t: Value,
    p: Value,
    q: Value,
    m: Value,
    #[serde(rename = "X")]
    origin: Value,
    #[serde(alias = "bids")]
    b: Value,
    #[serde(rename = "B")]
    bid_quantity: Value,
    #[serde(alias = "asks")]
    a: Value,
    #[serde(rename = "A")]
    ask_quantity: Value,
    #[serde(rename = "lastUpdateId")]
    last_update_id: Value,
}

/// A combined frame; fields beside these come from no venue.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    stream: Value,
    data: Wire,
}

fn typed(text: &str) -> Typed {
    if !text.contains("\"data\"") {
        return serde_json::from_str::<Wire>(text).map_or(Typed::Unsaid, |wire| wire.event());
    }
    let Ok(Envelope { stream, data }) = serde_json::from_str(text) else { return Typed::Unsaid };
    let is_partial = stream
        .as_str()
        .is_some_and(|name| name.split_once("@depth").is_some_and(|(_, speed)| !speed.is_empty()));
    // `data` within `data` is as strange as fields beside it.
    if is_partial || text.matches("\"data\"").count() > 1 { Typed::Unsaid } else { data.event() }
}

impl Wire {
    fn event(&self) -> Typed {
        let event = match self.e.as_str() {
            Some("depthUpdate") => self.depth(),
            Some("trade" | "aggTrade") => self.trade(),
            Some("bookTicker") => self.ticker(),
            Some("markPriceUpdate") => self.mark(),
            Some(_) => None,
            None if self.last_update_id.is_u64() => return Typed::Unsaid,
            None => self.ticker(),
        };
        event.map_or(Typed::Unlike, Typed::Event)
    }

    fn symbol(&self) -> Option<Symbol> {
        self.s
            .as_str()
            .and_then(|text| text.parse().ok())
            .or_else(|| self.symbol.as_str()?.parse().ok())
    }

    fn depth(&self) -> Option<MarketEvent> {
        Some(MarketEvent::Depth(DepthUpdate {
            symbol: self.symbol()?,
            event_time: time(&self.event_time)?,
            transaction_time: time(&self.transaction_time),
            first_update_id: self.first.as_u64()?,
            final_update_id: self.u.as_u64()?,
            previous_final_update_id: self.pu.as_u64(),
            bids: levels(&self.b)?,
            asks: levels(&self.a)?,
        }))
    }

    fn trade(&self) -> Option<MarketEvent> {
        Some(MarketEvent::Trade(PublicTrade {
            symbol: self.symbol()?,
            trade_id: TradeId(self.t.as_u64().or(self.a.as_u64())?),
            price: price(&self.p)?,
            quantity: quantity(&self.q)?,
            buyer_is_maker: self.m.as_bool()?,
            is_book_trade: self.origin.as_str().is_none_or(|origin| origin == "MARKET")
                && !self.origin.is_number()
                && !self.origin.is_boolean(),
            trade_time: time(&self.transaction_time)?,
        }))
    }

    fn ticker(&self) -> Option<MarketEvent> {
        Some(MarketEvent::BookTicker(BookTicker {
            symbol: self.symbol()?,
            update_id: self.u.as_u64()?,
            bid: Level { price: price(&self.b)?, quantity: quantity(&self.bid_quantity)? },
            ask: Level { price: price(&self.a)?, quantity: quantity(&self.ask_quantity)? },
        }))
    }

    fn mark(&self) -> Option<MarketEvent> {
        Some(MarketEvent::MarkPrice(MarkPrice {
            symbol: self.symbol()?,
            price: price(&self.p)?,
            event_time: time(&self.event_time)?,
        }))
    }
}

fn price(value: &Value) -> Option<Price> {
    value.as_str()?.parse().ok()
}

fn quantity(value: &Value) -> Option<Quantity> {
    value.as_str()?.parse().ok()
}

fn time(value: &Value) -> Option<Timestamp> {
    let number = i64::try_from(value.as_u64()?).ok()?;
    let is_millis = number < 100_000_000_000_000;
    Some(if is_millis { Timestamp::from_millis(number) } else { Timestamp::from_micros(number) })
}

fn levels(value: &Value) -> Option<Vec<Level>> {
    let level = |pair: &Value| {
        Some(Level { price: price(pair.get(0)?)?, quantity: quantity(pair.get(1)?)? })
    };
    value.as_array()?.iter().map(level).collect()
}
