//! However a certification ends, what it opened is cleared away and there is a report that says so.

use std::path::PathBuf;

use lobd::domain::Exposure;
use lobd::sandbox::faults::FaultReport;
use lobd::sim::Exchange;
use lobd::sim::market::MarketSettings;
use serde_json::Value;

use crate::support::faulted::{report, switch_on};
use crate::support::process::{Home, Running, eventually};
use crate::support::venue::{Venue, quiet_market, symbol};

/// The JSON of the one report that was written; the page must be beside it.
fn written(home: &Home) -> Value {
    let folder = home.data().join("certify");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (pages, reports): (Vec<PathBuf>, Vec<PathBuf>) =
        files.partition(|path| path.extension().is_some_and(|extension| extension == "html"));
    assert_eq!((pages.len(), reports.len()), (1, 1));
    let report: Value = serde_json::from_slice(&std::fs::read(&reports[0]).unwrap()).unwrap();
    let why = report["ended_early"].as_str().unwrap_or_default();
    let page = std::fs::read_to_string(&pages[0]).unwrap();
    let opening = why.split(['<', '>', '&', '"', '\'']).next().unwrap();
    assert!(page.contains(opening), "the page says it too: {why}");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_cleared_is_named_in_the_report() {
    let venue = Venue::start(quiet_market()).await;
    let fault = switch_on(&venue.sandbox.control, "http-503=unavailable:DELETE").await;
    let home = Home::with(&venue.variables());
    let arguments = ["certify", "--environment", "sandbox", "--case", "C-100", "--case", "C-101"];
    home.fails(&arguments, 8, &["C-100"]);
    let FaultReport { fired, .. } = report(&venue.sandbox.control, fault).await;
    assert!(fired > 0);
    let report = written(&home);
    assert_eq!(report["cases"].as_array().unwrap().len(), 1, "C-101 was not begun");
    assert_eq!(report["cases"][0]["outcome"], "failed");
    let why = report["ended_early"].as_str().unwrap();
    assert!(why.contains("C-100") && why.contains("BTCUSDT may not be at rest"), "{why}");
    assert_eq!(venue.exposure().await, Exposure::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_venue_that_wants_silence_for_a_while_is_waited_for() {
    let venue = Venue::start(quiet_market()).await;
    switch_on(&venue.sandbox.control, "delay=1500ms:POST /fapi/v1/order:times=1").await;
    switch_on(&venue.sandbox.control, "ban:at=1s:for=3s").await;
    let home = Home::with(&venue.variables());
    let arguments = ["certify", "--environment", "sandbox", "--case", "C-100", "--json"];
    let output = home.run(&arguments);
    assert_eq!(output.status.code(), Some(8), "{}", String::from_utf8_lossy(&output.stderr));
    let report = written(&home);
    assert_eq!(report["cases"][0]["outcome"], "failed");
    assert_eq!(report["ended_early"], Value::Null, "the ground was cleared once the ban was over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_whose_way_back_was_lost_is_set_back_all_the_same() {
    let venue = Venue::start(quiet_market()).await;
    let leverage = async || {
        let told = |exchange: &mut Exchange, account| exchange.leverage(account, symbol());
        venue.sandbox.control.with_exchange(told).await.unwrap().unwrap()
    };
    let before = leverage().await;
    let lost = "lose-request=cut:POST /fapi/v1/leverage:skip=1:times=1";
    let fault = switch_on(&venue.sandbox.control, lost).await;
    let home = Home::with(&venue.variables());
    home.fails(&["certify", "--environment", "sandbox", "--case", "C-231"], 8, &["1 cases failed"]);
    assert_eq!(report(&venue.sandbox.control, fault).await.fired, 1);
    assert_eq!(leverage().await, before);
}

/// Interrupted while an order, a stop and a position are open: the events that the case waits for
/// do not come.
async fn stopped_by(signal: fn(&Running)) {
    let venue = Venue::start(MarketSettings::bitcoin_perpetual()).await;
    switch_on(&venue.sandbox.control, "drop-user-event=ALGO_UPDATE").await;
    let home = Home::with(&venue.variables());
    let arguments = ["certify", "--environment", "sandbox", "--case", "C-183", "--case", "C-190"];
    let mut process = home.spawn(&arguments);
    eventually("a stop over a position", async || {
        !venue.stops().await.is_empty() && venue.exposure().await != Exposure::ZERO
    })
    .await;
    signal(&process);
    assert_eq!(process.exit().await, Some(8), "{}", home.log());
    assert_eq!(venue.exposure().await, Exposure::ZERO);
    assert!(venue.stops().await.is_empty());
    let open = venue.orders().await.into_iter().filter(|order| !order.report.status.is_terminal());
    assert_eq!(open.count(), 0);
    let report = written(&home);
    assert_eq!(report["ended_early"], "stopped in C-183");
    let cases = report["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 1, "C-190 was not begun");
    assert_eq!(cases[0]["outcome"], "not_tried");
    assert!(!cases[0]["evidence"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_clears_away_what_was_opened_and_leaves_a_report() {
    stopped_by(Running::interrupt).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_managers_stop_does_the_same() {
    stopped_by(Running::terminate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_ctrl_c_ends_it_at_once_and_says_what_may_be_left() {
    let venue = Venue::start(MarketSettings::bitcoin_perpetual()).await;
    switch_on(&venue.sandbox.control, "drop-user-event=ALGO_UPDATE").await;
    let home = Home::with(&venue.variables());
    let mut process = home.spawn(&["certify", "--environment", "sandbox", "--case", "C-183"]);
    eventually("a stop waits", async || !venue.stops().await.is_empty()).await;
    let mute = switch_on(&venue.sandbox.control, "lose-request=silence").await;
    process.interrupt();
    eventually("it clears away", async || report(&venue.sandbox.control, mute).await.fired > 0)
        .await;
    process.interrupt();
    assert_eq!(process.exit().await, Some(1), "{}", home.log());
    let log = home.log();
    assert!(log.contains("interrupted twice") && log.contains("lobd position"), "{log}");
}
