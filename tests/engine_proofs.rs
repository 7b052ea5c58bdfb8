//! An outcome that was hidden is resolved once, and the journal keeps by what (promise I2).

use std::time::Duration;

use lobd::domain::Side;
use lobd::engine::Command;
use lobd::trading::{Outcome, Proof, Resolution};

use crate::engine_world::{Fate, World};

fn resolutions(world: &World) -> Vec<Resolution> {
    let mut found = Vec::new();
    for (_, command) in &world.sent {
        if let Command::Resolved { resolution, .. } = command {
            found.push(*resolution);
        }
    }
    found
}

fn the_only(world: &World) -> Resolution {
    let found = resolutions(world);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

#[test]
fn an_order_whose_answer_was_lost_is_proven_by_the_answer_to_a_question() {
    let mut world = World::ready();
    world.place_fates.push_back(Fate::AnswerLost);
    world.is_streaming = false;
    world.predict(8.0);
    world.run_for(1_000);
    let found = the_only(&world);
    assert_eq!((found.outcome, found.proof), (Outcome::Working, Proof::Answer));
    assert_eq!((found.doubt.questions, found.doubt.denials), (1, 0));
    assert!(found.doubt.first_asked_at.is_some_and(|at| at <= found.at));
    let notice = world.sent.iter().any(|(_, command)| {
        matches!(command, Command::Notify(it) if it.text.contains("an answer says so"))
    });
    assert!(notice, "people are told");
}

#[test]
fn an_order_whose_answer_was_lost_may_be_proven_by_the_stream() {
    let mut world = World::ready();
    world.place_fates.push_back(Fate::AnswerLost);
    world.predict(8.0);
    world.run_for(1_000);
    let found = the_only(&world);
    assert_eq!((found.outcome, found.proof), (Outcome::Working, Proof::Told));
    assert_eq!(found.doubt.questions, 0, "nobody had to ask");
}

#[test]
fn an_order_whose_answer_was_lost_may_be_proven_by_its_trade() {
    let mut world = World::ready();
    world.place_fates.push_back(Fate::AnswerLost);
    world.is_streaming = false;
    world.predict(8.0);
    world.run_for(100);
    world.is_streaming = true;
    world.fill(Side::Buy, "1");
    world.run_for(1_000);
    let found = the_only(&world);
    assert_eq!((found.outcome, found.proof), (Outcome::Ended, Proof::Trade));
}

/// Not found is no proof before its window: it is asked again and again, and the account as well.
#[test]
fn an_order_that_never_arrived_is_proven_absent_by_denials_past_the_window_alone() {
    let mut world = World::ready();
    world.place_fates.push_back(Fate::RequestLost);
    world.predict(8.0);
    world.run_for(9_900);
    assert_eq!(resolutions(&world), [], "denied already, and not believed");
    world.run_for(12_000);
    let found = the_only(&world);
    assert_eq!((found.outcome, found.proof), (Outcome::Absent, Proof::Absence));
    assert!(found.doubt.questions >= 5 && found.doubt.denials >= 5, "{found:?}");
    let last_denied_at = found.doubt.last_denied_at.unwrap();
    assert!(last_denied_at.since(found.doubt.since) >= Duration::from_secs(10));
    assert_eq!(world.orders_sent().len(), 1, "and it was sent once");
}

#[test]
fn a_stop_whose_answer_was_lost_is_proven_as_well() {
    for (fate, outcome, proof) in [
        (Fate::AnswerLost, Outcome::Working, Proof::Answer),
        (Fate::RequestLost, Outcome::Absent, Proof::Absence),
    ] {
        let mut world = World::ready();
        world.predict(8.0);
        world.run_for(100);
        world.stop_fates.push_back(fate);
        world.fill(Side::Buy, "1");
        world.run_for(40_000);
        let found = the_only(&world);
        assert_eq!((found.outcome, found.proof), (outcome, proof), "{fate:?}");
    }
}
