//! Before the market opens: a folder, an exchange, six hours of history, two models, a judgement.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::app::folder::DataFolder;
use crate::app::history::{self, History};
use crate::app::training;
use crate::app::trial::{self, TrialSettings, Tuned};
use crate::config::{Settings, Variables};
use crate::domain::{Instrument, Timestamp};
use crate::features::FeatureSet;
use crate::predict::ModelKind;
use crate::sandbox::listings;
use crate::sim::market::MarketSettings;
use crate::sim::{BacktestReport, Exchange, ExchangeSettings, InstrumentSettings, Liquidity};
use crate::store::atomic::write_atomically;
use crate::store::models::ModelStore;
use crate::store::{InstrumentKey, StoreError, Tape};
use crate::trading::TradingSettings;
use crate::train::gates::{self, Gate};
use crate::train::{TrainSettings, Trained, finish, fit};

use super::{DemoError, DemoSettings};

/// The history begins here, whatever the day: the same seed makes the same tape.
const HISTORY_BEGINS: Timestamp = Timestamp::from_seconds(1_767_225_600); // 2026-01-01T00:00:00Z

/// Says that a folder was made by a demo and may be replaced by the next.
const MARKER: &str = "made-by-lobd-demo";

/// What is traded in the demo.
const SYMBOL: &str = "BTCUSDT";

/// The models' horizon, seconds.
const HORIZON_S: u32 = 10;

/// A stage of the preparation, told when it begins or advances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// So many seconds of history are recorded.
    History {
        /// Done.
        done: u32,
        /// Of how many.
        total: u32,
    },
    /// A model is being fitted and its threshold chosen.
    Training(ModelKind),
    /// A model is being backtested on the test part.
    Backtest(ModelKind),
}

/// A model that was trained, traded on the tape, and judged.
pub struct Candidate {
    /// Which estimator.
    pub kind: ModelKind,
    /// The sealed model and its papers.
    pub trained: Trained,
    /// How its threshold was chosen.
    pub tuned: Tuned,
    /// Simulated trading on the test part.
    pub backtest: BacktestReport,
    /// The gates and their verdicts.
    pub gates: Vec<Gate>,
}

/// Everything live trading begins with.
pub struct Prepared {
    /// The exchange, as it was when history ended.
    pub exchange: Exchange,
    /// What is traded.
    pub instrument: Instrument,
    /// What was recorded.
    pub history: History,
    /// Every model, in the order of training.
    pub candidates: Vec<Candidate>,
    /// Which of them was promoted; `None` if none passed its gates.
    pub promoted: Option<usize>,
}

impl Candidate {
    /// Whether it passed every gate.
    #[must_use]
    pub fn passed(&self) -> bool {
        gates::all_passed(&self.gates)
    }

    /// Its skill over the zero forecast on the test part.
    #[must_use]
    pub fn skill(&self) -> f64 {
        self.trained.artifact.model().evaluation.model.r2_vs_zero.unwrap_or(f64::NEG_INFINITY)
    }
}

/// Generates the history, trains and judges both models, promotes the better one that passes.
///
/// # Errors
/// [`DemoError`].
pub fn prepare(
    settings: &DemoSettings,
    now: Timestamp,
    tell: &mut dyn FnMut(Stage),
) -> Result<Prepared, DemoError> {
    let folder = DataFolder::new(&settings.data_dir);
    clear(folder.path())?;
    let instrument = listings::instrument(SYMBOL)
        .ok_or(crate::app::history::HistoryError::NotListed(symbol()?))?;
    let mut exchange = exchange(&instrument, settings.seed)?;
    let mut tape = Tape::open(&folder.tape())?;
    let total = u32::try_from(settings.history.as_secs()).unwrap_or(u32::MAX);
    let instruments = std::slice::from_ref(&instrument);
    let mut advanced = |done| tell(Stage::History { done, total });
    let history = history::generate(&mut exchange, instruments, total, &mut tape, &mut advanced)?;
    let models = ModelStore::new(&folder.models());
    let trial = TrialSettings {
        instrument: instrument.clone(),
        fees: trial::assumed_fees(instrument.environment),
        trading: trading_settings()?,
        fewest_trades: fewest_trades(settings.history),
        seed: settings.seed,
    };
    let mut candidates = Vec::new();
    for kind in [ModelKind::Ols, ModelKind::Lasso] {
        tell(Stage::Training(kind));
        candidates.push(candidate(kind, (&tape, &models), &history, &trial, tell)?);
    }
    let key = InstrumentKey::of(&instrument);
    let promoted = better(&candidates);
    if let Some(at) = promoted {
        training::promote(&models, &key, candidates[at].trained.artifact.id(), now)?;
    }
    Ok(Prepared { exchange, instrument, history, candidates, promoted })
}

/// The demo is there to be watched: a threshold that trades less than twice a minute of the
/// validation span (a sixth of the history) is left out.
fn fewest_trades(history: Duration) -> usize {
    usize::try_from(history.as_secs() / 60 / 6 * 2).unwrap_or(usize::MAX)
}

/// The settings of the demo's trading: the defaults of the sandbox.
pub(super) fn settings_from(variables: &[(&str, &str)]) -> Result<Settings, DemoError> {
    let pairs = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Ok(Settings::from_variables(&pairs.collect::<Variables>())?)
}

fn trading_settings() -> Result<TradingSettings, DemoError> {
    let settings = settings_from(&[
        ("LOBD_ENVIRONMENT", "sandbox"),
        ("LOBD_REST_URL", "http://127.0.0.1:1"),
        ("LOBD_STREAM_URL", "ws://127.0.0.1:1"),
    ])?;
    Ok(settings.trading)
}

fn symbol() -> Result<crate::domain::Symbol, DemoError> {
    SYMBOL.parse().map_err(|_| DemoError::ForeignFolder(SYMBOL.into()))
}

fn exchange(instrument: &Instrument, seed: u64) -> Result<Exchange, DemoError> {
    let liquidity = Liquidity::Seeded(Box::new(MarketSettings::bitcoin_perpetual()));
    let listed = InstrumentSettings { instrument: instrument.clone(), liquidity };
    let settings = ExchangeSettings { instruments: vec![listed], seed };
    Ok(Exchange::new(&settings, HISTORY_BEGINS)?)
}

fn candidate(
    kind: ModelKind,
    (tape, models): (&Tape, &ModelStore),
    history: &History,
    trial: &TrialSettings,
    tell: &mut dyn FnMut(Stage),
) -> Result<Candidate, DemoError> {
    let key = InstrumentKey::of(&trial.instrument);
    let span = history.first..history.last.next();
    let dataset = training::dataset(tape, &key, span, FeatureSet::default(), HORIZON_S)?;
    let wanted = TrainSettings::standard(kind, training::target(&key), HORIZON_S, trial.seed);
    let fitted = fit(&dataset, &wanted, &mut |_| ())?;
    let tuned = trial::tune(tape, &key, &fitted, trial)?;
    let trained = finish(fitted, tuned.choice.spread_multiple)?;
    training::save(models, &key, &trained)?;
    tell(Stage::Backtest(kind));
    let test = trained.artifact.model().provenance.test;
    let frames = trial::frames(tape, &key, test.first..test.last.next())?;
    let backtest = trial::trade(&trained.artifact, &frames, trial)?;
    let traded = Some(backtest.pnl_before_fees);
    let gates = training::judge(tape, models, &trained.artifact, traded, wanted.bootstrap)?;
    Ok(Candidate { kind, trained, tuned, backtest, gates })
}

/// The one with the greatest skill among those that passed; of equal ones the first.
fn better(candidates: &[Candidate]) -> Option<usize> {
    let passed = candidates.iter().enumerate().filter(|(_, candidate)| candidate.passed());
    passed
        .reduce(|best, next| if next.1.skill() > best.1.skill() { next } else { best })
        .map(|(at, _)| at)
}

/// Makes the folder empty; one that no demo made is left alone.
fn clear(folder: &Path) -> Result<(), DemoError> {
    let marker = folder.join(MARKER);
    let io = |source| StoreError::io("clear", folder, source);
    if folder.exists() {
        let is_empty = fs::read_dir(folder).map_err(io)?.next().is_none();
        if !is_empty && !marker.exists() {
            return Err(DemoError::ForeignFolder(folder.to_owned()));
        }
        fs::remove_dir_all(folder).map_err(io)?;
    }
    fs::create_dir_all(folder).map_err(io)?;
    write_atomically(&marker, b"The next demo replaces this folder.\n")?;
    Ok(())
}

/// How far the exchange must be moved to live in the present.
pub(super) fn distance_to_present(exchange: &Exchange, now: Timestamp) -> Duration {
    now.since(exchange.now())
}
