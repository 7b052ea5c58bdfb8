//! `lobd data`: import, export, gaps and check of the tape.

mod check;
mod export;
mod gaps;
mod import;

use std::ops::Range;

use crate::domain::{Second, Timestamp};
use crate::store::{InstrumentKey, Tape};

use super::{CommandError, Context, Exit};

/// Imports, exports and examines recorded seconds.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Stores other people's recordings as seconds; what is there already is skipped.
    ///
    /// Example: `lobd data import --format binance-depth usdm_btcusdt_20230404.dat.gz`
    Import(import::Args),
    /// Writes seconds to a file other tools read.
    ///
    /// Example: `lobd data export --symbol BTCUSDT --format npy --out btcusdt.npy`
    Export(export::Args),
    /// Lists the seconds that are stale, missing or absent, with the reason.
    ///
    /// Example: `lobd data gaps --symbol BTCUSDT --json`
    Gaps(gaps::Args),
    /// Reads every page and every row.
    ///
    /// Example: `lobd data check && echo sound`
    Check,
}

/// Which seconds of which instrument.
#[derive(Debug, clap::Args)]
struct Selection {
    /// Which instrument: BTCUSDT, usdm:BTCUSDT or production:usdm:BTCUSDT.
    #[arg(long)]
    symbol: String,
    /// The first second, in RFC 3339 [default: the first on the tape].
    #[arg(long)]
    from: Option<Timestamp>,
    /// The first second no longer wanted, in RFC 3339 [default: after the last on the tape].
    #[arg(long)]
    to: Option<Timestamp>,
}

/// Runs `lobd data`.
#[expect(clippy::unused_async, reason = "every command has the same shape")]
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    match &args.action {
        Action::Import(args) => import::run(args, context),
        Action::Export(args) => export::run(args, context),
        Action::Gaps(args) => gaps::run(args, context),
        Action::Check => check::run(context),
    }
}

impl Selection {
    /// Finds the instrument and the seconds meant.
    fn find(&self, tape: &Tape) -> Result<(InstrumentKey, Range<Second>), CommandError> {
        let key = tape.resolve(&self.symbol)?;
        Ok((key, span(tape, &key, self.from, self.to)?))
    }
}

/// The seconds from `from` up to `to`, by default all that are held.
fn span(
    tape: &Tape,
    key: &InstrumentKey,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<Range<Second>, CommandError> {
    let held = tape.span(key)?;
    let held =
        held.map_or(Second::default()..Second::default(), |held| held.first..held.last.next());
    let seconds = from.map_or(held.start, at_or_after)..to.map_or(held.end, at_or_after);
    if seconds.start > seconds.end {
        let message = format!("--from {} is after --to {}", seconds.start, seconds.end);
        return Err(CommandError::message(Exit::Usage, message));
    }
    Ok(seconds)
}

/// The first second that ends at or after a moment.
fn at_or_after(moment: Timestamp) -> Second {
    let next = moment.second();
    if next.plus(-1).end() == moment { next.plus(-1) } else { next }
}
