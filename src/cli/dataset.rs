//! `lobd dataset`: the exact matrix that training sees, for people's own Python.

use std::fmt::Write as _;
use std::path::PathBuf;

use ndarray::Array2;
use ndarray_npy::WriteNpyExt;
use serde::Serialize;

use crate::app::training::{self, TrainingError};
use crate::features::{Dataset, FeatureSet};
use crate::store::atomic::write_atomically;

use super::training_span::{SpanArgs, parse_horizon};
use super::{CommandError, Context, Exit};

/// Writes the labelled feature matrix of a span.
///
/// Columns: `second` (Unix), the features by name, `spread_bps_at_second`, `label_bps`.
///
/// Example: `lobd dataset --features imbalance10 --out nexo.npy`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    span: SpanArgs,
    /// The feature set: imbalance10, flow or full.
    #[arg(long, value_name = "SET", default_value_t = FeatureSet::Flow)]
    features: FeatureSet,
    /// How far ahead the label looks.
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = parse_horizon)]
    horizon: u32,
    /// Where to write: a name ending in .npy or .csv.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Answer {
    file: String,
    instrument: String,
    rows: usize,
    columns: Vec<String>,
}

/// Runs `lobd dataset`.
#[expect(clippy::unused_async, reason = "every command has the same shape")]
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let encode = match args.out.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => csv,
        Some("npy") => npy,
        Some(_) | None => {
            let message = format!("cannot tell the format of {}", args.out.display());
            return Err(
                CommandError::message(Exit::Usage, message).remedy("end the name in .npy or .csv")
            );
        }
    };
    let opened = args.span.open(context)?;
    let dataset =
        training::dataset(&opened.tape, &opened.key, opened.seconds, args.features, args.horizon)?;
    write_atomically(&args.out, &encode(&dataset)?).map_err(TrainingError::from)?;
    let answer = Answer {
        file: args.out.display().to_string(),
        instrument: opened.key.to_string(),
        rows: dataset.len(),
        columns: columns(&dataset),
    };
    let output = context.output();
    if output.is_json() {
        return output.json(&answer);
    }
    output.line(format!(
        "{} rows of {} columns in {}: {}",
        answer.rows,
        answer.columns.len(),
        answer.file,
        answer.columns.join(", ")
    ))
}

fn columns(dataset: &Dataset) -> Vec<String> {
    let mut columns = vec!["second".to_owned()];
    columns.extend(dataset.set().names());
    columns.extend(["spread_bps_at_second", "label_bps"].map(str::to_owned));
    columns
}

fn csv(dataset: &Dataset) -> Result<Vec<u8>, CommandError> {
    let mut text = columns(dataset).join(",");
    text.push('\n');
    for row in 0..dataset.len() {
        let mut write = || -> std::fmt::Result {
            write!(text, "{}", dataset.seconds()[row].unix())?;
            for value in dataset.row(row) {
                write!(text, ",{value}")?;
            }
            writeln!(text, ",{},{}", dataset.spreads_bps()[row], dataset.labels()[row])
        };
        write().map_err(|error| CommandError::new(Exit::Failure, error))?;
    }
    Ok(text.into_bytes())
}

fn npy(dataset: &Dataset) -> Result<Vec<u8>, CommandError> {
    let mut values = Vec::with_capacity(dataset.len() * (dataset.width() + 3));
    for row in 0..dataset.len() {
        #[expect(clippy::cast_precision_loss, reason = "Unix seconds stay far below 2^53")]
        values.push(dataset.seconds()[row].unix() as f64);
        values.extend_from_slice(dataset.row(row));
        values.extend([dataset.spreads_bps()[row], dataset.labels()[row]]);
    }
    let failed = |error: String| CommandError::message(Exit::Failure, error);
    let matrix = Array2::from_shape_vec((dataset.len(), dataset.width() + 3), values)
        .map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    matrix.write_npy(&mut bytes).map_err(|error| failed(error.to_string()))?;
    Ok(bytes)
}
