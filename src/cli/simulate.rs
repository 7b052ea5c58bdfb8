//! `lobd simulate`: the whole application under seeded faults, in virtual time.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::app::simulation::{Counts, Outcome, SimulationSettings, simulate};
use crate::clock::SharedClock;
use crate::domain::Timestamp;
use crate::telemetry;

use super::{CommandError, Context, Exit};

/// Lines of progress where nobody watches a bar.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Simulates the whole application, seed by seed, under faults of every kind.
///
/// Daemon, disk, network and exchange live in this process and in virtual time; nothing outside it
/// is touched. The same seed always goes the same way. With `LOBD_LOG` set in the environment the
/// daemon's log of it is shown.
///
/// Example: `lobd simulate --seeds 200 --minutes 10`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many seeds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Simulated minutes of each.
    #[arg(long, value_name = "M", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    minutes: u64,
    /// The first seed; the others follow it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    first_seed: u64,
}

/// What a script reads.
#[derive(Debug, Serialize)]
struct Summary {
    seeds: u64,
    minutes: u64,
    failures: Vec<Failed>,
    simulated_seconds_per_second: f64,
    counts: Counts,
    /// What happened under each seed, hashed: the same wherever and whenever it is run.
    histories: BTreeMap<u64, String>,
}

/// A seed that broke a promise.
#[derive(Debug, Serialize)]
struct Failed {
    seed: u64,
    promise: &'static str,
    text: String,
    at_seconds: f64,
    troubles: Vec<String>,
    again: String,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    show_log_if_asked()?;
    let progress = Progress::new(args.seeds, context);
    let began = context.clock().now();
    let mut summary = Summary {
        seeds: args.seeds,
        minutes: args.minutes,
        failures: Vec::new(),
        simulated_seconds_per_second: 0.0,
        counts: Counts::default(),
        histories: BTreeMap::new(),
    };
    for seed in (args.first_seed..).take(usize::try_from(args.seeds).unwrap_or(usize::MAX)) {
        let outcome = simulate_apart(args, seed).await?;
        summary.counts.add(&outcome.counts);
        summary.histories.insert(seed, outcome.hash.clone());
        if let Some(failed) = failed(args, outcome) {
            if !context.output().is_json() {
                progress.say(&format!("{}\n  again: {}", told(&failed), failed.again));
            }
            summary.failures.push(failed);
        }
        progress.advance();
    }
    progress.finish();
    let simulated = args.seeds.saturating_mul(args.minutes).saturating_mul(60);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = simulated as f64 / context.clock().now().since(began).as_secs_f64().max(1e-9);
    summary.simulated_seconds_per_second = rate;
    report(&summary, context)
}

/// A simulation has a runtime of its own, which a thread of the runtime here cannot hold.
async fn simulate_apart(args: &Args, seed: u64) -> Result<Outcome, CommandError> {
    let length = Duration::from_secs(args.minutes * 60);
    let simulated =
        tokio::task::spawn_blocking(move || simulate(&SimulationSettings { seed, length }));
    simulated.await.map_err(|error| {
        let again = again(args, seed);
        CommandError::message(Exit::Failure, format!("seed {seed}: {error}")).remedy(again)
    })
}

fn failed(args: &Args, outcome: Outcome) -> Option<Failed> {
    let failure = outcome.failure?;
    Some(Failed {
        seed: failure.seed,
        promise: failure.promise,
        text: failure.text,
        at_seconds: failure.at.as_secs_f64(),
        troubles: failure.troubles,
        again: again(args, failure.seed),
    })
}

fn again(args: &Args, seed: u64) -> String {
    format!("LOBD_LOG=info lobd simulate --seeds 1 --first-seed {seed} --minutes {}", args.minutes)
}

fn told(failed: &Failed) -> String {
    let Failed { seed, promise, text, at_seconds, troubles, .. } = failed;
    let lately = if troubles.is_empty() { "nothing".to_owned() } else { troubles.join("; ") };
    format!("seed {seed} broke at {at_seconds:.1} s: {promise}\n  {text}\n  lately: {lately}")
}

fn report(summary: &Summary, context: &Context) -> Result<(), CommandError> {
    let output = context.output();
    let failures = summary.failures.len();
    if output.is_json() {
        output.json(summary)?;
    } else {
        let Summary { seeds, minutes, counts, simulated_seconds_per_second, .. } = summary;
        output.line(format!(
            "{seeds} seeds of {minutes} minutes: {failures} broke a promise; {} troubles, {} \
             restarts, {} requests ({} lost), {} orders, {} trades, {} valid seconds, {} events; \
             {simulated_seconds_per_second:.0} simulated seconds a second",
            counts.troubles,
            counts.restarts,
            counts.requests,
            counts.lost,
            counts.orders,
            counts.trades,
            counts.valid_seconds,
            counts.events,
        ))?;
    }
    match summary.failures.first() {
        None => Ok(()),
        Some(first) => {
            let message = format!("{failures} of {} seeds broke a promise", summary.seeds);
            let remedy = format!("run the first again: {}", first.again);
            Err(CommandError::message(Exit::Failure, message).remedy(remedy))
        }
    }
}

/// The daemon's log is of interest for one seed, not for a thousand.
#[expect(clippy::disallowed_methods, reason = "a simulation reads no settings file")]
fn show_log_if_asked() -> Result<(), CommandError> {
    let Ok(filter) = std::env::var("LOBD_LOG") else { return Ok(()) };
    telemetry::start(&filter, false).map_err(|error| CommandError::new(Exit::Configuration, error))
}

/// A bar on a terminal, a line now and then elsewhere.
struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    is_quiet: bool,
    clock: SharedClock,
    told: Cell<Timestamp>,
}

impl Progress {
    fn new(seeds: u64, context: &Context) -> Self {
        let (clock, is_quiet) = (context.clock(), context.output().is_json());
        let is_terminal = std::io::stderr().is_terminal();
        let bar = if is_terminal { ProgressBar::new(seeds) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {eta} left");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_length(seeds);
        let told = Cell::new(clock.now());
        Self { bar, is_terminal, is_quiet, clock, told }
    }

    fn advance(&self) {
        self.bar.inc(1);
        let now = self.clock.now();
        let is_due = now.since(self.told.get()) >= TELL_EVERY;
        if !self.is_terminal && !self.is_quiet && is_due {
            self.told.set(now);
            self.say(&format!(
                "{} of {} seeds",
                self.bar.position(),
                self.bar.length().unwrap_or_default()
            ));
        }
    }

    #[expect(clippy::print_stderr, reason = "progress goes to the terminal, not to the output")]
    fn say(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
