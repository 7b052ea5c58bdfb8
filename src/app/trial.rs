//! Simulated trading of a fitted model: chooses its signal threshold and backtests it.
//!
//! The threshold is chosen on the last part of the training span, never on the test part, and each
//! point of the grid is traded twice: with the fee floor, and without it, which shows what the model
//! alone is worth. The engine is the one that trades live.

use std::collections::BTreeMap;
use std::ops::Range;

use thiserror::Error;

use crate::book::Frame;
use crate::domain::{Environment, FeeRates, Instrument, Prediction, Rate, Second};
use crate::engine::{ModelInCharge, TradedInstrument};
use crate::predict::{Artifact, ArtifactError, LinearPredictor, Model, Predictor};
use crate::sim::{
    AccountSettings, BacktestReport, BacktestSettings, LatencySettings, SimError, backtest,
    default_fees, demo_fees,
};
use crate::store::{InstrumentKey, InstrumentVersion, StoreError, Tape};
use crate::trading::TradingSettings;
use crate::train::threshold::{self, Choice, Point};
use crate::train::{Fitted, Scored};

/// The share of the training span, at its end, on which the threshold is chosen.
const VALIDATION_SHARE: f64 = 0.25;

/// Fewer round trips than this say nothing about a threshold.
pub const FEWEST_TRADES: usize = 20;

/// Why a model could not be traded on the tape.
#[derive(Debug, Error)]
pub enum TrialError {
    /// The tape cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The model cannot answer.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The simulated exchange refuses the instrument.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// The tape knows no such instrument.
    #[error("the tape holds no {0}")]
    NoInstrument(InstrumentKey),
}

/// What a model is traded with.
#[derive(Debug, Clone)]
pub struct TrialSettings {
    /// The instrument and its filters.
    pub instrument: Instrument,
    /// The fees the account pays.
    pub fees: FeeRates,
    /// The numbers of the trading cycle.
    pub trading: TradingSettings,
    /// Thresholds that trade less often on the validation span are not chosen.
    pub fewest_trades: usize,
    /// Seeds the latency's jitter.
    pub seed: u64,
}

/// A threshold chosen by trading, and the whole grid it was chosen from.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// The threshold, and how far it matters.
    pub choice: Choice,
    /// Each point traded with the fee floor.
    pub with_floor: Vec<Point>,
    /// Each point traded as if fees were no obstacle and by the model's threshold alone, whatever the
    /// operator's; profit is still shown after fees.
    pub without_floor: Vec<Point>,
}

/// The fees to assume where no account can be asked: the demo's tier on the sandbox, else the
/// venue's default tier.
#[must_use]
pub fn assumed_fees(environment: Environment) -> FeeRates {
    match environment {
        Environment::Sandbox => demo_fees(),
        Environment::Testnet | Environment::Production => default_fees(),
    }
}

impl TrialSettings {
    /// What a model of a recorded instrument is traded with where no account can be asked.
    ///
    /// A spot instrument is traded as if it could be sold short.
    ///
    /// # Errors
    /// [`TrialError::NoInstrument`].
    pub fn offline(
        tape: &Tape,
        key: &InstrumentKey,
        trading: TradingSettings,
        seed: u64,
    ) -> Result<Self, TrialError> {
        let instrument = instrument_of(tape, key)?;
        let fees = assumed_fees(instrument.environment);
        Ok(Self { instrument, fees, trading, fewest_trades: FEWEST_TRADES, seed })
    }
}

/// The tape's newest version of an instrument, on the grid its rows are counted in.
///
/// # Errors
/// [`TrialError::NoInstrument`].
pub fn instrument_of(tape: &Tape, key: &InstrumentKey) -> Result<Instrument, TrialError> {
    tape.newest_version(key)
        .map(InstrumentVersion::as_recorded)
        .ok_or(TrialError::NoInstrument(*key))
}

/// One instrument's rows of the tape as frames.
///
/// # Errors
/// [`TrialError::Store`].
pub fn frames(
    tape: &Tape,
    key: &InstrumentKey,
    seconds: Range<Second>,
) -> Result<Vec<Frame>, TrialError> {
    tape.scan(key, seconds)
        .map(|found| {
            let (second, row) = found?;
            Ok(Frame { second, rows: vec![row] })
        })
        .collect()
}

/// Chooses the signal threshold of a fitted model by trading the end of its training span.
///
/// # Errors
/// [`TrialError`].
pub fn tune(
    tape: &Tape,
    key: &InstrumentKey,
    fitted: &Fitted,
    settings: &TrialSettings,
) -> Result<Tuned, TrialError> {
    let frames = frames(tape, key, validation(&fitted.model))?;
    let artifact = Artifact::seal(fitted.model.clone())?;
    let predictions = predictions(&artifact, &frames)?;
    let floor = fee_floor(settings);
    let grid = threshold::grid(&scored(&frames, &predictions), floor.bps());
    let mut bare = settings.clone();
    bare.trading.edge_margin = settings.trading.edge_margin.saturating_add(-floor);
    bare.trading.signal_spread_multiple = Rate::ZERO;
    let with_floor = trade_grid(&grid, &frames, &predictions, &artifact, settings)?;
    let without_floor = trade_grid(&grid, &frames, &predictions, &artifact, &bare)?;
    let nothing = Choice { spread_multiple: 0.0, alike: 0, points: 0, too_few_trades: true };
    let choice = threshold::choose(&with_floor, settings.fewest_trades).unwrap_or(nothing);
    Ok(Tuned { choice, with_floor, without_floor })
}

/// Trades a sealed model on frames it was not fitted on.
///
/// # Errors
/// [`TrialError`].
pub fn trade(
    artifact: &Artifact,
    frames: &[Frame],
    settings: &TrialSettings,
) -> Result<BacktestReport, TrialError> {
    let predictions = predictions(artifact, frames)?;
    let multiple = artifact.model().signal_spread_multiple;
    run(multiple, frames, &predictions, artifact, settings)
}

fn validation(model: &Model) -> Range<Second> {
    let train = model.provenance.train;
    let length = train.last.seconds_since(train.first);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a span of seconds"
    )]
    let validation = (length as f64 * VALIDATION_SHARE) as i64;
    train.last.plus(-validation)..train.last.next()
}

/// What a move must at least pay: entry as a maker, exit as a taker, and the margin.
fn fee_floor(settings: &TrialSettings) -> Rate {
    let FeeRates { maker, taker } = settings.fees;
    maker.saturating_add(taker).saturating_add(settings.trading.edge_margin)
}

fn predictions(
    artifact: &Artifact,
    frames: &[Frame],
) -> Result<BTreeMap<Second, Prediction>, TrialError> {
    let mut predictor = LinearPredictor::new(artifact)?;
    Ok(frames.iter().filter_map(|frame| Some((frame.second, predictor.push(frame)?))).collect())
}

/// Predictions with the spreads they met, for the grid; no label is known or needed.
fn scored(frames: &[Frame], predictions: &BTreeMap<Second, Prediction>) -> Vec<Scored> {
    let spread_bps = |frame: &Frame| {
        let snapshot = frame.rows.first()?.valid_snapshot()?;
        Some(crate::book::measures::relative_spread(snapshot).bps())
    };
    frames
        .iter()
        .filter_map(|frame| {
            let prediction = predictions.get(&frame.second)?.expected_move.bps();
            let spread_bps = spread_bps(frame)?;
            Some(Scored { second: frame.second, prediction, label: 0.0, spread_bps })
        })
        .collect()
}

fn trade_grid(
    grid: &[f64],
    frames: &[Frame],
    predictions: &BTreeMap<Second, Prediction>,
    artifact: &Artifact,
    settings: &TrialSettings,
) -> Result<Vec<Point>, TrialError> {
    grid.iter()
        .map(|&spread_multiple| {
            let report = run(spread_multiple, frames, predictions, artifact, settings)?;
            Ok(Point {
                spread_multiple,
                trades: usize::try_from(report.round_trips).unwrap_or(usize::MAX),
                pnl_before_fees: report.pnl_before_fees,
                pnl_after_fees: report.pnl_after_fees,
            })
        })
        .collect()
}

fn run(
    spread_multiple: f64,
    frames: &[Frame],
    predictions: &BTreeMap<Second, Prediction>,
    artifact: &Artifact,
    settings: &TrialSettings,
) -> Result<BacktestReport, TrialError> {
    let in_charge = ModelInCharge {
        model: artifact.id(),
        expires_at: frames.last().map_or_else(Second::default, |frame| frame.second.plus(60)),
        spread_multiple: Rate::from_bps(spread_multiple * 10_000.0),
    };
    let traded = TradedInstrument {
        instrument: settings.instrument.clone(),
        fees: settings.fees,
        model: Some(in_charge),
    };
    let wanted = BacktestSettings {
        trading: settings.trading.clone(),
        instruments: vec![traded],
        account: AccountSettings { fees: settings.fees, ..AccountSettings::default() },
        latency: LatencySettings::usual(),
        seed: settings.seed,
    };
    let report = backtest(&wanted, frames.iter().cloned(), |frame| {
        predictions.get(&frame.second).copied().into_iter().collect()
    })?;
    Ok(report)
}
