//! SIGKILL at each step of an order's life: the real binary, dead at a fail point
//! (`src/fail_point.rs`), against an exchange in another process that knows nothing of it. After the
//! restart everything that was left is found, protected, agreed and traded on, by nobody's hand.
//!
//! Every row ends flat, with each order known to the journal (I1), each intent carried out at most
//! once (I2), ledger equal to venue (I3), each trade booked once (I6), and every run replayed to the
//! same commands (I15). The names K1 to K20 are those of `FAULTS.md`.

use futures_util::future::join_all;
use serde_json::Value;
use tokio::net::UnixDatagram;

use crate::support::audit::Truth;
use crate::support::process::{eventually, falls_silent, told};
use crate::support::victim::Victim;

/// More than the best price offers as a rule, so that an entry is filled in parts.
const LARGE: &[(&str, &str)] = &[
    ("ORDER_NOTIONAL_USDT", "60000"),
    ("MAX_ORDER_USDT", "100000"),
    ("MAX_POSITION_USDT", "100000"),
    ("MAX_ACCOUNT_POSITION_USDT", "100000"),
    ("STOP_LOSS_USDT", "600"),
    ("MAX_DAILY_LOSS_USDT", "5000"),
    ("MAX_DRAWDOWN_USDT", "5000"),
];

/// The market order comes at once.
const CLOSES_BY_MARKET: &[(&str, &str)] = &[("STOP_LOSS_MAX_TRIAL", "0")];

/// The entry rests at the best price.
const JOINS: &[(&str, &str)] = &[("ENTRY_STYLE", "join"), ("ENTRY_LIFE_SECONDS", "5")];

/// K1 to K4: decided, written, durable, half of its bytes on the line.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_had_not_left_is_never_sent() {
    let points =
        ["place decided", "place written", "place durable", "half sent POST /fapi/v1/order"];
    join_all(points.map(async |point| {
        let victim = Victim::new(&[]).await;
        let left = victim.killed_at(point).await;
        assert!(left.orders.is_empty() && !left.is_held(), "{point}: {left:?}");
        let (daemon, found) = victim.recovers(point).await;
        assert_eq!(found.entries_by_run()[0].0, 2, "{point}: the first run's entry is void");
        let ended = victim.ends(daemon).await;
        assert_eq!(ended.entries_by_run()[0].0, 2, "{point}: and stays so");
    }))
    .await;
}

/// K5 and K6: the order is there, and its answer unread, or read and not written.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_sent_is_adopted_and_never_sent_again() {
    let points = ["answered POST /fapi/v1/order", "order received"];
    join_all(points.map(async |point| {
        let victim = Victim::new(&[]).await;
        let left = victim.killed_at(point).await;
        assert_eq!(left.entries_by_run(), [(1, 1)], "{point}: {left:?}");
        let (daemon, found) = victim.recovers(point).await;
        assert_eq!(found.entries_by_run()[0], (1, 1), "{point}: {found:?}");
        victim.ends(daemon).await;
    }))
    .await;
}

/// K5: written to the line, so that nobody here can know whether it arrived.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_which_nobody_knows_whether_it_arrived_is_there_once_or_never() {
    let victim = Victim::new(&[]).await;
    let point = "sent POST /fapi/v1/order";
    victim.killed_at(point).await;
    let (daemon, found) = victim.recovers(point).await;
    let (run, entries) = found.entries_by_run()[0];
    assert!(run == 2 || entries == 1, "{found:?}");
    victim.ends(daemon).await;
}

/// K7: the entry rests; the market goes on without us, and may fill it.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_rested_is_withdrawn_or_held_and_never_doubled() {
    join_all([false, true].map(async |is_dead_for_long| {
        let victim = Victim::new(JOINS).await;
        let mut daemon = victim.start();
        let rests = |status: &Value| {
            let order = &status["symbols"][0]["working_orders"][0];
            order["purpose"] == "entry" && order["state"] == "working"
        };
        victim.home.status_when("an entry rests", rests).await;
        daemon.kill();
        if is_dead_for_long {
            victim.market_goes_on().await;
        }
        let left = Truth::of(&victim.venue).await;
        assert_eq!(left.entries_by_run(), [(1, 1)], "{left:?}");
        let (daemon, found) = victim.recovers("K7").await;
        let of_first = found.entries()[0];
        assert!(of_first.status.is_terminal(), "withdrawn, or filled: {of_first:?}");
        victim.ends(daemon).await;
    }))
    .await;
}

/// K8: the first part of an entry was told, and not written; the rest of it works, and the market
/// goes on with it.
#[tokio::test(flavor = "multi_thread")]
async fn trades_that_were_not_written_are_booked_once_and_covered() {
    let victim = Victim::new(LARGE).await;
    let point = "fill received";
    let left = victim.killed_at(point).await;
    assert!(left.is_held(), "{left:?}");
    victim.market_goes_on().await;
    let (daemon, found) = victim.recovers(point).await;
    assert_eq!(found.entries_by_run()[0], (1, 1), "{found:?}");
    victim.ends(daemon).await;
}

/// K9 and K10: the stop not sent, however long nobody is there; sent, and its answer unread.
#[tokio::test(flavor = "multi_thread")]
async fn a_position_whose_stop_was_on_its_way_has_one_stop() {
    let points = [("place_stop durable", 0), ("answered POST /fapi/v1/algoOrder", 1)];
    join_all(points.map(async |(point, stops)| {
        let victim = Victim::new(&[]).await;
        let left = victim.killed_at(point).await;
        assert_eq!((left.is_held(), left.stops.len()), (true, stops), "{point}: {left:?}");
        victim.market_goes_on().await;
        has_one_stop_a_position(&victim, point).await;
    }))
    .await;
}

/// Starts again after a kill under an only entry, and ends: no position ever had two stops.
async fn has_one_stop_a_position(victim: &Victim, point: &str) {
    let (daemon, found) = victim.recovers(point).await;
    assert_eq!(found.entries_by_run()[0], (1, 1), "{point}: {found:?}");
    let ended = victim.ends(daemon).await;
    assert_eq!(ended.conditionals.len(), ended.positions_opened(), "{point}: one for each");
}

/// K11: somebody bought more, a larger stop is there, and the smaller one not yet cancelled.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_stops_the_one_that_covers_all_is_kept() {
    let victim = Victim::new(&[]).await;
    let point = "cancel_stop durable";
    let doomed = victim.start_armed(&["run"], point);
    victim.is_protected().await;
    victim.home.succeeds(&["market-order", "BTCUSDT", "buy", "0.02"]);
    let left = victim.dies(doomed, point).await;
    // One for the entry, and one for each part in which the other order was filled.
    let (largest, others) = left.stops.split_last().unwrap();
    assert!(!others.is_empty(), "{left:?}");
    let (daemon, found) = victim.recovers(point).await;
    assert_eq!(found.entries_by_run()[0], (1, 1), "{found:?}");
    let kept: Vec<_> = found.stops.iter().map(|stop| stop.client_order_id).collect();
    assert_eq!(kept, [largest.client_order_id], "{left:?}");
    victim.ends(daemon).await;
}

/// K13: a cancel on the line, and one whose answer is unread.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_cancel_was_on_its_way_ends_once() {
    let points = ["sent DELETE /fapi/v1/order", "answered DELETE /fapi/v1/order"];
    join_all(points.map(async |point| {
        let victim = Victim::new(&[]).await;
        let doomed = victim.start_armed(&["run"], point);
        victim.is_protected().await;
        victim.home.run(&["flatten"]); // it may die before it answers
        let left = victim.dies(doomed, point).await;
        assert_eq!((left.is_held(), left.stops.len()), (true, 1), "{point}: {left:?}");
        let (daemon, found) = victim.recovers(point).await;
        assert_eq!(found.entries_by_run()[0], (1, 1), "{point}: {found:?}");
        victim.ends(daemon).await;
    }))
    .await;
}

/// K14: the order that closes is on the line, or done and its answer unread.
#[tokio::test(flavor = "multi_thread")]
async fn a_position_whose_close_was_on_its_way_never_turns() {
    // The first order is the entry, the second takes the profit.
    let points = ["sent POST /fapi/v1/order:3", "answered POST /fapi/v1/order:3"];
    join_all(points.map(async |point| {
        let victim = Victim::new(CLOSES_BY_MARKET).await;
        let doomed = victim.start_armed(&["run"], point);
        victim.is_protected().await;
        victim.home.run(&["flatten"]);
        let left = victim.dies(doomed, point).await;
        if point.starts_with("answered") {
            assert!(!left.is_held(), "{point}: {left:?}");
        }
        let (daemon, found) = victim.recovers(point).await;
        assert_eq!(found.entries_by_run()[0], (1, 1), "{point}: {found:?}");
        victim.ends(daemon).await;
    }))
    .await;
}

/// K15: dead again while it reconciles what a kill has left: asking, told, and half way of mending.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_it_reconciles_changes_nothing() {
    let points = ["answered GET /fapi/v1/userTrades", "account received", "place_stop durable"];
    join_all(points.map(async |point| {
        let victim = Victim::new(&[]).await;
        let left = victim.killed_at("place_stop durable").await;
        assert_eq!((left.is_held(), left.stops.len()), (true, 0));
        let again = victim.killed_at(point).await;
        assert_eq!((again.exposure, again.stops.len()), (left.exposure, 0), "{point}: {again:?}");
        has_one_stop_a_position(&victim, point).await;
    }))
    .await;
}

/// K20: the trading loop stands still and the rest lives on; the watchdog hears nothing any more, and
/// the service manager, played by the test, kills and starts again.
#[tokio::test(flavor = "multi_thread")]
async fn a_hung_trading_loop_feeds_no_watchdog_and_a_restart_finds_everything() {
    let victim = Victim::new(&[]).await;
    let path = victim.home.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut command = victim.home.lobd(&["run"]);
    command.env("LOBD_FAIL_POINT", "second received:8=pause");
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1500000");
    let mut daemon = victim.home.start(command);
    told(&socket, "WATCHDOG=1").await;
    eventually("the loop hangs", async || victim.home.log().contains("a fail point strikes")).await;
    falls_silent(&socket).await;
    assert!(victim.home.status().await.is_some(), "the rest lives");
    daemon.kill();
    let (daemon, _) = victim.recovers("K20").await;
    victim.ends(daemon).await;
}
