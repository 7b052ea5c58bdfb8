//! `lobd score`: a stored model on a span of the tape, beside the zero forecast.

use serde::Serialize;

use crate::app::training::{self, TrainingError};
use crate::domain::ModelId;
use crate::features::FeatureSet;
use crate::predict::{ArtifactError, Evaluation, Interval, Metrics};
use crate::train::{TrainSettings, score};

use super::training_span::SpanArgs;
use super::{CommandError, Context, Output};

/// Scores a stored model on a span of the tape.
///
/// Example: `lobd score --from 2026-11-20T00:00:00Z --json`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    span: SpanArgs,
    /// Which model [default: the promoted one].
    #[arg(long, value_name = "ID")]
    model: Option<ModelId>,
    /// Seed of the interval's resamples.
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
}

#[derive(Serialize)]
struct Answer {
    model: ModelId,
    instrument: String,
    r2: Option<f64>,
    r2_vs_zero: Option<f64>,
    correlation: Option<f64>,
    mae_bps: f64,
    rmse_bps: f64,
    sign_hit_rate: Option<f64>,
    n: usize,
    /// Of `r2`.
    interval: Option<Interval>,
    /// Of `r2_vs_zero`.
    skill_interval: Option<Interval>,
    zero: Metrics,
}

/// Runs `lobd score`.
#[expect(clippy::unused_async, reason = "every command has the same shape")]
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let opened = args.span.open(context)?;
    let artifact = training::load(&opened.models, &opened.key, args.model)?;
    let model = artifact.model();
    let set: FeatureSet = model.feature_set.parse().map_err(|_| {
        TrainingError::from(ArtifactError::Schema {
            id: artifact.id(),
            set: model.feature_set.clone(),
        })
    })?;
    let dataset =
        training::dataset(&opened.tape, &opened.key, opened.seconds, set, model.horizon_s)?;
    let settings = TrainSettings::standard(model.kind, model.target, model.horizon_s, args.seed);
    let (evaluation, _) =
        score(&artifact, &dataset, settings.bootstrap).map_err(TrainingError::from)?;
    let output = context.output();
    if !output.is_json() {
        output.line(format!("{} on {} seconds of {}", artifact.id(), dataset.len(), opened.key))?;
        return table(output, &evaluation);
    }
    let Evaluation { model: metrics, zero, r2_interval, skill_interval, .. } = evaluation;
    output.json(&Answer {
        model: artifact.id(),
        instrument: opened.key.to_string(),
        r2: metrics.r2,
        r2_vs_zero: metrics.r2_vs_zero,
        correlation: metrics.correlation,
        mae_bps: metrics.mae_bps,
        rmse_bps: metrics.rmse_bps,
        sign_hit_rate: metrics.sign_hit_rate,
        n: metrics.n,
        interval: r2_interval,
        skill_interval,
        zero,
    })
}

/// Prints an evaluation as a table: the model beside the zero forecast.
pub(super) fn table(output: Output, evaluation: &Evaluation) -> Result<(), CommandError> {
    let figure = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), |f| format!("{f:.4}"));
    let row = |name: &str, value: fn(&Metrics) -> Option<f64>, interval: Option<Interval>| {
        let interval = interval.map_or_else(String::new, |interval| {
            format!("{:.4} to {:.4}", interval.lower, interval.upper)
        });
        vec![
            name.to_owned(),
            figure(value(&evaluation.model)),
            figure(value(&evaluation.zero)),
            interval,
        ]
    };
    let rows = [
        row("R²", |metrics| metrics.r2, evaluation.r2_interval),
        row("R² against zero", |metrics| metrics.r2_vs_zero, evaluation.skill_interval),
        row("correlation", |metrics| metrics.correlation, None),
        row("MSE, bps²", |metrics| Some(metrics.mse), None),
        row("MAE, bps", |metrics| Some(metrics.mae_bps), None),
        row("RMSE, bps", |metrics| Some(metrics.rmse_bps), None),
        row("sign right, non-zero moves", |metrics| metrics.sign_hit_rate, None),
    ];
    let interval = format!("{:.0} % interval", evaluation.level * 100.0);
    output.table(&["", "model", "zero forecast", &interval], rows)
}
