//! Unknown outcomes, races, restarts and hands other than ours (promises I2, I3, I6).

use std::collections::BTreeMap;
use std::time::Duration;

use lobd::domain::{Exposure, OrderId, OrderReport, OrderStatus, Side, Timestamp, TradeId};
use lobd::engine::{Command, CyclePhase, Event, LedgerSummary, TradingEngine};
use lobd::trading::LastTrade;

use crate::engine_world::{Fate, World, parse, symbol};

fn ledger_of(last_trade: Option<TradeId>, exposure: Exposure) -> LedgerSummary {
    // Later than any trade of these stories: none of them is of another numbering.
    let time = Timestamp::from_seconds(1_900_000_000);
    let last = |trade_id| (symbol(), LastTrade { trade_id, time });
    LedgerSummary {
        last_trades: last_trade.map(last).into_iter().collect(),
        exposures: BTreeMap::from([(symbol(), exposure)]),
        ..LedgerSummary::default()
    }
}

#[test]
fn an_entry_whose_answer_was_lost_is_asked_for_and_adopted() {
    let mut world = World::ready();
    world.place_fates.push_back(Fate::AnswerLost);
    world.is_streaming = false;
    world.predict(8.0);
    world.run_for(1_000);
    assert_eq!(world.orders_sent().len(), 1);
    assert_eq!(world.cycle().working_orders[0].state, "working");
}

#[test]
fn an_entry_that_never_arrived_is_declared_so_only_after_the_window() {
    let mut world = World::ready();
    world.place_fates.push_back(Fate::RequestLost);
    world.predict(8.0);
    world.run_for(9_000);
    assert_eq!(world.cycle().working_orders[0].state, "unknown");
    world.predict(8.0);
    assert_eq!(world.orders_sent().len(), 1, "it counts as if it were there");
    world.run_for(9_000);
    assert_eq!(world.cycle().phase, CyclePhase::Flat);
    world.predict(8.0);
    assert_eq!(world.orders_sent().len(), 2);
}

#[test]
fn a_fill_that_races_the_cancel_wins() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(10_005);
    world.fill(Side::Buy, "0.04");
    world.run_for(500);
    assert_eq!(world.cycle().exposure, parse("0.04"));
    assert_eq!(world.venue.waiting_stops().count(), 1);
    assert_eq!(world.venue.working().len(), 1, "only the take-profit");
}

#[test]
fn a_lost_cancel_is_repeated() {
    let mut world = World::ready();
    world.cancel_fates.extend([Fate::RequestLost, Fate::NotSent]);
    world.predict(8.0);
    world.run_for(13_000);
    assert_eq!(world.venue.working().len(), 0);
    assert_eq!(world.cycle().phase, CyclePhase::Flat);
}

#[test]
fn fills_are_found_without_a_user_stream() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(100);
    world.is_streaming = false;
    world.fill(Side::Buy, "1");
    world.run_for(6_000);
    assert_eq!(world.cycle().exposure, parse("0.1"));
    assert_eq!(world.venue.waiting_stops().count(), 1);
    assert_eq!(world.cycle().totals.fills, 1);
}

/// The listen key ended in silence: the stream is there and tells nothing.
#[test]
fn a_fill_of_which_nothing_is_told_is_found_by_asking_and_covered_in_time() {
    for filled_after in [100, 1_900, 2_100, 3_900] {
        let mut world = World::ready();
        world.predict(8.0);
        world.is_streaming = false;
        world.run_for(filled_after);
        world.fill(Side::Buy, "0.04");
        world.run_for(2_500);
        assert_eq!(world.cycle().exposure, parse("0.04"), "after {filled_after} ms");
        assert_eq!(world.venue.waiting_stops().count(), 1, "after {filled_after} ms");
    }
}

#[test]
fn a_restart_finds_the_position_protects_it_and_agrees_with_the_venue() {
    let mut world = World::with_long_position();
    world.restart(2, ledger_of(None, Exposure::ZERO));
    world.run_for(3_000);
    let cycle = world.cycle();
    assert_eq!((cycle.phase, cycle.exposure), (CyclePhase::Holding, parse("0.1")));
    assert_eq!(cycle.entry_price, Some(parse("60000")));
    assert_eq!(world.venue.waiting_stops().count(), 1, "the old stop is kept");
    let working = world.venue.working_requests();
    assert_eq!(working.len(), 1, "the old take-profit was replaced by ours");
    assert!(world.status().discrepancies.is_empty() && world.status().halted.is_none());
    assert_eq!(world.status().discrepancies_total, 0);
}

#[test]
fn a_restart_with_a_booked_ledger_reckons_from_it() {
    let mut world = World::with_long_position();
    let last = world.venue.fills.last().unwrap().trade_id;
    world.restart(2, ledger_of(Some(last), parse("0.1")));
    world.run_for(2_000);
    assert_eq!(world.cycle().entry_price, Some(parse("60000")));
    world.move_to("60000.5", "60000.6");
    world.run_for(2_000);
    assert_eq!(world.venue.exposure, parse("0"), "taken with a tick of profit");
    assert_eq!(world.cycle().totals.realized_pnl, parse("0.01"));
    assert_eq!(world.status().discrepancies_total, 0);
}

#[test]
fn a_restart_without_a_stop_places_one() {
    let mut world = World::with_long_position();
    world.venue.lose_stops();
    world.restart(2, ledger_of(None, Exposure::ZERO));
    world.run_for(500);
    assert_eq!(world.venue.waiting_stops().count(), 1);
}

/// The fills of an order are those of all runs together: none is missing for ever.
#[test]
fn an_order_of_an_earlier_run_that_is_filled_on_is_booked_whole() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(500);
    world.fill(Side::Buy, "0.04");
    world.run_for(500);
    let last = world.venue.fills.last().unwrap().trade_id;
    world.cancel_fates.extend([Fate::RequestLost; 6]); // of the entry and of its take-profit
    world.restart(2, ledger_of(Some(last), parse("0.04")));
    world.run_for(500);
    world.fill(Side::Buy, "0.03");
    world.run_for(500);
    world.fill(Side::Buy, "0.01");
    world.run_for(20_000);
    assert_eq!(world.cycle().exposure, parse("0.08"));
    assert_eq!((world.status().discrepancies_total, world.status().halted), (0, None));
}

#[test]
fn an_entry_left_half_filled_and_half_booked_by_an_earlier_run_counts_once() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(500);
    world.fill(Side::Buy, "0.04");
    world.run_for(500);
    let last = world.venue.fills.last().unwrap().trade_id;
    world.restart(2, ledger_of(Some(last), parse("0.04")));
    world.run_for(4_000);
    assert_eq!(world.cycle().exposure, parse("0.04"), "the ledger has these fills already");
    let working = world.venue.working_requests();
    assert_eq!(working.len(), 1, "only the take-profit");
    assert_eq!(working[0].quantity, parse("0.04"));
    assert_eq!(world.status().discrepancies_total, 0);
    assert!(world.status().is_reconciled);
}

#[test]
fn a_ledger_long_unproven_takes_no_new_risk() {
    let mut world = World::ready();
    world.is_account_silent = true;
    world.run_for(40_000);
    world.predict(8.0);
    assert_eq!(world.orders_sent().len(), 0);
    assert_eq!(world.cycle().why_not, Some(lobd::trading::WhyNot::NotReconciled));
    world.is_account_silent = false;
    world.run_for(12_000);
    world.predict(8.0);
    assert_eq!(world.orders_sent().len(), 1);
}

#[test]
fn after_an_hour_that_passed_at_once_the_account_is_read_before_anything_is_opened() {
    let mut world = World::ready();
    world.is_account_silent = true;
    world.now = world.now + Duration::from_hours(1);
    world.run_for(1_000);
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(lobd::trading::WhyNot::NotReconciled));
    assert!(world.orders_sent().is_empty());
    world.is_account_silent = false;
    world.run_for(12_000);
    world.predict(8.0);
    assert_eq!(world.orders_sent().len(), 1);
}

#[test]
fn a_position_larger_than_any_stop_brings_one_stop_and_a_close_not_a_storm() {
    let mut world = World::ready();
    world.venue.outsider_trades(world.now, Side::Buy, parse("150"));
    world.run_for(3_000);
    assert!(world.stops_sent().len() <= 1, "{} stops", world.stops_sent().len());
    world.run_for(10_000);
    assert_eq!(world.venue.exposure, parse("0"));
    assert!(world.status().halted.is_some_and(|reason| reason.contains("stop")));
}

#[test]
fn a_position_opened_by_hand_is_protected_and_never_traded() {
    for is_streaming in [true, false] {
        let mut world = World::ready();
        world.is_streaming = is_streaming;
        let fill = world.venue.outsider_trades(world.now, Side::Buy, parse("0.05"));
        world.stream(vec![Event::Fill(fill)]);
        world.run_for(8_000);
        assert_eq!(world.venue.waiting_stops().count(), 1, "it is protected");
        world.move_to("60010", "60010.1");
        world.run_for(70_000);
        world.predict(8.0);
        assert_eq!(world.orders_sent(), [], "no take-profit, no entry, no close for its age");
        assert_eq!(world.venue.exposure, parse("0.05"));
        assert_eq!(world.status().halted, None);

        let fill = world.venue.outsider_trades(world.now, Side::Sell, parse("0.05"));
        world.stream(vec![Event::Fill(fill)]);
        world.run_for(8_000);
        assert_eq!(world.cycle().phase, CyclePhase::Flat);
        assert_eq!(world.venue.waiting_stops().count(), 0);
        world.predict(8.0);
        assert_eq!(world.orders_sent().len(), 1, "then it trades again");
    }
}

#[test]
fn an_entry_is_withdrawn_when_others_open_a_position() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(500);
    let fill = world.venue.outsider_trades(world.now, Side::Buy, parse("0.05"));
    world.stream(vec![Event::Fill(fill)]);
    world.run_for(2_000);
    assert!(world.venue.working().is_empty(), "neither entry nor take-profit");
    assert_eq!(world.venue.waiting_stops().count(), 1);
}

#[test]
fn another_daemon_on_the_account_halts_this_one() {
    let order = |world: &World| OrderReport {
        symbol: symbol(),
        client_order_id: parse("lobd-00000008-1-1"),
        order_id: OrderId(77),
        side: Side::Buy,
        price: Some(parse("59000")),
        quantity: parse("0.1"),
        filled_quantity: parse("0"),
        average_price: None,
        status: OrderStatus::New,
        reduce_only: false,
        update_time: world.now,
    };
    let mut world = World::ready();
    world.tell(Event::Order(order(&world)));
    assert!(world.status().halted.is_some_and(|reason| reason.contains("another lobd")));
    world.predict(8.0);
    assert!(world.orders_sent().is_empty());
}

#[test]
fn a_position_closed_by_hand_is_seen_and_its_stop_removed() {
    let mut world = World::with_long_position();
    let fill = world.venue.outsider_trades(world.now, Side::Sell, parse("0.1"));
    world.stream(vec![lobd::engine::Event::Fill(fill)]);
    world.run_for(3_000);
    assert_eq!(world.cycle().phase, CyclePhase::Flat);
    assert_eq!(world.venue.waiting_stops().count(), 0);
    assert!(world.venue.working().is_empty());
}

#[test]
fn a_position_that_no_fill_explains_is_protected_and_halts() {
    let mut world = World::ready();
    world.venue.exposure = parse("0.05");
    world.venue.outsider_trades(world.now, Side::Buy, parse("0.05"));
    world.venue.fills.clear();
    world.run_for(18_000);
    assert!(world.status().halted.is_some_and(|reason| reason.contains("position in BTCUSDT")));
    assert_eq!(world.cycle().exposure, parse("0.1"));
    assert_eq!(world.venue.waiting_stops().count(), 1, "all of it is protected");
    assert_eq!(world.status().discrepancies_total, 1);
    assert_eq!(world.venue.exposure, parse("0.1"), "and not touched otherwise");
    let is_told = world.sent.iter().any(|(_, command)| {
        let Command::TakeOver { exposure, last_trade, .. } = command else { return false };
        (*exposure, *last_trade) == (parse("0.1"), None)
    });
    assert!(is_told, "the journal is told, so that the next start does not halt again");

    world.restart(2, ledger_of(None, parse("0.1")));
    world.tell(Event::External { symbol: symbol() });
    world.run_for(80_000);
    assert_eq!(world.status().halted, None);
    assert!(world.orders_sent().is_empty(), "nor is it traded or closed for its age");
    assert_eq!(world.venue.waiting_stops().count(), 1);
}

#[test]
fn the_same_events_bring_the_same_commands() {
    let mut world = World::with_long_position();
    world.move_to("59899", "59899.1");
    world.run_for(8_000);
    let mut replayed = TradingEngine::default();
    let commands: Vec<Command> = world
        .journal
        .iter()
        .flat_map(|(now, event)| replayed.handle(*now, event.clone()))
        .collect();
    let sent: Vec<Command> = world.sent.iter().map(|(_, command)| command.clone()).collect();
    assert_eq!(commands, sent);
    assert_eq!(replayed, world.engine);
}
