//! `lobd demo`: the whole loop on the embedded exchange.

mod report;
mod view;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::app::DataFolder;
use crate::app::demo::{DemoError, DemoSettings, DemoSummary, Live, Prepared, Stage, prepare};
use crate::domain::Second;
use crate::store::StoreError;
use crate::telemetry;

use super::run::{daemon_error, shutdown_on_signals};
use super::{CommandError, Context, Exit};

/// Where the demo's data goes unless a folder is named.
const DEFAULT_FOLDER: &str = "data/demo";

/// Runs the whole loop on the embedded exchange: history, training, backtest, live trading.
///
/// Needs no account, no network and no settings. Ctrl-C closes the position, reconciles and prints
/// the summary.
///
/// Example: `lobd demo --minutes 5 --seed 7 --headless --json`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Minutes of live trading, counted from the first prediction [default: until Ctrl-C].
    #[arg(long, value_name = "N")]
    minutes: Option<u32>,
    /// Seed of the market; the same seed makes the same history and the same models.
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// Hours of market history to generate and learn from.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=48))]
    hours: u32,
    /// No terminal view; log lines instead.
    #[arg(long)]
    headless: bool,
}

/// Runs `lobd demo`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let output = context.output();
    let has_view = !args.headless && !output.is_json() && std::io::stdout().is_terminal();
    let level = if has_view { "error" } else { "info" };
    telemetry::start(level, false)
        .map_err(|error| CommandError::new(Exit::Configuration, error))?;
    let interrupted = shutdown_on_signals()?;
    let settings = DemoSettings {
        data_dir: context
            .data_dir_argument()
            .map_or_else(|| PathBuf::from(DEFAULT_FOLDER), Clone::clone),
        seed: args.seed,
        history: Duration::from_secs(u64::from(args.hours) * 3_600),
    };
    let prepared = prepare_with_progress(&settings, context)?;
    if !output.is_json() {
        report::judgement(output, &prepared)?;
    }
    let Some(at) = prepared.promoted else {
        return Err(CommandError::message(
            Exit::VerificationFailed,
            "no model passed its gates, so none trades",
        )
        .remedy("try more history (--hours) or another --seed"));
    };
    let champion = &prepared.candidates[at].trained.artifact;
    let backtest_r2 = champion.model().evaluation.model.r2;
    let mut models = vec![champion.id().to_string()];
    models.extend(
        prepared
            .candidates
            .iter()
            .map(|candidate| candidate.trained.artifact.id().to_string())
            .filter(|id| *id != champion.id().to_string()),
    );
    let mut summary = trade(args, (&settings, prepared), has_view, context, &interrupted).await?;
    summary.backtest_r2 = backtest_r2;
    summary.models = models;
    report::summary(output, &summary, &settings.data_dir)?;
    verdict(&summary)
}

fn prepare_with_progress(
    settings: &DemoSettings,
    context: &Context,
) -> Result<Prepared, CommandError> {
    let style = "{msg:32} {wide_bar} {pos}/{len} s";
    let bar = ProgressBar::new(settings.history.as_secs());
    bar.set_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let mut told = None;
    let prepared = prepare(settings, context.clock().now(), &mut |stage| {
        let text = match stage {
            Stage::History { .. } => "recording market history".to_owned(),
            Stage::Training(kind) => format!("training {}", kind.name()),
            Stage::Backtest(kind) => format!("backtesting {}", kind.name()),
        };
        if let Stage::History { done, .. } = stage {
            bar.set_position(u64::from(done));
        }
        if told.as_ref() != Some(&text) {
            bar.set_message(text.clone());
            if bar.is_hidden() {
                tracing::info!("{text}");
            }
            told = Some(text);
        }
    });
    bar.finish_and_clear();
    prepared.map_err(|error| demo_error(&error))
}

async fn trade(
    args: &Args,
    (settings, prepared): (&DemoSettings, Prepared),
    has_view: bool,
    context: &Context,
    interrupted: &CancellationToken,
) -> Result<DemoSummary, CommandError> {
    let instrument = prepared.instrument.clone();
    let history = prepared.history.first..prepared.history.last.next();
    let mut prepared = Some(prepared);
    let live = Live::start(settings, &mut prepared, context.clock())
        .await
        .map_err(|error| demo_error(&error))?;
    let (began, run) = (live.began, live.run);
    let length = args.minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
    let screen = has_view.then(|| view::Screen::open(live.view(), interrupted.clone()));
    let outcome = live.run(length, interrupted).await;
    if let Some(screen) = screen {
        screen.close().await;
    }
    let last = outcome.map_err(|error| demo_error(&error))?;
    let spans = [history, began.second()..Second::from_unix(i64::MAX)];
    let folder = DataFolder::new(&settings.data_dir);
    DemoSummary::collect(&folder, &instrument, spans, run, &last)
        .map_err(|error| CommandError::new(Exit::InputOutput, error))
}

/// A demo that left a position or a discrepancy behind has failed, whatever it shows.
fn verdict(summary: &DemoSummary) -> Result<(), CommandError> {
    if summary.discrepancies > 0 {
        return Err(CommandError::message(
            Exit::VerificationFailed,
            format!("ledger and venue differed {} times", summary.discrepancies),
        )
        .remedy("see the log and lobd journal replay"));
    }
    if !summary.final_position.is_zero() {
        return Err(CommandError::message(
            Exit::VerificationFailed,
            format!("a position of {} is still open", summary.final_position),
        ));
    }
    Ok(())
}

fn demo_error(error: &DemoError) -> CommandError {
    match error {
        DemoError::Daemon(error) => daemon_error(error),
        DemoError::ForeignFolder(_) => CommandError::new(Exit::Usage, error),
        DemoError::Store(StoreError::Locked { .. }) => {
            CommandError::new(Exit::AlreadyRunning, error)
        }
        DemoError::Store(_) | DemoError::History(_) | DemoError::Sandbox(_) => {
            CommandError::new(Exit::InputOutput, error).remedy("check the data folder and its disk")
        }
        DemoError::Sim(_)
        | DemoError::Training(_)
        | DemoError::Candidate(_)
        | DemoError::Config(_) => CommandError::new(Exit::Failure, error),
    }
}
