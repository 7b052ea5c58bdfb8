//! Proof that the journal is what was written: its chain, its checkpoints, its ledger.

use rusqlite::OptionalExtension;

use crate::engine::TradingEngine;
use crate::store::error::StoreError;

use super::Journal;
use super::agreement::Derived;
use super::checkpoint;
use super::record::{EVENT_LAYOUT, Hash};
use super::rows::StoredEvents;
use super::torn_log::TornTails;

/// What a verified journal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Verification {
    /// Events whose hashes and payloads are as written.
    pub events: u64,
    /// Events among them of a layout that this version no longer reads; their hashes hold.
    pub of_older_layouts: u64,
    /// Commands they led to.
    pub commands: u64,
    /// Events before the first of them: dropped by age, and proven by the hash they left.
    pub dropped: u64,
    /// Trades in the ledger that their events lead to.
    pub fills: u64,
    /// Orders in the ledger that their events lead to.
    pub orders: u64,
    /// Checkpoints that a replay arrived at.
    pub checkpoints: u64,
    /// Checkpoints of another lobd, which no replay of this one can arrive at.
    pub checkpoints_of_others: u64,
    /// What starts found torn at the end of the log, and cut off.
    pub torn_tails: TornTails,
}

impl Journal {
    /// Recomputes the whole chain of hashes, reads every payload, derives the ledger again, and runs
    /// the engine again from checkpoint to checkpoint.
    ///
    /// # Errors
    /// [`StoreError::CorruptEvent`] naming the first event that is not what was written,
    /// [`StoreError::LedgerDiffers`] naming the first row of the ledger that no event leads to, or
    /// [`StoreError::CheckpointDiffers`] naming the first checkpoint that no replay arrives at.
    pub fn verify(&self) -> Result<Verification, StoreError> {
        // One snapshot: the daemon may pack and drop meanwhile.
        let snapshot = self
            .connection
            .unchecked_transaction()
            .map_err(|source| StoreError::database(&self.path, source))?;
        let mut verification = self.verify_chain()?;
        self.verify_checkpoints(&mut verification)?;
        verification.torn_tails = self.torn_tails()?;
        drop(snapshot);
        Ok(verification)
    }

    fn verify_chain(&self) -> Result<Verification, StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        let anchor: Option<(i64, Hash)> = self
            .connection
            .query_row("SELECT seq, hash FROM anchor", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(fail)?;
        let (dropped, mut previous) = anchor.unwrap_or_default();
        let mut verification =
            Verification { dropped: dropped.cast_unsigned(), ..Verification::default() };
        let derived = Derived::new(&self.path)?;
        let mut unread = dropped;
        let stored = StoredEvents::between(&self.connection, &self.path, (dropped, i64::MAX));
        for (expected, event) in (dropped + 1..).zip(stored) {
            let event = event?;
            let sequence = event.head.sequence;
            let corrupt = |detail| self.unreadable(sequence, detail);
            if sequence != expected {
                return Err(corrupt(format!("event {expected} is missing before it")));
            }
            previous = event.hash_after(&previous);
            if event.hash != previous {
                return Err(corrupt("its hash is not that of what is written".to_owned()));
            }
            // An older lobd's payload is what was written, if this one cannot read it.
            if event.version < EVENT_LAYOUT {
                verification.of_older_layouts += 1;
                unread = sequence;
            } else {
                derived.book(&event, &event.event().map_err(corrupt)?)?;
            }
            verification.events += 1;
            verification.commands += event.commands.len() as u64;
        }
        (verification.fills, verification.orders) = derived.compare(&self.connection, unread)?;
        Ok(verification)
    }

    fn verify_checkpoints(&self, verification: &mut Verification) -> Result<(), StoreError> {
        for run in self.runs()? {
            let checkpoints = self.checkpoints(run.run.epoch)?;
            let (ours, others): (Vec<_>, Vec<_>) =
                checkpoints.into_iter().partition(checkpoint::Checkpoint::is_of_this_code);
            verification.checkpoints_of_others += others.len() as u64;
            let differs = |sequence| StoreError::CheckpointDiffers {
                path: self.path.clone(),
                sequence,
                version: run.version.clone(),
            };
            let Some(last) = ours.last().map(|checkpoint| checkpoint.sequence) else { continue };
            let mut due = ours.iter().peekable();
            // What the replay itself begins with is believed for its hash alone.
            let (mut engine, after) = self.beginning(run.run.epoch, None)?;
            while let Some(first) = due.next_if(|checkpoint| checkpoint.sequence <= after) {
                if !first.is_whole() {
                    return Err(differs(first.sequence));
                }
                verification.checkpoints += 1;
            }
            for record in self.records_after(run.run.epoch, after) {
                let record = record?;
                let sequence = record.sequence;
                if sequence > last {
                    break;
                }
                let _ = engine.handle(record.now, record.event);
                let Some(reached) = due.next_if(|checkpoint| checkpoint.sequence == sequence)
                else {
                    continue;
                };
                if !self.is_reached(&engine, reached)? {
                    return Err(differs(sequence));
                }
                verification.checkpoints += 1;
            }
            if let Some(left) = due.next() {
                return Err(differs(left.sequence));
            }
        }
        Ok(())
    }

    /// Whether an engine is what a checkpoint says, at its place in the chain.
    fn is_reached(
        &self,
        engine: &TradingEngine,
        checkpoint: &checkpoint::Checkpoint,
    ) -> Result<bool, StoreError> {
        let sequence = checkpoint.sequence;
        let state =
            checkpoint::state_hash(engine).map_err(|detail| self.unreadable(sequence, detail))?;
        let place = (sequence - 1, sequence);
        let event =
            StoredEvents::between(&self.connection, &self.path, place).next().transpose()?;
        let is_in_place = event.is_some_and(|event| event.hash == checkpoint.chain_hash);
        Ok(is_in_place && checkpoint.is_whole() && state == checkpoint.state_hash)
    }
}
