//! `tape.db`: one row per second and instrument, in one transaction a batch.
//!
//! Does not sample and does not repair: what it is given is stored exactly or refused. The primary
//! key puts a second's instruments on the same page, so a commit touches one or two of them.
//! Invariants: **1** a batch is wholly there or not at all; **2** seconds appended strictly
//! increase per instrument; **3** each row is counted in the grid of its own instrument version.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use crate::book::{Frame, Row};
use crate::domain::{Instrument, Price, Quantity, Second, Symbol};
use crate::fail_point;

use super::database::Database;
use super::disk::Disk;
use super::error::StoreError;
use super::gaps::{self, Gap};
use super::instruments::{self, InstrumentId, InstrumentKey, InstrumentVersion};
use super::row_codec::{self, RowGrid};
use super::scan::Scan;
use super::schema::Schema;

/// The most seconds that may share a transaction: what a crash may cost is bounded.
pub const RECORD_BATCH_MAX: usize = 600;

pub(super) const SCHEMA: Schema = Schema {
    what: "tape",
    application_id: 0x6c6f_6274, // "lobt"
    migrations: &["
        CREATE TABLE instruments (
            id INTEGER PRIMARY KEY,
            environment TEXT NOT NULL,
            market TEXT NOT NULL,
            symbol TEXT NOT NULL,
            version INTEGER NOT NULL,
            tick_size_e8 INTEGER NOT NULL,
            step_size_e8 INTEGER NOT NULL,
            valid_from INTEGER NOT NULL,
            filters TEXT NOT NULL,
            UNIQUE (environment, market, symbol, version)
        ) STRICT;
        CREATE TABLE seconds (
            second INTEGER NOT NULL,
            instrument_id INTEGER NOT NULL REFERENCES instruments (id),
            book BLOB NOT NULL,
            PRIMARY KEY (second, instrument_id)
        ) STRICT, WITHOUT ROWID;"],
    has_upkeep: false,
    origin: "record with `lobd record` or `lobd run`, or import with `lobd data import`",
};

/// The first and last second held of an instrument, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first second.
    pub first: Second,
    /// The last second.
    pub last: Second,
    /// Rows between them, both included.
    pub rows: u64,
}

/// The record of the market, second by second.
#[derive(Debug)]
pub struct Tape {
    pub(super) connection: Database,
    path: PathBuf,
    versions: Vec<InstrumentVersion>,
    /// Which version a frame's row belongs to.
    registered: BTreeMap<Symbol, InstrumentId>,
    /// The last second appended or found, per registered instrument.
    pub(super) last: LastSeconds,
}

/// The last second of each instrument.
type LastSeconds = BTreeMap<InstrumentKey, Second>;

impl Tape {
    /// Makes every write fail, as a full disk does, or lets them succeed again.
    #[cfg(test)]
    pub(crate) fn refuse_writes(&mut self, refuse: bool) {
        self.connection.refuse_writes(refuse);
    }

    /// Opens a tape for writing, creating or migrating it as needed.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::NewerVersion`], [`StoreError::DiskFull`] or
    /// [`StoreError::Io`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_on(&Disk::Machine, path)
    }

    /// Opens a tape for writing on a disk.
    ///
    /// # Errors
    /// As [`Tape::open`].
    pub fn open_on(disk: &Disk, path: &Path) -> Result<Self, StoreError> {
        Self::with(Database::open(&SCHEMA, disk, path)?, path)
    }

    /// Opens an existing tape for reading; a writer may go on writing meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if there is none, otherwise as [`Tape::open`].
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        Self::with(Database::open_read_only(&SCHEMA, path)?, path)
    }

    fn with(connection: Database, path: &Path) -> Result<Self, StoreError> {
        let versions = load_versions(&connection, path)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            versions,
            registered: BTreeMap::new(),
            last: BTreeMap::new(),
        })
    }

    /// Says which instrument a symbol's rows belong to from now on. Filters that differ from the
    /// newest version's open a new version, whose rows are counted in a grid that holds both: orders
    /// that rested before the change still show in the book.
    ///
    /// # Errors
    /// [`StoreError::NoGrid`] if the instrument has no tick or step size.
    pub fn register(
        &mut self,
        instrument: &Instrument,
        valid_from: Second,
    ) -> Result<InstrumentId, StoreError> {
        let key = InstrumentKey::of(instrument);
        let filters = &instrument.filters;
        if filters.tick_size.is_zero() || filters.step_size.is_zero() {
            return Err(StoreError::NoGrid { instrument: key.to_string() });
        }
        let newest = self.versions.iter().rfind(|version| version.key() == key);
        let id = match newest {
            Some(version) if version.instrument.filters == *filters => version.id,
            Some(version) => {
                let grid = version.grid.joined(filters);
                self.add_version(instrument, grid, (version.version + 1, valid_from))?
            }
            None => self.add_version(instrument, RowGrid::under(filters), (1, valid_from))?,
        };
        self.registered.insert(instrument.symbol, id);
        if let Some(span) = self.last_second(&key)? {
            self.last.insert(key, span);
        }
        Ok(id)
    }

    fn add_version(
        &mut self,
        instrument: &Instrument,
        grid: RowGrid,
        (version, valid_from): (u32, Second),
    ) -> Result<InstrumentId, StoreError> {
        let filters = serde_json::to_string(&instrument.filters).unwrap_or_default();
        self.believe()?;
        let added = self
            .connection
            .execute(
                "INSERT INTO instruments (environment, market, symbol, version, tick_size_e8, \
                 step_size_e8, valid_from, filters) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    instrument.environment.to_string(),
                    instrument.market.to_string(),
                    instrument.symbol.as_str(),
                    version,
                    grid.tick_size.units(),
                    grid.step_size.units(),
                    valid_from.unix(),
                    filters,
                ],
            )
            .map_err(|source| StoreError::database(&self.path, source));
        self.connection.after(added)?;
        let id = InstrumentId(self.connection.last_insert_rowid());
        let instrument = instrument.clone();
        self.versions.push(InstrumentVersion { id, instrument, grid, version, valid_from });
        Ok(id)
    }

    /// Stores one second durably.
    ///
    /// # Errors
    /// As [`Tape::append_batch`].
    pub fn append(&mut self, frame: &Frame) -> Result<(), StoreError> {
        self.append_batch(std::slice::from_ref(frame))
    }

    /// Stores seconds in one durable transaction: all of them, or none. A write that fails is made
    /// once more, through a file that was opened anew, unless only space is wanting.
    ///
    /// # Errors
    /// [`StoreError::OutOfOrder`], [`StoreError::OffGrid`], [`StoreError::Unregistered`] name the
    /// row at fault; [`StoreError::DiskFull`] and [`StoreError::Io`] may be tried again.
    pub fn append_batch(&mut self, frames: &[Frame]) -> Result<(), StoreError> {
        self.believe()?;
        let written = self.write_batch(frames);
        match self.connection.after(written) {
            Ok(last) => self.last = last,
            Err(error) if error.is_of_the_disk() && !error.may_pass() => {
                self.append_batch_anew(frames)?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Writes a batch in one transaction; the last second of each instrument then.
    pub(super) fn write_batch(&self, frames: &[Frame]) -> Result<LastSeconds, StoreError> {
        let mut last = self.last.clone();
        let rows = frames.iter().flat_map(|frame| {
            frame.rows.iter().map(|row| (frame.second, self.registered.get(&row.symbol), row))
        });
        let mut writer = BatchWriter::begin(
            &self.connection,
            &self.path,
            "INSERT INTO seconds (second, instrument_id, book) VALUES (?1, ?2, ?3)".to_owned(),
        )?;
        for (second, id, row) in rows {
            let version = id
                .and_then(|id| self.versions.iter().find(|version| version.id == *id))
                .ok_or(StoreError::Unregistered { symbol: row.symbol })?;
            if let Some(last) = last.insert(version.key(), second)
                && second <= last
            {
                let instrument = version.key().to_string();
                return Err(StoreError::OutOfOrder { instrument, second, last });
            }
            writer.put(version, second, row)?;
        }
        fail_point::pass(format_args!("frame written"));
        writer.commit()?;
        Ok(last)
    }

    /// Stores rows of one instrument in one durable transaction, leaving alone what is already
    /// there, so that an interrupted import can simply be run again. Returns how many were new.
    ///
    /// # Errors
    /// [`StoreError::OffGrid`], [`StoreError::DiskFull`] or [`StoreError::Io`].
    pub fn import(
        &mut self,
        id: InstrumentId,
        rows: &[(Second, Row)],
    ) -> Result<usize, StoreError> {
        self.believe()?;
        let imported = self.write_import(id, rows);
        let stored = self.connection.after(imported)?;
        let key = self.versions.iter().find(|version| version.id == id).map(InstrumentVersion::key);
        let newest = rows.iter().map(|(second, _)| *second).max();
        if let (Some(newest), Some(last)) = (newest, key.and_then(|key| self.last.get_mut(&key))) {
            *last = newest.max(*last);
        }
        Ok(stored)
    }

    fn write_import(&self, id: InstrumentId, rows: &[(Second, Row)]) -> Result<usize, StoreError> {
        let Some(version) = self.versions.iter().find(|version| version.id == id) else {
            return Ok(0);
        };
        let siblings = ids_of(&self.versions_of(&version.key()));
        // A second is held once per instrument, whichever version counted it.
        let statement = format!(
            "INSERT INTO seconds (second, instrument_id, book) SELECT ?1, ?2, ?3 WHERE NOT EXISTS \
             (SELECT 1 FROM seconds WHERE second = ?1 AND instrument_id IN ({siblings}))"
        );
        let mut writer = BatchWriter::begin(&self.connection, &self.path, statement)?;
        let mut stored = 0;
        for (second, row) in rows {
            stored += writer.put(version, *second, row)?;
        }
        writer.commit()?;
        Ok(stored)
    }

    /// Every instrument version on the tape, oldest first.
    #[must_use]
    pub fn versions(&self) -> &[InstrumentVersion] {
        &self.versions
    }

    /// Every instrument on the tape.
    #[must_use]
    pub fn instruments(&self) -> BTreeSet<InstrumentKey> {
        self.versions.iter().map(InstrumentVersion::key).collect()
    }

    /// The newest version of an instrument.
    #[must_use]
    pub fn newest_version(&self, key: &InstrumentKey) -> Option<&InstrumentVersion> {
        self.versions.iter().rfind(|version| version.key() == *key)
    }

    /// Finds the one instrument that `asked` names: `BTCUSDT`, `usdm:BTCUSDT` or
    /// `production:usdm:BTCUSDT`.
    ///
    /// # Errors
    /// [`StoreError::UnknownSymbol`] or [`StoreError::Ambiguous`] with what there is to choose.
    pub fn resolve(&self, asked: &str) -> Result<InstrumentKey, StoreError> {
        instruments::resolve(asked, &self.instruments())
    }

    /// Reads an instrument's rows of `[from, to)` in order, page by page.
    #[must_use]
    pub fn scan(&self, key: &InstrumentKey, seconds: Range<Second>) -> Scan<'_> {
        Scan::new(&self.connection, &self.path, self.versions_of(key), seconds)
    }

    /// The runs of seconds within `[from, to)` that are not valid, with the reason of each.
    ///
    /// # Errors
    /// [`StoreError::CorruptRow`] or a failure to read.
    pub fn gaps(
        &self,
        key: &InstrumentKey,
        seconds: Range<Second>,
    ) -> Result<Vec<Gap>, StoreError> {
        gaps::find(self.scan(key, seconds.clone()), seconds)
    }

    /// What is held of an instrument; `None` if nothing is.
    ///
    /// # Errors
    /// A failure to read.
    pub fn span(&self, key: &InstrumentKey) -> Result<Option<Span>, StoreError> {
        let mut span: Option<Span> = None;
        for version in self.versions_of(key) {
            let (first, last, rows): (Option<i64>, Option<i64>, u64) = self
                .connection
                .query_row(
                    "SELECT min(second), max(second), count(*) FROM seconds \
                     WHERE instrument_id = ?1",
                    [version.id.0],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.cast_unsigned())),
                )
                .map_err(|source| StoreError::database(&self.path, source))?;
            if let (Some(first), Some(last)) = (first, last) {
                let (first, last) = (Second::from_unix(first), Second::from_unix(last));
                let held = span.unwrap_or(Span { first, last, rows: 0 });
                span = Some(Span {
                    first: held.first.min(first),
                    last: held.last.max(last),
                    rows: held.rows + rows,
                });
            }
        }
        Ok(span)
    }

    /// How many of an instrument's rows carry no checksum: an earlier version wrote them.
    ///
    /// # Errors
    /// A failure to read.
    pub fn unchecked(&self, key: &InstrumentKey) -> Result<u64, StoreError> {
        let ids = ids_of(&self.versions_of(key));
        let count = format!(
            "SELECT count(*) FROM seconds WHERE instrument_id IN ({ids}) AND substr(book, 1, 1) = ?1"
        );
        self.connection
            .query_row(&count, [[row_codec::UNCHECKED_LAYOUT]], |row| row.get::<_, i64>(0))
            .map(i64::cast_unsigned)
            .map_err(|source| StoreError::database(&self.path, source))
    }

    /// Asks SQLite to check every page of the file.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first finding.
    pub fn check_pages(&self) -> Result<(), StoreError> {
        let finding: String = self
            .connection
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|source| StoreError::database(&self.path, source))?;
        if finding == "ok" {
            return Ok(());
        }
        Err(StoreError::Corrupt {
            path: self.path.clone(),
            detail: finding,
            remedy: "move it away and restore it from a backup, or import again",
        })
    }

    /// Moves committed rows from the log into the file, where that needs no waiting.
    ///
    /// # Errors
    /// A failure to write.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|source| StoreError::database(&self.path, source))
    }

    /// Where the tape is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn versions_of(&self, key: &InstrumentKey) -> Vec<InstrumentVersion> {
        self.versions.iter().filter(|version| version.key() == *key).cloned().collect()
    }

    pub(super) fn last_second(&self, key: &InstrumentKey) -> Result<Option<Second>, StoreError> {
        let mut last = None;
        for version in self.versions_of(key) {
            let found: Option<i64> = self
                .connection
                .query_row(
                    "SELECT second FROM seconds WHERE instrument_id = ?1 \
                     ORDER BY second DESC LIMIT 1",
                    [version.id.0],
                    |row| row.get(0),
                )
                .optional()
                .map_err(|source| StoreError::database(&self.path, source))?;
            last = last.max(found.map(Second::from_unix));
        }
        Ok(last)
    }
}

/// Writes rows within one transaction; dropped before the commit, it leaves nothing.
struct BatchWriter<'a> {
    transaction: rusqlite::Transaction<'a>,
    path: &'a Path,
    statement: String,
    bytes: Vec<u8>,
}

impl<'a> BatchWriter<'a> {
    fn begin(
        connection: &'a Connection,
        path: &'a Path,
        statement: String,
    ) -> Result<Self, StoreError> {
        let transaction = connection
            .unchecked_transaction()
            .map_err(|source| StoreError::database(path, source))?;
        Ok(Self { transaction, path, statement, bytes: Vec::with_capacity(256) })
    }

    fn put(
        &mut self,
        version: &InstrumentVersion,
        second: Second,
        row: &Row,
    ) -> Result<usize, StoreError> {
        self.bytes.clear();
        row_codec::encode(row, version.grid, &mut self.bytes).map_err(|source| {
            StoreError::OffGrid { instrument: version.key().to_string(), second, source }
        })?;
        self.transaction
            .prepare_cached(&self.statement)
            .and_then(|mut insert| insert.execute(params![second.unix(), version.id.0, self.bytes]))
            .map_err(|source| StoreError::database(self.path, source))
    }

    fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().map_err(|source| StoreError::database(self.path, source))
    }
}

/// Ids as SQL lists them.
pub(super) fn ids_of(versions: &[InstrumentVersion]) -> String {
    let ids: Vec<String> = versions.iter().map(|version| version.id.0.to_string()).collect();
    ids.join(", ")
}

fn load_versions(
    connection: &Connection,
    path: &Path,
) -> Result<Vec<InstrumentVersion>, StoreError> {
    let fail = |source| StoreError::database(path, source);
    let mut statement = connection
        .prepare(
            "SELECT id, environment, market, symbol, version, tick_size_e8, step_size_e8, \
             valid_from, filters FROM instruments ORDER BY id",
        )
        .map_err(fail)?;
    let mut rows = statement.query([]).map_err(fail)?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next().map_err(fail)? {
        let version = read_version(row).map_err(fail)?;
        versions.push(version.ok_or_else(|| StoreError::Corrupt {
            path: path.to_owned(),
            detail: "an instrument cannot be read".to_owned(),
            remedy: "restore it from a backup",
        })?);
    }
    Ok(versions)
}

fn read_version(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<InstrumentVersion>> {
    let word = |text: String| serde_json::Value::String(text);
    let [environment, market, symbol] =
        [row.get::<_, String>(1)?, row.get(2)?, row.get(3)?].map(word);
    let filters: String = row.get(8)?;
    let (tick, step): (i64, i64) = (row.get(5)?, row.get(6)?);
    let instrument = serde_json::from_str(&filters).ok().and_then(|filters| {
        Some(Instrument {
            environment: serde_json::from_value(environment).ok()?,
            market: serde_json::from_value(market).ok()?,
            symbol: serde_json::from_value(symbol).ok()?,
            filters,
        })
    });
    let grid = Price::from_units(tick).ok().zip(Quantity::from_units(step).ok());
    let grid = grid.map(|(tick_size, step_size)| RowGrid { tick_size, step_size });
    // Rows are counted in the filters' grid or a finer one: any other would lose prices.
    let grid = grid.zip(instrument.as_ref()).map(|(grid, it)| (grid, grid.joined(&it.filters)));
    let grid = grid.filter(|(grid, joined)| grid == joined).map(|(grid, _)| grid);
    let (id, version) = (InstrumentId(row.get(0)?), row.get(4)?);
    let valid_from = Second::from_unix(row.get(7)?);
    Ok(instrument.zip(grid).map(|(instrument, grid)| InstrumentVersion {
        id,
        instrument,
        grid,
        version,
        valid_from,
    }))
}

#[cfg(test)]
#[path = "tape_tests.rs"]
pub(super) mod tests;
