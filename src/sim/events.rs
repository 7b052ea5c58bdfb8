//! What the exchange tells the world: its market to all, orders and money to their account.

use crate::book::MarketEvent;
use crate::domain::{
    Amount, BalanceReport, Fill, PositionReport, Price, Quantity, Symbol, Timestamp,
};

use super::accounts::AccountId;
use super::liquidation::Forced;
use super::margin::{Holding, MarginType};
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
    /// An account's margin is nearly lost.
    MarginCall(MarginCallEvent),
    /// Anyone may know: a position was liquidated by this order, which is done.
    Liquidation {
        /// When.
        time: Timestamp,
        /// The order.
        order: OrderRecord,
    },
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
    /// Taken over by the exchange itself: by its insurance fund, or in deleveraging.
    Calculated(Forced),
    /// Changed by its owner.
    Amended,
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
    /// What an immediate-or-cancel order could not fill without meeting its own account.
    ImmediateSelfTrade,
    /// Reduce-only with nothing left to reduce.
    ReduceOnly,
    /// The exchange closed the account's position.
    Liquidation,
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
    /// What of the wallet no isolated position ties.
    pub cross_wallet: Amount,
    /// What came in or went out besides profit and fees.
    pub balance_change: Amount,
    /// The symbol whose funding was paid, if that is why.
    pub funded: Option<Symbol>,
    /// The position that changed, after it.
    pub position: Option<PositionChange>,
}

/// A position after a change of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionChange {
    /// The position.
    pub report: PositionReport,
    /// The price at which closing would give back what was paid.
    pub break_even_price: Price,
    /// Profit realised in it so far, before fees.
    pub realized_pnl: Amount,
    /// What stands behind it.
    pub margin_type: MarginType,
    /// What is tied to it; zero on cross margin.
    pub isolated_wallet: Amount,
}

/// Why an account changed (`m`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountReason {
    /// An order traded.
    Order,
    /// Money came in.
    Deposit,
    /// Money went out.
    Withdraw,
    /// Funding was paid or received.
    FundingFee,
    /// A liquidation's fee, or a loss the insurance fund took over.
    InsuranceClear,
    /// Margin was tied to a position or freed.
    MarginTransfer,
    /// What stands behind a position was changed.
    MarginTypeChange,
}

/// What is told of an account besides how it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) reason: AccountReason,
    pub(super) symbol: Option<Symbol>,
    pub(super) balance_change: Amount,
}

impl Told {
    /// Of its money alone.
    pub(super) const fn money(reason: AccountReason) -> Self {
        Self { reason, symbol: None, balance_change: Amount::ZERO }
    }

    /// Of its money and a position.
    pub(super) const fn position(reason: AccountReason, symbol: Symbol) -> Self {
        Self { reason, symbol: Some(symbol), balance_change: Amount::ZERO }
    }
}

/// A pool of margin is nearly lost (`MARGIN_CALL`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarginCallEvent {
    /// When.
    pub time: Timestamp,
    /// Whose.
    pub account: AccountId,
    /// The cross wallet, if that is what is nearly lost.
    pub cross_wallet: Option<Amount>,
    /// The positions it stands behind.
    pub holdings: Vec<Holding>,
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

impl ChildFills {
    /// What an order has traded by now.
    pub(super) fn of(order: &OrderRecord) -> Self {
        Self {
            average_price: order.report.average_price.unwrap_or_default(),
            filled_quantity: order.report.filled_quantity,
        }
    }
}

impl ExpiryReason {
    /// The venue's number for it (exchange-api.md 5.2).
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::SelfTrade => 1,
            Self::ImmediateRemainder => 2,
            Self::ImmediateSelfTrade => 3,
            Self::ReduceOnly => 4,
            Self::Liquidation => 5,
            Self::MarketRemainder => 9,
        }
    }
}

impl ExchangeEvent {
    /// When it happened.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        match self {
            Self::Market { time, .. } | Self::Liquidation { time, .. } => *time,
            Self::Order(event) => event.time,
            Self::Account(event) => event.time,
            Self::Stop(event) => event.time,
            Self::MarginCall(event) => event.time,
        }
    }

    /// Whose business it is; `None` if everybody's.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Market { .. } | Self::Liquidation { .. } => None,
            Self::Order(event) => Some(event.account),
            Self::Account(event) => Some(event.account),
            Self::Stop(event) => Some(event.account),
            Self::MarginCall(event) => Some(event.account),
        }
    }
}
