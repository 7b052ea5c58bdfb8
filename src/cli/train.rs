//! `lobd train`: fits a model on the tape, judges it, and promotes it if asked and if it passes.

use std::time::Duration;

use clap::ValueEnum;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::app::candidate::{self, Candidate, CandidateError, CandidateSettings, Stage};
use crate::app::training;
use crate::app::trial::{TrialError, TrialSettings, Tuned};
use crate::domain::{Amount, FeeRates, Market, ModelId};
use crate::features::FeatureSet;
use crate::predict::{Evaluation, Fate, ModelKind};
use crate::sim::BacktestReport;
use crate::store::{TrainingLock, models_path};
use crate::train::Progress;
use crate::train::gates::Gate;
use crate::train::threshold::{Choice, Point};

use super::training_span::{Opened, SpanArgs, parse_horizon};
use super::{CommandError, Context, Exit, Output, simulated};

/// Fits a model on the tape and judges it on the span's later part.
///
/// With `--promote` and without `--symbol` it does so for each instrument on the tape.
///
/// Example: `lobd train --symbol BTCUSDT --model lasso`, or `lobd train --promote`
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
    /// Multiples of the spread that a predicted move must exceed to be a signal [default: chosen by
    /// simulated trading on the end of the training part].
    #[arg(long, value_name = "X", value_parser = threshold)]
    signal_spread_multiple: Option<f64>,
    /// Seed of what is drawn: the intervals' resamples and the simulated latency.
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
    signal_spread_multiple: f64,
    /// Absent if the threshold was given.
    threshold: Option<ThresholdAnswer<'a>>,
    backtest: BacktestAnswer,
    promoted: bool,
    gates: Vec<GateAnswer<'a>>,
}

#[derive(Serialize)]
struct ThresholdAnswer<'a> {
    choice: &'a Choice,
    remark: String,
    with_floor: &'a [Point],
    without_floor: &'a [Point],
}

#[derive(Serialize)]
struct BacktestAnswer {
    fee_rates: FeeRates,
    round_trips: u64,
    pnl_before_fees: Amount,
    pnl_after_fees: Amount,
    pnl_at_default_fees: Amount,
    max_drawdown: Amount,
    stop_losses: u64,
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
    // Whoever has no tape learns that first, and nothing is created.
    let symbols = args.span.recorded(context)?;
    let _alone = TrainingLock::acquire(&models_path(&context.data_dir()?))?;
    if !args.promote || args.span.symbol.is_some() {
        return train_one(args, &args.span, context);
    }
    let mut kept_out = Vec::new();
    for symbol in &symbols {
        let span = SpanArgs { symbol: Some(symbol.clone()), ..args.span.clone() };
        match train_one(args, &span, context) {
            Ok(()) => {}
            // One without a model that passes keeps nobody else from having one.
            Err(error) if symbols.len() > 1 && error.exit() != Exit::InputOutput => {
                tracing::warn!(symbol, reason = error.text(), "no model is promoted");
                kept_out.push(symbol.as_str());
            }
            Err(error) => return Err(error),
        }
    }
    if kept_out.is_empty() {
        return Ok(());
    }
    let message = format!("no model is promoted for {}", kept_out.join(", "));
    Err(CommandError::message(Exit::VerificationFailed, message)
        .remedy("see the gates that failed; an old model stays in charge"))
}

/// Trains and judges for one instrument.
fn train_one(args: &Args, span: &SpanArgs, context: &Context) -> Result<(), CommandError> {
    let opened = span.open(context)?;
    opened.tape.check_pages()?;
    let trading = context.trading_settings(opened.key.environment)?;
    let settings = CandidateSettings {
        kind: match args.model {
            Kind::Ols => ModelKind::Ols,
            Kind::Lasso => ModelKind::Lasso,
        },
        seconds: opened.seconds.clone(),
        features: args.features,
        horizon_s: args.horizon,
        threshold: args.signal_spread_multiple,
        trial: TrialSettings::offline(&opened.tape, &opened.key, trading, args.seed)?,
    };
    let candidate = train(&settings, &opened)?;
    let id = candidate.trained.artifact.id();
    let promoted = args.promote && candidate.passed();
    if promoted {
        training::promote(&opened.models, &opened.key, id, context.clock().now())?;
    }
    let output = context.output();
    if output.is_json() {
        output.json(&answer(&opened, &settings, &candidate, promoted))?;
    } else {
        print(output, (&settings, &candidate), promoted)?;
    }
    if args.promote && !promoted {
        return Err(CommandError::message(
            Exit::VerificationFailed,
            format!("{id} is not promoted"),
        )
        .remedy("see the gates that failed; the model stays stored"));
    }
    Ok(())
}

fn train(settings: &CandidateSettings, opened: &Opened) -> Result<Candidate, CommandError> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    let candidate = candidate::train(settings, (&opened.tape, &opened.models), &mut |stage| {
        let what = describe(stage);
        if bar.is_hidden() {
            tracing::info!("{what}");
        } else {
            bar.set_message(what);
        }
    });
    bar.finish_and_clear();
    Ok(candidate?)
}

fn describe(stage: Stage) -> String {
    match stage {
        Stage::Reading => "reading the tape".to_owned(),
        Stage::Fitting { rows, features, progress: None } => {
            format!("{rows} labelled seconds, {features} features")
        }
        Stage::Fitting { progress: Some(Progress::Folds { done, total }), .. } => {
            format!("choosing the penalty: {done} of {total}")
        }
        Stage::Fitting { progress: Some(Progress::Fitting), .. } => "fitting".to_owned(),
        Stage::Fitting { progress: Some(Progress::Judging), .. } => "judging".to_owned(),
        Stage::Threshold => "choosing the signal threshold by trading".to_owned(),
        Stage::Backtest => "trading the test part".to_owned(),
    }
}

fn answer<'a>(
    opened: &Opened,
    settings: &CandidateSettings,
    candidate: &'a Candidate,
    promoted: bool,
) -> Answer<'a> {
    let model = candidate.trained.artifact.model();
    let threshold = candidate.tuned.as_ref().map(|tuned: &Tuned| ThresholdAnswer {
        choice: &tuned.choice,
        remark: tuned.choice.remark(),
        with_floor: &tuned.with_floor,
        without_floor: &tuned.without_floor,
    });
    let report: &BacktestReport = &candidate.backtest;
    let gate =
        |gate: &'a Gate| GateAnswer { name: gate.name, passed: gate.passed, reason: &gate.reason };
    Answer {
        id: candidate.trained.artifact.id(),
        instrument: opened.key.to_string(),
        features: &model.feature_set,
        metrics: &model.evaluation,
        dropped: model.dropped().map(|(name, _)| name).collect(),
        signal_spread_multiple: model.signal_spread_multiple,
        threshold,
        backtest: BacktestAnswer {
            fee_rates: settings.trial.fees,
            round_trips: report.round_trips,
            pnl_before_fees: report.pnl_before_fees,
            pnl_after_fees: report.pnl_after_fees,
            pnl_at_default_fees: report.pnl_at_default_fees,
            max_drawdown: report.max_drawdown,
            stop_losses: report.stop_losses,
        },
        promoted,
        gates: candidate.gates.iter().map(gate).collect(),
    }
}

fn print(
    output: Output,
    (settings, candidate): (&CandidateSettings, &Candidate),
    promoted: bool,
) -> Result<(), CommandError> {
    let id = candidate.trained.artifact.id();
    let model = candidate.trained.artifact.model();
    let (train, test) = (model.provenance.train.rows, model.provenance.test.rows);
    output
        .line(format!("{id} for {}: fitted on {train} seconds, judged on {test}", model.target))?;
    super::score::table(output, &model.evaluation)?;
    for (name, fate) in model.dropped() {
        let reason = match fate {
            Fate::Collinear => "collinear with earlier columns",
            Fate::Constant | Fate::Kept => "never varied",
        };
        output.line(format!("dropped {name}: {reason}"))?;
    }
    if let Some(tuned) = &candidate.tuned {
        simulated::thresholds(output, &id.to_string(), tuned)?;
    }
    let shortable = shortable_note(settings.trial.instrument.market);
    output.line(format!("\nSimulated trading of the test part{shortable}:"))?;
    let backtest = [(id.to_string(), &candidate.backtest)];
    simulated::backtests(output, backtest, settings.trial.fees)?;
    for gate in &candidate.gates {
        let verdict = if gate.passed { "passed" } else { "FAILED" };
        output.line(format!("{verdict}: {} ({})", gate.name, gate.reason))?;
    }
    output.line(if promoted {
        "promoted: it trades from the next second on"
    } else {
        "not promoted"
    })
}

/// What must be said of trading a spot instrument in simulation.
pub(super) const fn shortable_note(market: Market) -> &'static str {
    match market {
        Market::Spot => ", simulated as if shortable",
        Market::Usdm | Market::Coinm => "",
    }
}

fn threshold(text: &str) -> Result<f64, String> {
    let threshold = text.parse::<f64>().ok();
    threshold
        .filter(|threshold| threshold.is_finite() && *threshold >= 0.0)
        .ok_or_else(|| "give a number of spreads, zero or more".to_owned())
}

impl From<CandidateError> for CommandError {
    fn from(error: CandidateError) -> Self {
        match error {
            CandidateError::Training(error) => error.into(),
            CandidateError::Trial(error) => error.into(),
        }
    }
}

impl From<TrialError> for CommandError {
    fn from(error: TrialError) -> Self {
        match error {
            TrialError::Store(error) => error.into(),
            TrialError::Artifact(_) => Self::new(Exit::VerificationFailed, error),
            TrialError::Sim(_) | TrialError::NoInstrument(_) => Self::new(Exit::Failure, error),
        }
    }
}
