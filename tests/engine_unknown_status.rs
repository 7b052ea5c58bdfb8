//! Orders and stops in a state that this version has no word for: they count as if they worked, are
//! asked for, and are never called filled or gone (promises I2, I4, I11).

use lobd::domain::{OrderStatus, Side, StopStatus};
use lobd::engine::{Command, CyclePhase};

use crate::engine_world::{World, parse};

/// A world with an entry that works, of which the venue then says what nobody understands.
fn with_a_strange_entry() -> World {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(200);
    let told = world.venue.call_orders(OrderStatus::Unknown);
    world.stream(told);
    world.run_for(100);
    world
}

#[test]
fn an_order_of_unknown_status_counts_as_working_and_is_asked_for() {
    let mut world = with_a_strange_entry();
    assert_eq!(world.cycle().working_orders[0].state, "unknown");
    world.run_for(3_000);
    let is_question = |(_, command): &&_| matches!(command, Command::Query { .. });
    assert!(world.sent.iter().filter(is_question).count() >= 3);
    world.predict(8.0);
    assert_eq!(world.orders_sent().len(), 1, "no other entry beside it");
    assert_eq!(world.cycle().phase, CyclePhase::Entering);
    assert_eq!(world.status().discrepancies_total, 0);
}

#[test]
fn an_order_of_unknown_status_is_still_cancelled_and_its_fill_counts() {
    let mut world = with_a_strange_entry();
    world.run_for(11_000);
    assert_eq!(world.venue.working().len(), 0, "cancelled at the end of its prediction");
    assert_eq!(world.cycle().phase, CyclePhase::Flat);

    let mut world = with_a_strange_entry();
    world.fill(Side::Buy, "1");
    world.run_for(500);
    assert_eq!(world.cycle().exposure, parse("0.1"));
    assert_eq!(world.venue.waiting_stops().count(), 1);
}

#[test]
fn a_stop_of_unknown_status_that_stays_so_proves_no_protection() {
    let mut world = World::with_long_position();
    let told = world.venue.call_stops(StopStatus::Unknown);
    world.stream(told);
    world.run_for(2_000);
    assert_eq!(world.cycle().exposure, parse("0.1"), "asked for, not yet given up");
    world.run_for(8_000);
    assert_eq!(world.venue.exposure, parse("0"), "closed rather than left without a proven stop");
}

#[test]
fn a_stop_of_unknown_status_protects_again_once_the_venue_says_so() {
    let mut world = World::with_long_position();
    let told = world.venue.call_stops(StopStatus::Unknown);
    world.stream(told);
    world.run_for(1_000);
    world.venue.call_stops(StopStatus::New);
    world.run_for(6_000);
    assert_eq!(world.cycle().exposure, parse("0.1"));
    assert_eq!(world.stops_sent().len(), 1, "the same stop all along");
}
