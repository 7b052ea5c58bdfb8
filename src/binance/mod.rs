//! The client side of Binance: wire, parsing, REST, streams. The only room that knows its JSON.

pub mod market_data;
