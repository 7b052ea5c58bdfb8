//! A candidate: a model trained on the tape, its threshold chosen by trading, traded on the test
//! part, and judged. The one way to it, for `lobd train`, the timer's service and the demo.
//!
//! It is stored and not promoted: whoever asked decides with the verdict in hand.

use std::ops::Range;

use thiserror::Error;

use crate::domain::Second;
use crate::features::FeatureSet;
use crate::predict::ModelKind;
use crate::sim::BacktestReport;
use crate::store::models::ModelStore;
use crate::store::{InstrumentKey, Tape};
use crate::train::gates::{self, Gate};
use crate::train::{Progress, TrainError, TrainSettings, Trained, finish, fit};

use super::training::{self, TrainingError};
use super::trial::{self, TrialError, TrialSettings, Tuned};

/// What is to be trained, and how it is traded to be judged.
#[derive(Debug, Clone)]
pub struct CandidateSettings {
    /// Which estimator.
    pub kind: ModelKind,
    /// Which part of the tape.
    pub seconds: Range<Second>,
    /// What the model sees.
    pub features: FeatureSet,
    /// How far ahead it predicts.
    pub horizon_s: u32,
    /// The signal threshold in spreads; `None` lets simulated trading choose it.
    pub threshold: Option<f64>,
    /// The instrument, and what it is traded with; its seed draws the intervals' resamples too.
    pub trial: TrialSettings,
}

/// A model that was trained, traded on the tape, and judged.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which estimator.
    pub kind: ModelKind,
    /// The sealed model and its papers.
    pub trained: Trained,
    /// How its threshold was chosen; `None` if it was given.
    pub tuned: Option<Tuned>,
    /// Simulated trading on the test part.
    pub backtest: BacktestReport,
    /// The gates and their verdicts.
    pub gates: Vec<Gate>,
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The tape is read.
    Reading,
    /// The model is fitted on a matrix of this size.
    Fitting {
        /// Labelled seconds.
        rows: usize,
        /// Features.
        features: usize,
        /// How far the fit is; `None` before it has said anything.
        progress: Option<Progress>,
    },
    /// The threshold is chosen by trading the end of the training part.
    Threshold,
    /// The sealed model trades the test part.
    Backtest,
}

/// Why there is no candidate.
#[derive(Debug, Error)]
pub enum CandidateError {
    /// It could not be trained or stored.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// It could not be traded.
    #[error(transparent)]
    Trial(#[from] TrialError),
}

impl From<TrainError> for CandidateError {
    fn from(error: TrainError) -> Self {
        Self::Training(error.into())
    }
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

/// Trains, tunes, stores, trades and judges one model.
///
/// # Errors
/// [`CandidateError`]; a model that was stored before stays stored.
pub fn train(
    settings: &CandidateSettings,
    (tape, models): (&Tape, &ModelStore),
    tell: &mut dyn FnMut(Stage),
) -> Result<Candidate, CandidateError> {
    let CandidateSettings { kind, seconds, features, horizon_s, threshold, trial } = settings;
    let key = InstrumentKey::of(&trial.instrument);
    tell(Stage::Reading);
    let dataset = training::dataset(tape, &key, seconds.clone(), *features, *horizon_s)?;
    let (rows, features) = (dataset.len(), dataset.width());
    tell(Stage::Fitting { rows, features, progress: None });
    let wanted = TrainSettings::standard(*kind, training::target(&key), *horizon_s, trial.seed);
    let fitted = fit(&dataset, &wanted, &mut |progress| {
        tell(Stage::Fitting { rows, features, progress: Some(progress) });
    })?;
    let mut tuned = None;
    if threshold.is_none() {
        tell(Stage::Threshold);
        tuned = Some(trial::tune(tape, &key, &fitted, trial)?);
    }
    let chosen = tuned.as_ref().map(|tuned| tuned.choice.spread_multiple);
    let trained = finish(fitted, threshold.or(chosen).unwrap_or_default())?;
    training::save(models, &key, &trained)?;
    tell(Stage::Backtest);
    let test = trained.artifact.model().provenance.test;
    let frames = trial::frames(tape, &key, test.first..test.last.next())?;
    let backtest = trial::trade(&trained.artifact, &frames, trial)?;
    // A model that never trades has proven nothing about money.
    let traded = (backtest.round_trips > 0).then_some(backtest.pnl_after_fees);
    let gates = training::judge(tape, models, &trained.artifact, traded, wanted.bootstrap)?;
    Ok(Candidate { kind: *kind, trained, tuned, backtest, gates })
}
