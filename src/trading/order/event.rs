//! What can happen to an order, what it then asks for, and what each event would prove.

use crate::domain::{Failure, OrderReport, Quantity, Timestamp};
use crate::trading::doubt::Proof;

use super::NO_SUCH_ORDER;

/// What can happen to an order.
#[derive(Debug, Clone, Copy)]
pub enum OrderEvent<'a> {
    /// The venue told where it stands: an acknowledgement, or the account's stream.
    Report(&'a OrderReport),
    /// The same, as the answer to a question.
    Answer(&'a OrderReport),
    /// The same, in a report of the whole account.
    Listed(&'a OrderReport),
    /// This much of it is now booked in the ledger, from fills.
    Booked(Quantity),
    /// Placing it did not simply succeed.
    PlaceFailed(&'a Failure),
    /// Cancelling it did not simply succeed.
    CancelFailed(&'a Failure),
    /// Asking about it failed.
    QueryFailed(&'a Failure),
    /// It is no longer wanted.
    CancelWanted,
    /// An account report asked for at this moment does not hold it.
    MissingFromAccount {
        /// When the report was asked for.
        asked_at: Timestamp,
    },
    /// It was thought ended, and an account report asked for later still holds it.
    FoundInAccount,
    /// Time has passed.
    Tick,
}

impl OrderEvent<'_> {
    /// What kind of proof it is, where it brings a hidden outcome to light.
    pub(super) const fn proof(&self) -> Proof {
        match self {
            Self::Report(_) => Proof::Told,
            Self::Answer(_) => Proof::Answer,
            Self::Listed(_) | Self::FoundInAccount => Proof::Account,
            Self::Booked(_) => Proof::Trade,
            Self::PlaceFailed(_) => Proof::Refusal,
            Self::QueryFailed(_)
            | Self::MissingFromAccount { .. }
            | Self::CancelFailed(_)
            | Self::CancelWanted
            | Self::Tick => Proof::Absence,
        }
    }
}

/// What an order asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderAction {
    /// Ask the venue where it stands.
    Query,
    /// Cancel it.
    Cancel,
}

/// Whether the venue says that it knows nothing of an order.
pub(in crate::trading) fn is_denial(failure: &Failure) -> bool {
    matches!(failure, Failure::Rejected(rejection) if rejection.code == NO_SUCH_ORDER)
}
