//! `lobd train`: fits a model on the tape, judges it, and promotes it if asked and if it passes.

use std::time::Duration;

use clap::ValueEnum;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::app::training::{self, TrainingError};
use crate::domain::ModelId;
use crate::features::FeatureSet;
use crate::predict::{Evaluation, Fate, ModelKind};
use crate::train::gates::{self, Gate};
use crate::train::{Progress, TrainSettings, Trained, finish, fit};

use super::training_span::{Opened, SpanArgs, parse_horizon};
use super::{CommandError, Context, Exit, Output};

/// Fits a model on the tape and judges it on the span's later part.
///
/// Example: `lobd train --symbol BTCUSDT --model lasso --promote`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    span: SpanArgs,
    /// The estimator.
    #[arg(long, value_enum, default_value_t = Kind::Ols)]
    model: Kind,
    /// The feature set: imbalance10, flow or full.
    #[arg(long, value_name = "SET", default_value_t = FeatureSet::Flow)]
    features: FeatureSet,
    /// How far ahead to predict.
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = parse_horizon)]
    horizon: u32,
    /// Multiples of the spread that a predicted move must exceed to be a signal.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    signal_spread_multiple: f64,
    /// Seed of what is drawn: the intervals' resamples.
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// Put the model in charge if it passes every gate.
    #[arg(long)]
    promote: bool,
}

/// The estimators on offer.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Ordinary least squares.
    Ols,
    /// Least squares with a penalty that silences weak features.
    Lasso,
}

#[derive(Serialize)]
struct Answer<'a> {
    id: ModelId,
    instrument: String,
    features: &'a str,
    metrics: &'a Evaluation,
    dropped: Vec<&'a str>,
    promoted: bool,
    gates: Vec<GateAnswer<'a>>,
}

#[derive(Serialize)]
struct GateAnswer<'a> {
    name: &'a str,
    passed: bool,
    reason: &'a str,
}

/// Runs `lobd train`.
#[expect(clippy::unused_async, reason = "every command has the same shape")]
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let opened = args.span.open(context)?;
    let kind = match args.model {
        Kind::Ols => ModelKind::Ols,
        Kind::Lasso => ModelKind::Lasso,
    };
    let target = training::target(&opened.key);
    let settings = TrainSettings::standard(kind, target, args.horizon, args.seed);
    let trained = train(args, &opened, &settings)?;
    training::save(&opened.models, &opened.key, &trained)?;
    let id = trained.artifact.id();
    let gates =
        training::judge(&opened.tape, &opened.models, &trained.artifact, None, settings.bootstrap)?;
    let promoted = args.promote && gates::all_passed(&gates);
    if promoted {
        training::promote(&opened.models, &opened.key, id, context.clock().now())?;
    }
    print(context.output(), (&opened, &trained), &gates, promoted)?;
    if args.promote && !promoted {
        return Err(CommandError::message(
            Exit::VerificationFailed,
            format!("{id} is not promoted"),
        )
        .remedy("see the gates that failed; the model stays stored"));
    }
    Ok(())
}

fn train(args: &Args, opened: &Opened, settings: &TrainSettings) -> Result<Trained, CommandError> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    let say = |what: String| {
        if bar.is_hidden() {
            tracing::info!("{what}");
        } else {
            bar.set_message(what);
        }
    };
    say("reading the tape".to_owned());
    let Opened { tape, key, seconds, .. } = opened;
    let dataset = training::dataset(tape, key, seconds.clone(), args.features, args.horizon)?;
    say(format!("{} labelled seconds, {} features", dataset.len(), dataset.width()));
    let fitted = fit(&dataset, settings, &mut |progress| {
        say(match progress {
            Progress::Folds { done, total } => format!("choosing the penalty: {done} of {total}"),
            Progress::Fitting => "fitting".to_owned(),
            Progress::Judging => "judging".to_owned(),
        });
    })
    .map_err(TrainingError::from)?;
    let trained = finish(fitted, args.signal_spread_multiple).map_err(TrainingError::from)?;
    bar.finish_and_clear();
    Ok(trained)
}

fn print(
    output: Output,
    (opened, trained): (&Opened, &Trained),
    gates: &[Gate],
    promoted: bool,
) -> Result<(), CommandError> {
    let model = trained.artifact.model();
    let dropped: Vec<&str> = model.dropped().map(|(name, _)| name).collect();
    if output.is_json() {
        let gates = gates.iter();
        return output.json(&Answer {
            id: trained.artifact.id(),
            instrument: opened.key.to_string(),
            features: &model.feature_set,
            metrics: &model.evaluation,
            dropped,
            promoted,
            gates: gates
                .map(|gate| GateAnswer {
                    name: gate.name,
                    passed: gate.passed,
                    reason: &gate.reason,
                })
                .collect(),
        });
    }
    let (train, test) = (model.provenance.train.rows, model.provenance.test.rows);
    output.line(format!(
        "{} for {}: fitted on {train} seconds, judged on {test}",
        trained.artifact.id(),
        model.target
    ))?;
    super::score::table(output, &model.evaluation)?;
    for (name, fate) in model.dropped() {
        let reason = match fate {
            Fate::Collinear => "collinear with earlier columns",
            Fate::Constant | Fate::Kept => "never varied",
        };
        output.line(format!("dropped {name}: {reason}"))?;
    }
    for gate in gates {
        let verdict = if gate.passed { "passed" } else { "FAILED" };
        output.line(format!("{verdict}: {} ({})", gate.name, gate.reason))?;
    }
    output.line(if promoted {
        "promoted: it trades from the next second on"
    } else {
        "not promoted"
    })
}
