//! One ordinary order: its exhaustive transition table.
//!
//! News of an order comes from the acknowledgement, queries and the user stream, in any order and
//! more than once. State only moves forward: by filled quantity, then by being terminal.
//!
//! Invariants: **1** an order is placed once; what is unknown is asked for, never resent;
//! **2** a terminal order stays terminal, except that a late fill counts (cancelled → filled) and
//! that an order declared absent, or ended by a report the account later contradicts, which shows
//! up after all is taken back, to be cancelled;
//! **3** filled quantities never shrink.

mod event;
#[cfg(test)]
mod resolving_tests;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(super) use event::is_denial;
pub use event::{OrderAction, OrderEvent};
use serde::{Deserialize, Serialize};

use super::doubt::{Outcome, Resolution, Scrutiny, Turn};
use super::inquiry::Inquiry;
use crate::domain::{
    ClientOrderId, Failure, OrderId, OrderReport, OrderRequest, OrderStatus, Quantity, Timestamp,
};

/// An answer that has not come after this long is treated as an unknown outcome.
const ANSWER_PATIENCE: Duration = Duration::from_secs(3);

/// The venue's code for a client id that is already in use: the earlier copy is open.
pub(super) const DUPLICATED_CLIENT_ORDER_ID: i32 = -4116;
/// The venue's code for an order it does not know.
pub(super) const NO_SUCH_ORDER: i32 = -2013;

/// What an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Purpose {
    /// Opens a position.
    Entry,
    /// Rests at the predicted price and closes with a profit.
    TakeProfit,
    /// Closes on behalf of the stop-loss procedure.
    Close,
    /// Left over from an earlier run, or thought gone: only to be cancelled.
    Leftover,
}

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Wholly filled.
    Filled,
    /// Cancelled or expired; may have fills.
    Canceled,
    /// Refused by the venue.
    Rejected,
    /// Certainly never reached the venue, or the venue does not know it.
    Absent,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderState {
    /// Sent; no answer yet.
    Pending {
        /// When silence becomes an unknown outcome.
        until: Timestamp,
    },
    /// The outcome is hidden and being asked for.
    Unknown(Inquiry),
    /// Denied by every query through the whole window; the account's report decides.
    Denied {
        /// Since when.
        since: Timestamp,
    },
    /// Works at the venue.
    Working,
    /// A cancel is on its way, or is being repeated.
    Canceling(Inquiry),
    /// Nothing more can happen, a late fill apart.
    Closed(Ending),
}

/// One ordinary order of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What was asked for.
    pub request: OrderRequest,
    /// What it is for.
    pub purpose: Purpose,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When anything was last learnt about it.
    pub changed_at: Timestamp,
    /// The venue's name for it, once known.
    pub order_id: Option<OrderId>,
    state: OrderState,
    is_cancel_wanted: bool,
    reported: Quantity,
    /// Of it, by this run.
    booked: Quantity,
    /// Of it, by earlier runs.
    booked_before: Quantity,
    /// What is asked while the outcome is hidden, and how it comes to light.
    scrutiny: Scrutiny,
}

impl Order {
    /// An order that is being sent now.
    #[must_use]
    pub fn sent(now: Timestamp, request: OrderRequest, purpose: Purpose) -> Self {
        Self {
            request,
            purpose,
            sent_at: now,
            changed_at: now,
            order_id: None,
            state: OrderState::Pending { until: now + ANSWER_PATIENCE },
            is_cancel_wanted: false,
            reported: Quantity::ZERO,
            booked: Quantity::ZERO,
            booked_before: Quantity::ZERO,
            scrutiny: Scrutiny::default(),
        }
    }

    /// An order of an earlier run, which has booked so much of it.
    #[must_use]
    pub fn found(now: Timestamp, request: OrderRequest, booked_before: Quantity) -> Self {
        Self { booked_before, ..Self::sent(now, request, Purpose::Leftover) }
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> OrderState {
        self.state
    }

    /// Our name for it.
    #[must_use]
    pub const fn id(&self) -> ClientOrderId {
        self.request.client_order_id
    }

    /// Whether anything may still happen to it at the venue.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !matches!(self.state, OrderState::Closed(_))
    }

    /// Whether the venue has confirmed it and it may still fill.
    #[must_use]
    pub const fn is_acknowledged(&self) -> bool {
        matches!(self.state, OrderState::Working | OrderState::Canceling(_))
    }

    /// Whether its cancel was asked for.
    #[must_use]
    pub const fn is_cancel_wanted(&self) -> bool {
        self.is_cancel_wanted
    }

    /// How much is known to be filled, from reports and fills together.
    #[must_use]
    pub fn filled(&self) -> Quantity {
        self.reported.max(self.booked)
    }

    /// How much the venue reported filled whose fills have not arrived yet.
    #[must_use]
    pub fn unbooked(&self) -> Quantity {
        self.reported.saturating_sub(self.booked).saturating_sub(self.booked_before)
    }

    /// How much this run has booked of it.
    #[must_use]
    pub const fn booked(&self) -> Quantity {
        self.booked
    }

    /// How much may still be filled: nothing once it ended, everything while it is unknown.
    #[must_use]
    pub fn remaining(&self) -> Quantity {
        if self.is_live() {
            self.request.quantity.saturating_sub(self.filled())
        } else {
            Quantity::ZERO
        }
    }

    /// When it wants to be woken.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Timestamp> {
        match &self.state {
            OrderState::Pending { until } => Some(*until),
            OrderState::Unknown(inquiry) | OrderState::Canceling(inquiry) => {
                Some(inquiry.next_at())
            }
            OrderState::Denied { .. } | OrderState::Working | OrderState::Closed(_) => None,
        }
    }

    /// How a hidden outcome came to light since this was last asked.
    pub const fn take_resolution(&mut self) -> Option<Resolution> {
        self.scrutiny.take()
    }

    /// Advances by one event.
    #[must_use]
    pub fn handle(&mut self, now: Timestamp, event: OrderEvent<'_>) -> Option<OrderAction> {
        let action = self.advance(now, event);
        let turn = Turn {
            outcome: self.outcome(),
            proof: event.proof(),
            is_denial: matches!(event, OrderEvent::QueryFailed(failure) if is_denial(failure)),
            is_question: action == Some(OrderAction::Query),
        };
        self.scrutiny.follow(now, self.id(), turn);
        action
    }

    /// Where it stands, as far as that is known.
    const fn outcome(&self) -> Option<Outcome> {
        match self.state {
            OrderState::Unknown(_) | OrderState::Denied { .. } => None,
            OrderState::Closed(Ending::Absent) => Some(Outcome::Absent),
            OrderState::Closed(Ending::Rejected) => Some(Outcome::Rejected),
            OrderState::Closed(Ending::Filled | Ending::Canceled) => Some(Outcome::Ended),
            OrderState::Pending { .. } | OrderState::Working | OrderState::Canceling(_) => {
                Some(Outcome::Working)
            }
        }
    }

    fn advance(&mut self, now: Timestamp, event: OrderEvent<'_>) -> Option<OrderAction> {
        if let OrderEvent::Tick = event {
            return self.tick(now);
        }
        let before = (self.state, self.reported, self.booked);
        let (next, action) = match event {
            OrderEvent::Report(report)
            | OrderEvent::Answer(report)
            | OrderEvent::Listed(report) => self.on_report(now, report),
            OrderEvent::Booked(quantity) => self.on_booked(now, quantity),
            OrderEvent::PlaceFailed(failure) => (self.on_place_failed(now, failure), None),
            OrderEvent::CancelFailed(failure) => (self.state, self.on_cancel_failed(failure)),
            OrderEvent::QueryFailed(failure) => (self.on_query_failed(now, failure), None),
            OrderEvent::CancelWanted => self.on_cancel_wanted(now),
            OrderEvent::MissingFromAccount { asked_at } => self.on_missing(now, asked_at),
            OrderEvent::FoundInAccount if !self.is_live() => self.taken_back(now),
            OrderEvent::FoundInAccount | OrderEvent::Tick => (self.state, None),
        };
        debug_assert!(self.reported >= before.1 && self.booked >= before.2, "invariant 3");
        self.state = next;
        if before != (self.state, self.reported, self.booked) {
            self.changed_at = now;
        }
        action
    }

    fn on_report(
        &mut self,
        now: Timestamp,
        report: &OrderReport,
    ) -> (OrderState, Option<OrderAction>) {
        self.order_id = self.order_id.or(Some(report.order_id));
        self.reported = self.reported.max(report.filled_quantity);
        let ending = match report.status {
            OrderStatus::Unknown => return self.unresolved(now),
            OrderStatus::New | OrderStatus::PartiallyFilled => None,
            OrderStatus::Filled => Some(Ending::Filled),
            OrderStatus::Canceled | OrderStatus::Expired | OrderStatus::ExpiredInMatch => {
                Some(Ending::Canceled)
            }
            OrderStatus::Rejected => Some(Ending::Rejected),
        };
        match (&self.state, ending) {
            (OrderState::Closed(Ending::Absent), None) => self.taken_back(now),
            (OrderState::Closed(Ending::Absent), Some(ending)) => {
                (OrderState::Closed(ending), None)
            }
            // The late fill is real; everything else about an ended order is old news.
            (OrderState::Closed(Ending::Canceled | Ending::Rejected), Some(Ending::Filled)) => {
                (OrderState::Closed(Ending::Filled), None)
            }
            (OrderState::Closed(_) | OrderState::Canceling(_), None)
            | (OrderState::Closed(_), Some(_)) => (self.state, None),
            (
                OrderState::Pending { .. }
                | OrderState::Unknown(_)
                | OrderState::Denied { .. }
                | OrderState::Working,
                None,
            ) => self.working(now),
            (
                OrderState::Pending { .. }
                | OrderState::Unknown(_)
                | OrderState::Denied { .. }
                | OrderState::Working
                | OrderState::Canceling(_),
                Some(ending),
            ) => (OrderState::Closed(ending), None),
        }
    }

    /// A fill proves that the venue took the order, whatever else is unknown about it.
    fn on_booked(
        &mut self,
        now: Timestamp,
        quantity: Quantity,
    ) -> (OrderState, Option<OrderAction>) {
        let is_news = quantity > self.booked;
        self.booked = self.booked.max(quantity);
        let is_complete = self.filled() >= self.request.quantity;
        match (&self.state, is_complete) {
            (_, _) if !is_news => (self.state, None),
            (_, true) => (OrderState::Closed(Ending::Filled), None),
            (
                OrderState::Pending { .. } | OrderState::Unknown(_) | OrderState::Denied { .. },
                false,
            ) => self.working(now),
            (OrderState::Closed(Ending::Absent), false) => self.taken_back(now),
            (
                OrderState::Working
                | OrderState::Canceling(_)
                | OrderState::Closed(Ending::Filled | Ending::Canceled | Ending::Rejected),
                false,
            ) => (self.state, None),
        }
    }

    fn on_place_failed(&self, now: Timestamp, failure: &Failure) -> OrderState {
        match (&self.state, failure) {
            (
                OrderState::Pending { .. } | OrderState::Unknown(_) | OrderState::Denied { .. },
                Failure::NotSent { .. } | Failure::Throttled { .. },
            ) => OrderState::Closed(Ending::Absent),
            (OrderState::Pending { .. }, Failure::Unknown { .. }) => {
                OrderState::Unknown(Inquiry::begin(now))
            }
            (
                OrderState::Pending { .. } | OrderState::Unknown(_) | OrderState::Denied { .. },
                Failure::Rejected(rejection),
            ) if rejection.code == DUPLICATED_CLIENT_ORDER_ID => {
                OrderState::Unknown(Inquiry::begin(now))
            }
            (
                OrderState::Pending { .. } | OrderState::Unknown(_) | OrderState::Denied { .. },
                Failure::Rejected(_),
            ) => OrderState::Closed(Ending::Rejected),
            // The venue's own reports are stronger than an answer that was lost on the way.
            (OrderState::Unknown(_) | OrderState::Denied { .. }, Failure::Unknown { .. })
            | (
                OrderState::Working | OrderState::Canceling(_) | OrderState::Closed(_),
                Failure::NotSent { .. }
                | Failure::Throttled { .. }
                | Failure::Unknown { .. }
                | Failure::Rejected(_),
            ) => self.state,
        }
    }

    /// "Unknown order" (−2011) means gone: the query tells how it ended. Else the cancel repeats.
    fn on_cancel_failed(&self, failure: &Failure) -> Option<OrderAction> {
        match (&self.state, failure) {
            (OrderState::Canceling(_), Failure::Rejected(_)) => Some(OrderAction::Query),
            (
                OrderState::Canceling(_),
                Failure::NotSent { .. } | Failure::Throttled { .. } | Failure::Unknown { .. },
            )
            | (
                OrderState::Pending { .. }
                | OrderState::Unknown(_)
                | OrderState::Denied { .. }
                | OrderState::Working
                | OrderState::Closed(_),
                Failure::NotSent { .. }
                | Failure::Throttled { .. }
                | Failure::Unknown { .. }
                | Failure::Rejected(_),
            ) => None,
        }
    }

    fn on_query_failed(&self, now: Timestamp, failure: &Failure) -> OrderState {
        let is_denial = is_denial(failure);
        match &self.state {
            OrderState::Unknown(inquiry) | OrderState::Canceling(inquiry)
                if is_denial && inquiry.is_decisive(now) =>
            {
                OrderState::Denied { since: now }
            }
            OrderState::Pending { .. }
            | OrderState::Unknown(_)
            | OrderState::Denied { .. }
            | OrderState::Working
            | OrderState::Canceling(_)
            | OrderState::Closed(_) => self.state,
        }
    }

    fn on_cancel_wanted(&mut self, now: Timestamp) -> (OrderState, Option<OrderAction>) {
        let is_new = !std::mem::replace(&mut self.is_cancel_wanted, true);
        match &self.state {
            OrderState::Working => self.working(now),
            // Harmless if it was never accepted, and the sooner the better if it was (7.3 d).
            OrderState::Unknown(_) if is_new => (self.state, Some(OrderAction::Cancel)),
            OrderState::Pending { .. }
            | OrderState::Unknown(_)
            | OrderState::Denied { .. }
            | OrderState::Canceling(_)
            | OrderState::Closed(_) => (self.state, None),
        }
    }

    fn on_missing(&self, now: Timestamp, asked_at: Timestamp) -> (OrderState, Option<OrderAction>) {
        match &self.state {
            OrderState::Denied { since } if asked_at >= *since => {
                (OrderState::Closed(Ending::Absent), None)
            }
            OrderState::Working => {
                (OrderState::Unknown(Inquiry::begin(now)), Some(OrderAction::Query))
            }
            OrderState::Canceling(_) => (self.state, Some(OrderAction::Query)),
            OrderState::Pending { .. }
            | OrderState::Unknown(_)
            | OrderState::Denied { .. }
            | OrderState::Closed(_) => (self.state, None),
        }
    }

    fn tick(&mut self, now: Timestamp) -> Option<OrderAction> {
        match &mut self.state {
            OrderState::Pending { until } if *until <= now => {
                self.state = OrderState::Unknown(Inquiry::begin(now));
                None
            }
            OrderState::Unknown(inquiry) => inquiry.take_due(now).then_some(OrderAction::Query),
            OrderState::Canceling(inquiry) => inquiry.take_due(now).then_some(OrderAction::Cancel),
            OrderState::Pending { .. }
            | OrderState::Denied { .. }
            | OrderState::Working
            | OrderState::Closed(_) => None,
        }
    }

    /// The venue has it: it works, or its cancel goes out at last.
    fn working(&self, now: Timestamp) -> (OrderState, Option<OrderAction>) {
        if self.is_cancel_wanted {
            (OrderState::Canceling(Inquiry::begin(now)), Some(OrderAction::Cancel))
        } else {
            (OrderState::Working, None)
        }
    }

    /// The venue has it in a status beyond this version: it may fill, so it counts, and is asked for
    /// until the venue says more. What ended stays so.
    fn unresolved(&mut self, now: Timestamp) -> (OrderState, Option<OrderAction>) {
        match (&self.state, self.is_cancel_wanted) {
            (OrderState::Closed(Ending::Absent), _) => self.taken_back(now),
            (OrderState::Canceling(_) | OrderState::Closed(_), _)
            | (OrderState::Unknown(_), false) => (self.state, None),
            (
                OrderState::Pending { .. }
                | OrderState::Unknown(_)
                | OrderState::Denied { .. }
                | OrderState::Working,
                true,
            ) => self.working(now),
            (
                OrderState::Pending { .. } | OrderState::Denied { .. } | OrderState::Working,
                false,
            ) => (OrderState::Unknown(Inquiry::begin(now)), None),
        }
    }

    /// Declared absent, yet there it is: nobody counts on it any more, so it goes.
    fn taken_back(&mut self, now: Timestamp) -> (OrderState, Option<OrderAction>) {
        self.is_cancel_wanted = true;
        self.purpose = Purpose::Leftover;
        self.working(now)
    }
}
