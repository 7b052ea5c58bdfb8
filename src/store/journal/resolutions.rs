//! By what hidden outcomes came to be known: one row for each order or stop that was unknown.
//!
//! The questions themselves are among the commands (`query`, `query_stop`) and the denials among the
//! events (`query_failed`, `query_stop_failed`) between the row's two moments.

use rusqlite::{Transaction, params};

use crate::domain::{Symbol, Timestamp};
use crate::trading::{Outcome, Resolution};

/// Writes how an outcome came to light. An order that never was ends in the ledger as well.
pub(super) fn book(
    transaction: &Transaction<'_>,
    sequence: i64,
    (symbol, resolution): (Symbol, &Resolution),
) -> rusqlite::Result<()> {
    let Resolution { client_order_id, outcome, proof, at, doubt } = resolution;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO resolutions (client_order_id, seq, symbol, outcome, proof, \
             unknown_since_ns, questions, first_asked_ns, last_asked_ns, denials, last_denied_ns, \
             resolved_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            client_order_id.as_str(),
            sequence,
            symbol.as_str(),
            outcome.as_str(),
            proof.as_str(),
            doubt.since.nanos(),
            doubt.questions,
            doubt.first_asked_at.map(Timestamp::nanos),
            doubt.last_asked_at.map(Timestamp::nanos),
            doubt.denials,
            doubt.last_denied_at.map(Timestamp::nanos),
            at.nanos(),
        ])?;
    if *outcome == Outcome::Absent {
        transaction
            .prepare_cached(
                "UPDATE orders SET status = 'ABSENT', last_seq = ?2 \
                 WHERE client_order_id = ?1 AND status IN ('INTENT', 'UNKNOWN')",
            )?
            .execute(params![client_order_id.as_str(), sequence])?;
    }
    Ok(())
}
