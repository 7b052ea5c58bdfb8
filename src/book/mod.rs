//! The limit order book: diffs in by the venue's numbered rules, one row a second out.
//!
//! Knows no socket and no clock. Invariants: a book that was not proven continuous is never called
//! valid; a second is never interpolated; bids are below asks.
//!
//! [`FrameCutter`] owns a [`Sampler`] an instrument, which owns a [`BookSync`], which owns an
//! [`OrderBook`] of two ladders: market events enter at the one end, [`Frame`]s leave at the other.

mod decoder;
mod flow_meter;
mod frame;
mod frame_cutter;
mod grid;
mod ladder;
pub mod measures;
mod order_book;
mod proof;
mod sampler;
mod sequence;
mod snapshot;
mod trade_chain;
mod update;

pub use decoder::{DecodeError, MarketDataDecoder};
pub use frame::{Flow, Frame, Reason, Row, TradeFlow, Validity};
pub use frame_cutter::FrameCutter;
pub use grid::Grid;
pub use order_book::OrderBook;
pub use proof::ProofCount;
pub use sampler::Sampler;
pub use sequence::{BookSync, MAX_BUFFERED_UPDATES, Outcome};
pub use snapshot::{DEPTH, Level, Levels, Snapshot, SnapshotError};
pub use update::{BookTicker, DepthSnapshot, DepthUpdate, MarkPrice, MarketEvent, PublicTrade};
