//! How a position is closed for certain, whatever fails (design.md §3, step 6).

use std::time::Duration;

use lobd::book::{Reason, Validity};
use lobd::domain::{OrderKind, Side, StopReport, StopStatus};
use lobd::engine::{Command, CyclePhase, Event, LedgerSummary, Severity};
use lobd::trading::ShutdownPolicy;

use crate::engine_world::{Fate, Venue, World, parse};

fn closing_kinds(world: &World) -> Vec<OrderKind> {
    world.orders_sent().iter().skip(2).map(|order| order.kind).collect()
}

fn has_alarmed(world: &World) -> bool {
    world.sent.iter().any(|(_, command)| {
        matches!(command, Command::Notify(notice) if notice.severity == Severity::Alarm)
    })
}

#[test]
fn a_loss_is_closed_by_a_passive_limit_if_the_market_lets_it() {
    let mut world = World::with_long_position();
    world.move_to("59899", "59899.1");
    world.run_for(1_300);
    let closing = *world.orders_sent().last().unwrap();
    assert!(closing.reduce_only && closing.side == Side::Sell);
    assert_eq!(closing.kind.price(), Some(parse("59899.1")), "the best ask closes a long");
    assert_eq!(world.venue.waiting_stops().count(), 1, "the venue's stop stays");

    world.fill(Side::Sell, "1");
    world.run_for(2_000);
    assert_eq!(world.cycle().phase, CyclePhase::Flat);
    assert_eq!(world.cycle().totals.stop_losses, 1);
    assert_eq!(world.venue.waiting_stops().count(), 0);
    assert!(closing_kinds(&world).iter().all(|kind| *kind != OrderKind::Market));
}

#[test]
fn a_loss_is_closed_by_the_market_once_patience_is_over() {
    let mut world = World::with_long_position();
    world.move_to("59899", "59899.1");
    world.run_for(7_500);
    let kinds = closing_kinds(&world);
    assert_eq!(kinds.len(), 4, "three limits, then the market: {kinds:?}");
    assert_eq!(kinds.last(), Some(&OrderKind::Market));
    assert_eq!(world.venue.exposure, parse("0"));
    assert!(world.cycle().totals.longest_naked < Duration::from_millis(500));
}

#[test]
fn without_a_book_it_goes_to_the_market_at_once() {
    let mut world = World::with_long_position();
    world.validity = Validity::Stale(Reason::SequenceGap);
    world.move_to("59899", "59899.1");
    world.run_for(1_500);
    assert_eq!(closing_kinds(&world), [OrderKind::Market]);
    assert_eq!(world.venue.exposure, parse("0"));
}

#[test]
fn a_loss_beyond_the_backstop_is_closed_by_the_venue_s_stop() {
    let mut world = World::with_long_position();
    world.move_to("59700", "59700.1");
    world.run_for(3_000);
    assert_eq!(world.venue.exposure, parse("0"));
    assert_eq!(world.cycle().phase, CyclePhase::Flat);
    assert_eq!(world.status().discrepancies_total, 0);
}

#[test]
fn market_orders_that_fail_repeat_at_most_once_a_second_and_call_a_person() {
    let mut world = World::with_long_position();
    world.validity = Validity::Stale(Reason::SequenceGap);
    world.place_fates.extend([Fate::Refused(-1008), Fate::NotSent, Fate::RequestLost]);
    world.move_to("59899", "59899.1");
    world.run_for(6_000);
    let strikes: Vec<_> = world
        .sent
        .iter()
        .filter(|(_, command)| {
            matches!(command, Command::Place(order) if order.get().kind == OrderKind::Market)
        })
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(strikes.len(), 4);
    assert!(strikes.windows(2).all(|pair| pair[1].since(pair[0]) >= Duration::from_secs(1)));
    assert!(has_alarmed(&world), "from the third on");
    assert_eq!(world.venue.exposure, parse("0"));
}

#[test]
fn an_old_mark_price_is_replaced_by_asking_the_venue() {
    let mut world = World::with_long_position();
    world.has_mark_price = false;
    world.run_for(4_000);
    let asked = |world: &World| {
        world
            .sent
            .iter()
            .filter(|(_, command)| matches!(command, Command::QueryPosition { .. }))
            .count()
    };
    assert!(asked(&world) >= 1);
    let before = asked(&world);
    world.run_for(3_000);
    assert!((2..=4).contains(&(asked(&world) - before)), "each second");
    world.move_to("59890", "59890.1");
    world.run_for(9_000);
    assert_eq!(world.venue.exposure, parse("0"), "the worse of venue and mid decided");
}

#[test]
fn a_stop_that_would_trigger_at_once_means_closing_at_once() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(100);
    world.stop_fates.push_back(Fate::Refused(-2021));
    world.fill(Side::Buy, "1");
    world.run_for(1_500);
    assert_eq!(world.venue.exposure, parse("0"));
    assert_eq!(world.orders_sent().last().unwrap().kind, OrderKind::Market);
}

#[test]
fn a_position_that_cannot_be_protected_within_three_seconds_is_closed() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(100);
    world.stop_fates.extend([Fate::Refused(-4045); 40]);
    world.fill(Side::Buy, "1");
    world.run_for(2_800);
    assert_eq!(world.venue.exposure, parse("0.1"), "it is still being tried");
    world.run_for(2_000);
    assert_eq!(world.venue.exposure, parse("0"));
    assert!(world.cycle().totals.longest_naked < Duration::from_secs(4));
}

#[test]
fn a_stop_whose_answer_was_lost_is_asked_for_and_never_sent_twice() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(100);
    world.stop_fates.push_back(Fate::AnswerLost);
    world.fill(Side::Buy, "1");
    world.run_for(1_000);
    assert_eq!(world.stops_sent().len(), 1);
    assert!(world.cycle().stop_price.is_some());
    assert!(world.cycle().totals.longest_naked < Duration::from_millis(500));
}

#[test]
fn a_flat_answer_that_was_wrong_does_not_end_the_close() {
    for (flat_answers, is_account_silent) in [(1, false), (1, true), (3, true)] {
        let mut world = World::with_long_position();
        world.flat_answers = flat_answers;
        world.is_account_silent = is_account_silent;
        world.move_to("59899", "59899.1");
        world.run_for(16_000);
        let story = format!("{flat_answers} wrong answers, account silent: {is_account_silent}");
        assert_eq!(world.venue.exposure, parse("0"), "{story}");
        world.is_account_silent = false;
        world.run_for(12_000);
        assert_eq!(world.cycle().phase, CyclePhase::Flat, "{story}");
        assert_eq!(world.status().halted, None, "{story}");
        assert_eq!(world.venue.waiting_stops().count(), 0, "{story}");
    }
}

#[test]
fn a_shutdown_that_flattens_is_not_deceived_by_a_wrong_flat_answer() {
    let mut flattening = crate::engine_world::started(1, LedgerSummary::default());
    flattening.settings.shutdown_policy = ShutdownPolicy::Flatten;
    let mut world = World::unstarted(Venue::default());
    world.tell(Event::Started(Box::new(flattening)));
    world.go_live();
    world.run_for(2_000);
    world.predict(8.0);
    world.run_for(100);
    world.fill(Side::Buy, "1");
    world.run_for(200);
    world.flat_answers = 1;
    world.tell(Event::Shutdown);
    world.run_for(500);
    assert!(!world.status().may_stop, "the position is still there");
    world.run_for(12_000);
    assert_eq!(world.venue.exposure, parse("0"));
    assert!(world.status().may_stop);
}

#[test]
fn a_stop_that_vanished_is_noticed_and_replaced() {
    let mut world = World::with_long_position();
    world.run_for(3_000);
    world.venue.lose_stops();
    world.run_for(9_000);
    assert_eq!(world.stops_sent().len(), 2);
    assert_eq!(world.venue.waiting_stops().count(), 1);
    assert_eq!(world.cycle().phase, CyclePhase::Holding);
}

#[test]
fn a_stop_that_triggers_and_is_not_filled_is_followed_by_the_market() {
    let mut world = World::with_long_position();
    let touched = world.venue.touch_stops();
    world.stream(touched);
    world.run_for(1_900);
    assert_eq!(world.venue.exposure, parse("0.1"), "the venue is given its time");
    world.run_for(1_500);
    assert_eq!(world.venue.exposure, parse("0"));
    assert_eq!(closing_kinds(&world), [OrderKind::Market]);
}

#[test]
fn a_stop_that_is_told_before_its_fill_is_neither_replaced_nor_struck_after() {
    let mut world = World::with_long_position();
    let stop = world.venue.waiting_stops().next().unwrap().clone();
    (world.is_streaming, world.is_account_silent) = (false, true);
    world.move_to("59849", "59849.1");
    let fill = *world.venue.fills.last().unwrap();
    let child_order_id = Some(fill.order_id);
    let status = StopStatus::Triggered;
    world.tell(Event::Stop(StopReport { status, child_order_id, ..stop }));
    world.run_for(1_500);
    assert_eq!(world.stops_sent().len(), 1, "no second stop");
    world.tell(Event::Fill(fill));
    (world.is_streaming, world.is_account_silent) = (true, false);
    world.run_for(15_000);
    assert_eq!((world.cycle().phase, closing_kinds(&world).len()), (CyclePhase::Flat, 0));
    assert_eq!((world.venue.exposure, world.cycle().totals.fills), (parse("0"), 2));
    assert_eq!(world.status().discrepancies_total, 0);
    let is_strange = |command: &Command| match command {
        Command::Notify(notice) => notice.text.contains("is not ours"),
        Command::Place(_)
        | Command::Cancel { .. }
        | Command::Query { .. }
        | Command::PlaceStop(_)
        | Command::CancelStop { .. }
        | Command::QueryStop { .. }
        | Command::QueryPosition { .. }
        | Command::QueryAccount { .. }
        | Command::Resolved { .. }
        | Command::SetCountdown { .. }
        | Command::QueryIncome { .. }
        | Command::QueryTerms { .. }
        | Command::TakeOver { .. } => false,
    };
    assert!(!world.sent.iter().any(|(_, command)| is_strange(command)), "it is the stop's");
}

#[test]
fn a_stop_cancelled_by_hand_is_replaced_at_once() {
    let mut world = World::with_long_position();
    let stop = world.venue.waiting_stops().next().unwrap().clone();
    world.venue.lose_stops();
    world.tell(Event::Stop(StopReport { status: StopStatus::Canceled, ..stop }));
    world.run_for(1_000);
    assert_eq!((world.stops_sent().len(), world.venue.waiting_stops().count()), (2, 1));
    assert_eq!(world.cycle().phase, CyclePhase::Holding);
    assert!(world.cycle().totals.longest_naked < Duration::from_millis(500));
}
