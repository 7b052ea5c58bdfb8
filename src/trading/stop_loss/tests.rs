//! Every state × every event of the stop-loss procedure; the grid is a golden.

use expect_test::expect;

use super::*;

const START: Timestamp = Timestamp::from_seconds(1_000);

fn situation() -> Situation {
    Situation {
        exposure: "0.1".parse().unwrap(),
        has_quote: true,
        is_past_backstop: false,
        is_symbol_closed: false,
        max_trial: 3,
        trial_wait: Duration::from_secs(1),
        budget: Duration::from_secs(5),
    }
}

fn progress() -> Progress {
    Progress {
        cause: CloseCause::Loss,
        began: START,
        trials: 1,
        strikes: 0,
        last_strike: None,
        is_market_only: false,
    }
}

fn states() -> [(&'static str, StopLoss); 8] {
    [
        ("idle", StopLoss::Idle),
        ("clearing", StopLoss::Clearing(progress())),
        ("asking", StopLoss::Asking(progress(), START)),
        ("trying", StopLoss::Trying(progress(), START + Duration::from_secs(1))),
        ("withdrawing", StopLoss::Withdrawing(progress(), START)),
        ("striking", StopLoss::Striking(progress(), START)),
        ("waiting", StopLoss::Waiting(progress(), START + Duration::from_secs(1))),
        ("settling", StopLoss::Settling(progress(), START)),
    ]
}

const fn letter(state: &StopLoss, action: Option<StopLossAction>) -> (char, char) {
    let state = match state {
        StopLoss::Idle => 'I',
        StopLoss::Clearing(_) => 'C',
        StopLoss::Asking(..) => 'A',
        StopLoss::Trying(..) => 'T',
        StopLoss::Withdrawing(..) => 'W',
        StopLoss::Striking(..) => 'S',
        StopLoss::Waiting(..) => 'P',
        StopLoss::Settling(..) => 'E',
    };
    let action = match action {
        Some(StopLossAction::CancelOrders) => 'x',
        Some(StopLossAction::AskPosition) => '?',
        Some(StopLossAction::Limit(_)) => 'l',
        Some(StopLossAction::Market { .. }) => 'm',
        None => ' ',
    };
    (state, action)
}

fn row(name: &str, at: Timestamp, event: StopLossEvent, situation: &Situation) -> String {
    let outcomes = states().map(|(_, mut state)| {
        let action = state.handle(at, event, situation);
        let (state, action) = letter(&state, action);
        format!("{state}{action}")
    });
    format!("{name:<22}{}\n", outcomes.join(" ").trim_end())
}

#[test]
fn every_state_has_an_answer_to_every_event() {
    let calm = situation();
    let flat = Situation { exposure: Exposure::ZERO, ..calm };
    let blind = Situation { has_quote: false, ..calm };
    let deep = Situation { is_past_backstop: true, ..calm };
    let (soon, late) = (START + Duration::from_millis(10), START + Duration::from_secs(6));
    let told = |exposure: &str, asked_at| StopLossEvent::Position {
        exposure: exposure.parse().unwrap(),
        asked_at,
    };
    let stale = START.earlier_by(Duration::from_secs(1));
    let mut grid = String::from("                      I  C  A  T  W  S  P  E\n");
    grid += &row("begin, loss", soon, StopLossEvent::Begin(CloseCause::Loss), &calm);
    grid += &row("begin, unprotected", soon, StopLossEvent::Begin(CloseCause::Unprotected), &calm);
    grid += &row("venue holds", soon, told("0.1", soon), &calm);
    grid += &row("venue holds, no book", soon, told("0.1", soon), &blind);
    grid += &row("venue holds, too deep", soon, told("0.1", soon), &deep);
    grid += &row("venue holds, late", late, told("0.1", late), &calm);
    grid += &row("venue flat", soon, told("0", soon), &flat);
    grid += &row("venue flat, ledger not", soon, told("0", soon), &calm);
    grid += &row("an old answer", soon, told("0", stale), &calm);
    grid += &row("orders gone", soon, StopLossEvent::OrdersGone, &calm);
    grid += &row("tick, early", soon, StopLossEvent::Tick, &calm);
    grid += &row("tick, too deep", soon, StopLossEvent::Tick, &deep);
    grid += &row("tick, late", late, StopLossEvent::Tick, &calm);
    grid += &row("tick, late, flat", late, StopLossEvent::Tick, &flat);
    expect![["
                              I  C  A  T  W  S  P  E
        begin, loss           Cx C  A  T  W  S  P  E
        begin, unprotected    Cx C  A  T  W  S  P  E
        venue holds           I  C  Tl T  W  S  P  A?
        venue holds, no book  I  C  Sm T  W  S  P  A?
        venue holds, too deep I  C  Sm T  W  S  P  A?
        venue holds, late     I  C  Sm T  W  S  P  A?
        venue flat            I  C  I  T  W  S  P  E
        venue flat, ledger notI  C  E  T  W  S  P  E
        an old answer         I  C  A  T  W  S  P  E
        orders gone           I  A? A  A? A? A? P  E
        tick, early           I  C  A  T  W  S  P  E
        tick, too deep        I  C  A  Wx W  S  P  E
        tick, late            I  A? Sm Wx A? A? A? A?
        tick, late, flat      I  A? A? Wx A? A? A? I
    "]]
    .assert_eq(&grid);
}

#[test]
fn it_never_strikes_twice_within_a_second_and_calls_a_person_from_the_third() {
    let blind = Situation { has_quote: false, ..situation() };
    let mut procedure = StopLoss::default();
    let mut strikes = Vec::new();
    let _ = procedure.handle(START, StopLossEvent::Begin(CloseCause::Loss), &blind);
    for millis in (0..4_500).step_by(50) {
        let now = START + Duration::from_millis(millis);
        let told = StopLossEvent::Position { exposure: blind.exposure, asked_at: now };
        for event in [StopLossEvent::OrdersGone, told, StopLossEvent::Tick] {
            if let Some(StopLossAction::Market { is_alarm, .. }) =
                procedure.handle(now, event, &blind)
            {
                strikes.push((millis, is_alarm));
            }
        }
    }
    // A twentieth more: each strike waits for a fresh answer of the venue.
    let expected = [(0, false), (1_050, false), (2_100, true), (3_150, true), (4_200, true)];
    assert_eq!(strikes, expected);
}

#[test]
fn a_flat_answer_that_the_ledger_contradicts_is_asked_for_again_until_both_agree() {
    let calm = situation();
    let mut procedure = StopLoss::Settling(progress(), START);
    assert_eq!(procedure.next_deadline(calm.budget), Some(START + SETTLE_PATIENCE));
    let again = START + SETTLE_PATIENCE;
    let action = procedure.handle(again, StopLossEvent::Tick, &calm);
    assert_eq!(action, Some(StopLossAction::AskPosition));
    let told = |exposure: &str, asked_at| StopLossEvent::Position {
        exposure: exposure.parse().unwrap(),
        asked_at,
    };
    let _ = procedure.handle(again, told("0", again), &calm);
    assert!(procedure.is_settling(), "still only the venue says so");
    let older = again.earlier_by(Duration::from_millis(1));
    assert_eq!(procedure.handle(again, told("0.1", older), &calm), None, "asked before that");
    let _ = procedure.handle(again + SETTLE_PATIENCE, StopLossEvent::Tick, &calm);
    let held = told("0.1", again + SETTLE_PATIENCE);
    let action = procedure.handle(again + SETTLE_PATIENCE, held, &calm);
    assert!(matches!(action, Some(StopLossAction::Limit(_))), "{action:?}");
}

#[test]
fn a_second_cause_does_not_begin_again_but_may_hurry() {
    let calm = situation();
    let mut procedure = StopLoss::default();
    let begun = procedure.handle(START, StopLossEvent::Begin(CloseCause::Age), &calm);
    assert_eq!(begun, Some(StopLossAction::CancelOrders));
    let again = procedure.handle(START, StopLossEvent::Begin(CloseCause::Unprotected), &calm);
    assert_eq!(again, None);
    let _ = procedure.handle(START, StopLossEvent::OrdersGone, &calm);
    let told = StopLossEvent::Position { exposure: calm.exposure, asked_at: START };
    let action = procedure.handle(START, told, &calm);
    assert!(matches!(action, Some(StopLossAction::Market { .. })), "no more patience");
    assert_eq!(procedure.progress().map(|progress| progress.cause), Some(CloseCause::Age));
}
