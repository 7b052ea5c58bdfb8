//! What we ask of the venue: orders and protective stops.

use serde::{Deserialize, Serialize};

use super::ids::ClientOrderId;
use super::instrument::Symbol;
use super::price::Price;
use super::quantity::Quantity;
use super::side::Side;

/// How long an order works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimeInForce {
    /// Until filled or cancelled (GTC).
    GoodTilCanceled,
    /// Fills what it can at once and cancels the rest (IOC).
    ImmediateOrCancel,
    /// Fills wholly at once or not at all (FOK).
    FillOrKill,
    /// Rests or is refused: never takes (GTX).
    PostOnly,
}

/// Which order goes when two of one account would trade with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelfTradePrevention {
    /// The new one.
    ExpireTaker,
    /// The one that rests: a close or a triggered stop is never stopped by our own entry.
    #[default]
    ExpireMaker,
    /// Both.
    ExpireBoth,
}

/// At which price an order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderKind {
    /// At this price or better.
    Limit {
        /// The worst price accepted.
        price: Price,
        /// How long it works.
        time_in_force: TimeInForce,
    },
    /// At the best prices there are, now.
    Market,
}

impl OrderKind {
    /// The limit price, if there is one.
    #[must_use]
    pub const fn price(self) -> Option<Price> {
        match self {
            Self::Limit { price, .. } => Some(price),
            Self::Market => None,
        }
    }
}

/// An ordinary order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Our name for it, unique for ever.
    pub client_order_id: ClientOrderId,
    /// What to trade.
    pub symbol: Symbol,
    /// Buy or sell.
    pub side: Side,
    /// How much, in base asset.
    pub quantity: Quantity,
    /// At which price.
    pub kind: OrderKind,
    /// Whether it may only make the position smaller.
    pub reduce_only: bool,
}

/// How much a protective stop closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopSize {
    /// This much, reduce-only.
    Quantity(Quantity),
    /// Whatever the position is when it triggers.
    ClosePosition,
}

/// A protective stop resting at the venue: a market order once the mark price touches the trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequest {
    /// Our name for it, unique for ever.
    pub client_order_id: ClientOrderId,
    /// What to trade.
    pub symbol: Symbol,
    /// The closing side: sell protects a long.
    pub side: Side,
    /// The mark price at which it becomes a market order.
    pub trigger_price: Price,
    /// How much it closes.
    pub size: StopSize,
}

/// Where an ordinary order stands (exchange-api.md 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderStatus {
    /// Working, nothing filled.
    New,
    /// Working, part filled.
    PartiallyFilled,
    /// Wholly filled.
    Filled,
    /// Cancelled; may have fills.
    Canceled,
    /// Refused by the matching engine.
    Rejected,
    /// Ended by its own terms or by the venue; may have fills.
    Expired,
    /// Ended by self-trade prevention; may have fills.
    ExpiredInMatch,
    /// The venue names a status that this version does not know: never read as filled or ended.
    Unknown,
}

impl OrderStatus {
    /// Whether nothing more can happen to the order, late news of a fill apart.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::New | Self::PartiallyFilled | Self::Unknown => false,
            Self::Filled
            | Self::Canceled
            | Self::Rejected
            | Self::Expired
            | Self::ExpiredInMatch => true,
        }
    }
}

/// Where a conditional order stands (exchange-api.md 4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StopStatus {
    /// Waiting for its trigger.
    New,
    /// The trigger was touched; its order is being sent to the matching engine.
    Triggering,
    /// Its order is in the matching engine.
    Triggered,
    /// Its order is filled or cancelled.
    Finished,
    /// Cancelled before its trigger.
    Canceled,
    /// Ended by the venue before its trigger.
    Expired,
    /// Its order was refused by the matching engine.
    Rejected,
    /// The venue names a status that this version does not know: neither gone nor proven to protect.
    Unknown,
}
