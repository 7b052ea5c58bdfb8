//! The trading invariants of `trading/` under seeded misfortune: lost, late, doubled and refused
//! answers, a stream with holes, a walking price. A failing seed reproduces the run.

use std::time::Duration;

use lobd::book::{Reason, Validity};
use lobd::domain::{Amount, Exposure, OrderKind, Side};
use lobd::engine::{Command, CyclePhase, Event, Feed, OperatorRequest, TradingEngine};
use proptest::prelude::*;

use crate::engine_world::{Chaos, Fate, World, parse, settings};

/// How much later than its bound a step may show: the world is looked at between events.
const SLACK: Duration = Duration::from_millis(300);

/// One seeded run of trading with faults.
struct Run {
    world: World,
    chaos: Chaos,
    ticks: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut world = World::ready();
        world.chaos = Some(Chaos::new(seed));
        Self { world, chaos: Chaos::new(seed.rotate_left(17) ^ 0x5eed), ticks: 600_000 }
    }

    /// A fifth of a second: the price steps, orders fill in part, a prediction comes.
    fn step(&mut self) {
        let reach = if self.chaos.below(25) == 0 { 2_000 } else { 400 };
        let moved = self.chaos.below(2 * reach + 1);
        self.ticks = (self.ticks + moved).saturating_sub(reach);
        let price = |ticks: u64| format!("{}.{}", ticks / 10, ticks % 10);
        self.world.move_to(&price(self.ticks), &price(self.ticks + 1));
        self.fill_something_near();
        self.world.validity = match self.chaos.below(8) {
            0 => Validity::Stale(Reason::SequenceGap),
            _ => Validity::Valid,
        };
        if self.chaos.below(3) == 0 {
            let sign = if self.chaos.below(2) == 0 { -8.0 } else { 8.0 };
            self.world.predict(sign);
        }
        self.world.run_for(200);
    }

    /// Somebody trades with one of our orders that rests near the market.
    fn fill_something_near(&mut self) {
        let mid = self.world.venue.mark_price();
        let requests = self.world.venue.working_requests();
        let near: Vec<_> = requests
            .iter()
            .filter(|order| order.kind.price().is_some_and(|p| p.distance(mid) <= parse("20")))
            .collect();
        let luck = usize::try_from(self.chaos.below(12)).unwrap();
        if luck < 4 && !near.is_empty() {
            let side = near[luck % near.len()].side;
            self.world.fill(side, ["0.013", "0.04", "1"][luck % 3]);
        }
    }

    /// Now and then one of the links to the venue fails, or heals.
    fn switch_a_link(&mut self) {
        let world = &mut self.world;
        match self.chaos.below(40) {
            0 => {
                world.is_streaming = !world.is_streaming;
                world.tell(Event::Feed { feed: Feed::User, is_live: world.is_streaming });
            }
            1 => world.is_account_silent = !world.is_account_silent,
            2 => world.has_mark_price = !world.has_mark_price,
            3 => world.place_fates.extend([Fate::NotSent; 5]),
            4 => world.stop_fates.extend([Fate::NotSent; 5]),
            5 => world.cancel_fates.extend([Fate::NotSent; 5]),
            _ => {}
        }
    }

    /// Every link heals.
    fn heal(&mut self) {
        let world = &mut self.world;
        (world.is_streaming, world.is_account_silent, world.has_mark_price) = (true, false, true);
        world.tell(Event::Feed { feed: Feed::User, is_live: true });
        for fates in [&mut world.place_fates, &mut world.stop_fates, &mut world.cancel_fates] {
            fates.clear();
        }
    }

    /// Misfortune and new signals end; everything must come to rest.
    fn come_to_rest(&mut self) {
        self.world.chaos = None;
        self.world.validity = Validity::Valid;
        self.world.tell(Event::Operator(OperatorRequest::Pause));
        self.world.run_for(100_000);
    }
}

fn opening_orders(world: &World, from: usize) -> usize {
    let opens = |command: &Command| matches!(command, Command::Place(o) if !o.get().reduce_only);
    world.sent[from..].iter().filter(|(_, command)| opens(command)).count()
}

fn worst_notional(world: &World, side: Side) -> Amount {
    let venue = &world.venue;
    let worst = venue.exposure.checked_add(venue.may_fill(side)).unwrap();
    if worst.side() == Some(side) {
        Amount::notional(venue.mark_price(), worst.quantity()).unwrap()
    } else {
        Amount::ZERO
    }
}

#[test]
fn the_runs_below_trade_lose_and_fail_enough_to_prove_something() {
    let (mut round_trips, mut stop_losses, mut strikes, mut unknown) = (0, 0, 0, 0);
    for seed in 0..80 {
        let mut run = Run::new(seed * 7_919);
        for _ in 0..300 {
            run.step();
        }
        let totals = run.world.cycle().totals;
        round_trips += totals.round_trips;
        stop_losses += totals.stop_losses;
        let is_market = |command: &Command| matches!(command, Command::Place(order) if order.get().kind == OrderKind::Market);
        strikes += run.world.sent.iter().filter(|(_, command)| is_market(command)).count();
        let is_query = |command: &Command| matches!(command, Command::Query { .. });
        unknown += run.world.sent.iter().filter(|(_, command)| is_query(command)).count();
    }
    assert!(
        round_trips > 80 && stop_losses > 20 && strikes > 10 && unknown > 100,
        "{round_trips} round trips, {stop_losses} stop-losses, {strikes} market, {unknown} queries"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn invariant_1_exposure_with_what_is_in_flight_never_exceeds_the_limit(seed in any::<u64>()) {
        let mut run = Run::new(seed);
        // The price may move between the check and the look at it.
        let limit = settings().limits.position_notional.times(parse("1.02")).unwrap();
        for _ in 0..300 {
            run.step();
            for side in [Side::Buy, Side::Sell] {
                prop_assert!(worst_notional(&run.world, side) <= limit);
            }
        }
    }

    #[test]
    fn invariant_2_a_position_has_its_stop_or_is_being_closed_within_the_bound(
        seed in any::<u64>(),
    ) {
        let mut run = Run::new(seed);
        let mut naked_before = Duration::ZERO;
        let mut naked_for = Duration::ZERO;
        for _ in 0..300 {
            run.step();
            let cycle = run.world.cycle();
            let naked = cycle.totals.naked;
            naked_for = if naked == naked_before || cycle.stop_price.is_some() {
                Duration::ZERO
            } else {
                naked_for + naked.saturating_sub(naked_before)
            };
            naked_before = naked;
            let is_due = naked_for > Duration::from_secs(3) + SLACK;
            prop_assert!(!is_due || cycle.phase == CyclePhase::Closing, "naked for {naked_for:?}");
            prop_assert!(run.world.venue.waiting_stops().count() <= 3, "stops pile up");
        }
    }

    #[test]
    fn invariants_3_4_5_everything_comes_to_rest_flat_and_agreed(seed in any::<u64>()) {
        // That no id is used twice the venue asserts on every order.
        let mut run = Run::new(seed);
        for _ in 0..300 {
            run.step();
        }
        run.come_to_rest();
        let (status, cycle) = (run.world.status(), run.world.cycle());
        prop_assert_eq!(run.world.venue.exposure, Exposure::ZERO);
        prop_assert_eq!(cycle.exposure, Exposure::ZERO);
        prop_assert!(run.world.venue.working().is_empty(), "{:?}", run.world.venue.working());
        prop_assert_eq!(run.world.venue.waiting_stops().count(), 0);
        prop_assert_eq!(cycle.phase, CyclePhase::Flat);
        prop_assert_eq!(status.discrepancies, Vec::<String>::new());
        prop_assert_eq!(status.halted, None);
        let booked = usize::try_from(cycle.totals.fills).unwrap();
        prop_assert_eq!(booked, run.world.venue.fills.len(), "each trade is booked once");
    }

    #[test]
    fn links_that_fail_and_heal_in_any_order_leave_nothing_behind(seed in any::<u64>()) {
        let mut run = Run::new(seed);
        run.world.chaos = None;
        for _ in 0..300 {
            run.switch_a_link();
            run.step();
        }
        run.heal();
        run.come_to_rest();
        let (status, cycle) = (run.world.status(), run.world.cycle());
        prop_assert_eq!((run.world.venue.exposure, cycle.exposure), (Exposure::ZERO, Exposure::ZERO));
        prop_assert!(run.world.venue.working().is_empty(), "{:?}", run.world.venue.working());
        prop_assert_eq!(run.world.venue.waiting_stops().count(), 0);
        prop_assert_eq!((status.discrepancies, status.halted), (Vec::<String>::new(), None));
        let booked = usize::try_from(cycle.totals.fills).unwrap();
        prop_assert_eq!(booked, run.world.venue.fills.len(), "each trade is booked once");
    }

    #[test]
    fn invariant_6_after_a_halt_every_order_reduces(seed in any::<u64>(), calm in 10..200_u32) {
        let mut run = Run::new(seed);
        for _ in 0..calm {
            run.step();
        }
        let reason = "test".to_owned();
        run.world.tell(Event::Operator(OperatorRequest::Halt { reason }));
        let sent_before = run.world.sent.len();
        for _ in 0..100 {
            run.step();
        }
        prop_assert_eq!(opening_orders(&run.world, sent_before), 0);
    }

    #[test]
    fn invariant_8_the_same_journal_brings_the_same_commands(seed in any::<u64>()) {
        let mut run = Run::new(seed);
        for _ in 0..150 {
            run.step();
        }
        let mut replayed = TradingEngine::default();
        let mut commands = Vec::new();
        for (now, event) in &run.world.journal {
            commands.extend(replayed.handle(*now, event.clone()));
        }
        let sent: Vec<Command> = run.world.sent.iter().map(|(_, c)| c.clone()).collect();
        prop_assert_eq!(commands, sent);
        prop_assert_eq!(&replayed, &run.world.engine);
        let checkpoint = postcard::to_stdvec(&replayed).unwrap();
        prop_assert_eq!(postcard::from_bytes::<TradingEngine>(&checkpoint).unwrap(), replayed);
    }

    #[test]
    fn a_kill_at_any_moment_ends_flat_or_protected_and_agreed(
        seed in any::<u64>(), until in 5..250_u32,
    ) {
        let mut run = Run::new(seed);
        for _ in 0..until {
            run.step();
        }
        run.world.restart(2, lobd::engine::LedgerSummary::default());
        run.world.chaos = None;
        run.world.run_for(4_000);
        if !run.world.venue.exposure.is_zero() {
            prop_assert!(run.world.venue.waiting_stops().count() >= 1);
        }
        run.come_to_rest();
        prop_assert_eq!(run.world.venue.exposure, Exposure::ZERO);
        prop_assert_eq!(run.world.status().discrepancies_total, 0);
        prop_assert_eq!(run.world.status().halted, None);
    }
}
