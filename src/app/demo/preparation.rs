//! Before the market opens: a folder, an exchange, six hours of history, two models, a judgement.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::app::candidate::{self, Candidate, CandidateSettings};
use crate::app::folder::DataFolder;
use crate::app::history::{self, History};
use crate::app::training;
use crate::app::trial::{self, TrialSettings};
use crate::config::{self, Settings, Variables};
use crate::domain::{Instrument, Timestamp};
use crate::features::FeatureSet;
use crate::predict::ModelKind;
use crate::sandbox::listings;
use crate::sim::market::MarketSettings;
use crate::sim::{Exchange, ExchangeSettings, InstrumentSettings, Liquidity};
use crate::store::atomic::write_atomically;
use crate::store::models::ModelStore;
use crate::store::{FolderLock, InstrumentKey, StoreError, Tape};

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
    /// The folder, held from before it was emptied until the daemon ends.
    pub lock: FolderLock,
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
    let lock = clear(folder.path())?;
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
        trading: config::trading_settings(&Variables::new(), instrument.environment)?,
        fewest_trades: fewest_trades(settings.history),
        seed: settings.seed,
    };
    let mut candidates = Vec::new();
    for kind in [ModelKind::Ols, ModelKind::Lasso] {
        candidates.push(candidate(kind, (&tape, &models), &history, &trial, tell)?);
    }
    let key = InstrumentKey::of(&instrument);
    let promoted = better(&candidates);
    if let Some(at) = promoted {
        training::promote(&models, &key, candidates[at].trained.artifact.id(), now)?;
    }
    Ok(Prepared { exchange, instrument, history, candidates, promoted, lock })
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
    let wanted = CandidateSettings {
        kind,
        seconds: history.first..history.last.next(),
        features: FeatureSet::default(),
        horizon_s: HORIZON_S,
        threshold: None,
        trial: trial.clone(),
    };
    tell(Stage::Training(kind));
    let trained = candidate::train(&wanted, (tape, models), &mut |stage| {
        if stage == candidate::Stage::Backtest {
            tell(Stage::Backtest(kind));
        }
    })?;
    Ok(trained)
}

/// The one with the greatest skill among those that passed; of equal ones the first.
fn better(candidates: &[Candidate]) -> Option<usize> {
    let passed = candidates.iter().enumerate().filter(|(_, candidate)| candidate.passed());
    passed
        .reduce(|best, next| if next.1.skill() > best.1.skill() { next } else { best })
        .map(|(at, _)| at)
}

/// Takes the folder and makes it empty; one that no demo made is left alone, and so is one that
/// somebody is using.
fn clear(folder: &Path) -> Result<FolderLock, DemoError> {
    let io = |source| StoreError::io("clear", folder, source);
    let names = |folder: &Path| -> Result<Vec<PathBuf>, std::io::Error> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    if folder.exists() && !folder.join(MARKER).exists() && !names(folder).map_err(io)?.is_empty() {
        return Err(DemoError::ForeignFolder(folder.to_owned()));
    }
    let lock = FolderLock::acquire(folder)?;
    write_atomically(&folder.join(MARKER), b"The next demo replaces this folder.\n")?;
    for path in names(folder).map_err(io)? {
        if path.ends_with(FolderLock::FILE) || path.ends_with(MARKER) {
            continue;
        }
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(io)?;
    }
    Ok(lock)
}

/// How far the exchange must be moved to live in the present.
pub(super) fn distance_to_present(exchange: &Exchange, now: Timestamp) -> Duration {
    now.since(exchange.now())
}
