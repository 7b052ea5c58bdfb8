//! `lobd backtest`: the same engine over the tape.

use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;

use crate::app::trial::{self, TrialSettings};
use crate::app::{backtest_page, training};
use crate::domain::{FeeRates, ModelId, Second};
use crate::predict::Artifact;
use crate::sim::BacktestReport;
use crate::store::atomic::write_atomically;

use super::training_span::SpanArgs;
use super::{CommandError, Context, Exit, simulated, train};

/// Trades a stored model on the tape, in simulation: the same engine, latency, queues and fees.
///
/// Without --from and --to the span is the model's test part, which it was not fitted on.
///
/// Example: `lobd backtest --model ols-3fa92c51 --report backtest.html`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    span: SpanArgs,
    /// Which model [default: the promoted one].
    #[arg(long, value_name = "ID")]
    model: Option<ModelId>,
    /// Write a page with the equity curve and the figures.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Seed of the simulated latency.
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
}

#[derive(Serialize)]
struct Answer<'a> {
    model: ModelId,
    instrument: String,
    from: Second,
    to: Second,
    /// Whether the span is disjoint from what the model was fitted on.
    out_of_sample: bool,
    fee_rates: FeeRates,
    #[serde(flatten)]
    report: &'a BacktestReport,
}

/// Runs `lobd backtest`.
#[expect(clippy::unused_async, reason = "every command has the same shape")]
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let opened = args.span.open(context)?;
    let artifact = training::load(&opened.models, &opened.key, args.model)?;
    let has_span = args.span.from.is_some() || args.span.to.is_some();
    let test = artifact.model().provenance.test;
    let seconds = if has_span { opened.seconds.clone() } else { test.first..test.last.next() };
    let frames = trial::frames(&opened.tape, &opened.key, seconds)?;
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        return Err(CommandError::message(
            Exit::Failure,
            format!("the tape holds nothing of {} in that span", opened.key),
        )
        .remedy("see what there is with lobd data gaps"));
    };
    let traded = first.second..last.second.next();
    let trading = context.trading_settings(opened.key.environment)?;
    let settings = TrialSettings::offline(&opened.tape, &opened.key, trading, args.seed)?;
    let report = trial::trade(&artifact, &frames, &settings)?;
    let id = artifact.id();
    if let Some(path) = &args.report {
        let page = backtest_page::page(&format!("{id} on {}", opened.key), &report, settings.fees)
            .map_err(|error| CommandError::message(Exit::Failure, error))?;
        write_atomically(path, page.as_bytes())?;
    }
    let out_of_sample = is_out_of_sample(&artifact, &traded);
    let output = context.output();
    if output.is_json() {
        return output.json(&Answer {
            model: id,
            instrument: opened.key.to_string(),
            from: traded.start,
            to: traded.end,
            out_of_sample,
            fee_rates: settings.fees,
            report: &report,
        });
    }
    let span = if has_span { "the span asked for" } else { "the model's test part" };
    output.line(format!(
        "{id} on {}, {span}: {} to {}, {} seconds{}",
        opened.key,
        traded.start,
        traded.end,
        report.seconds,
        train::shortable_note(settings.instrument.market),
    ))?;
    if !out_of_sample {
        output.line("the span overlaps what the model was fitted on: this is no test")?;
    }
    simulated::backtests(output, [(id.to_string(), &report)], settings.fees)?;
    let most = report.why_not.iter().max_by_key(|(_, count)| **count);
    if let Some((reason, count)) = most {
        output.line(format!("no entry most often because: {reason} ({count} seconds)"))?;
    }
    args.report.as_ref().map_or(Ok(()), |path| output.line(format!("report in {}", path.display())))
}

fn is_out_of_sample(artifact: &Artifact, traded: &Range<Second>) -> bool {
    let fitted = artifact.model().provenance.train;
    traded.start > fitted.last || traded.end <= fitted.first
}
