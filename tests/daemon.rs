//! The daemon as a process: what systemd, an operator and a bad line do to it.

use std::fs;
use std::time::Duration;

use lobd::app::DataFolder;
use lobd::domain::{OrderStatus, Second, Timestamp};
use lobd::sim::market::MarketSettings;
use serde_json::{Value, json};
use tokio::net::UnixDatagram;

use crate::support::constant_model;
use crate::support::faulted::switch_on;
use crate::support::process::{Home, Running, eventually, falls_silent, told, told_within};
use crate::support::venue::{Venue, quiet_market};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_leaves_a_position_under_its_stop_and_ends_well() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    constant_model::promote(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    home.status_when("a position under its stop", is_protected).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
    assert!(!venue.exposure().await.is_zero());
    assert_eq!(venue.stops().await.len(), 1);
    let working =
        venue.orders().await.into_iter().filter(|order| !order.report.status.is_terminal());
    assert!(working.clone().all(|order| order.report.reduce_only), "no entry is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_closes_the_position_where_the_policy_is_to_flatten() {
    let venue = Venue::start(quiet_market()).await;
    let mut variables = venue.variables();
    variables.push(("SHUTDOWN_POLICY", "flatten".to_owned()));
    let home = Home::with(&variables);
    constant_model::promote(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    home.status_when("a position under its stop", is_protected).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
    assert!(venue.exposure().await.is_zero());
    assert!(venue.stops().await.is_empty());
    assert!(venue.orders().await.iter().all(|order| order.report.status.is_terminal()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_cancels_a_working_entry() {
    let venue = Venue::start(quiet_market()).await;
    let mut variables = venue.variables();
    variables.push(("ENTRY_STYLE", "join".to_owned())); // nobody trades here, so it stays
    let home = Home::with(&variables);
    constant_model::promote(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    home.status_when("an entry works", |status| {
        status["symbols"][0]["working_orders"][0]["state"] == "working"
    })
    .await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
    let orders = venue.orders().await;
    assert_eq!(orders[orders.len() - 1].report.status, OrderStatus::Canceled);
    assert!(orders.iter().all(|order| order.report.status.is_terminal()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_obeyed_and_told_how_it_stands() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    home.fails(&["status"], 3, &["control.sock", "lobd run"]);
    home.fails(&["pause"], 3, &["lobd run"]);
    let mut daemon = home.spawn(&["run"]);
    home.status_when("reconciled", |status| status["is_reconciled"] == true).await;
    home.succeeds(&["pause"]);
    home.status_when("paused", |status| status["is_paused"] == true).await;
    home.succeeds(&["resume"]);
    home.status_when("resumed", |status| status["is_paused"] == false).await;
    home.succeeds(&["halt", "maintenance at noon"]);
    home.status_when("halted", |status| status["halted"] == "maintenance at noon").await;
    home.fails(&["status"], 4, &["halted", "lobd resume"]);
    home.succeeds(&["resume"]);
    home.status_when("not halted", |status| status["halted"].is_null()).await;
    home.succeeds(&["status"]);
    home.fails(&["run"], 9, &["another", "--data-dir"]);
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
    home.fails(&["status"], 3, &["control.sock"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_that_the_engine_refuses_fails_and_says_why() {
    let venue = Venue::start(quiet_market()).await;
    let mut variables = venue.variables();
    // The fee of the first entry is more than the day may lose.
    variables.push(("MAX_DAILY_LOSS_USDT", "0.0001".to_owned()));
    let home = Home::with(&variables);
    constant_model::promote(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    home.status_when("halted by its loss", |status| !status["halted"].is_null()).await;
    home.fails(&["resume"], 6, &["not resumed", "the day's realised loss"]);
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_stands_still_is_not_waited_for() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    let mut daemon = home.spawn(&["run"]);
    home.status_when("it answers", |_| true).await;
    daemon.stop_in_place();
    home.fails(&["status"], 5, &["control.sock", "does not answer"]);
    daemon.go_on();
    home.status_when("it answers again", |_| true).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_without_keys_writes_what_it_has_when_it_is_asked_to_end() {
    let venue = Venue::start(MarketSettings::bitcoin_perpetual()).await;
    let mut variables = venue.variables();
    variables.retain(|(name, _)| !name.contains("API"));
    variables.push(("RECORD_BATCH", "600".to_owned())); // no commit comes by itself in this test
    let home = Home::with(&variables);
    let mut recorder = home.spawn(&["record"]);
    eventually("the recorder listens", async || venue.sandbox.control.open_streams().await >= 2)
        .await;
    let begun = venue.clock.now();
    let enough = begun + Duration::from_secs(4);
    eventually("four seconds pass", async || venue.clock.now() > enough).await;
    assert_eq!(home.valid_seconds().len(), 0, "all of them wait for their commit");
    recorder.terminate();
    assert_eq!(recorder.exit().await, Some(0), "{}", home.log());
    let valid = home.valid_seconds();
    assert!(valid.len() >= 3, "{valid:?} since {begun}");
    let consecutive = valid.windows(2).all(|pair| pair[1] == pair[0].next());
    assert!(consecutive, "{valid:?}");
    for gap in gaps(&home) {
        assert!(gap["to"].as_str().unwrap() <= valid[0].to_string().as_str(), "{gap}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_line_is_a_gap_with_a_reason_and_trading_resumes() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    constant_model::promote(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    home.status_when("reconciled", |status| status["is_reconciled"] == true).await;
    home.succeeds(&["pause"]);
    home.status_when("seconds are predicted", |status| {
        status["is_paused"] == true && !status["symbols"][0]["prediction"].is_null()
    })
    .await;

    // Longer than a second, so that one ends with the line down.
    let until = venue.clock.now() + Duration::from_millis(1_500);
    eventually("the line is down for a second", async || {
        venue.sandbox.control.cut_streams().await;
        venue.clock.now() > until
    })
    .await;
    home.succeeds(&["resume"]);
    home.status_when("it trades again", is_protected).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());

    let valid = home.valid_seconds();
    let gaps = gaps(&home);
    let is_inside = |gap: &&Value| gap["from"].as_str().unwrap() > valid[0].to_string().as_str();
    let cut: Vec<&Value> = gaps.iter().filter(is_inside).collect();
    assert!(!cut.is_empty(), "{gaps:?}");
    for gap in cut {
        let kind = gap["kind"].as_str().unwrap();
        assert!(kind.starts_with("STALE: ") || kind.starts_with("MISSING: "), "{gap}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seconds_of_a_stopped_process_are_missing_and_the_one_it_wakes_in_is_stale() {
    let venue = Venue::start(MarketSettings::bitcoin_perpetual()).await;
    let home = Home::with(&venue.variables());
    let recorder = home.spawn(&["record"]);
    eventually("the recorder listens", async || venue.sandbox.control.open_streams().await >= 2)
        .await;
    eventually("a second is valid", async || !home.valid_seconds().is_empty()).await;
    recorder.stop_in_place();
    let stopped = venue.clock.now();
    // Well within a second, so that it wakes in the one we think.
    let is_due = |now: Timestamp| now.since(stopped).as_secs() >= 3 && now.millis() % 1_000 < 500;
    eventually("three seconds pass", async || is_due(venue.clock.now())).await;
    let woken = venue.clock.now();
    recorder.go_on();
    let back = woken.second().next();
    eventually("it records again", async || {
        home.valid_seconds().last().is_some_and(|last| *last > back)
    })
    .await;

    let (first, last) = (stopped.second(), woken.second());
    let valid = home.valid_seconds();
    let wrong: Vec<_> = valid.iter().filter(|second| (first..=last).contains(*second)).collect();
    assert!(wrong.is_empty(), "{wrong:?} between {stopped} and {woken}: {}", home.log());
    let gaps = gaps(&home);
    let kind_at = |moment: Second| {
        let moment = moment.to_string();
        let holds = |gap: &&Value| {
            gap["from"].as_str().unwrap() <= moment.as_str()
                && moment.as_str() < gap["to"].as_str().unwrap()
        };
        gaps.iter().find(holds).map(|gap| gap["kind"].as_str().unwrap().to_owned())
    };
    assert_eq!(kind_at(first.next()).as_deref(), Some("absent: nothing was recording"), "{gaps:?}");
    assert_eq!(kind_at(last).as_deref(), Some("STALE: no proof of life"), "{gaps:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_takes_charge_between_two_seconds() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    let idle = constant_model::promote(&home.data(), 0.0);
    let eager = constant_model::save(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    let predicted_by = |model: lobd::domain::ModelId| {
        move |status: &Value| status["symbols"][0]["prediction"]["model"] == model.as_str()
    };
    let status = home.status_when("the first model answers", predicted_by(idle)).await;
    assert_eq!(status["symbols"][0]["exposure"], "0");
    home.succeeds(&["models", "promote", eager.as_str()]);
    home.status_when("the second model answers", predicted_by(eager)).await;
    home.status_when("it is traded on", is_protected).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_that_it_is_ready_alive_and_ending() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    let (mut daemon, socket) = managed(&home, "run");
    told(&socket, "READY=1").await;
    for _ in 0..3 {
        told(&socket, "WATCHDOG=1").await;
    }
    daemon.terminate();
    told(&socket, "STOPPING=1").await;
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_is_alive_while_its_batch_waits_for_the_commit() {
    let venue = Venue::start(quiet_market()).await;
    let mut variables = venue.variables();
    variables.push(("RECORD_BATCH", "600".to_owned()));
    let home = Home::with(&variables);
    let path = home.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut command = home.lobd(&["record"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "3000000");
    let mut recorder = home.start(command);
    told(&socket, "READY=1").await;
    for _ in 0..2 {
        told(&socket, "WATCHDOG=1").await;
    }
    recorder.terminate();
    assert_eq!(recorder.exit().await, Some(0), "{}", home.log());
}

/// Starts a daemon whose service manager listens at a socket and wants to hear often.
fn managed(home: &Home, mode: &str) -> (Running, UnixDatagram) {
    let path = home.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut command = home.lobd(&[mode]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1500000");
    (home.start(command), socket)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trading_loop_that_hangs_feeds_no_watchdog() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    let (mut daemon, socket) = managed(&home, "run");
    told(&socket, "READY=1").await;
    told(&socket, "WATCHDOG=1").await;
    // Somebody holds the journal: the next commit waits for it, and the loop with it.
    let journal = rusqlite::Connection::open(DataFolder::new(&home.data()).journal()).unwrap();
    journal.busy_timeout(Duration::from_secs(5)).unwrap();
    journal.execute_batch("BEGIN IMMEDIATE").unwrap();
    falls_silent(&socket).await;
    journal.execute_batch("ROLLBACK").unwrap();
    told(&socket, "WATCHDOG=1").await;
    home.status_when("it goes on", |status| status["is_reconciled"] == true).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_that_hangs_feeds_no_watchdog() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    let (mut recorder, socket) = managed(&home, "record");
    told(&socket, "READY=1").await;
    told(&socket, "WATCHDOG=1").await;
    let tape = rusqlite::Connection::open(DataFolder::new(&home.data()).tape()).unwrap();
    tape.busy_timeout(Duration::from_secs(5)).unwrap();
    tape.execute_batch("BEGIN IMMEDIATE").unwrap();
    falls_silent(&socket).await;
    tape.execute_batch("ROLLBACK").unwrap();
    told(&socket, "WATCHDOG=1").await;
    recorder.terminate();
    assert_eq!(recorder.exit().await, Some(0), "{}", home.log());
}

/// Promise I16: what waits for the network is no hang.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_venue_starves_no_watchdog() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    let (mut daemon, socket) = managed(&home, "run");
    told(&socket, "READY=1").await;
    for fault in ["refuse-sockets", "lose-request=silence", "cut-sockets"] {
        switch_on(&venue.sandbox.control, fault).await;
    }
    let dark = venue.clock.now() + Duration::from_secs(8);
    while venue.clock.now() < dark {
        told_within(&socket, "WATCHDOG=1", Duration::from_secs(5)).await;
    }
    // Nor does an outage keep it from ending.
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_written_keeps_nothing_from_trading() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    constant_model::promote(&home.data(), 50.0);
    let mut daemon = home.spawn_unheard(&["run"]);
    home.status_when("a position under its stop", is_protected).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0));
    assert_eq!(venue.stops().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_model_put_in_charge_is_refused_and_the_old_one_stays() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    let idle = constant_model::promote(&home.data(), 0.0);
    let eager = constant_model::save(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    let predicts = |status: &Value| status["symbols"][0]["prediction"]["model"] == idle.as_str();
    home.status_when("the model answers", predicts).await;
    let folder = constant_model::path(&home.data(), eager);
    let model = folder.join("model.json");
    let whole = fs::read_to_string(&model).unwrap();
    fs::write(&model, whole.replace("50.0", "51.0")).unwrap();
    let pointer = folder.with_file_name("current");
    let text = fs::read_to_string(&pointer).unwrap();
    fs::write(&pointer, text.replace(idle.as_str(), eager.as_str())).unwrap();
    eventually("it is refused", async || home.log().contains("the old one stays")).await;
    let refused_at = venue.clock.now().second().unix();
    let status = home.status_when("the old one answers", |status| {
        let second = status["symbols"][0]["prediction"]["second"].as_i64();
        predicts(status) && second > Some(refused_at)
    });
    assert_eq!(status.await["symbols"][0]["totals"]["entries"], 0);
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}

fn is_protected(status: &Value) -> bool {
    let one = &status["symbols"][0];
    one["phase"] == "holding" && one["exposure"] != json!("0") && !one["stop_price"].is_null()
}

fn gaps(home: &Home) -> Vec<Value> {
    let text = home.succeeds(&["data", "gaps", "--json"]);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
