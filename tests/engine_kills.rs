//! A kill at each step of an order's life, in the engine's world: what was on its way is lost, what
//! was decided stands in the journal, and the venue goes on. Afterwards nothing is there twice,
//! nothing stays naked, and ledger and venue agree (promises I2, I3, I4 and I6). The steps are those
//! of `FAULTS.md`.

use std::collections::BTreeMap;

use lobd::book::{Reason, Validity};
use lobd::domain::{Exposure, Fill, OrderKind, Side, StopSize, TradeId};
use lobd::engine::{CyclePhase, Event, LedgerSummary, OperatorRequest};
use lobd::trading::LastTrade;

use crate::engine_world::{World, parse, symbol};

/// What the journal of a world has booked.
pub(crate) fn booked(world: &World) -> LedgerSummary {
    let mut fills: BTreeMap<TradeId, Fill> = BTreeMap::new();
    let mut book = |fill: &Fill| fills.insert(fill.trade_id, *fill);
    for (_, event) in &world.journal {
        if let Event::Fill(fill) = event {
            book(fill);
        } else if let Event::Account(report) = event {
            for fill in &report.fills {
                book(fill);
            }
        }
    }
    let add = |sum: Exposure, fill: &Fill| sum.checked_add(fill.quantity.on(fill.side)).unwrap();
    let exposure = fills.values().fold(Exposure::ZERO, add);
    let last = |fill: &Fill| (symbol(), LastTrade { trade_id: fill.trade_id, time: fill.time });
    LedgerSummary {
        last_trades: fills.values().last().map(last).into_iter().collect(),
        exposures: BTreeMap::from([(symbol(), exposure)]),
        ..LedgerSummary::default()
    }
}

/// Kills the process, starts it again, and gives it the three seconds that a position may be naked.
fn killed(world: &mut World) {
    let ledger = booked(world);
    world.restart(2, ledger);
    world.run_for(3_000);
    let stops = world.venue.waiting_stops().count();
    let is_closing = world.cycle().phase == CyclePhase::Closing;
    let is_held = !world.venue.exposure.is_zero();
    assert_eq!(stops, usize::from(is_held), "one stop over what is held, and none over nothing");
    assert!(!is_held || is_closing || world.cycle().stop_price.is_some());
}

/// Nothing new is opened; in the end everything is closed, and both sides say so.
fn comes_to_rest(world: &mut World) {
    world.tell(Event::Operator(OperatorRequest::Pause));
    world.run_for(100_000);
    let status = world.status();
    assert_eq!((world.venue.exposure, world.cycle().exposure), (Exposure::ZERO, Exposure::ZERO));
    assert!(world.venue.working().is_empty(), "{:?}", world.venue.working());
    assert_eq!(world.venue.waiting_stops().count(), 0);
    assert_eq!((status.discrepancies_total, status.halted), (0, None));
}

fn entering() -> World {
    let mut world = World::ready();
    world.predict(8.0);
    assert_eq!(world.orders_sent().len(), 1);
    world
}

/// K1 to K3: whether its intent was written or not, an entry that never left is never sent late.
#[test]
fn an_entry_that_had_not_left_is_never_sent() {
    let mut world = entering();
    assert!(world.venue.placed.is_empty());
    killed(&mut world);
    world.run_for(20_000);
    assert!(world.venue.placed.is_empty(), "its signal is over");
    world.predict(8.0);
    world.run_for(100);
    assert_eq!(world.venue.placed.len(), 1, "the next one is acted on");
    comes_to_rest(&mut world);
}

/// K5 to K7: sent and not answered, answered and not written, resting.
#[test]
fn an_entry_that_rests_is_found_and_withdrawn() {
    for moment in [20, 40, 500] {
        let mut world = entering();
        world.run_for(moment);
        assert_eq!(world.venue.working().len(), 1, "at {moment} ms");
        killed(&mut world);
        assert!(world.venue.working().is_empty(), "at {moment} ms");
        assert_eq!(world.venue.placed.len(), 1, "none is placed for it");
        comes_to_rest(&mut world);
    }
}

/// K5 and K8: what was filled and not heard of is booked from the history, once.
#[test]
fn a_fill_nobody_heard_of_is_booked_once_and_covered() {
    for (moment, quantity) in [(20, "1"), (100, "0.04"), (100, "1")] {
        let mut world = entering();
        world.run_for(moment);
        world.fill(Side::Buy, quantity);
        let held = world.venue.exposure;
        killed(&mut world);
        assert_eq!((world.venue.exposure, world.cycle().exposure), (held, held));
        let entries = world.orders_sent().iter().filter(|order| !order.reduce_only).count();
        assert_eq!((entries, world.cycle().totals.fills), (1, 1));
        comes_to_rest(&mut world);
    }
}

/// K9 and K10: the stop decided and not sent, sent and not answered.
#[test]
fn a_position_whose_stop_was_on_its_way_has_one_stop() {
    for (moment, stops_before) in [(20, 0), (40, 1)] {
        let mut world = entering();
        world.run_for(100);
        world.fill(Side::Buy, "1");
        world.run_for(moment);
        assert_eq!(world.stops_sent().len(), 1, "decided");
        assert_eq!(world.venue.waiting_stops().count(), stops_before);
        killed(&mut world);
        assert_eq!(world.stops_sent().len(), 2 - stops_before, "one that is there is kept");
        comes_to_rest(&mut world);
    }
}

/// K11: a larger stop is there beside the one it replaces.
#[test]
fn of_two_stops_the_one_that_covers_all_is_kept() {
    let mut world = World::with_long_position();
    let fill = world.venue.outsider_trades(world.now, Side::Buy, parse("0.05"));
    world.stream(vec![Event::Fill(fill)]);
    world.run_for(45);
    assert_eq!(world.venue.waiting_stops().count(), 2, "the new one before the old one goes");
    killed(&mut world);
    let left = world.venue.waiting_stops().next().unwrap();
    assert_eq!(left.size, StopSize::Quantity(parse("0.15")));
}

/// K13: a cancel decided and not sent, sent and not answered.
#[test]
fn an_entry_whose_cancel_was_on_its_way_is_gone() {
    for (moment, working_before) in [(10_005, 1), (10_025, 0)] {
        let mut world = entering();
        world.run_for(moment);
        assert_eq!(world.venue.working().len(), working_before, "at {moment} ms");
        killed(&mut world);
        assert!(world.venue.working().is_empty());
        comes_to_rest(&mut world);
    }
}

/// K14: the closing order decided and not sent, sent and not answered.
#[test]
fn a_position_whose_close_was_on_its_way_ends_flat_and_never_turns() {
    for is_sent in [false, true] {
        let mut world = World::with_long_position();
        world.validity = Validity::Stale(Reason::SequenceGap);
        world.move_to("59899", "59899.1");
        let is_decided =
            |world: &World| world.orders_sent().last().unwrap().kind == OrderKind::Market;
        for _ in 0..1_000 {
            let is_there =
                if is_sent { world.venue.exposure.is_zero() } else { is_decided(&world) };
            if is_there {
                break;
            }
            world.run_for(5);
        }
        assert_eq!((is_decided(&world), world.venue.exposure.is_zero()), (true, is_sent));
        assert_eq!(world.cycle().exposure, parse("0.1"), "not heard of yet");
        world.validity = Validity::Valid;
        killed(&mut world);
        comes_to_rest(&mut world);
        let sold = world.venue.fills.iter().filter(|fill| fill.side == Side::Sell);
        let sold = sold.fold(Exposure::ZERO, |sum, fill| {
            sum.checked_add(fill.quantity.on(Side::Sell)).unwrap()
        });
        assert_eq!(sold, parse("-0.1"), "once");
    }
}

/// K15: reconciling again from any point comes to the same.
#[test]
fn a_kill_while_it_reconciles_changes_nothing() {
    for moment in (0..400).step_by(20) {
        let mut world = World::with_long_position();
        let ledger = booked(&world);
        world.restart(2, ledger.clone());
        world.run_for(moment);
        world.restart(3, ledger);
        world.run_for(3_000);
        assert_eq!(world.venue.waiting_stops().count(), 1, "at {moment} ms");
        assert_eq!(world.venue.working_requests().len(), 1, "the take-profit, at {moment} ms");
        assert_eq!(world.stops_sent().len(), 1, "at {moment} ms");
        comes_to_rest(&mut world);
    }
}
