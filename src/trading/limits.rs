//! What trading may risk at most. Every number is a setting; none has a default here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{Amount, Rate};

/// The limits that hold back entries, or halt trading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskLimits {
    /// The greatest notional of position, open and unknown orders together, per symbol.
    pub position_notional: Amount,
    /// The same of all symbols together, each in its worst direction.
    pub account_notional: Amount,
    /// The greatest notional of one entry.
    pub order_notional: Amount,
    /// Orders and stops of all symbols that work or may work when an entry joins them.
    pub open_orders: u32,
    /// The most entries sent in any minute.
    pub orders_per_minute: u32,
    /// How far an entry's price may be from the mid, and from the mark price, as a fraction.
    pub price_collar: Rate,
    /// A day's realised loss (UTC) at which trading halts.
    pub daily_loss: Amount,
    /// How far the day's profit, what is not realised included, may fall below its highest before
    /// trading halts.
    pub drawdown: Amount,
    /// Losing round trips in a row at which trading halts.
    pub consecutive_losses: u32,
    /// Trading halts when a mark price is nearer than this fraction to liquidation.
    pub liquidation_distance: Rate,
    /// Positions closed in a row for lack of a stop at which trading halts.
    pub unprotected_in_a_row: u32,
    /// The same within an hour.
    pub unprotected_per_hour: u32,
    /// A mid that moves farther within a second, as a fraction, is not believed for a while.
    pub mid_jump: Rate,
    /// For how long: nothing is opened, and the mid alone closes nothing.
    pub mid_jump_pause: Duration,
}
