//! The commands that learn and judge, over the real binary: one hour of the demo's market, then
//! train, backtest, models, evaluate, reconcile.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use lobd::app::demo::{DemoSettings, prepare};
use lobd::app::{DataFolder, live_score};
use lobd::clock::{Clock, SystemClock};
use lobd::domain::{ModelId, Prediction, Second, Timestamp};
use lobd::engine::Event;
use lobd::store::{InstrumentKey, Journal, Tape};
use serde_json::Value;

/// `lobd` on a data folder, where no settings file lies about.
fn lobd(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lobd"));
    command.env_clear().current_dir(data.parent().unwrap()).arg("--data-dir").arg(data);
    command
}

#[track_caller]
fn json(output: &Output, code: i32) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn fails(output: &Output, code: i32, message: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
}

/// An hour of the seeded market on a tape, and two models, promoted or not.
fn an_hour(data: &Path) {
    let settings =
        DemoSettings { data_dir: data.to_owned(), seed: 7, history: Duration::from_hours(1) };
    prepare(&settings, Timestamp::from_seconds(1_800_000_000), &mut |_| ()).unwrap();
}

/// A journal whose run predicted, at every tenth second of the tape, exactly what came.
fn predict_what_came(data: &Path) -> usize {
    let folder = DataFolder::new(data);
    let tape = Tape::open_read_only(&folder.tape()).unwrap();
    let key: InstrumentKey = *tape.instruments().first().unwrap();
    let whole = Second::from_unix(0)..Second::from_unix(i64::from(u32::MAX));
    let mids = live_score::mids(&tape, &key, whole).unwrap();
    let model: ModelId = "ols-00000001".parse().unwrap();
    let mut journal = Journal::open(&folder.journal()).unwrap();
    journal.start_run(Timestamp::from_seconds(1_800_000_000), "test").unwrap();
    let mut predicted = 0;
    for (second, (mid, spread)) in mids.iter().step_by(10) {
        let Some((later, _)) = mids.get(&second.plus(10)) else { continue };
        let prediction = Prediction {
            second: *second,
            symbol: key.symbol,
            model,
            expected_move: later.relative_to(*mid),
            error: *spread,
            in_range: true,
        };
        journal.append(second.end(), &Event::Prediction(prediction)).unwrap();
        predicted += 1;
    }
    journal.commit(&[]).unwrap();
    predicted
}

#[test]
fn a_tape_is_trained_on_backtested_and_evaluated_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    an_hour(&data);

    let trained = json(&lobd(&data).args(["train", "--json"]).output().unwrap(), 0);
    let id = trained["id"].as_str().unwrap();
    let threshold = &trained["threshold"];
    let points = |which: &str| threshold[which].as_array().unwrap().len();
    assert!(points("with_floor") > 3 && points("with_floor") == points("without_floor"));
    assert_eq!(threshold["choice"]["spread_multiple"], trained["signal_spread_multiple"]);
    assert!(!threshold["remark"].as_str().unwrap().is_empty());
    for figure in ["pnl_before_fees", "pnl_after_fees", "pnl_at_default_fees"] {
        assert!(trained["backtest"][figure].is_string(), "{figure}: {}", trained["backtest"]);
    }
    let given = ["train", "--json", "--signal-spread-multiple", "2.5"];
    let given = json(&lobd(&data).args(given).output().unwrap(), 0);
    assert!(given["threshold"].is_null() && given["signal_spread_multiple"] == 2.5);

    let page = folder.path().join("report.html");
    let mut backtest = lobd(&data);
    backtest.args(["backtest", "--json", "--model", id, "--report"]).arg(&page);
    let report = json(&backtest.output().unwrap(), 0);
    assert_eq!(report["out_of_sample"], true);
    for figure in ["round_trips", "pnl_before_fees", "pnl_after_fees", "pnl_at_default_fees"] {
        assert_eq!(report[figure], trained["backtest"][figure], "{figure}, as when it was trained");
    }
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<svg") && page.contains("PnL before fees"), "{page}");
    let whole = ["backtest", "--json", "--model", id, "--from", "2026-01-01T00:00:00Z"];
    let whole = json(&lobd(&data).args(whole).output().unwrap(), 0);
    assert_eq!(whole["out_of_sample"], false, "the training part is in it");

    let models = json(&lobd(&data).args(["models", "list", "--json"]).output().unwrap(), 0);
    assert!(models.as_array().unwrap().iter().any(|model| model["id"] == id));

    fails(&lobd(&data).args(["evaluate"]).output().unwrap(), 1, "no journal");
    let predicted = predict_what_came(&data);
    let scored = json(&lobd(&data).args(["evaluate", "--json"]).output().unwrap(), 0);
    assert_eq!(scored["n"].as_u64(), u64::try_from(predicted).ok());
    assert!(scored["r2_vs_zero"].as_f64().unwrap() > 0.999, "{scored}");
    let other = ["evaluate", "--model", "ols-00000002"];
    fails(&lobd(&data).args(other).output().unwrap(), 1, "no such prediction");
}

/// `lobd exchange` as a process, ended with its owner.
struct ExchangeProcess {
    child: Child,
    settings: Vec<(&'static str, String)>,
}

impl ExchangeProcess {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lobd"));
        command.env_clear().args(["exchange", "--seed", "3"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let named = |name: &str| ready[name].as_str().unwrap().to_owned();
        let settings = vec![
            ("LOBD_ENVIRONMENT", "sandbox".to_owned()),
            ("LOBD_REST_URL", named("rest")),
            ("LOBD_STREAM_URL", named("ws")),
            ("LOBD_SANDBOX_API_KEY", named("api_key")),
            ("LOBD_SANDBOX_API_SECRET", named("api_secret")),
        ];
        Self { child, settings }
    }
}

impl Drop for ExchangeProcess {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn reconcile_says_none_or_what_the_journal_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let exchange = ExchangeProcess::start();
    let settings = || exchange.settings.iter().map(|(name, value)| (*name, value.as_str()));
    let reconcile = || {
        let mut command = lobd(&data);
        command.envs(settings()).args(["reconcile", "--json"]).output().unwrap()
    };
    fails(&reconcile(), 1, "no journal");
    let mut journal = Journal::open(&DataFolder::new(&data).journal()).unwrap();
    journal.start_run(SystemClock::start().now(), "test").unwrap();
    assert_eq!(json(&reconcile(), 0)["discrepancies"], serde_json::json!([]));

    let order = ["market-order", "BTCUSDT", "buy", "0.01"];
    let placed = lobd(&data).envs(settings()).args(order).output().unwrap();
    assert!(placed.status.success(), "{}", String::from_utf8_lossy(&placed.stderr));
    let found = json(&reconcile(), 8);
    let kinds: Vec<&Value> =
        found["discrepancies"].as_array().unwrap().iter().map(|found| &found["kind"]).collect();
    assert_eq!(kinds, ["position", "unbooked_trades"], "{found}");
}

#[test]
fn why_not_trading_needs_a_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let output = lobd(&folder.path().join("data")).arg("why-not-trading").output().unwrap();
    fails(&output, 3, "no daemon answers");
}

#[test]
fn every_command_of_judgement_explains_itself_with_an_example() {
    for name in ["train", "backtest", "evaluate", "reconcile", "why-not-trading"] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_lobd")).args([name, "--help"]).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains(&format!("Example: `lobd {name}")), "{help}");
    }
}
