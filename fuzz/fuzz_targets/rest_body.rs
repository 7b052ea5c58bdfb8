//! Any text as the body of every REST answer: no panic, errors that are short, and two readings of
//! a depth answer that agree.
#![no_main]

use std::fmt::Display;

use libfuzzer_sys::fuzz_target;
use lobd::binance::market_data::MarketDataParser;
use lobd::binance::parse::{
    self, ParseError, parse_balances, parse_depth, parse_exchange_info, parse_fee_rates,
    parse_fills, parse_order, parse_position, parse_positions, parse_recent_trades, parse_stop,
    read_json,
};
use lobd::binance::{ErrorAnswer, Operation, classify, wire};
use lobd::domain::{Environment, Symbol, Timestamp};

fuzz_target!(|text: &str| {
    let Ok(symbol) = Symbol::new("BTCUSDT") else { return };
    read(text, |order: wire::Order| parse_order(&order).map(drop));
    read(text, |orders: Vec<wire::Order>| {
        orders.iter().try_for_each(|order| parse_order(order).map(drop))
    });
    read(text, |stop: wire::AlgoOrder| parse_stop(&stop).map(drop));
    read(text, |stops: Vec<wire::AlgoOrder>| {
        stops.iter().try_for_each(|stop| parse_stop(stop).map(drop))
    });
    read(text, |rows: Vec<wire::Balance>| parse_balances(&rows).map(drop));
    read(text, |rows: Vec<wire::Position>| {
        parse_positions(&rows).map(drop)?;
        parse_position(symbol, &rows).map(drop)
    });
    read(text, |rows: Vec<wire::UserTrade>| parse_fills(&rows).map(drop));
    read(text, |rates: wire::CommissionRate| parse_fee_rates(&rates).map(drop));
    read(text, |rows: Vec<wire::RecentTrade>| parse_recent_trades(symbol, &rows).map(drop));
    read(text, |info: wire::ExchangeInfo| {
        drop(parse_exchange_info(Environment::Sandbox, &info));
        Ok(())
    });
    read(text, |_: wire::ServerTime| Ok(()));
    read(text, |_: wire::ListenKey| Ok(()));
    read(text, |_: wire::Leverage| Ok(()));
    read(text, |_: wire::AccountConfiguration| Ok(()));
    read(text, |_: Vec<wire::SymbolConfiguration>| Ok(()));
    depth(symbol, text);
    errors(text);
});

/// Reads the text as one wire type and gives it its meaning, if it has one.
fn read<'a, T: serde::Deserialize<'a>>(
    text: &'a str,
    meaning: impl FnOnce(T) -> Result<(), ParseError>,
) {
    if let Err(error) = read_json::<T>("body", text).and_then(meaning) {
        is_short(&error);
    }
}

/// The importer and the client read a depth answer each in its own way.
fn depth(symbol: Symbol, text: &str) {
    let client = parse::read_json::<wire::Depth>("depth", text)
        .and_then(|depth| parse_depth(symbol, &depth));
    let importer = MarketDataParser::new().parse_snapshot(symbol, text);
    if let (Ok(client), Ok(importer)) = (&client, &importer) {
        assert_eq!(client, importer);
    }
}

/// Any body under any status is one of the classes of an error, told in few words.
fn errors(body: &str) {
    let now = Timestamp::from_seconds(1_700_000_000);
    for status in [300, 400, 401, 403, 404, 408, 418, 429, 451, 500, 502, 503] {
        for operation in [Operation::Read, Operation::Place, Operation::Change] {
            let answer = ErrorAnswer { status, retry_after: None, body };
            is_short(&classify(operation, now, answer));
        }
    }
}

fn is_short(error: &impl Display) {
    let message = error.to_string();
    assert!(message.len() < 2_000, "{message}");
}
