//! Parsing one `@depth@100ms` message and applying it, beside the obvious way of doing it.
//!
//! `cargo bench --bench depth` prints the ratio of medians of interleaved rounds first (aim: at
//! least 2.5), then divan's tables with allocation counts (aim: none for ours once warm).

mod depth_messages;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use lobd::binance::market_data::MarketDataParser;
use lobd::book::{BookSync, DepthSnapshot, Grid, Level, MarketDataDecoder, MarketEvent, Outcome};
use lobd::domain::Price;
use rust_decimal::Decimal;
use serde_json::Value;

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

/// Levels a side that a `depth?limit=1000` snapshot holds.
const SNAPSHOT_LEVELS: i64 = 1_000;

/// Messages in one round; their ids follow on, so that every one is applied.
const MESSAGES: usize = 200;

/// Interleaved rounds of each way; the median of them is compared.
const ROUNDS: usize = 31;

fn main() {
    for levels in SIZES {
        compare(*levels);
    }
    divan::main();
}

#[expect(clippy::print_stdout, reason = "the ratio is what the benchmark is for")]
fn compare(levels: usize) {
    let stream = Stream::new(levels);
    let (mut ours, mut peer) = (Ours::new(), Peer::new());
    let (mut our_rounds, mut peer_rounds) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.rewind();
        our_rounds.push(timed(|| ours.run(&stream)));
        peer_rounds.push(timed(|| peer.run(&stream)));
    }
    let (ours, peer) = (median_nanos(&mut our_rounds), median_nanos(&mut peer_rounds));
    println!(
        "{levels} levels a message: {ours:.0} ns here, {peer:.0} ns through serde_json::Value \
         into BTreeMap<Decimal, Decimal>: {:.2} times faster",
        peer / ours
    );
}

const SIZES: &[usize] = &[50, 200];

#[divan::bench(args = SIZES)]
fn fixed_point_into_sorted_levels(bencher: divan::Bencher, levels: usize) {
    let stream = Stream::new(levels);
    let mut ours = Ours::new();
    ours.run(&stream); // warm
    let mut next = 0;
    bencher.bench_local(|| {
        if next == 0 {
            ours.rewind();
        }
        ours.take(&stream.messages[next]);
        next = (next + 1) % MESSAGES;
    });
}

#[divan::bench(args = SIZES)]
fn value_into_decimal_map(bencher: divan::Bencher, levels: usize) {
    let stream = Stream::new(levels);
    let mut peer = Peer::new();
    peer.run(&stream);
    let mut next = 0;
    bencher.bench_local(|| {
        peer.take(&stream.messages[next]);
        next = (next + 1) % MESSAGES;
    });
}

/// Combined-stream frames whose levels wander around a touch at 61,800, most near it.
struct Stream {
    messages: Vec<String>,
}

impl Stream {
    fn new(levels: usize) -> Self {
        Self { messages: depth_messages::depth_messages(MESSAGES, levels) }
    }
}

/// Our parser and book.
struct Ours {
    parser: MarketDataParser,
    sync: BookSync,
    snapshot: DepthSnapshot,
}

impl Ours {
    fn new() -> Self {
        let tick: Price = decimal("0.1");
        let levels = |sign: i64| {
            let level = |distance: i64| Level {
                price: Price::from_ticks(618_000 + sign * distance, tick).unwrap_or(tick),
                quantity: decimal("1"),
            };
            (1..=SNAPSHOT_LEVELS).map(level).collect()
        };
        let symbol = decimal("BTCUSDT");
        let snapshot =
            DepthSnapshot { symbol, last_update_id: 0, bids: levels(-1), asks: levels(1) };
        let sync = BookSync::new(Grid::of(tick, decimal("0.001")));
        let mut ours = Self { parser: MarketDataParser::new(), sync, snapshot };
        ours.rewind();
        ours
    }

    fn rewind(&mut self) {
        self.sync.on_disconnect();
        assert_eq!(self.sync.on_snapshot(&self.snapshot), Outcome::Applied);
    }

    fn run(&mut self, stream: &Stream) {
        stream.messages.iter().for_each(|message| self.take(message));
    }

    fn take(&mut self, message: &str) {
        let event = self.parser.decode(message);
        let Ok(Some(MarketEvent::Depth(update))) = event else { unreachable!("{event:?}") };
        let outcome = self.sync.on_update(black_box(update));
        assert_eq!(outcome, Outcome::Applied);
    }
}

/// The obvious way: a value tree, then two ordered maps of decimals.
struct Peer {
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
}

impl Peer {
    fn new() -> Self {
        let levels = |sign: i64| {
            let price = |distance: i64| Decimal::new(618_000 + sign * distance, 1);
            (1..=SNAPSHOT_LEVELS).map(|distance| (price(distance), Decimal::ONE)).collect()
        };
        Self { bids: levels(-1), asks: levels(1) }
    }

    fn run(&mut self, stream: &Stream) {
        stream.messages.iter().for_each(|message| self.take(message));
    }

    fn take(&mut self, message: &str) {
        let value: Value = serde_json::from_str(message).unwrap_or_default();
        let data = &value["data"];
        for (name, map) in [("b", &mut self.bids), ("a", &mut self.asks)] {
            for level in data[name].as_array().into_iter().flatten() {
                let number = |at: usize| level[at].as_str().and_then(|text| text.parse().ok());
                let (Some(price), Some(quantity)) = (number(0), number(1)) else { continue };
                let quantity: Decimal = quantity;
                if quantity.is_zero() {
                    map.remove(&price);
                } else {
                    map.insert(price, quantity);
                }
            }
        }
        black_box(data["u"].as_u64());
    }
}

fn decimal<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| unreachable!("{text} is a constant of this file"))
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// The median round, in nanoseconds a message.
fn median_nanos(rounds: &mut [Duration]) -> f64 {
    rounds.sort_unstable();
    let messages = u32::try_from(MESSAGES).unwrap_or(u32::MAX);
    rounds[rounds.len() / 2].as_secs_f64() * 1e9 / f64::from(messages)
}
