//! Read-only SQL over the tape and the journal, with the packed rows decoded for people.
//!
//! The views `book` and `seconds` stand before the tape's tables, `events` and `commands` before the
//! journal's, with closed days unpacked; prices and quantities come as REAL,
//! which shows every decimal the venue uses (15 significant digits). Whoever needs the integers
//! reads the tables `main.seconds` and `main.instruments`. Nothing can be written: the files are
//! opened read-only and a statement that would write is refused by name.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Batch, Connection};

use crate::book::{DEPTH, Level, Row, Validity, measures};
use crate::domain::{Amount, Price, Quantity, Symbol};

use super::error::StoreError;
use super::row_codec::{self, RowGrid};
use super::{journal, journal_path, tape, tape_path};

/// The columns of the view `seconds` that are decoded from a row.
const SECOND_COLUMNS: [&str; 18] = [
    "validity",
    "reason",
    "age_ms",
    "updates",
    "mid_price",
    "mid_high",
    "mid_low",
    "squared_mid_changes",
    "order_flow_imbalance",
    "trades",
    "buy_volume",
    "sell_volume",
    "notional",
    "vwap",
    "lowest_sell",
    "highest_buy",
    "mark_price",
    "mark_age_ms",
];

/// A read-only session on a data folder.
#[derive(Debug)]
pub struct Query {
    connection: Connection,
    path: PathBuf,
}

/// One value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text; bytes are written in hexadecimal.
    Text(String),
}

/// The answer of one statement, row by row.
pub trait Answer {
    /// Called once a statement, before its rows.
    fn columns(&mut self, names: Vec<String>);
    /// Called for each row; `false` ends the query.
    fn row(&mut self, cells: Vec<Cell>) -> bool;
}

impl Query {
    /// Opens the tape of a data folder, and its journal as `journal` if there is one.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if there is no tape; otherwise as [`super::Tape::open_read_only`].
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let path = tape_path(data_dir);
        let connection = tape::SCHEMA.open_read_only(&path)?;
        let fail = |source| StoreError::database(&path, source);
        let journal = journal_path(data_dir);
        let has_journal = journal.exists();
        if has_journal {
            journal::SCHEMA.open_read_only(&journal)?;
            connection
                .execute("ATTACH DATABASE ?1 AS journal", [journal.to_string_lossy()])
                .map_err(fail)?;
        }
        register(&connection).map_err(fail)?;
        connection.execute_batch(&views()).map_err(fail)?;
        if has_journal {
            journal::views::create(&connection).map_err(fail)?;
        }
        connection.pragma_update(None, "query_only", "ON").map_err(fail)?;
        Ok(Self { connection, path })
    }

    /// Runs the statements of `sql` in order.
    ///
    /// # Errors
    /// [`StoreError::WritingStatement`] if one would write; [`StoreError::Statement`] with what
    /// SQLite says about it.
    pub fn run(&self, sql: &str, answer: &mut impl Answer) -> Result<(), StoreError> {
        let fail = |source: rusqlite::Error| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                StoreError::database(&self.path, source)
            }
            Some(_) | None => StoreError::Statement { source },
        };
        let mut batch = Batch::new(&self.connection, sql);
        while let Some(mut statement) = batch.next().map_err(fail)? {
            if !statement.readonly() {
                return Err(StoreError::WritingStatement);
            }
            let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let count = columns.len();
            answer.columns(columns);
            let mut rows = statement.query([]).map_err(fail)?;
            while let Some(row) = rows.next().map_err(fail)? {
                let cells = (0..count)
                    .map(|index| row.get_ref(index).map(Cell::from))
                    .collect::<Result<_, _>>()
                    .map_err(fail)?;
                if !answer.row(cells) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(bytes) => Self::Text(String::from_utf8_lossy(bytes).into_owned()),
            ValueRef::Blob(bytes) => Self::Text(hex::encode(bytes)),
        }
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Integer(number) => number.fmt(formatter),
            Self::Real(number) => number.fmt(formatter),
            Self::Text(text) => formatter.pad(text),
        }
    }
}

impl serde::Serialize for Cell {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Real(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

fn views() -> String {
    const FROM: &str =
        "FROM main.seconds AS s JOIN main.instruments AS i ON i.id = s.instrument_id";
    const KEYS: &str = "s.second AS second, \
        strftime('%Y-%m-%dT%H:%M:%SZ', s.second, 'unixepoch') AS time, \
        i.symbol AS symbol, i.market AS market, i.environment AS environment";
    let decoded = |name: &str| {
        format!(", lobd_field(s.book, i.tick_size_e8, i.step_size_e8, '{name}') AS {name}")
    };
    let book: String = level_columns().iter().map(|name| decoded(name)).collect();
    let seconds: String = SECOND_COLUMNS.iter().map(|name| decoded(name)).collect();
    format!(
        "CREATE TEMP VIEW book AS SELECT {KEYS}{book} {FROM};
         CREATE TEMP VIEW seconds AS SELECT {KEYS}{seconds} {FROM};"
    )
}

fn level_columns() -> Vec<String> {
    let names = ["bid_price", "bid_quantity", "ask_price", "ask_quantity"];
    (1..=DEPTH).flat_map(|level| names.map(|name| format!("{name}_{level}"))).collect()
}

/// The row last decoded: SQLite asks for the columns of one row in turn.
#[derive(Default)]
struct Decoded {
    bytes: Vec<u8>,
    grid: Option<RowGrid>,
    row: Option<Row>,
}

fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let decoded = Mutex::new(Decoded::default());
    connection.create_scalar_function("lobd_field", 4, flags, move |context| {
        // The lock is never contended: one connection runs one statement at a time.
        let mut decoded = decoded.lock().unwrap_or_else(PoisonError::into_inner);
        let row = decoded.row_of(context)?;
        let name = context.get_raw(3).as_str()?;
        Ok(field(row, name))
    })
}

impl Decoded {
    fn row_of(&mut self, context: &Context<'_>) -> rusqlite::Result<&Row> {
        let failure = |error: super::RowError| rusqlite::Error::UserFunctionError(error.into());
        let bytes = context.get_raw(0).as_blob()?;
        let grid = RowGrid {
            tick_size: Price::from_units(context.get(1)?).unwrap_or_default(),
            step_size: Quantity::from_units(context.get(2)?).unwrap_or_default(),
        };
        if self.row.is_none() || self.grid != Some(grid) || self.bytes != bytes {
            // The view shows the instrument's symbol; the row needs some symbol only.
            let symbol = Symbol::new("any").map_err(|_| failure(super::RowError::NoGrid))?;
            self.row = None;
            let row = row_codec::decode(bytes, symbol, grid).map_err(failure)?;
            (self.bytes, self.grid, self.row) = (bytes.to_vec(), Some(grid), Some(row));
        }
        self.row.as_ref().ok_or_else(|| failure(super::RowError::Truncated))
    }
}

fn field(row: &Row, name: &str) -> Value {
    level_field(row, name).unwrap_or_else(|| second_field(row, name))
}

/// `bid_price_1` to `ask_quantity_10`; NULL where the book holds fewer levels.
fn level_field(row: &Row, name: &str) -> Option<Value> {
    let (name, number) = name.rsplit_once('_')?;
    let number: usize = number.parse().ok()?;
    let (side, what) = name.split_once('_')?;
    let level = row.snapshot.as_ref().and_then(|snapshot| {
        let levels = if side == "bid" { snapshot.bids() } else { snapshot.asks() };
        levels.get(number.checked_sub(1)?)
    });
    let value = |level: &Level| {
        if what == "price" { level.price.to_f64() } else { level.quantity.to_f64() }
    };
    Some(level.map_or(Value::Null, |level| Value::Real(value(level))))
}

fn second_field(row: &Row, name: &str) -> Value {
    let (flow, trades) = (&row.flow, &row.flow.trades);
    let price = |price: Option<Price>| real(price.map(Price::to_f64));
    match name {
        "validity" => Value::Text(
            match row.validity {
                Validity::Valid => "VALID",
                Validity::Stale(_) => "STALE",
                Validity::Missing(_) => "MISSING",
            }
            .to_owned(),
        ),
        "reason" => match row.validity {
            Validity::Valid => Value::Null,
            Validity::Stale(reason) | Validity::Missing(reason) => Value::Text(reason.to_string()),
        },
        "age_ms" => Value::Integer(row.age_ms.into()),
        "updates" => Value::Integer(flow.updates.into()),
        "mid_price" => price(row.snapshot.as_ref().map(measures::mid_price)),
        "mid_high" => price(flow.mid_high),
        "mid_low" => price(flow.mid_low),
        "squared_mid_changes" => Value::Integer(flow.squared_mid_changes.cast_signed()),
        "order_flow_imbalance" => Value::Real(flow.order_flow_imbalance.to_f64()),
        "trades" => Value::Integer(trades.count.into()),
        "buy_volume" => Value::Real(trades.buy_volume.to_f64()),
        "sell_volume" => Value::Real(trades.sell_volume.to_f64()),
        "notional" => Value::Real(trades.notional.to_f64()),
        "vwap" => real(vwap(trades.notional, trades.buy_volume, trades.sell_volume)),
        "lowest_sell" => price(trades.lowest_sell),
        "highest_buy" => price(trades.highest_buy),
        "mark_price" => price(row.mark_price),
        "mark_age_ms" if row.mark_price.is_some() => Value::Integer(row.mark_age_ms.into()),
        _ => Value::Null,
    }
}

fn real(number: Option<f64>) -> Value {
    number.map_or(Value::Null, Value::Real)
}

fn vwap(notional: Amount, bought: Quantity, sold: Quantity) -> Option<f64> {
    let volume = bought.checked_add(sold).ok().filter(|volume| !volume.is_zero())?;
    Some(notional.to_f64() / volume.to_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tape::tests::{bitcoin, open};

    #[derive(Default)]
    struct Collected(Vec<Vec<Cell>>);

    impl Answer for Collected {
        fn columns(&mut self, _names: Vec<String>) {}
        fn row(&mut self, cells: Vec<Cell>) -> bool {
            self.0.push(cells);
            true
        }
    }

    fn ask(folder: &tempfile::TempDir, sql: &str) -> Result<Vec<Vec<Cell>>, StoreError> {
        let mut collected = Collected::default();
        Query::open(folder.path())?.run(sql, &mut collected)?;
        Ok(collected.0)
    }

    #[test]
    fn the_views_show_rows_as_people_read_them() {
        let folder = tempfile::tempdir().unwrap();
        open(&folder).append_batch(&[bitcoin(1), bitcoin(2)]).unwrap();
        journal::Journal::open(&journal_path(folder.path())).unwrap();
        let sql =
            "SELECT time, symbol, bid_price_1, ask_price_1 - bid_price_1 < 0.11, bid_price_2 \
                   FROM book WHERE bid_price_1 > 59999.9 ORDER BY second LIMIT 1;
                   SELECT validity, reason, updates, mid_price, age_ms, vwap FROM seconds \
                   WHERE second = 2; SELECT count(*) FROM journal.fills";
        assert_eq!(
            ask(&folder, sql).unwrap(),
            [
                vec![
                    Cell::Text("1970-01-01T00:00:01Z".to_owned()),
                    Cell::Text("BTCUSDT".to_owned()),
                    Cell::Real(60_000.0),
                    Cell::Integer(1),
                    Cell::Null,
                ],
                vec![
                    Cell::Text("VALID".to_owned()),
                    Cell::Null,
                    Cell::Integer(7),
                    Cell::Real(60_000.05),
                    Cell::Integer(12),
                    Cell::Null,
                ],
                vec![Cell::Integer(0)],
            ]
        );
        for view in ["book", "seconds"] {
            assert_eq!(ask(&folder, &format!("SELECT * FROM {view}")).unwrap().len(), 2);
        }
    }

    #[test]
    fn what_would_write_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        open(&folder).append(&bitcoin(1)).unwrap();
        for sql in [
            "DELETE FROM main.seconds",
            "CREATE TABLE x (y)",
            "SELECT 1; DROP TABLE main.seconds",
            "PRAGMA query_only = OFF; DELETE FROM main.seconds",
        ] {
            assert!(ask(&folder, sql).is_err(), "{sql}");
        }
        assert!(matches!(ask(&folder, "SELEC 1"), Err(StoreError::Statement { .. })));
        assert_eq!(ask(&folder, "SELECT * FROM book").unwrap().len(), 1);
    }
}
