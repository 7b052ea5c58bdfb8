//! `lobd evaluate`: live predictions against what came.

use serde::Serialize;

use crate::app::DataFolder;
use crate::app::live_score::{self, FEWEST_SCORED};
use crate::domain::{ModelId, Prediction};
use crate::predict::Interval;
use crate::store::Journal;

use super::training_span::SpanArgs;
use super::{CommandError, Context, Exit};

/// Seconds of the tape read past the last prediction: its horizon, and some.
const OUTCOME_S: i64 = 60;

/// Judges the predictions made live, as the journal has them, by what the tape says came.
///
/// Example: `lobd evaluate --from 2026-11-20T00:00:00Z --json`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    span: SpanArgs,
    /// Only this model's predictions [default: every model's].
    #[arg(long, value_name = "ID")]
    model: Option<ModelId>,
}

#[derive(Serialize)]
struct Answer {
    instrument: String,
    model: Option<ModelId>,
    predictions: usize,
    n: usize,
    r2_vs_zero: Option<f64>,
    skill_interval: Option<Interval>,
    correlation: Option<f64>,
    sign_hit_rate: Option<f64>,
    mae_bps: f64,
    rmse_bps: f64,
    enough: bool,
}

/// Runs `lobd evaluate`.
#[expect(clippy::unused_async, reason = "every command has the same shape")]
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let opened = args.span.open(context)?;
    let folder = DataFolder::new(&context.data_dir()?);
    let journal = Journal::open_read_only(&folder.journal())?;
    let mut predictions: Vec<Prediction> = Vec::new();
    for run in journal.runs()? {
        predictions.extend(live_score::predictions(&journal, run.run.epoch, opened.key.symbol)?);
    }
    let is_asked = |prediction: &Prediction| {
        opened.seconds.contains(&prediction.second)
            && args.model.is_none_or(|model| prediction.model == model)
    };
    predictions.retain(is_asked);
    let (Some(first), Some(last)) = (predictions.first(), predictions.last()) else {
        return Err(CommandError::message(
            Exit::Failure,
            format!("the journal holds no such prediction of {}", opened.key),
        )
        .remedy("name another --model or span; lobd run makes predictions"));
    };
    let until = last.second.plus(OUTCOME_S);
    let mids = live_score::mids(&opened.tape, &opened.key, first.second..until)?;
    let evaluation = live_score::evaluation(&live_score::scored(&predictions, &mids));
    let output = context.output();
    let metrics = &evaluation.model;
    if output.is_json() {
        return output.json(&Answer {
            instrument: opened.key.to_string(),
            model: args.model,
            predictions: predictions.len(),
            n: metrics.n,
            r2_vs_zero: metrics.r2_vs_zero,
            skill_interval: evaluation.skill_interval,
            correlation: metrics.correlation,
            sign_hit_rate: metrics.sign_hit_rate,
            mae_bps: metrics.mae_bps,
            rmse_bps: metrics.rmse_bps,
            enough: metrics.n >= FEWEST_SCORED,
        });
    }
    output.line(format!(
        "{} live predictions of {}, the outcome of {} is on the tape",
        predictions.len(),
        opened.key,
        metrics.n
    ))?;
    if metrics.n < FEWEST_SCORED {
        output.line(format!("fewer than {FEWEST_SCORED} say nothing of the model's skill"))?;
    }
    super::score::table(output, &evaluation)
}
