//! Positions taken over from the venue, and whether the ledger's positions are ours to trade.
//!
//! The ledger is the sum of the fills, except where it differed from the venue for good: there the
//! engine takes the venue's position over, and the row written with that event is what the sum
//! begins with. A position that others opened is theirs until it is flat.

use rusqlite::{Connection, Transaction, params};

use super::fills;

use crate::domain::{ClientOrderId, Exposure, Side, Symbol, Timestamp, TradeId};

/// Whether a trade is in the newest position taken over of its symbol, where there is one. What
/// happened before the venue was asked is in it, and so is every trade up to its last, which versions
/// that knew no such moment named alone.
pub(super) const IS_IN_IT: &str = "(newest.symbol IS NOT NULL AND (fills.life < newest.life \
    OR (fills.life = newest.life AND fills.trade_id <= newest.trade_id) \
    OR fills.time_ns <= newest.asked_ns))";

/// Writes what was taken over: what is held, the newest trade known to be in it, and when the venue
/// was asked.
pub(super) fn book(
    transaction: &Transaction<'_>,
    sequence: i64,
    (symbol, exposure): (Symbol, Exposure),
    (last_trade, asked_at): (Option<TradeId>, Timestamp),
) -> rusqlite::Result<()> {
    let newest = fills::newest(transaction, symbol)?;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO takeovers (symbol, seq, exposure_e8, trade_id, life, \
             asked_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            symbol.as_str(),
            sequence,
            exposure.units(),
            last_trade.map(|trade_id| trade_id.0.cast_signed()),
            newest.map_or(0, |(life, _)| life),
            asked_at.nanos(),
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
    let is_taken_over = connection
        .prepare_cached("SELECT 1 FROM takeovers WHERE symbol = ?1")?
        .exists([symbol.as_str()])?;
    let mut statement = connection.prepare(&format!(
        "WITH newest AS (SELECT symbol, trade_id, life, asked_ns FROM takeovers \
           WHERE symbol = ?1 ORDER BY seq DESC LIMIT 1) \
         SELECT side = 'BUY', quantity_e8, client_order_id \
         FROM fills LEFT JOIN newest ON newest.symbol = fills.symbol \
         WHERE fills.symbol = ?1 AND NOT coalesce({IS_IN_IT}, 0) \
         ORDER BY fills.life DESC, fills.trade_id DESC",
    ))?;
    let mut fills = statement.query([symbol.as_str()])?;
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
    Ok(is_taken_over)
}
