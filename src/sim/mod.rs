//! The simulated world, sans I/O: a real matching engine, its market, accounts, latency, backtest.

pub mod matching;
