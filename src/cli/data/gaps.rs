//! `lobd data gaps`: what a record lacks, and why.

use serde::Serialize;

use crate::cli::{CommandError, Context};
use crate::domain::Timestamp;
use crate::store::{self, Tape};

use super::span;

/// Options of `lobd data gaps`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which instrument [default: every one on the tape].
    #[arg(long)]
    symbol: Option<String>,
    /// The first second, in RFC 3339 [default: the first on the tape].
    #[arg(long)]
    from: Option<Timestamp>,
    /// The first second no longer wanted, in RFC 3339 [default: after the last on the tape].
    #[arg(long)]
    to: Option<Timestamp>,
}

#[derive(Serialize)]
struct Found {
    instrument: String,
    from: String,
    to: String,
    seconds: i64,
    kind: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let tape = Tape::open_read_only(&store::tape_path(&context.data_dir()?))?;
    let keys = match &args.symbol {
        Some(asked) => vec![tape.resolve(asked)?],
        None => tape.instruments().into_iter().collect(),
    };
    let mut found = Vec::new();
    for key in keys {
        let seconds = span(&tape, &key, args.from, args.to)?;
        found.extend(tape.gaps(&key, seconds)?.into_iter().map(|gap| Found {
            instrument: key.to_string(),
            from: gap.from.to_string(),
            to: gap.to.to_string(),
            seconds: gap.seconds(),
            kind: gap.kind.to_string(),
        }));
    }
    let output = context.output();
    if output.is_json() {
        return found.iter().try_for_each(|gap| output.json(gap));
    }
    if found.is_empty() {
        return output.line("no gaps: every second is valid");
    }
    let rows = found
        .into_iter()
        .map(|gap| vec![gap.instrument, gap.from, gap.to, gap.seconds.to_string(), gap.kind]);
    output.table(&["instrument", "from", "to", "seconds", "what"], rows)
}
