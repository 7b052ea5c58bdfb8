//! Market messages to domain types: depth, trades, best prices, mark price.
