//! From the fields of a message to the event it is.

use std::str::FromStr;

use crate::book::{
    BookTicker, DecodeError, DepthSnapshot, DepthUpdate, Level, MarkPrice, MarketDataDecoder,
    MarketEvent, PublicTrade,
};
use crate::domain::{Symbol, Timestamp, TradeId};

use super::fields::{Fields, Slot};

/// Levels reserved a side, so that the first messages allocate and later ones do not.
const RESERVED_LEVELS: usize = 1_000;

/// Parses market messages of Binance, one at a time, into events whose memory is reused.
///
/// Understands `depthUpdate`, `trade`, `aggTrade`, `bookTicker` (spot's has no `e`),
/// `markPriceUpdate` and the REST answer of `depth`, each raw or as
/// `{"stream": …, "data": …}`. Other messages are none of its business. A market's trades come as
/// `trade` or as `aggTrade`: the kind seen first is kept, the other ignored, so that no trade
/// counts twice. Partial depth (`@depth10`) looks like a diff; named by its stream it is ignored,
/// so never subscribe to it on a raw connection.
///
/// # Examples
/// ```
/// # use lobd::{binance::market_data::MarketDataParser, book::{MarketDataDecoder, MarketEvent}};
/// let mut parser = MarketDataParser::new();
/// let text = r#"{"u":400900217,"s":"BNBUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}"#;
/// let event = parser.decode(text)?;
/// assert!(matches!(event, Some(MarketEvent::BookTicker(ticker)) if ticker.update_id == 400900217));
/// # Ok::<(), lobd::book::DecodeError>(())
/// ```
#[derive(Debug, Default)]
pub struct MarketDataParser {
    bids: Vec<Level>,
    asks: Vec<Level>,
    /// The event given out last; its vectors are taken back for the next one.
    event: Option<MarketEvent>,
    snapshot_symbol: Option<Symbol>,
    trades: Option<TradeKind>,
}

/// How a market's trades are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TradeKind {
    Single,
    Aggregate,
}

impl MarketDataParser {
    /// A parser with room for a usual message.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bids: Vec::with_capacity(RESERVED_LEVELS),
            asks: Vec::with_capacity(RESERVED_LEVELS),
            ..Self::default()
        }
    }

    /// Parses the REST answer of `depth`, which on USD-M and spot does not name its symbol.
    ///
    /// # Errors
    /// [`DecodeError`] if it is no depth snapshot.
    pub fn parse_snapshot(
        &mut self,
        symbol: Symbol,
        text: &str,
    ) -> Result<DepthSnapshot, DecodeError> {
        let mut fields = Fields::new(&mut self.bids, &mut self.asks);
        fields.read(text).map_err(|error| DecodeError::Malformed(error.to_string()))?;
        let message = Message { name: "depth snapshot", fields: &fields };
        let last_update_id = message.snapshot_id()?;
        Ok(DepthSnapshot {
            symbol,
            last_update_id,
            bids: self.bids.clone(),
            asks: self.asks.clone(),
        })
    }

    /// Takes the memory of the last event back.
    fn reclaim(&mut self) {
        let levels = match &mut self.event {
            Some(MarketEvent::Depth(update)) => Some((&mut update.bids, &mut update.asks)),
            Some(MarketEvent::Snapshot(snapshot)) => Some((&mut snapshot.bids, &mut snapshot.asks)),
            Some(
                MarketEvent::Trade(_) | MarketEvent::BookTicker(_) | MarketEvent::MarkPrice(_),
            )
            | None => None,
        };
        if let Some((bids, asks)) = levels {
            std::mem::swap(&mut self.bids, bids);
            std::mem::swap(&mut self.asks, asks);
        }
    }

    fn parse(&mut self, text: &str) -> Result<Option<MarketEvent>, DecodeError> {
        self.reclaim();
        self.event = None;
        let mut fields = Fields::new(&mut self.bids, &mut self.asks);
        fields.read(text).map_err(|error| DecodeError::Malformed(error.to_string()))?;
        if is_partial_depth(fields.stream) {
            return Ok(None);
        }
        let message = |name| Message { name, fields: &fields };
        let event = match fields.kind {
            Slot::Text("depthUpdate") => Kind::Depth(message("depthUpdate").depth_update()?),
            Slot::Text("trade") => Kind::Trade(TradeKind::Single, message("trade").trade()?),
            Slot::Text("aggTrade") => {
                Kind::Trade(TradeKind::Aggregate, message("aggTrade").trade()?)
            }
            Slot::Text("bookTicker") => Kind::Other(message("bookTicker").book_ticker()?),
            Slot::Text("markPriceUpdate") => Kind::Other(message("markPriceUpdate").mark_price()?),
            Slot::Text(_) => return Ok(None),
            _ if matches!(fields.last_update_id, Slot::Number(_)) => {
                Kind::Snapshot(message("depth snapshot").snapshot(self.snapshot_symbol)?)
            }
            _ if matches!((fields.bid, fields.ask_quantity), (Slot::Text(_), Slot::Text(_))) => {
                Kind::Other(message("bookTicker").book_ticker()?)
            }
            // Answers to SUBSCRIBE and the like.
            Slot::Absent | Slot::Number(_) | Slot::Flag(_) | Slot::Levels => return Ok(None),
        };
        Ok(self.complete(event))
    }

    /// Moves the levels into the event that has some; drops trades told twice.
    fn complete(&mut self, event: Kind) -> Option<MarketEvent> {
        let (bids, asks) = (&mut self.bids, &mut self.asks);
        match event {
            Kind::Depth(mut update) => {
                std::mem::swap(&mut update.bids, bids);
                std::mem::swap(&mut update.asks, asks);
                Some(MarketEvent::Depth(update))
            }
            Kind::Snapshot(mut snapshot) => {
                std::mem::swap(&mut snapshot.bids, bids);
                std::mem::swap(&mut snapshot.asks, asks);
                Some(MarketEvent::Snapshot(snapshot))
            }
            Kind::Trade(kind, trade) => {
                let kept = *self.trades.get_or_insert(kind);
                (kept == kind).then_some(MarketEvent::Trade(trade))
            }
            Kind::Other(event) => Some(event),
        }
    }
}

impl MarketDataDecoder for MarketDataParser {
    fn decode(&mut self, text: &str) -> Result<Option<&MarketEvent>, DecodeError> {
        self.event = self.parse(text)?;
        Ok(self.event.as_ref())
    }

    fn name_snapshots(&mut self, symbol: Symbol) {
        self.snapshot_symbol = Some(symbol);
    }
}

/// An event whose levels are still in the parser's buffers.
enum Kind {
    Depth(DepthUpdate),
    Snapshot(DepthSnapshot),
    Trade(TradeKind, PublicTrade),
    Other(MarketEvent),
}

/// The fields of a message of a known kind.
struct Message<'a> {
    name: &'static str,
    fields: &'a Fields<'a, 'a>,
}

impl Message<'_> {
    fn depth_update(&self) -> Result<DepthUpdate, DecodeError> {
        let fields = self.fields;
        self.levels(fields.bid, "b")?;
        self.levels(fields.ask, "a")?;
        Ok(DepthUpdate {
            symbol: self.symbol()?,
            event_time: self.time(fields.event_time, "E")?,
            transaction_time: self.time(fields.transaction_time, "T").ok(),
            first_update_id: self.number(fields.first_update_id, "U")?,
            final_update_id: self.number(fields.final_update_id, "u")?,
            previous_final_update_id: self.number(fields.previous_final_update_id, "pu").ok(),
            bids: Vec::new(),
            asks: Vec::new(),
        })
    }

    fn snapshot_id(&self) -> Result<u64, DecodeError> {
        self.levels(self.fields.bid, "bids")?;
        self.levels(self.fields.ask, "asks")?;
        self.number(self.fields.last_update_id, "lastUpdateId")
    }

    fn snapshot(&self, named: Option<Symbol>) -> Result<DepthSnapshot, DecodeError> {
        let symbol = self.fields.symbol.or(named).ok_or(DecodeError::NamelessSnapshot)?;
        let last_update_id = self.snapshot_id()?;
        Ok(DepthSnapshot { symbol, last_update_id, bids: Vec::new(), asks: Vec::new() })
    }

    fn trade(&self) -> Result<PublicTrade, DecodeError> {
        let fields = self.fields;
        let trade_id = match self.number(fields.trade_id, "t") {
            Ok(id) => id,
            Err(_) => self.number(fields.ask, "a")?, // an aggregate's id
        };
        Ok(PublicTrade {
            symbol: self.symbol()?,
            trade_id: TradeId(trade_id),
            price: self.decimal(fields.price, "p")?,
            quantity: self.decimal(fields.quantity, "q")?,
            buyer_is_maker: self.flag(fields.buyer_is_maker, "m")?,
            is_book_trade: matches!(fields.origin, Slot::Absent | Slot::Text("MARKET")),
            trade_time: self.time(fields.transaction_time, "T")?,
        })
    }

    fn book_ticker(&self) -> Result<MarketEvent, DecodeError> {
        let fields = self.fields;
        Ok(MarketEvent::BookTicker(BookTicker {
            symbol: self.symbol()?,
            update_id: self.number(fields.final_update_id, "u")?,
            bid: Level {
                price: self.decimal(fields.bid, "b")?,
                quantity: self.decimal(fields.bid_quantity, "B")?,
            },
            ask: Level {
                price: self.decimal(fields.ask, "a")?,
                quantity: self.decimal(fields.ask_quantity, "A")?,
            },
        }))
    }

    fn mark_price(&self) -> Result<MarketEvent, DecodeError> {
        Ok(MarketEvent::MarkPrice(MarkPrice {
            symbol: self.symbol()?,
            price: self.decimal(self.fields.price, "p")?,
            event_time: self.time(self.fields.event_time, "E")?,
        }))
    }

    fn symbol(&self) -> Result<Symbol, DecodeError> {
        self.fields.symbol.ok_or_else(|| self.lacks("s"))
    }

    fn number(&self, slot: Slot<'_>, field: &'static str) -> Result<u64, DecodeError> {
        if let Slot::Number(number) = slot { Ok(number) } else { Err(self.lacks(field)) }
    }

    fn flag(&self, slot: Slot<'_>, field: &'static str) -> Result<bool, DecodeError> {
        if let Slot::Flag(flag) = slot { Ok(flag) } else { Err(self.lacks(field)) }
    }

    /// The venue speaks milliseconds; spot may be asked for microseconds, told by their magnitude.
    fn time(&self, slot: Slot<'_>, field: &'static str) -> Result<Timestamp, DecodeError> {
        const FIRST_MICROS: i64 = 100_000_000_000_000;
        let number = i64::try_from(self.number(slot, field)?).map_err(|_| self.lacks(field))?;
        Ok(if number < FIRST_MICROS {
            Timestamp::from_millis(number)
        } else {
            Timestamp::from_micros(number)
        })
    }

    fn decimal<T: FromStr>(&self, slot: Slot<'_>, field: &'static str) -> Result<T, DecodeError> {
        let parsed = if let Slot::Text(text) = slot { text.parse().ok() } else { None };
        parsed.ok_or_else(|| self.lacks(field))
    }

    fn levels(&self, slot: Slot<'_>, field: &'static str) -> Result<(), DecodeError> {
        if slot == Slot::Levels { Ok(()) } else { Err(self.lacks(field)) }
    }

    const fn lacks(&self, field: &'static str) -> DecodeError {
        DecodeError::Field { message: self.name, field }
    }
}

/// Whether a stream name ends in `@depth5`, `@depth10` or `@depth20`, with or without a speed.
fn is_partial_depth(stream: Slot<'_>) -> bool {
    let Slot::Text(name) = stream else { return false };
    name.split('@')
        .nth(1)
        .and_then(|kind| kind.strip_prefix("depth"))
        .is_some_and(|n| !n.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DEPTH: &str = r#"{"e":"depthUpdate","E":1571889248277,"T":1571889248276,"s":"BTCUSDT","ps":"BTCUSDT","st":1,"U":390497796,"u":390497878,"pu":390497794,"b":[["7403.89","0.002"],["7403.00","0"]],"a":[["7405.96","3.340"]]}"#;
    const SPOT_DEPTH: &str = r#"{"e":"depthUpdate","E":1721750401385,"s":"NEXOUSDT","U":134183194,"u":134183194,"b":[],"a":[["1.21500000","125.93000000"]]}"#;
    const SPOT_TRADE: &str = r#"{"e":"trade","E":1680652800000,"s":"BTCUSDT","t":3071245454,"p":"28165.47000000","q":"0.00056000","b":20720542158,"a":20720542592,"T":1680652799999,"m":true,"M":true}"#;
    const INSURANCE: &str = r#"{"e":"trade","E":1680652874406,"T":1680652874400,"s":"BTCUSDT","t":3535191080,"p":"28722.50","q":"0.001","X":"INSURANCE_FUND","m":true}"#;
    const AGGREGATE: &str = r#"{"e":"aggTrade","E":1680652800000,"s":"BTCUSDT","a":5933014,"p":"0.001","q":"100","nq":null,"f":100,"l":105,"T":1680652799999,"m":false,"st":1}"#;
    const TICKER: &str = r#"{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BNBUSDT","ps":"BNBUSDT","st":1,"b":"25.35","B":"31.21","a":"25.36","A":"40.66"}"#;
    const MARK: &str = r#"{"e":"markPriceUpdate","E":1789117371000,"s":"ETHUSDT","p":"2475.24000000","ap":"2475.24000000","P":"2477.68512984","i":"2476.33488372","r":"0.00007346","T":1789142400000,"st":1}"#;
    const SNAPSHOT: &str = r#"{"lastUpdateId":1027024,"E":1589436922972,"T":1589436922959,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"]]}"#;

    fn decode(text: &str) -> Result<Option<MarketEvent>, DecodeError> {
        let mut parser = MarketDataParser::new();
        parser.name_snapshots("BTCUSDT".parse().unwrap());
        parser.decode(text).map(Option::<&MarketEvent>::cloned)
    }

    fn combined(stream: &str, data: &str) -> String {
        format!(r#"{{"stream":"{stream}","data":{data}}}"#)
    }

    #[test]
    fn a_depth_update_keeps_every_id_and_level() {
        let Ok(Some(MarketEvent::Depth(update))) = decode(DEPTH) else { panic!("{DEPTH}") };
        assert_eq!(update.symbol, "BTCUSDT".parse().unwrap());
        assert_eq!((update.first_update_id, update.final_update_id), (390_497_796, 390_497_878));
        assert_eq!(update.previous_final_update_id, Some(390_497_794));
        assert_eq!(update.event_time, Timestamp::from_millis(1_571_889_248_277));
        assert_eq!((update.bids.len(), update.asks.len()), (2, 1));
        assert_eq!(update.bids[0].price, "7403.89".parse().unwrap());
        assert!(update.bids[1].quantity.is_zero());
        let Ok(Some(MarketEvent::Depth(spot))) = decode(SPOT_DEPTH) else { panic!() };
        assert_eq!((spot.previous_final_update_id, spot.transaction_time), (None, None));
    }

    #[test]
    fn trades_tell_their_aggressor_and_whether_the_book_saw_them() {
        let trade = |text| match decode(text) {
            Ok(Some(MarketEvent::Trade(trade))) => trade,
            other => panic!("{other:?}"),
        };
        let spot = trade(SPOT_TRADE);
        assert_eq!((spot.trade_id, spot.buyer_is_maker), (TradeId(3_071_245_454), true));
        assert!(spot.is_book_trade && !trade(INSURANCE).is_book_trade);
        let aggregate = trade(AGGREGATE);
        assert_eq!((aggregate.trade_id, aggregate.buyer_is_maker), (TradeId(5_933_014), false));
    }

    #[test]
    fn the_same_trades_told_twice_count_once() {
        let mut parser = MarketDataParser::new();
        assert!(matches!(parser.decode(AGGREGATE), Ok(Some(MarketEvent::Trade(_)))));
        assert_eq!(parser.decode(SPOT_TRADE), Ok(None), "aggregates came first");
    }

    #[test]
    fn best_prices_and_snapshots_are_known_without_a_kind() {
        let Ok(Some(MarketEvent::BookTicker(ticker))) = decode(TICKER) else { panic!() };
        let bare = TICKER.replace(r#""e":"bookTicker","#, "");
        assert_eq!(decode(&bare), Ok(Some(MarketEvent::BookTicker(ticker))));
        assert_eq!(ticker.ask.quantity, "40.66".parse().unwrap());
        let Ok(Some(MarketEvent::Snapshot(snapshot))) = decode(SNAPSHOT) else { panic!() };
        assert_eq!((snapshot.last_update_id, snapshot.asks.len()), (1_027_024, 1));
        let mut parser = MarketDataParser::new();
        assert_eq!(parser.decode(SNAPSHOT), Err(DecodeError::NamelessSnapshot));
        assert_eq!(parser.parse_snapshot(snapshot.symbol, SNAPSHOT), Ok(snapshot));
        let Ok(Some(MarketEvent::MarkPrice(mark))) = decode(MARK) else { panic!() };
        assert_eq!(mark.price, "2475.24".parse().unwrap());
    }

    #[test]
    fn the_envelope_of_a_combined_stream_changes_nothing() {
        for text in [DEPTH, SPOT_DEPTH, SPOT_TRADE, INSURANCE, AGGREGATE, TICKER, MARK] {
            assert_eq!(decode(&combined("btcusdt@depth@100ms", text)), decode(text), "{text}");
            let data_first = format!(r#"{{"data":{text},"stream":"btcusdt@trade"}}"#);
            assert_eq!(decode(&data_first), decode(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_followed_is_ignored() {
        for text in [
            r#"{"result":null,"id":1}"#,
            r#"{"error":{"code":2,"msg":"Invalid request"},"id":4}"#,
            r#"{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":1,"b":[1],"x":true}}"#,
            r#"{"e":"24hrTicker","s":"BTCUSDT","p":"-3.10","b":"x","a":null}"#,
            r#"[{"e":"markPriceUpdate","s":"BTCUSDT"}]"#,
            "{}",
        ] {
            assert_eq!(decode(text), Ok(None), "{text}");
        }
        assert_eq!(decode(&combined("btcusdt@depth10@100ms", DEPTH)), Ok(None), "not a diff");
    }

    #[test]
    fn what_is_malformed_names_its_message_and_field() {
        let lacking = decode(&DEPTH.replace(r#""U":"#, r#""V":"#));
        let expected = DecodeError::Field { message: "depthUpdate", field: "U" };
        assert_eq!(lacking, Err(expected), "names differ by case: there still is a `u`");
        for broken in [
            DEPTH.replace("7403.89", "7403.8x"),
            DEPTH.replace("\"0.002\"", "0.002"),
            DEPTH.replace("7405.96", "-7405.96"),
            SPOT_TRADE.replace("true", "1"),
            MARK.replace("\"p\":\"2475.24000000\"", "\"p\":null"),
            DEPTH[..DEPTH.len() - 1].to_owned(),
            format!("{DEPTH}{DEPTH}"),
            String::new(),
        ] {
            assert!(decode(&broken).is_err(), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            let _ = decode(&text);
        }

        #[test]
        fn a_damaged_message_never_panics_and_never_outlives_its_own_text(
            which in 0..8_usize, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut: bool,
        ) {
            let whole = [DEPTH, SPOT_DEPTH, SPOT_TRADE, INSURANCE, AGGREGATE, TICKER, MARK, SNAPSHOT][which];
            let mut bytes = whole.as_bytes().to_vec();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            let damaged = String::from_utf8_lossy(&bytes).into_owned();
            let mut parser = MarketDataParser::new();
            let _ = parser.decode(&damaged);
            let after = parser.decode(TICKER).map(Option::<&MarketEvent>::cloned);
            prop_assert_eq!(after, decode(TICKER));
        }
    }
}
