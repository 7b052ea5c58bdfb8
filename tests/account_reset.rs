//! The venue resets the account and numbers its trades anew, as a testnet does: real sockets, real
//! binary.

use lobd::sim::FillQuery;
use serde_json::Value;

use crate::support::faulted::{Daemon, is_agreed};
use crate::support::venue::symbol;

fn booked(status: &Value) -> u64 {
    status["symbols"][0]["totals"]["fills"].as_u64().unwrap()
}

async fn traded(daemon: &Daemon) -> u64 {
    let count = daemon.control().with_exchange(|exchange, account| {
        exchange.fills(account, symbol(), &FillQuery::default()).len() as u64
    });
    count.await.unwrap()
}

/// Promises I3 and I6: it halts and says why; once a person resumes, every trade of the new numbering
/// is booked, and after a restart the ledger still adds up.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_reset_trades_with_numbers_from_the_first_on_are_booked() {
    let mut daemon = Daemon::start_with(&[], &[("RECONCILE_SECONDS", "1")]).await;
    daemon.is_protected().await;
    daemon.switch_on("reset-account=renumbered").await;
    let halted = daemon
        .status_when("halted", |status| {
            status["halted"].as_str().is_some_and(|reason| reason.contains("BTCUSDT"))
        })
        .await;
    let before = booked(&halted);
    daemon.home.succeeds(&["resume"]);
    daemon.is_protected().await;
    let status = daemon.flatten().await;
    let numbers = daemon.control().with_exchange(|exchange, account| {
        let fills = exchange.fills(account, symbol(), &FillQuery::default());
        fills.iter().map(|fill| fill.trade_id.0).collect::<Vec<_>>()
    });
    let numbers = numbers.await.unwrap();
    assert!(numbers.len() >= 2 && numbers.iter().all(|number| *number < 100_000), "{numbers:?}");
    assert_eq!(booked(&status) - before, traded(&daemon).await, "{status}");
    daemon.restart().await;
    let status = daemon.is_protected().await;
    assert!(status["halted"].is_null() && is_agreed(&status), "{status}");
    assert_eq!(status["discrepancies_total"], 0, "{status}");
    daemon.home.succeeds(&["flatten"]);
    let status = daemon.flatten().await;
    assert_eq!(booked(&status) + numbers.len() as u64, traded(&daemon).await, "{status}");
    daemon.ends_well().await;
}
