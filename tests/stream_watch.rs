//! Silent streams: a frozen one is found and replaced, a quiet market is left in peace.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test picks what it waits for")]

use std::sync::Arc;
use std::time::Duration;

use lobd::binance::{MarketMessage, Route, StreamKind};
use lobd::book::{Reason, Validity};
use lobd::clock::{SharedClock, SystemClock};
use lobd::sim::market::MarketSettings;

use crate::support::constant_model;
use crate::support::loopback::{Loopback, bid_change, mark, settled};
use crate::support::process::{Home, eventually};
use crate::support::recording::{Recording, ends_stale, ends_valid};
use crate::support::venue::{Venue, quiet_market};

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_depth_stream_is_found_made_stale_and_replaced() {
    let venue = Venue::start(MarketSettings::bitcoin_perpetual()).await;
    let recording = Recording::start(&venue.sandbox, &venue.clock, |settings| {
        settings.rotation.proving = Duration::from_secs(3);
    });
    recording.when("it is valid", ends_valid).await;
    // New connections too, so that a second ends before one that delivers is there.
    eventually("it is found", async || {
        venue.sandbox.control.mute_stream("btcusdt@depth@100ms").await;
        ends_stale(&recording.rows(), Reason::FrozenStream)
    })
    .await;
    recording.when("it is valid again", ends_valid).await;
    let messages = recording.messages();
    let listed = messages.iter().any(|message| match message {
        MarketMessage::Listed { route: Route::Public, lacking, .. } => lacking.is_empty(),
        _ => false,
    });
    assert!(listed, "the venue still listed the stream");
    let switched = |message: &MarketMessage| {
        matches!(message, MarketMessage::Switched { route: Route::Public, .. })
    };
    assert!(messages.iter().any(switched), "the connection was replaced beside the old one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_stream_silent_about_acknowledged_orders_is_replaced_and_reconciled() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    constant_model::promote(&home.data(), 0.0);
    let eager = constant_model::save(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    home.status_when("reconciled", |status| status["is_reconciled"] == true).await;
    // The account's connection is the last of three: one a second is opened.
    eventually("it listens", async || venue.sandbox.control.open_streams().await >= 3).await;
    venue.sandbox.control.mute_account().await;
    // Its entry is acknowledged and not told; found by asking, its take-profit is not told either.
    home.succeeds(&["models", "promote", eager.as_str()]);
    let text = "silent about acknowledged orders";
    home.status_when("it connects anew", |_| home.log().contains(text)).await;
    home.status_when("it is reconciled and protected", |status| {
        status["is_reconciled"] == true
            && status["discrepancies"].as_array().is_none_or(Vec::is_empty)
            && !status["symbols"][0]["stop_price"].is_null()
    })
    .await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_that_is_quiet_from_the_start_is_proven_by_standing_still_and_stays_valid() {
    let venue = Loopback::start().await;
    let clock: SharedClock = Arc::new(SystemClock::start());
    let recording = Recording::start(&venue.sandbox, &clock, |settings| {
        settings.first_frames = Duration::from_secs(1);
    });
    settled(&venue, 2).await;
    venue.feed(mark("60000.05")).await;
    let rows = recording.when("it is valid", ends_valid).await;
    let silent = |kind| {
        recording.messages().iter().any(|message| match message {
            MarketMessage::Silent { stream, .. } => stream.kind == kind,
            _ => false,
        })
    };
    assert!(silent(StreamKind::Depth) && silent(StreamKind::Trades));
    let first = rows.len();
    let rows = recording.when("three seconds later", |rows| rows.len() >= first + 3).await;
    assert!(rows[first..].iter().all(|(_, row)| row.validity == Validity::Valid));
    venue.feed(bid_change(101, "59990", "3")).await;
    let rows = recording
        .when("the update came", |rows| rows.last().is_some_and(|(_, row)| row.flow.updates > 0))
        .await;
    assert!(ends_valid(&rows), "it continues the book that stood still");
}
