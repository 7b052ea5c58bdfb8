//! `lobd journal`: proof that the journal is what was written, and what it says.

use serde::Serialize;

use crate::domain::Timestamp;
use crate::store::{self, Journal, Replay, RunSummary, StoreError};

use super::{CommandError, Context, Exit};

/// Verifies, replays and explains the journal.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Recomputes the chain of hashes over every event and command, derives fills and orders from
    /// them again, and runs the engine again from each daily checkpoint to the next.
    ///
    /// Example: `lobd journal verify --json`
    Verify,
    /// Runs the engine again over the events and compares every command, byte for byte.
    ///
    /// Example: `lobd journal replay --run 3`
    Replay {
        /// Only this run, by its number [default: all].
        #[arg(long)]
        run: Option<u32>,
        /// From the last daily checkpoint before this moment on, in RFC 3339 [default: all].
        #[arg(long)]
        since: Option<Timestamp>,
    },
    /// Tells an order's life: everything that was told or decided about it.
    ///
    /// Example: `lobd journal explain lobd-7f3a9c01-12-345`
    Explain {
        /// Its client order id, like lobd-7f3a9c01-12-345.
        order: String,
    },
}

#[derive(Serialize)]
struct ReplayedRun {
    run: u32,
    #[serde(flatten)]
    replay: Replay,
}

/// Runs `lobd journal`.
#[expect(clippy::unused_async, reason = "every command has the same shape")]
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let journal = Journal::open_read_only(&store::journal_path(&context.data_dir()?))?;
    match &args.action {
        Action::Verify => verify(&journal, context),
        Action::Replay { run, since } => replay(&journal, (*run, *since), context),
        Action::Explain { order } => explain(&journal, order, context),
    }
}

fn verify(journal: &Journal, context: &Context) -> Result<(), CommandError> {
    let found = journal.verify()?;
    let output = context.output();
    if output.is_json() {
        return output.json(&found);
    }
    let runs = journal.runs()?.len();
    if found.dropped > 0 {
        output.line(format!(
            "the first {} events were dropped by age; the hash they left vouches for them",
            found.dropped
        ))?;
    }
    if found.of_older_layouts > 0 {
        output.line(format!(
            "{} of the events are of an older lobd: their hashes hold, only it can replay them",
            found.of_older_layouts
        ))?;
    }
    if found.checkpoints_of_others > 0 {
        output.line(format!(
            "{} checkpoints are of another lobd: replays begin without them",
            found.checkpoints_of_others
        ))?;
    }
    if found.torn_tails.times > 0 {
        output.line(format!(
            "{} starts found the log torn and cut off {} pages of commits never reported",
            found.torn_tails.times, found.torn_tails.pages
        ))?;
    }
    output.line(format!(
        "{} events and {} commands of {runs} runs are as they were written; {} fills and {} orders \
         are what they say; {} checkpoints are arrived at",
        found.events, found.commands, found.fills, found.orders, found.checkpoints
    ))
}

fn replay(
    journal: &Journal,
    (run, since): (Option<u32>, Option<Timestamp>),
    context: &Context,
) -> Result<(), CommandError> {
    let runs = journal.runs()?;
    let chosen: Vec<&RunSummary> =
        runs.iter().filter(|found| run.is_none_or(|run| run == found.run.epoch)).collect();
    if let (true, Some(run)) = (chosen.is_empty(), run) {
        let message = format!("no run {run} in the journal; it holds {}", runs.len());
        return Err(CommandError::message(Exit::Usage, message));
    }
    for found in chosen {
        match journal.replay_since(found.run.epoch, since) {
            Ok(replay) => tell_replayed(found, replay, context)?,
            // Of the rest there is still something to say.
            Err(error @ StoreError::NoBeginning { .. }) if run.is_none() => {
                tracing::warn!(%error, "a run cannot be replayed");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn tell_replayed(
    found: &RunSummary,
    replay: Replay,
    context: &Context,
) -> Result<(), CommandError> {
    let (run, output) = (found.run.epoch, context.output());
    let difference = replay.difference.clone();
    if output.is_json() {
        output.json(&ReplayedRun { run, replay })?;
    } else {
        output.line(format!(
            "run {run} ({}, lobd {}): {} events from {} on, {} commands the same, byte for byte",
            found.started_at, found.version, replay.events, replay.begins_at, replay.commands
        ))?;
    }
    if let Some(difference) = difference {
        let message = format!(
            "run {run} differs first at event {} ({}): journalled {:?}, replayed {:?}",
            difference.sequence, difference.event, difference.expected, difference.got
        );
        return Err(CommandError::message(Exit::VerificationFailed, message)
            .remedy(format!("replay with the lobd that ran it, {}", found.version)));
    }
    Ok(())
}

fn explain(journal: &Journal, order: &str, context: &Context) -> Result<(), CommandError> {
    #[derive(Serialize)]
    struct Told<'a> {
        sequence: i64,
        at: String,
        decided: bool,
        what: &'a str,
    }
    // A derived id names its run: lobd-<installation>-<run>-<number>.
    let run: Option<u32> = order.split('-').nth(2).and_then(|epoch| epoch.parse().ok());
    let output = context.output();
    let mut steps = Vec::new();
    // A later run still hears of an order that an earlier one placed.
    for found in journal.runs()?.iter().filter(|found| run.is_none_or(|run| found.run.epoch >= run))
    {
        steps.extend(journal.explain(found.run.epoch, order)?);
    }
    if steps.is_empty() {
        let message = format!("the journal holds nothing about order {order:?}");
        return Err(CommandError::message(Exit::Failure, message)
            .remedy("see `lobd sql 'SELECT client_order_id FROM journal.orders'`"));
    }
    for step in &steps {
        if output.is_json() {
            let (sequence, at) = (step.sequence, step.now.to_string());
            output.json(&Told { sequence, at, decided: step.is_command, what: &step.text })?;
        } else {
            let arrow = if step.is_command { "decided" } else { "told   " };
            output.line(format!("{} #{} {arrow} {}", step.now, step.sequence, step.text))?;
        }
    }
    Ok(())
}
