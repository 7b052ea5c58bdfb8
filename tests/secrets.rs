//! Keys, signatures and listen keys go to the venue and nowhere else: canaries of each are looked for
//! in every byte that the binary says or leaves on disk, in good days and bad (promise I9).

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use lobd::clock::SystemClock;
use lobd::sandbox::SandboxSettings;
use lobd::sign::Secret;
use serde_json::Value;

use crate::support::canary::{Canaries, WireTap};
use crate::support::constant_model;
use crate::support::fake_venue::{FakeVenue, Reply};
use crate::support::faulted::switch_on;
use crate::support::process::{Home, Running, eventually};
use crate::support::venue::{Venue, quiet_market};

const KEY: &str = "CanaryKey7f3a9c1e5b8d2046CanaryKeyCanaryKeyCanaryKeyCanaryKey0001";
/// With what a format string, a shell, a terminal or JSON would stumble over.
const SECRET: &str = r#"CanarySecret4b7d9e2f%s%n{}{:?}\n$(id)`"é"#;

fn settings() -> SandboxSettings {
    let secret = Secret::new(SECRET.to_owned());
    SandboxSettings { api_key: KEY.to_owned(), api_secret: secret, ..SandboxSettings::for_seed(7) }
}

/// An exchange whose account has the canaries as keys, with a tap on its REST interface.
struct Tapped {
    venue: Venue,
    tap: WireTap,
    home: Home,
}

impl Tapped {
    async fn start() -> Self {
        let clock = Arc::new(SystemClock::start());
        let venue = Venue::start_with(clock, quiet_market(), settings()).await;
        let tap = WireTap::on(venue.sandbox.rest_url.strip_prefix("http://").unwrap()).await;
        let mut variables = venue.variables();
        variables.retain(|(name, _)| *name != "LOBD_SANDBOX_API_SECRET");
        variables.push(("LOBD_REST_URL", format!("http://{}", tap.address)));
        variables.push(("LOBD_SANDBOX_API_SECRET", format!("'{SECRET}'")));
        variables.push(("LOBD_LOG", "trace,hyper=trace,tungstenite=trace".to_owned()));
        Self { venue, tap, home: Home::with(&variables) }
    }

    /// Runs a command to its end, however that is; everything that it says is searched.
    #[track_caller]
    fn says_nothing_in(&self, arguments: &[&str]) -> Output {
        says_nothing(&self.canaries(), self.home.lobd(arguments))
    }

    /// Everything secret so far.
    fn canaries(&self) -> Canaries {
        let mut canaries = Canaries::of(&settings());
        for signature in self.tap.signatures() {
            canaries.add(&signature);
        }
        canaries
    }
}

#[track_caller]
fn says_nothing(canaries: &Canaries, mut command: Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    canaries.are_absent_from(&format!("stdout of {command:?}"), &output.stdout);
    canaries.are_absent_from(&format!("stderr of {command:?}"), &output.stderr);
    output
}

/// What anybody on the machine may see of a process: its command line; and its children's
/// environment, which is theirs to give away.
fn seen_of(process: &Running) -> Vec<u8> {
    let at = |what: &str| std::fs::read(format!("/proc/{}/{what}", process.id())).unwrap();
    let mut seen = at("cmdline");
    let tasks = format!("/proc/{}/task", process.id());
    for task in std::fs::read_dir(tasks).unwrap().map(Result::unwrap) {
        // A thread may have ended meanwhile.
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            for what in ["environ", "cmdline"] {
                seen.extend(std::fs::read(format!("/proc/{child}/{what}")).unwrap_or_default());
            }
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_on_good_and_bad_days_tells_and_leaves_nothing_secret() {
    let tapped = Tapped::start().await;
    let Tapped { venue, home, .. } = &tapped;
    constant_model::promote(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    let is_protected = |status: &Value| !status["symbols"][0]["stop_price"].is_null();
    home.status_when("a position under its stop", is_protected).await;
    for fault in [
        "lose-response=cut:GET:times=2",
        "http-503=unknown:GET:times=1",
        "lose-request=cut:POST /fapi/v1/listenKey:times=1",
        "expire-listen-key",
        "cut-sockets",
    ] {
        switch_on(&venue.sandbox.control, fault).await;
    }
    eventually("the account's stream is back", async || {
        home.log().matches("user stream disconnected").count() >= 2
            && home.status().await.is_some_and(|status| status["is_reconciled"] == true)
    })
    .await;
    tapped.canaries().are_absent_from("what others see of it", &seen_of(&daemon));
    for arguments in [
        &["status", "--json"][..],
        &["status"],
        &["why-not-trading", "--json"],
        &["position", "--json"],
        &["orders", "--json"],
        &["history", "--json"],
        &["reconcile", "--json"],
        &["journal", "verify", "--json"],
        &["journal", "replay", "--json"],
        &["market-order", "--symbol", "BTCUSDT", "--side", "buy", "--quantity", "1000000"],
        &["run"],
        &["halt", "for a while"],
        &["resume"],
    ] {
        tapped.says_nothing_in(arguments);
    }
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0));
    assert!(tapped.tap.signatures().len() > 20, "{}", tapped.tap.signatures().len());
    let files = tapped.canaries().are_absent_below(home.path());
    assert!(files >= 6, "log, tape, journal, emergency file, model, lock: {files}");
    assert!(home.log().contains("DEBUG") && home.log().contains("WARN"), "the log is verbose");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_over_their_socket_and_recording_tell_nothing_secret() {
    let tapped = Tapped::start().await;
    let home = &tapped.home;
    constant_model::promote(&home.data(), 50.0);
    for (arguments, transport) in [("run", "websocket"), ("record", "rest")] {
        let mut command = home.lobd(&[arguments]);
        command.env("ORDER_TRANSPORT", transport);
        let mut process = home.start(command);
        let recorded = || if home.records_already() { home.valid_seconds().len() } else { 0 };
        let before = recorded();
        eventually("it records", async || recorded() > before + 2).await;
        if arguments == "run" {
            home.status_when("it holds", |status| status["symbols"][0]["phase"] == "holding").await;
        }
        process.terminate();
        assert_eq!(process.exit().await, Some(0), "{}", home.log());
    }
    tapped.canaries().are_absent_below(home.path());
    // The signatures of the socket do not pass the tap; their name would.
    assert!(!home.log().contains("signature"), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certification_shows_what_was_sent_without_what_is_secret() {
    let tapped = Tapped::start().await;
    let cases = ["C-030", "C-100", "C-120", "C-183", "C-190", "C-222"];
    let known = tapped.home.succeeds(&["certify", "--environment", "sandbox", "--list", "--json"]);
    let mut arguments = vec!["certify", "--environment", "sandbox", "--json"];
    for case in cases.iter().filter(|case| known.contains(**case)) {
        arguments.extend(["--case", case]);
    }
    assert!(arguments.len() > 8, "{arguments:?}");
    let output = tapped.says_nothing_in(&arguments);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["cases"].as_array().unwrap().len() >= 3, "{report}");
    // What was signed while it ran is known only now.
    tapped.canaries().are_absent_from("the report on stdout", &output.stdout);
    assert!(tapped.canaries().are_absent_below(tapped.home.path()) >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_that_fail_tell_nothing_secret() {
    let elsewhere = "Location: http://127.0.0.1:1/fapi/v1/order?signature=moved\r\n";
    let answers: [fn(&str) -> Reply; 4] = [
        |elsewhere| Reply::Answer(302, "Location: http://127.0.0.1:1/\r\n", elsewhere.to_owned()),
        |_| Reply::Answer(403, "", "<html><body>blocked</body></html>".to_owned()),
        |_| Reply::json(200, "{\"serverTime\":"),
        |_| Reply::json(401, r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions."}"#),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let time = crate::support::fake_venue::server_time;
        let fake = FakeVenue::start(move |seen| {
            // The clock is told, so that what is signed goes out.
            if seen.path == "/fapi/v1/time" && number != 2 { time() } else { answer(elsewhere) }
        })
        .await;
        let home = Home::with(&[
            ("LOBD_ENVIRONMENT", "sandbox".to_owned()),
            ("LOBD_REST_URL", fake.url.clone()),
            ("LOBD_STREAM_URL", "ws://127.0.0.1:1".to_owned()),
            ("LOBD_SANDBOX_API_KEY", KEY.to_owned()),
            ("LOBD_SANDBOX_API_SECRET", format!("'{SECRET}'")),
            ("LOBD_LOG", "trace".to_owned()),
        ]);
        let mut canaries = Canaries::of(&settings());
        let mut said = Vec::new();
        for arguments in [&["run"][..], &["position"], &["cancel-all", "--symbol", "BTCUSDT"]] {
            let output = says_nothing(&canaries, home.lobd(arguments));
            assert!(!output.status.success(), "{arguments:?}");
            said.extend(output.stderr);
        }
        for seen in fake.seen() {
            if let Some(signature) = seen.parameter("signature") {
                canaries.add(signature);
            }
        }
        canaries.are_absent_from("what was said", &said);
        canaries.are_absent_below(home.path());
    }
}

/// What `lobd retrain` starts inherits settings, and no key.
#[test]
fn a_training_inherits_no_key() {
    let home = Home::new();
    let nice = home.path().join("nice");
    let seen = home.path().join("seen");
    let script = "#!/bin/sh\ncat /proc/$$/environ /proc/$$/cmdline > seen\n";
    std::fs::write(&nice, script).unwrap();
    assert!(Command::new("chmod").arg("755").arg(&nice).status().unwrap().success());
    let mut command = home.lobd(&["retrain"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", home.path().display()));
    for environment in ["SANDBOX", "TESTNET", "PRODUCTION"] {
        command.env(format!("LOBD_{environment}_API_KEY"), KEY);
        command.env(format!("LOBD_{environment}_API_SECRET"), SECRET);
    }
    command.env("LOBD_SYMBOLS", "BTCUSDT").env("SOMETHING_ELSE", KEY);
    let canaries = Canaries::of(&settings());
    let output = says_nothing(&canaries, command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen = std::fs::read(seen).unwrap();
    canaries.are_absent_from("the training's environment", &seen);
    let text = String::from_utf8_lossy(&seen);
    assert!(text.contains("LOBD_SYMBOLS=BTCUSDT") && text.contains("--promote"), "{text}");
}

/// The exchange prints its keys, which are no secrets of anybody's, once; and then nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_exchange_says_its_keys_once() {
    let home = Home::new();
    let mut exchange = home.spawn(&["exchange", "--seed", "7"]);
    eventually("it is ready", async || home.log().contains("api_key")).await;
    exchange.terminate();
    assert_eq!(exchange.exit().await, Some(0));
    let log = home.log();
    let (_, rest) = log.split_once('\n').unwrap();
    Canaries::of(&SandboxSettings::for_seed(7)).are_absent_from("its log", rest.as_bytes());
}

/// Searching finds what is there, be it cut or amid other bytes.
#[test]
fn the_search_finds_a_leak() {
    let folder = tempfile::tempdir().unwrap();
    let canaries = Canaries::of(&settings());
    let search = |path: &Path| {
        let canaries = canaries.clone();
        let path = path.to_owned();
        std::panic::catch_unwind(move || canaries.are_absent_below(&path)).is_err()
    };
    assert!(!search(folder.path()));
    for (name, text) in [("a.db", &KEY[..20]), ("b", SECRET)] {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("\0\u{7}{text}\0")).unwrap();
        assert!(search(folder.path()), "{name}");
        std::fs::remove_file(&path).unwrap();
    }
    assert!(!search(folder.path()));
}
