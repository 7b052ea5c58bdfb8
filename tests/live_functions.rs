//! The live functions of the command line, as a person or a script uses them, against the
//! loopback exchange over real sockets; and their exit codes when something is wrong.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test picks what it waits for")]

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use lobd::binance::parse::UserEvent;
use lobd::binance::{ConditionalKind, ConditionalRequest, TriggerPrice, UserMessage};
use lobd::domain::{ClientOrderId, Side, StopSize};

use crate::support::loopback::{
    DEADLINE, Loopback, ShiftedClock, bitcoin, purchase, settled, user, wait_for,
};

/// `lobd` in an empty folder, with the settings given by its environment alone.
struct Lobd {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Lobd {
    fn at(venue: &Loopback) -> Self {
        Self::with(&[
            ("LOBD_REST_URL", &venue.sandbox.rest_url),
            ("LOBD_STREAM_URL", &venue.sandbox.ws_url),
            ("LOBD_SANDBOX_API_KEY", &venue.sandbox.api_key),
            ("LOBD_SANDBOX_API_SECRET", venue.sandbox.api_secret.expose()),
        ])
    }

    fn with(variables: &[(&'static str, &str)]) -> Self {
        let sandbox = ("LOBD_ENVIRONMENT", "sandbox".to_owned());
        let given = variables.iter().map(|&(name, value)| (name, value.to_owned()));
        let folder = tempfile::tempdir().unwrap();
        Self { folder, variables: std::iter::once(sandbox).chain(given).collect() }
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Runs a command to its end, while the exchange goes on answering.
    async fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lobd"));
        command.env_clear().current_dir(self.folder.path()).envs(self.variables.clone());
        command.args(arguments.split_whitespace());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn json(&self, arguments: &str) -> Value {
        let output = self.run(&format!("{arguments} --json")).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {stderr}");
        let lines = String::from_utf8(output.stdout).unwrap();
        assert_eq!(lines.trim_end().lines().count(), 1, "one line of JSON: {lines}");
        serde_json::from_str(&lines).unwrap()
    }

    async fn table(&self, arguments: &str) -> String {
        let output = self.run(arguments).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The one line with which a command fails.
    async fn fails(&self, arguments: &str, code: i32) -> String {
        let output = self.run(arguments).await;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {stderr}");
        assert!(output.stdout.is_empty(), "nothing on stdout");
        let errors: Vec<_> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{stderr}");
        errors[0].to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_market_is_shown() {
    let venue = Loopback::start().await;
    venue.feed(purchase(7, "60000.1", "1.5")).await;
    let lobd = Lobd::at(&venue);
    let time = lobd.json("time").await;
    assert!(time["offset_ms"].as_i64().unwrap().abs() < 1_000, "{time}");
    let depth = lobd.json("depth btcusdt --levels 3").await;
    assert_eq!(depth["bids"], json!([["60000", "10"], ["59999.9", "10"], ["59999.8", "10"]]));
    assert_eq!(depth["asks"][0], json!(["60000.1", "10"]));
    let trades = lobd.json("trades BTCUSDT").await;
    assert_eq!((&trades[0]["price"], &trades[0]["quantity"]), (&json!("60000.1"), &json!("1.5")));
    assert_eq!(trades[0]["aggressor"], "BUY");
    let table = lobd.table("depth BTCUSDT --levels 2").await;
    assert!(table.contains("bid quantity") && table.contains("59999.9"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_placed_followed_and_cancelled() {
    let venue = Loopback::start().await;
    let lobd = Lobd::at(&venue);
    let placed = lobd.json("limit-order BTCUSDT buy 0.010 59000 --time-in-force post-only").await;
    assert_eq!((&placed["status"], &placed["price"]), (&json!("New"), &json!("59000")));
    let id = placed["client_order_id"].as_str().unwrap();
    let orders = lobd.json("orders BTCUSDT").await;
    assert_eq!(orders[0]["client_order_id"], json!(id));
    assert!(lobd.table("orders").await.contains(id));
    let canceled = lobd.json(&format!("cancel BTCUSDT {id}")).await;
    assert_eq!(canceled["status"], "Canceled");
    let gone = lobd.fails(&format!("cancel BTCUSDT {id}"), 1).await;
    assert!(gone.contains("-2011"), "{gone}");
    lobd.json("limit-order BTCUSDT sell 0.010 61000").await;
    let canceled = lobd.json("cancel-all BTCUSDT --stops").await;
    assert_eq!((&canceled["orders"], &canceled["stops_left"]), (&json!(1), &json!(0)));
    assert_eq!(lobd.json("orders").await, json!([]));
    assert_eq!(lobd.table("orders").await, "no working orders\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_orders_of_every_type_are_shown_and_counted() {
    let venue = Loopback::start().await;
    let (take_profit, trailing) = (foreign_conditional("tp"), foreign_conditional("trail"));
    venue.rest.place_conditional(&take_profit).await.unwrap();
    let trailing = ConditionalRequest {
        kind: ConditionalKind::TrailingStopMarket {
            callback_rate: "0.05".parse().unwrap(),
            activate_price: None,
            quantity: "0.010".parse().unwrap(),
        },
        ..trailing
    };
    venue.rest.place_conditional(&trailing).await.unwrap();
    let lobd = Lobd::at(&venue);
    let orders = lobd.json("orders BTCUSDT").await;
    let kinds: Vec<&Value> = orders.as_array().unwrap().iter().map(|row| &row["kind"]).collect();
    assert_eq!(kinds, ["take-profit-market", "trailing-stop-market"], "{orders}");
    assert_eq!((&orders[0]["price"], &orders[0]["reduce_only"]), (&json!("70000"), &json!(false)));
    let kept = lobd.json("cancel-all BTCUSDT").await;
    assert_eq!((&kept["stops"], &kept["stops_left"]), (&json!(0), &json!(2)));
    let canceled = lobd.json("cancel-all BTCUSDT --stops").await;
    assert_eq!((&canceled["stops"], &canceled["stops_left"]), (&json!(2), &json!(0)));
    assert_eq!(lobd.json("orders").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn certifying_leaves_the_ground_alone_where_anybodys_conditional_order_waits() {
    let venue = Loopback::start().await;
    let take_profit = foreign_conditional("tp");
    venue.rest.place_conditional(&take_profit).await.unwrap();
    let lobd = Lobd::at(&venue);
    let refused = lobd.fails("certify --environment sandbox --case C-170", 6).await;
    assert!(refused.contains("1 waiting conditional order"), "{refused}");
    let waiting = venue.rest.waiting_conditionals(None).await.unwrap();
    assert_eq!(waiting.len(), 1, "it is still there");
}

/// A take-profit far above the market, as an operator sets one elsewhere.
fn foreign_conditional(id: &str) -> ConditionalRequest {
    let price = "70000".parse().unwrap();
    let quantity = StopSize::Quantity("0.010".parse().unwrap());
    ConditionalRequest {
        client_order_id: ClientOrderId::new(id).unwrap(),
        symbol: bitcoin(),
        side: Side::Sell,
        kind: ConditionalKind::TakeProfitMarket(price, quantity),
        trigger_by: TriggerPrice::Mark,
        reduce_only: false,
        price_protect: false,
        ends_with_position: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_order_makes_a_position_and_a_trade() {
    let venue = Loopback::start().await;
    let lobd = Lobd::at(&venue);
    let placed = lobd.json("market-order BTCUSDT buy 0.1").await;
    assert_eq!(
        (&placed["status"], &placed["average_price"]),
        (&json!("Filled"), &json!("60000.1"))
    );
    let position = lobd.json("position BTCUSDT").await;
    assert_eq!(position[0]["exposure"], "0.1");
    assert_eq!(position[0]["entry_price"], "60000.1");
    assert_eq!(lobd.json("position").await[0]["symbol"], "BTCUSDT");
    let history = lobd.json("history BTCUSDT").await;
    assert_eq!((&history[0]["side"], &history[0]["quantity"]), (&json!("BUY"), &json!("0.1")));
    assert_eq!(history[0]["is_maker"], false);
    let closed = lobd.json("market-order BTCUSDT sell 0.1 --reduce-only").await;
    assert_eq!(closed["status"], "Filled");
    assert_eq!(lobd.json("position").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stop_loss_goes_to_the_market_when_its_limits_are_not_taken() {
    let venue = Loopback::start().await;
    let lobd = Lobd::at(&venue).set("STOP_LOSS_TRIAL_MS", "200");
    lobd.json("market-order BTCUSDT buy 0.1").await;
    lobd.json("limit-order BTCUSDT sell 0.05 61000 --reduce-only").await;
    let closed = lobd.json("stop-loss BTCUSDT --max-trial 2").await;
    assert_eq!(
        (&closed["closed_exposure"], &closed["final_position"]),
        (&json!("0.1"), &json!("0"))
    );
    assert_eq!((&closed["limit_orders"], &closed["market_orders"]), (&json!(2), &json!(1)));
    assert_eq!(lobd.json("orders").await, json!([]));
    assert_eq!(lobd.table("stop-loss BTCUSDT").await, "BTCUSDT: no open position\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stop_loss_closes_by_limit_when_somebody_takes_it() {
    let venue = Loopback::start().await;
    let lobd = Lobd::at(&venue).set("STOP_LOSS_TRIAL_MS", "5000");
    lobd.json("market-order BTCUSDT buy 0.1").await;
    let (mut events, _running) = user(&venue);
    settled(&venue, 1).await;
    let taken = async {
        wait_for(&mut events, |message| match message {
            UserMessage::Event { event: UserEvent::Order(order), .. } => order.price.map(|_| ()),
            _ => None,
        })
        .await;
        venue.feed(purchase(8, "60000.1", "100")).await;
    };
    let closing = async { tokio::join!(lobd.json("stop-loss BTCUSDT"), taken).0 };
    let closed = tokio::time::timeout(DEADLINE, closing).await.unwrap();
    assert_eq!((&closed["limit_orders"], &closed["market_orders"]), (&json!(1), &json!(0)));
    assert_eq!(closed["final_position"], "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_limit_is_refused_before_it_is_sent() {
    let venue = Loopback::start().await;
    let lobd = Lobd::at(&venue).set("MAX_ORDER_USDT", "100000");
    for (arguments, reason) in [
        ("market-order BTCUSDT buy 0.3", "MAX_POSITION_USDT"),
        ("limit-order BTCUSDT buy 0.01 61000", "PRICE_COLLAR_BPS"),
        ("limit-order BTCUSDT buy 0.01 59000.05", "tick size"),
        ("limit-order BTCUSDT buy 0.0105 59000", "step size"),
        ("market-order BTCUSDT buy 0.0001", "smallest"),
    ] {
        let refusal = lobd.fails(arguments, 6).await;
        assert!(refusal.contains(reason) && refusal.contains("not sent"), "{refusal}");
    }
    let lobd = lobd.set("MAX_ORDER_USDT", "500");
    let refusal = lobd.fails("market-order BTCUSDT buy 0.01", 6).await;
    assert!(refusal.contains("MAX_ORDER_USDT is 500"), "{refusal}");
    assert_eq!(lobd.json("position").await, json!([]));
    assert_eq!(lobd.json("orders").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_symbol_is_named() {
    let venue = Loopback::start().await;
    let lobd = Lobd::at(&venue);
    let error = lobd.fails("limit-order NOSUCHUSDT buy 1 1", 1).await;
    assert!(error.contains("NOSUCHUSDT") && error.contains("check the spelling"), "{error}");
    let error = lobd.fails("depth NOSUCHUSDT", 1).await;
    assert!(error.contains("-1121"), "{error}");
    lobd.fails_usage("depth !!").await;
    lobd.fails_usage("limit-order BTCUSDT hold 1 1").await;
}

impl Lobd {
    async fn fails_usage(&self, arguments: &str) {
        let output = self.run(arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_or_secret_ends_with_77_and_says_what_to_check() {
    let venue = Loopback::start().await;
    for name in ["LOBD_SANDBOX_API_KEY", "LOBD_SANDBOX_API_SECRET"] {
        let error = Lobd::at(&venue).set(name, "wrong").fails("position", 77).await;
        assert!(error.contains(".env") && !error.contains("wrong"), "{error}");
    }
    let keyless = Lobd::with(&[
        ("LOBD_REST_URL", &venue.sandbox.rest_url),
        ("LOBD_STREAM_URL", &venue.sandbox.ws_url),
    ]);
    let error = keyless.fails("orders", 78).await;
    assert!(error.contains("API key"), "{error}");
    assert!(keyless.json("time").await["round_trip_ms"].is_u64(), "public data needs no key");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_cannot_be_reached_ends_with_7() {
    let venue = Loopback::start().await;
    let lobd = Lobd::at(&venue);
    drop(venue.sandbox.stop().await);
    for arguments in ["time", "depth BTCUSDT", "position", "market-order BTCUSDT buy 0.01"] {
        let error = lobd.fails(arguments, 7).await;
        assert!(error.contains("cannot reach 127.0.0.1:"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_settings_end_with_78() {
    let error = Lobd::with(&[]).fails("time", 78).await;
    assert!(error.contains("LOBD_REST_URL"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_off_by_two_seconds_does_not_keep_us_out() {
    let venue = Loopback::start_by(ShiftedClock::ahead_by(Duration::from_secs(2))).await;
    let lobd = Lobd::at(&venue);
    let offset = lobd.json("time").await["offset_ms"].as_i64().unwrap();
    assert!((1_500..2_500).contains(&offset), "{offset}");
    assert_eq!(lobd.json("position").await, json!([]));
    lobd.json("market-order BTCUSDT buy 0.01").await;
}
