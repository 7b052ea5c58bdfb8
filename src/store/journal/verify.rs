//! Reading the journal back: in order, byte for byte, and with proof that it is what was written.

use std::collections::VecDeque;
use std::path::Path;

use rusqlite::{Connection, params};

use crate::domain::Timestamp;
use crate::engine::Event;

use super::record::{self, EVENT_LAYOUT, Hash, Head, Record};
use crate::store::error::StoreError;

/// Events read at a time.
const PAGE_EVENTS: i64 = 256;

/// What a verified journal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Verification {
    /// Events whose hashes and payloads are as written.
    pub events: u64,
    /// Events among them of a layout that this version no longer reads; their hashes hold.
    pub of_older_layouts: u64,
    /// Commands they led to.
    pub commands: u64,
}

/// A run's events in order. Ends after the first error.
#[derive(Debug)]
pub struct Records<'a> {
    raw: RawRecords<'a>,
}

/// An event before its payload is read.
#[derive(Debug)]
struct RawRecord {
    head: Head,
    version: u32,
    payload: Vec<u8>,
    hash: Vec<u8>,
    commands: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct RawRecords<'a> {
    connection: &'a Connection,
    path: &'a Path,
    epoch: Option<u32>,
    after: i64,
    page: VecDeque<RawRecord>,
    is_done: bool,
}

impl<'a> Records<'a> {
    pub(super) fn of_run(connection: &'a Connection, path: &'a Path, epoch: u32) -> Self {
        Self { raw: RawRecords::new(connection, path, Some(epoch)) }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let raw = match self.raw.next()? {
            Ok(raw) => raw,
            Err(error) => return Some(Err(error)),
        };
        let event = raw.event().map_err(|detail| StoreError::CorruptEvent {
            path: self.raw.path.to_owned(),
            sequence: raw.head.sequence,
            detail,
        });
        self.raw.is_done |= event.is_err();
        Some(event.map(|event| Record {
            sequence: raw.head.sequence,
            epoch: raw.head.epoch,
            now: raw.head.now,
            event,
            commands: raw.commands,
        }))
    }
}

impl RawRecord {
    fn event(&self) -> Result<Event, String> {
        if self.version != EVENT_LAYOUT {
            let version = self.version;
            return Err(format!("its layout is {version}, this lobd reads {EVENT_LAYOUT}"));
        }
        match postcard::take_from_bytes(&self.payload) {
            Ok((event, [])) => Ok(event),
            Ok((_, rest)) => Err(format!("{} bytes follow its payload", rest.len())),
            Err(error) => Err(format!("its payload cannot be read: {error}")),
        }
    }
}

impl<'a> RawRecords<'a> {
    fn new(connection: &'a Connection, path: &'a Path, epoch: Option<u32>) -> Self {
        Self { connection, path, epoch, after: 0, page: VecDeque::new(), is_done: false }
    }

    fn fill(&mut self) -> rusqlite::Result<()> {
        let mut events = self.connection.prepare_cached(
            "SELECT seq, epoch, now_ns, version, payload, hash FROM events \
             WHERE seq > ?1 AND (?2 IS NULL OR epoch = ?2) ORDER BY seq LIMIT ?3",
        )?;
        let mut commands = self
            .connection
            .prepare_cached("SELECT payload FROM commands WHERE seq = ?1 ORDER BY position")?;
        let mut rows = events.query(params![self.after, self.epoch, PAGE_EVENTS])?;
        while let Some(row) = rows.next()? {
            let sequence = row.get(0)?;
            let now = Timestamp::from_nanos(row.get(2)?);
            let commands =
                commands.query_map([sequence], |row| row.get(0))?.collect::<Result<_, _>>()?;
            self.page.push_back(RawRecord {
                head: Head { sequence, epoch: row.get(1)?, now },
                version: row.get(3)?,
                payload: row.get(4)?,
                hash: row.get(5)?,
                commands,
            });
            self.after = sequence;
        }
        Ok(())
    }
}

impl Iterator for RawRecords<'_> {
    type Item = Result<RawRecord, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() && !self.is_done {
            if let Err(source) = self.fill() {
                self.is_done = true;
                self.page.clear();
                return Some(Err(StoreError::database(self.path, source)));
            }
            self.is_done = self.page.is_empty();
        }
        self.page.pop_front().map(Ok)
    }
}

/// Recomputes the chain from the first event on.
pub(super) fn verify(connection: &Connection, path: &Path) -> Result<Verification, StoreError> {
    let mut verification = Verification::default();
    let mut previous: Hash = Hash::default();
    for (expected, raw) in (1..).zip(RawRecords::new(connection, path, None)) {
        let raw = raw?;
        let sequence = raw.head.sequence;
        let corrupt =
            |detail: String| StoreError::CorruptEvent { path: path.to_owned(), sequence, detail };
        if sequence != expected {
            return Err(corrupt(format!("event {expected} is missing before it")));
        }
        let commands = raw.commands.iter().map(Vec::as_slice);
        previous = record::chain(&previous, raw.head, &raw.payload, commands);
        if raw.hash != previous {
            return Err(corrupt("its hash is not that of what is written".to_owned()));
        }
        // An older lobd's payload is what was written, if this one cannot read it.
        if raw.version < EVENT_LAYOUT {
            verification.of_older_layouts += 1;
        } else {
            raw.event().map_err(corrupt)?;
        }
        verification.events += 1;
        verification.commands += raw.commands.len() as u64;
    }
    Ok(verification)
}
