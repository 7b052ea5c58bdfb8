//! What the venue says: order and stop reports, fills, positions, refusals.

use serde::{Deserialize, Serialize};

use super::ids::{AlgoOrderId, ClientOrderId, OrderId, TradeId};
use super::instrument::{Asset, Symbol};
use super::money::Amount;
use super::order::{OrderStatus, StopSize, StopStatus};
use super::price::Price;
use super::quantity::{Exposure, Quantity};
use super::side::Side;
use super::time::Timestamp;

/// The state of one ordinary order, from an acknowledgement, a query or the user stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// What is traded.
    pub symbol: Symbol,
    /// Our name for it; a foreign order has the name its sender gave.
    pub client_order_id: ClientOrderId,
    /// The venue's name for it.
    pub order_id: OrderId,
    /// Buy or sell.
    pub side: Side,
    /// The limit price; `None` for a market order.
    pub price: Option<Price>,
    /// The whole quantity ordered.
    pub quantity: Quantity,
    /// How much of it is filled.
    pub filled_quantity: Quantity,
    /// The average fill price, where the answer tells it and something is filled.
    pub average_price: Option<Price>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Whether it may only reduce the position.
    pub reduce_only: bool,
    /// When the venue last changed it.
    pub update_time: Timestamp,
}

/// The state of one conditional order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopReport {
    /// What is traded.
    pub symbol: Symbol,
    /// Our name for it.
    pub client_order_id: ClientOrderId,
    /// The venue's name for it.
    pub algo_order_id: AlgoOrderId,
    /// The closing side.
    pub side: Side,
    /// The mark price at which it triggers.
    pub trigger_price: Price,
    /// How much it closes.
    pub size: StopSize,
    /// Where it stands.
    pub status: StopStatus,
    /// The ordinary order it became, once triggered.
    pub child_order_id: Option<OrderId>,
    /// Why the venue refused its order, if it did.
    pub reason: Option<String>,
    /// When the venue last changed it.
    pub update_time: Timestamp,
}

/// One trade of ours. Its key is (symbol, trade id).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// What was traded.
    pub symbol: Symbol,
    /// The venue's id of the trade, unique within the symbol.
    pub trade_id: TradeId,
    /// The order it belongs to.
    pub order_id: OrderId,
    /// Our name for that order, where the message carries it (REST trade history does not).
    pub client_order_id: Option<ClientOrderId>,
    /// Whether we bought or sold.
    pub side: Side,
    /// At which price.
    pub price: Price,
    /// How much, in base asset.
    pub quantity: Quantity,
    /// The fee: positive is a cost, in `commission_asset`.
    pub commission: Amount,
    /// What the fee was paid in.
    pub commission_asset: Asset,
    /// The profit realised by this trade, before fees.
    pub realized_pnl: Amount,
    /// Whether our order rested (maker) or took.
    pub is_maker: bool,
    /// When it happened at the venue.
    pub time: Timestamp,
}

/// The position in one symbol (one-way mode). A flat symbol may have no row at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionReport {
    /// What is held.
    pub symbol: Symbol,
    /// How much: positive long, negative short.
    pub exposure: Exposure,
    /// The average price paid; zero when flat.
    pub entry_price: Price,
    /// The mark price the venue reckons with.
    pub mark_price: Price,
    /// Profit not yet realised, at the mark price.
    pub unrealized_pnl: Amount,
    /// Where the venue would liquidate; `None` if it names no price.
    pub liquidation_price: Option<Price>,
    /// When the venue last changed it.
    pub update_time: Timestamp,
}

/// The quote-asset balance of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceReport {
    /// Which asset.
    pub asset: Asset,
    /// Deposits plus realised profit less fees.
    pub wallet_balance: Amount,
    /// What may be used as margin now.
    pub available_balance: Amount,
}

/// The whole account at one moment, for reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReport {
    /// When the first of its parts was asked for: what happened before is in it.
    pub asked_at: Timestamp,
    /// Positions that are not flat.
    pub positions: Vec<PositionReport>,
    /// Working ordinary orders.
    pub open_orders: Vec<OrderReport>,
    /// Waiting conditional orders.
    pub open_stops: Vec<StopReport>,
    /// Our trades since the last one known, oldest first.
    pub fills: Vec<Fill>,
    /// Balances that are not zero.
    pub balances: Vec<BalanceReport>,
}

/// The fees an account pays on one symbol, as fractions of notional.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeRates {
    /// For a fill whose order rested.
    pub maker: super::money::Rate,
    /// For a fill whose order took.
    pub taker: super::money::Rate,
}

/// A refusal by the venue: processed, and not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("refused by venue: {code} {reason}")]
pub struct Rejection {
    /// The venue's code (exchange-api.md 7.1); stable.
    pub code: i32,
    /// The venue's text; not stable.
    pub reason: String,
}

/// Why a request to the venue did not simply succeed: the one distinction that decides what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Failure {
    /// Certainly not processed: could not ask, or refused to ask. May be tried again.
    #[error("not sent: {reason}")]
    NotSent {
        /// What stood in the way.
        reason: String,
    },
    /// Processed and refused. Never retried blindly.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// May have been processed. Resolved by query, never resent.
    #[error("outcome unknown: {reason}")]
    Unknown {
        /// What hid the outcome.
        reason: String,
    },
    /// Not processed; the venue asks for silence.
    #[error("throttled by venue until {until}")]
    Throttled {
        /// When requests may go out again.
        until: Timestamp,
    },
}
