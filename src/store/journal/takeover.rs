//! Positions taken over from the venue, and whether the ledger's positions are ours to trade.
//!
//! The ledger is the sum of the fills, except where it differed from the venue for good: there the
//! engine takes the venue's position over, and the row written with that event is what the sum
//! begins with. A position that others opened is theirs until it is flat.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::domain::{ClientOrderId, Exposure, Side, Symbol, TradeId};

/// Writes what was taken over: what is held, and the newest trade that is in it.
pub(super) fn book(
    transaction: &Transaction<'_>,
    sequence: i64,
    (symbol, exposure, last_trade): (Symbol, Exposure, Option<TradeId>),
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO takeovers (symbol, seq, exposure_e8, trade_id) \
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            symbol.as_str(),
            sequence,
            exposure.units(),
            last_trade.map(|trade_id| trade_id.0.cast_signed()),
        ])
        .map(|_| ())
}

/// Whether the position the ledger ends with was taken over, or opened by an order that names
/// somebody else. One whose opening trade carries no name counts as ours.
pub(super) fn is_external(
    connection: &Connection,
    installation: u32,
    (symbol, exposure): (Symbol, Exposure),
) -> rusqlite::Result<bool> {
    let taken_over: Option<i64> = connection
        .query_row(
            "SELECT coalesce(trade_id, -1) FROM takeovers WHERE symbol = ?1 \
             ORDER BY seq DESC LIMIT 1",
            [symbol.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    let mut statement = connection.prepare_cached(
        "SELECT side = 'BUY', quantity_e8, client_order_id FROM fills \
         WHERE symbol = ?1 AND trade_id > ?2 ORDER BY trade_id DESC",
    )?;
    let mut fills = statement.query(params![symbol.as_str(), taken_over.unwrap_or(-1)])?;
    // Backward in time, to the trade before which nothing, or the other side, was held.
    let is_long = exposure.side() == Some(Side::Buy);
    let mut held = exposure.units().abs();
    while let Some(fill) = fills.next()? {
        let (is_buy, quantity): (bool, i64) = (fill.get(0)?, fill.get(1)?);
        held -= if is_buy == is_long { quantity } else { -quantity };
        if held <= 0 {
            let name: Option<String> = fill.get(2)?;
            let name = name.and_then(|name| ClientOrderId::new(&name).ok());
            return Ok(name.is_some_and(|id| !id.is_of_installation(installation)));
        }
    }
    Ok(taken_over.is_some())
}
