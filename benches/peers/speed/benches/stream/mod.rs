//! Combined-stream depth messages whose levels wander around a touch at 61,800, most near it.

// The same messages as lobd's own bench reads.
#[path = "../../../../depth_messages.rs"]
mod depth_messages;

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
        Self { messages: depth_messages::depth_messages(MESSAGES, LEVELS) }
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
