//! `lobd data export`: seconds as CSV or as the field's (N, 43) array.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::{CommandError, Context};
use crate::store::{self, Tape, export};

use super::Selection;

/// Options of `lobd data export`.
///
/// Example: `lobd data export --symbol BTCUSDT --format npy --out btcusdt.npy`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As what.
    #[arg(long, value_enum)]
    format: Format,
    #[command(flatten)]
    selection: Selection,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// A line a second, exact decimals, every recorded field.
    Csv,
    /// A line a valid second: time, 10 × (ask price, ask quantity, bid price, bid quantity), log
    /// return in bps 10 s and 60 s ahead.
    Npy,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let tape = Tape::open_read_only(&store::tape_path(&context.data_dir()?))?;
    let (key, seconds) = args.selection.find(&tape)?;
    let rows = tape.scan(&key, seconds);
    let written = match args.format {
        Format::Csv => export::write_csv(rows, &args.out)?,
        Format::Npy => export::write_npy(rows, &args.out)?,
    };
    let output = context.output();
    if output.is_json() {
        return output.json(&json!({
            "instrument": key.to_string(), "rows": written, "file": args.out,
        }));
    }
    output.line(format!("{written} seconds of {key} written to {}", args.out.display()))
}
