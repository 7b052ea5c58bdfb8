//! The venue changes tick, step or other limits while the engine trades.

use lobd::domain::{Amount, Instrument, Price, Quantity};
use lobd::engine::{Command, CyclePhase, Event, OperatorRequest};
use lobd::trading::WhyNot;

use crate::engine_world::{Fate, World, instrument, parse, symbol};

fn under(tick_size: &str, step_size: &str) -> Event {
    let mut instrument: Instrument = instrument();
    let filters = &mut instrument.filters;
    (filters.tick_size, filters.min_price) = (parse(tick_size), parse(tick_size));
    (filters.step_size, filters.min_quantity) = (parse(step_size), parse(step_size));
    Event::Rules(Box::new(instrument))
}

fn is_on(price: Price, tick_size: &str) -> bool {
    price.units() % parse::<Price>(tick_size).units() == 0
}

fn notices(world: &World) -> String {
    let notices = world.sent.iter().filter_map(|(_, command)| {
        let Command::Notify(notice) = command else { return None };
        Some(notice.text.as_str())
    });
    notices.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_decided_after_a_change_keeps_to_the_new_grid_and_people_are_told() {
    let mut world = World::ready();
    world.tell(under("0.5", "0.03"));
    world.move_to("60000.2", "60000.3");
    world.run_for(1_000);
    world.predict(8.0);
    let [entry] = world.orders_sent().try_into().unwrap();
    assert_eq!(entry.kind.price(), Some(parse("60000")));
    assert_eq!(entry.quantity, parse("0.09"));
    let told = notices(&world);
    assert!(told.contains("tick size 0.1 to 0.5, step size 0.001 to 0.03"), "{told}");
}

#[test]
fn rules_read_again_unchanged_change_nothing() {
    let mut world = World::ready();
    let before = world.sent.len();
    world.tell(Event::Rules(Box::new(instrument())));
    assert_eq!(world.sent.len(), before);
}

#[test]
fn a_smallest_notional_above_ours_keeps_from_entering() {
    let mut world = World::ready();
    let mut instrument = instrument();
    instrument.filters.min_notional = parse::<Amount>("7000");
    world.tell(Event::Rules(Box::new(instrument)));
    world.predict(8.0);
    assert!(world.orders_sent().is_empty());
    assert_eq!(world.cycle().why_not.unwrap().to_string(), "refused by a filter of the venue");
}

#[test]
fn a_held_position_keeps_its_stop_and_gets_its_take_profit_on_the_new_grid() {
    let mut world = World::with_long_position();
    world.tell(under("0.5", "0.03"));
    world.run_for(5_000);
    let price = world.cycle().take_profit_price.unwrap();
    assert!(is_on(price, "0.5") && price > parse("60000.5"), "{price}");
    assert_eq!(world.venue.waiting_stops().count(), 1);
    assert!(world.orders_sent().len() <= 3, "placed anew once, not for ever");
    let [working] = world.venue.working_requests().try_into().unwrap();
    assert_eq!((working.quantity, working.kind.price()), (parse("0.09"), Some(price)));
}

#[test]
fn a_position_off_the_new_step_is_closed_to_the_last_crumb() {
    let mut world = World::with_long_position();
    world.tell(under("0.5", "0.03"));
    world.tell(Event::Operator(OperatorRequest::Flatten));
    world.run_for(20_000);
    assert_eq!(world.venue.exposure, parse("0"));
    assert_eq!(world.cycle().phase, CyclePhase::Flat);
    assert!(world.status().halted.is_none());
    let smallest: Quantity = parse("0.03");
    let closing = world.orders_sent().into_iter().filter(|order| order.reduce_only).skip(1);
    assert!(closing.into_iter().all(|order| order.quantity.units() % smallest.units() == 0));
}

fn listing(closed: Option<&str>) -> Event {
    Event::Listing { symbol: symbol(), closed: closed.map(ToOwned::to_owned) }
}

#[test]
fn what_is_held_in_a_symbol_that_closes_is_closed_and_nothing_is_entered_until_it_opens() {
    let mut world = World::with_long_position();
    world.tell(listing(Some("PRE_SETTLE")));
    world.run_for(20_000);
    assert_eq!(world.venue.exposure, parse("0"));
    assert!(notices(&world).contains("PRE_SETTLE"), "{}", notices(&world));
    let before = world.orders_sent().len();
    world.predict(8.0);
    assert_eq!(world.cycle().why_not, Some(WhyNot::SymbolClosed));
    world.tell(listing(None));
    world.predict(8.0);
    assert_eq!(world.orders_sent().len(), before + 1, "{:?}", world.cycle().why_not);
}

#[test]
fn an_entry_that_works_when_its_symbol_closes_is_withdrawn() {
    let mut world = World::ready();
    world.predict(8.0);
    world.run_for(100);
    world.tell(listing(Some("SETTLING")));
    world.run_for(1_000);
    assert!(world.venue.working().is_empty());
}

#[test]
fn a_closed_symbol_is_not_hammered_with_closing_orders() {
    let mut world = World::with_long_position();
    let before = world.orders_sent().len();
    world.place_fates.extend([Fate::Refused(-4141); 100]);
    world.tell(listing(Some("CLOSE")));
    world.run_for(120_000);
    let sent = world.orders_sent().len() - before;
    assert!((5..=9).contains(&sent), "{sent} in two minutes");
    world.place_fates.clear();
    world.tell(listing(None));
    world.run_for(60_000);
    assert_eq!(world.venue.exposure, parse("0"), "closed once it can be");
}
