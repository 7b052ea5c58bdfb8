//! What a crash left half-written at the end of the log, counted before SQLite cuts it off.
//!
//! A log is a header and frames of a page each; a commit is a frame that tells the size of the
//! database after it. Frames of this log behind its last whole commit were being written when the
//! process or the machine died: none of them was ever reported durable. Frames with other salts are
//! left from before the log was begun anew, and are not torn.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use crate::store::disk::Disk;
use crate::store::error::StoreError;

use super::Journal;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// The first half of a log's magic number; its last bit tells the byte order of the checksums.
const MAGIC: u32 = 0x377f_0682;

/// How often a start found the log torn, and how much was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct TornTails {
    /// Starts that cut something off.
    pub times: u64,
    /// Pages cut off, a begun one included.
    pub pages: u64,
}

/// How many pages of this log stand behind its last whole commit.
pub(super) fn torn_tail(disk: &Disk, database: &Path) -> Result<u64, StoreError> {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    let log = disk.read(&PathBuf::from(name))?;
    Ok(log.map_or(0, |log| torn_pages(&log)))
}

fn torn_pages(log: &[u8]) -> u64 {
    let Some(header) = Header::read(log) else { return 0 };
    let mut checksum = header.checksum;
    let mut is_whole = true;
    let mut torn = 0;
    for frame in log[HEADER_BYTES..].chunks(FRAME_HEADER_BYTES + header.page_bytes) {
        if frame.get(8..16) != Some(&header.salts) {
            break;
        }
        torn += 1;
        is_whole &= frame.len() == FRAME_HEADER_BYTES + header.page_bytes;
        if is_whole {
            checksum = header.sum(&frame[..8], checksum);
            checksum = header.sum(&frame[FRAME_HEADER_BYTES..], checksum);
            is_whole = (big_endian(frame, 16), big_endian(frame, 20)) == checksum;
        }
        if is_whole && big_endian(frame, 4) != 0 {
            torn = 0;
        }
    }
    torn
}

struct Header {
    is_big_endian: bool,
    page_bytes: usize,
    salts: [u8; 8],
    checksum: (u32, u32),
}

impl Header {
    /// `None` if there is no log, or its own beginning is torn: then it holds no commit.
    fn read(log: &[u8]) -> Option<Self> {
        let bytes = log.get(..HEADER_BYTES)?;
        let magic = big_endian(bytes, 0);
        let page_bytes = usize::try_from(big_endian(bytes, 8)).ok()?;
        if magic & !1 != MAGIC || !(512..=65_536).contains(&page_bytes) {
            return None;
        }
        let salts = bytes[16..24].try_into().ok()?;
        let header = Self { is_big_endian: magic & 1 == 1, page_bytes, salts, checksum: (0, 0) };
        let checksum = header.sum(&bytes[..24], (0, 0));
        let is_whole = (big_endian(bytes, 24), big_endian(bytes, 28)) == checksum;
        is_whole.then_some(Self { checksum, ..header })
    }

    /// The running checksum of a log, over 8 bytes at a time.
    fn sum(&self, bytes: &[u8], (mut first, mut second): (u32, u32)) -> (u32, u32) {
        let word = |bytes: [u8; 4]| {
            if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        for pair in bytes.as_chunks::<4>().0.as_chunks::<2>().0 {
            first = first.wrapping_add(word(pair[0])).wrapping_add(second);
            second = second.wrapping_add(word(pair[1])).wrapping_add(first);
        }
        (first, second)
    }
}

fn big_endian(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    word.map_or(0, u32::from_be_bytes)
}

/// Tells of what is cut off, and adds it to what earlier starts found.
pub(super) fn count(connection: &Connection, path: &Path, torn: u64) -> Result<(), StoreError> {
    if torn == 0 {
        return Ok(());
    }
    tracing::warn!(
        pages = torn,
        "the journal's log ended in a commit that was being written; it was cut off"
    );
    let mut found = read(connection, path)?;
    found.times += 1;
    found.pages += torn;
    connection
        .execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('torn_tails', ?1)",
            [format!("{} {}", found.times, found.pages)],
        )
        .map(|_| ())
        .map_err(|source| StoreError::database(path, source))
}

fn read(connection: &Connection, path: &Path) -> Result<TornTails, StoreError> {
    let text: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = 'torn_tails'", [], |row| row.get(0))
        .optional()
        .map_err(|source| StoreError::database(path, source))?;
    let numbers = text.as_deref().and_then(|text| text.split_once(' '));
    let parsed =
        numbers.and_then(|(times, pages)| Some((times.parse().ok()?, pages.parse().ok()?)));
    Ok(parsed.map_or_else(TornTails::default, |(times, pages)| TornTails { times, pages }))
}

impl Journal {
    /// What starts found torn at the end of the log so far.
    pub(super) fn torn_tails(&self) -> Result<TornTails, StoreError> {
        read(&self.connection, &self.path)
    }
}
