//! A depth message to an applied book beside other JSON parsers, and the book beside other books.
//!
//! Every contender runs once in each of the interleaved rounds; the median round is told, in
//! nanoseconds a level. The parsers all fill the same types and feed the same proven book, so that
//! only the reading differs; the books all take numbers already made.

mod stream;

use std::hint::black_box;
use std::time::{Duration, Instant};

use barter_data::books::{Asks, Bids, OrderBookSide};
use hftbacktest::depth::{
    BTreeMarketDepth, HashMapMarketDepth, L2MarketDepth, ROIVectorMarketDepth,
};
use lobd::binance::market_data::MarketDataParser;
use lobd::book::{
    BookSync, DepthUpdate, Level, MarketDataDecoder, MarketEvent, OrderBook, Outcome,
};
use lobd::domain::{Side, Symbol, Timestamp};
use rust_decimal::Decimal;
use serde::Deserialize;

use stream::{LEVELS, MESSAGES, Stream, TICK, proven_book, symbol, touch_levels};

/// Interleaved rounds; the median of them is told.
const ROUNDS: usize = 41;

fn main() {
    let stream = Stream::new();
    parsers(&stream);
    books(&stream);
}

fn parsers(stream: &Stream) {
    let mut ours = MarketDataParser::new();
    let contenders: &mut [Contender<'_>] = &mut [
        ("lobd", Box::new(|| read_all(stream, |text, book| apply_ours(&mut ours, text, book)))),
        (
            "sonic-rs typed",
            Box::new(|| {
                read_all(stream, |text, book| {
                    book.on_update(&sonic_rs::from_str::<Frame>(text).unwrap().data.into())
                })
            }),
        ),
        (
            "simd-json typed",
            Box::new(|| {
                // It writes into its input, which a socket would hand over: copied before the clock runs.
                let mut inputs: Vec<Vec<u8>> =
                    stream.messages.iter().map(|text| text.clone().into_bytes()).collect();
                let mut buffers = simd_json::Buffers::new(64 * 1_024);
                let mut book = proven_book();
                timed(|| {
                    for input in &mut inputs {
                        let frame: Frame =
                            simd_json::serde::from_slice_with_buffers(input, &mut buffers).unwrap();
                        assert_eq!(book.on_update(&frame.data.into()), Outcome::Applied);
                    }
                })
            }),
        ),
        (
            "serde_json typed",
            Box::new(|| {
                read_all(stream, |text, book| {
                    book.on_update(&serde_json::from_str::<Frame>(text).unwrap().data.into())
                })
            }),
        ),
    ];
    compare("message to applied book", contenders);
}

fn apply_ours(parser: &mut MarketDataParser, text: &str, book: &mut BookSync) -> Outcome {
    match parser.decode(text) {
        Ok(Some(MarketEvent::Depth(update))) => book.on_update(update),
        other => panic!("{other:?}"),
    }
}

fn read_all(stream: &Stream, mut take: impl FnMut(&str, &mut BookSync) -> Outcome) -> Duration {
    let mut book = proven_book();
    timed(|| {
        for text in &stream.messages {
            assert_eq!(take(black_box(text), &mut book), Outcome::Applied);
        }
    })
}

fn books(stream: &Stream) {
    let updates = stream.updates();
    let decimals = stream.decimals();
    let floats = stream.floats();
    let contenders: &mut [Contender<'_>] = &mut [
        (
            "lobd, bare book",
            Box::new(|| {
                let mut book = OrderBook::new(stream::grid());
                book.replace(&touch_levels(-1), &touch_levels(1));
                timed(|| {
                    for update in black_box(&updates) {
                        update.bids.iter().for_each(|level| book.apply(Side::Buy, *level));
                        update.asks.iter().for_each(|level| book.apply(Side::Sell, *level));
                    }
                    black_box((book.best(Side::Buy), book.best(Side::Sell)));
                })
            }),
        ),
        (
            "lobd, proven and on its grid",
            Box::new(|| {
                let mut book = proven_book();
                timed(|| {
                    for update in black_box(&updates) {
                        assert_eq!(book.on_update(update), Outcome::Applied);
                    }
                })
            }),
        ),
        (
            "hftbacktest, ROI vector",
            Box::new(|| {
                hftbacktest_book(
                    &floats,
                    ROIVectorMarketDepth::new(TICK, 0.001, 50_000.0, 75_000.0),
                )
            }),
        ),
        (
            "hftbacktest, hash map",
            Box::new(|| hftbacktest_book(&floats, HashMapMarketDepth::new(TICK, 0.001))),
        ),
        (
            "hftbacktest, B-tree",
            Box::new(|| hftbacktest_book(&floats, BTreeMarketDepth::new(TICK, 0.001))),
        ),
        ("barter-data", Box::new(|| barter_book(&decimals))),
    ];
    compare("book updates alone", contenders);
}

type Floats = [Vec<(f64, f64)>; 2];
type Decimals = [Vec<(Decimal, Decimal)>; 2];

fn hftbacktest_book(updates: &[Floats], mut book: impl L2MarketDepth) -> Duration {
    for (side, sign) in [(0, -1), (1, 1)] {
        for level in touch_levels(sign) {
            let (price, quantity) = (level.price.to_f64(), level.quantity.to_f64());
            if side == 0 {
                book.update_bid_depth(price, quantity, 0);
            } else {
                book.update_ask_depth(price, quantity, 0);
            }
        }
    }
    timed(|| {
        for [bids, asks] in black_box(updates) {
            for (price, quantity) in bids {
                black_box(book.update_bid_depth(*price, *quantity, 1));
            }
            for (price, quantity) in asks {
                black_box(book.update_ask_depth(*price, *quantity, 1));
            }
        }
    })
}

fn barter_book(updates: &[Decimals]) -> Duration {
    let known = |sign: i64| {
        touch_levels(sign).into_iter().map(|level| {
            let decimal = |text: String| text.parse::<Decimal>().unwrap();
            (decimal(level.price.to_string()), decimal(level.quantity.to_string()))
        })
    };
    let mut bids = OrderBookSide::<Bids>::bids(known(-1));
    let mut asks = OrderBookSide::<Asks>::asks(known(1));
    timed(|| {
        for [new_bids, new_asks] in black_box(updates) {
            bids.upsert(new_bids);
            asks.upsert(new_asks);
        }
        black_box((bids.best(), asks.best()));
    })
}

/// The typed reading that every other parser is given: fields borrowed or numbers, no value tree.
#[derive(Deserialize)]
struct Frame {
    data: Depth,
}

#[derive(Deserialize)]
struct Depth {
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    transaction_time: i64,
    s: Symbol,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    pu: u64,
    b: Vec<Level>,
    a: Vec<Level>,
}

impl From<Depth> for DepthUpdate {
    fn from(depth: Depth) -> Self {
        Self {
            symbol: depth.s,
            event_time: Timestamp::from_millis(depth.event_time),
            transaction_time: Some(Timestamp::from_millis(depth.transaction_time)),
            first_update_id: depth.first,
            final_update_id: depth.u,
            previous_final_update_id: Some(depth.pu),
            bids: depth.b,
            asks: depth.a,
        }
    }
}

type Contender<'a> = (&'static str, Box<dyn FnMut() -> Duration + 'a>);

/// Runs the contenders in interleaved rounds; the first is the one the others are measured by.
fn compare(title: &str, contenders: &mut [Contender<'_>]) {
    let mut rounds = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, run), rounds) in contenders.iter_mut().zip(&mut rounds) {
            rounds.push(run());
        }
    }
    println!("\n{title}, {LEVELS} levels a message, ns a level:");
    let mut ours = None;
    for ((name, _), rounds) in contenders.iter().zip(&mut rounds) {
        rounds.sort_unstable();
        let levels = (MESSAGES * LEVELS) as f64;
        let nanos = rounds[ROUNDS / 2].as_secs_f64() * 1e9 / levels;
        let ours = *ours.get_or_insert(nanos);
        println!("  {name:<30} {nanos:7.1}   {:5.2} x", nanos / ours);
    }
    assert_eq!(symbol().as_str(), "BTCUSDT");
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}
