//! Any requests, one a line, to the loopback exchange: no panic, every answer JSON, no answer of
//! 500, and an exchange that still answers afterwards.
//!
//! A line is `METHOD /path?query body`; after `+` it is sent under a right timestamp and
//! signature, after `@` it is a number of milliseconds in which the market goes on.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use lobd::book::{DepthSnapshot, Level, MarkPrice, MarketEvent};
use lobd::domain::{Price, Quantity, Symbol, Timestamp};
use lobd::sandbox::fuzzing::FuzzedExchange;
use lobd::sandbox::{SandboxSettings, listings};
use lobd::sim::{Exchange, ExchangeSettings, InstrumentSettings, Liquidity};
use serde_json::Value;

const START: Timestamp = Timestamp::from_seconds(1_700_000_000);

/// Lines beyond it are cut off, so that an input stays one thought.
const MOST_LINES: usize = 24;

/// Two funding times may pass in one line.
const LONGEST_WAIT_MS: u64 = 17 * 3_600_000;

fuzz_target!(|text: &str| {
    let Some(mut exchange) = open() else { return };
    for line in text.lines().take(MOST_LINES) {
        if let Some(wait) = line.strip_prefix('@') {
            go_on(&mut exchange, wait);
        } else if let Some(request) = line.strip_prefix('+') {
            ask(&mut exchange, request, true);
        } else {
            ask(&mut exchange, line, false);
        }
    }
    let (status, body) = exchange.ask_signed("GET", "/fapi/v2/account", "", "");
    assert!(matches!(status, 200 | 418 | 429), "{status} {body}");
});

/// An exchange of two fed instruments: opened in microseconds, and takers find somebody.
fn open() -> Option<FuzzedExchange> {
    let listed = |symbol| {
        let instrument = listings::instrument(symbol)?;
        Some(InstrumentSettings { instrument, liquidity: Liquidity::Tape })
    };
    let instruments = vec![listed("BTCUSDT")?, listed("LTCUSDT")?];
    let exchange = Exchange::new(&ExchangeSettings { instruments, seed: 1 }, START).ok()?;
    let mut exchange = FuzzedExchange::new(exchange, &SandboxSettings::for_seed(1));
    quote(&mut exchange, 60_000);
    Some(exchange)
}

/// Ten levels a side around a price of the one instrument, and a mark price at it.
fn quote(exchange: &mut FuzzedExchange, middle: i64) {
    for (symbol, scale) in [("BTCUSDT", 1), ("LTCUSDT", 600)] {
        let Ok(symbol) = Symbol::new(symbol) else { return };
        let middle = middle * 100_000_000 / scale;
        let side = |sign: i64| -> Vec<Level> {
            let level = |distance: i64| {
                let units = middle + sign * distance * 10_000_000;
                let quantity = Quantity::from_units(distance * 10_000_000).ok()?;
                Some(Level { price: Price::from_units(units).ok()?, quantity })
            };
            (1..=10).filter_map(level).collect()
        };
        let time = exchange.now();
        let last_update_id = u64::try_from(time.millis()).unwrap_or(1);
        let book = DepthSnapshot { symbol, last_update_id, bids: side(-1), asks: side(1) };
        exchange.feed(&MarketEvent::Snapshot(book));
        let Ok(price) = Price::from_units(middle) else { return };
        exchange.feed(&MarketEvent::MarkPrice(MarkPrice { symbol, price, event_time: time }));
    }
}

/// Time passes and the market moves with it, by up to a third either way.
fn go_on(exchange: &mut FuzzedExchange, wait: &str) {
    let wait: u64 = wait.trim().parse().unwrap_or(1_000);
    let now = exchange.now() + Duration::from_millis(wait.min(LONGEST_WAIT_MS));
    exchange.live_to(now);
    let middle = 40_000 + i64::try_from(wait % 40_000).unwrap_or(0);
    quote(exchange, middle);
}

fn ask(exchange: &mut FuzzedExchange, line: &str, is_signed: bool) {
    let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (address, body) = rest.split_once(' ').unwrap_or((rest, ""));
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let (status, answer) = if is_signed {
        exchange.ask_signed(method, path, query, body)
    } else {
        exchange.ask(method, path, query, body)
    };
    assert_ne!(status, 500, "{line}: {answer}");
    assert!(serde_json::from_str::<Value>(&answer).is_ok(), "{line}: {answer}");
}
