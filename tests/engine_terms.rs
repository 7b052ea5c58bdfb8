//! The account is set up otherwise by hand while the engine trades.

use std::collections::BTreeMap;

use lobd::domain::{AccountTerms, SymbolTerms};
use lobd::engine::{AccountChange, Command, CyclePhase, Event, OperatorRequest};

use crate::engine_world::{Fate, World, symbol};

fn terms(is_hedged: bool, leverage: u32, is_isolated: bool) -> AccountTerms {
    let symbols = BTreeMap::from([(symbol(), SymbolTerms { leverage, is_isolated })]);
    AccountTerms { is_hedged, has_multi_assets: false, symbols }
}

fn questions(world: &World) -> usize {
    let is_question = |(_, command): &&(_, Command)| matches!(command, Command::QueryTerms { .. });
    world.sent.iter().filter(is_question).count()
}

#[test]
fn a_leverage_changed_by_hand_halts_and_the_position_keeps_its_stop() {
    let mut world = World::with_long_position();
    world.venue.terms = terms(false, 5, false);
    world.tell(Event::AccountChanged(AccountChange::Terms));
    world.run_for(6_000);
    let halted = world.status().halted.unwrap();
    assert!(halted.contains("the leverage of BTCUSDT went from 20 to 5"), "{halted}");
    assert_eq!(world.venue.waiting_stops().count(), 1);
    assert_eq!(world.cycle().phase, CyclePhase::Holding);
    world.tell(Event::Operator(OperatorRequest::Resume));
    world.run_for(60_000);
    assert_eq!(world.status().halted, None, "a person has looked: it stands");
}

#[test]
fn a_margin_type_of_which_nobody_tells_is_found_by_asking() {
    let mut world = World::ready();
    world.venue.terms = terms(false, 20, true);
    world.run_for(31_000);
    let halted = world.status().halted.unwrap();
    assert!(halted.contains("the margin of BTCUSDT became isolated"), "{halted}");
}

#[test]
fn hedge_mode_shows_in_a_refusal_and_no_resume_lifts_its_halt_while_it_lasts() {
    let mut world = World::ready();
    world.venue.terms = terms(true, 20, false);
    world.place_fates.push_back(Fate::Refused(-4061));
    world.predict(8.0);
    world.run_for(6_000);
    assert!(world.status().halted.is_some_and(|reason| reason.contains("hedge mode")));
    world.tell(Event::Operator(OperatorRequest::Resume));
    assert!(world.engine.refusal().is_some_and(|why| why.contains("one-way")));
    world.venue.terms = terms(false, 20, false);
    world.run_for(31_000);
    world.tell(Event::Operator(OperatorRequest::Resume));
    world.run_for(31_000);
    assert_eq!(world.status().halted, None);
}

#[test]
fn the_terms_are_asked_for_twice_a_minute() {
    let mut world = World::ready();
    let before = questions(&world);
    world.run_for(600_000);
    assert_eq!(questions(&world) - before, 20);
}
