//! Every step by which a position is opened, protected and closed, and what may befall it there: its
//! answer lost, itself lost, the process killed, part of it filled. Afterwards the position is
//! closed, once, and was never naked for longer than it may be (promises I2, I3, I4 and I6).

use std::time::Duration;

use lobd::book::{Reason, Validity};
use lobd::domain::{Exposure, OrderKind, Side};
use lobd::engine::{Command, Event, OperatorRequest};

use crate::engine_kills::booked;
use crate::engine_world::{Fate, World, parse};

/// What is sent in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Entry,
    Stop,
    TakeProfit,
    /// The procedure clears the way: the take-profit is cancelled.
    Clearing,
    /// It asks for the position.
    Asking,
    Limit,
    /// Its limit is withdrawn.
    Withdrawing,
    Market,
    /// Flat: the venue's stop goes.
    Removing,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    AnswerLost,
    RequestLost,
    /// Killed with the request decided and not sent.
    KilledBefore,
    /// Killed with the request carried out and not answered.
    KilledAfter,
    /// Part of what works is filled at that moment.
    PartlyFilled,
}

const STEPS: [Step; 9] = [
    Step::Entry,
    Step::Stop,
    Step::TakeProfit,
    Step::Clearing,
    Step::Asking,
    Step::Limit,
    Step::Withdrawing,
    Step::Market,
    Step::Removing,
];

const MISHAPS: [Mishap; 5] = [
    Mishap::AnswerLost,
    Mishap::RequestLost,
    Mishap::KilledBefore,
    Mishap::KilledAfter,
    Mishap::PartlyFilled,
];

/// How finely time is cut to meet a step.
const LOOK_MS: u64 = 5;

impl Step {
    /// Whether this command is what the step sends, after `cancels` cancels of ordinary orders.
    fn is_sent_by(self, command: &Command, cancels: usize) -> bool {
        let order = if let Command::Place(order) = command { Some(*order.get()) } else { None };
        let closes = |is_wanted: fn(&OrderKind) -> bool| {
            order.is_some_and(|order| order.reduce_only && is_wanted(&order.kind))
        };
        let is_limit = |kind: &OrderKind| matches!(kind, OrderKind::Limit { .. });
        match self {
            Self::Entry => order.is_some_and(|order| !order.reduce_only),
            Self::Stop => matches!(command, Command::PlaceStop(_)),
            Self::TakeProfit => closes(is_limit) && cancels == 0,
            Self::Clearing => matches!(command, Command::Cancel { .. }) && cancels == 0,
            Self::Asking => matches!(command, Command::QueryPosition { .. }) && cancels > 0,
            Self::Limit => closes(is_limit) && cancels > 0,
            Self::Withdrawing => matches!(command, Command::Cancel { .. }) && cancels == 1,
            Self::Market => closes(|kind| *kind == OrderKind::Market),
            Self::Removing => matches!(command, Command::CancelStop { .. }),
        }
    }
}

/// Whether the step has been decided.
fn is_decided(world: &World, step: Step) -> bool {
    let mut cancels = 0;
    world.sent.iter().any(|(_, command)| {
        let is_it = step.is_sent_by(command, cancels);
        cancels += usize::from(matches!(command, Command::Cancel { .. }));
        is_it
    })
}

/// Plans what becomes of the next request of the step's kind.
fn plan(world: &mut World, step: Step, fate: Fate) {
    match step {
        Step::Entry | Step::TakeProfit | Step::Limit | Step::Market => {
            world.place_fates.push_back(fate);
        }
        Step::Stop => world.stop_fates.push_back(fate),
        Step::Clearing | Step::Withdrawing => world.cancel_fates.push_back(fate),
        // A question that is lost, and a cancel of a stop that is, are only answers that are missing.
        Step::Asking => world.lost_positions = 1,
        Step::Removing => world.lost_stop_cancels = 1,
    }
}

/// The steps of one part of the story, and how it begins.
type Chapter = (&'static [Step], fn(&mut World));

/// Plays the story of one position up to the moment at which the step is decided: entered, filled,
/// losing, closed by limits in vain and then by the market.
fn play_to(world: &mut World, step: Step) {
    let story: [Chapter; 3] = [
        (&[Step::Entry], |world| world.predict(8.0)),
        (&[Step::Stop, Step::TakeProfit], |world| {
            world.run_for(100);
            world.fill(Side::Buy, "1");
        }),
        (
            &[
                Step::Clearing,
                Step::Asking,
                Step::Limit,
                Step::Withdrawing,
                Step::Market,
                Step::Removing,
            ],
            |world| {
                world.run_for(300);
                world.move_to("59899", "59899.1");
            },
        ),
    ];
    for (steps, begin) in story {
        begin(world);
        if steps.contains(&step) {
            for _ in 0..4_000 {
                if is_decided(world, step) {
                    return;
                }
                world.run_for(LOOK_MS);
            }
            panic!("{step:?} never came");
        }
    }
}

fn killed(world: &mut World) {
    let ledger = booked(world);
    world.restart(2, ledger);
    world.run_for(3_000);
}

fn befalls(world: &mut World, step: Step, mishap: Mishap) {
    match mishap {
        Mishap::AnswerLost => plan(world, step, Fate::AnswerLost),
        Mishap::RequestLost => plan(world, step, Fate::RequestLost),
        Mishap::KilledBefore => killed(world),
        Mishap::KilledAfter => {
            world.run_for(21);
            killed(world);
        }
        Mishap::PartlyFilled => {
            world.run_for(21);
            let side = world.venue.working_requests().last().map(|request| request.side);
            if let Some(side) = side {
                world.fill(side, "0.03");
            }
        }
    }
}

/// In the end everything is closed, both sides say so, and nothing was done twice.
fn comes_to_rest(world: &mut World, story: &str) {
    world.tell(Event::Operator(OperatorRequest::Flatten));
    world.run_for(100_000);
    let status = world.status();
    assert_eq!(world.venue.exposure, Exposure::ZERO, "{story}");
    assert_eq!(world.cycle().exposure, Exposure::ZERO, "{story}");
    assert!(world.venue.working().is_empty(), "{story}: {:?}", world.venue.working());
    assert_eq!(world.venue.waiting_stops().count(), 0, "{story}");
    assert_eq!((status.discrepancies_total, status.halted), (0, None), "{story}");
    let sum = |side: Side| {
        let fills = world.venue.fills.iter().filter(|fill| fill.side == side);
        fills.fold(Exposure::ZERO, |sum, fill| sum.checked_add(fill.quantity.on(side)).unwrap())
    };
    let bought = sum(Side::Buy);
    assert!(bought.units() <= parse::<Exposure>("0.1").units(), "{story}: bought {bought}");
    let longest = world.cycle().totals.longest_naked;
    assert!(longest <= Duration::from_millis(3_500), "{story}: naked for {longest:?}");
}

#[test]
fn each_step_survives_what_may_befall_it() {
    for step in STEPS {
        for mishap in MISHAPS {
            for has_book in [true, false] {
                let needs_book = matches!(step, Step::Limit | Step::Withdrawing);
                if !has_book && needs_book {
                    continue; // without a book the procedure goes to the market at once
                }
                let story = format!("{mishap:?} at {step:?}, book: {has_book}");
                let mut world = World::ready();
                play_to(&mut world, step);
                // Decided, and 20 ms from the venue.
                befalls(&mut world, step, mishap);
                if !has_book {
                    world.validity = Validity::Stale(Reason::SequenceGap);
                    world.run_for(2_000);
                    world.validity = Validity::Valid;
                }
                world.run_for(12_000);
                comes_to_rest(&mut world, &story);
            }
        }
    }
}
