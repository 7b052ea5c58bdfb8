//! What trading may risk at most. Every number is a setting; none has a default here.

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
    /// How far a limit price may be from the mid, as a fraction.
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
}
