//! Links to the venue that fail together, under the daemon as a process: all sockets and requests,
//! or all requests (promises I3 to I6, I8 and I16).

use crate::faults_daemon::{every_second_is_told, gaps_inside, predicts};
use crate::support::faulted::{Daemon, is_agreed, report};
use crate::support::process::eventually;

/// Nothing comes through for three seconds; the number of the fault of the requests.
async fn goes_dark(daemon: &Daemon) -> u32 {
    daemon.switch_on("refuse-sockets:for=3s").await;
    let number = daemon.switch_on("lose-request:for=3s").await;
    daemon.switch_on("cut-sockets").await;
    number
}

async fn is_light_again(daemon: &Daemon, number: u32) {
    let is_over = async || !report(daemon.control(), number).await.is_on;
    eventually("the line is back", is_over).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_line_nothing_is_opened_and_it_trades_again_once_it_is_back() {
    // No entry passes, so that the account is flat until the line is down.
    let daemon = Daemon::start(&["http-503=unavailable:POST /fapi/v1/order"]).await;
    daemon.has_struck(1, 1).await;
    let number = goes_dark(&daemon).await;
    eventually("a second is told as a gap", async || !gaps_inside(&daemon).is_empty()).await;
    daemon.control().clear_fault(1).await;
    assert!(daemon.entries().await.is_empty());
    is_light_again(&daemon, number).await;
    let status = daemon.is_protected().await;
    assert_eq!(status["discrepancies_total"], 0);
    assert_eq!(daemon.entries().await.len(), 1);
    every_second_is_told(&daemon);
    daemon.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_line_a_position_rests_under_its_stop_and_agrees_afterwards() {
    let daemon = Daemon::start_with(&[], &[("RECONCILE_SECONDS", "1")]).await;
    daemon.is_protected().await;
    let [stop] = daemon.stops().await.try_into().unwrap();
    let number = goes_dark(&daemon).await;
    daemon.has_struck(number, 1).await;
    assert_eq!(daemon.stops().await.len(), 1, "it protects without being asked");
    is_light_again(&daemon, number).await;
    let before = daemon.home.status().await.unwrap()["reconciled_at"].clone();
    daemon
        .status_when("it has reconciled since", |status| {
            status["reconciled_at"] != before && is_agreed(status)
        })
        .await;
    let status = daemon.is_protected().await;
    assert_eq!(status["discrepancies_total"], 0);
    let [left] = daemon.stops().await.try_into().unwrap();
    assert_eq!(left.report.algo_order_id, stop.report.algo_order_id);
    assert_eq!(daemon.entries().await.len(), 1);
    daemon.flatten().await;
    daemon.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_request_passes_fills_are_booked_from_the_stream() {
    let daemon = Daemon::holding().await;
    let number = daemon.switch_on("lose-request").await;
    daemon.switch_on("deleverage=BTCUSDT").await;
    daemon
        .status_when("the close is booked", |status| status["symbols"][0]["exposure"] == "0")
        .await;
    daemon.has_struck(number, 1).await;
    assert!(report(daemon.control(), number).await.is_on);
    daemon.control().clear_fault(number).await;
    let status = daemon
        .status_when("flat, and agreed with the venue", |status| {
            status["symbols"][0]["phase"] == "flat" && is_agreed(status)
        })
        .await;
    assert_eq!(status["discrepancies_total"], 0);
    let totals = &status["symbols"][0]["totals"];
    assert_eq!((&totals["entries"], &totals["round_trips"]), (&1.into(), &1.into()));
    daemon.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_whose_snapshots_are_refused_stays_stale_until_one_is_had() {
    let daemon = Daemon::holding().await;
    let refused = daemon.switch_on("http-503=unavailable:GET /fapi/v1/depth:times=2").await;
    let lost = daemon.switch_on("drop-depth:times=1").await;
    daemon.has_struck(lost, 1).await;
    daemon.has_struck(refused, 2).await;
    eventually("a second is stale", async || !gaps_inside(&daemon).is_empty()).await;
    let status = daemon.status_when("it predicts again", predicts).await;
    assert!(is_agreed(&status), "{status}");
    every_second_is_told(&daemon);
    daemon.ends_well().await;
}
