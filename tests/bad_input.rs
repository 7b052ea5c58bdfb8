//! Bad input ends in one clear line, the documented exit code, and nothing half-written.
//!
//! Truncated imports, full disks and second importers are in `storage.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lobd::app::DataFolder;
use lobd::clock::{Clock, SystemClock};
use lobd::domain::Timestamp;
use lobd::store::Tape;
use serde_json::Value;

use crate::support::constant_model;
use crate::support::fake_venue::{FakeVenue, Reply, server_time};
use crate::support::process::Home;
use crate::support::raw_client::Venue as RawVenue;
use crate::support::venue::{Venue, quiet_market};

/// An address at which nobody listens.
const NOBODY: &str = "127.0.0.1:1";

#[test]
fn without_an_environment_nothing_is_begun() {
    let home = Home::new();
    home.fails(&["run"], 78, &["LOBD_ENVIRONMENT", ".env.example"]);
    home.fails(&["record"], 78, &["LOBD_ENVIRONMENT"]);
    assert!(!home.data().exists());
}

#[test]
fn a_malformed_settings_file_is_named_and_its_secrets_are_not() {
    let home = Home::new();
    home.write_settings("LOBD_ENVIRONMENT=sandbox\nhunter2 is 'no setting\n");
    home.fails(&["run"], 78, &[".env", "malformed"]);
    let output = home.run(&["run"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
    assert!(!home.data().exists());
}

#[test]
fn every_wrong_setting_is_named_at_once() {
    let home = Home::new();
    home.write_settings("LOBD_ENVIRONMENT=sandbox\nSTOP_LOSS_USDT=ten\nRECORD_BATCH=0\n");
    home.fails(&["run"], 78, &["STOP_LOSS_USDT", "RECORD_BATCH", "LOBD_REST_URL"]);
    assert!(!home.data().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_or_secret_is_refused_before_anything_is_stored() {
    let venue = Venue::start(quiet_market()).await;
    for name in ["LOBD_SANDBOX_API_KEY", "LOBD_SANDBOX_API_SECRET"] {
        let mut variables = venue.variables();
        variables.push((name, "f00".repeat(20)));
        let home = Home::with(&variables);
        home.fails(&["run"], 77, &["key"]);
        home.fails(&["position"], 77, &[]);
        assert_eq!(files(&home.data()), ["lock"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_not_trade_is_refused_before_anything_is_stored() {
    let listed = RawVenue::start().await.public("/fapi/v1/exchangeInfo").await.body;
    let fake = FakeVenue::start(move |seen| match seen.path.as_str() {
        "/fapi/v1/time" => server_time(),
        "/fapi/v1/exchangeInfo" => Reply::json(200, &listed),
        "/fapi/v1/accountConfig" => {
            Reply::json(200, r#"{"canTrade":false,"canWithdraw":true,"dualSidePosition":false}"#)
        }
        _ => Reply::Silence,
    })
    .await;
    let home = Home::with(&sandbox_at(&fake.url));
    home.fails(&["run"], 77, &["may not trade", "allow its key to trade futures"]);
    assert_eq!(files(&home.data()), ["lock"]);
    assert!(fake.seen_at("/fapi/v1/order").is_empty());
}

/// The settings of a sandbox at this address.
fn sandbox_at(rest: &str) -> [(&'static str, String); 5] {
    [
        ("LOBD_ENVIRONMENT", "sandbox".to_owned()),
        ("LOBD_REST_URL", rest.to_owned()),
        ("LOBD_STREAM_URL", format!("ws://{NOBODY}")),
        ("LOBD_SANDBOX_API_KEY", "key".to_owned()),
        ("LOBD_SANDBOX_API_SECRET", "secret".to_owned()),
    ]
}

#[test]
fn a_settings_file_is_read_however_its_lines_end_and_its_values_are_quoted() {
    let home = Home::new();
    for text in [
        "LOBD_ENVIRONMENT=sandbox\r\nLOBD_REST_URL=http://127.0.0.1:1\r\n",
        "LOBD_ENVIRONMENT='sandbox'\nLOBD_REST_URL=\"http://127.0.0.1:1\"\n",
        "# where\n\n  LOBD_ENVIRONMENT = sandbox  \nLOBD_REST_URL=http://127.0.0.1:1 # here\n",
        "export LOBD_ENVIRONMENT=sandbox\nexport LOBD_REST_URL=http://127.0.0.1:1",
    ] {
        home.write_settings(&format!("{text}\nLOBD_STREAM_URL=ws://127.0.0.1:1"));
        home.fails(&["time"], 7, &[NOBODY]);
    }
    home.write_settings("");
    home.fails(&["time"], 78, &["LOBD_ENVIRONMENT"]);
    home.write_settings("\u{feff}LOBD_ENVIRONMENT=sandbox\n");
    home.fails(&["time"], 78, &[".env"]);
    assert!(!home.data().exists());
}

#[test]
fn what_the_environment_says_overrules_the_file() {
    let home = Home::with(&sandbox_at(&format!("http://{NOBODY}")));
    home.fails(&["time"], 7, &[NOBODY]);
    let output = home.lobd(&["time"]).env("LOBD_REST_URL", "http://127.0.0.1:2").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("127.0.0.1:2") && !stderr.contains(NOBODY), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_that_is_retired_is_named_before_anything_is_stored() {
    for status in [404, 410] {
        let fake = FakeVenue::start(move |_| Reply::json(status, "<html>Gone</html>")).await;
        let home = Home::with(&sandbox_at(&fake.url));
        home.fails(&["run"], 7, &["no answer of the venue's interface", "LOBD_REST_URL"]);
        assert_eq!(files(&home.data()), ["lock"], "{status}");
    }
}

#[test]
fn an_exchange_that_cannot_be_reached_is_named() {
    let home = Home::with(&sandbox_at(&format!("http://{NOBODY}")));
    home.fails(&["time"], 7, &[NOBODY]);
    home.fails(&["run"], 7, &[NOBODY, "LOBD_REST_URL"]);
    home.fails(&["record"], 7, &[NOBODY]);
    assert_eq!(files(&home.data()), ["lock"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symbol_the_exchange_does_not_list_is_named() {
    let venue = Venue::start(quiet_market()).await;
    let mut variables = venue.variables();
    variables.push(("LOBD_SYMBOLS", "BTCUSDT,NOSUCHUSDT".to_owned()));
    let home = Home::with(&variables);
    home.fails(&["run"], 78, &["NOSUCHUSDT", "LOBD_SYMBOLS"]);
    home.fails(&["record"], 78, &["NOSUCHUSDT"]);
    assert_eq!(files(&home.data()), ["lock"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_two_seconds_off_is_measured_and_corrected_and_opens_no_position() {
    let clock = Arc::new(Ahead(SystemClock::start(), Duration::from_secs(2)));
    let venue = Venue::start_on(clock, quiet_market()).await;
    let home = Home::with(&venue.variables());
    constant_model::promote(&home.data(), 50.0);
    let time: Value = serde_json::from_str(&home.succeeds(&["time", "--json"])).unwrap();
    let offset = time["offset_ms"].as_i64().unwrap();
    assert!((1_900..=2_100).contains(&offset), "{time}");
    home.succeeds(&["position", "--json"]);

    let mut daemon = home.spawn(&["run"]);
    let status = home.status_when("it says why it does not trade", |status| {
        status["is_reconciled"] == true && status["symbols"][0]["why_not"] == "clock_offset"
    });
    assert_eq!(status.await["symbols"][0]["totals"]["entries"], 0);
    let log = home.log();
    assert_eq!(log.lines().filter(|line| line.contains("NTP")).count(), 1, "{log}");
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
    assert!(venue.orders().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_model_is_named_and_does_not_trade() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    let id = constant_model::promote(&home.data(), 50.0);
    let path = constant_model::path(&home.data(), id).join("model.json");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, whole.replace("50.0", "51.0")).unwrap();
    home.fails(&["run"], 8, &["model.json", "rollback"]);
    let folder = DataFolder::new(&home.data());
    assert!(!folder.journal().exists() && !folder.tape().exists(), "nothing was begun");
    assert!(venue.orders().await.is_empty());

    fs::write(&path, whole).unwrap();
    let mut daemon = home.spawn(&["run"]);
    home.status_when("the mended model trades", |status| {
        status["symbols"][0]["totals"]["entries"] == 1
    })
    .await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "nothing was half-written: {}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_journal_is_named_and_left_as_it_is() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    let path = DataFolder::new(&home.data()).journal();
    fs::create_dir_all(home.data()).unwrap();
    let damaged = b"this was a journal once".repeat(300);
    fs::write(&path, &damaged).unwrap();
    home.fails(&["run"], 74, &["journal.db"]);
    home.fails(&["journal", "verify"], 74, &["journal.db"]);
    assert_eq!(fs::read(&path).unwrap(), damaged);
    assert!(venue.orders().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tape_of_a_newer_version_is_not_touched() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    let path = DataFolder::new(&home.data()).tape();
    fs::create_dir_all(home.data()).unwrap();
    drop(Tape::open(&path).unwrap());
    let mut bytes = fs::read(&path).unwrap();
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes()); // SQLite's user_version
    fs::write(&path, &bytes).unwrap();
    // No restart helps: 78 keeps the service manager from trying.
    for command in [&["run"][..], &["record"], &["data", "gaps"]] {
        home.fails(command, 78, &["tape.db", "9999"]);
    }
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

/// A clock that runs ahead of the machine's.
struct Ahead(SystemClock, Duration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.0.now() + self.1
    }
}

/// The names in a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap().path())).collect();
    names.sort();
    names
}
