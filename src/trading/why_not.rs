//! Why no entry was made: every reason has a name and is counted, so that "why does it not trade?"
//! has an answer (`lobd why-not-trading`).

use serde::{Deserialize, Serialize};

/// A reason for which a second brought no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// Trading is halted; the status says why.
    Halted,
    /// The operator paused trading.
    Paused,
    /// The daemon is going down.
    ShuttingDown,
    /// The account has not been reconciled since the start or the last reconnect.
    NotReconciled,
    /// The venue's clock is unknown or more than a second from ours.
    ClockOffset,
    /// The journal does not take records, or not in time.
    JournalFailing,
    /// The market data stream is not live.
    MarketFeedDown,
    /// The account's stream is not live.
    UserFeedDown,
    /// The second's book is stale or missing, or no second has come for too long.
    BookInvalid,
    /// There is no model in charge.
    NoModel,
    /// The model in charge may no longer trade.
    ModelExpired,
    /// The prediction is of another model than the one in charge.
    OtherModel,
    /// The prediction came too late to act on.
    PredictionStale,
    /// The input lay outside the range the model was trained on.
    OutOfRange,
    /// The predicted move does not pay for spread and fees.
    MoveTooSmall,
    /// The last cycle is not over: an order, a position, a stop or its reconciliation is open.
    CycleOpen,
    /// Position, open and unknown orders together would exceed the limit.
    PositionLimit,
    /// The same of all symbols together.
    AccountLimit,
    /// The order alone is too large.
    OrderSize,
    /// Too many orders and stops are open.
    OpenOrders,
    /// Too many orders were sent in the last minute.
    OrderRate,
    /// The price is too far from the mid.
    PriceCollar,
    /// The order would break a filter of the venue.
    Filter,
    /// The mid has just moved farther in a second than is believed.
    PriceJump,
    /// The venue does not answer to the countdown that is to guard entries.
    CountdownUnproven,
    /// The venue does not let the symbol be traded; the log has its word for it.
    SymbolClosed,
}

impl std::fmt::Display for WhyNot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Halted => "halted",
            Self::Paused => "paused by the operator",
            Self::ShuttingDown => "shutting down",
            Self::NotReconciled => "account not reconciled yet",
            Self::ClockOffset => "clock offset unknown or above one second",
            Self::JournalFailing => "journal failing or slow",
            Self::MarketFeedDown => "market data stream down",
            Self::UserFeedDown => "account stream down",
            Self::BookInvalid => "book stale or missing",
            Self::NoModel => "no model in charge",
            Self::ModelExpired => "model expired",
            Self::OtherModel => "prediction of another model",
            Self::PredictionStale => "prediction too old",
            Self::OutOfRange => "input outside the model's range",
            Self::MoveTooSmall => "predicted move below spread and fees",
            Self::CycleOpen => "last cycle still open",
            Self::PositionLimit => "position limit",
            Self::AccountLimit => "position limit of the account",
            Self::OrderSize => "order size limit",
            Self::OpenOrders => "open order limit",
            Self::OrderRate => "order rate limit",
            Self::PriceCollar => "price outside the collar",
            Self::Filter => "refused by a filter of the venue",
            Self::PriceJump => "the price has just jumped",
            Self::CountdownUnproven => "dead-man's switch unanswered",
            Self::SymbolClosed => "symbol not open for trading at the venue",
        })
    }
}
