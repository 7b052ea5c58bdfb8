//! Public REST answers about a market.

use super::{ParseError, exact};
use crate::binance::wire::{self, Text};
use crate::book::{DepthSnapshot, Level, PublicTrade};
use crate::domain::{Symbol, Timestamp, TradeId};

/// A whole order book.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_depth(symbol: Symbol, depth: &wire::Depth) -> Result<DepthSnapshot, ParseError> {
    Ok(DepthSnapshot {
        symbol,
        last_update_id: depth.last_update_id,
        bids: levels(&depth.bids)?,
        asks: levels(&depth.asks)?,
    })
}

fn levels(rows: &[(Text, Text)]) -> Result<Vec<Level>, ParseError> {
    rows.iter()
        .map(|(price, quantity)| {
            Ok(Level {
                price: exact("depth", "price", price.as_str())?,
                quantity: exact("depth", "quantity", quantity.as_str())?,
            })
        })
        .collect()
}

/// Recent public trades, oldest first.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_recent_trades(
    symbol: Symbol,
    rows: &[wire::RecentTrade],
) -> Result<Vec<PublicTrade>, ParseError> {
    rows.iter()
        .map(|row| {
            Ok(PublicTrade {
                symbol,
                trade_id: TradeId(row.id),
                price: exact("trade", "price", row.price.as_str())?,
                quantity: exact("trade", "qty", row.qty.as_str())?,
                buyer_is_maker: row.is_buyer_maker,
                is_book_trade: true,
                trade_time: Timestamp::from_millis(row.time),
            })
        })
        .collect()
}
