//! Imported seconds on their way to the tape, an hour of them in a transaction.

use crate::book::{Frame, Row};
use crate::domain::{Instrument, Second};

use super::error::StoreError;
use super::instruments::InstrumentId;
use super::tape::Tape;

/// Rows in a transaction: an hour of one instrument, some 300 kB.
pub const IMPORT_BATCH: usize = 3_600;

/// Collects an instrument's seconds and stores those that are not there yet.
///
/// What was committed before a failure stays; running the import again skips it.
#[derive(Debug)]
pub struct TapeImport<'a> {
    tape: &'a mut Tape,
    id: Option<InstrumentId>,
    batch: Vec<(Second, Row)>,
    stored: usize,
    skipped: usize,
}

impl<'a> TapeImport<'a> {
    /// An import into a tape opened for writing.
    #[must_use]
    pub fn new(tape: &'a mut Tape) -> Self {
        let batch = Vec::with_capacity(IMPORT_BATCH);
        Self { tape, id: None, batch, stored: 0, skipped: 0 }
    }

    /// Takes one second of the instrument; returns whether a batch was committed with it.
    ///
    /// # Errors
    /// Those of [`Tape::register`] and [`Tape::import`].
    pub fn take(&mut self, instrument: &Instrument, frame: Frame) -> Result<bool, StoreError> {
        if self.id.is_none() {
            self.id = Some(self.tape.register(instrument, frame.second)?);
        }
        let second = frame.second;
        self.batch.extend(frame.rows.into_iter().map(|row| (second, row)));
        let is_full = self.batch.len() >= IMPORT_BATCH;
        if is_full {
            self.flush()?;
        }
        Ok(is_full)
    }

    /// Commits what was taken so far.
    ///
    /// # Errors
    /// Those of [`Tape::import`].
    pub fn flush(&mut self) -> Result<(), StoreError> {
        if let Some(id) = self.id {
            let stored = self.tape.import(id, &self.batch)?;
            self.stored += stored;
            self.skipped += self.batch.len() - stored;
            self.batch.clear();
        }
        Ok(())
    }

    /// Seconds stored so far.
    #[must_use]
    pub const fn stored(&self) -> usize {
        self.stored
    }

    /// Seconds that were on the tape already.
    #[must_use]
    pub const fn skipped(&self) -> usize {
        self.skipped
    }
}
