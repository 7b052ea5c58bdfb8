//! Whether the ledger says what the journal says: it is derived again, into an empty one, and
//! compared row by row.

use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::engine::Event;
use crate::store::error::StoreError;

use super::audit;
use super::layout::SCHEMA;
use super::ledger;
use super::record::StoredEvent;

/// A table of the ledger: which columns follow from events, first the number of the event that began
/// the row, then its key.
struct Table {
    columns: &'static str,
    from: &'static str,
    key: &'static [&'static str],
}

const FILLS: Table = Table {
    columns: "seq, symbol, trade_id, order_id, client_order_id, side, price_e8, quantity_e8, \
              commission_e8, commission_asset, realized_pnl_e8, is_maker, time_ns",
    from: "fills",
    key: &["symbol", "trade_id", "order_id"],
};

const ORDERS: Table = Table {
    // That an order never came to be is what a command says, not an event (`resolutions`).
    columns: "first_seq, client_order_id, CASE WHEN status IN ('INTENT', 'UNKNOWN', 'ABSENT') \
              THEN 'UNPROVEN' ELSE status END, filled_e8, order_id",
    from: "orders",
    key: &["client_order_id"],
};

const INCOME: Table = Table {
    columns: "seq, time_ns, kind, transaction_id, symbol, asset, amount_e8, trade_id",
    from: "income",
    key: &["time_ns", "kind", "transaction_id", "symbol", "asset"],
};

/// A ledger derived from the journal alone.
pub(super) struct Derived {
    scratch: Connection,
    path: PathBuf,
}

impl Derived {
    /// An empty one, in memory.
    pub(super) fn new(path: &Path) -> Result<Self, StoreError> {
        let fail = |source| StoreError::database(path, source);
        let scratch = Connection::open_in_memory().map_err(fail)?;
        scratch.pragma_update(None, "foreign_keys", "OFF").map_err(fail)?;
        for migration in SCHEMA.migrations {
            scratch.execute_batch(migration).map_err(fail)?;
        }
        Ok(Self { scratch, path: path.to_owned() })
    }

    /// Books an event and the orders it led to, as the journal did.
    pub(super) fn book(&self, stored: &StoredEvent, event: &Event) -> Result<(), StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        let sequence = stored.head.sequence;
        let transaction = self.scratch.unchecked_transaction().map_err(fail)?;
        ledger::book_event(&transaction, sequence, event).map_err(fail)?;
        for (_, payload) in stored.commands.iter().filter(|(kind, _)| kind.starts_with("place")) {
            let Some(name) = audit::name_in(payload) else { continue };
            transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO orders (client_order_id, symbol, side, kind, \
                     reduce_only, status, filled_e8, first_seq, last_seq) \
                     VALUES (?1, '', '', '', 0, 'INTENT', 0, ?2, ?2)",
                )
                .and_then(|mut insert| insert.execute(params![name, sequence]))
                .map_err(fail)?;
        }
        transaction.commit().map_err(fail)
    }

    /// Compares with the journal's own ledger, both ways. Rows begun by `unread` or before are
    /// believed: those events are gone, or of a layout no longer read. The answer counts the trades
    /// and orders that agree.
    pub(super) fn compare(
        &self,
        ledger: &Connection,
        unread: i64,
    ) -> Result<(u64, u64), StoreError> {
        let mut agreed = [0; 3];
        for (table, agreed) in [FILLS, ORDERS, INCOME].iter().zip(&mut agreed) {
            self.each_of(ledger, &self.scratch, table, unread)?;
            *agreed = self.each_of(&self.scratch, ledger, table, unread)?;
        }
        Ok((agreed[0], agreed[1]))
    }

    /// Finds each row of one ledger in the other.
    fn each_of(
        &self,
        one: &Connection,
        other: &Connection,
        table: &Table,
        unread: i64,
    ) -> Result<u64, StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        let Table { columns, from, key } = table;
        let condition: Vec<String> = key.iter().map(|column| format!("{column} = ?")).collect();
        let select = format!("SELECT {columns} FROM {from}");
        let mut all = one.prepare(&select).map_err(fail)?;
        let same = format!("{select} WHERE {}", condition.join(" AND "));
        let mut same = other.prepare(&same).map_err(fail)?;
        let count = all.column_count();
        let mut rows = all.query([]).map_err(fail)?;
        let mut agreed = 0;
        while let Some(row) = rows.next().map_err(fail)? {
            let row = values(row, count).map_err(fail)?;
            let key = &row[1..=key.len()];
            let there = same.query_row(params_from_iter(key), |row| values(row, count)).optional();
            let there = there.map_err(fail)?;
            if begun_by(&row) <= unread || there.as_deref().is_some_and(|it| begun_by(it) <= unread)
            {
                continue;
            }
            if there.as_ref() != Some(&row) {
                let (table, row) = (table.from, words(key));
                return Err(StoreError::LedgerDiffers { path: self.path.clone(), table, row });
            }
            agreed += 1;
        }
        Ok(agreed)
    }
}

fn values(row: &Row<'_>, count: usize) -> rusqlite::Result<Vec<Value>> {
    (0..count).map(|column| row.get(column)).collect()
}

fn begun_by(row: &[Value]) -> i64 {
    match row.first() {
        Some(Value::Integer(sequence)) => *sequence,
        Some(Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_)) | None => 0,
    }
}

fn words(key: &[Value]) -> String {
    let words = key.iter().map(|value| match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Null | Value::Real(_) | Value::Blob(_) => String::new(),
    });
    words.collect::<Vec<_>>().join(" ")
}
