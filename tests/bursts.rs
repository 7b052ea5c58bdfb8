//! A hundred times as many messages as usual: the newest book wins, orders go on, and memory stays
//! within bounds (promises I8, I10 and I21).

use std::fs;

use lobd::sim::market::MarketSettings;
use serde_json::Value;

use crate::support::constant_model;
use crate::support::process::{Home, Running};
use crate::support::venue::{Venue, quiet_market};

/// More than a daemon of one symbol ever holds.
const MOST_MEMORY_KB: u64 = 400 << 10;

/// A crash: a hundred times as many orders and moves, of which each one is told.
fn hundredfold() -> MarketSettings {
    let usual = MarketSettings::bitcoin_perpetual();
    MarketSettings {
        moves_per_second: usual.moves_per_second * 100.0,
        market_orders_per_second: usual.market_orders_per_second * 100.0,
        limit_orders_per_second: usual.limit_orders_per_second * 100.0,
        ..quiet_market()
    }
}

/// The most memory that a process has ever held.
fn peak_kb(process: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_burst_the_newest_book_is_traded_on_within_bounds() {
    let venue = Venue::start(hundredfold()).await;
    let mut variables = venue.variables();
    for limit in ["STOP_LOSS_USDT", "MAX_DAILY_LOSS_USDT", "MAX_DRAWDOWN_USDT"] {
        variables.push((limit, "5000".to_owned()));
    }
    let home = Home::with(&variables);
    constant_model::promote(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    let is_held = |status: &Value| {
        let one = &status["symbols"][0];
        one["exposure"] != "0" && !one["stop_price"].is_null() && status["is_reconciled"] == true
    };
    home.status_when("a position under its stop", is_held).await;
    let before = home.valid_seconds().len();
    home.status_when("seconds go on being predicted", |status| {
        home.valid_seconds().len() >= before + 10 && !status["symbols"][0]["prediction"].is_null()
    })
    .await;
    home.succeeds(&["flatten"]);
    home.status_when("an order goes out through it", |status| {
        status["symbols"][0]["exposure"] == "0" && status["is_reconciled"] == true
    })
    .await;
    let peak = peak_kb(&daemon);
    assert!(peak < MOST_MEMORY_KB, "{peak} kB");
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
    assert!(!home.log().contains("is behind"), "{}", home.log());
}
