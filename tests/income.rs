//! What moves the wallet apart from trades, over real sockets: booked once, in the profit, and never
//! a reason to halt.

use serde_json::Value;

use crate::support::faulted::{Daemon, is_agreed};
use crate::support::process::eventually;

fn funding(status: &Value) -> f64 {
    number(&status["symbols"][0]["totals"]["funding"])
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap_or("0").parse().unwrap()
}

/// Promise I6: funding that is charged while a position is held is in the profit, once, and a restart
/// does not book it again.
#[tokio::test(flavor = "multi_thread")]
async fn funding_is_booked_once_and_is_in_the_profit_also_after_a_restart() {
    let mut daemon = Daemon::start_with(&[], &[("RECONCILE_SECONDS", "1")]).await;
    daemon.is_protected().await;
    let before = number(&daemon.home.status().await.unwrap()["realized_today"]);
    daemon.switch_on("charge-funding=BTCUSDT").await;
    let status = daemon.status_when("funding is booked", |status| funding(status) != 0.0).await;
    let paid = funding(&status);
    assert!((number(&status["realized_today"]) - before - paid).abs() < 1e-6, "{status}");
    assert!(is_agreed(&status) && status["halted"].is_null(), "{status}");
    daemon.restart().await;
    let status = daemon.is_protected().await;
    assert!((number(&status["realized_today"]) - before - paid).abs() < 1e-6, "{status}");
    assert!(funding(&status) == 0.0, "it is none of this run's: {status}");
    daemon.ends_well().await;
}

/// Promise I3: money that the operator takes out is no discrepancy.
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_recognised_by_its_row() {
    let daemon = Daemon::start_with(&[], &[("RECONCILE_SECONDS", "1")]).await;
    daemon.is_protected().await;
    let taken = daemon.control().with_exchange(|exchange, account| {
        let now = exchange.now();
        exchange.transfer(now, account, "-100".parse().unwrap())
    });
    taken.await.unwrap().unwrap();
    eventually("the transfer is told", async || daemon.home.log().contains("TRANSFER: -100 USDT"))
        .await;
    let status = daemon.is_protected().await;
    assert_eq!(status["discrepancies_total"], 0);
    assert!(status["halted"].is_null(), "{status}");
    daemon.ends_well().await;
}
