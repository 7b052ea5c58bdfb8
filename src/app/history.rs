//! Market history of the loopback exchange, generated at full speed through the recorder's own path:
//! the same events, the same books, the same grid, the same tape.

use std::time::Duration;

use thiserror::Error;

use crate::book::{FrameCutter, MarketEvent, Outcome};
use crate::domain::{Instrument, Second, Symbol, Timestamp};
use crate::sim::{Exchange, ExchangeEvent};
use crate::store::{StoreError, Tape};

/// Seconds that share one commit of the tape: as an import does.
const BATCH_SECONDS: usize = 3_600;

/// How far the exchange advances between two looks at its events: its own diff interval.
const STEP: Duration = Duration::from_millis(100);

/// Levels a side of the snapshot a book begins with.
const SNAPSHOT_LEVELS: usize = 1_000;

/// Why history could not be generated.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// The tape could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The exchange does not list an instrument.
    #[error("the exchange does not list {0}")]
    NotListed(Symbol),
}

/// What was generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// The first second recorded.
    pub first: Second,
    /// The last second recorded.
    pub last: Second,
    /// Seconds recorded that are valid for every instrument.
    pub valid: u64,
    /// Depth updates taken in.
    pub updates: u64,
}

/// Lets `exchange` live for `seconds` and records it; `progress` is told each second done.
///
/// # Errors
/// [`HistoryError`]; the seconds committed before stay.
pub fn generate(
    exchange: &mut Exchange,
    instruments: &[Instrument],
    seconds: u32,
    tape: &mut Tape,
    progress: &mut dyn FnMut(u32),
) -> Result<History, HistoryError> {
    let start = exchange.now();
    for instrument in instruments {
        tape.register(instrument, start.second())?;
    }
    let mut generator = Generator::new(exchange, instruments)?;
    let first = start.second();
    let end = start + Duration::from_secs(u64::from(seconds));
    let mut history = History { first, last: first, valid: 0, updates: 0 };
    let mut batch = Vec::with_capacity(BATCH_SECONDS);
    let mut done = 0;
    let mut now = start;
    while now < end {
        now = now + STEP;
        generator.advance(now, &mut history, &mut batch);
        if batch.len() >= BATCH_SECONDS {
            tape.append_batch(&batch)?;
            batch.clear();
        }
        let passed = u32::try_from(now.since(start).as_secs()).unwrap_or(u32::MAX);
        if passed > done {
            done = passed;
            progress(done);
        }
    }
    tape.append_batch(&batch)?;
    Ok(history)
}

struct Generator<'e> {
    exchange: &'e mut Exchange,
    cutter: FrameCutter,
    events: Vec<ExchangeEvent>,
}

impl<'e> Generator<'e> {
    /// Begins each book with a snapshot, as a live recorder does.
    fn new(exchange: &'e mut Exchange, instruments: &[Instrument]) -> Result<Self, HistoryError> {
        let mut cutter = FrameCutter::new(instruments);
        let now = exchange.now();
        let _ = cutter.due(now);
        for instrument in instruments {
            let symbol = instrument.symbol;
            let snapshot =
                exchange.depth(symbol, SNAPSHOT_LEVELS).ok_or(HistoryError::NotListed(symbol))?;
            cutter.on_event(now, &MarketEvent::Snapshot(snapshot));
        }
        Ok(Self { exchange, cutter, events: Vec::new() })
    }

    fn advance(
        &mut self,
        now: Timestamp,
        history: &mut History,
        batch: &mut Vec<crate::book::Frame>,
    ) {
        self.exchange.advance(now);
        self.exchange.drain(&mut self.events);
        for event in self.events.drain(..) {
            let ExchangeEvent::Market { time, event } = event else { continue };
            while let Some(frame) = self.cutter.due(time) {
                history.last = frame.second;
                let is_valid = frame.rows.iter().all(|row| row.valid_snapshot().is_some());
                history.valid += u64::from(is_valid);
                batch.push(frame);
            }
            let outcome = self.cutter.on_event(time, &event);
            history.updates +=
                u64::from(matches!((&event, outcome), (MarketEvent::Depth(_), Outcome::Applied)));
        }
    }
}
