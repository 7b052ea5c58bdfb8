//! The engine as it was at the beginning of each day, so that a replay need not begin with the run.
//!
//! Not what a start begins with: that is the ledger and the venue. A checkpoint of another code or
//! layout is not read; the replay then begins with the run.

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::domain::Timestamp;
use crate::engine::TradingEngine;
use crate::store::error::StoreError;

use super::Journal;
use super::record::{EVENT_LAYOUT, Hash};
use super::upkeep::day_of;

/// The code that reads and writes here.
const CODE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// One checkpoint, its state not yet read.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// The last event that is in it.
    pub(super) sequence: i64,
    /// The day it begins.
    pub(super) day: i64,
    /// The hash of that event in the chain.
    pub(super) chain_hash: Hash,
    /// The hash of the state.
    pub(super) state_hash: Hash,
    state: Vec<u8>,
    layout: u32,
    version: String,
}

impl Checkpoint {
    /// Whether this code wrote it, as far as that can be told.
    pub(super) fn is_of_this_code(&self) -> bool {
        self.layout == EVENT_LAYOUT && self.version == CODE_VERSION
    }

    /// Whether the state is what was written.
    pub(super) fn is_whole(&self) -> bool {
        hash_of(&self.state) == self.state_hash
    }

    /// The engine; `None` if another code wrote it, or it is not what was written.
    pub(super) fn engine(&self) -> Option<TradingEngine> {
        if !self.is_of_this_code() || !self.is_whole() {
            return None;
        }
        let (engine, rest) = postcard::take_from_bytes(&self.state).ok()?;
        let is_same = rest.is_empty() && state_bytes(&engine).is_ok_and(|it| it == self.state);
        is_same.then_some(engine)
    }
}

impl Journal {
    /// Keeps the engine as it is after the last event, which must be durable.
    ///
    /// # Errors
    /// [`StoreError::Backlog`] if events wait for their commit, otherwise a failure to write.
    pub fn keep_checkpoint(
        &mut self,
        now: Timestamp,
        engine: &TradingEngine,
    ) -> Result<(), StoreError> {
        if self.waiting() > 0 {
            return Err(StoreError::Backlog { path: self.path.clone(), waiting: self.waiting() });
        }
        let state =
            state_bytes(engine).map_err(|detail| self.unreadable(self.last_sequence, detail))?;
        self.connection
            .execute(
                "INSERT OR REPLACE INTO checkpoints \
                 (seq, epoch, day, layout, chain_hash, state_hash, state) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    self.last_sequence,
                    self.epoch,
                    day_of(now),
                    EVENT_LAYOUT,
                    self.last_hash,
                    hash_of(&state),
                    state,
                ],
            )
            .map(|_| ())
            .map_err(|source| StoreError::database(&self.path, source))
    }

    /// A run's checkpoints in order.
    pub(super) fn checkpoints(&self, epoch: u32) -> Result<Vec<Checkpoint>, StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT seq, day, chain_hash, state_hash, state, layout, version FROM checkpoints \
                 JOIN runs ON runs.epoch = checkpoints.epoch \
                 WHERE checkpoints.epoch = ?1 ORDER BY seq",
            )
            .map_err(fail)?;
        let found = statement.query_map([epoch], |row| {
            Ok(Checkpoint {
                sequence: row.get(0)?,
                day: row.get(1)?,
                chain_hash: row.get(2)?,
                state_hash: row.get(3)?,
                state: row.get(4)?,
                layout: row.get(5)?,
                version: row.get(6)?,
            })
        });
        found.and_then(Iterator::collect).map_err(fail)
    }

    /// The last event dropped, of which only the hash is left; 0 if all are there.
    pub(super) fn anchor(&self) -> Result<i64, StoreError> {
        self.connection
            .query_row("SELECT seq FROM anchor", [], |row| row.get(0))
            .optional()
            .map(Option::unwrap_or_default)
            .map_err(|source| StoreError::database(&self.path, source))
    }
}

pub(super) fn state_hash(engine: &TradingEngine) -> Result<Hash, String> {
    state_bytes(engine).map(|state| hash_of(&state))
}

fn state_bytes(engine: &TradingEngine) -> Result<Vec<u8>, String> {
    postcard::to_stdvec(engine).map_err(|error| error.to_string())
}

fn hash_of(state: &[u8]) -> Hash {
    Sha256::digest(state).into()
}
