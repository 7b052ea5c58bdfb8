//! Any text as the body of every REST answer: no panic, errors that are short, and two readings of
//! a depth answer that agree.
#![no_main]

use std::fmt::Display;

use libfuzzer_sys::fuzz_target;
use lobd::binance::market_data::MarketDataParser;
use lobd::binance::parse::{
    self, ParseError, parse_account_margin, parse_aggregate_trades, parse_amendment,
    parse_balances, parse_best_prices, parse_conditional, parse_day_ticker, parse_depth,
    parse_exchange_info, parse_fee_rates, parse_fills, parse_funding_rate, parse_funding_terms,
    parse_incomes, parse_klines, parse_last_price, parse_leverage_brackets, parse_open_interest,
    parse_order, parse_position, parse_position_risks, parse_positions, parse_premium_index,
    parse_recent_trades, parse_spot_exchange_info, parse_stop, read_json,
};
use lobd::binance::{ErrorAnswer, Operation, classify, wire};
use lobd::domain::{Environment, Symbol, Timestamp};

fuzz_target!(|text: &str| {
    let Ok(symbol) = Symbol::new("BTCUSDT") else { return };
    orders(text);
    account(symbol, text);
    settings(text);
    market(symbol, text);
    depth(symbol, text);
    errors(text);
});

fn orders(text: &str) {
    one_and_many(text, |order: &wire::Order| parse_order(order).map(drop));
    one_and_many(text, |stop: &wire::AlgoOrder| {
        parse_conditional(stop).map(drop)?;
        parse_stop(stop).map(drop)
    });
    one_and_many(text, |row: &wire::OrderAmendment| parse_amendment(row).map(drop));
    read(text, |_: wire::Countdown| Ok(()));
}

fn account(symbol: Symbol, text: &str) {
    read(text, |rows: Vec<wire::Balance>| parse_balances(&rows).map(drop));
    read(text, |rows: Vec<wire::Position>| {
        parse_positions(&rows).map(drop)?;
        parse_position_risks(&rows).map(drop)?;
        parse_position(symbol, &rows).map(drop)
    });
    read(text, |account: wire::AccountMargin| parse_account_margin(&account).map(drop));
    read(text, |rows: Vec<wire::UserTrade>| parse_fills(&rows).map(drop));
    read(text, |rows: Vec<wire::Income>| parse_incomes(&rows).map(drop));
    read(text, |rates: wire::CommissionRate| parse_fee_rates(&rates).map(drop));
    one_and_many(text, |row: &wire::LeverageBrackets| parse_leverage_brackets(row).map(drop));
    one_and_many(text, |_: &wire::AdlQuantile| Ok(()));
    read(text, |_: wire::TradingStatus| Ok(()));
    read(text, |_: Vec<wire::PositionMarginChange>| Ok(()));
    read(text, |_: wire::PositionMarginChanged| Ok(()));
}

fn settings(text: &str) {
    read(text, |_: wire::Leverage| Ok(()));
    read(text, |_: wire::AccountConfiguration| Ok(()));
    read(text, |_: Vec<wire::SymbolConfiguration>| Ok(()));
    read(text, |_: wire::PositionMode| Ok(()));
    read(text, |_: wire::MultiAssetsMode| Ok(()));
    read(text, |_: wire::FeeBurn| Ok(()));
    read(text, |_: wire::ListenKey| Ok(()));
    read(text, |_: Vec<wire::RateLimit>| Ok(()));
}

fn market(symbol: Symbol, text: &str) {
    read(text, |info: wire::ExchangeInfo| {
        drop(parse_exchange_info(Environment::Sandbox, &info));
        drop(parse_spot_exchange_info(Environment::Sandbox, &info));
        Ok(())
    });
    read(text, |_: wire::ServerTime| Ok(()));
    read(text, |rows: Vec<wire::RecentTrade>| parse_recent_trades(symbol, &rows).map(drop));
    read(text, |rows: Vec<wire::AggregateTrade>| parse_aggregate_trades(symbol, &rows).map(drop));
    read(text, |rows: Vec<wire::Kline>| parse_klines(&rows).map(drop));
    one_and_many(text, |row: &wire::PremiumIndex| parse_premium_index(row).map(drop));
    one_and_many(text, |row: &wire::FundingRate| parse_funding_rate(row).map(drop));
    one_and_many(text, |row: &wire::FundingInfo| parse_funding_terms(row).map(drop));
    one_and_many(text, |row: &wire::DayTicker| parse_day_ticker(row).map(drop));
    one_and_many(text, |row: &wire::BestPrices| parse_best_prices(row).map(drop));
    one_and_many(text, |row: &wire::LastPrice| parse_last_price(row).map(drop));
    one_and_many(text, |row: &wire::OpenInterest| parse_open_interest(row).map(drop));
}

/// Reads the text as one row, and as a list of rows.
fn one_and_many<T: serde::de::DeserializeOwned>(
    text: &str,
    meaning: impl Fn(&T) -> Result<(), ParseError>,
) {
    read(text, |row: T| meaning(&row));
    read(text, |rows: Vec<T>| rows.iter().try_for_each(&meaning));
}

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
            for retry_after in [None, Some(0), Some(61), Some(u64::MAX)] {
                let answer = ErrorAnswer { status, retry_after, body };
                is_short(&classify(operation, now, answer));
            }
        }
    }
}

fn is_short(error: &impl Display) {
    let message = error.to_string();
    assert!(message.len() < 2_000, "{message}");
}
