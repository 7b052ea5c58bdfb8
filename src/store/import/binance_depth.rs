//! Format `binance-depth`: raw recordings of Binance's diff depth, trade, best-price and mark-price
//! messages, with the REST snapshot inline anywhere.
//!
//! Two passes. [`survey`] reads the files once: futures carry `pu` and spot does not; tick and step
//! are the greatest common divisors of all prices and quantities of the book, so that every level
//! is on the grid exactly (a short recording may know a coarser grid than the venue's; give it if
//! it matters). [`import`] then feeds every message to the same [`FrameCutter`] as the live market.
//!
//! A recording without a snapshot never yields a valid second. COIN-M quantities are contracts, as
//! its messages have them.

use std::path::PathBuf;
use std::time::Duration;

use crate::book::{
    Frame, FrameCutter, Level, MarketDataDecoder, MarketEvent, Outcome, ProofCount, Reason, Row,
    Sampler, Validity,
};
use crate::domain::{
    Amount, Environment, Filters, Instrument, Market, Price, Quantity, Rate, Second, Symbol,
    Timestamp,
};

use super::error::{ImportError, SinkError};
use super::recording::Recording;

/// A silence after which nothing shows that the recorder was running: its seconds are left out.
/// Whether the book survived it, the next update's ids decide.
const LONGEST_SILENCE: Duration = Duration::from_mins(10);

/// What the files themselves may leave open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Whose market was recorded.
    pub environment: Environment,
    /// Which market; told from the messages if absent.
    pub market: Option<Market>,
    /// Which symbol; the only one in the files if absent. Snapshots that name none are its.
    pub symbol: Option<Symbol>,
    /// The price grid; told from the prices if absent.
    pub tick_size: Option<Price>,
    /// The quantity grid; told from the quantities if absent.
    pub step_size: Option<Quantity>,
}

/// What an import found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSummary {
    /// The instrument, with the grid given or found.
    pub instrument: Instrument,
    /// Messages of each kind, and what was remarkable about them.
    pub messages: MessageCounts,
    /// Seconds cut, by validity.
    pub seconds: SecondCounts,
    /// Comparisons of the book with the venue's own best prices at the same update id.
    pub proof: ProofCount,
}

/// Messages by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageCounts {
    /// Depth updates.
    pub depth_updates: u64,
    /// Depth snapshots.
    pub snapshots: u64,
    /// Trades, those outside the order book included.
    pub trades: u64,
    /// Best-price messages.
    pub book_tickers: u64,
    /// Mark prices.
    pub mark_prices: u64,
    /// Messages of other kinds or other symbols, not used.
    pub others: u64,
    /// Depth updates that did not follow the one before.
    pub gaps: u64,
    /// Depth updates or snapshots refused for another reason.
    pub refused: u64,
    /// Messages whose event time is after their receive time: the recorder's clock was behind.
    pub negative_latencies: u64,
    /// Messages whose receive time is before the one before.
    pub backward_times: u64,
}

/// Seconds by validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SecondCounts {
    /// The first second cut.
    pub first: Option<Second>,
    /// The last second cut.
    pub last: Option<Second>,
    /// With a proven book.
    pub valid: u64,
    /// With the last book held, unproven.
    pub stale: u64,
    /// Without a book.
    pub missing: u64,
    /// Left out within silences in which nothing shows that the recorder was running.
    pub skipped: u64,
}

impl Default for ImportOptions {
    /// Everything told from the files; other people's recordings are of the real venue.
    fn default() -> Self {
        Self {
            environment: Environment::Production,
            market: None,
            symbol: None,
            tick_size: None,
            step_size: None,
        }
    }
}

/// Reads the files once and tells which instrument they hold and its grid.
///
/// A file that is cut off is read as far as it goes; [`import`] reports it.
///
/// # Errors
/// [`ImportError`] if a file cannot be opened, the files are out of order, or they hold no depth
/// update or more than one symbol.
pub fn survey(
    files: &[PathBuf],
    options: &ImportOptions,
    decoder: &mut dyn MarketDataDecoder,
) -> Result<Instrument, ImportError> {
    let mut recording = Recording::open(files)?;
    let mut survey = Survey { symbol: options.symbol, ..Survey::default() };
    // The snapshot may stand before any message that names its symbol; any name will do here.
    if let Some(placeholder) = options.symbol.or_else(|| "SNAPSHOT".parse().ok()) {
        decoder.name_snapshots(placeholder);
    }
    while let Ok(Some(line)) = recording.next_line() {
        let receive_time = line.receive_time;
        match decoder.decode(line.text) {
            Ok(Some(event)) => survey.see(event, options.symbol)?,
            Ok(None) => {}
            Err(_) => break,
        }
        if !survey.follows(receive_time) {
            return Err(recording.line_error(
                "its receive time is long before that of an earlier line; are the files in order?",
            ));
        }
    }
    let file = files.first().cloned().unwrap_or_default();
    let symbol = survey.symbol.filter(|_| survey.has_depth);
    let symbol = symbol.ok_or(ImportError::NoDepth { file })?;
    let is_coin_margined = symbol.as_str().split('_').next().is_some_and(|p| p.ends_with("USD"));
    let market = options.market.unwrap_or(match (survey.is_futures, is_coin_margined) {
        (false, _) => Market::Spot,
        (true, true) => Market::Coinm,
        (true, false) => Market::Usdm,
    });
    let tick_size = options.tick_size.or_else(|| Price::from_units(survey.price_grid).ok());
    let step_size = options.step_size.or_else(|| Quantity::from_units(survey.quantity_grid).ok());
    let filters = filters(tick_size.unwrap_or_default(), step_size.unwrap_or_default());
    Ok(Instrument { environment: options.environment, market, symbol, filters })
}

/// Imports the files of one stream, in order; hands each second's frame to `sink` as it is cut.
///
/// The last second is cut only if a message after its end shows that it was recorded whole.
///
/// # Errors
/// [`ImportError`]; seconds handed out before it stay valid.
pub fn import(
    files: &[PathBuf],
    options: &ImportOptions,
    decoder: &mut dyn MarketDataDecoder,
    sink: &mut dyn FnMut(&Instrument, Frame) -> Result<(), SinkError>,
) -> Result<ImportSummary, ImportError> {
    let instrument = survey(files, options, decoder)?;
    decoder.name_snapshots(instrument.symbol);
    let mut recording = Recording::open(files)?;
    let mut import = Import::new(instrument);
    while let Some(line) = recording.next_line()? {
        let receive_time = line.receive_time;
        match decoder.decode(line.text) {
            Ok(event) => import.take(receive_time, event, sink)?,
            Err(error) => return Err(recording.message_error(error)),
        }
    }
    Ok(import.finish())
}

/// An import under way.
struct Import {
    summary: ImportSummary,
    cutter: FrameCutter,
    newest: Option<Timestamp>,
}

impl Import {
    fn new(instrument: Instrument) -> Self {
        Self {
            cutter: FrameCutter::new([&instrument]),
            newest: None,
            summary: ImportSummary {
                instrument,
                messages: MessageCounts::default(),
                seconds: SecondCounts::default(),
                proof: ProofCount::default(),
            },
        }
    }

    fn take(
        &mut self,
        receive_time: Timestamp,
        event: Option<&MarketEvent>,
        sink: &mut dyn FnMut(&Instrument, Frame) -> Result<(), SinkError>,
    ) -> Result<(), ImportError> {
        self.advance(receive_time);
        while let Some(frame) = self.cutter.due(receive_time) {
            self.summary.seconds.count(&frame);
            sink(&self.summary.instrument, frame).map_err(ImportError::Sink)?;
        }
        let followed = event.filter(|event| event.symbol() == self.summary.instrument.symbol);
        let messages = &mut self.summary.messages;
        match followed {
            Some(event) => {
                messages.count(receive_time, event);
                match self.cutter.on_event(receive_time, event) {
                    Outcome::NeedsSnapshot(Reason::SequenceGap) => messages.gaps += 1,
                    Outcome::NeedsSnapshot(_) => messages.refused += 1,
                    Outcome::Applied | Outcome::Buffered | Outcome::Ignored => {}
                }
            }
            None => messages.others += 1,
        }
        Ok(())
    }

    /// Leaves out the seconds of a silence too long to be one.
    fn advance(&mut self, receive_time: Timestamp) {
        let Some(newest) = self.newest.replace(receive_time) else { return };
        if receive_time < newest {
            self.summary.messages.backward_times += 1;
            self.newest = Some(newest);
        } else if receive_time.since(newest) > LONGEST_SILENCE {
            let skipped = receive_time.second().seconds_since(newest.second());
            self.summary.seconds.skipped += skipped.unsigned_abs();
            self.cutter.skip_to(receive_time);
        }
    }

    fn finish(mut self) -> ImportSummary {
        let sampler = self.cutter.sampler(self.summary.instrument.symbol);
        self.summary.proof = sampler.map_or_else(ProofCount::default, Sampler::proof);
        self.summary
    }
}

impl MessageCounts {
    fn count(&mut self, receive_time: Timestamp, event: &MarketEvent) {
        let (counter, event_time) = match event {
            MarketEvent::Depth(update) => (&mut self.depth_updates, Some(update.event_time)),
            MarketEvent::Snapshot(_) => (&mut self.snapshots, None),
            MarketEvent::Trade(trade) => (&mut self.trades, Some(trade.trade_time)),
            MarketEvent::BookTicker(_) => (&mut self.book_tickers, None),
            MarketEvent::MarkPrice(mark) => (&mut self.mark_prices, Some(mark.event_time)),
        };
        *counter += 1;
        self.negative_latencies += u64::from(event_time.is_some_and(|time| time > receive_time));
    }
}

impl SecondCounts {
    fn count(&mut self, frame: &Frame) {
        self.first = self.first.or(Some(frame.second));
        self.last = Some(frame.second);
        match frame.rows.first().map(|row: &Row| row.validity) {
            Some(Validity::Valid) => self.valid += 1,
            Some(Validity::Stale(_)) => self.stale += 1,
            Some(Validity::Missing(_)) | None => self.missing += 1,
        }
    }
}

/// What the first pass learns.
#[derive(Default)]
struct Survey {
    symbol: Option<Symbol>,
    has_depth: bool,
    is_futures: bool,
    price_grid: i64,
    quantity_grid: i64,
    newest: Timestamp,
}

impl Survey {
    /// Whether a line's time continues the recording; a recorder's clock may step back a little.
    fn follows(&mut self, receive_time: Timestamp) -> bool {
        self.newest = self.newest.max(receive_time);
        self.newest.since(receive_time) <= LONGEST_SILENCE
    }

    fn see(&mut self, event: &MarketEvent, wanted: Option<Symbol>) -> Result<(), ImportError> {
        let (bids, asks) = match event {
            MarketEvent::Snapshot(snapshot) => (&snapshot.bids, &snapshot.asks),
            MarketEvent::Depth(update) if wanted.is_none_or(|symbol| symbol == update.symbol) => {
                let first = *self.symbol.get_or_insert(update.symbol);
                if first != update.symbol {
                    return Err(ImportError::SeveralSymbols { first, second: update.symbol });
                }
                self.has_depth = true;
                self.is_futures |= update.previous_final_update_id.is_some();
                (&update.bids, &update.asks)
            }
            MarketEvent::Depth(_)
            | MarketEvent::Trade(_)
            | MarketEvent::BookTicker(_)
            | MarketEvent::MarkPrice(_) => return Ok(()),
        };
        for Level { price, quantity } in bids.iter().chain(asks) {
            self.price_grid = common_divisor(self.price_grid, price.units());
            self.quantity_grid = common_divisor(self.quantity_grid, quantity.units());
        }
        Ok(())
    }
}

fn common_divisor(mut left: i64, mut right: i64) -> i64 {
    while left != 0 {
        (left, right) = (right % left, left);
    }
    right
}

/// Filters that know the grid and refuse nothing else: a recording does not tell the other rules.
fn filters(tick_size: Price, step_size: Quantity) -> Filters {
    let largest = Quantity::from_units(i64::MAX).unwrap_or_default();
    Filters {
        tick_size,
        step_size,
        min_price: Price::ZERO,
        max_price: Price::ZERO,
        min_quantity: step_size,
        max_quantity: largest,
        max_market_quantity: largest,
        min_notional: Amount::ZERO,
        multiplier_up: Rate::from_units(i64::MAX).unwrap_or_default(),
        multiplier_down: Rate::ZERO,
        max_open_orders: 200,
    }
}
