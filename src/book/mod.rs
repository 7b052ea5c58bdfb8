//! The limit order book: diffs in by the venue's numbered rules, one row a second out.
//!
//! Knows no socket and no clock. Invariants: a book that was not proven continuous is never called
//! valid; a second is never interpolated; bids are below asks.

mod frame;
mod snapshot;
mod update;

pub use frame::{Flow, Frame, Reason, Row, TradeFlow, Validity};
pub use snapshot::{DEPTH, Level, Levels, Snapshot, SnapshotError};
pub use update::{BookTicker, DepthSnapshot, DepthUpdate, MarkPrice, MarketEvent, PublicTrade};
