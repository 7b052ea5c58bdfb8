//! Every state × every event of a stop; the grid is a golden.

use expect_test::expect;

use super::*;
use crate::domain::{AlgoOrderId, Rejection, Side, StopSize};
use crate::trading::order::NO_SUCH_ORDER;

const START: Timestamp = Timestamp::from_seconds(1_000);

fn request() -> StopRequest {
    StopRequest {
        client_order_id: "lobd-00000007-1-1".parse().unwrap(),
        symbol: "BTCUSDT".parse().unwrap(),
        side: Side::Sell,
        trigger_price: "59850".parse().unwrap(),
        size: StopSize::Quantity("0.1".parse().unwrap()),
    }
}

fn report(status: StopStatus) -> StopReport {
    StopReport {
        symbol: request().symbol,
        client_order_id: request().client_order_id,
        algo_order_id: AlgoOrderId(1),
        side: Side::Sell,
        trigger_price: request().trigger_price,
        size: request().size,
        status,
        child_order_id: None,
        reason: None,
        update_time: START,
    }
}

fn rejected(code: i32) -> Failure {
    Failure::Rejected(Rejection { code, reason: String::new() })
}

fn not_sent() -> Failure {
    Failure::NotSent { reason: String::new() }
}

fn unknown() -> Failure {
    Failure::Unknown { reason: String::new() }
}

fn states() -> Vec<Stop> {
    let sent = || Stop::sent(START, request());
    let after = |mut stop: Stop, event: StopEvent<'_>| {
        let _ = stop.handle(START, event);
        stop
    };
    let told = |status| after(sent(), StopEvent::Report(&report(status)));
    vec![
        sent(),
        after(sent(), StopEvent::CancelWanted),
        after(sent(), StopEvent::PlaceFailed(&unknown())),
        after(told(StopStatus::New), StopEvent::MissingFromAccount),
        told(StopStatus::New),
        told(StopStatus::Triggered),
        after(told(StopStatus::New), StopEvent::CancelWanted),
        told(StopStatus::Finished),
        told(StopStatus::Canceled),
        after(sent(), StopEvent::PlaceFailed(&rejected(-2021))),
        after(sent(), StopEvent::PlaceFailed(&not_sent())),
    ]
}

const fn letters(stop: &Stop, action: Option<StopAction>) -> (char, char) {
    let state = match stop.state() {
        StopState::Pending { .. } => 'P',
        StopState::Unknown(_) => 'U',
        StopState::Working => 'W',
        StopState::Triggered { .. } => 'T',
        StopState::Canceling(_) => 'C',
        StopState::Closed(StopEnding::Finished) => 'f',
        StopState::Closed(StopEnding::Canceled) => 'c',
        StopState::Closed(StopEnding::Rejected) => 'r',
        StopState::Closed(StopEnding::Absent) => 'a',
    };
    let action = match action {
        Some(StopAction::Query) => '?',
        Some(StopAction::Cancel) => 'x',
        None => ' ',
    };
    (state, action)
}

fn row(name: &str, at: Timestamp, event: StopEvent<'_>) -> String {
    let outcomes = states().into_iter().map(|mut stop| {
        let action = stop.handle(at, event);
        let (state, action) = letters(&stop, action);
        format!("{state}{action}")
    });
    let outcomes = outcomes.collect::<Vec<_>>().join(" ");
    format!("{name:<22}{}\n", outcomes.trim_end())
}

#[test]
fn every_state_has_an_answer_to_every_event() {
    let late = START + Duration::from_secs(12);
    let soon = START + Duration::from_millis(10);
    let denial = rejected(NO_SUCH_ORDER);
    let mut grid = String::from("                      p  pu u  us w  t  c  f  c  r  a\n");
    for (name, status) in [
        ("report new", StopStatus::New),
        ("report triggering", StopStatus::Triggering),
        ("report triggered", StopStatus::Triggered),
        ("report finished", StopStatus::Finished),
        ("report canceled", StopStatus::Canceled),
        ("report expired", StopStatus::Expired),
        ("report rejected", StopStatus::Rejected),
        ("report beyond us", StopStatus::Unknown),
    ] {
        grid += &row(name, soon, StopEvent::Report(&report(status)));
    }
    grid += &row("place not sent", soon, StopEvent::PlaceFailed(&not_sent()));
    grid += &row("place unknown", soon, StopEvent::PlaceFailed(&unknown()));
    grid += &row("place refused", soon, StopEvent::PlaceFailed(&rejected(-2021)));
    grid += &row("place duplicate", soon, StopEvent::PlaceFailed(&rejected(-4116)));
    grid += &row("cancel not sent", soon, StopEvent::CancelFailed(&not_sent()));
    grid += &row("cancel: no such stop", soon, StopEvent::CancelFailed(&rejected(-2011)));
    grid += &row("query failed", late, StopEvent::QueryFailed(&unknown()));
    grid += &row("query denied, early", soon, StopEvent::QueryFailed(&denial));
    grid += &row("query denied, late", late, StopEvent::QueryFailed(&denial));
    grid += &row("cancel wanted", soon, StopEvent::CancelWanted);
    grid += &row("missing", soon, StopEvent::MissingFromAccount);
    grid += &row("found after all", soon, StopEvent::FoundInAccount);
    grid += &row("tick, early", soon, StopEvent::Tick);
    grid += &row("tick, late", late, StopEvent::Tick);
    expect![["
                              p  pu u  us w  t  c  f  c  r  a
        report new            W  Cx W  W  W  T  C  f  c  r  Cx
        report triggering     T  T  T  T  T  T  T  f  c  r  T
        report triggered      T  T  T  T  T  T  T  f  c  r  T
        report finished       f  f  f  f  f  f  f  f  c  r  f
        report canceled       c  c  c  c  c  c  c  f  c  r  c
        report expired        c  c  c  c  c  c  c  f  c  r  c
        report rejected       r  r  r  r  r  r  r  f  c  r  r
        report beyond us      U  Cx U  U  U  T  C  f  c  r  Cx
        place not sent        a  a  a  a  W  T  C  f  c  r  a
        place unknown         U  U  U  U  W  T  C  f  c  r  a
        place refused         r  r  r  r  W  T  C  f  c  r  a
        place duplicate       U  U  U  U  W  T  C  f  c  r  a
        cancel not sent       P  P  U  U  W  T  C  f  c  r  a
        cancel: no such stop  P  P  U  U  W  T  C? f  c  r  a
        query failed          P  P  U  U  W  T  C  f  c  r  a
        query denied, early   P  P  U  a  W  T  c  f  c  r  a
        query denied, late    P  P  a  a  W  T  c  f  c  r  a
        cancel wanted         P  P  Ux Ux Cx T? C  f  c  r  a
        missing               P  P  U  U  U? T? C? f  c  r  a
        found after all       P  P  U  U  W  T  C  Cx Cx Cx Cx
        tick, early           P  P  U  U  W  T  C  f  c  r  a
        tick, late            U? U? U? U? W  T  C? f  c  r  a
    "]]
    .assert_eq(&grid);
}
