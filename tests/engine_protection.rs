//! Protection that fails again and again, that somebody takes away, and prices that cannot be
//! (promises I4, I5 and I11).

use std::time::Duration;

use lobd::domain::{Failure, OrderKind, Rejection, Side, StopReport, StopStatus};
use lobd::engine::{Command, CyclePhase, Event, LedgerSummary, OperatorRequest, Severity};
use lobd::trading::{RiskLimits, WhyNot};

use crate::engine_world::{Fate, Venue, World, parse, started};

fn with_limits(change: impl FnOnce(&mut RiskLimits)) -> World {
    let mut world = World::unstarted(Venue::default());
    let mut started = started(1, LedgerSummary::default());
    change(&mut started.settings.limits);
    world.tell(Event::Started(Box::new(started)));
    world.go_live();
    world.run_for(2_000);
    world
}

/// Enters and is filled; what follows is the story.
fn enters(world: &mut World) {
    world.predict(8.0);
    world.run_for(100);
    world.fill(Side::Buy, "1");
}

fn alarms(world: &World) -> Vec<String> {
    let mut alarms = Vec::new();
    for (_, command) in &world.sent {
        if let Command::Notify(notice) = command
            && notice.severity == Severity::Alarm
        {
            alarms.push(notice.text.clone());
        }
    }
    alarms
}

/// A position for which the venue takes no stop.
fn closes_unprotected(world: &mut World) {
    world.stop_fates.extend([Fate::Refused(-4120); 40]);
    enters(world);
    world.run_for(8_000);
    assert!(world.venue.exposure.is_zero(), "it is closed all the same");
    world.stop_fates.clear();
}

#[test]
fn a_second_close_in_a_row_for_lack_of_a_stop_halts_trading() {
    let mut world = with_limits(|limits| limits.unprotected_in_a_row = 2);
    closes_unprotected(&mut world);
    assert_eq!(world.status().halted, None, "once is chance");
    closes_unprotected(&mut world);
    let halted = world.status().halted.unwrap();
    assert!(halted.contains("BTCUSDT: 2 positions in a row were closed for lack of a stop"));
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(WhyNot::Halted));
    world.tell(Event::Operator(OperatorRequest::Resume));
    assert_eq!(world.status().halted, None, "a person has looked");
    closes_unprotected(&mut world);
    assert_eq!(world.status().halted, None, "and it counts anew");
}

#[test]
fn stops_that_trigger_in_vain_count_as_none() {
    let mut world = with_limits(|limits| limits.unprotected_in_a_row = 2);
    for _ in 0..2 {
        assert_eq!(world.status().halted, None);
        enters(&mut world);
        world.run_for(200);
        let touched = world.venue.touch_stops();
        world.stream(touched);
        world.run_for(8_000);
        assert!(world.venue.exposure.is_zero());
        let ended = world.venue.call_stops(StopStatus::Expired);
        world.stream(ended);
        world.run_for(4_000);
    }
    assert!(world.status().halted.is_some_and(|reason| reason.contains("lack of a stop")));
}

#[test]
fn three_closes_within_an_hour_halt_trading_whatever_was_protected_between_them() {
    let mut world = with_limits(|limits| {
        (limits.unprotected_in_a_row, limits.unprotected_per_hour) = (2, 3);
    });
    for round in 0..3 {
        assert_eq!(world.status().halted, None, "round {round}");
        closes_unprotected(&mut world);
        if round < 2 {
            enters(&mut world);
            world.run_for(200);
            world.fill(Side::Sell, "1");
            world.run_for(4_000);
            assert_eq!(world.cycle().phase, CyclePhase::Flat, "taken with a profit");
        }
    }
    assert!(world.status().halted.is_some_and(|reason| reason.contains("3 positions within")));
}

/// O3: somebody takes the stop away; there is another one, and somebody is told.
#[test]
fn a_stop_cancelled_by_hand_is_replaced_and_a_person_is_called() {
    let mut world = World::with_long_position();
    assert_eq!(alarms(&world), [""; 0]);
    let stop = world.venue.waiting_stops().next().unwrap().clone();
    world.venue.lose_stops();
    world.tell(Event::Stop(StopReport { status: StopStatus::Canceled, ..stop.clone() }));
    world.run_for(1_000);
    assert_eq!(world.venue.waiting_stops().count(), 1);
    let alarms = alarms(&world);
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert!(alarms[0].contains(stop.client_order_id.as_str()) && alarms[0].contains("not by us"));
}

#[test]
fn a_stop_that_vanished_calls_a_person_and_one_that_did_its_work_does_not() {
    let mut world = World::with_long_position();
    world.run_for(3_000);
    world.venue.lose_stops();
    world.run_for(9_000);
    assert!(alarms(&world).iter().any(|text| text.contains("is gone from the venue")));

    let mut world = World::with_long_position();
    world.fill(Side::Sell, "1");
    world.run_for(4_000);
    assert_eq!((world.cycle().phase, alarms(&world).len()), (CyclePhase::Flat, 0));
}

/// Q10.
#[test]
fn after_an_absurd_move_of_the_mid_nothing_is_opened_for_a_while() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(100);
    assert_eq!(world.venue.working().len(), 1);
    world.venue.mark_apart = Some(parse("60000"));
    world.move_to("72000", "72000.1");
    world.run_for(1_500);
    assert!(world.venue.working().is_empty(), "the entry is withdrawn");
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(WhyNot::PriceJump));
    world.move_to("60000", "60000.1");
    world.run_for(2_000);
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(WhyNot::PriceJump), "the way back is a jump as well");
    world.run_for(10_000);
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, None);
    assert_eq!(world.orders_sent().len(), 2);
}

/// Q10: a mid that stays absurd is far from the mark price, and so is every entry.
#[test]
fn no_entry_is_made_far_from_the_mark_price() {
    let mut world = World::ready();
    world.venue.mark_apart = Some(parse("60000"));
    world.move_to("61000", "61000.1");
    world.run_for(15_000);
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(WhyNot::PriceCollar));
}

/// Q10: the mark price governs; where there is none, the venue's own word does.
#[test]
fn one_absurd_mid_closes_nothing() {
    for has_mark_price in [true, false] {
        let mut world = World::with_long_position();
        world.has_mark_price = has_mark_price;
        world.run_for(4_000);
        world.venue.mark_apart = Some(parse("60000"));
        let (bid, ask) = (world.venue.best_bid, world.venue.best_ask);
        (world.venue.best_bid, world.venue.best_ask) = (parse("48000"), parse("48000.1"));
        world.run_for(1_000);
        (world.venue.best_bid, world.venue.best_ask) = (bid, ask);
        world.run_for(12_000);
        let closes = world.orders_sent().len();
        assert_eq!(closes, 2, "entry and take-profit, mark price: {has_mark_price}");
        assert_eq!(world.cycle().phase, CyclePhase::Holding);
    }
}

/// Q10: a closing order knows no collar: what must be closed is closed at any price.
#[test]
fn a_position_is_closed_at_the_market_however_far_the_price_has_gone() {
    let mut world = World::with_long_position();
    world.venue.lose_stops();
    world.move_to("48000", "48000.1");
    world.run_for(3_000);
    assert!(world.venue.exposure.is_zero());
    assert!(world.orders_sent().iter().any(|order| order.kind == OrderKind::Market));
    assert!(world.cycle().totals.longest_naked <= Duration::from_secs(3));
}

/// G3: the key is refused while a position is held.
#[test]
fn a_refused_key_halts_trading_and_only_a_person_goes_on_once_it_works() {
    let mut world = World::with_long_position();
    world.is_account_silent = true;
    let refused = Failure::Rejected(Rejection {
        code: -2015,
        reason: "Invalid API-key, IP, or permissions for action.".to_owned(),
    });
    world.tell(Event::AccountFailed(refused));
    let halted = world.status().halted.unwrap();
    assert!(halted.contains("the API key of the sandbox environment"), "{halted}");
    assert!(alarms(&world).iter().any(|text| text.contains("-2015")));
    assert_eq!(world.venue.waiting_stops().count(), 1, "the venue's stop stays");
    world.tell(Event::Operator(OperatorRequest::Resume));
    assert!(world.status().halted.is_some(), "the key has not been seen to work");
    assert!(world.engine.refusal().is_some_and(|why| why.contains("API key")));
    world.is_account_silent = false;
    world.run_for(12_000);
    assert!(world.status().halted.is_some(), "a halt latches");
    world.tell(Event::Operator(OperatorRequest::Resume));
    assert_eq!(world.status().halted, None);
}
