//! Any address and any control messages, one a line, to a socket of the loopback exchange: no
//! panic, one answer to each message, and that answer is JSON with a result or an error.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use lobd::domain::Timestamp;
use lobd::sandbox::fuzzing::FuzzedExchange;
use lobd::sandbox::{SandboxSettings, listings};
use lobd::sim::{Exchange, ExchangeSettings, InstrumentSettings, Liquidity};
use serde_json::Value;

/// Streams a socket may have, as at the venue.
const MOST_STREAMS: usize = 1_024;

thread_local! {
    /// Sockets share nothing but the exchange, whose market stands still here.
    static EXCHANGE: RefCell<Option<FuzzedExchange>> = RefCell::new(open());
}

fuzz_target!(|text: &str| {
    EXCHANGE.with_borrow_mut(|exchange| {
        if let Some(exchange) = exchange {
            talk(exchange, text);
        }
    });
});

fn open() -> Option<FuzzedExchange> {
    let instrument = listings::instrument("BTCUSDT")?;
    let instruments = vec![InstrumentSettings { instrument, liquidity: Liquidity::Accounts }];
    let start = Timestamp::from_seconds(1_700_000_000);
    let exchange = Exchange::new(&ExchangeSettings { instruments, seed: 1 }, start).ok()?;
    Some(FuzzedExchange::new(exchange, &SandboxSettings::for_seed(1)))
}

fn talk(exchange: &mut FuzzedExchange, text: &str) {
    let mut lines = text.lines();
    let address = lines.next().unwrap_or_default();
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let mut socket = exchange
        .open(path, query)
        .or_else(|| exchange.open("/public/stream", ""))
        .unwrap_or_else(|| panic!("the plain address is always one"));
    for line in lines {
        let answers = exchange.control(&mut socket, line);
        assert_eq!(answers.len(), 1, "{line}: {answers:?}");
        let answer: Value = serde_json::from_str(&answers[0])
            .unwrap_or_else(|error| panic!("{error}: {}", answers[0]));
        assert!(answer.get("result").is_some() != answer.get("error").is_some(), "{answer}");
        let listed = answer["result"].as_array().map_or(0, Vec::len);
        assert!(listed <= MOST_STREAMS, "{listed} streams");
    }
    exchange.close(&socket);
}
