//! What a backtest found, always before fees, after the account's and at the default tier.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::domain::{Amount, Exposure, Second, Symbol};
use crate::trading::WhyNot;

/// What a backtest found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestReport {
    /// Seconds traded.
    pub seconds: u64,
    /// Predictions given.
    pub predictions: u64,
    /// Entries sent.
    pub entries: u64,
    /// Positions opened and closed again.
    pub round_trips: u64,
    /// Trades.
    pub fills: u64,
    /// Price × quantity of all trades.
    pub volume: Amount,
    /// The part of it whose order rested.
    pub maker_volume: Amount,
    /// Profit before fees, an open position at its mark price included.
    pub pnl_before_fees: Amount,
    /// Fees paid.
    pub fees: Amount,
    /// Profit after the account's own fees.
    pub pnl_after_fees: Amount,
    /// Profit if maker fills had cost 2 bps and taker fills 5.
    pub pnl_at_default_fees: Amount,
    /// The share of round trips with a profit after fees; `None` without any.
    pub win_rate: Option<f64>,
    /// Equity at the end of each minute.
    pub equity: Vec<EquityPoint>,
    /// The deepest fall of equity below an earlier height, by seconds.
    pub max_drawdown: Amount,
    /// Times the stop-loss procedure ran because of a loss.
    pub stop_losses: u64,
    /// Times a position was closed for its age.
    pub holding_timeouts: u64,
    /// Seconds with a position and no acknowledged stop covering it, in all.
    pub naked: Duration,
    /// Refusals by the exchange, by code.
    pub refusals: BTreeMap<i32, u64>,
    /// Why seconds brought no entry.
    pub why_not: BTreeMap<WhyNot, u64>,
    /// Notices a person should have acted on.
    pub alarms: u64,
    /// Discrepancies between the engine's ledger and the exchange.
    pub discrepancies: u64,
    /// Why trading is halted at the end, if it is.
    pub halted: Option<String>,
    /// What is still held at the end; flat symbols are absent.
    pub open_positions: BTreeMap<Symbol, Exposure>,
}

/// Equity at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EquityPoint {
    /// At the end of this second.
    pub second: Second,
    /// Wallet and unrealised profit.
    pub equity: Amount,
}
