//! Reading rows in order, a page at a time, while a writer may go on.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;

use rusqlite::{Connection, params};

use crate::book::Row;
use crate::domain::Second;

use super::error::StoreError;
use super::instruments::InstrumentVersion;
use super::row_codec;
use super::tape::ids_of;

/// Rows read at a time: a few hundred kilobytes, and a read lock held for milliseconds only.
const PAGE_ROWS: usize = 2_048;

/// An instrument's rows in order of seconds. Ends after the first error.
#[derive(Debug)]
pub struct Scan<'a> {
    connection: &'a Connection,
    path: &'a Path,
    versions: Vec<InstrumentVersion>,
    statement: String,
    next: Second,
    end: Second,
    page: VecDeque<(Second, Row)>,
    failure: Option<StoreError>,
    is_done: bool,
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        path: &'a Path,
        versions: Vec<InstrumentVersion>,
        seconds: Range<Second>,
    ) -> Self {
        let statement = format!(
            "SELECT second, instrument_id, book FROM seconds \
             WHERE second >= ?1 AND second < ?2 AND instrument_id IN ({}) \
             ORDER BY second LIMIT {PAGE_ROWS}",
            ids_of(&versions)
        );
        let is_done = versions.is_empty();
        Self {
            connection,
            path,
            versions,
            statement,
            next: seconds.start,
            end: seconds.end,
            page: VecDeque::with_capacity(PAGE_ROWS),
            failure: None,
            is_done,
        }
    }

    /// Reads the next page; a row at fault ends it, after the rows before it.
    fn fill(&mut self) -> Result<(), StoreError> {
        let fail = |source| StoreError::database(self.path, source);
        let mut statement = self.connection.prepare_cached(&self.statement).map_err(fail)?;
        let mut rows = statement.query(params![self.next.unix(), self.end.unix()]).map_err(fail)?;
        while let Some(found) = rows.next().map_err(fail)? {
            let second = Second::from_unix(found.get(0).map_err(fail)?);
            let id: i64 = found.get(1).map_err(fail)?;
            let bytes = found.get_ref(2).and_then(|value| Ok(value.as_blob()?)).map_err(fail)?;
            // Versions of one instrument are few; a search beats a map.
            let Some(version) = self.versions.iter().find(|version| version.id.0 == id) else {
                continue;
            };
            let row = row_codec::decode(bytes, version.instrument.symbol, version.grid).map_err(
                |source| StoreError::CorruptRow {
                    instrument: version.key().to_string(),
                    second,
                    source,
                },
            )?;
            self.page.push_back((second, row));
        }
        Ok(())
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<(Second, Row), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() && !self.is_done {
            if let Err(failure) = self.fill() {
                self.failure = Some(failure);
            }
            self.is_done = self.page.len() < PAGE_ROWS;
            if let Some((last, _)) = self.page.back() {
                self.next = last.next();
            }
        }
        match self.page.pop_front() {
            Some(row) => Some(Ok(row)),
            None => self.failure.take().map(Err),
        }
    }
}
