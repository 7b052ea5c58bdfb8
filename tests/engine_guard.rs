//! The dead-man's switch: who cancels an entry once nobody is there, and what may not go with it.

use std::time::Duration;

use lobd::domain::{Side, Timestamp};
use lobd::engine::{Command, CountdownProof, Event, LedgerSummary, OperatorRequest};
use lobd::trading::WhyNot;

use crate::engine_world::{Venue, World, started};

/// A world whose venue was certified with this outcome.
fn certified(countdown: CountdownProof) -> World {
    let mut world = World::unstarted(Venue::default());
    let started = started(1, LedgerSummary::default());
    world.tell(Event::Started(Box::new(lobd::engine::Started { countdown, ..started })));
    world.go_live();
    world.run_for(2_000);
    world
}

/// What the countdown was set to, and when.
fn calls(world: &World) -> Vec<(Timestamp, Duration)> {
    let mut calls = Vec::new();
    for (at, command) in &world.sent {
        if let Command::SetCountdown { after, .. } = command {
            calls.push((*at, *after));
        }
    }
    calls
}

#[test]
fn it_is_never_set_where_certification_has_not_shown_that_stops_survive_it() {
    for proof in [CountdownProof::Uncertified, CountdownProof::TakesStops, CountdownProof::Outdated]
    {
        let mut world = certified(proof);
        world.predict(8.0);
        world.run_for(30_000);
        assert_eq!(world.orders_sent().len(), 1, "it trades all the same");
        assert_eq!((calls(&world), world.status().dead_mans_switch), (vec![], proof));
        let is_told = |(_, command): &&(Timestamp, Command)| matches!(command, Command::Notify(it) if it.text.contains("switch over entries off"));
        assert_eq!(world.sent.iter().filter(is_told).count(), 1, "once");
    }
}

#[test]
fn it_runs_while_an_entry_works_and_is_taken_back_before_it_ends() {
    let mut world = certified(CountdownProof::StopsSurvive);
    assert_eq!(calls(&world).len(), 1, "what an earlier run may have left is taken back");
    assert_eq!(world.venue.countdown_ends_at, None);
    world.predict(8.0);
    let sent: Vec<_> = world.sent.iter().rev().take(2).map(|(_, command)| command).collect();
    assert!(matches!(sent[..], [Command::Place(_), Command::SetCountdown { .. }]), "guarded first");
    world.run_for(100);
    assert!(world.venue.countdown_ends_at.is_some());
    world.fill(Side::Buy, "1");
    for _ in 0..70 {
        world.run_for(1_000);
        let ends_at = world.venue.countdown_ends_at;
        assert!(ends_at.is_none_or(|at| at > world.now), "no take-profit is lost to it");
    }
    assert_eq!(world.venue.countdown_ends_at, None);
    assert_eq!(calls(&world).len(), 3, "set once and taken back once");
}

#[test]
fn it_is_renewed_well_before_it_ends_while_an_entry_may_work() {
    let mut world = certified(CountdownProof::StopsSurvive);
    world.cancel_fates.extend([crate::engine_world::Fate::RequestLost; 30]);
    world.predict(8.0);
    for _ in 0..200 {
        world.run_for(1_000);
        let ends_at = world.venue.countdown_ends_at.unwrap();
        assert!(ends_at.since(world.now) >= Duration::from_secs(29), "a heartbeat in time");
    }
    assert!(calls(&world).len() <= 9, "and no more often than it must: {}", calls(&world).len());
}

/// It never blocks protection, and an entry whose guard may not be there is not followed by another.
#[test]
fn without_an_answer_there_are_no_entries_and_protection_goes_on() {
    let mut world = certified(CountdownProof::StopsSurvive);
    world.refused_countdowns = u32::MAX;
    world.predict(8.0);
    world.run_for(100);
    world.fill(Side::Buy, "1");
    world.run_for(200);
    assert_eq!(world.venue.waiting_stops().count(), 1, "the stop is there");
    world.fill(Side::Sell, "1");
    world.run_for(8_000);
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(WhyNot::CountdownUnproven));
    world.refused_countdowns = 0;
    world.run_for(8_000); // it is tried again after 1, 2, 4 and then 8 seconds
    world.predict(8.0);
    assert_eq!((world.cycle().why_not, world.orders_sent().len()), (None, 3));
}

#[test]
fn orders_of_others_are_not_cancelled_with_ours() {
    let mut world = certified(CountdownProof::StopsSurvive);
    world.venue.outsider_orders(world.now, Side::Buy);
    world.run_for(8_000);
    world.predict(8.0);
    world.run_for(2_000);
    assert_eq!((world.orders_sent().len(), world.venue.countdown_ends_at), (1, None));
}

#[test]
fn a_shutdown_that_protects_leaves_the_take_profit_and_no_countdown() {
    let mut world = certified(CountdownProof::StopsSurvive);
    world.predict(8.0);
    world.run_for(100);
    world.fill(Side::Buy, "1");
    world.run_for(500);
    assert!(world.venue.countdown_ends_at.is_some());
    world.tell(Event::Shutdown);
    assert!(!world.status().may_stop, "it would take the take-profit with it");
    world.run_for(500);
    assert_eq!((world.venue.countdown_ends_at, world.status().may_stop), (None, true));
    assert_eq!(world.venue.working().len(), 1, "the take-profit");
}

#[test]
fn a_halt_takes_it_back_with_the_entry() {
    let mut world = certified(CountdownProof::StopsSurvive);
    world.predict(8.0);
    world.run_for(1_000);
    world.tell(Event::Operator(OperatorRequest::Halt { reason: "test".to_owned() }));
    world.run_for(40_000);
    assert!(world.venue.working().is_empty() && world.venue.countdown_ends_at.is_none());
}
