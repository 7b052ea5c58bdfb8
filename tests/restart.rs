//! kill -9 with an open position, against an exchange in another process: the position is found
//! again, protected, and reconciled; and the journal tells both lives.

use std::fs;
use std::time::Duration;

use lobd::app::DataFolder;
use lobd::binance::RestClient;
use lobd::domain::StopReport;
use serde_json::Value;

use crate::support::constant_model;
use crate::support::exchange::Exchange;
use crate::support::process::{Home, eventually};
use crate::support::venue::symbol;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_finds_its_position_protects_it_and_reconciles_to_nothing() {
    let exchange = Exchange::start(11, &[]).await;
    let home = Home::with(&patient(&exchange));
    constant_model::promote(&home.data(), 90.0);
    let venue = exchange.client();

    let mut daemon = home.spawn(&["run"]);
    let held = home.status_when("a position under its stop", is_protected).await;
    daemon.kill();
    let exposure = venue.position_of(symbol()).await.unwrap().exposure;
    assert_eq!(serde_json::json!(exposure), held["symbols"][0]["exposure"]);
    let [stop] = waiting_stops(&venue).await.try_into().unwrap();

    let mut daemon = home.spawn(&["run"]);
    let found = home.status_when("the position is found, protected and reconciled", |status| {
        is_protected(status) && status["is_reconciled"] == true
    });
    let found = found.await;
    assert_eq!(found["symbols"][0]["exposure"], held["symbols"][0]["exposure"]);
    assert_eq!(found["discrepancies"], serde_json::json!([]));
    assert_eq!(found["discrepancies_total"], 0);
    assert_eq!(found["foreign_orders"], 0);
    eventually("one stop covers it", async || {
        let stops = waiting_stops(&venue).await;
        stops.len() == 1 && stops[0].side == stop.side
    })
    .await;

    home.succeeds(&["flatten"]);
    eventually("the position is closed", async || {
        venue.position_of(symbol()).await.unwrap().exposure.is_zero()
    })
    .await;
    let settled = home.status_when("the close is booked", |status| {
        status["symbols"][0]["phase"] == "flat" && status["is_reconciled"] == true
    });
    assert_eq!(settled.await["discrepancies_total"], 0);
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
    assert!(waiting_stops(&venue).await.is_empty());
    assert!(venue.working_orders(Some(symbol())).await.unwrap().is_empty());

    home.succeeds(&["journal", "verify"]);
    let replayed = home.succeeds(&["journal", "replay", "--json"]);
    assert_eq!(replayed.lines().count(), 2, "two runs: {replayed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_ending_well_leaves_the_stop_and_no_entry() {
    let exchange = Exchange::start(11, &[]).await;
    let home = Home::with(&patient(&exchange));
    constant_model::promote(&home.data(), 90.0);
    let venue = exchange.client();
    let mut daemon = home.spawn(&["run"]);
    home.status_when("a position under its stop", is_protected).await;
    daemon.terminate();
    daemon.kill();
    assert_eq!(waiting_stops(&venue).await.len(), 1);
    let working = venue.working_orders(Some(symbol())).await.unwrap();
    assert!(working.iter().all(|order| order.reduce_only), "{working:?}");
    let mut daemon = home.spawn(&["run"]);
    let found = home.status_when("found, protected and reconciled", |status| {
        is_protected(status) && status["is_reconciled"] == true
    });
    assert_eq!(found.await["discrepancies_total"], 0);
    eventually("one stop covers it", async || waiting_stops(&venue).await.len() == 1).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
    home.succeeds(&["journal", "verify"]);
}

/// Without its journal it knows neither its orders nor itself: it asks a person, under a stop.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_journal_it_halts_and_protects_what_it_finds() {
    let exchange = Exchange::start(11, &[]).await;
    let home = Home::with(&patient(&exchange));
    constant_model::promote(&home.data(), 90.0);
    let venue = exchange.client();
    let mut daemon = home.spawn(&["run"]);
    let held = home.status_when("a position under its stop", is_protected).await;
    daemon.kill();
    let journal = DataFolder::new(&home.data()).journal();
    for part in ["db", "db-wal", "db-shm"] {
        fs::remove_file(journal.with_extension(part)).unwrap();
    }
    let mut daemon = home.spawn(&["run"]);
    let status = home.status_when("halted, over a position under a stop", |status| {
        !status["halted"].is_null() && is_protected(status)
    });
    let status = status.await;
    assert_eq!(status["symbols"][0]["exposure"], held["symbols"][0]["exposure"]);
    home.fails(&["status"], 4, &["halted", "lobd resume"]);
    let working = venue.working_orders(Some(symbol())).await.unwrap();
    assert!(working.iter().all(|order| order.reduce_only), "{working:?}");
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}

/// A restarted exchange knows nothing of its earlier life and repeats none of its ids: what the
/// daemon remembers of that life is no discrepancy.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_with_an_old_folder_trades_on_an_exchange_that_was_restarted() {
    let first = Exchange::start(11, &[]).await;
    let home = Home::with(&patient(&first));
    constant_model::promote(&home.data(), 90.0);
    let mut daemon = home.spawn(&["run"]);
    home.status_when("a position under its stop", is_protected).await;
    home.succeeds(&["flatten"]);
    home.status_when("flat and reconciled", |status| {
        status["symbols"][0]["phase"] == "flat" && status["is_reconciled"] == true
    })
    .await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
    let before = given_ids(&first.client()).await;
    drop(first);

    let second = Exchange::start(11, &[]).await;
    home.configure(&patient(&second));
    let mut daemon = home.spawn(&["run"]);
    home.status_when("it has reconciled", |status| status["is_reconciled"] == true).await;
    home.succeeds(&["resume"]);
    let status = home
        .status_when("a position under its stop", |status| {
            is_protected(status) && status["is_reconciled"] == true
        })
        .await;
    assert_eq!((&status["discrepancies_total"], &status["halted"]), (&0.into(), &Value::Null));
    let after = given_ids(&second.client()).await;
    let newest = before.iter().max().unwrap();
    assert!(after.iter().all(|id| id > newest), "{before:?} and {after:?}");
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}

/// The ids of an account's trades, and of the newest of everybody's.
async fn given_ids(venue: &RestClient) -> Vec<u64> {
    let since = venue.now().earlier_by(Duration::from_hours(1));
    let own = venue.trade_history(symbol(), None, since).await.unwrap();
    let public = venue.recent_trades(symbol(), 1_000).await.unwrap();
    let own = own.iter().map(|fill| fill.trade_id.0);
    own.chain(public.iter().map(|trade| trade.trade_id.0)).collect()
}

/// A daemon's settings; the stop-loss is far, so that the seeded market does not reach it.
fn patient(exchange: &Exchange) -> Vec<(&'static str, String)> {
    let mut variables = exchange.variables();
    variables.push(("STOP_LOSS_USDT", "60".to_owned()));
    variables
}

fn is_protected(status: &Value) -> bool {
    let one = &status["symbols"][0];
    one["phase"] == "holding" && one["exposure"] != "0" && !one["stop_price"].is_null()
}

async fn waiting_stops(venue: &RestClient) -> Vec<StopReport> {
    venue.waiting_stops(Some(symbol())).await.unwrap()
}
