//! What the exchange tells the world: its market to all, orders and money to their account.

use crate::book::MarketEvent;
use crate::domain::{Amount, BalanceReport, Fill, PositionReport, Price, Quantity, Timestamp};

use super::accounts::AccountId;
use super::orders::OrderRecord;
use super::stops::StopRecord;

/// One thing that happened at the exchange, with the exchange's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExchangeEvent {
    /// Anyone may know: depth every 100 ms, best prices, trades, mark price every second.
    Market {
        /// When.
        time: Timestamp,
        /// What.
        event: MarketEvent,
    },
    /// An account's ordinary order changed.
    Order(OrderEvent),
    /// An account's money or position changed.
    Account(AccountEvent),
    /// An account's conditional order changed.
    Stop(StopEvent),
}

/// A change of an ordinary order (`ORDER_TRADE_UPDATE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEvent {
    /// When.
    pub time: Timestamp,
    /// Whose order.
    pub account: AccountId,
    /// What happened.
    pub execution: Execution,
    /// The order after it.
    pub order: OrderRecord,
    /// The trade, if one happened.
    pub fill: Option<Fill>,
    /// Why the order ended by no wish of its owner.
    pub expiry: ExpiryReason,
}

/// What happened to an order (`x`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// Accepted.
    New,
    /// Traded, wholly or in part.
    Trade,
    /// Cancelled by its owner.
    Canceled,
    /// Ended by its terms or by the exchange.
    Expired,
}

/// Why an order expired (`er`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryReason {
    /// It did not.
    None,
    /// It would have traded with its own account.
    SelfTrade,
    /// What an immediate-or-cancel order could not fill.
    ImmediateRemainder,
    /// Reduce-only with nothing left to reduce.
    ReduceOnly,
    /// What a market order could not fill.
    MarketRemainder,
}

/// A change of an account's money or position (`ACCOUNT_UPDATE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEvent {
    /// When.
    pub time: Timestamp,
    /// Whose.
    pub account: AccountId,
    /// Why.
    pub reason: AccountReason,
    /// The balance after it.
    pub balance: BalanceReport,
    /// The position that changed, after it.
    pub position: PositionReport,
    /// Profit realised in this position so far, before fees.
    pub realized_pnl: Amount,
}

/// Why an account changed (`m`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountReason {
    /// An order traded.
    Order,
}

/// A change of a conditional order (`ALGO_UPDATE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopEvent {
    /// When.
    pub time: Timestamp,
    /// Whose.
    pub account: AccountId,
    /// The order after it.
    pub stop: StopRecord,
}

/// What the order that a conditional order became has traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChildFills {
    /// The average price; zero if nothing traded.
    pub average_price: Price,
    /// How much traded.
    pub filled_quantity: Quantity,
}

impl ExpiryReason {
    /// The venue's number for it (exchange-api.md 5.2).
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::SelfTrade => 1,
            Self::ImmediateRemainder => 2,
            Self::ReduceOnly => 4,
            Self::MarketRemainder => 9,
        }
    }
}

impl ExchangeEvent {
    /// When it happened.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        match self {
            Self::Market { time, .. } => *time,
            Self::Order(event) => event.time,
            Self::Account(event) => event.time,
            Self::Stop(event) => event.time,
        }
    }

    /// Whose business it is; `None` if everybody's.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Market { .. } => None,
            Self::Order(event) => Some(event.account),
            Self::Account(event) => Some(event.account),
            Self::Stop(event) => Some(event.account),
        }
    }
}
