//! The journal's ledger against the venue's account, from outside the daemon, whether it runs or not.
//!
//! The running engine reconciles orders and stops as well, with knowledge of what is in flight;
//! here only what must be equal at rest is compared: positions, and trades booked.
//!
//! Invariants: **1** nothing is changed, at the venue or on disk; **2** a difference counts only if
//! it is there twice, two seconds apart: what the daemon is about to book is none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use thiserror::Error;
use tokio::time::sleep;

use crate::clock::SharedClock;
use crate::domain::{AccountReport, Exposure, Failure, Symbol, Timestamp, TradeId};
use crate::engine::LedgerSummary;
use crate::store::{Journal, StoreError};
use crate::trading::reconcile::{IN_FLIGHT, venue_exposure};
use crate::venue::Venue;

/// One thing that the journal and the venue do not agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Difference {
    /// The positions differ.
    Position {
        /// In which symbol.
        symbol: Symbol,
        /// What the journal's fills add up to.
        ledger: Exposure,
        /// What the venue says.
        venue: Exposure,
    },
    /// The venue has trades of ours that are not booked.
    UnbookedTrades {
        /// In which symbol.
        symbol: Symbol,
        /// The first of them.
        first: TradeId,
        /// How many there are.
        count: u64,
    },
}

/// Why ledger and venue could not be compared.
#[derive(Debug, Error)]
pub enum AccountCheckError {
    /// There is no journal, or it cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The venue could not be asked.
    #[error("the account could not be read")]
    Venue(#[from] Failure),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Position { symbol, ledger, venue } => {
                write!(formatter, "position in {symbol}: ledger {ledger}, venue {venue}")
            }
            Self::UnbookedTrades { symbol, first, count } => {
                write!(formatter, "{count} trades in {symbol} are not booked, from {} on", first.0)
            }
        }
    }
}

/// Compares the journal's ledger with the venue's account, in the symbols given, those traded
/// before and those with a position.
///
/// # Errors
/// [`AccountCheckError`].
pub async fn check(
    journal: &Path,
    venue: &impl Venue,
    symbols: &[Symbol],
    clock: &SharedClock,
) -> Result<Vec<Difference>, AccountCheckError> {
    let first = look(journal, venue, symbols, clock.now()).await?;
    if first.is_empty() {
        return Ok(first);
    }
    sleep(IN_FLIGHT).await;
    let mut second = look(journal, venue, symbols, clock.now()).await?;
    let seen: BTreeSet<Symbol> = first.iter().map(Difference::symbol).collect();
    second.retain(|difference| seen.contains(&difference.symbol()));
    Ok(second)
}

async fn look(
    journal: &Path,
    venue: &impl Venue,
    symbols: &[Symbol],
    now: Timestamp,
) -> Result<Vec<Difference>, AccountCheckError> {
    let (ledger, since) = {
        let journal = Journal::open_read_only(journal)?;
        // Earlier runs were reconciled by the newest; a symbol never traded is asked from there on.
        let since = journal.runs()?.last().map_or(now, |run| run.started_at);
        (journal.ledger(now)?, since)
    };
    let booked = ledger.last_trades.keys().chain(symbols);
    let last = |symbol: &Symbol| ledger.last_trades.get(symbol).map(|last| last.trade_id);
    let fills_after: BTreeMap<Symbol, Option<TradeId>> =
        booked.map(|symbol| (*symbol, last(symbol))).collect();
    let report = venue.account(&fills_after, since).await?;
    Ok(differences(&ledger, &report))
}

/// What a ledger and an account report do not agree on; the report's fills are those after the
/// ledger's last.
#[must_use]
pub fn differences(ledger: &LedgerSummary, report: &AccountReport) -> Vec<Difference> {
    let held = report.positions.iter().map(|position| position.symbol);
    let symbols: BTreeSet<Symbol> = ledger.exposures.keys().copied().chain(held).collect();
    let positions = symbols.into_iter().filter_map(|symbol| {
        let booked = ledger.exposures.get(&symbol).copied().unwrap_or(Exposure::ZERO);
        let venue = venue_exposure(symbol, report);
        (booked != venue).then_some(Difference::Position { symbol, ledger: booked, venue })
    });
    let mut unbooked: BTreeMap<Symbol, (TradeId, u64)> = BTreeMap::new();
    for fill in &report.fills {
        let last = ledger.last_trades.get(&fill.symbol);
        if last.is_none_or(|last| fill.trade_id > last.trade_id || last.is_outlived_by(fill)) {
            let (first, count) = unbooked.entry(fill.symbol).or_insert((fill.trade_id, 0));
            *first = (*first).min(fill.trade_id);
            *count += 1;
        }
    }
    let unbooked = unbooked
        .into_iter()
        .map(|(symbol, (first, count))| Difference::UnbookedTrades { symbol, first, count });
    positions.chain(unbooked).collect()
}

impl Difference {
    const fn symbol(&self) -> Symbol {
        match self {
            Self::Position { symbol, .. } | Self::UnbookedTrades { symbol, .. } => *symbol,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_that_only_one_side_knows_is_a_difference() {
        let symbol = Symbol::new("BTCUSDT").unwrap();
        let nothing = AccountReport {
            asked_at: Timestamp::default(),
            positions: Vec::new(),
            open_orders: Vec::new(),
            open_stops: Vec::new(),
            fills: Vec::new(),
            balances: Vec::new(),
        };
        let mut ledger = LedgerSummary::default();
        assert_eq!(differences(&ledger, &nothing), []);
        let held = Exposure::from_units(100_000).unwrap();
        ledger.exposures.insert(symbol, held);
        let expected = Difference::Position { symbol, ledger: held, venue: Exposure::ZERO };
        assert_eq!(differences(&ledger, &nothing), [expected]);
    }
}
