//! Turns one message of a venue into market events; what an importer needs to know of any venue.

use thiserror::Error;

use crate::domain::Symbol;

use super::update::MarketEvent;

/// A message that is not what it claims to be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The text is not JSON, or not of the shape the venue documents.
    #[error("not a market message: {0}")]
    Malformed(String),
    /// A known message lacks a field, or the field holds something else.
    #[error("{message} without a usable field `{field}`")]
    Field {
        /// Which message.
        message: &'static str,
        /// Which field of it.
        field: &'static str,
    },
    /// A snapshot came without its symbol, and none was named beforehand.
    #[error("a depth snapshot that does not say of which symbol it is")]
    NamelessSnapshot,
}

/// Decodes a venue's market messages, one at a time, into memory it reuses.
pub trait MarketDataDecoder {
    /// Decodes one message; `None` if it is of a kind that is not followed.
    ///
    /// # Errors
    /// [`DecodeError`] if it is of a followed kind and malformed.
    fn decode(&mut self, text: &str) -> Result<Option<&MarketEvent>, DecodeError>;

    /// Names the symbol of snapshots that do not carry one.
    fn name_snapshots(&mut self, symbol: Symbol);
}
