//! After a write to the tape that failed: it is opened anew, and must end where it ended.

use std::collections::BTreeMap;

use crate::book::Frame;
use crate::domain::Second;

use super::error::StoreError;
use super::instruments::InstrumentKey;
use super::tape::Tape;

impl Tape {
    /// Makes sure that what is written next follows what is on disk. Does nothing while every write
    /// has succeeded.
    ///
    /// # Errors
    /// A failure to open the file anew, or [`StoreError::Corrupt`] if seconds that were durable are
    /// gone: then nothing may be written to it.
    pub(super) fn believe(&mut self) -> Result<(), StoreError> {
        if !self.connection.is_doubtful() {
            return Ok(());
        }
        self.connection.reopen()?;
        let compared = self.take_over();
        if compared.is_err() {
            self.connection.doubt();
        }
        compared
    }

    /// Stores seconds whose first transaction failed, unless they are there: a transaction is wholly
    /// there or not at all.
    pub(super) fn append_batch_anew(&mut self, frames: &[Frame]) -> Result<(), StoreError> {
        self.believe()?;
        let newest = frames.iter().filter(|frame| !frame.rows.is_empty()).map(|frame| frame.second);
        if self.last.values().max() == newest.max().as_ref() {
            return Ok(());
        }
        let written = self.write_batch(frames);
        self.last = self.connection.after(written)?;
        Ok(())
    }

    /// Takes what is on disk for the end of each instrument, if nothing of it is missing.
    fn take_over(&mut self) -> Result<(), StoreError> {
        let mut found: BTreeMap<InstrumentKey, Second> = BTreeMap::new();
        for (key, durable) in &self.last {
            match self.last_second(key)? {
                Some(last) if last >= *durable => found.insert(*key, last),
                Some(_) | None => {
                    return Err(StoreError::Corrupt {
                        path: self.path().to_owned(),
                        detail: format!("{key} at {durable} was durable and is not there"),
                        remedy: "move it away and restore it from a backup",
                    });
                }
            };
        }
        self.last.append(&mut found);
        Ok(())
    }
}
