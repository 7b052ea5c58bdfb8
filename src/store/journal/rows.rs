//! Journalled events in order, wherever they stand: in blocks of closed days, then in rows.
//!
//! Reads a page at a time, so that no lock is held for long. Each page is one snapshot: events that
//! are packed between two pages are found in their block.

use std::collections::VecDeque;
use std::path::Path;

use rusqlite::{Connection, params};

use crate::domain::Timestamp;
use crate::engine::Event;
use crate::store::error::StoreError;

use super::block::Block;
use super::record::{EVENT_LAYOUT, Head, Record, StoredEvent};

/// Events read at a time.
const PAGE_EVENTS: u32 = 256;

/// Events in order, each with the commands it led to. Ends after the first error.
#[derive(Debug)]
pub struct Records<'a> {
    stored: StoredEvents<'a>,
    /// Why not even their beginning could be found.
    failure: Option<StoreError>,
}

/// The same before their payloads are read.
#[derive(Debug)]
pub(super) struct StoredEvents<'a> {
    connection: &'a Connection,
    path: &'a Path,
    /// The number of the last event handed out or passed over.
    after: i64,
    /// The last one wanted.
    last: i64,
    page: VecDeque<StoredEvent>,
    is_done: bool,
}

impl<'a> Records<'a> {
    pub(super) fn between(
        connection: &'a Connection,
        path: &'a Path,
        span: Result<(i64, i64), StoreError>,
    ) -> Self {
        let (span, failure) = match span {
            Ok(span) => (span, None),
            Err(failure) => ((0, 0), Some(failure)),
        };
        Self { stored: StoredEvents::between(connection, path, span), failure }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(failure) = self.failure.take() {
            return Some(Err(failure));
        }
        let stored = match self.stored.next()? {
            Ok(stored) => stored,
            Err(error) => return Some(Err(error)),
        };
        let StoredEvent { head, .. } = stored;
        let event = stored.event().map_err(|detail| StoreError::CorruptEvent {
            path: self.stored.path.to_owned(),
            sequence: head.sequence,
            detail,
        });
        self.stored.is_done |= event.is_err();
        Some(event.map(|event| Record {
            sequence: head.sequence,
            epoch: head.epoch,
            now: head.now,
            event,
            commands: stored.commands.into_iter().map(|(_, payload)| payload).collect(),
        }))
    }
}

impl StoredEvent {
    /// Reads its payload.
    pub(super) fn event(&self) -> Result<Event, String> {
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

impl<'a> StoredEvents<'a> {
    /// Those after one event, up to another and with it.
    pub(super) fn between(
        connection: &'a Connection,
        path: &'a Path,
        (after, last): (i64, i64),
    ) -> Self {
        Self { connection, path, after, last, page: VecDeque::new(), is_done: false }
    }

    fn fill(&mut self) -> Result<(), StoreError> {
        let fail = |source| StoreError::database(self.path, source);
        // One snapshot for both questions, unless the caller holds one already.
        let snapshot =
            self.connection.is_autocommit().then(|| self.connection.unchecked_transaction());
        let snapshot = snapshot.transpose().map_err(fail)?;
        let page = match Block::after(self.connection, self.after).map_err(fail)? {
            Some(block) => block.unpack().map_err(|detail| StoreError::CorruptEvent {
                path: self.path.to_owned(),
                sequence: block.first,
                detail,
            })?,
            None => rows(self.connection, self.after, PAGE_EVENTS).map_err(fail)?,
        };
        drop(snapshot);
        let wanted = self.after + 1..=self.last;
        self.after = page.last().map_or(self.last, |event| event.head.sequence);
        self.page.extend(page.into_iter().filter(|it| wanted.contains(&it.head.sequence)));
        Ok(())
    }
}

impl Iterator for StoredEvents<'_> {
    type Item = Result<StoredEvent, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && !self.is_done
            && self.after < self.last
            && let Err(error) = self.fill()
        {
            self.is_done = true;
            self.page.clear();
            return Some(Err(error));
        }
        self.page.pop_front().map(Ok)
    }
}

/// The next rows after an event, with their commands.
pub(super) fn rows(
    connection: &Connection,
    after: i64,
    most: u32,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut events = connection.prepare_cached(
        "SELECT seq, epoch, now_ns, kind, version, payload, hash FROM events \
         WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut commands = connection
        .prepare_cached("SELECT kind, payload FROM commands WHERE seq = ?1 ORDER BY position")?;
    let mut found = Vec::new();
    let mut rows = events.query(params![after, most])?;
    while let Some(row) = rows.next()? {
        let sequence = row.get(0)?;
        let now = Timestamp::from_nanos(row.get(2)?);
        found.push(StoredEvent {
            head: Head { sequence, epoch: row.get(1)?, now },
            kind: row.get(3)?,
            version: row.get(4)?,
            payload: row.get(5)?,
            hash: hash_of(&row.get::<_, Vec<u8>>(6)?),
            commands: commands
                .query_map([sequence], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?,
        });
    }
    Ok(found)
}

/// A hash of another length is none, and equal to none that is computed.
fn hash_of(bytes: &[u8]) -> super::record::Hash {
    bytes.try_into().unwrap_or_default()
}
