//! Trades, each booked once. A venue that is reset numbers its trades anew: a trade is named by its
//! symbol, the life of the account it belongs to, and its number.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::domain::{Fill, Symbol, Timestamp, TradeId};
use crate::trading::LastTrade;

/// The same trade told twice has the same order, and times this near.
const SAME_TRADE_NANOS: i64 = 1_000_000_000;

/// A trade id is booked once per symbol and life, however often the venue tells of it (I6).
pub(super) fn book(
    transaction: &Transaction<'_>,
    sequence: i64,
    fill: &Fill,
) -> rusqlite::Result<()> {
    let newest = newest(transaction, fill.symbol)?;
    let last_life = newest.map_or(0, |(life, _)| life);
    if is_booked(transaction, last_life, fill)? {
        return Ok(());
    }
    let life = last_life + i64::from(newest.is_some_and(|(_, last)| last.is_outlived_by(fill)));
    transaction
        .prepare_cached(
            "INSERT INTO fills (symbol, life, trade_id, order_id, client_order_id, side, price_e8, \
             quantity_e8, commission_e8, commission_asset, realized_pnl_e8, is_maker, time_ns, \
             seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
             ON CONFLICT (symbol, life, trade_id) DO NOTHING",
        )?
        .execute(params![
            fill.symbol.as_str(),
            life,
            fill.trade_id.0.cast_signed(),
            fill.order_id.0.cast_signed(),
            fill.client_order_id.as_ref().map(|id| id.as_str().to_owned()),
            fill.side.to_string(),
            fill.price.units(),
            fill.quantity.units(),
            fill.commission.units(),
            fill.commission_asset.as_str(),
            fill.realized_pnl.units(),
            fill.is_maker,
            fill.time.nanos(),
            sequence,
        ])
        .map(|_| ())
}

/// The newest trade of a symbol in its newest life, and which life that is.
pub(super) fn newest(
    connection: &Connection,
    symbol: Symbol,
) -> rusqlite::Result<Option<(i64, LastTrade)>> {
    let read = |row: &rusqlite::Row<'_>| {
        let trade_id = TradeId(row.get::<_, i64>(1)?.cast_unsigned());
        Ok((row.get(0)?, LastTrade { trade_id, time: Timestamp::from_nanos(row.get(2)?) }))
    };
    connection
        .prepare_cached(
            "SELECT life, trade_id, time_ns FROM fills WHERE symbol = ?1 \
             ORDER BY life DESC, trade_id DESC LIMIT 1",
        )?
        .query_row([symbol.as_str()], read)
        .optional()
}

/// Whether the trade is booked already, in any life up to the last one.
fn is_booked(transaction: &Transaction<'_>, last_life: i64, fill: &Fill) -> rusqlite::Result<bool> {
    let mut statement = transaction.prepare_cached(
        "SELECT 1 FROM fills WHERE symbol = ?1 AND life = ?2 AND trade_id = ?3 \
         AND order_id = ?4 AND abs(time_ns - ?5) < ?6",
    )?;
    for life in 0..=last_life {
        let is_there = statement.exists(params![
            fill.symbol.as_str(),
            life,
            fill.trade_id.0.cast_signed(),
            fill.order_id.0.cast_signed(),
            fill.time.nanos(),
            SAME_TRADE_NANOS,
        ])?;
        if is_there {
            return Ok(true);
        }
    }
    Ok(false)
}
