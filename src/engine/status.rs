//! A cheap copy of what the engine knows, for people: the terminal view, `lobd status`, summaries.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::domain::{
    Amount, Asset, ClientOrderId, Exposure, Prediction, Price, Quantity, Side, Symbol, Timestamp,
};
use crate::trading::WhyNot;

use super::event::CountdownProof;

/// The engine at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, read one by one by people")]
pub struct EngineStatus {
    /// The `now` of the last event handled.
    pub at: Timestamp,
    /// What may happen to the account's risk.
    pub state: TradingState,
    /// Why trading is halted, if it is: latched until resumed.
    pub halted: Option<String>,
    /// Whether the operator paused entries.
    pub is_paused: bool,
    /// Whether the process was asked to end.
    pub is_shutting_down: bool,
    /// After a shutdown was asked for: whether nothing is left to be done.
    pub may_stop: bool,
    /// Whether the account is reconciled since the start and the last reconnect.
    pub is_reconciled: bool,
    /// When the account was last reconciled without a discrepancy.
    pub reconciled_at: Option<Timestamp>,
    /// Why the account could not be asked, while it could not.
    pub reconcile_failure: Option<String>,
    /// Profit realised since midnight UTC, after fees and with funding, earlier runs of the day included.
    pub realized_today: Amount,
    /// Open discrepancies between ledger and venue, in words; confirmed by two reports.
    pub discrepancies: Vec<String>,
    /// How many discrepancies this run has confirmed.
    pub discrepancies_total: u64,
    /// Working orders at the venue that are not ours, at the last reconciliation.
    pub foreign_orders: u64,
    /// Whether the venue's countdown guards entries, and if not, why not.
    pub dead_mans_switch: CountdownProof,
    /// One entry an instrument, ordered by symbol.
    pub symbols: Vec<SymbolStatus>,
}

/// What may happen to the account's risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingState {
    /// Positions may be opened.
    Trading,
    /// Positions are only protected and closed: a condition of trading does not hold now.
    #[default]
    Reducing,
    /// The same, until a person resumes.
    Halted,
}

/// Where a trading cycle stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CyclePhase {
    /// Waits for a signal.
    #[default]
    Flat,
    /// An entry works or may work; nothing is filled.
    Entering,
    /// A position is held.
    Holding,
    /// The stop-loss procedure closes the position.
    Closing,
    /// Flat; leftovers are being removed and the cycle reconciled.
    Settling,
}

/// One instrument's cycle at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SymbolStatus {
    /// Which instrument.
    pub symbol: Symbol,
    /// Where its cycle stands.
    pub phase: CyclePhase,
    /// The position, fills reported but not yet booked included.
    pub exposure: Exposure,
    /// The average price paid for it.
    pub entry_price: Option<Price>,
    /// When the position was opened.
    pub opened_at: Option<Timestamp>,
    /// The best bid of the last valid second.
    pub best_bid: Option<Price>,
    /// The best ask of the last valid second.
    pub best_ask: Option<Price>,
    /// The newest mark price.
    pub mark_price: Option<Price>,
    /// Profit not yet realised, at the mark price.
    pub unrealized_pnl: Option<Amount>,
    /// The protective stop at the venue, if one is acknowledged.
    pub stop_price: Option<Price>,
    /// The take-profit aimed at.
    pub take_profit_price: Option<Price>,
    /// When the venue's countdown over entries may run out, if it runs.
    pub countdown_ends_at: Option<Timestamp>,
    /// Orders that work or may work.
    pub working_orders: Vec<WorkingOrder>,
    /// The newest prediction.
    pub prediction: Option<Prediction>,
    /// Why the newest prediction brought no entry.
    pub why_not: Option<WhyNot>,
    /// How often each reason kept it from trading.
    pub why_not_counts: BTreeMap<WhyNot, u64>,
    /// What this run has done.
    pub totals: Totals,
}

/// What one instrument's cycles of this run add up to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Profit realised, before fees.
    pub realized_pnl: Amount,
    /// Fees paid in the quote asset.
    pub fees: Amount,
    /// Fees paid in other assets.
    pub other_fees: BTreeMap<Asset, Amount>,
    /// Funding, and what else was paid (positive) or taken for the symbol apart from trades.
    pub funding: Amount,
    /// Notional of fills whose order rested.
    pub maker_notional: Amount,
    /// Notional of fills whose order took.
    pub taker_notional: Amount,
    /// Trades booked.
    pub fills: u64,
    /// Entries sent.
    pub entries: u64,
    /// Positions opened and closed again.
    pub round_trips: u64,
    /// Times the stop-loss procedure ran because of a loss.
    pub stop_losses: u64,
    /// Times a position was closed for its age.
    pub holding_timeouts: u64,
    /// Time spent with a position and no acknowledged stop covering it.
    pub naked: Duration,
    /// The longest such time.
    pub longest_naked: Duration,
}

/// An order that works or may work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkingOrder {
    /// Our name for it.
    pub client_order_id: ClientOrderId,
    /// What it is for, like `entry` or `take-profit`.
    pub purpose: &'static str,
    /// Where it stands, like `working` or `unknown`.
    pub state: &'static str,
    /// Buy or sell.
    pub side: Side,
    /// The limit price; `None` for a market order.
    pub price: Option<Price>,
    /// How much was ordered.
    pub quantity: Quantity,
    /// How much of it is known to be filled.
    pub filled_quantity: Quantity,
    /// When it was sent.
    pub sent_at: Timestamp,
}
