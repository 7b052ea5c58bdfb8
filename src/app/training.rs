//! Training as a job: rows of the tape in, an artefact in the model store out.
//!
//! Shared by `lobd train`, `score`, `dataset` and `models`, by the demo and by the timer's service.

use std::collections::BTreeSet;
use std::ops::Range;

use thiserror::Error;

use crate::domain::{Amount, ModelId, Second, Timestamp};
use crate::features::{Dataset, DatasetBuilder, DatasetError, FeatureSet};
use crate::predict::{Artifact, ArtifactError, Target};
use crate::store::models::{Current, Files, ModelStore};
use crate::store::{InstrumentKey, StoreError, Tape};
use crate::train::bootstrap::BootstrapSettings;
use crate::train::gates::{self, Figures, Gate};
use crate::train::{self, TrainError, Trained};

/// The model file's name in an artefact.
const MODEL_FILE: &str = "model.json";

/// Seconds before a span that are read as well, so that its first windows are full.
const WARM_UP_S: i64 = 120;

/// Why a training job failed.
#[derive(Debug, Error)]
pub enum TrainingError {
    /// The tape or the model store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tape's rows are out of order.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Nothing could be fitted.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A stored model cannot be used.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// No instrument was named and the tape holds none or several.
    #[error("which instrument? the tape holds {}", .0.join(", "))]
    WhichInstrument(Vec<String>),
    /// No model has been promoted.
    #[error("no model of {0} has been promoted; name one with --model, see `lobd models list`")]
    NoCurrent(String),
    /// Several instruments have a model of this id, or none.
    #[error("no model {0} in the model store; see `lobd models list`")]
    UnknownModel(ModelId),
}

/// The instrument that `asked` names, or the only one on the tape.
///
/// # Errors
/// [`TrainingError::WhichInstrument`] or the store's refusal of the name.
pub fn instrument(tape: &Tape, asked: Option<&str>) -> Result<InstrumentKey, TrainingError> {
    if let Some(asked) = asked {
        return Ok(tape.resolve(asked)?);
    }
    let known = tape.instruments();
    match (known.first(), known.len()) {
        (Some(only), 1) => Ok(*only),
        _ => Err(TrainingError::WhichInstrument(names(&known))),
    }
}

fn names(known: &BTreeSet<InstrumentKey>) -> Vec<String> {
    if known.is_empty() {
        return vec!["nothing: record or import first".to_owned()];
    }
    known.iter().map(ToString::to_string).collect()
}

/// What a model of this instrument predicts.
#[must_use]
pub const fn target(key: &InstrumentKey) -> Target {
    Target { environment: key.environment, market: key.market, symbol: key.symbol }
}

/// Builds the matrix that training sees of an instrument's rows in `[from, to)`.
///
/// # Errors
/// [`TrainingError`] if the tape cannot be read.
pub fn dataset(
    tape: &Tape,
    key: &InstrumentKey,
    seconds: Range<Second>,
    set: FeatureSet,
    horizon_s: u32,
) -> Result<Dataset, TrainingError> {
    let mut builder = DatasetBuilder::new(set, horizon_s);
    for found in tape.scan(key, seconds) {
        let (second, row) = found?;
        builder.push(second, &row)?;
    }
    Ok(builder.finish())
}

/// Saves a trained model with its papers; it does not trade before it is promoted.
///
/// # Errors
/// [`TrainingError::Store`].
pub fn save(
    models: &ModelStore,
    key: &InstrumentKey,
    trained: &Trained,
) -> Result<(), TrainingError> {
    let files = Files::from([
        (MODEL_FILE.to_owned(), trained.artifact.to_bytes()?),
        ("card.md".to_owned(), trained.card.clone().into_bytes()),
        ("report.html".to_owned(), trained.report.clone().into_bytes()),
    ]);
    models.save(&key.to_string(), trained.artifact.id(), &files)?;
    Ok(())
}

/// Loads and verifies a model of an instrument: the named one, or the one in charge.
///
/// # Errors
/// [`TrainingError`], naming what is missing or wrong.
pub fn load(
    models: &ModelStore,
    key: &InstrumentKey,
    id: Option<ModelId>,
) -> Result<Artifact, TrainingError> {
    let instrument = key.to_string();
    let id = match id {
        Some(id) => id,
        None => {
            models
                .current(&instrument)?
                .ok_or_else(|| TrainingError::NoCurrent(instrument.clone()))?
                .id
        }
    };
    let stored = models.load(&instrument, id)?;
    let bytes = stored.files.get(MODEL_FILE).map_or(&[][..], Vec::as_slice);
    let artifact = Artifact::parse(bytes)?;
    artifact.verify_target(target(key))?;
    Ok(artifact)
}

/// Judges a model by the gates, beside the model in charge on the same test part.
///
/// # Errors
/// [`TrainingError`] if the tape cannot be read. A model in charge that cannot be loaded or scored
/// does not stand in the way.
pub fn judge(
    tape: &Tape,
    models: &ModelStore,
    candidate: &Artifact,
    backtest_pnl: Option<Amount>,
    bootstrap: BootstrapSettings,
) -> Result<Vec<Gate>, TrainingError> {
    let model = candidate.model();
    let Target { environment, market, symbol } = model.target;
    let key = InstrumentKey { environment, market, symbol };
    let current = load(models, &key, None).ok().filter(|current| current.id() != candidate.id());
    let current_skill = match current {
        Some(current) => skill(tape, &key, &current, (candidate, bootstrap))?,
        None => None,
    };
    let evaluation = &model.evaluation;
    Ok(gates::judge(&Figures { environment, evaluation, backtest_pnl, current_skill }))
}

/// A model's skill over zero on the candidate's test part.
fn skill(
    tape: &Tape,
    key: &InstrumentKey,
    current: &Artifact,
    (candidate, bootstrap): (&Artifact, BootstrapSettings),
) -> Result<Option<f64>, TrainingError> {
    let Ok(set) = current.model().feature_set.parse::<FeatureSet>() else {
        return Ok(None);
    };
    let test = candidate.model().provenance.test;
    let horizon_s = current.model().horizon_s;
    if horizon_s != candidate.model().horizon_s {
        return Ok(None);
    }
    let end = test.last.plus(i64::from(horizon_s) + 1);
    let rows = dataset(tape, key, test.first.plus(-WARM_UP_S)..end, set, horizon_s)?;
    let (_, mut scored) = train::score(current, &rows, bootstrap)?;
    scored.retain(|row| row.second >= test.first);
    let evaluation = train::evaluate(&scored, current.model().training_mean_bps, bootstrap);
    Ok(evaluation.model.r2_vs_zero)
}

/// Puts a model in charge after verifying it for its instrument; the swap is atomic.
///
/// # Errors
/// [`TrainingError`].
pub fn promote(
    models: &ModelStore,
    key: &InstrumentKey,
    id: ModelId,
    now: Timestamp,
) -> Result<Current, TrainingError> {
    load(models, key, Some(id))?;
    Ok(models.promote(&key.to_string(), id, now)?)
}
