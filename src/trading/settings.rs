//! The numbers of the trading cycle (design.md §3). Every one is a setting; none has a default here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits::RiskLimits;
use crate::domain::{Amount, Rate};

/// Where an entry is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryStyle {
    /// At the best price of our side, post-only.
    Join,
    /// One tick better than the best price of our side where the spread leaves room, post-only.
    Improve,
    /// At the best price of the other side: takes.
    Cross,
}

/// What SIGTERM does with an open position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShutdownPolicy {
    /// Leaves it under its stop at the venue, and says so.
    Protect,
    /// Closes it.
    Flatten,
}

/// The numbers of the trading cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradingSettings {
    /// A signal's move must exceed this multiple of the spread (in bps of mid).
    pub signal_spread_multiple: Rate,
    /// What must be left of the move after entry and exit fees.
    pub edge_margin: Rate,
    /// Notional of one entry.
    pub order_notional: Amount,
    /// Where an entry is placed.
    pub entry_style: EntryStyle,
    /// The life of a prediction, and so of an unfilled entry.
    pub entry_life: Duration,
    /// Unrealised loss at which the stop-loss procedure begins.
    pub stop_loss: Amount,
    /// The venue's stop stands where the whole entry would lose this multiple of `stop_loss`.
    pub venue_stop_multiple: Rate,
    /// Limit attempts of the stop-loss procedure.
    pub stop_loss_max_trial: u32,
    /// How long each limit attempt works.
    pub stop_loss_trial_wait: Duration,
    /// All limit attempts together may take this long; then it is the market.
    pub stop_loss_budget: Duration,
    /// A position older than this is closed.
    pub max_holding: Duration,
    /// What may be risked at most.
    pub limits: RiskLimits,
    /// A mark price older than this is replaced by polling the position.
    pub mark_price_max_age: Duration,
    /// How often the whole account is reconciled.
    pub reconcile_interval: Duration,
    /// How long the venue waits for a sign of life before it cancels entries, where certification
    /// has shown that stops survive it; zero never lets it.
    pub countdown: Duration,
    /// What SIGTERM does with an open position.
    pub shutdown_policy: ShutdownPolicy,
}
