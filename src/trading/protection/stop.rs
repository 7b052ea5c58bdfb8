//! One protective stop: its exhaustive transition table.

mod event;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use event::{StopAction, StopEvent};
use serde::{Deserialize, Serialize};

use crate::domain::{
    ClientOrderId, Failure, OrderId, StopReport, StopRequest, StopStatus, Timestamp,
};
use crate::trading::doubt::{Outcome, Resolution, Scrutiny, Turn};
use crate::trading::inquiry::Inquiry;
use crate::trading::order::{DUPLICATED_CLIENT_ORDER_ID, is_denial};

/// An answer that has not come after this long is treated as an unknown outcome.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// How a stop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopEnding {
    /// It triggered and its order is done.
    Finished,
    /// Cancelled or expired before its trigger.
    Canceled,
    /// It, or its order, was refused.
    Rejected,
    /// Certainly never reached the venue, or the venue does not know it.
    Absent,
}

/// Where a stop stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopState {
    /// Sent; no answer yet.
    Pending {
        /// When silence becomes an unknown outcome.
        until: Timestamp,
    },
    /// The outcome is hidden and being asked for.
    Unknown(Inquiry),
    /// Rests at the venue and protects.
    Working,
    /// Its trigger was touched: the venue is closing the position.
    Triggered {
        /// Since when, as far as we know.
        since: Timestamp,
    },
    /// A cancel is on its way; only a report or a denial proves it gone, the answer does not.
    Canceling(Inquiry),
    /// Nothing more can happen.
    Closed(StopEnding),
}

/// One protective stop of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// What was asked for.
    pub request: StopRequest,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When anything was last learnt about it.
    pub changed_at: Timestamp,
    /// The ordinary order it became, once triggered.
    pub child_order_id: Option<OrderId>,
    state: StopState,
    is_cancel_wanted: bool,
    was_acknowledged: bool,
    /// What is asked while the outcome is hidden, and how it comes to light.
    scrutiny: Scrutiny,
}

impl Stop {
    /// A stop that is being sent now.
    #[must_use]
    pub fn sent(now: Timestamp, request: StopRequest) -> Self {
        Self {
            request,
            sent_at: now,
            changed_at: now,
            child_order_id: None,
            state: StopState::Pending { until: now + ANSWER_PATIENCE },
            is_cancel_wanted: false,
            was_acknowledged: false,
            scrutiny: Scrutiny::default(),
        }
    }

    /// Our name for it.
    #[must_use]
    pub const fn id(&self) -> ClientOrderId {
        self.request.client_order_id
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> StopState {
        self.state
    }

    /// Whether it rests or may rest at the venue.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !matches!(self.state, StopState::Closed(_))
    }

    /// Whether the venue has confirmed that it protects.
    #[must_use]
    pub const fn is_acknowledged(&self) -> bool {
        matches!(self.state, StopState::Working | StopState::Triggered { .. })
    }

    /// Whether it rests at the venue as far as is known, or did and is being asked for, and is wanted.
    #[must_use]
    pub const fn protects(&self) -> bool {
        self.was_acknowledged && self.may_protect()
    }

    /// Whether it protects, or will if its outcome turns out well.
    #[must_use]
    pub const fn may_protect(&self) -> bool {
        !self.is_cancel_wanted
            && matches!(
                self.state,
                StopState::Pending { .. }
                    | StopState::Unknown(_)
                    | StopState::Working
                    | StopState::Triggered { .. }
            )
    }

    /// When it wants to be woken.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Timestamp> {
        match &self.state {
            StopState::Pending { until } => Some(*until),
            StopState::Unknown(inquiry) | StopState::Canceling(inquiry) => Some(inquiry.next_at()),
            StopState::Working | StopState::Triggered { .. } | StopState::Closed(_) => None,
        }
    }

    /// How a hidden outcome came to light since this was last asked.
    pub const fn take_resolution(&mut self) -> Option<Resolution> {
        self.scrutiny.take()
    }

    /// Advances by one event.
    #[must_use]
    pub fn handle(&mut self, now: Timestamp, event: StopEvent<'_>) -> Option<StopAction> {
        let action = self.advance(now, event);
        let turn = Turn {
            outcome: self.outcome(),
            proof: event.proof(),
            is_denial: matches!(event, StopEvent::QueryFailed(failure) if is_denial(failure)),
            is_question: action == Some(StopAction::Query),
        };
        self.scrutiny.follow(now, self.id(), turn);
        action
    }

    /// Where it stands, as far as that is known.
    const fn outcome(&self) -> Option<Outcome> {
        match self.state {
            StopState::Unknown(_) => None,
            StopState::Closed(StopEnding::Absent) => Some(Outcome::Absent),
            StopState::Closed(StopEnding::Rejected) => Some(Outcome::Rejected),
            StopState::Closed(StopEnding::Finished | StopEnding::Canceled) => Some(Outcome::Ended),
            StopState::Pending { .. }
            | StopState::Working
            | StopState::Triggered { .. }
            | StopState::Canceling(_) => Some(Outcome::Working),
        }
    }

    fn advance(&mut self, now: Timestamp, event: StopEvent<'_>) -> Option<StopAction> {
        let before = self.state;
        let (next, action) = match event {
            StopEvent::Report(report) | StopEvent::Answer(report) | StopEvent::Listed(report) => {
                self.on_report(now, report)
            }
            StopEvent::PlaceFailed(failure) => (self.on_place_failed(now, failure), None),
            StopEvent::CancelFailed(failure) => (self.state, self.on_cancel_failed(failure)),
            StopEvent::QueryFailed(failure) => (self.on_query_failed(now, failure), None),
            StopEvent::CancelWanted => self.on_cancel_wanted(now),
            StopEvent::MissingFromAccount => self.on_missing(now),
            StopEvent::FoundInAccount if !self.is_live() => self.taken_back(now),
            StopEvent::FoundInAccount => (self.state, None),
            StopEvent::Tick => self.on_tick(now),
        };
        self.state = next;
        self.was_acknowledged |= self.is_acknowledged();
        if before != next {
            self.changed_at = now;
        }
        action
    }

    fn on_report(
        &mut self,
        now: Timestamp,
        report: &StopReport,
    ) -> (StopState, Option<StopAction>) {
        self.child_order_id = report.child_order_id.or(self.child_order_id);
        let ended = |ending| (StopState::Closed(ending), None);
        match (&self.state, report.status) {
            (_, StopStatus::Unknown) => self.unresolved(now),
            (StopState::Closed(StopEnding::Absent), StopStatus::New) => self.taken_back(now),
            (
                StopState::Closed(
                    StopEnding::Finished | StopEnding::Canceled | StopEnding::Rejected,
                ),
                StopStatus::New
                | StopStatus::Triggering
                | StopStatus::Triggered
                | StopStatus::Finished
                | StopStatus::Canceled
                | StopStatus::Expired
                | StopStatus::Rejected,
            )
            // The venue lags: after a cancel it calls a stop new for a second or more (4.6).
            | (StopState::Canceling(_) | StopState::Triggered { .. }, StopStatus::New)
            | (StopState::Triggered { .. }, StopStatus::Triggering | StopStatus::Triggered) => {
                (self.state, None)
            }
            (
                StopState::Pending { .. } | StopState::Unknown(_) | StopState::Working,
                StopStatus::New,
            ) => self.working(now),
            (
                StopState::Pending { .. }
                | StopState::Unknown(_)
                | StopState::Working
                | StopState::Canceling(_)
                | StopState::Closed(StopEnding::Absent),
                StopStatus::Triggering | StopStatus::Triggered,
            ) => (StopState::Triggered { since: now }, None),
            (_, StopStatus::Finished) => ended(StopEnding::Finished),
            (_, StopStatus::Canceled | StopStatus::Expired) => ended(StopEnding::Canceled),
            (_, StopStatus::Rejected) => ended(StopEnding::Rejected),
        }
    }

    fn on_place_failed(&self, now: Timestamp, failure: &Failure) -> StopState {
        let inquiry = StopState::Unknown(Inquiry::begin(now));
        match (&self.state, failure) {
            (
                StopState::Pending { .. } | StopState::Unknown(_),
                Failure::NotSent { .. } | Failure::Throttled { .. },
            ) => StopState::Closed(StopEnding::Absent),
            (StopState::Pending { .. } | StopState::Unknown(_), Failure::Rejected(rejection)) => {
                if rejection.code == DUPLICATED_CLIENT_ORDER_ID {
                    inquiry
                } else {
                    StopState::Closed(StopEnding::Rejected)
                }
            }
            (StopState::Pending { .. }, Failure::Unknown { .. }) => inquiry,
            (StopState::Unknown(_), Failure::Unknown { .. })
            | (
                StopState::Working
                | StopState::Triggered { .. }
                | StopState::Canceling(_)
                | StopState::Closed(_),
                Failure::NotSent { .. }
                | Failure::Throttled { .. }
                | Failure::Unknown { .. }
                | Failure::Rejected(_),
            ) => self.state,
        }
    }

    fn on_cancel_failed(&self, failure: &Failure) -> Option<StopAction> {
        match (&self.state, failure) {
            (StopState::Canceling(_), Failure::Rejected(_)) => Some(StopAction::Query),
            (
                StopState::Canceling(_)
                | StopState::Pending { .. }
                | StopState::Unknown(_)
                | StopState::Working
                | StopState::Triggered { .. }
                | StopState::Closed(_),
                Failure::NotSent { .. }
                | Failure::Throttled { .. }
                | Failure::Unknown { .. }
                | Failure::Rejected(_),
            ) => None,
        }
    }

    /// A denial proves a cancelled stop gone, and one that was seen before; of one that was never
    /// seen it must stand through the window.
    fn on_query_failed(&self, now: Timestamp, failure: &Failure) -> StopState {
        let is_denial = is_denial(failure);
        match &self.state {
            StopState::Canceling(_) if is_denial => StopState::Closed(StopEnding::Canceled),
            StopState::Unknown(inquiry)
                if is_denial && (self.was_acknowledged || inquiry.is_decisive(now)) =>
            {
                StopState::Closed(StopEnding::Absent)
            }
            StopState::Pending { .. }
            | StopState::Unknown(_)
            | StopState::Working
            | StopState::Triggered { .. }
            | StopState::Canceling(_)
            | StopState::Closed(_) => self.state,
        }
    }

    fn on_cancel_wanted(&mut self, now: Timestamp) -> (StopState, Option<StopAction>) {
        let is_new = !std::mem::replace(&mut self.is_cancel_wanted, true);
        match &self.state {
            StopState::Working => self.working(now),
            StopState::Unknown(_) if is_new => (self.state, Some(StopAction::Cancel)),
            // A triggered stop cannot be cancelled; if nothing is left to close it ends by itself.
            StopState::Triggered { .. } if is_new => (self.state, Some(StopAction::Query)),
            StopState::Pending { .. }
            | StopState::Unknown(_)
            | StopState::Triggered { .. }
            | StopState::Canceling(_)
            | StopState::Closed(_) => (self.state, None),
        }
    }

    fn on_missing(&self, now: Timestamp) -> (StopState, Option<StopAction>) {
        match &self.state {
            StopState::Working => {
                (StopState::Unknown(Inquiry::begin(now)), Some(StopAction::Query))
            }
            StopState::Triggered { .. } | StopState::Canceling(_) => {
                (self.state, Some(StopAction::Query))
            }
            StopState::Pending { .. } | StopState::Unknown(_) | StopState::Closed(_) => {
                (self.state, None)
            }
        }
    }

    /// Asks about the unknown; repeats a cancel and asks again in turns.
    fn on_tick(&self, now: Timestamp) -> (StopState, Option<StopAction>) {
        match self.state {
            StopState::Pending { until } if until <= now => {
                (StopState::Unknown(Inquiry::begin(now)), Some(StopAction::Query))
            }
            StopState::Unknown(mut inquiry) => {
                let is_due = inquiry.take_due(now);
                (StopState::Unknown(inquiry), is_due.then_some(StopAction::Query))
            }
            StopState::Canceling(mut inquiry) => {
                let is_due = inquiry.take_due(now);
                let action =
                    if inquiry.has_asked_evenly() { StopAction::Cancel } else { StopAction::Query };
                (StopState::Canceling(inquiry), is_due.then_some(action))
            }
            StopState::Pending { .. }
            | StopState::Working
            | StopState::Triggered { .. }
            | StopState::Closed(_) => (self.state, None),
        }
    }

    /// The venue has it in a status beyond this version: it may trigger, but proves no protection,
    /// and is asked for until the venue says more. What ended stays so.
    fn unresolved(&mut self, now: Timestamp) -> (StopState, Option<StopAction>) {
        match (&self.state, self.is_cancel_wanted) {
            (StopState::Closed(StopEnding::Absent), _) => self.taken_back(now),
            (StopState::Triggered { .. } | StopState::Canceling(_) | StopState::Closed(_), _)
            | (StopState::Unknown(_), false) => (self.state, None),
            (StopState::Pending { .. } | StopState::Unknown(_) | StopState::Working, true) => {
                self.working(now)
            }
            (StopState::Pending { .. } | StopState::Working, false) => {
                (StopState::Unknown(Inquiry::begin(now)), None)
            }
        }
    }

    /// Thought gone, yet there it is: nobody counts on it any more, so it goes.
    fn taken_back(&mut self, now: Timestamp) -> (StopState, Option<StopAction>) {
        self.is_cancel_wanted = true;
        self.working(now)
    }

    /// The venue has it: it protects, or its cancel goes out at last.
    fn working(&self, now: Timestamp) -> (StopState, Option<StopAction>) {
        if self.is_cancel_wanted {
            (StopState::Canceling(Inquiry::begin(now)), Some(StopAction::Cancel))
        } else {
            (StopState::Working, None)
        }
    }
}
