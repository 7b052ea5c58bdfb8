//! A small world around the engine: a venue that answers, with faults on request, and a clock.
//!
//! The venue here is a model of the protocol's promises, not of its messages: it exists so that a
//! test reads as the story of one position, and so that random faults can be thrown at the engine.

mod given;
mod venue;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use lobd::book::{Flow, Frame, Level, Row, Snapshot, Validity};
use lobd::domain::{
    ClientOrderId, Exposure, Failure, OrderRequest, Prediction, Price, Rate, Second, Side,
    StopRequest, StopStatus, Timestamp,
};
use lobd::engine::{
    Command, EngineStatus, Event, Feed, LedgerSummary, SymbolStatus, TradingEngine,
};

pub(crate) use given::{instrument, model, parse, settings, started, symbol};
pub(crate) use venue::Venue;

/// What becomes of one request to the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Processed and answered.
    Answered,
    /// Processed; the answer is lost.
    AnswerLost,
    /// Lost before the venue; the sender cannot know.
    RequestLost,
    /// Refused with this code.
    Refused(i32),
    /// Could not be sent.
    NotSent,
}

/// How long a request takes to the venue, and an answer or stream event back.
pub(crate) const LATENCY: Duration = Duration::from_millis(20);

/// Seeded misfortune: outcomes, delays, duplicates and losses. Same seed, same world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chaos(u64);

impl Chaos {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `bound` (xorshift64*).
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    fn fate(&mut self) -> Fate {
        match self.below(20) {
            0 | 1 => Fate::AnswerLost,
            2 => Fate::RequestLost,
            3 => Fate::Refused(-1008),
            4 => Fate::NotSent,
            _ => Fate::Answered,
        }
    }
}

/// The engine, the venue and a clock.
pub(crate) struct World {
    pub(crate) engine: TradingEngine,
    pub(crate) venue: Venue,
    pub(crate) now: Timestamp,
    /// Every command with its time.
    pub(crate) sent: Vec<(Timestamp, Command)>,
    /// Every event with its time: a journal.
    pub(crate) journal: Vec<(Timestamp, Event)>,
    /// What becomes of the next requests, by kind; when empty, they are answered.
    pub(crate) place_fates: VecDeque<Fate>,
    pub(crate) stop_fates: VecDeque<Fate>,
    pub(crate) cancel_fates: VecDeque<Fate>,
    /// Misfortune, if any.
    pub(crate) chaos: Option<Chaos>,
    /// Whether the user stream delivers.
    pub(crate) is_streaming: bool,
    /// Whether the account's answers are lost.
    pub(crate) is_account_silent: bool,
    /// How many of the next questions for the position are answered with "flat", true or not.
    pub(crate) flat_answers: u32,
    /// How many of the next questions for the position get no answer.
    pub(crate) lost_positions: u32,
    /// How many of the next cancels of a stop are lost on their way.
    pub(crate) lost_stop_cancels: u32,
    /// How many of the next settings of the countdown fail.
    pub(crate) refused_countdowns: u32,
    /// Whether mark prices come.
    pub(crate) has_mark_price: bool,
    /// The validity of the seconds to come.
    pub(crate) validity: Validity,
    inbox: BTreeMap<(Timestamp, u64), Event>,
    outbox: BTreeMap<(Timestamp, u64), Command>,
    sequence: u64,
}

impl World {
    /// A world at rest, reconciled and ready to trade, at 60,000.0 / 60,000.1.
    pub(crate) fn ready() -> Self {
        let mut world = Self::unstarted(Venue::default());
        world.start(1, LedgerSummary::default());
        world.run_for(2_000);
        world
    }

    pub(crate) fn unstarted(mut venue: Venue) -> Self {
        (venue.best_bid, venue.best_ask) = (parse("60000"), parse("60000.1"));
        Self {
            engine: TradingEngine::default(),
            venue,
            now: Timestamp::from_seconds(1_800_000_000),
            sent: Vec::new(),
            journal: Vec::new(),
            place_fates: VecDeque::new(),
            stop_fates: VecDeque::new(),
            cancel_fates: VecDeque::new(),
            chaos: None,
            is_streaming: true,
            is_account_silent: false,
            flat_answers: 0,
            lost_positions: 0,
            lost_stop_cancels: 0,
            refused_countdowns: 0,
            has_mark_price: true,
            validity: Validity::Valid,
            inbox: BTreeMap::new(),
            outbox: BTreeMap::new(),
            sequence: 0,
        }
    }

    pub(crate) fn start(&mut self, epoch: u32, ledger: LedgerSummary) {
        self.tell(Event::Started(Box::new(started(epoch, ledger))));
        self.go_live();
    }

    pub(crate) fn go_live(&mut self) {
        self.tell(Event::Feed { feed: Feed::Market, is_live: true });
        self.tell(Event::Feed { feed: Feed::User, is_live: true });
        self.tell(Event::ClockOffset { nanos: 0 });
    }

    /// Kills the process and starts it again with what the journal knows.
    pub(crate) fn restart(&mut self, epoch: u32, ledger: LedgerSummary) {
        self.engine = TradingEngine::default();
        self.journal.clear();
        self.inbox.clear();
        self.outbox.clear();
        self.start(epoch, ledger);
    }

    /// Hands the engine one event now, and its commands to the venue.
    pub(crate) fn tell(&mut self, event: Event) {
        self.journal.push((self.now, event.clone()));
        for command in self.engine.handle(self.now, event) {
            self.sent.push((self.now, command.clone()));
            self.sequence += 1;
            self.outbox.insert((self.now + LATENCY, self.sequence), command);
        }
    }

    /// A prediction on the newest second, in basis points.
    pub(crate) fn predict(&mut self, bps: f64) {
        let second = Second::from_unix(self.now.millis() / 1_000);
        self.tell(Event::Prediction(Prediction {
            second,
            symbol: symbol(),
            model: model(),
            expected_move: Rate::from_bps(bps),
            error: Rate::ZERO,
            in_range: true,
        }));
    }

    /// Lets the price move.
    pub(crate) fn move_to(&mut self, best_bid: &str, best_ask: &str) {
        let events = self.venue.move_to(self.now, parse(best_bid), parse(best_ask));
        self.stream(events);
    }

    /// Fills part of the working order of this side.
    pub(crate) fn fill(&mut self, side: Side, quantity: &str) {
        let requests = self.venue.working_requests();
        let order = requests.iter().find(|request| request.side == side).unwrap();
        let price = order.kind.price().unwrap();
        let events =
            self.venue.fill(self.now, order.client_order_id, parse(quantity), (price, true));
        self.stream(events);
    }

    /// Schedules what the user stream tells.
    pub(crate) fn stream(&mut self, events: Vec<Event>) {
        if self.is_streaming {
            for event in events {
                let luck = self.chaos.as_mut().map_or(9, |chaos| chaos.below(10));
                if luck == 0 {
                    continue; // lost
                }
                if luck == 1 {
                    self.deliver(event.clone()); // told twice
                }
                self.deliver(event);
            }
        }
    }

    fn deliver(&mut self, event: Event) {
        self.sequence += 1;
        let delay = self.chaos.as_mut().map_or(0, |chaos| match chaos.below(10) {
            0 => chaos.below(1_500),
            _ => chaos.below(40),
        });
        let at = self.now + LATENCY + Duration::from_millis(delay);
        self.inbox.insert((at, self.sequence), event);
    }

    fn fate(&mut self, planned: Option<Fate>) -> Fate {
        let chaos = self.chaos.as_mut();
        planned.unwrap_or_else(|| chaos.map_or(Fate::Answered, Chaos::fate))
    }

    /// Lets time pass: frames on the second, deadlines, requests and answers in between.
    pub(crate) fn run_for(&mut self, millis: u64) {
        let until = self.now + Duration::from_millis(millis);
        let mut ticks = 0;
        loop {
            let inbox = self.inbox.first_key_value().map(|((at, _), _)| *at);
            let outbox = self.outbox.first_key_value().map(|((at, _), _)| *at);
            let deadline = self.engine.next_deadline().map(|(at, _)| at);
            let second = Timestamp::from_seconds(self.now.millis() / 1_000 + 1);
            let next = [inbox, outbox, deadline, Some(second)].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            ticks = if next > self.now { 0 } else { ticks + 1 };
            assert!(ticks < 1_000, "time stands still: {:?}", self.engine.next_deadline());
            self.now = self.now.max(next);
            if outbox == Some(next) {
                let command = self.outbox.pop_first().unwrap().1;
                self.carry_out(command);
            } else if inbox == Some(next) {
                let event = self.inbox.pop_first().unwrap().1;
                self.tell(event);
            } else if next == second {
                self.tell(Event::Second(Box::new(self.frame())));
            } else {
                self.tell(Event::Tick);
            }
        }
        self.now = until;
    }

    fn frame(&self) -> Frame {
        let level = |price: Price| Level { price, quantity: parse("5") };
        let snapshot =
            Snapshot::new([level(self.venue.best_bid)], [level(self.venue.best_ask)]).unwrap();
        Frame {
            second: Second::from_unix(self.now.millis() / 1_000),
            rows: vec![Row {
                symbol: symbol(),
                snapshot: Some(snapshot),
                flow: Flow::default(),
                mark_price: self.has_mark_price.then(|| self.venue.mark_price()),
                validity: self.validity,
                age_ms: 0,
                mark_age_ms: 100,
            }],
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Place(approved) => self.carry_out_place(approved.get()),
            Command::PlaceStop(approved) => self.carry_out_place_stop(approved.get()),
            Command::Cancel { client_order_id, .. } => self.carry_out_cancel(client_order_id),
            Command::Query { client_order_id, .. } => {
                let event = match self.venue.orders.get(&client_order_id) {
                    Some(order) => Event::OrderAnswer(order.report),
                    None => Event::QueryFailed { client_order_id, failure: rejected(-2013) },
                };
                self.deliver(event);
            }
            Command::CancelStop { .. } if self.lost_stop_cancels > 0 => self.lost_stop_cancels -= 1,
            Command::CancelStop { client_order_id, .. } => {
                let event = match self.venue.stops.get_mut(&client_order_id) {
                    Some(stop) if stop.status == StopStatus::New => {
                        stop.status = StopStatus::Canceled;
                        Event::Stop(stop.clone())
                    }
                    Some(_) | None => {
                        Event::CancelStopFailed { client_order_id, failure: rejected(-2011) }
                    }
                };
                self.deliver(event);
            }
            Command::QueryStop { client_order_id, .. } => {
                let event = match self.venue.stops.get(&client_order_id) {
                    Some(stop) => Event::StopAnswer(stop.clone()),
                    None => Event::QueryStopFailed { client_order_id, failure: rejected(-2013) },
                };
                self.deliver(event);
            }
            Command::QueryPosition { .. } if self.lost_positions > 0 => self.lost_positions -= 1,
            Command::QueryPosition { .. } => {
                let mut report = self.venue.position(self.now);
                if self.flat_answers > 0 {
                    self.flat_answers -= 1;
                    report.exposure = Exposure::ZERO;
                }
                self.deliver(Event::Position { asked_at: self.now, report });
            }
            Command::QueryAccount { .. } if self.is_account_silent => {}
            Command::QueryAccount { fills_after } => {
                let after = fills_after.get(&symbol()).copied().flatten();
                self.deliver(Event::Account(Box::new(self.venue.account(self.now, after))));
            }
            Command::SetCountdown { symbol, after } => self.carry_out_countdown(symbol, after),
            Command::QueryIncome { since } => {
                let rows = self.venue.income.iter().filter(|row| row.time >= since);
                let rows = rows.cloned().collect();
                self.deliver(Event::Income { asked_at: self.now, rows });
            }
            Command::QueryTerms { .. } => {
                self.deliver(Event::Terms(self.venue.terms.clone()));
            }
            Command::Notify(_) | Command::TakeOver { .. } | Command::Resolved { .. } => {}
        }
    }

    fn carry_out_countdown(&mut self, symbol: lobd::domain::Symbol, after: Duration) {
        let event = if self.refused_countdowns > 0 {
            self.refused_countdowns -= 1;
            Event::CountdownFailed { symbol, failure: not_sent() }
        } else {
            self.venue.set_countdown(self.now, after);
            Event::CountdownSet { symbol }
        };
        self.deliver(event);
    }

    fn carry_out_place(&mut self, request: &OrderRequest) {
        let client_order_id = request.client_order_id;
        let planned = self.place_fates.pop_front();
        let fate = self.fate(planned);
        let failure = |failure| Event::PlaceFailed { client_order_id, failure };
        match fate {
            Fate::Answered => match self.venue.place(self.now, request) {
                Ok(events) => {
                    self.deliver(events[0].clone());
                    self.stream(events);
                }
                Err(rejection) => self.deliver(failure(Failure::Rejected(rejection))),
            },
            Fate::AnswerLost => {
                let events = self.venue.place(self.now, request).unwrap_or_default();
                self.deliver(failure(unknown()));
                self.stream(events);
            }
            Fate::RequestLost => self.deliver(failure(unknown())),
            Fate::Refused(code) => self.deliver(failure(rejected(code))),
            Fate::NotSent => self.deliver(failure(not_sent())),
        }
    }

    fn carry_out_place_stop(&mut self, request: &StopRequest) {
        let client_order_id = request.client_order_id;
        let planned = self.stop_fates.pop_front();
        let fate = self.fate(planned);
        let failure = |failure| Event::PlaceStopFailed { client_order_id, failure };
        match fate {
            Fate::Answered => match self.venue.place_stop(self.now, request) {
                Ok(report) => self.deliver(Event::Stop(report)),
                Err(rejection) => self.deliver(failure(Failure::Rejected(rejection))),
            },
            Fate::AnswerLost => {
                let _ = self.venue.place_stop(self.now, request);
                self.deliver(failure(unknown()));
            }
            Fate::RequestLost => self.deliver(failure(unknown())),
            Fate::Refused(code) => self.deliver(failure(rejected(code))),
            Fate::NotSent => self.deliver(failure(not_sent())),
        }
    }

    fn carry_out_cancel(&mut self, client_order_id: ClientOrderId) {
        let planned = self.cancel_fates.pop_front();
        let fate = self.fate(planned);
        let failure = |failure| Event::CancelFailed { client_order_id, failure };
        let event = match fate {
            Fate::Answered => match self.venue.cancel(client_order_id) {
                Ok(report) => Event::Order(report),
                Err(rejection) => failure(Failure::Rejected(rejection)),
            },
            Fate::AnswerLost => {
                let _ = self.venue.cancel(client_order_id);
                failure(unknown())
            }
            Fate::RequestLost => failure(unknown()),
            Fate::Refused(code) => failure(rejected(code)),
            Fate::NotSent => failure(not_sent()),
        };
        self.deliver(event);
    }

    pub(crate) fn status(&self) -> EngineStatus {
        self.engine.status()
    }

    pub(crate) fn cycle(&self) -> SymbolStatus {
        self.status().symbols.remove(0)
    }

    /// Ordinary orders sent since the start, in order.
    pub(crate) fn orders_sent(&self) -> Vec<OrderRequest> {
        let request = |(_, command): &(Timestamp, Command)| match command {
            Command::Place(approved) => Some(*approved.get()),
            Command::Cancel { .. }
            | Command::Query { .. }
            | Command::PlaceStop(_)
            | Command::CancelStop { .. }
            | Command::QueryStop { .. }
            | Command::QueryPosition { .. }
            | Command::QueryAccount { .. }
            | Command::QueryIncome { .. }
            | Command::QueryTerms { .. }
            | Command::Notify(_)
            | Command::TakeOver { .. }
            | Command::Resolved { .. }
            | Command::SetCountdown { .. } => None,
        };
        self.sent.iter().filter_map(request).collect()
    }

    /// Stops sent since the start, in order.
    pub(crate) fn stops_sent(&self) -> Vec<StopRequest> {
        let request = |(_, command): &(Timestamp, Command)| match command {
            Command::PlaceStop(approved) => Some(*approved.get()),
            Command::Place(_)
            | Command::Cancel { .. }
            | Command::Query { .. }
            | Command::CancelStop { .. }
            | Command::QueryStop { .. }
            | Command::QueryPosition { .. }
            | Command::QueryAccount { .. }
            | Command::QueryIncome { .. }
            | Command::QueryTerms { .. }
            | Command::Notify(_)
            | Command::TakeOver { .. }
            | Command::Resolved { .. }
            | Command::SetCountdown { .. } => None,
        };
        self.sent.iter().filter_map(request).collect()
    }

    /// Enters long at the best bid and is wholly filled.
    pub(crate) fn with_long_position() -> Self {
        let mut world = Self::ready();
        world.predict(8.0);
        world.run_for(100);
        world.fill(Side::Buy, "1");
        world.run_for(200);
        world
    }
}

fn rejected(code: i32) -> Failure {
    Failure::Rejected(venue::refusal(code))
}

fn unknown() -> Failure {
    Failure::Unknown { reason: "test".to_owned() }
}

fn not_sent() -> Failure {
    Failure::NotSent { reason: "test".to_owned() }
}
