//! The server side of the same protocol: `sim::Exchange` as a Binance on loopback.
