//! Limits of the account as a whole: what halts trading by itself, and that it latches (I11).

use lobd::domain::Side;
use lobd::engine::{Event, LedgerSummary, OperatorRequest, TradingState};
use lobd::trading::{RiskLimits, WhyNot};

use crate::engine_world::{Venue, World, parse};

/// A world at rest whose limits were changed.
fn with_limits(change: impl FnOnce(&mut RiskLimits)) -> World {
    let mut world = World::unstarted(Venue::default());
    let mut started = crate::engine_world::started(1, LedgerSummary::default());
    change(&mut started.settings.limits);
    world.tell(Event::Started(Box::new(started)));
    world.go_live();
    world.run_for(2_000);
    assert_eq!(world.status().state, TradingState::Trading);
    world
}

/// Enters long at 60,000, wholly filled.
fn enter(world: &mut World) {
    world.predict(8.0);
    world.run_for(100);
    world.fill(Side::Buy, "1");
    world.run_for(200);
    assert_eq!(world.cycle().exposure, parse("0.1"));
}

/// A round trip that its holding time ends at another price than it began.
fn round_trip_to(world: &mut World, best_bid: &str, best_ask: &str) {
    enter(world);
    world.move_to(best_bid, best_ask);
    world.run_for(70_000);
    assert_eq!(world.venue.exposure, parse("0"));
    world.move_to("60000", "60000.1");
    world.run_for(6_000);
}

fn halt_reason(world: &World) -> String {
    assert_eq!(world.status().state, TradingState::Halted);
    world.status().halted.unwrap()
}

#[test]
fn losses_in_a_row_halt_trading_until_a_person_resumes() {
    let mut world = with_limits(|limits| limits.consecutive_losses = 2);
    round_trip_to(&mut world, "59950", "59950.1");
    round_trip_to(&mut world, "60010", "60010.1");
    round_trip_to(&mut world, "59950", "59950.1");
    assert_eq!(world.status().halted, None, "a profit came between");
    round_trip_to(&mut world, "59950", "59950.1");
    assert!(halt_reason(&world).contains("2 round trips in a row"));
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(WhyNot::Halted));
    world.tell(Event::Operator(OperatorRequest::Resume));
    round_trip_to(&mut world, "59950", "59950.1");
    assert_eq!(world.status().halted, None, "the count began anew");
}

#[test]
fn a_drawdown_halts_trading_and_the_position_keeps_its_stop() {
    let mut world = with_limits(|limits| limits.drawdown = parse("6"));
    enter(&mut world);
    world.move_to("60020", "60020.1"); // 2 USDT up
    world.run_for(1_500);
    world.move_to("59970", "59970.1"); // 3 down: 5 below the highest
    world.run_for(1_500);
    assert_eq!(world.status().halted, None);
    world.move_to("59959", "59959.1"); // 4.1 down
    world.run_for(1_500);
    assert!(halt_reason(&world).contains("from its highest"));
    assert_eq!(world.venue.exposure, parse("0.1"), "the loss is not the stop's yet");
    assert_eq!(world.venue.waiting_stops().count(), 1);
    world.tell(Event::Operator(OperatorRequest::Resume));
    world.run_for(1_500);
    assert_eq!(world.status().halted, None, "falls count from where a person resumed");
}

#[test]
fn a_position_too_near_to_its_liquidation_halts_trading_for_as_long_as_it_is() {
    let mut world = with_limits(|limits| limits.liquidation_distance = parse("0.02"));
    world.venue.liquidation_price = Some(parse("58700")); // 2.2 % below
    enter(&mut world);
    world.run_for(6_000);
    assert_eq!(world.status().halted, None);
    world.venue.liquidation_price = Some(parse("58900")); // 1.8 %: margin was taken out
    world.run_for(6_000);
    assert!(halt_reason(&world).contains("BTCUSDT: liquidation at 58900"));
    world.tell(Event::Operator(OperatorRequest::Resume));
    assert!(world.engine.refusal().is_some_and(|text| text.contains("58900")), "it still is");
    world.venue.liquidation_price = Some(parse("58000"));
    world.run_for(6_000);
    world.tell(Event::Operator(OperatorRequest::Resume));
    assert_eq!(world.status().halted, None);
}

#[test]
fn the_state_says_whether_risk_may_grow() {
    let mut world = with_limits(|_| {});
    world.tell(Event::Operator(OperatorRequest::Pause));
    assert_eq!(world.status().state, TradingState::Reducing);
    world.tell(Event::Operator(OperatorRequest::Resume));
    assert_eq!(world.status().state, TradingState::Trading);
    world.tell(Event::ClockOffset { nanos: 2_000_000_000 });
    assert_eq!(world.status().state, TradingState::Reducing);
    world.tell(Event::Operator(OperatorRequest::Halt { reason: "asked".to_owned() }));
    assert_eq!(world.status().state, TradingState::Halted);
}

#[test]
fn an_entry_beyond_a_limit_is_not_sent_and_the_limit_is_named() {
    let refused = |change: fn(&mut RiskLimits)| {
        let mut world = with_limits(change);
        world.predict(8.0);
        assert!(world.orders_sent().is_empty());
        world.cycle().why_not.unwrap()
    };
    assert_eq!(refused(|limits| limits.order_notional = parse("5999")), WhyNot::OrderSize);
    assert_eq!(refused(|limits| limits.account_notional = parse("5999")), WhyNot::AccountLimit);
    assert_eq!(refused(|limits| limits.position_notional = parse("5999")), WhyNot::PositionLimit);
    assert_eq!(refused(|limits| limits.orders_per_minute = 0), WhyNot::OrderRate);
    assert_eq!(refused(|limits| limits.open_orders = 0), WhyNot::OpenOrders);
}
