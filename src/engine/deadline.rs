//! When the engine wants to be woken, and what for. The outside only sleeps; what is due is
//! decided here.

use serde::Serialize;

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlineReason {
    /// The account is due for reconciliation.
    Reconcile,
    /// An order's outcome is to be asked for, or its cancel repeated.
    OrderInquiry,
    /// A stop's outcome is to be asked for, or its cancel repeated.
    StopInquiry,
    /// An unfilled entry has outlived its prediction.
    EntryExpiry,
    /// A position has been without an acknowledged stop for too long.
    NakedTimeout,
    /// A stop or take-profit that failed is to be placed again.
    Retry,
    /// The mark price is too old to judge a position by: the venue is to be asked.
    MarkPriceAge,
    /// A step of the stop-loss procedure has had its time.
    StopLossStep,
    /// A position has been held long enough.
    MaxHolding,
    /// A discrepancy has been open for too long.
    DiscrepancyTimeout,
    /// The countdown over entries is to be renewed or taken back.
    Countdown,
    /// The venue is to be asked what moved the wallet.
    Income,
    /// The venue is to be asked how the account is set up.
    Terms,
}
