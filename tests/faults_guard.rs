//! A daemon that is not there any more, and a key that is not taken any more, over real sockets.

use std::sync::Arc;

use lobd::app::DataFolder;
use lobd::app::certified::CertifiedFacts;
use lobd::app::certify::{self, Ground, Selection};
use lobd::config::{Settings, Variables};
use lobd::domain::{
    ClientOrderId, Environment, OrderStatus, Side, StopRequest, StopSize, StopStatus,
};
use lobd::sim::StopTerms;
use tokio_util::sync::CancellationToken;

use crate::support::faulted::{Daemon, fired};
use crate::support::process::{Home, eventually};
use crate::support::venue::{Venue, quiet_market, symbol};

/// An entry that rests in a quiet market, under a countdown that is soon over.
const RESTING: &[(&str, &str)] =
    &[("ENTRY_STYLE", "join"), ("ENTRY_LIFE_SECONDS", "3600"), ("COUNTDOWN_SECONDS", "3")];

/// A daemon whose venue was certified with this outcome, once its entry rests.
async fn resting(stops_survive_countdown: bool) -> Daemon {
    let daemon = Daemon::start_prepared(&[], RESTING, |venue, home| {
        let facts = CertifiedFacts {
            environment: Environment::Sandbox,
            venue: venue.sandbox.rest_url.clone(),
            certified_at: venue.clock.now().to_string(),
            stops_survive_countdown,
        };
        facts.write(&DataFolder::new(&home.data())).unwrap();
    })
    .await;
    daemon
        .status_when("an entry rests", |status| {
            status["symbols"][0]["working_orders"][0]["state"] == "working"
        })
        .await;
    daemon
}

async fn is_canceled(daemon: &Daemon) -> bool {
    let entries = daemon.entries().await;
    entries.iter().all(|order| order.report.status == OrderStatus::Canceled)
}

/// Leaves a stop at the venue, as one over a position would be.
async fn place_stop(daemon: &Daemon) {
    let request = StopRequest {
        client_order_id: ClientOrderId::new("web_by-hand").unwrap(),
        symbol: symbol(),
        side: Side::Sell,
        trigger_price: "30000".parse().unwrap(),
        size: StopSize::Quantity("0.01".parse().unwrap()),
    };
    let placed = daemon.control().with_exchange(move |exchange, account| {
        exchange.place_stop(exchange.now(), account, &request, StopTerms::default())
    });
    placed.await.unwrap().unwrap();
}

/// Promise I4 and the dead-man's switch: whoever is gone leaves no entry behind, and its stop.
#[tokio::test(flavor = "multi_thread")]
async fn the_entry_of_a_daemon_that_is_gone_is_cancelled_by_the_venue_and_its_stop_stays() {
    for is_killed in [false, true] {
        let mut daemon = resting(true).await;
        let status = daemon.home.status().await.unwrap();
        assert_eq!(status["dead_mans_switch"], "stops_survive");
        if is_killed {
            daemon.kill();
        } else {
            daemon.freeze();
        }
        place_stop(&daemon).await;
        eventually("the venue cancels the entry", async || is_canceled(&daemon).await).await;
        let stops = daemon.stops().await;
        assert_eq!(stops.len(), 1);
        assert_eq!(stops[0].report.status, StopStatus::New);
        if !is_killed {
            daemon.thaw();
            daemon.ends_well().await;
        }
    }
}

/// While the daemon lives, its heartbeat keeps the entry.
#[tokio::test(flavor = "multi_thread")]
async fn the_entry_of_a_daemon_that_lives_outlasts_its_countdown() {
    let daemon = resting(true).await;
    let ends_at = |status: &serde_json::Value| status["symbols"][0]["countdown_ends_at"].clone();
    let first = ends_at(&daemon.home.status().await.unwrap());
    assert!(!first.is_null());
    for _ in 0..3 {
        let before = ends_at(&daemon.home.status().await.unwrap());
        daemon.status_when("it is renewed", |status| ends_at(status) != before).await;
    }
    assert!(!is_canceled(&daemon).await, "the entry rests");
    daemon.ends_well().await;
}

/// Where the countdown takes stops as well it is never armed.
#[tokio::test(flavor = "multi_thread")]
async fn a_countdown_that_takes_stops_is_never_armed() {
    let daemon = resting(false).await;
    let status = daemon.home.status().await.unwrap();
    assert_eq!(status["dead_mans_switch"], "takes_stops");
    assert!(status["symbols"][0]["countdown_ends_at"].is_null());
    let log = daemon.home.log();
    assert_eq!(log.matches("dead-man's switch over entries off").count(), 1, "{log}");
    daemon.ends_well().await;
}

/// `lobd certify` learns what the exchange does, and keeps it for the daemon.
#[tokio::test(flavor = "multi_thread")]
async fn certification_learns_whether_stops_survive_the_countdown() {
    for survives in [true, false] {
        let venue = Venue::start(quiet_market()).await;
        let set = move |exchange: &mut lobd::sim::Exchange, _| {
            exchange.set_rules(lobd::sim::Rules {
                countdown_cancels_stops: !survives,
                ..lobd::sim::Rules::default()
            });
        };
        venue.sandbox.control.with_exchange(set).await.unwrap();
        let variables: Variables =
            venue.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let settings = Settings::from_variables(&variables).unwrap();
        let ground = Ground::reach(&settings, symbol(), Arc::clone(&venue.clock)).await.unwrap();
        let selection = Selection { ids: vec!["C-181".to_owned()], reads_only: false };
        let stop = CancellationToken::new();
        let mut forget = |_: &certify::CaseReport| {};
        let report = certify::certify(&ground, &selection, &venue.clock, &stop, &mut forget).await;
        let facts = CertifiedFacts::of(&report.unwrap()).unwrap();
        assert_eq!(facts.stops_survive_countdown, survives);
        assert_eq!(facts.venue, venue.sandbox.rest_url);
    }
}

/// The same by the command, to the file that the daemon reads.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_keeps_what_was_certified() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    home.succeeds(&["certify", "--environment", "sandbox", "--case", "C-181"]);
    let path = DataFolder::new(&home.data()).certified(Environment::Sandbox);
    let facts: CertifiedFacts = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(facts.stops_survive_countdown);
}

/// G3, promises I4 and I12: the venue's stop stays, trading halts and says which key, requests slow
/// down, and only a person goes on, once the key works.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_halts_trading_until_it_works_and_a_person_goes_on() {
    let daemon = Daemon::start_with(&[], &[("RECONCILE_SECONDS", "1")]).await;
    daemon.is_protected().await;
    let number = daemon.switch_on("revoke-key").await;
    let status = daemon.status_when("halted", |status| !status["halted"].is_null()).await;
    let halted = status["halted"].as_str().unwrap();
    assert!(halted.contains("the API key of the sandbox environment"), "{halted}");
    assert_eq!(daemon.stops().await.len(), 1, "the stop is the venue's to keep");
    assert!(daemon.home.log().contains("halted: the venue refuses the API key"));
    daemon.home.fails(&["resume"], 6, &["API key"]);
    assert!(fired(daemon.control(), number).await > 0);
    daemon.control().clear_faults().await;
    daemon
        .status_when("the account answers again", |status| status["reconcile_failure"].is_null())
        .await;
    let status = daemon.home.status().await.unwrap();
    assert!(!status["halted"].is_null(), "a halt latches");
    daemon.home.succeeds(&["resume"]);
    let status = daemon.is_protected().await;
    assert_eq!(
        (&status["halted"], &status["discrepancies_total"]),
        (&serde_json::Value::Null, &0.into())
    );
    daemon.ends_well().await;
}

/// X5: the address of stops is asked for before the first entry, with every report of the account.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_opened_where_stops_cannot_be_listed() {
    let daemon = Daemon::start(&["http-503=unavailable:GET /fapi/v1/openAlgoOrders"]).await;
    daemon
        .status_when("it says why it does not trade", |status| {
            status["symbols"][0]["why_not"] == "not_reconciled"
                && !status["reconcile_failure"].is_null()
        })
        .await;
    assert!(daemon.entries().await.is_empty());
    daemon.control().clear_faults().await;
    daemon.is_protected().await;
    daemon.ends_well().await;
}
