//! Arguments that `train`, `score` and `dataset` share: which instrument, which span, which horizon.

use std::ops::Range;

use crate::app::training::{self, TrainingError};
use crate::domain::{Second, Timestamp};
use crate::store::models::ModelStore;
use crate::store::{InstrumentKey, Tape, models_path, tape_path};

use super::{CommandError, Context, Exit};

/// Which part of the tape.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SpanArgs {
    /// Instrument, like BTCUSDT or spot:BTCUSDT [default: the only one on the tape].
    #[arg(long, value_name = "S")]
    pub(super) symbol: Option<String>,
    /// First moment of the span, RFC 3339 [default: the tape's first second].
    #[arg(long, value_name = "T")]
    pub(super) from: Option<Timestamp>,
    /// Moment the span ends before, RFC 3339 [default: the tape's end].
    #[arg(long, value_name = "T")]
    pub(super) to: Option<Timestamp>,
}

/// A tape opened for reading, the instrument, the span and the model store.
pub(super) struct Opened {
    pub(super) tape: Tape,
    pub(super) key: InstrumentKey,
    pub(super) seconds: Range<Second>,
    pub(super) models: ModelStore,
}

impl SpanArgs {
    /// The instruments on the tape that have a row; if none has, the refusal to choose.
    pub(super) fn recorded(&self, context: &Context) -> Result<Vec<String>, CommandError> {
        let tape = Tape::open_read_only(&tape_path(&context.data_dir()?));
        let tape = tape.map_err(TrainingError::from)?;
        let mut recorded = Vec::new();
        for key in tape.instruments() {
            if tape.span(&key).map_err(TrainingError::from)?.is_some() {
                recorded.push(key.to_string());
            }
        }
        if recorded.is_empty() {
            training::instrument(&tape, self.symbol.as_deref())?;
        }
        Ok(recorded)
    }

    /// Opens the tape and finds what the arguments name.
    pub(super) fn open(&self, context: &Context) -> Result<Opened, CommandError> {
        let data_dir = context.data_dir()?;
        let tape = Tape::open_read_only(&tape_path(&data_dir)).map_err(TrainingError::from)?;
        let key = training::instrument(&tape, self.symbol.as_deref())?;
        let whole = Second::from_unix(i64::MIN / 2)..Second::from_unix(i64::MAX / 2);
        let seconds = self.from.map_or(whole.start, first_at)..self.to.map_or(whole.end, first_at);
        if seconds.start >= seconds.end {
            return Err(CommandError::message(Exit::Usage, "--from is not before --to"));
        }
        Ok(Opened { tape, key, seconds, models: ModelStore::new(&models_path(&data_dir)) })
    }
}

/// The first second that ends at a moment or later.
fn first_at(moment: Timestamp) -> Second {
    Second::from_unix(moment.nanos().saturating_add(999_999_999).div_euclid(1_000_000_000))
}

/// Parses a horizon like `10s`, `2m` or `10`.
pub(super) fn parse_horizon(text: &str) -> Result<u32, String> {
    let (number, unit) = match (text.strip_suffix('s'), text.strip_suffix('m')) {
        (Some(number), _) => (number, 1),
        (None, Some(number)) => (number, 60),
        (None, None) => (text, 1),
    };
    let seconds = number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
    seconds
        .filter(|seconds| (1..=3_600).contains(seconds))
        .ok_or_else(|| "give seconds from 1s to 60m, like 10s".to_owned())
}

impl From<TrainingError> for CommandError {
    fn from(error: TrainingError) -> Self {
        let exit = match error {
            TrainingError::Store(error) => return error.into(),
            TrainingError::Artifact(_) => Exit::VerificationFailed,
            TrainingError::WhichInstrument(_) => Exit::Usage,
            TrainingError::Dataset(_)
            | TrainingError::Train(_)
            | TrainingError::NoCurrent(_)
            | TrainingError::UnknownModel(_) => Exit::Failure,
        };
        Self::new(exit, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_begins_with_the_first_second_that_ends_in_it() {
        let at = |text: &str| first_at(text.parse().unwrap()).unix();
        assert_eq!(at("1970-01-01T00:00:05Z"), 5);
        assert_eq!(at("1970-01-01T00:00:05.001Z"), 6);
    }

    #[test]
    fn horizons_are_seconds_or_minutes() {
        assert_eq!(parse_horizon("10s"), Ok(10));
        assert_eq!(parse_horizon("1m"), Ok(60));
        assert_eq!(parse_horizon("7"), Ok(7));
        for wrong in ["0s", "ten", "-1s", "2h", "99999999m"] {
            assert!(parse_horizon(wrong).is_err(), "{wrong}");
        }
    }
}
