//! What the engine's questions cost when it sees least (promise I12).

use std::time::Duration;

use lobd::domain::{
    AccountReport, AlgoOrderId, Amount, Failure, FeeRates, Instrument, PositionReport, Rate,
    StopReport, StopRequest, StopStatus, Symbol, Timestamp,
};
use lobd::engine::{Command, Event, Feed, LedgerSummary, TradedInstrument, TradingEngine};

use crate::engine_world::{instrument, parse, started};

const SYMBOLS: [&str; 5] = ["ADAUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"];

/// An engine of five symbols whose every question is answered at once.
struct Questioned {
    engine: TradingEngine,
    now: Timestamp,
    inbox: Vec<Event>,
    /// What is held at the venue.
    held: &'static [&'static str],
    stops: Vec<StopReport>,
    accounts: u32,
    positions: u32,
}

impl Questioned {
    fn start(held: &'static [&'static str], is_user_live: bool) -> Self {
        let mut started = started(1, LedgerSummary::default());
        started.instruments = SYMBOLS.map(traded).into();
        let mut inbox = vec![Event::Started(Box::new(started))];
        inbox.push(Event::Feed { feed: Feed::Market, is_live: true });
        inbox.push(Event::Feed { feed: Feed::User, is_live: is_user_live });
        Self {
            engine: TradingEngine::default(),
            now: Timestamp::from_seconds(1_800_000_000),
            inbox,
            held,
            stops: Vec::new(),
            accounts: 0,
            positions: 0,
        }
    }

    fn live_to(&mut self, until: Timestamp) {
        while self.now < until {
            self.step();
        }
    }

    /// Takes in what has come, or wakes at the engine's next deadline.
    fn step(&mut self) {
        let events = std::mem::take(&mut self.inbox);
        for event in if events.is_empty() { vec![Event::Tick] } else { events } {
            for command in self.engine.handle(self.now, event) {
                self.answer(&command);
            }
        }
        if self.inbox.is_empty() {
            let step = self.now + Duration::from_millis(1);
            self.now = self.engine.next_deadline().map_or(step, |(at, _)| at.max(step));
        }
    }

    fn answer(&mut self, command: &Command) {
        let now = self.now;
        if let Command::QueryAccount { .. } = command {
            self.accounts += 1;
            self.inbox.push(Event::Account(Box::new(account(now, self.held, &self.stops))));
        } else if let Command::QueryPosition { symbol } = *command {
            self.positions += 1;
            self.inbox.push(Event::Position { asked_at: now, report: position(symbol, now) });
        } else if let Command::PlaceStop(request) = command {
            self.stops.push(stop(request.get(), now));
            self.inbox.extend(self.stops.last().cloned().map(Event::Stop));
        }
    }
}

fn traded(symbol: &str) -> TradedInstrument {
    TradedInstrument {
        instrument: Instrument { symbol: parse(symbol), ..instrument() },
        fees: FeeRates { maker: Rate::ZERO, taker: Rate::ZERO },
        model: None,
    }
}

fn position(symbol: Symbol, now: Timestamp) -> PositionReport {
    PositionReport {
        symbol,
        exposure: parse("0.1"),
        entry_price: parse("60000"),
        mark_price: parse("60000"),
        unrealized_pnl: Amount::ZERO,
        liquidation_price: None,
        update_time: now,
    }
}

fn stop(request: &StopRequest, now: Timestamp) -> StopReport {
    StopReport {
        symbol: request.symbol,
        client_order_id: request.client_order_id,
        algo_order_id: AlgoOrderId(1),
        side: request.side,
        trigger_price: request.trigger_price,
        size: request.size,
        status: StopStatus::New,
        child_order_id: None,
        reason: None,
        update_time: now,
    }
}

fn account(now: Timestamp, held: &[&str], stops: &[StopReport]) -> AccountReport {
    AccountReport {
        asked_at: now,
        positions: held.iter().map(|symbol| position(parse(symbol), now)).collect(),
        open_orders: Vec::new(),
        open_stops: stops.to_vec(),
        fills: Vec::new(),
        balances: Vec::new(),
    }
}

#[test]
fn five_symbols_held_blind_leave_weight_for_cancels_in_every_minute() {
    let mut world = Questioned::start(&SYMBOLS, false);
    let start = world.now;
    world.live_to(start + Duration::from_mins(1));
    (world.accounts, world.positions) = (0, 0);
    world.live_to(start + Duration::from_mins(2));
    let (accounts, positions) = (world.accounts * (10 + 7 * 5), world.positions * 5);
    assert!(accounts > 0 && positions > 0, "it looks: {accounts} and {positions}");
    assert!(accounts <= 960, "half of the usable weight: {accounts}");
    assert!(accounts + positions <= 1_920 - 200, "{accounts} and {positions}");
}

/// I16: an account that cannot be asked is named, until it answers.
#[test]
fn an_account_that_cannot_be_asked_is_told_with_the_reason() {
    let mut world = Questioned::start(&[], true);
    world.step();
    assert_eq!(world.engine.status().reconcile_failure, None);
    let reason = "held back to keep the venue's request weight limit".to_owned();
    let failed = Event::AccountFailed(Failure::NotSent { reason: reason.clone() });
    let _ = world.engine.handle(world.now, failed);
    let told = world.engine.status().reconcile_failure.unwrap();
    assert!(told.contains(&reason), "{told}");
    let answered = Event::Account(Box::new(account(world.now, &[], &[])));
    let _ = world.engine.handle(world.now, answered);
    assert_eq!(world.engine.status().reconcile_failure, None);
}

/// I3, however rare the reports of an account of five symbols are.
#[test]
fn a_position_that_appears_from_nowhere_halts_within_ten_seconds() {
    let mut world = Questioned::start(&[], true);
    let start = world.now;
    world.live_to(start + Duration::from_secs(20));
    assert_eq!(world.engine.status().halted, None, "the account agrees");
    let reports = world.accounts;
    world.held = &["ETHUSDT"];
    while world.accounts == reports {
        world.step();
    }
    let first_told = world.now;
    while world.engine.status().halted.is_none() && world.now < first_told + Duration::from_mins(1)
    {
        world.step();
    }
    assert!(world.engine.status().halted.is_some());
    let took = world.now.since(first_told);
    assert!(took <= Duration::from_secs(10), "{took:?}");
}
