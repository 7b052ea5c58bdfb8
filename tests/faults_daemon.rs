//! The daemon as a process against an exchange at which something goes wrong: real sockets, real
//! binary, one fault after the other, and the promise that holds all the same (design.md §4).
//!
//! Every daemon here ends well and has told no secret (I9).

use std::collections::BTreeSet;
use std::time::Duration;

use lobd::book::Validity;
use lobd::domain::{OrderKind, Price, Quantity, Rate, Second};
use lobd::sim::{AdverseAct, Adversity};
use lobd::store::{Tape, tape_path};
use serde_json::{Value, json};

use crate::support::faulted::{Daemon, fired, is_agreed, longest_naked, report};
use crate::support::process::eventually;
use crate::support::venue::symbol;

/// How long a position may be without a stop (promise I4), and a little for the machine.
const NAKED_LIMIT: Duration = Duration::from_millis(3_500);

/// Long enough for several cycles of a second each.
const STORM_LASTS: Duration = Duration::from_secs(9);

/// The clock is measured every minute anyway.
const SOONER_THAN_MEASURED: Duration = Duration::from_secs(25);

const ENTRY: &str = "POST /fapi/v1/order:times=1";

/// An entry whose answer is hidden becomes one position under its stop.
async fn one_position_comes_of_an_entry(fault: &str) {
    let daemon = Daemon::start(&[fault]).await;
    let status = daemon.is_protected().await;
    assert_eq!(daemon.entries().await.len(), 1, "{fault}");
    assert_eq!(status["discrepancies_total"], 0);
    assert!(longest_naked(&status) <= NAKED_LIMIT, "{status}");
    assert_eq!(report(daemon.control(), 1).await.fired, 1);
    daemon.ends_well().await;
}

/// Promises I2 and I4.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_whose_answer_is_lost_is_one_position_under_its_stop() {
    one_position_comes_of_an_entry(&format!("lose-response:{ENTRY}")).await;
}

/// Promises I2 and I4.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_answered_with_1007_is_one_position_under_its_stop() {
    one_position_comes_of_an_entry(&format!("timeout-after-acceptance:{ENTRY}")).await;
}

/// Promises I2 and I16.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_lost_on_its_way_is_declared_absent_and_another_one_is_tried() {
    let daemon = Daemon::start(&[&format!("lose-request:{ENTRY}")]).await;
    daemon
        .status_when("the outcome is hidden", |status| {
            status["symbols"][0]["working_orders"][0]["state"] == "unknown"
        })
        .await;
    assert!(daemon.entries().await.is_empty(), "nothing is sent while it is unknown");
    let status = daemon.is_protected().await;
    assert_eq!(status["symbols"][0]["totals"]["entries"], 2);
    assert_eq!(daemon.entries().await.len(), 1);
    daemon.ends_well().await;
}

/// Promises I2 and I11: an order that hides is reckoned with until it shows itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_hides_from_every_question_is_never_sent_twice() {
    let daemon = Daemon::start(&[
        &format!("lose-response:{ENTRY}"),
        "hide-order=3s",
        "freeze=private:for=8s",
        "lose-response:GET /fapi/v3/positionRisk:skip=1:times=3",
    ])
    .await;
    let status = daemon.is_protected().await;
    assert_eq!(daemon.entries().await.len(), 1);
    assert_eq!(status["symbols"][0]["totals"]["entries"], 1);
    assert!(report(daemon.control(), 2).await.fired > 0, "it was asked for in vain");
    daemon.ends_well().await;
}

/// Promise I16: what was surely refused is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn entries_refused_with_503_are_tried_again_until_one_passes() {
    let daemon = Daemon::start(&[
        "http-503=throttled:POST /fapi/v1/order:times=1",
        "http-503=internal:POST /fapi/v1/order:times=1",
        "http-503=unavailable:POST /fapi/v1/order:times=1",
    ])
    .await;
    let status = daemon.is_protected().await;
    assert_eq!(status["symbols"][0]["totals"]["entries"], 4);
    assert_eq!(daemon.entries().await.len(), 1);
    daemon.ends_well().await;
}

/// Promises I2 and I4.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_whose_answer_is_lost_is_found_and_not_placed_twice() {
    let daemon = Daemon::start(&[
        "lose-response:POST /fapi/v1/algoOrder:times=1",
        "drop-user-event=ALGO_UPDATE",
        "hide-stop=200ms",
    ])
    .await;
    let status = daemon.is_protected().await;
    assert!(longest_naked(&status) <= NAKED_LIMIT, "{status}");
    assert_eq!(daemon.stops().await.len(), 1);
    daemon.ends_well().await;
}

/// Promise I4: without a stop within three seconds the position is closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_can_get_no_stop_is_closed() {
    let daemon = Daemon::start(&["http-503=unavailable:POST /fapi/v1/algoOrder"]).await;
    let status = daemon
        .status_when("a position was opened and closed", |status| {
            status["symbols"][0]["totals"]["round_trips"].as_u64() >= Some(1)
        })
        .await;
    assert!(longest_naked(&status) <= NAKED_LIMIT + Duration::from_secs(1), "{status}");
    daemon.control().clear_faults().await;
    daemon.is_protected().await;
    daemon.ends_well().await;
}

/// Promise I4: a stop that is gone is missed and placed anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_vanished_is_missed_and_replaced() {
    let daemon = Daemon::start_with(&[], &[("RECONCILE_SECONDS", "1")]).await;
    daemon.is_protected().await;
    let [before] = daemon.stops().await.try_into().unwrap();
    let number = daemon.switch_on("vanish-stop=0s:times=1").await;
    daemon.has_struck(number, 1).await;
    eventually("another stop protects", async || {
        let stops = daemon.stops().await;
        stops.len() == 1 && stops[0].report.algo_order_id != before.report.algo_order_id
    })
    .await;
    let status = daemon.is_protected().await;
    assert!(status["halted"].is_null(), "{status}");
    daemon.ends_well().await;
}

/// Promises I4 and I3: a stop that triggers in vain does not end the protection.
#[tokio::test(flavor = "multi_thread")]
async fn a_triggered_stop_whose_order_is_refused_is_followed_by_a_close() {
    // So near that one move of the mark price passes the stop-loss and the stop together.
    let daemon = Daemon::start_with(&[], &[("STOP_LOSS_USDT", "1")]).await;
    daemon.is_protected().await;
    daemon.home.succeeds(&["pause"]);
    let number = daemon.switch_on("reject-stop").await;
    let at = daemon.control().now().await.unwrap();
    let (act, span) = (AdverseAct::Push(Rate::from_bps(-12.0)), Duration::from_secs(3));
    daemon.venue.script(vec![Adversity { symbol: symbol(), at, span, act }]).await;
    daemon.has_struck(number, 1).await;
    let status = daemon
        .status_when("closed, and agreed with the venue", |status| {
            status["symbols"][0]["totals"]["round_trips"] == 1 && is_agreed(status)
        })
        .await;
    assert_eq!(status["discrepancies_total"], 0);
    assert!(daemon.exposure().await.is_zero() && daemon.stops().await.is_empty());
    let orders = daemon.venue.orders().await;
    let last = orders[orders.len() - 1];
    assert!(last.report.reduce_only && last.stop.is_none(), "closed by the daemon: {last:?}");
    daemon.ends_well().await;
}

/// Promise I6: what the stream does not tell, the trade history does.
#[tokio::test(flavor = "multi_thread")]
async fn fills_that_no_event_tells_are_booked_from_the_history() {
    let daemon = Daemon::start(&["drop-user-event"]).await;
    daemon.is_protected().await;
    assert_eq!(booked_as_traded(&daemon).await["discrepancies_total"], 0);
    assert!(report(daemon.control(), 1).await.fired > 3);
    daemon.ends_well().await;
}

/// Promise I6: a trade told twice, late and out of order is booked once.
#[tokio::test(flavor = "multi_thread")]
async fn events_told_twice_and_out_of_order_are_booked_once() {
    let daemon = Daemon::start(&["duplicate-user-event", "reorder-user-events=250ms"]).await;
    daemon.is_protected().await;
    assert_eq!(booked_as_traded(&daemon).await["discrepancies_total"], 0);
    for number in [1, 2] {
        assert!(report(daemon.control(), number).await.fired > 0);
    }
    daemon.ends_well().await;
}

/// Closes the position; every trade of the venue must be booked, once.
async fn booked_as_traded(daemon: &Daemon) -> Value {
    let status = daemon.flatten().await;
    let trades = daemon.control().with_exchange(|exchange, account| {
        exchange.fills(account, symbol(), &lobd::sim::FillQuery::default()).len()
    });
    let trades = trades.await.unwrap();
    assert!(trades >= 2);
    assert_eq!(status["symbols"][0]["totals"]["fills"], trades);
    status
}

/// Promises I8 and I16: seconds without proof are STALE with a reason, and trading goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_diff_makes_seconds_stale_until_the_book_is_proven_again() {
    let daemon = Daemon::start(&[]).await;
    daemon.status_when("it predicts", predicts).await;
    // The snapshot that mends the book comes late, so that a second ends without proof.
    daemon.switch_on("delay-response=1500ms:GET /fapi/v1/depth:times=1").await;
    let number = daemon.switch_on("drop-depth:times=1").await;
    daemon.has_struck(number, 1).await;
    eventually("a second is stale", async || !gaps_inside(&daemon).is_empty()).await;
    daemon.is_protected().await;
    every_second_is_told(&daemon);
    daemon.ends_well().await;
}

/// Promises I8 and I16: after a freeze the chain is broken, and nothing hides it.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_froze_is_resynced_when_it_thaws() {
    let daemon = Daemon::holding().await;
    daemon.switch_on("delay-response=1500ms:GET /fapi/v1/depth:times=1").await;
    let number = daemon.switch_on("freeze=public:for=2s").await;
    daemon.has_struck(number, 1).await;
    eventually("a second is stale", async || !gaps_inside(&daemon).is_empty()).await;
    let status = daemon.status_when("it predicts again", predicts).await;
    assert!(is_agreed(&status), "{status}");
    every_second_is_told(&daemon);
    daemon.ends_well().await;
}

/// Promises I5, I8 and I16: a line that is nearly dead tells of a book that is no more: its seconds
/// are STALE and none of them is valid, until it is sound again.
#[tokio::test(flavor = "multi_thread")]
async fn frames_that_come_byte_by_byte_make_no_old_book_valid() {
    let daemon = Daemon::holding().await;
    let number = daemon.switch_on("slow-frames=public,2ms").await;
    daemon.has_struck(number, 10).await;
    let late = |daemon: &Daemon| -> Vec<Value> {
        let is_late = |gap: &Value| gap["kind"].as_str().unwrap().contains("too late");
        gaps_inside(daemon).into_iter().filter(is_late).collect()
    };
    eventually("seconds are late", async || {
        late(&daemon).iter().any(|gap| gap["from"] != gap["to"])
    })
    .await;
    assert_eq!(late(&daemon).len(), 1, "once late, it does not seem in time again");
    assert!(daemon.control().clear_fault(number).await);
    let status = daemon.status_when("it predicts again", predicts).await;
    assert!(is_agreed(&status), "{status}");
    every_second_is_told(&daemon);
    daemon.ends_well().await;
}

/// Promises I4, I8 and I16: streams that are gone leave a protected position and an honest tape.
#[tokio::test(flavor = "multi_thread")]
async fn streams_cut_and_refused_come_back_and_the_position_was_protected() {
    let daemon = Daemon::holding().await;
    let refusing = daemon.switch_on("refuse-sockets:for=2s").await;
    daemon.switch_on("cut-sockets").await;
    daemon.has_struck(refusing, 1).await;
    assert_eq!(daemon.stops().await.len(), 1);
    eventually("a second is told as a gap", async || !gaps_inside(&daemon).is_empty()).await;
    daemon.is_protected().await;
    daemon.status_when("it predicts again", predicts).await;
    every_second_is_told(&daemon);
    daemon.ends_well().await;
}

/// Promises I3 and I6: a user stream that went mute hides nothing for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_expired_in_silence_costs_no_fill() {
    let daemon = Daemon::holding().await;
    let number = daemon.switch_on("expire-listen-key=silently").await;
    assert_eq!(fired(daemon.control(), number).await, 1);
    assert_eq!(booked_as_traded(&daemon).await["discrepancies_total"], 0);
    daemon.ends_well().await;
}

/// Promises I5 and I16: a key that expired is replaced, and the account reconciled before trading.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_expired_is_replaced_and_events_come_again() {
    let daemon = Daemon::holding().await;
    let before = daemon.control().open_streams().await;
    daemon.switch_on("expire-listen-key").await;
    eventually("it says so", async || daemon.home.log().contains("listen key expired")).await;
    eventually("and connects anew", async || daemon.control().open_streams().await >= before).await;
    let status = daemon.is_protected().await;
    assert_eq!(status["discrepancies_total"], 0);
    booked_as_traded(&daemon).await;
    daemon.ends_well().await;
}

/// Promise I5: with the venue's clock two seconds off nothing is opened, and it says why.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_shifted_clock_nothing_is_opened_and_it_says_why() {
    let daemon = Daemon::start(&["shift-time=+2s"]).await;
    let status = daemon
        .status_when("it says why it does not trade", |status| {
            status["is_reconciled"] == true && status["symbols"][0]["why_not"] == "clock_offset"
        })
        .await;
    assert_eq!(status["symbols"][0]["totals"]["entries"], 0);
    assert!(daemon.entries().await.is_empty());
    daemon.ends_well().await;
}

/// Promise I5: a clock that jumps is learnt of by the first refusal, not with the next minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_keeps_from_trading_at_once_and_so_does_its_return() {
    let daemon = Daemon::start_with(&[], &[("RECONCILE_SECONDS", "1")]).await;
    daemon.is_protected().await;
    let why_not = |status: &Value| status["symbols"][0]["why_not"].clone();
    daemon.switch_on("shift-time=-8s").await;
    let gated =
        daemon.status_when("it knows of the clock", |status| why_not(status) == "clock_offset");
    tokio::time::timeout(SOONER_THAN_MEASURED, gated).await.expect("before the next measurement");
    daemon.control().clear_faults().await;
    let freed =
        daemon.status_when("it knows of the return", |status| why_not(status) == "cycle_open");
    tokio::time::timeout(SOONER_THAN_MEASURED, freed).await.expect("before the next measurement");
    let status = daemon.is_protected().await;
    assert_eq!(status["discrepancies_total"], 0);
    daemon.ends_well().await;
}

/// Promise I16: filters that changed are read at the first refusal, and what follows keeps to them:
/// orders, stops, and the tape under a version of its own.
#[tokio::test(flavor = "multi_thread")]
async fn filters_that_changed_are_read_after_one_refusal_and_kept_to() {
    let daemon = Daemon::holding().await;
    let before = daemon.entries().await.len();
    daemon.flatten().await;
    daemon.switch_on("change-filters=BTCUSDT,tick=5,step=0.03,min-notional=200").await;
    daemon.home.succeeds(&["resume"]);
    let status = daemon.is_protected().await;
    assert!(status["halted"].is_null(), "{status}");
    assert_eq!(status["discrepancies_total"], 0);
    let (tick_size, step_size): (Price, Quantity) = ("5".parse().unwrap(), "0.03".parse().unwrap());
    let is_on_tick = |price: Price| price.units() % tick_size.units() == 0;
    let entries = daemon.entries().await;
    let [entry] = &entries[before..] else { panic!("{entries:?}") };
    assert!(is_on_tick(entry.report.price.unwrap()), "{entry:?}");
    assert_eq!(entry.report.quantity.units() % step_size.units(), 0, "{entry:?}");
    let [stop] = daemon.stops().await.try_into().unwrap();
    assert!(is_on_tick(stop.report.trigger_price), "{stop:?}");
    eventually("seconds are recorded under the new rules", async || {
        let tape = Tape::open_read_only(&tape_path(&daemon.home.data())).unwrap();
        let [_, newest] = tape.versions() else { return false };
        assert_eq!(newest.instrument.filters.tick_size, tick_size);
        let seconds = newest.valid_from..newest.valid_from.plus(3_600);
        tape.scan(&newest.key(), seconds).any(|row| row.unwrap().1.validity == Validity::Valid)
    })
    .await;
    every_second_is_told(&daemon);
    daemon.ends_well().await;
}

/// Promise I4: a position whose quantity is on no grid any more is protected and closed all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_position_off_the_changed_step_is_closed_whole() {
    let daemon = Daemon::holding().await;
    daemon.switch_on("change-filters=BTCUSDT,tick=5,step=0.03").await;
    let status = daemon.flatten().await;
    assert!(daemon.exposure().await.is_zero() && status["halted"].is_null(), "{status}");
    assert!(daemon.home.log().contains("step size"), "people are told");
    daemon.ends_well().await;
}

/// Promises I4, I12 and I16: a ban is kept in silence, under the stop, and over when it is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_ban_is_waited_for_in_silence_while_the_stop_protects() {
    let daemon = Daemon::start_with(&[], &[("RECONCILE_SECONDS", "1")]).await;
    daemon.is_protected().await;
    let number = daemon.switch_on("ban:for=4s").await;
    daemon.has_struck(number, 1).await;
    assert_eq!(daemon.stops().await.len(), 1, "it protects without being asked");
    eventually("the ban is over", async || !report(daemon.control(), number).await.is_on).await;
    // Those that were under way together when the first was refused, and no more.
    let refused = fired(daemon.control(), number).await;
    assert!(refused <= 3, "{refused} requests went out during the ban");
    let banned_at = daemon.home.status().await.unwrap()["reconciled_at"].clone();
    daemon
        .status_when("it has reconciled since", |status| {
            status["reconciled_at"] != banned_at && is_agreed(status)
        })
        .await;
    daemon.flatten().await;
    daemon.ends_well().await;
}

/// Promise I3: an account that is not what it was halts trading, with the reason.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_account_halts_trading_and_says_why() {
    let daemon = Daemon::start_with(&[], &[("RECONCILE_SECONDS", "1")]).await;
    daemon.is_protected().await;
    let number = daemon.switch_on("reset-account").await;
    assert_eq!(fired(daemon.control(), number).await, 1);
    let status = daemon
        .status_when("halted", |status| {
            status["halted"].as_str().is_some_and(|reason| reason.contains("BTCUSDT"))
        })
        .await;
    assert!(status["discrepancies_total"].as_u64() >= Some(1), "{status}");
    daemon.home.fails(&["status"], 4, &["halted", "lobd resume"]);
    assert!(daemon.entries().await.is_empty(), "nothing is opened");
    daemon.ends_well().await;
}

/// Promises I3 and I6: what the exchange closes by itself is booked, and halts trading.
#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_the_exchange_closes_is_booked_and_halts_trading() {
    for fault in ["liquidate=BTCUSDT", "deleverage=BTCUSDT"] {
        let daemon = Daemon::holding().await;
        daemon.switch_on(fault).await;
        assert!(daemon.exposure().await.is_zero(), "{fault}");
        let status = daemon
            .status_when("halted, flat, and agreed with the venue", |status| {
                let is_told = status["halted"].as_str().is_some_and(|why| why.contains("itself"));
                is_told && status["symbols"][0]["phase"] == "flat" && is_agreed(status)
            })
            .await;
        assert_eq!(status["discrepancies_total"], 0, "{fault}");
        eventually("no stop is left", async || daemon.stops().await.is_empty()).await;
        daemon.ends_well().await;
    }
}

/// Promises I12 and I16: what new filters refuse is not tried again once they are read, and it says
/// why; a position is closed under them.
#[tokio::test(flavor = "multi_thread")]
async fn entries_that_new_filters_refuse_are_not_hammered() {
    let daemon = Daemon::holding().await;
    daemon.switch_on("change-filters=BTCUSDT,min-notional=7000").await;
    daemon.flatten().await;
    daemon.home.succeeds(&["resume"]);
    let status = daemon
        .status_when("it says why it does not trade, again and again", |status| {
            status["symbols"][0]["why_not_counts"]["filter"].as_u64() >= Some(3)
        })
        .await;
    let tried = status["symbols"][0]["totals"]["entries"].as_u64().unwrap() - 1;
    assert!((1..=2).contains(&tried), "{tried} were sent to learn of it");
    assert_eq!(daemon.entries().await.len(), 1, "none was accepted");
    assert!(daemon.exposure().await.is_zero() && is_agreed(&status), "{status}");
    daemon.ends_well().await;
}

/// Promises I5 and I16: an account that cannot be read in time opens nothing, until it can.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_read_opens_nothing_until_it_can() {
    let daemon = Daemon::start(&["delay-response=1m:GET /fapi/v3/positionRisk"]).await;
    daemon
        .status_when("it says why it does not trade", |status| {
            status["symbols"][0]["why_not"] == "not_reconciled"
        })
        .await;
    assert!(daemon.entries().await.is_empty());
    daemon.control().clear_faults().await;
    let status = daemon.is_protected().await;
    assert_eq!(daemon.entries().await.len(), 1, "{status}");
    let first = daemon.entries().await[0];
    assert!(matches!(first.kind, OrderKind::Limit { .. }));
    daemon.ends_well().await;
}

/// What a bad day brings, all at once and by chance.
const STORM: [&str; 16] = [
    "lose-request:probability=0.03",
    "lose-response:probability=0.05",
    "http-503=unknown:probability=0.05",
    "http-503=unavailable:POST:probability=0.1",
    "timeout-after-acceptance:POST:probability=0.1",
    "delay=200ms:probability=0.1",
    "delay-response=300ms:probability=0.1",
    "hide-order=500ms:probability=0.5",
    "hide-stop=500ms:probability=0.5",
    "drop-user-event:probability=0.2",
    "duplicate-user-event:probability=0.2",
    "reorder-user-events=200ms:probability=0.2",
    "drop-depth:probability=0.05",
    "vanish-stop=500ms:times=3",
    "cut-sockets:at=4s",
    "expire-listen-key:at=6s",
];

/// Promises I2, I3, I6 and I16: whatever comes together, once it is over everything adds up.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_storm_of_faults_everything_adds_up() {
    everything_adds_up_after_a_storm("rest").await;
}

/// The same promises.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_storm_over_the_order_socket_everything_adds_up() {
    everything_adds_up_after_a_storm("websocket").await;
}

async fn everything_adds_up_after_a_storm(transport: &'static str) {
    let settings =
        [("MAX_HOLDING_SECONDS", "1"), ("RECONCILE_SECONDS", "1"), ("ORDER_TRANSPORT", transport)];
    let daemon = Daemon::start_with(&[], &settings).await;
    daemon.is_protected().await;
    for fault in STORM {
        daemon.switch_on(fault).await;
    }
    let until = daemon.venue.clock.now() + STORM_LASTS;
    eventually("the storm is over", async || daemon.venue.clock.now() > until).await;
    let struck: u64 = daemon.control().faults().await.iter().map(|fault| fault.fired).sum();
    assert!(struck > 5, "{struck}");
    daemon.control().clear_faults().await;
    let status = booked_as_traded(&daemon).await;
    assert!(daemon.exposure().await.is_zero(), "{status}");
    eventually("no stop is left", async || daemon.stops().await.is_empty()).await;
    let orders = daemon.venue.orders().await;
    assert!(orders.iter().all(|order| order.report.status.is_terminal()), "{orders:?}");
    let sent = status["symbols"][0]["totals"]["entries"].as_u64().unwrap();
    assert!(daemon.entries().await.len() as u64 <= sent, "one effect of each intent");
    daemon.ends_well().await;
}

pub(crate) fn predicts(status: &Value) -> bool {
    let one = &status["symbols"][0];
    !one["prediction"].is_null() && one["why_not"] != "book_invalid"
}

/// The gaps after the first valid second.
pub(crate) fn gaps_inside(daemon: &Daemon) -> Vec<Value> {
    let Some(first) = daemon.home.valid_seconds().into_iter().next() else { return Vec::new() };
    let text = daemon.home.succeeds(&["data", "gaps", "--json"]);
    let gaps = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    gaps.filter(|gap| gap["from"].as_str().unwrap() > first.to_string().as_str()).collect()
}

/// Every second from the first valid one on is valid, or a gap with its reason (I8).
pub(crate) fn every_second_is_told(daemon: &Daemon) {
    let valid: BTreeSet<Second> = daemon.home.valid_seconds().into_iter().collect();
    let gaps = gaps_inside(daemon);
    for gap in &gaps {
        let kind = gap["kind"].as_str().unwrap();
        let is_reasoned = ["STALE: ", "MISSING: "].iter().any(|word| kind.starts_with(word));
        assert!(is_reasoned, "{gap}");
        assert_ne!(gap["from"], json!(null));
    }
    let (Some(first), Some(last)) = (valid.first(), valid.last()) else { panic!("none valid") };
    let mut untold = Vec::new();
    let mut second = *first;
    while second < *last {
        let text = second.to_string();
        let is_gap = gaps.iter().any(|gap| {
            let (from, to) = (gap["from"].as_str().unwrap(), gap["to"].as_str().unwrap());
            (from..=to).contains(&text.as_str())
        });
        if !valid.contains(&second) && !is_gap {
            untold.push(text);
        }
        second = second.next();
    }
    assert!(untold.is_empty(), "neither valid nor a gap: {untold:?}; {gaps:?}");
}
