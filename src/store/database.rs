//! A database of ours open for writing, and what is done when the disk fails it.
//!
//! A failed write is final for the file handle it was made through: the system forgets what it could
//! not write, reads it back as if it were there, and may call the next sync of that handle a success.
//! So after one the connection is closed without a checkpoint and opened anew before anything else
//! is written, and its log is written again first. What was read back is for the owner to compare.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::disk::Disk;
use super::error::StoreError;
use super::schema::Schema;

/// A connection that is believed until a write through it fails.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    schema: &'static Schema,
    disk: Disk,
    path: PathBuf,
    is_doubtful: bool,
    #[cfg(test)]
    refuses_writes: bool,
}

impl Deref for Database {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Database {
    /// Opens a file for writing; creates or migrates it as needed.
    pub(super) fn open(
        schema: &'static Schema,
        disk: &Disk,
        path: &Path,
    ) -> Result<Self, StoreError> {
        Ok(Self::with(schema.open(disk, path)?, schema, disk, path))
    }

    /// Opens an existing file for reading only.
    pub(super) fn open_read_only(schema: &'static Schema, path: &Path) -> Result<Self, StoreError> {
        Ok(Self::with(schema.open_read_only(path)?, schema, &Disk::Machine, path))
    }

    fn with(connection: Connection, schema: &'static Schema, disk: &Disk, path: &Path) -> Self {
        Self {
            connection,
            schema,
            disk: disk.clone(),
            path: path.to_owned(),
            is_doubtful: false,
            #[cfg(test)]
            refuses_writes: false,
        }
    }

    /// Whether a write has failed since it was opened: it is to be opened anew first.
    pub(super) const fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// Whatever was read back is not what it should be: it is not to be written to.
    pub(super) const fn doubt(&mut self) {
        self.is_doubtful = true;
    }

    /// Takes note of how a write ended.
    pub(super) fn after<T>(&mut self, written: Result<T, StoreError>) -> Result<T, StoreError> {
        self.is_doubtful |= written.as_ref().is_err_and(StoreError::is_of_the_disk);
        written
    }

    /// Closes the connection and opens the file anew, with its log written again. It creates none:
    /// a file that is gone, or has another layout, is not the one that was written to.
    ///
    /// # Errors
    /// A failure to open it; then nothing can be read or written until this succeeds.
    pub(super) fn reopen(&mut self) -> Result<(), StoreError> {
        self.is_doubtful = true;
        self.close()?;
        #[cfg(test)]
        if self.refuses_writes {
            return Err(StoreError::DiskFull { path: self.path.clone() });
        }
        self.connection = self.schema.reopen(&self.disk, &self.path)?;
        self.is_doubtful = false;
        Ok(())
    }

    /// Lets go of every handle before one is opened: SQLite would use an old one again. Until then
    /// an empty database stands here, from which nothing can be read that looks like ours.
    fn close(&mut self) -> Result<(), StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        let nothing = Connection::open_in_memory().map_err(fail)?;
        let old = std::mem::replace(&mut self.connection, nothing);
        // A checkpoint would sync through the handles in doubt, and delete the log.
        old.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(fail)?;
        Ok(())
    }

    /// Makes every write fail, as a full disk does, or lets them succeed again.
    #[cfg(test)]
    pub(super) fn refuse_writes(&mut self, refuse: bool) {
        self.refuses_writes = refuse;
        self.connection.pragma_update(None, "query_only", refuse).unwrap();
    }
}
