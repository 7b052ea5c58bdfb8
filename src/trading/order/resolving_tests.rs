//! The resolving procedure of exchange-api.md 7.3, played against every venue there may be.
//!
//! The grid: when the venue accepts the order, if ever; how long it hides it from questions; whether
//! it fills at once; how many questions get no answer; whether our own stream tells; when the first
//! report of the account comes. Whatever of these holds, what was accepted is never declared absent,
//! what was not is declared so, and nothing is ever placed again.

use std::time::Duration;

use super::tests::{START, not_known, report, request, unknown};
use super::*;
use crate::domain::Quantity;
use crate::trading::LONGEST_ACCEPTANCE;

const STEP: Duration = Duration::from_millis(100);
const END: Duration = Duration::from_mins(1);
const ACCOUNT_INTERVAL: Duration = Duration::from_secs(5);

/// One venue of the grid; times count from the moment the order was sent.
#[derive(Debug, Clone, Copy)]
struct VenueCase {
    accepted: Option<Duration>,
    hidden: Duration,
    is_filled: bool,
    unanswered: u32,
    tells: bool,
    first_account: Duration,
}

impl VenueCase {
    /// Whether a question asked `at` finds the order.
    fn shows(&self, at: Duration) -> bool {
        self.accepted.is_some_and(|accepted| accepted + self.hidden <= at)
    }

    fn report(&self) -> OrderReport {
        if self.is_filled {
            report(OrderStatus::Filled, "1")
        } else {
            report(OrderStatus::New, "0")
        }
    }
}

fn grid() -> Vec<VenueCase> {
    let millis = Duration::from_millis;
    let mut cases = Vec::new();
    let acceptances = [None, Some(0), Some(900), Some(4_900), Some(5_000)];
    for accepted in acceptances.map(|millis| millis.map(Duration::from_millis)) {
        for hidden in [0, 1_200, 4_000].map(millis) {
            for is_filled in [false, true] {
                for unanswered in [0, 2, 6] {
                    for tells in [false, true] {
                        for first_account in [0, 2_500, 4_900].map(millis) {
                            cases.push(VenueCase {
                                accepted,
                                hidden,
                                is_filled,
                                unanswered,
                                tells,
                                first_account,
                            });
                        }
                    }
                }
            }
        }
    }
    cases
}

/// Plays one order whose answer was lost; the answer is the moment it was declared absent.
fn play(case: VenueCase) -> (Order, Option<Duration>, Vec<Duration>) {
    let mut order = Order::sent(START, request(), Purpose::Entry);
    let _ = order.handle(START, OrderEvent::PlaceFailed(&unknown()));
    let (mut asked, mut absent_at, mut elapsed) = (Vec::new(), None, Duration::ZERO);
    let mut next_account = case.first_account;
    while elapsed < END {
        let now = START + elapsed;
        if case.tells && case.accepted == Some(elapsed) {
            let _ = order.handle(now, OrderEvent::Report(&case.report()));
        }
        if order.handle(now, OrderEvent::Tick) == Some(OrderAction::Query) {
            asked.push(elapsed);
            answer(&mut order, &case, elapsed, asked.len());
        }
        if elapsed >= next_account {
            next_account += ACCOUNT_INTERVAL;
            account(&mut order, &case, elapsed);
        }
        let is_absent = order.state() == OrderState::Closed(Ending::Absent);
        absent_at = absent_at.or(is_absent.then_some(elapsed));
        let counts = order.is_live() || order.filled() == request().quantity || is_absent;
        assert!(counts, "{case:?}: until it is resolved it counts in full");
        elapsed += STEP;
    }
    (order, absent_at, asked)
}

fn answer(order: &mut Order, case: &VenueCase, elapsed: Duration, count: usize) {
    let now = START + elapsed;
    let is_lost = u32::try_from(count).is_ok_and(|count| count <= case.unanswered);
    let _ = if is_lost {
        order.handle(now, OrderEvent::QueryFailed(&unknown()))
    } else if case.shows(elapsed) {
        order.handle(now, OrderEvent::Report(&case.report()))
    } else {
        order.handle(now, OrderEvent::QueryFailed(&not_known()))
    };
}

/// What reconciliation makes of a report of the account: its fills first, then its open orders.
fn account(order: &mut Order, case: &VenueCase, elapsed: Duration) {
    let now = START + elapsed;
    let is_shown = case.shows(elapsed);
    if is_shown && case.is_filled {
        let whole: Quantity = request().quantity;
        let _ = order.handle(now, OrderEvent::Booked(whole));
        return;
    }
    let is_denied = matches!(order.state(), OrderState::Denied { .. });
    if !is_shown && is_denied {
        let _ = order.handle(now, OrderEvent::MissingFromAccount { asked_at: now });
    } else if is_shown && !order.is_live() {
        let _ = order.handle(now, OrderEvent::FoundInAccount);
    }
}

#[test]
fn what_was_accepted_is_found_and_what_was_not_is_declared_so_after_the_window() {
    let cases = grid();
    assert_eq!(cases.len(), 540);
    for case in cases {
        let (order, absent_at, asked) = play(case);
        match (case.accepted, absent_at) {
            (Some(_), None) => {
                let expected = if case.is_filled {
                    OrderState::Closed(Ending::Filled)
                } else {
                    OrderState::Working
                };
                assert_eq!(order.state(), expected, "{case:?}");
            }
            (None, Some(at)) => {
                assert!(at > LONGEST_ACCEPTANCE + Duration::from_secs(4), "{case:?} at {at:?}");
            }
            (accepted, absent) => panic!("{case:?}: {accepted:?} and absent at {absent:?}"),
        }
        let schedule = [300, 1_000, 2_000, 5_000, 10_000].map(Duration::from_millis);
        let on_schedule = asked.iter().zip(schedule).all(|(asked, wanted)| *asked == wanted);
        assert!(on_schedule && asked.len() <= 10, "{case:?}: {asked:?}");
    }
}

#[test]
fn an_order_no_longer_wanted_while_unknown_is_cancelled_at_once_and_again_when_found() {
    for case in grid().into_iter().filter(|case| case.accepted.is_some() && !case.is_filled) {
        let mut order = Order::sent(START, request(), Purpose::Entry);
        let _ = order.handle(START, OrderEvent::PlaceFailed(&unknown()));
        let cancel = order.handle(START, OrderEvent::CancelWanted);
        assert_eq!(cancel, Some(OrderAction::Cancel), "harmless if it was never accepted");
        let again = order.handle(START + STEP, OrderEvent::Report(&case.report()));
        assert_eq!(again, Some(OrderAction::Cancel), "{case:?}");
    }
}
