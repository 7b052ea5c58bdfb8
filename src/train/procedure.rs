//! The whole fit: split, transforms, estimator, judgement, seal.

use std::ops::Range;

use thiserror::Error;

use crate::features::{Dataset, Purge, Split, SplitError};
use crate::predict::{
    Artifact, ArtifactError, Column, Evaluation, Fate, LinearWeights, Model, ModelKind, Provenance,
    Span, Target,
};

use super::bootstrap::BootstrapSettings;
use super::card::card;
use super::design::Design;
use super::evaluate::{Scored, evaluate};
use super::lasso::{self, LassoError, LassoSettings};
use super::ols::{self, OlsError};
use super::outliers::OutlierRule;
use super::report::report;

/// What a fit is told beside its data.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainSettings {
    /// The estimator.
    pub kind: ModelKind,
    /// Whose mid-price.
    pub target: Target,
    /// Share of the rows before the cut between training and test.
    pub train_share: f64,
    /// Seconds after the cut that are not judged, at least the horizon.
    pub embargo_s: u32,
    /// Thresholds against outliers.
    pub outliers: OutlierRule,
    /// How LASSO's penalty is chosen.
    pub lasso: LassoSettings,
    /// How intervals are drawn; holds the seed.
    pub bootstrap: BootstrapSettings,
    /// Version of the code, for the artefact.
    pub code_version: String,
}

/// How far a fit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many walk-forward fits are done.
    Folds {
        /// Done.
        done: usize,
        /// Of how many.
        total: usize,
    },
    /// The final fit has begun.
    Fitting,
    /// The judgement has begun.
    Judging,
}

/// Why there is no model.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TrainError {
    /// The span is too short or out of order.
    #[error("cannot train on this span: {0}; record or import more")]
    Split(#[from] SplitError),
    /// Least squares failed.
    #[error(transparent)]
    Ols(#[from] OlsError),
    /// LASSO failed.
    #[error(transparent)]
    Lasso(#[from] LassoError),
    /// The model cannot be sealed.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A plot could not be drawn.
    #[error("the report cannot be drawn: {0}")]
    Report(String),
    /// Rows and model disagree on features or horizon.
    #[error("model {model} wants {wanted}, the dataset has {found}")]
    OtherDataset {
        /// The model's id.
        model: String,
        /// Feature set and horizon of the model.
        wanted: String,
        /// Feature set and horizon of the dataset.
        found: String,
    },
}

/// A fitted and judged model that still lacks its signal threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The model; its threshold is zero.
    pub model: Model,
    /// Its predictions on the test part, in order of time.
    pub scored: Vec<Scored>,
}

/// A sealed model with the papers that go with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The model file.
    pub artifact: Artifact,
    /// The model card, Markdown.
    pub card: String,
    /// The report with its plots, HTML.
    pub report: String,
}

impl TrainSettings {
    /// The settings everything is judged with unless the operator says otherwise.
    #[must_use]
    pub fn standard(kind: ModelKind, target: Target, horizon_s: u32, seed: u64) -> Self {
        Self {
            kind,
            target,
            train_share: 0.7,
            embargo_s: horizon_s,
            outliers: OutlierRule { tail_share: 0.0005, label_deviations: 10.0 },
            lasso: LassoSettings { penalties: 30, smallest_share: 1e-3, folds: 5 },
            bootstrap: BootstrapSettings { block_s: 60, resamples: 500, level: 0.95, seed },
            code_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Fits a model on the earlier part of a dataset and judges it on the later.
///
/// # Errors
/// [`TrainError`].
pub fn fit(
    dataset: &Dataset,
    settings: &TrainSettings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fitted, TrainError> {
    let purge = Purge { horizon_s: dataset.horizon_s(), embargo_s: settings.embargo_s };
    let split = Split::chronological(dataset.seconds(), settings.train_share, purge)?;
    let rows = lasso::kept_rows(dataset, split.train.clone(), settings.outliers);
    let outliers = split.train.len() - rows.len();
    let design = Design::new(dataset, &rows, settings.outliers);
    let (coefficients, alpha) = match settings.kind {
        ModelKind::Ols => {
            progress(Progress::Fitting);
            (ols::fit(&design)?, None)
        }
        ModelKind::Lasso => {
            let total = settings.lasso.folds;
            let mut told = |done| progress(Progress::Folds { done, total });
            let part = (dataset, &split.train);
            let alpha =
                lasso::choose_alpha(part, purge, settings.outliers, settings.lasso, &mut told)?;
            progress(Progress::Fitting);
            (lasso::fit(&design, alpha)?, Some(alpha))
        }
    };
    progress(Progress::Judging);
    let mut model = assemble(dataset, settings, &design, &coefficients);
    model.provenance.train = span(dataset, &split.train);
    model.provenance.test = span(dataset, &split.test);
    model.provenance.outliers = outliers;
    model.provenance.alpha = alpha;
    let scored = predict_rows(&model, dataset, split.test);
    model.evaluation = evaluate(&scored, model.training_mean_bps, settings.bootstrap);
    model.error_bps = model.evaluation.model.rmse_bps;
    Ok(Fitted { model, scored })
}

/// Seals a fitted model with the signal threshold chosen for it and writes its papers.
///
/// # Errors
/// [`TrainError`] if it cannot be sealed or drawn.
pub fn finish(fitted: Fitted, spread_multiple: f64) -> Result<Trained, TrainError> {
    let Fitted { mut model, scored } = fitted;
    model.signal_spread_multiple = spread_multiple;
    let artifact = Artifact::seal(model)?;
    let card = card(&artifact);
    let report = report(&artifact, &scored).map_err(TrainError::Report)?;
    Ok(Trained { artifact, card, report })
}

/// Scores a model on every row of a dataset, beside the zero forecast.
///
/// # Errors
/// [`TrainError::OtherDataset`] if the dataset was built for other features or another horizon.
pub fn score(
    artifact: &Artifact,
    dataset: &Dataset,
    settings: BootstrapSettings,
) -> Result<(Evaluation, Vec<Scored>), TrainError> {
    let model = artifact.model();
    if dataset.set().schema_hash() != model.schema || dataset.horizon_s() != model.horizon_s {
        return Err(TrainError::OtherDataset {
            model: artifact.id().to_string(),
            wanted: format!("{} at {} s", model.feature_set, model.horizon_s),
            found: format!("{} at {} s", dataset.set(), dataset.horizon_s()),
        });
    }
    let scored = predict_rows(model, dataset, 0..dataset.len());
    Ok((evaluate(&scored, model.training_mean_bps, settings), scored))
}

fn predict_rows(model: &Model, dataset: &Dataset, rows: Range<usize>) -> Vec<Scored> {
    let weights = LinearWeights::new(model);
    rows.map(|row| Scored {
        second: dataset.seconds()[row],
        prediction: weights.predict(dataset.row(row)).0,
        label: dataset.labels()[row],
        spread_bps: dataset.spreads_bps()[row],
    })
    .collect()
}

fn span(dataset: &Dataset, rows: &Range<usize>) -> Span {
    let seconds = &dataset.seconds()[rows.clone()];
    Span {
        first: seconds.first().copied().unwrap_or_default(),
        last: seconds.last().copied().unwrap_or_default(),
        rows: seconds.len(),
    }
}

/// The model as fitted, not yet judged.
fn assemble(
    dataset: &Dataset,
    settings: &TrainSettings,
    design: &Design,
    coefficients: &[f64],
) -> Model {
    let mut kept = coefficients.iter();
    let columns = dataset.set().names().into_iter().zip(&design.transforms);
    let columns = columns.map(|(name, transform)| Column {
        name,
        fate: transform.fate,
        clip_lower: transform.bounds.clip.lower,
        clip_upper: transform.bounds.clip.upper,
        range_lower: transform.bounds.range.lower,
        range_upper: transform.bounds.range.upper,
        mean: transform.scaler.mean,
        scale: transform.scaler.scale,
        coefficient: match transform.fate {
            Fate::Kept => kept.next().copied().unwrap_or(0.0),
            Fate::Constant | Fate::Collinear => 0.0,
        },
    });
    Model {
        kind: settings.kind,
        target: settings.target,
        horizon_s: dataset.horizon_s(),
        feature_set: dataset.set().name().to_owned(),
        schema: dataset.set().schema_hash(),
        columns: columns.collect(),
        intercept: design.label_mean,
        training_mean_bps: design.label_mean,
        error_bps: 0.0,
        signal_spread_multiple: 0.0,
        provenance: Provenance {
            train: span(dataset, &(0..0)),
            test: span(dataset, &(0..0)),
            outliers: 0,
            embargo_s: settings.embargo_s,
            seed: settings.bootstrap.seed,
            alpha: None,
            code_version: settings.code_version.clone(),
        },
        evaluation: evaluate(&[], design.label_mean, settings.bootstrap),
    }
}
