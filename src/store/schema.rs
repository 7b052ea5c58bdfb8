//! Opening a SQLite file of ours: identity, layout version, forward migrations, durability.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::disk::Disk;
use super::error::StoreError;

/// A kind of database file and how its layout came to be.
#[derive(Debug)]
pub(super) struct Schema {
    /// What people call it.
    pub(super) what: &'static str,
    /// SQLite's application id, so that another program's file is never taken for ours.
    pub(super) application_id: i32,
    /// Statements that lead from layout n to n + 1; the layout is their count.
    pub(super) migrations: &'static [&'static str],
    /// Whether its owner writes its log out and gives its free space back in small steps, so that no
    /// commit does.
    pub(super) has_upkeep: bool,
    /// How the file comes into being, for people who look for it too early.
    pub(super) origin: &'static str,
}

/// How long a reader waits for a writer's commit, in milliseconds.
const BUSY_TIMEOUT_MS: i32 = 5_000;

/// The same while a file is opened anew: whoever waits for that has a position to protect.
const REOPEN_BUSY_TIMEOUT_MS: i32 = 100;

/// A reader keeps the log from shrinking; past this many pages (16 MiB) a commit checkpoints.
const WAL_PAGES: i32 = 4_096;

/// The pages a writer keeps. It appends, so it reads again only what is at the end of a table or an
/// index; the usual two megabytes a file would fill for an hour with what it never needs.
const WRITER_CACHE_KIB: i32 = 256;

impl Schema {
    fn layout(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }

    /// Opens a file for writing; creates or migrates it as needed.
    pub(super) fn open(&self, disk: &Disk, path: &Path) -> Result<Connection, StoreError> {
        if let Some(folder) = path.parent() {
            disk.create_folder(folder)?;
        }
        let (mut connection, found) = self.connect(disk, path, BUSY_TIMEOUT_MS)?;
        if found < self.layout() {
            self.migrate(&mut connection, path, found)?;
            disk.sync_folder_of(path)?;
        }
        if self.has_upkeep {
            give_space_back_from_now_on(&connection, path)?;
        }
        let written_out = write_out_the_log(&connection);
        written_out.map_err(|source| StoreError::database(path, source))?;
        Ok(connection)
    }

    /// Opens a file that this process has had open for writing; it must be as it was.
    pub(super) fn reopen(&self, disk: &Disk, path: &Path) -> Result<Connection, StoreError> {
        if !disk.holds(path) {
            let (what, remedy) = (self.what, "it was there before: put it back, then start again");
            return Err(StoreError::Absent { what, path: path.to_owned(), remedy });
        }
        let (connection, found) = self.connect(disk, path, REOPEN_BUSY_TIMEOUT_MS)?;
        if found < self.layout() {
            return Err(StoreError::foreign(path, self.what));
        }
        let written_out = write_out_the_log(&connection);
        written_out.map_err(|source| StoreError::database(path, source))?;
        Ok(connection)
    }

    /// Connects for writing, and tells the layout found. The log is written again first, and synced:
    /// what an earlier handle could not sync is read back and need not be on disk, and whatever is
    /// built on it would be lost with it when the power fails.
    fn connect(
        &self,
        disk: &Disk,
        path: &Path,
        busy_timeout_ms: i32,
    ) -> Result<(Connection, i64), StoreError> {
        let fail = |source| StoreError::database(path, source);
        disk.write_again(&log_of(path))?;
        let connection = disk.connect(path)?;
        connection.pragma_update(None, "busy_timeout", busy_timeout_ms).map_err(fail)?;
        let found = self.identify(&connection, path)?;
        if self.has_upkeep {
            // A file takes this over while it is empty, or when it is written anew.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(fail)?;
        }
        connection.pragma_update(None, "journal_mode", "WAL").map_err(fail)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
        connection.pragma_update(None, "foreign_keys", "ON").map_err(fail)?;
        let log_pages = if self.has_upkeep { 0 } else { WAL_PAGES };
        connection.pragma_update(None, "wal_autocheckpoint", log_pages).map_err(fail)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(fail)?;
        Ok((connection, found))
    }

    /// Opens an existing file of the current layout for reading only.
    pub(super) fn open_read_only(&self, path: &Path) -> Result<Connection, StoreError> {
        if !path.exists() {
            let (what, remedy) = (self.what, self.origin);
            return Err(StoreError::Absent { what, path: path.to_owned(), remedy });
        }
        let fail = |source| StoreError::database(path, source);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
        connection.pragma_update(None, "busy_timeout", BUSY_TIMEOUT_MS).map_err(fail)?;
        let found = self.identify(&connection, path)?;
        if found < self.layout() {
            // Migrating needs the writer's lock: only whoever holds the folder does it.
            return Err(StoreError::Corrupt {
                path: path.to_owned(),
                detail: format!("its layout is {found}, older than {}", self.layout()),
                remedy: "start the daemon once, which migrates it with a backup",
            });
        }
        Ok(connection)
    }

    /// The layout of a file of ours, 0 for an empty file.
    fn identify(&self, connection: &Connection, path: &Path) -> Result<i64, StoreError> {
        let fail = |source| StoreError::database(path, source);
        let number = |pragma: &str| -> Result<i64, StoreError> {
            connection.pragma_query_value(None, pragma, |row| row.get(0)).map_err(fail)
        };
        let objects: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(fail)?;
        let (application_id, found) = (number("application_id")?, number("user_version")?);
        if objects == 0 && application_id == 0 {
            return Ok(0);
        }
        if application_id != i64::from(self.application_id) {
            return Err(StoreError::foreign(path, self.what));
        }
        let supported = self.layout();
        if found > supported {
            return Err(StoreError::NewerVersion { path: path.to_owned(), found, supported });
        }
        Ok(found)
    }

    /// Moves the layout forward in one transaction, after a backup of what was there.
    fn migrate(
        &self,
        connection: &mut Connection,
        path: &Path,
        found: i64,
    ) -> Result<(), StoreError> {
        let fail = |source| StoreError::database(path, source);
        if found > 0 {
            let backup = path.with_extension(format!("db.layout-{found}.backup"));
            connection
                .backup("main", &backup, None::<fn(rusqlite::backup::Progress)>)
                .map_err(fail)?;
        }
        let transaction = connection.transaction().map_err(fail)?;
        for migration in self.migrations.iter().skip(usize::try_from(found).unwrap_or(0)) {
            transaction.execute_batch(migration).map_err(fail)?;
        }
        transaction.pragma_update(None, "application_id", self.application_id).map_err(fail)?;
        transaction.pragma_update(None, "user_version", self.layout()).map_err(fail)?;
        transaction.commit().map_err(fail)
    }
}

/// A file of an earlier layout is written anew once. That wants room for a copy: without it the file
/// stays as it is, and the next start tries again.
fn give_space_back_from_now_on(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    const INCREMENTAL: i64 = 2;
    let found: i64 = connection
        .pragma_query_value(None, "auto_vacuum", |row| row.get(0))
        .map_err(|source| StoreError::database(path, source))?;
    if found != INCREMENTAL
        && let Err(error) = connection.execute_batch("VACUUM")
    {
        tracing::warn!(%error, path = %path.display(), "not written anew; its space is not given back");
    }
    Ok(())
}

/// Writes what an earlier handle left in the log into the file, syncs it, and begins the log anew. A
/// reader that holds the log is waited for, and then it stays as it is.
fn write_out_the_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Where SQLite keeps the log of a database.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Schema = Schema {
        what: "test",
        application_id: 7,
        migrations: &["CREATE TABLE a (x INTEGER) STRICT;"],
        has_upkeep: false,
        origin: "make one",
    };
    const TWO: Schema = Schema {
        migrations: &["CREATE TABLE a (x INTEGER) STRICT;", "ALTER TABLE a ADD COLUMN y INTEGER;"],
        ..ONE
    };

    #[test]
    fn a_layout_moves_forward_with_a_backup_and_never_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        ONE.open(&Disk::Machine, &path).unwrap().execute("INSERT INTO a VALUES (5)", []).unwrap();
        let connection = TWO.open(&Disk::Machine, &path).unwrap();
        let x: i64 = connection.query_row("SELECT x FROM a", [], |row| row.get(0)).unwrap();
        assert_eq!(x, 5);
        assert!(folder.path().join("test.db.layout-1.backup").exists());
        assert!(matches!(
            ONE.open(&Disk::Machine, &path),
            Err(StoreError::NewerVersion { found: 2, supported: 1, .. })
        ));
    }

    #[test]
    fn what_is_no_database_or_not_ours_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let garbage = folder.path().join("garbage.db");
        std::fs::write(&garbage, vec![0x5a; 8192]).unwrap();
        assert!(matches!(ONE.open(&Disk::Machine, &garbage), Err(StoreError::Corrupt { .. })));
        let foreign = folder.path().join("foreign.db");
        Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE z (q)").unwrap();
        assert!(matches!(ONE.open(&Disk::Machine, &foreign), Err(StoreError::Corrupt { .. })));
        let absent = folder.path().join("absent.db");
        assert!(matches!(ONE.open_read_only(&absent), Err(StoreError::Absent { .. })));
        assert!(!absent.exists(), "looking creates nothing");
    }
}
