//! Combined-stream depth messages whose levels wander around a touch at 61,800, most near it.

use lobd::binance::market_data::MarketDataParser;
use lobd::book::{
    BookSync, DepthSnapshot, DepthUpdate, Grid, Level, MarketDataDecoder, MarketEvent, Outcome,
};
use lobd::domain::{Price, Symbol};
use rust_decimal::Decimal;

/// Levels in one message, both sides together.
pub const LEVELS: usize = 150;

/// Messages in one round; their ids follow on, so that every one is applied.
pub const MESSAGES: usize = 200;

/// The price grid.
pub const TICK: f64 = 0.1;

/// Levels a side that a `depth?limit=1000` snapshot holds.
const SNAPSHOT_LEVELS: i64 = 1_000;

/// The messages of one round.
pub struct Stream {
    pub messages: Vec<String>,
}

impl Stream {
    /// Always the same messages.
    pub fn new() -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let message = |index: usize| {
            let mut side = |sign: i64| {
                let mut level = || {
                    let near = draw(40) * draw(25);
                    let tick = 618_000 + sign * (1 + near.cast_signed());
                    let steps = if draw(5) == 0 { 0 } else { draw(30_000) };
                    let (whole, rest) = (steps / 1_000, steps % 1_000);
                    format!("[\"{}.{}0\",\"{whole}.{rest:03}\"]", tick / 10, tick % 10)
                };
                (0..LEVELS / 2).map(|_| level()).collect::<Vec<_>>().join(",")
            };
            let (first, last) = (1 + 2 * index, 2 + 2 * index);
            format!(
                "{{\"stream\":\"btcusdt@depth@100ms\",\"data\":{{\"e\":\"depthUpdate\",\
                 \"E\":1723161256299,\"T\":1723161256298,\"s\":\"BTCUSDT\",\"ps\":\"BTCUSDT\",\
                 \"st\":1,\"U\":{first},\"u\":{last},\"pu\":{},\"b\":[{}],\"a\":[{}]}}}}",
                last - 2,
                side(-1),
                side(1),
            )
        };
        Self { messages: (0..MESSAGES).map(message).collect() }
    }

    /// The messages, read.
    pub fn updates(&self) -> Vec<DepthUpdate> {
        let mut parser = MarketDataParser::new();
        let mut read = |text: &String| match parser.decode(text) {
            Ok(Some(MarketEvent::Depth(update))) => update.clone(),
            other => panic!("{other:?}"),
        };
        self.messages.iter().map(&mut read).collect()
    }

    /// Prices and quantities of bids and asks as floats.
    pub fn floats(&self) -> Vec<[Vec<(f64, f64)>; 2]> {
        let pair = |level: &Level| (level.price.to_f64(), level.quantity.to_f64());
        self.sides(|levels| levels.iter().map(pair).collect())
    }

    /// Prices and quantities of bids and asks as decimals.
    pub fn decimals(&self) -> Vec<[Vec<(Decimal, Decimal)>; 2]> {
        let number = |units: i64| Decimal::new(units, 8).normalize();
        let pair = |level: &Level| (number(level.price.units()), number(level.quantity.units()));
        self.sides(|levels| levels.iter().map(pair).collect())
    }

    fn sides<T>(&self, of: impl Fn(&[Level]) -> Vec<T>) -> Vec<[Vec<T>; 2]> {
        self.updates().iter().map(|update| [of(&update.bids), of(&update.asks)]).collect()
    }
}

/// Whose book it is.
pub fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

/// The levels of one side of the snapshot, best first.
pub fn touch_levels(sign: i64) -> Vec<Level> {
    let tick: Price = "0.1".parse().unwrap();
    let level = |distance: i64| Level {
        price: Price::from_ticks(618_000 + sign * distance, tick).unwrap(),
        quantity: "1".parse().unwrap(),
    };
    (1..=SNAPSHOT_LEVELS).map(level).collect()
}

/// A book that the first message follows.
pub fn proven_book() -> BookSync {
    let snapshot = DepthSnapshot {
        symbol: symbol(),
        last_update_id: 0,
        bids: touch_levels(-1),
        asks: touch_levels(1),
    };
    let mut book = BookSync::new(grid());
    assert_eq!(book.on_snapshot(&snapshot), Outcome::Applied);
    book
}

/// The instrument's grid.
pub fn grid() -> Grid {
    Grid::of("0.1".parse().unwrap(), "0.001".parse().unwrap())
}
