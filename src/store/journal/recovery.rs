//! After a write that failed: the file is opened anew, and what it holds is held against what was
//! made durable and what still waits, before anything else is written.

use super::record::Hash;
use super::{Journal, StoreError, newest_event};

impl Journal {
    /// Makes sure that what is written next follows what is on disk. Does nothing while every write
    /// has succeeded.
    ///
    /// # Errors
    /// A failure to open the file anew, or [`StoreError::Corrupt`] if it does not hold what was
    /// durable: then nothing may be written to it.
    pub(super) fn believe(&mut self) -> Result<(), StoreError> {
        if !self.connection.is_doubtful() {
            return Ok(());
        }
        self.connection.reopen()?;
        self.reopenings += 1;
        let compared = self.compare();
        if compared.is_err() {
            self.connection.doubt();
        }
        compared
    }

    /// How often the file was opened anew because a write had failed.
    #[must_use]
    pub const fn reopenings(&self) -> u64 {
        self.reopenings
    }

    /// The commit whose sync failed may be there, wholly or not at all: what of it is there need not
    /// be written again.
    fn compare(&mut self) -> Result<(), StoreError> {
        let (found, found_hash) = newest_event(&self.connection, &self.path)?;
        let durable = self.pending.first().map_or(self.last_sequence, |next| next.sequence - 1);
        if found < durable {
            let detail = format!("it ends with event {found}, and event {durable} was durable");
            return Err(self.damaged(detail));
        }
        let mut there = 0;
        let mut hash: Hash = self.last_hash;
        while self.pending.get(there).is_some_and(|pending| pending.sequence <= found) {
            hash = self.pending[there].hash_after(&hash);
            there += 1;
        }
        if hash != found_hash {
            return Err(self.damaged(format!("its event {found} is not the one that was written")));
        }
        self.pending.drain(..there);
        self.last_hash = hash;
        Ok(())
    }

    fn damaged(&self, detail: String) -> StoreError {
        let remedy = "restore it from a backup; the venue knows what is held";
        StoreError::Corrupt { path: self.path.clone(), detail, remedy }
    }
}
