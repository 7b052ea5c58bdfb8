//! One second of the market as recorded: snapshot, flow, mark price and how far to trust them.

use serde::{Deserialize, Serialize};

use crate::domain::{Amount, Exposure, Price, Quantity, Second, Symbol};

use super::snapshot::Snapshot;

/// Every instrument's row of one second. `rows` is ordered by symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Which second; it holds what was received before its end.
    pub second: Second,
    /// One row an instrument.
    pub rows: Vec<Row>,
}

/// One instrument's second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Which instrument.
    pub symbol: Symbol,
    /// The book at the second's end. A stale row shows the last book held; a missing row none.
    pub snapshot: Option<Snapshot>,
    /// What happened within the second.
    pub flow: Flow,
    /// The newest mark price; on spot the mid-price.
    pub mark_price: Option<Price>,
    /// Whether the book can be trusted.
    pub validity: Validity,
    /// Milliseconds from the last change of the book to the second's end; silence is no fault.
    pub age_ms: u32,
    /// Milliseconds from the newest mark price's arrival to the second's end.
    pub mark_age_ms: u32,
}

/// Whether a second's book is proven to be the venue's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Validity {
    /// The chain of updates is intact, however quiet.
    Valid,
    /// Continuity is unproven; the snapshot shown is the last one held.
    Stale(Reason),
    /// There is no book.
    Missing(Reason),
}

/// Why a second is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// No snapshot has been received yet.
    NoSnapshot,
    /// An update was lost; a new snapshot is being fetched.
    SequenceGap,
    /// Best bid at or above best ask.
    CrossedBook,
    /// A price or quantity off the instrument's grid.
    OffGrid,
    /// A side of the book is empty.
    EmptySide,
    /// The socket is down.
    Disconnected,
    /// The socket is up but has proven nothing for too long.
    NoProofOfLife,
    /// Nothing was running.
    NotRunning,
    /// The venue's book goes on, but no update of it comes.
    FrozenStream,
    /// The book is proven, but trades of the second may be missing from its flow.
    MissedTrades,
    /// Updates come too late: the book is what the venue's was seconds ago, or a clock is off.
    LateUpdates,
}

/// What one snapshot cannot give back: the second's changes and trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flow {
    /// Depth updates applied.
    pub updates: u32,
    /// The highest mid-price after any of them (or at the second's start).
    pub mid_high: Option<Price>,
    /// The lowest mid-price after any of them (or at the second's start).
    pub mid_low: Option<Price>,
    /// Sum over updates of the squared change of the mid, in half ticks squared.
    pub squared_mid_changes: u64,
    /// Event order flow imbalance at the best level (Cont, Kukanov & Stoikov 2014), base asset.
    pub order_flow_imbalance: Exposure,
    /// Trades of the second.
    pub trades: TradeFlow,
}

/// The trades of one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TradeFlow {
    /// How many.
    pub count: u32,
    /// Quantity bought by aggressors.
    pub buy_volume: Quantity,
    /// Quantity sold by aggressors.
    pub sell_volume: Quantity,
    /// Sum of price × quantity; over the volume it is the VWAP.
    pub notional: Amount,
    /// The lowest price at which an aggressor sold.
    pub lowest_sell: Option<Price>,
    /// The highest price at which an aggressor bought.
    pub highest_buy: Option<Price>,
}

impl Frame {
    /// The row of one instrument.
    #[must_use]
    pub fn row(&self, symbol: Symbol) -> Option<&Row> {
        self.rows.iter().find(|row| row.symbol == symbol)
    }
}

impl Row {
    /// The snapshot, if the second is valid.
    #[must_use]
    pub const fn valid_snapshot(&self) -> Option<&Snapshot> {
        match (&self.snapshot, self.validity) {
            (Some(snapshot), Validity::Valid) => Some(snapshot),
            (None, _) | (_, Validity::Stale(_) | Validity::Missing(_)) => None,
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::NoSnapshot => "no snapshot yet",
            Self::SequenceGap => "sequence gap",
            Self::CrossedBook => "crossed book",
            Self::OffGrid => "off the price or quantity grid",
            Self::EmptySide => "a side is empty",
            Self::Disconnected => "disconnected",
            Self::NoProofOfLife => "no proof of life",
            Self::NotRunning => "not running",
            Self::FrozenStream => "the depth stream is frozen",
            Self::MissedTrades => "trades may be missing",
            Self::LateUpdates => "updates come too late, or a clock is off",
        })
    }
}
