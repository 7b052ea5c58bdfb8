//! The trading cycle as stories of one position (design.md §3).

use lobd::book::{Reason, Validity};
use lobd::domain::{OrderKind, Price, Side, StopSize, TimeInForce};
use lobd::engine::{CyclePhase, Event, Feed, OperatorRequest};
use lobd::trading::WhyNot;

use crate::engine_world::{World, parse, symbol};

#[test]
fn a_signal_becomes_a_position_under_a_stop_and_ends_with_its_profit() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(100);
    let entry = world.orders_sent()[0];
    assert_eq!((entry.side, entry.quantity), (Side::Buy, parse("0.1")), "6,000 USDT at 60,000");
    let post_only = TimeInForce::PostOnly;
    assert_eq!(entry.kind, OrderKind::Limit { price: parse("60000"), time_in_force: post_only });
    assert_eq!(world.cycle().phase, CyclePhase::Entering);

    world.fill(Side::Buy, "1");
    world.run_for(200);
    let stop = world.stops_sent()[0];
    assert_eq!((stop.side, stop.trigger_price), (Side::Sell, parse("59850")), "−15 USDT on 0.1");
    assert_eq!(stop.size, StopSize::Quantity(parse("0.1")));
    let take_profit = world.orders_sent()[1];
    assert!(take_profit.reduce_only);
    assert_eq!(take_profit.kind.price(), Some(parse("60048")), "8 bps above the mid, to the tick");
    assert_eq!(world.cycle().phase, CyclePhase::Holding);
    assert!(world.cycle().totals.longest_naked.as_millis() < 100);

    world.move_to("60048", "60048.1");
    world.run_for(1_500);
    let cycle = world.cycle();
    assert_eq!(cycle.phase, CyclePhase::Flat);
    assert_eq!(cycle.totals.realized_pnl, parse("4.8"));
    assert_eq!((cycle.totals.round_trips, cycle.totals.stop_losses), (1, 0));
    assert_eq!(world.venue.waiting_stops().count(), 0, "its stop is gone");
    assert_eq!(world.status().discrepancies_total, 0);
}

#[test]
fn an_entry_nobody_fills_is_cancelled_when_its_prediction_is_over() {
    let mut world = World::ready();
    world.predict(-8.0);
    world.run_for(9_900);
    assert_eq!(world.venue.working().len(), 1);
    world.run_for(300);
    assert_eq!(world.venue.working().len(), 0);
    assert_eq!(world.cycle().phase, CyclePhase::Flat);
    world.run_for(1_000);
    world.predict(-8.0);
    assert_eq!(world.orders_sent().len(), 2, "the next cycle may begin");
}

#[test]
fn a_partial_fill_is_covered_at_once_by_a_stop_over_the_whole_entry() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(100);
    world.fill(Side::Buy, "0.03");
    world.run_for(300);
    assert_eq!(world.stops_sent()[0].size, StopSize::Quantity(parse("0.1")));
    let working = world.venue.working_requests();
    assert!(working.iter().any(|order| order.reduce_only && order.quantity == parse("0.03")));

    world.fill(Side::Buy, "0.05");
    world.run_for(300);
    assert_eq!(world.stops_sent().len(), 1, "the stop needs no replacement");
    let working = world.venue.working_requests();
    assert!(working.iter().any(|order| order.reduce_only && order.quantity == parse("0.08")));

    world.run_for(10_000);
    let working = world.venue.working_requests();
    assert_eq!(working.len(), 1, "the rest of the entry is cancelled, the filled part is kept");
    assert_eq!(world.cycle().exposure, parse("0.08"));
}

#[test]
fn a_position_held_for_too_long_is_closed() {
    let mut world = World::with_long_position();
    world.run_for(59_000);
    assert_eq!(world.cycle().phase, CyclePhase::Holding);
    world.run_for(8_000);
    assert_eq!(world.venue.exposure, parse("0"));
    assert_eq!(world.cycle().phase, CyclePhase::Flat);
    assert_eq!(world.cycle().totals.holding_timeouts, 1);
}

#[test]
fn every_reason_not_to_trade_is_named_and_counted() {
    let mut world = World::ready();
    let why_not = |world: &mut World, bps: f64| {
        world.predict(bps);
        world.cycle().why_not
    };
    assert_eq!(why_not(&mut world, 0.5), Some(WhyNot::MoveTooSmall), "taker fee is 1 bps");
    world.validity = Validity::Stale(Reason::SequenceGap);
    world.run_for(1_000);
    assert_eq!(why_not(&mut world, 8.0), Some(WhyNot::BookInvalid));
    world.validity = Validity::Valid;
    world.run_for(1_000);
    world.tell(Event::ClockOffset { nanos: 1_200_000_000 });
    assert_eq!(why_not(&mut world, 8.0), Some(WhyNot::ClockOffset));
    world.tell(Event::ClockOffset { nanos: 0 });
    world.tell(Event::Journal { is_healthy: false });
    assert_eq!(why_not(&mut world, 8.0), Some(WhyNot::JournalFailing));
    world.tell(Event::Journal { is_healthy: true });
    world.tell(Event::Model { symbol: symbol(), model: None });
    assert_eq!(why_not(&mut world, 8.0), Some(WhyNot::NoModel));
    assert!(world.orders_sent().is_empty());
    assert_eq!(world.cycle().why_not_counts.values().sum::<u64>(), 5);
}

#[test]
fn a_user_stream_that_went_is_reconciled_before_trading_goes_on() {
    let mut world = World::ready();
    world.tell(Event::Feed { feed: Feed::User, is_live: false });
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(WhyNot::UserFeedDown));
    world.tell(Event::Feed { feed: Feed::User, is_live: true });
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(WhyNot::NotReconciled));
    world.run_for(1_500);
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, None);
}

#[test]
fn a_halt_cancels_the_entry_and_latches() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(100);
    world.tell(Event::Operator(OperatorRequest::Halt { reason: "by hand".to_owned() }));
    world.run_for(100);
    assert_eq!(world.venue.working().len(), 0);
    world.run_for(1_000);
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(WhyNot::Halted));
    world.tell(Event::Operator(OperatorRequest::Resume));
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, None);
}

#[test]
fn a_halt_keeps_take_profit_and_stop_working() {
    let mut world = World::with_long_position();
    world.tell(Event::Operator(OperatorRequest::Halt { reason: "by hand".to_owned() }));
    world.run_for(2_000);
    assert_eq!(world.venue.working().len(), 1, "the take-profit");
    assert_eq!(world.venue.waiting_stops().count(), 1);
    world.move_to("60048", "60048.1");
    world.run_for(2_000);
    assert_eq!(world.venue.exposure, parse("0"));
}

#[test]
fn flatten_closes_and_stays_paused() {
    let mut world = World::with_long_position();
    world.tell(Event::Operator(OperatorRequest::Flatten));
    world.run_for(8_000);
    assert_eq!(world.venue.exposure, parse("0"));
    assert_eq!(world.venue.waiting_stops().count(), 0);
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(WhyNot::Paused));
}

#[test]
fn shutdown_leaves_the_position_under_its_stop_and_may_end() {
    let mut world = World::with_long_position();
    assert!(!world.status().may_stop);
    world.tell(Event::Shutdown);
    world.run_for(500);
    assert!(world.status().may_stop);
    assert_eq!(world.venue.waiting_stops().count(), 1);
    assert_eq!(world.venue.exposure, parse("0.1"));
}

#[test]
fn the_day_s_loss_halts_trading() {
    let mut world = World::ready();
    let ledger = lobd::engine::LedgerSummary {
        realized_today: parse("-201"),
        ..lobd::engine::LedgerSummary::default()
    };
    world.restart(2, ledger);
    world.run_for(2_000);
    assert!(world.status().halted.is_some_and(|reason| reason.contains("201")));
    world.tell(Event::Operator(OperatorRequest::Resume));
    assert!(world.status().halted.is_some(), "its cause persists");
}

#[test]
fn a_crossing_entry_takes_and_pays_for_it() {
    let price: Price = parse("60000.1");
    let mut world = World::unstarted(crate::engine_world::Venue::default());
    let mut started = crate::engine_world::started(1, lobd::engine::LedgerSummary::default());
    started.settings.entry_style = lobd::trading::EntryStyle::Cross;
    world.tell(Event::Started(Box::new(started)));
    world.go_live();
    world.run_for(2_000);
    world.predict(1.9);
    assert_eq!(world.cycle().why_not, Some(WhyNot::MoveTooSmall), "taker in, taker out: 2 bps");
    world.predict(8.0);
    world.run_for(500);
    assert_eq!(world.orders_sent()[0].kind.price(), Some(price));
    assert_eq!(world.cycle().exposure.side(), Some(Side::Buy));
}
