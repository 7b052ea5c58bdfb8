//! Keeping the journal small, a bounded step at a time: closed days are packed, old ones dropped,
//! free space given back, the log written out.
//!
//! Each step is one transaction: a kill leaves the journal as before it or as after it. Whoever
//! drives it chooses moments in which no command waits.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::Timestamp;
use crate::store::error::StoreError;

use super::block::Block;
use super::record::{Hash, StoredEvent};
use super::{Journal, rows};

const NANOS_PER_DAY: i64 = 86_400 * 1_000_000_000;

/// Events packed in one step, and so in one block at most.
const STEP_EVENTS: u32 = 256;
/// Bytes of events packed in one step, the one that exceeds it included.
const STEP_BYTES: usize = 256 * 1024;
/// Pages given back in one step.
const STEP_PAGES: u32 = 64;
/// Free pages are given back once they are this part of the file: a day's rows need them again.
const FREE_PART: i64 = 4;
/// Commits after which the log is worth writing out; a step of upkeep counts as so many.
const LOG_COMMITS: u32 = 64;

/// What one step of upkeep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// The log was written into the file.
    WroteOut,
    /// So many events of a closed day were packed.
    Packed(u64),
    /// A block of a day that is no longer kept was dropped.
    Dropped,
    /// Free space was given back to the system.
    GaveBack,
    /// There is nothing to do.
    Nothing,
}

/// Days since the epoch of Unix, in UTC.
pub(super) const fn day_of(now: Timestamp) -> i64 {
    now.nanos().div_euclid(NANOS_PER_DAY)
}

impl Journal {
    /// Does the next bounded step of upkeep; call it where nothing waits for a command. Days are
    /// kept for `keep_days`, or for ever if that is `None`.
    ///
    /// # Errors
    /// A failure to write, or [`StoreError::CorruptEvent`] if an event to be packed is not what was
    /// written: it is then left as it is. Nothing of the step has happened.
    pub fn tidy(&mut self, now: Timestamp, keep_days: Option<u32>) -> Result<Upkeep, StoreError> {
        self.believe()?;
        let done = self.next_step(now, keep_days);
        self.connection.after(done)
    }

    fn next_step(&mut self, now: Timestamp, keep_days: Option<u32>) -> Result<Upkeep, StoreError> {
        if self.commits_in_log >= LOG_COMMITS {
            self.checkpoint()?;
            self.commits_in_log = 0;
            return Ok(Upkeep::WroteOut);
        }
        let today = day_of(now);
        let done = self.pack_oldest(today)?;
        let done = if done == Upkeep::Nothing { self.drop_oldest(today, keep_days)? } else { done };
        let done = if done == Upkeep::Nothing { self.give_back()? } else { done };
        if done != Upkeep::Nothing {
            self.commits_in_log = LOG_COMMITS;
        }
        Ok(done)
    }

    /// Moves the oldest rows of a day that has ended into a block.
    pub(super) fn pack_oldest(&self, today: i64) -> Result<Upkeep, StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        // Asked every second: no payload is read while there is nothing to pack.
        let oldest = oldest(&self.connection).map_err(fail)?;
        // A day ahead of us is over too, if the run whose clock was ahead is.
        let is_over = |(day, epoch)| day < today || (day > today && epoch != self.epoch);
        if !oldest.is_some_and(is_over) {
            return Ok(Upkeep::Nothing);
        }
        let found = rows::rows(&self.connection, 0, STEP_EVENTS).map_err(fail)?;
        let Some(first) = found.first() else { return Ok(Upkeep::Nothing) };
        let (day, first) = (day_of(first.head.now), first.head);
        let corrupt = |detail| self.unreadable(first.sequence, detail);
        let hash_before = self.hash_before(first.sequence)?;
        let events = one_step(found, day, first.epoch);
        let block = Block::pack(events.clone(), day, hash_before).map_err(corrupt)?;
        let Some(block) = block else { return Ok(Upkeep::Nothing) };
        // What cannot be had back from the block is not taken from its rows.
        if block.unpack().map_err(corrupt)? != events {
            return Err(corrupt("it is not what its hash says".to_owned()));
        }
        let transaction = self.connection.unchecked_transaction().map_err(fail)?;
        block.insert(&transaction).map_err(fail)?;
        for table in ["commands", "events"] {
            let delete = format!("DELETE FROM {table} WHERE seq BETWEEN ?1 AND ?2");
            transaction.execute(&delete, [block.first, block.last]).map_err(fail)?;
        }
        transaction.commit().map_err(fail)?;
        Ok(Upkeep::Packed(events.len() as u64))
    }

    /// The hash of the event before one that stands in a row.
    fn hash_before(&self, sequence: i64) -> Result<Hash, StoreError> {
        if sequence == 1 {
            return Ok(Hash::default());
        }
        let before = end_of_the_packed(&self.connection)
            .map_err(|source| StoreError::database(&self.path, source))?;
        before.filter(|(last, _)| last + 1 == sequence).map(|(_, hash)| hash).ok_or_else(|| {
            self.unreadable(sequence, format!("event {} is missing before it", sequence - 1))
        })
    }

    /// Drops the oldest block if its day is kept no longer. What is left begins with its hash.
    fn drop_oldest(&self, today: i64, keep_days: Option<u32>) -> Result<Upkeep, StoreError> {
        let Some(keep_days) = keep_days else { return Ok(Upkeep::Nothing) };
        let fail = |source| StoreError::database(&self.path, source);
        let transaction = self.connection.unchecked_transaction().map_err(fail)?;
        let oldest: Option<(i64, i64, Hash, i64)> = transaction
            .prepare_cached(
                "SELECT first_seq, last_seq, hash_after, day FROM blocks \
                 ORDER BY first_seq LIMIT 1",
            )
            .and_then(|mut statement| {
                let row = statement
                    .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
                row.optional()
            })
            .map_err(fail)?;
        let is_old = |day: i64| day < today - i64::from(keep_days);
        let Some((first, last, hash, day)) = oldest.filter(|(.., day)| is_old(*day)) else {
            return Ok(Upkeep::Nothing);
        };
        transaction
            .execute(
                "INSERT OR REPLACE INTO anchor (id, seq, hash, day) VALUES (1, ?1, ?2, ?3)",
                params![last, hash, day],
            )
            .map_err(fail)?;
        transaction.execute("DELETE FROM blocks WHERE first_seq = ?1", [first]).map_err(fail)?;
        // A checkpoint before the first event that is left leads nowhere.
        transaction.execute("DELETE FROM checkpoints WHERE seq < ?1", [last]).map_err(fail)?;
        transaction.commit().map_err(fail)?;
        Ok(Upkeep::Dropped)
    }

    fn give_back(&self) -> Result<Upkeep, StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        let number = |pragma| self.connection.pragma_query_value(None, pragma, |row| row.get(0));
        let free: i64 = number("freelist_count").map_err(fail)?;
        let pages: i64 = number("page_count").map_err(fail)?;
        if free < i64::from(STEP_PAGES) || free * FREE_PART <= pages {
            return Ok(Upkeep::Nothing);
        }
        let vacuum = format!("PRAGMA incremental_vacuum({STEP_PAGES})");
        self.connection.execute_batch(&vacuum).map_err(fail)?;
        let left: i64 = number("freelist_count").map_err(fail)?;
        Ok(if left < free { Upkeep::GaveBack } else { Upkeep::Nothing })
    }
}

/// The first events of one day and run, as many as one step takes.
fn one_step(found: Vec<StoredEvent>, day: i64, epoch: u32) -> Vec<StoredEvent> {
    let mut bytes = 0;
    found
        .into_iter()
        .take_while(|event| {
            let is_within = bytes < STEP_BYTES;
            let commands = event.commands.iter().map(|(_, payload)| payload.len()).sum::<usize>();
            bytes += event.payload.len() + commands;
            is_within && day_of(event.head.now) == day && event.head.epoch == epoch
        })
        .collect()
}

/// The day and the run of the oldest event that stands in a row.
fn oldest(connection: &Connection) -> rusqlite::Result<Option<(i64, u32)>> {
    let oldest = "SELECT now_ns, epoch FROM events ORDER BY seq LIMIT 1";
    let mut statement = connection.prepare_cached(oldest)?;
    let found = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.map(|(nanos, epoch)| (day_of(Timestamp::from_nanos(nanos)), epoch)))
}

/// The number and hash of the last event that was packed or dropped.
pub(super) fn end_of_the_packed(connection: &Connection) -> rusqlite::Result<Option<(i64, Hash)>> {
    connection
        .query_row(
            "SELECT last_seq, hash_after FROM blocks UNION ALL SELECT seq, hash FROM anchor \
             ORDER BY 1 DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
}
