//! What moved the wallet, row by row, each booked once, and where that ends.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::domain::{Amount, Asset, Income, IncomeId, IncomeKind, Symbol, Timestamp};
use crate::engine::LedgerSummary;
use crate::store::error::StoreError;

/// Rows may be told later than others of the same moment: so much before the newest is asked for
/// again.
const OVERLAP: Duration = Duration::from_mins(10);

/// A row is booked once, however often the venue tells of it (I6).
pub(super) fn book(
    transaction: &Transaction<'_>,
    sequence: i64,
    rows: &[Income],
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO income (kind, transaction_id, symbol, asset, time_ns, amount_e8, trade_id, \
         seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    )?;
    for row in rows {
        statement.execute(params![
            row.kind.as_str(),
            row.transaction_id.cast_signed(),
            row.symbol.as_ref().map_or("", Symbol::as_str),
            row.asset.as_str(),
            row.time.nanos(),
            row.amount.units(),
            row.trade_id.map(|id| id.0.cast_signed()),
            sequence,
        ])?;
    }
    Ok(())
}

/// Adds to a summary where the income ends, and what the day was paid: trades are booked as fills,
/// and what names no symbol, like a transfer, is no profit.
pub(super) fn summarize(
    connection: &Connection,
    path: &Path,
    midnight: i64,
    summary: &mut LedgerSummary,
) -> Result<(), StoreError> {
    let fail = |source| StoreError::database(path, source);
    let paid: i64 = connection
        .query_row(
            "SELECT coalesce(sum(amount_e8), 0) FROM income WHERE time_ns >= ?1 \
             AND kind NOT IN ('REALIZED_PNL', 'COMMISSION') AND symbol <> '' \
             AND (symbol LIKE '%' || asset OR symbol LIKE '%' || asset || '\\_%' ESCAPE '\\')",
            [midnight],
            |row| row.get(0),
        )
        .map_err(fail)?;
    let paid = Amount::from_units(paid).unwrap_or_default();
    summary.realized_today = summary.realized_today.saturating_add(paid);
    let newest: Option<i64> = connection
        .query_row("SELECT max(time_ns) FROM income", [], |row| row.get(0))
        .map_err(fail)?;
    let first_run: Option<i64> = connection
        .query_row("SELECT started_ns FROM runs ORDER BY epoch LIMIT 1", [], |row| row.get(0))
        .optional()
        .map_err(fail)?;
    let since = newest.map(|newest| Timestamp::from_nanos(newest).earlier_by(OVERLAP));
    summary.income_since = since.or(first_run.map(Timestamp::from_nanos));
    if let Some(since) = since {
        summary.income_known = known(connection, since).map_err(fail)?;
    }
    Ok(())
}

/// The rows from a moment on.
fn known(connection: &Connection, since: Timestamp) -> rusqlite::Result<Vec<IncomeId>> {
    let mut statement = connection.prepare(
        "SELECT time_ns, kind, transaction_id, symbol, asset FROM income WHERE time_ns >= ?1",
    )?;
    let mut rows = statement.query([since.nanos()])?;
    let mut known = Vec::new();
    while let Some(row) = rows.next()? {
        let [kind, symbol, asset]: [String; 3] = [row.get(1)?, row.get(3)?, row.get(4)?];
        // What was written was an asset, or nothing was.
        let Ok(asset) = Asset::new(&asset) else { continue };
        known.push(IncomeId {
            time: Timestamp::from_nanos(row.get(0)?),
            kind: IncomeKind::from_word(&kind),
            transaction_id: row.get::<_, i64>(2)?.cast_unsigned(),
            symbol: Symbol::new(&symbol).ok(),
            asset,
        });
    }
    Ok(known)
}
