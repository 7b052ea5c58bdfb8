//! One journalled event as bytes, and the hash that ties it to all before it.

use sha2::{Digest, Sha256};

use crate::domain::Timestamp;
use crate::engine::{Command, Event};

/// The layout of event payloads; a change of `Event` that postcard cannot read raises it. 1 and 2
/// had fewer limits among the settings a run starts with, and knew no listings, no income and no
/// last trade's time.
pub(super) const EVENT_LAYOUT: u32 = 3;

/// SHA-256 of an event and, through its predecessor's hash, of everything before it.
pub(super) type Hash = [u8; 32];

/// One event as journalled, with the commands it led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number, counted over all runs.
    pub sequence: i64,
    /// The run's epoch.
    pub epoch: u32,
    /// When the engine learnt of it.
    pub now: Timestamp,
    /// What happened.
    pub event: Event,
    /// What was decided, serialised byte for byte as it was then.
    pub commands: Vec<Vec<u8>>,
}

/// An event on its way to the disk.
#[derive(Debug)]
pub(super) struct PendingEvent {
    pub(super) sequence: i64,
    pub(super) epoch: u32,
    pub(super) now: Timestamp,
    pub(super) event: Event,
    pub(super) payload: Vec<u8>,
    /// Kind and bytes of each command.
    pub(super) commands: Vec<(&'static str, Vec<u8>)>,
    /// The same commands as values, to derive orders from.
    pub(super) intents: Vec<Command>,
}

impl PendingEvent {
    pub(super) fn new(
        sequence: i64,
        epoch: u32,
        now: Timestamp,
        event: &Event,
    ) -> Result<Self, String> {
        let payload = postcard::to_stdvec(event).map_err(|error| error.to_string())?;
        let event = event.clone();
        let (commands, intents) = (Vec::new(), Vec::new());
        Ok(Self { sequence, epoch, now, event, payload, commands, intents })
    }

    pub(super) fn add_commands(&mut self, intents: &[Command]) -> Result<(), String> {
        for command in intents {
            self.commands.push((command_kind(command), command_bytes(command)?));
            self.intents.push(command.clone());
        }
        Ok(())
    }

    pub(super) fn hash_after(&self, previous: &Hash) -> Hash {
        let commands = self.commands.iter().map(|(_, payload)| payload.as_slice());
        let head = Head { sequence: self.sequence, epoch: self.epoch, now: self.now };
        chain(previous, head, &self.payload, commands)
    }
}

/// An event as it is stored, before its payload is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredEvent {
    pub(super) head: Head,
    pub(super) kind: String,
    /// The layout of its payload.
    pub(super) version: u32,
    pub(super) payload: Vec<u8>,
    pub(super) hash: Hash,
    /// Kind and bytes of each command.
    pub(super) commands: Vec<(String, Vec<u8>)>,
}

impl StoredEvent {
    /// What its hash has to be after that of its predecessor.
    pub(super) fn hash_after(&self, previous: &Hash) -> Hash {
        let commands = self.commands.iter().map(|(_, payload)| payload.as_slice());
        chain(previous, self.head, &self.payload, commands)
    }
}

/// What names an event besides its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) sequence: i64,
    pub(super) epoch: u32,
    pub(super) now: Timestamp,
}

/// The hash of a record that follows `previous`. Lengths go in, so that no two records that differ
/// feed the same bytes.
pub(super) fn chain<'a>(
    previous: &Hash,
    head: Head,
    payload: &'a [u8],
    commands: impl Iterator<Item = &'a [u8]>,
) -> Hash {
    let mut digest = Sha256::new();
    digest.update(previous);
    digest.update(head.sequence.to_le_bytes());
    digest.update(head.epoch.to_le_bytes());
    digest.update(head.now.nanos().to_le_bytes());
    for bytes in std::iter::once(payload).chain(commands) {
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    }
    digest.finalize().into()
}

/// A command exactly as it is journalled and compared in a replay.
pub(super) fn command_bytes(command: &Command) -> Result<Vec<u8>, String> {
    postcard::to_stdvec(command).map_err(|error| error.to_string())
}

/// The word for an event, in the journal and at fail points.
#[must_use]
pub const fn event_kind(event: &Event) -> &'static str {
    match event {
        Event::Started(_) => "started",
        Event::Second(_) => "second",
        Event::Prediction(_) => "prediction",
        Event::Order(_) => "order",
        Event::PlaceFailed { .. } => "place_failed",
        Event::CancelFailed { .. } => "cancel_failed",
        Event::QueryFailed { .. } => "query_failed",
        Event::Fill(_) => "fill",
        Event::Stop(_) => "stop",
        Event::PlaceStopFailed { .. } => "place_stop_failed",
        Event::CancelStopFailed { .. } => "cancel_stop_failed",
        Event::QueryStopFailed { .. } => "query_stop_failed",
        Event::Position { .. } => "position",
        Event::PositionFailed { .. } => "position_failed",
        Event::Account(_) => "account",
        Event::AccountFailed(_) => "account_failed",
        Event::Feed { .. } => "feed",
        Event::ClockOffset { .. } => "clock_offset",
        Event::Journal { .. } => "journal",
        Event::Model { .. } => "model",
        Event::Operator(_) => "operator",
        Event::Shutdown => "shutdown",
        Event::Tick => "tick",
        Event::External { .. } => "external",
        Event::Rules(_) => "rules",
        Event::OrderAnswer(_) => "order_answer",
        Event::StopAnswer(_) => "stop_answer",
        Event::CountdownSet { .. } => "countdown_set",
        Event::CountdownFailed { .. } => "countdown_failed",
        Event::Listing { .. } => "listing",
        Event::Income { .. } => "income",
        Event::IncomeFailed(_) => "income_failed",
        Event::AccountChanged(_) => "account_changed",
        Event::Terms(_) => "terms",
        Event::TermsFailed(_) => "terms_failed",
    }
}

/// The word for a command, in the journal and at fail points.
#[must_use]
pub const fn command_kind(command: &Command) -> &'static str {
    match command {
        Command::Place(_) => "place",
        Command::Cancel { .. } => "cancel",
        Command::Query { .. } => "query",
        Command::PlaceStop(_) => "place_stop",
        Command::CancelStop { .. } => "cancel_stop",
        Command::QueryStop { .. } => "query_stop",
        Command::QueryPosition { .. } => "query_position",
        Command::QueryAccount { .. } => "query_account",
        Command::QueryIncome { .. } => "query_income",
        Command::QueryTerms { .. } => "query_terms",
        Command::Notify(_) => "notify",
        Command::TakeOver { .. } => "take_over",
        Command::Resolved { .. } => "resolved",
        Command::SetCountdown { .. } => "set_countdown",
    }
}
