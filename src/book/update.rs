//! What a venue says about its market: depth, trades, best prices, mark price.
//!
//! The same types come from the live streams, from raw recordings and from the simulated exchange,
//! so that one path leads from any of them to a recorded second.

use crate::domain::{Price, Quantity, Symbol, Timestamp, TradeId};

use super::snapshot::Level;

/// One increment of an order book: changed levels with their new absolute quantities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepthUpdate {
    /// Whose book.
    pub symbol: Symbol,
    /// When the venue sent it.
    pub event_time: Timestamp,
    /// When the venue's matching engine made it; spot does not say.
    pub transaction_time: Option<Timestamp>,
    /// `U`: the first update id in it.
    pub first_update_id: u64,
    /// `u`: the last update id in it.
    pub final_update_id: u64,
    /// `pu`: the last update id of this stream's previous event; spot does not say.
    pub previous_final_update_id: Option<u64>,
    /// Changed bids in the order sent; quantity zero removes the level.
    pub bids: Vec<Level>,
    /// Changed asks in the order sent; quantity zero removes the level.
    pub asks: Vec<Level>,
}

/// A whole order book at one update id, as the REST interface gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepthSnapshot {
    /// Whose book.
    pub symbol: Symbol,
    /// The update id up to which it holds.
    pub last_update_id: u64,
    /// Bids, best first.
    pub bids: Vec<Level>,
    /// Asks, best first.
    pub asks: Vec<Level>,
}

/// One public trade, or an aggregate of trades at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicTrade {
    /// What was traded.
    pub symbol: Symbol,
    /// The venue's id of the trade or aggregate.
    pub trade_id: TradeId,
    /// At which price.
    pub price: Price,
    /// How much, in base asset.
    pub quantity: Quantity,
    /// Whether the buyer rested: then the aggressor sold.
    pub buyer_is_maker: bool,
    /// Whether it happened in the order book; an insurance-fund or ADL print did not.
    pub is_book_trade: bool,
    /// When it happened.
    pub trade_time: Timestamp,
}

/// The best prices and quantities at one update id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookTicker {
    /// Whose book.
    pub symbol: Symbol,
    /// The update id at which they held.
    pub update_id: u64,
    /// The best bid.
    pub bid: Level,
    /// The best ask.
    pub ask: Level,
}

/// The price the venue reckons profit, margin and stop triggers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkPrice {
    /// Of what.
    pub symbol: Symbol,
    /// The mark price, rounded to 1e-8.
    pub price: Price,
    /// When the venue computed it.
    pub event_time: Timestamp,
}

/// Anything a venue says about its market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarketEvent {
    /// An increment of an order book.
    Depth(DepthUpdate),
    /// A whole order book.
    Snapshot(DepthSnapshot),
    /// A public trade.
    Trade(PublicTrade),
    /// Best prices.
    BookTicker(BookTicker),
    /// A mark price.
    MarkPrice(MarkPrice),
}

impl MarketEvent {
    /// Whose market it is about.
    #[must_use]
    pub const fn symbol(&self) -> Symbol {
        match self {
            Self::Depth(update) => update.symbol,
            Self::Snapshot(snapshot) => snapshot.symbol,
            Self::Trade(trade) => trade.symbol,
            Self::BookTicker(ticker) => ticker.symbol,
            Self::MarkPrice(mark) => mark.symbol,
        }
    }
}
