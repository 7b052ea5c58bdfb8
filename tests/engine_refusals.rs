//! What the venue refuses, and what becomes of it (promises I4 and I12).

use std::time::Duration;

use lobd::domain::Side;
use lobd::engine::CyclePhase;
use lobd::trading::WhyNot;

use crate::engine_world::{Fate, World, parse, settings};

#[test]
fn whatever_refuses_the_stop_the_position_is_closed_in_time() {
    // Another address, no room for stops, no margin, a price off the grid, a key without the right.
    for code in [-4120, -4045, -2019, -1111, -2015] {
        let mut world = World::ready();
        world.predict(8.0);
        world.run_for(100);
        world.stop_fates.extend([Fate::Refused(code); 40]);
        world.fill(Side::Buy, "1");
        world.run_for(5_000);
        assert_eq!(world.venue.exposure, parse("0"), "{code}");
        assert!(world.cycle().totals.longest_naked < Duration::from_secs(4), "{code}");
        assert!(world.stops_sent().len() <= 14, "{code}: {} stops", world.stops_sent().len());
    }
}

#[test]
fn an_entry_without_margin_opens_nothing_and_leaves_nothing_behind() {
    let mut world = World::ready();
    world.place_fates.push_back(Fate::Refused(-2019));
    world.predict(8.0);
    world.run_for(1_000);
    assert_eq!((world.cycle().phase, world.stops_sent().len()), (CyclePhase::Flat, 0));
    world.predict(8.0);
    world.run_for(100);
    assert_eq!(world.venue.working().len(), 1, "the next one is tried");
}

#[test]
fn post_only_orders_that_would_take_are_not_hammered() {
    let mut world = World::ready();
    world.place_fates.extend([Fate::Refused(-5022); 100]);
    for _ in 0..59 {
        world.run_for(1_000);
        world.predict(8.0);
    }
    let sent = u32::try_from(world.orders_sent().len()).unwrap();
    assert_eq!(sent, settings().limits.orders_per_minute, "of 59 wishes");
    assert_eq!(world.cycle().why_not, Some(WhyNot::OrderRate));
    assert!(world.venue.placed.is_empty());
}
