//! Every state × every event of an order. The grid is a golden: a changed letter is a changed rule.

use std::time::Duration;

use expect_test::expect;

use super::*;
use crate::domain::{OrderKind, Rejection, Side};

pub(super) const START: Timestamp = Timestamp::from_seconds(1_000);
/// A moment at which no wait is over.
const SOON: Timestamp = Timestamp::from_millis(1_000_010);
/// A moment at which every wait is over.
const LATE: Timestamp = Timestamp::from_seconds(1_012);
const WHOLE: &str = "1";

pub(super) fn request() -> OrderRequest {
    OrderRequest {
        client_order_id: "lobd-00000007-1-1".parse().unwrap(),
        symbol: "BTCUSDT".parse().unwrap(),
        side: Side::Buy,
        quantity: WHOLE.parse().unwrap(),
        kind: OrderKind::Market,
        reduce_only: false,
    }
}

pub(super) fn report(status: OrderStatus, filled: &str) -> OrderReport {
    OrderReport {
        symbol: request().symbol,
        client_order_id: request().client_order_id,
        order_id: OrderId(9),
        side: Side::Buy,
        price: None,
        quantity: request().quantity,
        filled_quantity: filled.parse().unwrap(),
        average_price: None,
        status,
        reduce_only: false,
        update_time: START,
    }
}

fn rejected(code: i32) -> Failure {
    Failure::Rejected(Rejection { code, reason: String::new() })
}

fn not_sent() -> Failure {
    Failure::NotSent { reason: String::new() }
}

pub(super) fn not_known() -> Failure {
    rejected(NO_SUCH_ORDER)
}

pub(super) fn unknown() -> Failure {
    Failure::Unknown { reason: String::new() }
}

fn throttled() -> Failure {
    Failure::Throttled { until: START }
}

/// Every state, reached the way life reaches it.
fn states() -> Vec<(&'static str, Order)> {
    let sent = || Order::sent(START, request(), Purpose::Entry);
    let after = |mut order: Order, event: OrderEvent<'_>| {
        let _ = order.handle(START, event);
        order
    };
    let unclear = || after(sent(), OrderEvent::PlaceFailed(&unknown()));
    let working = || after(sent(), OrderEvent::Report(&report(OrderStatus::New, "0")));
    let denied = || {
        let mut order = unclear();
        let late = START + Duration::from_secs(11);
        let _ = order.handle(late, OrderEvent::QueryFailed(&rejected(NO_SUCH_ORDER)));
        order
    };
    let closed = |status, filled| after(working(), OrderEvent::Report(&report(status, filled)));
    vec![
        ("pending", sent()),
        ("pending, unwanted", after(sent(), OrderEvent::CancelWanted)),
        ("unknown", unclear()),
        ("denied", denied()),
        ("working", working()),
        ("canceling", after(working(), OrderEvent::CancelWanted)),
        ("filled", closed(OrderStatus::Filled, WHOLE)),
        ("canceled", closed(OrderStatus::Canceled, "0")),
        ("rejected", after(sent(), OrderEvent::PlaceFailed(&rejected(-2019)))),
        ("absent", after(sent(), OrderEvent::PlaceFailed(&not_sent()))),
    ]
}

fn letter(order: &Order, action: Option<OrderAction>) -> String {
    let state = match order.state() {
        OrderState::Pending { .. } => "P",
        OrderState::Unknown(_) => "U",
        OrderState::Denied { .. } => "D",
        OrderState::Working => "W",
        OrderState::Canceling(_) => "C",
        OrderState::Closed(Ending::Filled) => "f",
        OrderState::Closed(Ending::Canceled) => "c",
        OrderState::Closed(Ending::Rejected) => "r",
        OrderState::Closed(Ending::Absent) => "a",
    };
    let action = match action {
        Some(OrderAction::Query) => "?",
        Some(OrderAction::Cancel) => "x",
        None => " ",
    };
    format!("{state}{action}")
}

/// Plays one event into every state, checks the invariants, and writes the row of the grid.
fn row(name: &str, at: Timestamp, event: OrderEvent<'_>) -> String {
    let outcomes = states().into_iter().map(|(state, mut order)| {
        let before = order.clone();
        let action = order.handle(at, event);
        assert!(order.filled() >= before.filled(), "invariant 3: {name} in {state}");
        let comes_back = matches!(before.state(), OrderState::Closed(Ending::Absent))
            || matches!(event, OrderEvent::FoundInAccount);
        assert!(before.is_live() || !order.is_live() || comes_back, "invariant 2: {name}, {state}");
        assert!(
            !comes_back || before.is_live() || !order.is_live() || order.is_cancel_wanted(),
            "{name} in {state}"
        );
        let again = order.handle(at, event);
        assert!(again.is_none() || again == Some(OrderAction::Query), "{name} twice in {state}");
        let mut once = before;
        let _ = once.handle(at, event);
        letter(&once, action)
    });
    let outcomes = outcomes.collect::<Vec<_>>().join(" ");
    format!("{name:<22}{}\n", outcomes.trim_end())
}

fn rows_of_reports() -> String {
    let reports = [
        ("report new", OrderStatus::New, "0"),
        ("report part filled", OrderStatus::PartiallyFilled, "0.4"),
        ("report filled", OrderStatus::Filled, WHOLE),
        ("report canceled", OrderStatus::Canceled, "0.4"),
        ("report rejected", OrderStatus::Rejected, "0"),
        ("report expired", OrderStatus::Expired, "0"),
        ("report self-traded", OrderStatus::ExpiredInMatch, "0"),
        ("report beyond us", OrderStatus::Unknown, "0.4"),
    ];
    let mut rows: String = reports
        .iter()
        .map(|(name, status, filled)| row(name, SOON, OrderEvent::Report(&report(*status, filled))))
        .collect();
    rows += &row("booked in part", SOON, OrderEvent::Booked("0.4".parse().unwrap()));
    rows + &row("booked wholly", SOON, OrderEvent::Booked(WHOLE.parse().unwrap()))
}

fn rows_of_failures() -> String {
    let denial = rejected(NO_SUCH_ORDER);
    [
        row("place not sent", SOON, OrderEvent::PlaceFailed(&not_sent())),
        row("place throttled", SOON, OrderEvent::PlaceFailed(&throttled())),
        row("place unknown", SOON, OrderEvent::PlaceFailed(&unknown())),
        row("place refused", SOON, OrderEvent::PlaceFailed(&rejected(-2019))),
        row("place duplicate", SOON, OrderEvent::PlaceFailed(&rejected(-4116))),
        row("cancel not sent", SOON, OrderEvent::CancelFailed(&not_sent())),
        row("cancel unknown", SOON, OrderEvent::CancelFailed(&unknown())),
        row("cancel: no such order", SOON, OrderEvent::CancelFailed(&rejected(-2011))),
        row("query failed", LATE, OrderEvent::QueryFailed(&unknown())),
        row("query denied, early", SOON, OrderEvent::QueryFailed(&denial)),
        row("query denied, late", LATE, OrderEvent::QueryFailed(&denial)),
    ]
    .concat()
}

fn rows_of_account_and_time() -> String {
    let missing = |asked_at| OrderEvent::MissingFromAccount { asked_at };
    [
        row("cancel wanted", SOON, OrderEvent::CancelWanted),
        row("missing, early", SOON, missing(SOON)),
        row("missing, late", LATE, missing(LATE)),
        row("found after all", SOON, OrderEvent::FoundInAccount),
        row("tick, early", SOON, OrderEvent::Tick),
        row("tick, late", LATE, OrderEvent::Tick),
    ]
    .concat()
}

#[test]
fn every_state_has_an_answer_to_every_event() {
    let mut grid = String::from("                      p  pu u  d  w  c  f  c  r  a\n");
    grid += &rows_of_reports();
    grid += &rows_of_failures();
    grid += &rows_of_account_and_time();
    expect![["
                              p  pu u  d  w  c  f  c  r  a
        report new            W  Cx W  W  W  C  f  c  r  Cx
        report part filled    W  Cx W  W  W  C  f  c  r  Cx
        report filled         f  f  f  f  f  f  f  f  f  f
        report canceled       c  c  c  c  c  c  f  c  r  c
        report rejected       r  r  r  r  r  r  f  c  r  r
        report expired        c  c  c  c  c  c  f  c  r  c
        report self-traded    c  c  c  c  c  c  f  c  r  c
        report beyond us      U  Cx U  U  U  C  f  c  r  Cx
        booked in part        W  Cx W  W  W  C  f  c  r  Cx
        booked wholly         f  f  f  f  f  f  f  f  f  f
        place not sent        a  a  a  a  W  C  f  c  r  a
        place throttled       a  a  a  a  W  C  f  c  r  a
        place unknown         U  U  U  D  W  C  f  c  r  a
        place refused         r  r  r  r  W  C  f  c  r  a
        place duplicate       U  U  U  U  W  C  f  c  r  a
        cancel not sent       P  P  U  D  W  C  f  c  r  a
        cancel unknown        P  P  U  D  W  C  f  c  r  a
        cancel: no such order P  P  U  D  W  C? f  c  r  a
        query failed          P  P  U  D  W  C  f  c  r  a
        query denied, early   P  P  U  D  W  C  f  c  r  a
        query denied, late    P  P  D  D  W  D  f  c  r  a
        cancel wanted         P  P  Ux D  Cx C  f  c  r  a
        missing, early        P  P  U  D  U? C? f  c  r  a
        missing, late         P  P  U  a  U? C? f  c  r  a
        found after all       P  P  U  D  W  C  Cx Cx Cx Cx
        tick, early           P  P  U  D  W  C  f  c  r  a
        tick, late            U  U  U? D  W  Cx f  c  r  a
    "]]
    .assert_eq(&grid);
}

#[test]
fn news_in_any_order_ends_in_the_same_state() {
    let reports = [
        report(OrderStatus::New, "0"),
        report(OrderStatus::PartiallyFilled, "0.4"),
        report(OrderStatus::Filled, WHOLE),
    ];
    for order_of_news in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut order = Order::sent(START, request(), Purpose::Entry);
        for place in order_of_news {
            assert_eq!(order.handle(START, OrderEvent::Report(&reports[place])), None);
        }
        assert_eq!(order.state(), OrderState::Closed(Ending::Filled), "{order_of_news:?}");
        assert_eq!(order.filled(), WHOLE.parse().unwrap());
        assert_eq!(order.unbooked(), WHOLE.parse().unwrap(), "its fills are still to come");
    }
}

#[test]
fn an_unknown_order_is_asked_for_on_schedule_and_counts_in_full() {
    let mut order = Order::sent(START, request(), Purpose::Entry);
    let _ = order.handle(START, OrderEvent::PlaceFailed(&unknown()));
    let mut asked = Vec::new();
    for millis in (0..12_000).step_by(100) {
        let now = START + Duration::from_millis(millis);
        if order.handle(now, OrderEvent::Tick) == Some(OrderAction::Query) {
            asked.push(millis);
            let _ = order.handle(now, OrderEvent::QueryFailed(&rejected(NO_SUCH_ORDER)));
        }
    }
    assert_eq!(asked, [300, 1_000, 2_000, 5_000, 10_000]);
    assert!(matches!(order.state(), OrderState::Denied { .. }));
    assert_eq!(order.remaining(), WHOLE.parse().unwrap());
    let asked_at = START + Duration::from_secs(15);
    let _ = order.handle(asked_at, OrderEvent::MissingFromAccount { asked_at });
    assert_eq!(order.state(), OrderState::Closed(Ending::Absent));
}
