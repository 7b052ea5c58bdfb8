//! Other people's recordings become seconds, through the same path as the live market.
//!
//! Reads files and lines; what a line says is decoded by whoever is given as
//! [`MarketDataDecoder`](crate::book::MarketDataDecoder), and where the seconds go is the caller's
//! business. Invariants: **1** a damaged file is an error that names file and line, and every
//! second cut before it has been handed out; **2** nothing is trusted that the venue's sequence
//! rules do not prove.

pub mod binance_depth;
mod error;
mod recording;

pub use binance_depth::{ImportOptions, ImportSummary, import, survey};
pub use error::{ImportError, SinkError};
pub use recording::{RecordedLine, Recording};
