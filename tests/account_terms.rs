//! A person changes the account at the venue while the daemon trades: real sockets, real binary.

use std::sync::Arc;

use lobd::app::rest_settings;
use lobd::binance::RestClient;
use lobd::config::{Settings, Variables};

use crate::support::faulted::Daemon;
use crate::support::process::eventually;
use crate::support::venue::symbol;

/// The person's own client, under the account's key.
fn client(daemon: &Daemon) -> RestClient {
    let named = |(name, value): (&'static str, String)| (name.to_owned(), value);
    let variables: Variables = daemon.venue.variables().into_iter().map(named).collect();
    let settings = Settings::from_variables(&variables).unwrap();
    RestClient::new(rest_settings(&settings), Arc::clone(&daemon.venue.clock)).unwrap()
}

fn reason(status: &serde_json::Value) -> &str {
    status["halted"].as_str().unwrap_or_default()
}

/// Promise I3: the stream tells of another leverage; trading halts, and the stop stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_leverage_changed_by_hand_halts_trading_and_leaves_the_stop() {
    let daemon = Daemon::holding().await;
    client(&daemon).set_leverage(symbol(), 7).await.unwrap();
    let status = daemon.status_when("halted", |status| reason(status).contains("leverage")).await;
    assert!(reason(&status).contains("to 7"), "{status}");
    assert_eq!(daemon.stops().await.len(), 1);
    daemon.home.succeeds(&["resume"]);
    daemon.is_protected().await;
    daemon.ends_well().await;
}

/// Promise I3: of another margin type nobody tells; asking shows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_margin_type_changed_by_hand_halts_trading() {
    let daemon = Daemon::holding().await;
    daemon.flatten().await;
    client(&daemon).set_margin_type(symbol(), true).await.unwrap();
    daemon.status_when("halted", |status| reason(status).contains("isolated")).await;
    daemon.ends_well().await;
}

/// Promise I3: in hedge mode no order is taken; it halts, says what to do, and cannot be resumed
/// before it is done.
#[tokio::test(flavor = "multi_thread")]
async fn hedge_mode_set_by_hand_halts_trading_until_it_is_gone() {
    let daemon = Daemon::holding().await;
    daemon.flatten().await;
    daemon.switch_on("hedge-mode").await;
    daemon.home.succeeds(&["resume"]);
    daemon.status_when("halted", |status| reason(status).contains("hedge mode")).await;
    daemon.home.fails(&["resume"], 6, &["one-way"]);
    let switched = daemon
        .control()
        .with_exchange(|exchange, account| exchange.impose_hedge_mode(account, false));
    switched.await.unwrap().unwrap();
    eventually("it may be resumed", async || daemon.home.run(&["resume"]).status.success()).await;
    daemon.is_protected().await;
    daemon.ends_well().await;
}
