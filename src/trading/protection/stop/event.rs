//! What can happen to a stop, what it then asks for, and what each event would prove.

use super::super::ProtectionAction;
use crate::domain::{ClientOrderId, Failure, StopReport};
use crate::trading::doubt::Proof;

/// What can happen to a stop.
#[derive(Debug, Clone, Copy)]
pub enum StopEvent<'a> {
    /// The venue told where it stands: an acknowledgement, or the account's stream.
    Report(&'a StopReport),
    /// The same, as the answer to a question.
    Answer(&'a StopReport),
    /// The same, in a report of the whole account.
    Listed(&'a StopReport),
    /// Placing it did not simply succeed.
    PlaceFailed(&'a Failure),
    /// Cancelling it did not simply succeed.
    CancelFailed(&'a Failure),
    /// Asking about it failed.
    QueryFailed(&'a Failure),
    /// It is no longer wanted.
    CancelWanted,
    /// An account report does not hold it.
    MissingFromAccount,
    /// It was thought ended, and an account report asked for later still holds it.
    FoundInAccount,
    /// Time has passed.
    Tick,
}

impl StopEvent<'_> {
    /// What kind of proof it is, where it brings a hidden outcome to light.
    pub(super) const fn proof(&self) -> Proof {
        match self {
            Self::Report(_) => Proof::Told,
            Self::Answer(_) => Proof::Answer,
            Self::Listed(_) | Self::FoundInAccount => Proof::Account,
            Self::PlaceFailed(_) => Proof::Refusal,
            Self::QueryFailed(_)
            | Self::MissingFromAccount
            | Self::CancelFailed(_)
            | Self::CancelWanted
            | Self::Tick => Proof::Absence,
        }
    }
}

/// What a stop asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopAction {
    /// Ask the venue where it stands.
    Query,
    /// Cancel it.
    Cancel,
}

impl StopAction {
    /// This action on the stop of that name.
    #[must_use]
    pub const fn of(self, id: ClientOrderId) -> ProtectionAction {
        match self {
            Self::Query => ProtectionAction::Query(id),
            Self::Cancel => ProtectionAction::Cancel(id),
        }
    }
}
