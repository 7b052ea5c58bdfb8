//! The backtest: the very same engine over recorded seconds, against the simulated exchange.
//!
//! Differs from live trading only in the events supplied: frames come from the tape, answers and
//! user-stream events from [`Exchange`] under latency, which liquidates as it always does but pays
//! no funding: recorded seconds do not tell it. Time is the tape's. The engine decides, the
//! courier carries, the ledger counts; nothing here decides.
//!
//! Invariants: **1** the engine sees a second's frame before anything that came of acting on it;
//! **2** no message arrives before it was sent plus its latency, and the user stream keeps its
//! order; **3** same frames, predictions, settings and seed: same report.

mod courier;
mod ledger;
mod report;

use crate::book::Frame;
use crate::domain::{Prediction, RunId, Timestamp};
use crate::engine::{
    CountdownProof, Event, Feed, LedgerSummary, Started, TradedInstrument, TradingEngine,
};
use crate::trading::TradingSettings;

use super::accounts::AccountId;
use super::exchange::Exchange;
use super::latency::{Latency, LatencySettings};
use super::settings::{AccountSettings, ExchangeSettings, InstrumentSettings, Liquidity, SimError};
use courier::Courier;
use ledger::Ledger;
pub use report::{BacktestReport, EquityPoint};

/// A deadline that does not move when it is served is served again after this long at the soonest.
const TICK_INTERVAL: std::time::Duration = std::time::Duration::from_millis(1);

/// What a backtest trades with.
#[derive(Debug, Clone)]
pub struct BacktestSettings {
    /// The numbers of the trading cycle.
    pub trading: TradingSettings,
    /// What is traded, with the fees the account pays and the model in charge.
    pub instruments: Vec<TradedInstrument>,
    /// What the account begins with; its fees are those of the instruments' account.
    pub account: AccountSettings,
    /// How long messages travel.
    pub latency: LatencySettings,
    /// The root of the randomness, which is the latency's jitter alone.
    pub seed: u64,
}

/// Trades a tape from its first frame to its last, and reports.
///
/// Frames come in order of their seconds, without gaps filled in: a missing second is simply not
/// traded. `predict` answers each frame with what the models in charge make of it.
///
/// # Errors
/// [`SimError`] if the instruments make no exchange.
pub fn backtest(
    settings: &BacktestSettings,
    frames: impl IntoIterator<Item = Frame>,
    mut predict: impl FnMut(&Frame) -> Vec<Prediction>,
) -> Result<BacktestReport, SimError> {
    let mut frames = frames.into_iter().peekable();
    let start = frames.peek().map_or(Timestamp::default(), |frame| frame.second.plus(-1).end());
    let mut drive = Drive::new(settings, start)?;
    for frame in frames {
        drive.second(frame, &mut predict);
    }
    Ok(drive.finish())
}

/// A backtest under way.
struct Drive {
    now: Timestamp,
    engine: TradingEngine,
    exchange: Exchange,
    account: AccountId,
    courier: Courier,
    ledger: Ledger,
}

impl Drive {
    fn new(settings: &BacktestSettings, start: Timestamp) -> Result<Self, SimError> {
        let listed = |traded: &TradedInstrument| InstrumentSettings {
            instrument: traded.instrument.clone(),
            liquidity: Liquidity::Seconds,
        };
        let instruments = settings.instruments.iter().map(listed).collect();
        let listing = ExchangeSettings { instruments, seed: settings.seed };
        let mut exchange = Exchange::new(&listing, start)?;
        let account = exchange.open_account(&settings.account);
        let latency = Latency::new(settings.latency, settings.seed);
        let mut drive = Self {
            now: start,
            engine: TradingEngine::default(),
            exchange,
            account,
            courier: Courier::new(account, start, latency),
            ledger: Ledger::new(settings.account.balance),
        };
        let started = Started {
            run: RunId { installation: 0, epoch: 1 },
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: settings.trading.clone(),
            instruments: settings.instruments.clone(),
            ledger: LedgerSummary::default(),
            countdown: CountdownProof::Uncertified,
        };
        drive.tell(Event::Started(Box::new(started)));
        drive.tell(Event::Journal { is_healthy: true });
        drive.tell(Event::ClockOffset { nanos: 0 });
        drive.tell(Event::Feed { feed: Feed::User, is_live: true });
        drive.tell(Event::Feed { feed: Feed::Market, is_live: true });
        Ok(drive)
    }

    /// Lets pass what is due before a frame's second ends; then the frame.
    fn second(&mut self, frame: Frame, predict: &mut impl FnMut(&Frame) -> Vec<Prediction>) {
        let second = frame.second;
        self.run_until(second.end());
        self.now = second.end();
        for row in &frame.rows {
            // A symbol that is not traded is not listed: its row only informs the models.
            let _ = self.exchange.feed_second(second, row);
        }
        self.courier.collect(&mut self.exchange, &mut self.ledger);
        self.ledger.second(second, || self.exchange.equity(self.account));
        let predictions = predict(&frame);
        self.tell(Event::Second(Box::new(frame)));
        for prediction in predictions {
            self.ledger.predictions += 1;
            self.tell(Event::Prediction(prediction));
        }
    }

    /// Carries messages and serves deadlines in order of time, up to but not at `until`.
    fn run_until(&mut self, until: Timestamp) {
        let mut soonest = self.now;
        loop {
            let message = self.courier.next_time();
            let deadline = self.engine.next_deadline().map_or(Timestamp::MAX, |(at, _)| at);
            let deadline = deadline.max(soonest);
            let next = message.min(deadline);
            if next >= until {
                return;
            }
            self.now = self.now.max(next);
            if message <= deadline {
                if let Some(event) = self.courier.step(&mut self.exchange, &mut self.ledger) {
                    self.tell(event);
                }
            } else {
                self.tell(Event::Tick);
                soonest = self.now + TICK_INTERVAL;
            }
        }
    }

    fn tell(&mut self, event: Event) {
        for command in self.engine.handle(self.now, event) {
            self.courier.send(self.now, command, &mut self.ledger);
        }
    }

    fn finish(self) -> BacktestReport {
        let equity = self.exchange.equity(self.account);
        let positions = self.exchange.positions(self.account);
        self.ledger.finish(&self.engine.status(), equity, &positions)
    }
}
