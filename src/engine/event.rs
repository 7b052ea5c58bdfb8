//! Everything that can happen to the engine. The journal holds these, in order, with their `now`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::book::Frame;
use crate::domain::{
    AccountReport, AccountTerms, Amount, ClientOrderId, Failure, FeeRates, Fill, Income, IncomeId,
    Instrument, ModelId, OrderReport, PositionReport, Prediction, RunId, Second, StopReport,
    Symbol, Timestamp,
};
use crate::trading::{LastTrade, TradingSettings};

/// One thing that happened, in the order in which the engine learnt of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A run began; opens its journal.
    Started(Box<Started>),
    /// A second of the market was cut.
    Second(Box<Frame>),
    /// A model answered the second's frame.
    Prediction(Prediction),
    /// The state of an ordinary order: an acknowledgement, or the user stream.
    Order(OrderReport),
    /// Placing an ordinary order did not simply succeed.
    PlaceFailed {
        /// Which order.
        client_order_id: ClientOrderId,
        /// What became of it.
        failure: Failure,
    },
    /// Cancelling an ordinary order did not simply succeed.
    CancelFailed {
        /// Which order.
        client_order_id: ClientOrderId,
        /// What became of the request.
        failure: Failure,
    },
    /// Asking about an ordinary order failed; code −2013 says that the venue does not know it.
    QueryFailed {
        /// Which order.
        client_order_id: ClientOrderId,
        /// What became of the request.
        failure: Failure,
    },
    /// A trade of ours.
    Fill(Fill),
    /// The state of a conditional order: an acknowledgement, or the user stream.
    Stop(StopReport),
    /// Placing a conditional order did not simply succeed.
    PlaceStopFailed {
        /// Which order.
        client_order_id: ClientOrderId,
        /// What became of it.
        failure: Failure,
    },
    /// Cancelling a conditional order did not simply succeed.
    CancelStopFailed {
        /// Which order.
        client_order_id: ClientOrderId,
        /// What became of the request.
        failure: Failure,
    },
    /// Asking about a conditional order failed.
    QueryStopFailed {
        /// Which order.
        client_order_id: ClientOrderId,
        /// What became of the request.
        failure: Failure,
    },
    /// The position in one symbol as the venue tells it; a flat one is reported as zero.
    Position {
        /// When the venue was asked: fills before it are in it.
        asked_at: Timestamp,
        /// What it said.
        report: PositionReport,
    },
    /// Asking for a position failed.
    PositionFailed {
        /// Which symbol.
        symbol: Symbol,
        /// What became of the request.
        failure: Failure,
    },
    /// The whole account as the venue tells it.
    Account(Box<AccountReport>),
    /// Asking for the account failed.
    AccountFailed(Failure),
    /// A stream came up, went down or stopped proving itself.
    Feed {
        /// Which stream.
        feed: Feed,
        /// Whether it is connected and proven.
        is_live: bool,
    },
    /// The venue's clock less ours, as measured.
    ClockOffset {
        /// Nanoseconds; positive if the venue is ahead.
        nanos: i64,
    },
    /// The journal failed or became slow, or works again.
    Journal {
        /// Whether records become durable, and in time.
        is_healthy: bool,
    },
    /// The model in charge of a symbol changed.
    Model {
        /// Which symbol.
        symbol: Symbol,
        /// The model; `None` if there is none to trade on.
        model: Option<ModelInCharge>,
    },
    /// The operator asked for something.
    Operator(OperatorRequest),
    /// The process was asked to end.
    Shutdown,
    /// A deadline named by `next_deadline` has come.
    Tick,
    /// An earlier run found that the position in a symbol is not ours to trade; follows
    /// [`Event::Started`].
    External {
        /// Which symbol.
        symbol: Symbol,
    },
    /// The venue changed the rules of an instrument: so they are from now on.
    Rules(Box<Instrument>),
    /// The answer to a question about an ordinary order.
    OrderAnswer(OrderReport),
    /// The answer to a question about a conditional order.
    StopAnswer(StopReport),
    /// The venue has set or taken back a symbol's countdown.
    CountdownSet {
        /// Which symbol.
        symbol: Symbol,
    },
    /// Setting or taking back a symbol's countdown did not simply succeed.
    CountdownFailed {
        /// Which symbol.
        symbol: Symbol,
        /// What became of the request.
        failure: Failure,
    },
    /// The venue opened a symbol for trading, or closed it.
    Listing {
        /// Which symbol.
        symbol: Symbol,
        /// Why it is closed, in the venue's word; none if it is open.
        closed: Option<String>,
    },
    /// What moved the account's wallet, as the venue tells it.
    Income {
        /// When the venue was asked.
        asked_at: Timestamp,
        /// The rows, oldest first.
        rows: Vec<Income>,
    },
    /// Asking what moved the wallet failed.
    IncomeFailed(Failure),
    /// The user stream tells that the account is other than it was: the venue should be asked how.
    AccountChanged(AccountChange),
    /// How the account is set up.
    Terms(AccountTerms),
    /// Asking how the account is set up failed.
    TermsFailed(Failure),
}

impl Event {
    /// The failure that it tells of, if it does.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::PlaceFailed { failure, .. }
            | Self::CancelFailed { failure, .. }
            | Self::QueryFailed { failure, .. }
            | Self::PlaceStopFailed { failure, .. }
            | Self::CancelStopFailed { failure, .. }
            | Self::QueryStopFailed { failure, .. }
            | Self::PositionFailed { failure, .. }
            | Self::CountdownFailed { failure, .. }
            | Self::AccountFailed(failure)
            | Self::IncomeFailed(failure)
            | Self::TermsFailed(failure) => Some(failure),
            Self::Started(_)
            | Self::Second(_)
            | Self::Prediction(_)
            | Self::Order(_)
            | Self::Fill(_)
            | Self::Stop(_)
            | Self::Position { .. }
            | Self::Account(_)
            | Self::Feed { .. }
            | Self::ClockOffset { .. }
            | Self::Journal { .. }
            | Self::Model { .. }
            | Self::Operator(_)
            | Self::Shutdown
            | Self::Tick
            | Self::External { .. }
            | Self::Rules(_)
            | Self::OrderAnswer(_)
            | Self::StopAnswer(_)
            | Self::CountdownSet { .. }
            | Self::Listing { .. }
            | Self::Income { .. }
            | Self::AccountChanged(_)
            | Self::Terms(_) => None,
        }
    }
}

/// What of an account has changed, apart from orders and trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountChange {
    /// Its wallet: funding, a transfer, the insurance fund.
    Wallet,
    /// How it is set up: a leverage, the multi-assets mode.
    Terms,
}

/// What a run begins with: enough to replay it without anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Which run; client order ids derive from it.
    pub run: RunId,
    /// The code that ran.
    pub version: String,
    /// The numbers of the trading cycle.
    pub settings: TradingSettings,
    /// What is traded, with the venue's filters and this account's fees. Ordered by symbol.
    pub instruments: Vec<TradedInstrument>,
    /// Where the ledger of earlier runs ends.
    pub ledger: LedgerSummary,
    /// What certification has shown of the venue's countdown.
    pub countdown: CountdownProof,
}

/// What certification has shown of the venue's countdown, its dead-man's switch: whether it leaves
/// protective stops alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountdownProof {
    /// Nothing: this venue was not certified, or that case was not tried.
    #[default]
    Uncertified,
    /// That stops survive it: it may guard entries.
    StopsSurvive,
    /// That it cancels stops as well: it must never run.
    TakesStops,
    /// That stops survived it, too long ago.
    Outdated,
}

impl std::fmt::Display for CountdownProof {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Uncertified => "off: `lobd certify` has not shown that stops survive it here",
            Self::StopsSurvive => "on: stops survive it",
            Self::TakesStops => "off: it cancels stops as well",
            Self::Outdated => "off: certified too long ago; run `lobd certify` again",
        })
    }
}

/// An instrument with the fees the account pays on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradedInstrument {
    /// The instrument and its filters.
    pub instrument: Instrument,
    /// The account's own fees, from commissionRate.
    pub fees: FeeRates,
    /// The model in charge at the start, if any.
    pub model: Option<ModelInCharge>,
}

/// A model and how long it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInCharge {
    /// Which model.
    pub model: ModelId,
    /// The first second at which it may no longer trade.
    pub expires_at: Second,
    /// The signal threshold chosen in training, as a multiple of the spread.
    pub spread_multiple: crate::domain::Rate,
}

/// What earlier runs booked, as far as this one must know it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LedgerSummary {
    /// The newest trade booked, per symbol: fills up to it are known.
    pub last_trades: BTreeMap<Symbol, LastTrade>,
    /// The signed position those fills add up to, per symbol; flat symbols may be absent.
    pub exposures: BTreeMap<Symbol, crate::domain::Exposure>,
    /// Profit realised since midnight UTC, after fees and with funding.
    pub realized_today: Amount,
    /// Income from here on is to be asked for; none if nothing was ever traded.
    pub income_since: Option<Timestamp>,
    /// Income from there on that is booked.
    pub income_known: Vec<IncomeId>,
    /// Why the last run was halted, if it was: a halt latches.
    pub halted: Option<String>,
}

/// A stream whose life the engine depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Feed {
    /// The account's own events.
    User,
    /// The market data socket.
    Market,
}

/// What an operator may ask of a running engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorRequest {
    /// No new entries until resumed.
    Pause,
    /// Lifts a pause or a latched halt.
    Resume,
    /// Cancels entries and latches; protection keeps working.
    Halt {
        /// Why, for the record.
        reason: String,
    },
    /// Closes every position, then stays paused.
    Flatten,
}
