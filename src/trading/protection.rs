//! Protective stops at the venue: one symbol's, and how long it was without one.
//!
//! The stop is reduce-only over a quantity and not "close position": whether the venue honours the
//! latter is unconfirmed (exchange-api.md §12, 19), and a reduce-only stop cannot flip a position.
//! So one stop over the whole *ordered* entry is placed at the first fill and needs no replacement
//! as more fills come: there is no moment at which a resized stop is missing.
//!
//! Invariants: **1** an open position has an acknowledged stop covering it, or its naked time is
//! being counted; **2** a stop is cancelled only when nothing needs it or when another, acknowledged
//! one covers; **3** a stop is placed once; what is unknown is asked for, never resent.

mod stop;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use stop::{Stop, StopAction, StopEnding, StopEvent, StopState};

use super::doubt::Resolution;
use crate::domain::{
    ClientOrderId, Failure, OrderId, Price, Quantity, Side, StopReport, StopRequest, StopSize,
    Timestamp,
};

/// A position without an acknowledged stop for this long is closed (promise I4).
pub const NAKED_LIMIT: Duration = Duration::from_secs(3);

/// How long after a failure a stop is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// A triggered stop whose position is still there after this long has failed.
const TRIGGER_PATIENCE: Duration = Duration::from_secs(2);

/// Ended stops remembered, so that late news finds them.
const ENDED_STOPS: usize = 16;

/// The venue's codes for a stop whose trigger is already touched.
const WOULD_TRIGGER: [i32; 2] = [-2021, -4142];

/// What a position needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// The closing side.
    pub side: Side,
    /// What is held and must be covered.
    pub held: Quantity,
    /// What a new stop is placed over: at least what is held.
    pub quantity: Quantity,
    /// Where a new stop is placed.
    pub trigger_price: Price,
    /// A stop beyond this price is too far away to count: half way to liquidation, where known.
    pub farthest: Option<Price>,
}

/// What protection asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtectionAction {
    /// Place a stop.
    Place(Cover),
    /// Cancel a stop.
    Cancel(ClientOrderId),
    /// Ask where a stop stands.
    Query(ClientOrderId),
}

/// One symbol's protective stops.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Protection {
    live: BTreeMap<ClientOrderId, Stop>,
    ended: VecDeque<Stop>,
    /// Hidden outcomes that came to light, until they are taken.
    resolved: Vec<Resolution>,
    retry_at: Option<Timestamp>,
    is_refused: bool,
    naked_since: Option<Timestamp>,
    naked: Duration,
    longest_naked: Duration,
}

impl Protection {
    /// Takes in a stop that is being sent now.
    pub fn submit(&mut self, now: Timestamp, request: StopRequest) {
        let id = request.client_order_id;
        assert!(self.find(id).is_none(), "a stop's id {id} is used once");
        self.live.insert(id, Stop::sent(now, request));
    }

    /// Takes in a stop of ours that was found at the venue.
    pub fn adopt(&mut self, now: Timestamp, report: &StopReport) {
        let request = StopRequest {
            client_order_id: report.client_order_id,
            symbol: report.symbol,
            side: report.side,
            trigger_price: report.trigger_price,
            size: report.size,
        };
        self.submit(now, request);
        let action = self.handle(now, report.client_order_id, StopEvent::Report(report));
        debug_assert_eq!(action, None, "a report alone asks for nothing");
    }

    /// Advances one stop by one event; stops we do not know have no answer.
    #[must_use]
    pub fn handle(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        event: StopEvent<'_>,
    ) -> Option<StopAction> {
        if let Some(stop) = self.live.get_mut(&id) {
            if let StopEvent::PlaceFailed(failure) = event {
                self.retry_at = Some(retry_moment(now, failure));
                self.is_refused |= is_already_triggered(failure);
            }
            let action = stop.handle(now, event);
            self.resolved.extend(stop.take_resolution());
            if !stop.is_live() {
                self.ended.extend(self.live.remove(&id));
                self.ended.drain(..self.ended.len().saturating_sub(ENDED_STOPS));
            }
            return action;
        }
        let at = self.ended.iter().position(|stop| stop.id() == id)?;
        let action = self.ended[at].handle(now, event);
        if self.ended[at].is_live() {
            self.live.extend(self.ended.remove(at).map(|stop| (id, stop)));
        }
        action
    }

    /// Hidden outcomes that came to light since this was last asked.
    pub fn take_resolved(&mut self) -> Vec<Resolution> {
        std::mem::take(&mut self.resolved)
    }

    /// Brings the stops in line with what the position needs, and counts naked time.
    #[must_use]
    pub fn cover(&mut self, now: Timestamp, needed: Option<Cover>) -> Vec<ProtectionAction> {
        self.count_naked_time(now, needed);
        let mut actions = self.wake(now);
        let Some(needed) = needed else {
            (self.retry_at, self.is_refused) = (None, false);
            actions.extend(self.cancel_all_but(now, None));
            return actions;
        };
        let may_cover = |stop: &&Stop| stop.may_protect() && is_adequate(stop, &needed, now);
        let keeper = self
            .live
            .values()
            .filter(may_cover)
            .max_by_key(|stop| (stop.is_acknowledged(), stop.sent_at, stop.id()));
        match keeper.map(|stop| (stop.id(), stop.is_acknowledged())) {
            Some((keeper, true)) => actions.extend(self.cancel_all_but(now, Some(keeper))),
            Some((_, false)) => {}
            None if self.retry_at.is_some_and(|at| at > now) || self.is_refused => {}
            None => actions.push(ProtectionAction::Place(needed)),
        }
        actions
    }

    /// Takes note that no stop can be placed at all.
    pub const fn give_up(&mut self) {
        self.is_refused = true;
    }

    /// Whether an acknowledged stop covers this need.
    #[must_use]
    pub fn covers(&self, now: Timestamp, needed: &Cover) -> bool {
        let covers = |stop: &Stop| stop.is_acknowledged() && is_adequate(stop, needed, now);
        self.live.values().any(covers)
    }

    /// Whether the position must be closed because it cannot be protected: the stop's trigger is
    /// already touched, or too much time has passed without one.
    #[must_use]
    pub fn has_failed(&self, now: Timestamp) -> bool {
        self.is_refused || self.naked_since.is_some_and(|since| now.since(since) >= NAKED_LIMIT)
    }

    /// Whether a stop was touched and its position is still there after a while.
    #[must_use]
    pub fn has_triggered_in_vain(&self, now: Timestamp) -> bool {
        self.live.values().any(|stop| match stop.state() {
            StopState::Triggered { since } => now.since(since) >= TRIGGER_PATIENCE,
            StopState::Pending { .. }
            | StopState::Unknown(_)
            | StopState::Working
            | StopState::Canceling(_)
            | StopState::Closed(_) => false,
        })
    }

    /// The stop of this name, live or lately ended.
    #[must_use]
    pub fn find(&self, id: ClientOrderId) -> Option<&Stop> {
        self.live.get(&id).or_else(|| self.ended.iter().find(|stop| stop.id() == id))
    }

    /// Whether an ordinary order came out of one of our stops.
    #[must_use]
    pub fn is_child(&self, order_id: OrderId) -> bool {
        self.live.values().chain(&self.ended).any(|stop| stop.child_order_id == Some(order_id))
    }

    /// Stops that protect or may protect.
    pub fn live(&self) -> impl Iterator<Item = &Stop> {
        self.live.values()
    }

    /// Whether no stop rests or may rest at the venue.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.live.is_empty()
    }

    /// Time spent without cover until now, and the longest stretch.
    #[must_use]
    pub fn naked_time(&self, now: Timestamp) -> (Duration, Duration) {
        let current = self.naked_since.map_or(Duration::ZERO, |since| now.since(since));
        (self.naked + current, self.longest_naked.max(current))
    }

    /// When the oldest stretch without cover runs out.
    #[must_use]
    pub fn naked_deadline(&self) -> Option<Timestamp> {
        self.naked_since.map(|since| since + NAKED_LIMIT)
    }

    /// When a failed stop is tried again.
    #[must_use]
    pub const fn retry_deadline(&self) -> Option<Timestamp> {
        self.retry_at
    }

    /// When a stop wants to be asked about.
    #[must_use]
    pub fn inquiry_deadline(&self) -> Option<Timestamp> {
        let triggered = |stop: &Stop| match stop.state() {
            StopState::Triggered { since } => Some(since + TRIGGER_PATIENCE),
            StopState::Pending { .. }
            | StopState::Unknown(_)
            | StopState::Working
            | StopState::Canceling(_)
            | StopState::Closed(_) => None,
        };
        self.live.values().filter_map(|stop| stop.next_deadline().or(triggered(stop))).min()
    }

    fn wake(&mut self, now: Timestamp) -> Vec<ProtectionAction> {
        self.retry_at = self.retry_at.filter(|at| *at > now);
        let wake = |(id, stop): (&ClientOrderId, &mut Stop)| {
            stop.handle(now, StopEvent::Tick).map(|action| action.of(*id))
        };
        self.live.iter_mut().filter_map(wake).collect()
    }

    fn cancel_all_but(
        &mut self,
        now: Timestamp,
        keeper: Option<ClientOrderId>,
    ) -> Vec<ProtectionAction> {
        let end = |(id, stop): (&ClientOrderId, &mut Stop)| {
            stop.handle(now, StopEvent::CancelWanted).map(|action| action.of(*id))
        };
        let others = self.live.iter_mut().filter(|(id, _)| Some(**id) != keeper);
        others.filter_map(end).collect()
    }

    fn count_naked_time(&mut self, now: Timestamp, needed: Option<Cover>) {
        let is_naked = needed.is_some_and(|needed| !self.covers(now, &needed));
        match (self.naked_since, is_naked) {
            (None, true) => self.naked_since = Some(now),
            (Some(since), false) => {
                let stretch = now.since(since);
                self.naked += stretch;
                self.longest_naked = self.longest_naked.max(stretch);
                self.naked_since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }
}

/// Whether a stop is on the right side, large enough, near enough and not triggered in vain.
fn is_adequate(stop: &Stop, needed: &Cover, now: Timestamp) -> bool {
    let request = &stop.request;
    let is_large_enough = match request.size {
        StopSize::Quantity(quantity) => quantity >= needed.held,
        StopSize::ClosePosition => true,
    };
    let is_near_enough = needed.farthest.is_none_or(|farthest| match needed.side {
        Side::Sell => request.trigger_price >= farthest,
        Side::Buy => request.trigger_price <= farthest,
    });
    let is_patient = match stop.state() {
        StopState::Triggered { since } => now.since(since) < TRIGGER_PATIENCE,
        StopState::Pending { .. }
        | StopState::Unknown(_)
        | StopState::Working
        | StopState::Canceling(_)
        | StopState::Closed(_) => true,
    };
    request.side == needed.side && is_large_enough && is_near_enough && is_patient
}

fn is_already_triggered(failure: &Failure) -> bool {
    matches!(failure, Failure::Rejected(rejection) if WOULD_TRIGGER.contains(&rejection.code))
}

fn retry_moment(now: Timestamp, failure: &Failure) -> Timestamp {
    match failure {
        Failure::Throttled { until } => (*until).max(now + RETRY_AFTER),
        Failure::NotSent { .. } | Failure::Rejected(_) | Failure::Unknown { .. } => {
            now + RETRY_AFTER
        }
    }
}
