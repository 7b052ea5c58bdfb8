//! Running a journal again: the same events must lead to the same commands, byte for byte (I15).

use crate::domain::Timestamp;
use crate::engine::{Command, Event, TradingEngine};

use super::record::{self, Record};
use super::{Journal, StoreError};

/// What a replay of one run found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Replay {
    /// Events replayed.
    pub events: u64,
    /// Commands that came out as they were journalled.
    pub commands: u64,
    /// The first event at which something else came out.
    pub difference: Option<Difference>,
}

/// The first event whose commands are not those journalled.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The event's number.
    pub sequence: i64,
    /// What kind of event.
    pub event: &'static str,
    /// The commands journalled, in hexadecimal.
    pub expected: Vec<String>,
    /// The commands that came out now: what they are, and in hexadecimal.
    pub got: Vec<(String, String)>,
}

/// One event or command of an order's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The number of the event it is, or that led to it.
    pub sequence: i64,
    /// When the engine learnt of that event.
    pub now: Timestamp,
    /// Whether it was decided here rather than told by the outside.
    pub is_command: bool,
    /// What it was.
    pub text: String,
}

impl Journal {
    /// Runs the engine again over a run's events and compares what comes out, byte for byte, up to
    /// the first difference.
    ///
    /// # Errors
    /// [`StoreError::CorruptEvent`] or a failure to read.
    pub fn replay(&self, epoch: u32) -> Result<Replay, StoreError> {
        let mut replay = Replay::default();
        self.again(epoch, |record, commands| {
            let got = commands
                .iter()
                .map(record::command_bytes)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|detail| self.unreadable(record.sequence, detail))?;
            replay.events += 1;
            if got == record.commands {
                replay.commands += got.len() as u64;
                return Ok(true);
            }
            replay.difference = Some(Difference {
                sequence: record.sequence,
                event: record::event_kind(&record.event),
                expected: record.commands.iter().map(hex::encode).collect(),
                got: commands
                    .iter()
                    .map(|command| format!("{command:?}"))
                    .zip(got.iter().map(hex::encode))
                    .collect(),
            });
            Ok(false)
        })?;
        Ok(replay)
    }

    /// Everything that was told or decided about one order, by running its run again.
    ///
    /// # Errors
    /// [`StoreError::CorruptEvent`] or a failure to read.
    pub fn explain(&self, epoch: u32, client_order_id: &str) -> Result<Vec<Step>, StoreError> {
        // Ids are shown in quotes, so that no id is taken for the head of a longer one.
        let quoted = format!("{client_order_id:?}");
        let mut steps = Vec::new();
        self.again(epoch, |record, commands| {
            let (sequence, now) = (record.sequence, record.now);
            // A second of the market concerns every order and names none.
            let event = (!matches!(record.event, Event::Second(_)))
                .then(|| (false, format!("{:?}", record.event)));
            let decided = commands.iter().map(|command| (true, format!("{command:?}")));
            steps.extend(event.into_iter().chain(decided).filter_map(|(is_command, text)| {
                text.contains(&quoted).then_some(Step { sequence, now, is_command, text })
            }));
            Ok(true)
        })?;
        Ok(steps)
    }

    /// Feeds a run's events to a new engine for as long as `visit` says so.
    fn again(
        &self,
        epoch: u32,
        mut visit: impl FnMut(&Record, &[Command]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut engine = TradingEngine::default();
        for record in self.records(epoch) {
            let record = record?;
            let commands = engine.handle(record.now, record.event.clone());
            if !visit(&record, &commands)? {
                break;
            }
        }
        Ok(())
    }
}
