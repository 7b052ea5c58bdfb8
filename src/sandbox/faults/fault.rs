//! What can go wrong, with what each needs to know.

use std::fmt;

use crate::domain::Symbol;
use crate::sim::TradingStatus;

use super::super::words;
use super::filter_change::FilterChange;
use super::span::Span;

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A request is taken from the line and never reaches the exchange.
    LoseRequest(Loss),
    /// A request is carried out and its answer never sent.
    LoseResponse(Loss),
    /// A request reaches the exchange so much later.
    Delay(Span),
    /// A request is carried out at once and answered so much later.
    DelayResponse(Span),
    /// A request is answered with one of the venue's 503s.
    Http503(Overload),
    /// A request is carried out and, if it was accepted, answered with −1007.
    TimeoutAfterAcceptance,
    /// An answer comes byte by byte, with this pause before each.
    SlowTrickle(Span),
    /// Every request is answered with 418 and the moment at which the ban ends.
    Ban,
    /// Every request that carries a key is answered with 401 and −2015.
    RevokeKey,
    /// An order is not found for so long after it was accepted, though it lives.
    HideOrder(Span),
    /// A conditional order is not found for so long after it was accepted.
    HideStop(Span),
    /// A waiting conditional order of this age is gone, without a word.
    VanishStop(Span),
    /// The order that a triggered stop becomes is refused.
    RejectStop,
    /// An event of the account is not sent; every kind if none is named.
    DropUserEvent(Option<String>),
    /// An event of the account is sent twice.
    DuplicateUserEvent(Option<String>),
    /// Events of the account are held so long and then sent in another order.
    ReorderUserEvents(Span),
    /// One depth diff is missing from every depth stream of a symbol that has listeners.
    DropDepth(Option<Symbol>),
    /// Sockets stay open and answer, and no frame of this feed is sent.
    Freeze(FaultFeed),
    /// Every frame of this feed comes byte by byte, with this pause before each; its sockets say
    /// nothing faster.
    SlowFrames(FaultFeed, Span),
    /// A socket is closed as soon as it is open.
    RefuseSockets,
    /// The exchange's clock, as `/time` tells and timestamps are judged by, is off by so many
    /// milliseconds.
    ShiftTime(i64),
    /// Something that happens once, at its moment, instead of lasting.
    Act(Act),
}

/// What happens once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Every socket is cut, without a word.
    CutSockets,
    /// The listen key ends.
    ExpireListenKey {
        /// Whether its listeners are told.
        is_told: bool,
    },
    /// The account is as it was in the beginning, and no event says so.
    ResetAccount {
        /// Whether trades are numbered from one again.
        is_renumbered: bool,
    },
    /// A symbol's filters change.
    ChangeFilters(FilterChange),
    /// The exchange liquidates what is held in a symbol, healthy or not.
    Liquidate(Symbol),
    /// The exchange closes what is held in a symbol against a bankrupt account.
    Deleverage(Symbol),
    /// Funding is paid in a symbol, whatever the hour.
    ChargeFunding(Symbol),
    /// A symbol is closed, or opened again.
    ChangeStatus(Symbol, TradingStatus),
    /// A person sets the account to hedge mode, which takes a flat one without orders.
    HedgeMode,
}

/// How something is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The connection is cut.
    Cut,
    /// The connection stays open, and nothing comes.
    Silence,
}

/// The 503s of exchange-api.md 7.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overload {
    /// Class A; the seed decides whether the request was carried out.
    Unknown,
    /// Class A, and it was carried out.
    UnknownExecuted,
    /// Class A, and it was not.
    UnknownLost,
    /// Class B: not carried out.
    Unavailable,
    /// Class B′, with −1001: not carried out.
    Internal,
    /// Class C, with −1008: only new orders that may add risk; not carried out.
    Throttled,
}

/// A group of streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultFeed {
    /// Books.
    Public,
    /// Trades and mark prices.
    Market,
    /// The account.
    Private,
    /// All of them.
    All,
}

/// A function that gives the value of faults of one kind, and nothing of others.
macro_rules! only {
    ($kind:ident) => {
        |fault: &Fault| if let Fault::$kind(value) = fault { Some(*value) } else { None }
    };
    (&$kind:ident) => {
        |fault: &Fault| if let Fault::$kind(value) = fault { Some(value) } else { None }
    };
}
pub(super) use only;

impl Fault {
    /// Its name, as it is typed.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LoseRequest(_) => "lose-request",
            Self::LoseResponse(_) => "lose-response",
            Self::Delay(_) => "delay",
            Self::DelayResponse(_) => "delay-response",
            Self::Http503(_) => "http-503",
            Self::TimeoutAfterAcceptance => "timeout-after-acceptance",
            Self::SlowTrickle(_) => "slow-trickle",
            Self::Ban => "ban",
            Self::RevokeKey => "revoke-key",
            Self::HideOrder(_) => "hide-order",
            Self::HideStop(_) => "hide-stop",
            Self::VanishStop(_) => "vanish-stop",
            Self::RejectStop => "reject-stop",
            Self::DropUserEvent(_) => "drop-user-event",
            Self::DuplicateUserEvent(_) => "duplicate-user-event",
            Self::ReorderUserEvents(_) => "reorder-user-events",
            Self::DropDepth(_) => "drop-depth",
            Self::Freeze(_) => "freeze",
            Self::SlowFrames(..) => "slow-frames",
            Self::RefuseSockets => "refuse-sockets",
            Self::ShiftTime(_) => "shift-time",
            Self::Act(Act::CutSockets) => "cut-sockets",
            Self::Act(Act::ExpireListenKey { .. }) => "expire-listen-key",
            Self::Act(Act::ResetAccount { .. }) => "reset-account",
            Self::Act(Act::ChangeFilters(_)) => "change-filters",
            Self::Act(Act::Liquidate(_)) => "liquidate",
            Self::Act(Act::Deleverage(_)) => "deleverage",
            Self::Act(Act::ChargeFunding(_)) => "charge-funding",
            Self::Act(Act::ChangeStatus(..)) => "change-status",
            Self::Act(Act::HedgeMode) => "hedge-mode",
        }
    }

    /// Whether it happens once, at its moment, instead of lasting.
    #[must_use]
    pub const fn is_act(&self) -> bool {
        matches!(self, Self::Act(_))
    }
}

impl fmt::Display for Fault {
    /// As it is typed: the name, and the value where there is one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        match self {
            Self::LoseRequest(Loss::Silence) | Self::LoseResponse(Loss::Silence) => {
                formatter.write_str("=silence")
            }
            Self::Delay(span)
            | Self::DelayResponse(span)
            | Self::SlowTrickle(span)
            | Self::HideOrder(span)
            | Self::HideStop(span)
            | Self::VanishStop(span)
            | Self::ReorderUserEvents(span) => write!(formatter, "={span}"),
            Self::Http503(overload) => write!(formatter, "={overload}"),
            Self::DropUserEvent(Some(event)) | Self::DuplicateUserEvent(Some(event)) => {
                write!(formatter, "={event}")
            }
            Self::Freeze(feed) => write!(formatter, "={feed}"),
            Self::SlowFrames(feed, pause) => write!(formatter, "={feed},{pause}"),
            Self::ShiftTime(millis) => {
                let sign = if *millis < 0 { '-' } else { '+' };
                let by = Span::from_millis(millis.unsigned_abs()).ok_or(fmt::Error)?;
                write!(formatter, "={sign}{by}")
            }
            Self::Act(Act::ExpireListenKey { is_told: false }) => formatter.write_str("=silently"),
            Self::Act(Act::ChangeFilters(change)) => write!(formatter, "={change}"),
            Self::DropDepth(Some(symbol))
            | Self::Act(
                Act::Liquidate(symbol) | Act::Deleverage(symbol) | Act::ChargeFunding(symbol),
            ) => write!(formatter, "={symbol}"),
            Self::Act(Act::ChangeStatus(symbol, status)) => {
                write!(formatter, "={symbol},{}", words::trading_status(*status))
            }
            Self::Act(Act::ResetAccount { is_renumbered: true }) => {
                formatter.write_str("=renumbered")
            }
            Self::LoseRequest(Loss::Cut)
            | Self::LoseResponse(Loss::Cut)
            | Self::TimeoutAfterAcceptance
            | Self::Ban
            | Self::RevokeKey
            | Self::RejectStop
            | Self::DropUserEvent(None)
            | Self::DuplicateUserEvent(None)
            | Self::DropDepth(None)
            | Self::RefuseSockets
            | Self::Act(
                Act::CutSockets
                | Act::ExpireListenKey { is_told: true }
                | Act::ResetAccount { is_renumbered: false }
                | Act::HedgeMode,
            ) => Ok(()),
        }
    }
}

impl fmt::Display for Overload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unknown => "unknown",
            Self::UnknownExecuted => "unknown-executed",
            Self::UnknownLost => "unknown-lost",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::Throttled => "throttled",
        })
    }
}

impl fmt::Display for FaultFeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Public => "public",
            Self::Market => "market",
            Self::Private => "private",
            Self::All => "all",
        })
    }
}
