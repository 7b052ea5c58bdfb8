//! Events of a closed day, packed: so many in a row, compressed, with the hashes at both ends.
//!
//! A day is several blocks, so that none takes long to write or to read. The hashes between the ends
//! are not kept: they follow from the first one. Invariant: a block unpacks to exactly what its rows
//! held, or to an error.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::Timestamp;

use super::record::{Hash, Head, StoredEvent};

/// A block that claims to unpack to more than this is not one of ours.
const RAW_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Where a block stands in the chain, and what it holds.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) epoch: u32,
    /// Days since the epoch of Unix.
    pub(super) day: i64,
    pub(super) commands: u64,
    pub(super) hash_before: Hash,
    pub(super) hash_after: Hash,
    pub(super) raw_bytes: usize,
    pub(super) checksum: Hash,
    pub(super) packed: Vec<u8>,
}

/// An event as it is packed; its number and run follow from its block.
#[derive(Debug, Serialize, Deserialize)]
struct PackedEvent {
    now_ns: i64,
    kind: String,
    version: u32,
    payload: Vec<u8>,
    commands: Vec<(String, Vec<u8>)>,
}

impl Block {
    /// Packs events of one run and one day that follow `hash_before`.
    pub(super) fn pack(
        events: Vec<StoredEvent>,
        day: i64,
        hash_before: Hash,
    ) -> Result<Option<Self>, String> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(None) };
        let (epoch, hash_after) = (first.head.epoch, last.hash);
        let (first, last) = (first.head.sequence, last.head.sequence);
        let commands = events.iter().map(|event| event.commands.len() as u64).sum();
        let raw =
            postcard::to_stdvec(&events.into_iter().map(PackedEvent::from).collect::<Vec<_>>())
                .map_err(|error| error.to_string())?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        let packed = encoder.write_all(&raw).and_then(|()| encoder.finish());
        let packed = packed.map_err(|error| error.to_string())?;
        Ok(Some(Self {
            first,
            last,
            epoch,
            day,
            commands,
            hash_before,
            hash_after,
            raw_bytes: raw.len(),
            checksum: Sha256::digest(&packed).into(),
            packed,
        }))
    }

    /// The events in order, as their rows held them.
    pub(super) fn unpack(&self) -> Result<Vec<StoredEvent>, String> {
        if Hash::from(Sha256::digest(&self.packed)) != self.checksum {
            return Err("its block's checksum is not that of what is written".to_owned());
        }
        let events = unpack(&self.packed, self.raw_bytes)?;
        let mut hash = self.hash_before;
        let mut unpacked = Vec::with_capacity(events.len());
        for (sequence, event) in (self.first..).zip(events) {
            let event = event.stored(sequence, self.epoch, &hash);
            hash = event.hash;
            unpacked.push(event);
        }
        if unpacked.last().map(|event| event.head.sequence) != Some(self.last) {
            return Err("its block holds another number of events".to_owned());
        }
        if hash != self.hash_after {
            return Err("its hash is not that of what is written".to_owned());
        }
        Ok(unpacked)
    }

    /// Its events as JSON, for a query: an array in their order, payloads in hexadecimal.
    pub(super) fn to_json(packed: &[u8], raw_bytes: usize) -> Result<String, String> {
        let events = unpack(packed, raw_bytes)?;
        let event = |event: PackedEvent| {
            let commands = event.commands.into_iter().map(|(kind, payload)| {
                serde_json::json!({ "kind": kind, "payload": hex::encode(payload) })
            });
            serde_json::json!({
                "now_ns": event.now_ns,
                "kind": event.kind,
                "version": event.version,
                "payload": hex::encode(event.payload),
                "commands": commands.collect::<Vec<_>>(),
            })
        };
        Ok(serde_json::Value::Array(events.into_iter().map(event).collect()).to_string())
    }

    /// Writes it; the rows it stands for are to go in the same transaction.
    pub(super) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO blocks (first_seq, last_seq, epoch, day, commands, hash_before, \
                 hash_after, raw_bytes, checksum, packed) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                self.first,
                self.last,
                self.epoch,
                self.day,
                self.commands.cast_signed(),
                self.hash_before,
                self.hash_after,
                i64::try_from(self.raw_bytes).unwrap_or(i64::MAX),
                self.checksum,
                self.packed,
            ])
            .map(|_| ())
    }

    /// The first block with an event after this one.
    pub(super) fn after(connection: &Connection, sequence: i64) -> rusqlite::Result<Option<Self>> {
        // Blocks follow each other without overlap, so the first that begins later is the next one,
        // unless the one before it reaches beyond.
        connection
            .prepare_cached(
                "SELECT first_seq, last_seq, epoch, day, commands, hash_before, hash_after, \
                 raw_bytes, checksum, packed FROM blocks WHERE last_seq > ?1 AND first_seq >= \
                 coalesce((SELECT max(first_seq) FROM blocks WHERE first_seq <= ?1), 0) \
                 ORDER BY first_seq LIMIT 1",
            )?
            .query_row([sequence], Self::of_row)
            .optional()
    }

    fn of_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            first: row.get(0)?,
            last: row.get(1)?,
            epoch: row.get(2)?,
            day: row.get(3)?,
            commands: row.get::<_, i64>(4)?.cast_unsigned(),
            hash_before: row.get(5)?,
            hash_after: row.get(6)?,
            raw_bytes: usize::try_from(row.get::<_, i64>(7)?).unwrap_or(usize::MAX),
            checksum: row.get(8)?,
            packed: row.get(9)?,
        })
    }
}

fn unpack(packed: &[u8], raw_bytes: usize) -> Result<Vec<PackedEvent>, String> {
    if raw_bytes > RAW_BYTES_MAX {
        return Err(format!("its block claims {raw_bytes} bytes"));
    }
    let mut raw = Vec::with_capacity(raw_bytes);
    DeflateDecoder::new(packed)
        .take(raw_bytes as u64 + 1)
        .read_to_end(&mut raw)
        .map_err(|error| format!("its block cannot be unpacked: {error}"))?;
    match postcard::take_from_bytes(&raw) {
        Ok((events, [])) if raw.len() == raw_bytes => Ok(events),
        Ok(_) => Err("its block holds another number of bytes".to_owned()),
        Err(error) => Err(format!("its block cannot be read: {error}")),
    }
}

impl From<StoredEvent> for PackedEvent {
    fn from(event: StoredEvent) -> Self {
        let StoredEvent { head, kind, version, payload, commands, .. } = event;
        Self { now_ns: head.now.nanos(), kind, version, payload, commands }
    }
}

impl PackedEvent {
    fn stored(self, sequence: i64, epoch: u32, hash_before: &Hash) -> StoredEvent {
        let Self { now_ns, kind, version, payload, commands } = self;
        let head = Head { sequence, epoch, now: Timestamp::from_nanos(now_ns) };
        let mut event =
            StoredEvent { head, kind, version, payload, commands, hash: Hash::default() };
        event.hash = event.hash_after(hash_before);
        event
    }
}
