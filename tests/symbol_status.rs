//! The venue closes a symbol while it is traded, and opens it again: real sockets, real binary.

use crate::support::faulted::{Daemon, is_agreed};

/// Promises I4 and I16: what is held is closed while it can be, nothing is entered and it says why,
/// and once the symbol is open again it is traded again.
#[tokio::test(flavor = "multi_thread")]
async fn a_symbol_that_closes_is_left_and_traded_again_once_it_is_open() {
    let daemon = Daemon::start_with(&[], &[("MAX_HOLDING_SECONDS", "3")]).await;
    daemon.is_protected().await;
    daemon.switch_on("change-status=BTCUSDT,PRE_SETTLE").await;
    let status = daemon
        .status_when("flat, and it says why nothing is opened", |status| {
            let one = &status["symbols"][0];
            let is_told = one["phase"] == "flat" && one["why_not"] == "symbol_closed";
            is_told && is_agreed(status)
        })
        .await;
    assert!(status["halted"].is_null(), "{status}");
    assert!(daemon.exposure().await.is_zero() && daemon.stops().await.is_empty());
    assert!(daemon.home.log().contains("PRE_SETTLE"), "{}", daemon.home.log());
    let before = daemon.entries().await.len();
    daemon.switch_on("change-status=BTCUSDT,TRADING").await;
    daemon.is_protected().await;
    assert!(daemon.entries().await.len() > before);
    daemon.ends_well().await;
}

/// Promises I4 and I16: a daemon that is started while its symbol is closed says so and waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_starts_with_its_symbol_closed_and_says_why_it_does_not_trade() {
    let daemon = Daemon::start(&["change-status=BTCUSDT,SETTLING"]).await;
    daemon
        .status_when("it says why nothing is opened", |status| {
            status["symbols"][0]["why_not"] == "symbol_closed"
        })
        .await;
    assert!(daemon.entries().await.is_empty(), "none was even tried");
    daemon.switch_on("change-status=BTCUSDT,TRADING").await;
    daemon.is_protected().await;
    daemon.ends_well().await;
}
