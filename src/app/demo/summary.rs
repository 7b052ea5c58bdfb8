//! What the demo came to, from the tape, the journal and the engine's last word.

use serde::Serialize;

use crate::app::folder::DataFolder;
use crate::app::live_score::{self, FEWEST_SCORED, Mids};
use crate::domain::{Amount, Exposure, Instrument, Prediction, RunId, Second};
use crate::engine::EngineStatus;
use crate::sim::default_fees;
use crate::store::{InstrumentKey, Journal, StoreError, Tape};

/// The demo's outcome: the object that `lobd demo --json` prints (design.md §5).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemoSummary {
    /// Seconds on the tape, history and live.
    pub seconds_recorded: u64,
    /// Seconds that are not VALID between the first and the last valid one, of history and of live.
    pub seconds_missing: u64,
    /// Predictions made live.
    pub predictions: u64,
    /// R² of the live predictions against a forecast of no move; `None` under 100 scored.
    pub live_r2: Option<f64>,
    /// The promoted model's R² on the test part of the history.
    pub backtest_r2: Option<f64>,
    /// Every model trained, the promoted one first.
    pub models: Vec<String>,
    /// Positions opened and closed again.
    pub round_trips: u64,
    /// Times the stop-loss procedure ran.
    pub stop_losses: u64,
    /// Funding received, or paid if negative, USDT: in the profits after fees.
    pub funding: Amount,
    /// Profit before fees, USDT.
    pub pnl_before_fees: Amount,
    /// Profit after the demo tier's fees, USDT.
    pub pnl_after_fees: Amount,
    /// Profit if fees had been the venue's default, USDT.
    pub pnl_at_default_fees: Amount,
    /// Differences between ledger and venue.
    pub discrepancies: u64,
    /// Seconds, in all, with a position and no acknowledged stop.
    pub naked_seconds: f64,
    /// What is still held.
    pub final_position: Exposure,
}

/// What is known of one span of the tape.
struct Recorded {
    seconds: u64,
    missing: u64,
}

impl DemoSummary {
    /// Sums up a finished demo.
    ///
    /// # Errors
    /// [`StoreError`] if tape or journal cannot be read.
    pub fn collect(
        folder: &DataFolder,
        instrument: &Instrument,
        spans: [std::ops::Range<Second>; 2],
        run: RunId,
        last: &EngineStatus,
    ) -> Result<Self, StoreError> {
        let tape = Tape::open_read_only(&folder.tape())?;
        let key = InstrumentKey::of(instrument);
        let [history, live] = spans;
        let history = recorded(&tape, &key, history)?;
        let mids = live_score::mids(&tape, &key, live.clone())?;
        let live = recorded(&tape, &key, live)?;
        let journal = Journal::open_read_only(&folder.journal())?;
        let predictions = live_score::predictions(&journal, run.epoch, instrument.symbol)?;
        let totals = || last.symbols.iter().map(|symbol| &symbol.totals);
        let before: Amount = totals().map(|totals| totals.realized_pnl).sum();
        let fees: Amount = totals().map(|totals| totals.fees).sum();
        let funding: Amount = totals().map(|totals| totals.funding).sum();
        let default_fees: Amount = totals()
            .map(|totals| {
                let rates = default_fees();
                let maker = totals.maker_notional.times(rates.maker).unwrap_or(Amount::ZERO);
                let taker = totals.taker_notional.times(rates.taker).unwrap_or(Amount::ZERO);
                maker.saturating_add(taker)
            })
            .sum();
        let exposure = last.symbols.iter().map(|symbol| symbol.exposure);
        Ok(Self {
            seconds_recorded: history.seconds + live.seconds,
            seconds_missing: history.missing + live.missing,
            predictions: predictions.len() as u64,
            live_r2: live_r2(&predictions, &mids),
            backtest_r2: None,
            models: Vec::new(),
            round_trips: totals().map(|totals| totals.round_trips).sum(),
            stop_losses: totals().map(|totals| totals.stop_losses).sum(),
            pnl_before_fees: before,
            funding,
            pnl_after_fees: before.saturating_add(-fees).saturating_add(funding),
            pnl_at_default_fees: before.saturating_add(-default_fees).saturating_add(funding),
            discrepancies: last.discrepancies_total,
            naked_seconds: totals().map(|totals| totals.naked.as_secs_f64()).sum(),
            final_position: exposure.max_by_key(|one| one.quantity()).unwrap_or(Exposure::ZERO),
        })
    }
}

fn recorded(
    tape: &Tape,
    key: &InstrumentKey,
    span: std::ops::Range<Second>,
) -> Result<Recorded, StoreError> {
    let mut found = Recorded { seconds: 0, missing: 0 };
    let mut last_valid: Option<Second> = None;
    for item in tape.scan(key, span) {
        let (second, row) = item?;
        found.seconds += 1;
        if row.valid_snapshot().is_some() {
            let between = last_valid.map_or(0, |last| second.seconds_since(last) - 1);
            found.missing += u64::try_from(between).unwrap_or(0);
            last_valid = Some(second);
        }
    }
    Ok(found)
}

/// R² against a forecast of no move over the predictions whose outcome is on the tape.
fn live_r2(predictions: &[Prediction], mids: &Mids) -> Option<f64> {
    let metrics = live_score::evaluation(&live_score::scored(predictions, mids)).model;
    metrics.r2_vs_zero.filter(|_| metrics.n >= FEWEST_SCORED)
}
