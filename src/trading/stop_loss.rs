//! The stop-loss procedure (design.md §3, step 6): how a position is closed for certain.
//!
//! Cancel working orders; read the position from the venue; up to `max_trial` reduce-only limits
//! at the passive best price, a short wait each, all within a budget; then the market, at most
//! once a second, until the venue says flat. The venue's protective stop stays until then: it only
//! reduces, so it cannot flip the position. The same procedure serves every reason to close.
//!
//! Does not place or cancel anything itself, and does not know whether closing is wise.
//!
//! Invariants: **1** once begun it ends only when venue and ledger both say flat; **2** the market
//! is struck at most once a second; **3** every closing order is sized by the venue's word, by the
//! ledger only when the venue is silent; **4** no step waits for ever: each has a deadline. A venue
//! that says flat while the ledger holds is asked again until both agree: its first answer may be
//! older than the fills it contradicts.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{Exposure, Timestamp};

/// How long the venue's word on the position, or an order's end, is waited for.
const STEP_PATIENCE: Duration = Duration::from_secs(1);
/// How long the ledger may lag behind a venue that says flat before the venue is asked again.
const SETTLE_PATIENCE: Duration = Duration::from_secs(2);
/// The shortest time between two market orders.
const STRIKE_INTERVAL: Duration = Duration::from_secs(1);
/// The same while the venue does not let the symbol be traded: it may refuse for hours.
const STRIKE_INTERVAL_CLOSED: Duration = Duration::from_secs(30);
/// From this market order on, a person is called.
const ALARM_FROM_STRIKE: u32 = 3;

/// Why a position is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CloseCause {
    /// It lost as much as it may.
    Loss,
    /// It was held as long as it may.
    Age,
    /// The operator, or the shutdown policy, asked for it.
    Flatten,
    /// It has no stop at the venue and cannot get one.
    Unprotected,
    /// Its stop was touched and did not close it.
    StopInVain,
    /// The venue is closing its symbol.
    SymbolClosed,
}

impl CloseCause {
    /// Whether to go to the market at once: patience is for those who have a working stop.
    #[must_use]
    pub const fn is_urgent(self) -> bool {
        match self {
            Self::Loss | Self::Age | Self::Flatten | Self::SymbolClosed => false,
            Self::Unprotected | Self::StopInVain => true,
        }
    }
}

impl std::fmt::Display for CloseCause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Loss => "loss limit",
            Self::Age => "maximum holding time",
            Self::Flatten => "flatten",
            Self::Unprotected => "no stop at the venue",
            Self::StopInVain => "stop touched in vain",
            Self::SymbolClosed => "symbol closed by the venue",
        })
    }
}

/// How far a run of the procedure has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Why it runs.
    pub cause: CloseCause,
    /// When it began.
    pub began: Timestamp,
    /// Limit orders tried.
    pub trials: u32,
    /// Market orders sent.
    pub strikes: u32,
    last_strike: Option<Timestamp>,
    is_market_only: bool,
}

/// Where the procedure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StopLoss {
    /// Nothing is being closed.
    #[default]
    Idle,
    /// Working orders are being cancelled.
    Clearing(Progress),
    /// The venue was asked for the position.
    Asking(Progress, Timestamp),
    /// A limit order works until then.
    Trying(Progress, Timestamp),
    /// The limit order is being cancelled, since then.
    Withdrawing(Progress, Timestamp),
    /// A market order is on its way, since then.
    Striking(Progress, Timestamp),
    /// The next market order may go out then.
    Waiting(Progress, Timestamp),
    /// The venue says flat and the ledger does not, since then: either fills are on their way, or
    /// the answer was older than they are.
    Settling(Progress, Timestamp),
}

/// What can happen to the procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopLossEvent {
    /// There is a reason to close.
    Begin(CloseCause),
    /// The venue told the position, asked for at this moment.
    Position {
        /// What it holds.
        exposure: Exposure,
        /// When it was asked.
        asked_at: Timestamp,
    },
    /// No ordinary order works or may work.
    OrdersGone,
    /// Time has passed.
    Tick,
}

/// What the procedure asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopLossAction {
    /// Cancel every ordinary order; the venue's stop stays.
    CancelOrders,
    /// Ask the venue for the position.
    AskPosition,
    /// Close this exposure by a reduce-only limit at the passive best price.
    Limit(Exposure),
    /// Close this exposure by a reduce-only market order.
    Market {
        /// What to close.
        exposure: Exposure,
        /// Whether a person is to be called.
        is_alarm: bool,
    },
}

/// What the procedure must know of the world to take its next step.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    /// What the ledger says is held.
    pub exposure: Exposure,
    /// Whether the book is valid, so that a limit has a price.
    pub has_quote: bool,
    /// Whether the loss is beyond the backstop: no more patience.
    pub is_past_backstop: bool,
    /// Whether the venue does not let the symbol be traded, or not as usual.
    pub is_symbol_closed: bool,
    /// Limit attempts allowed.
    pub max_trial: u32,
    /// How long each limit attempt works.
    pub trial_wait: Duration,
    /// How long all attempts together may take.
    pub budget: Duration,
}

type Step = (StopLoss, Option<StopLossAction>);

impl StopLoss {
    /// Whether a position is being closed.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !matches!(self, Self::Idle)
    }

    /// How far it has come, if it runs.
    #[must_use]
    pub const fn progress(&self) -> Option<&Progress> {
        match self {
            Self::Idle => None,
            Self::Clearing(progress)
            | Self::Asking(progress, _)
            | Self::Trying(progress, _)
            | Self::Withdrawing(progress, _)
            | Self::Striking(progress, _)
            | Self::Waiting(progress, _)
            | Self::Settling(progress, _) => Some(progress),
        }
    }

    /// Whether the venue says flat and the ledger does not yet.
    #[must_use]
    pub const fn is_settling(&self) -> bool {
        matches!(self, Self::Settling(..))
    }

    /// When the next step is due, whatever happens.
    #[must_use]
    pub fn next_deadline(&self, budget: Duration) -> Option<Timestamp> {
        match self {
            Self::Idle => None,
            Self::Clearing(progress) => Some(progress.patience_ends(budget)),
            Self::Trying(_, until) | Self::Waiting(_, until) => Some(*until),
            Self::Asking(_, since) | Self::Withdrawing(_, since) | Self::Striking(_, since) => {
                Some(*since + STEP_PATIENCE)
            }
            Self::Settling(_, since) => Some(*since + SETTLE_PATIENCE),
        }
    }

    /// Advances by one event. The caller owns the clock and carries out the action.
    #[must_use]
    pub fn handle(
        &mut self,
        now: Timestamp,
        event: StopLossEvent,
        situation: &Situation,
    ) -> Option<StopLossAction> {
        let (next, action) = match event {
            StopLossEvent::Begin(cause) => self.begin(now, cause),
            StopLossEvent::Position { exposure, asked_at } => {
                self.on_position(now, exposure, asked_at, situation)
            }
            StopLossEvent::OrdersGone => self.on_orders_gone(now),
            StopLossEvent::Tick => self.on_tick(now, situation),
        };
        *self = next;
        action
    }

    fn begin(&self, now: Timestamp, cause: CloseCause) -> Step {
        let escalated = |progress: &Progress| Progress {
            is_market_only: progress.is_market_only || cause.is_urgent(),
            ..*progress
        };
        let next = match self {
            Self::Idle => {
                let progress = Progress {
                    cause,
                    began: now,
                    trials: 0,
                    strikes: 0,
                    last_strike: None,
                    is_market_only: cause.is_urgent(),
                };
                return (Self::Clearing(progress), Some(StopLossAction::CancelOrders));
            }
            Self::Clearing(progress) => Self::Clearing(escalated(progress)),
            Self::Asking(progress, since) => Self::Asking(escalated(progress), *since),
            Self::Trying(progress, until) => Self::Trying(escalated(progress), *until),
            Self::Withdrawing(progress, since) => Self::Withdrawing(escalated(progress), *since),
            Self::Striking(progress, since) => Self::Striking(escalated(progress), *since),
            Self::Waiting(progress, until) => Self::Waiting(escalated(progress), *until),
            Self::Settling(progress, since) => Self::Settling(escalated(progress), *since),
        };
        (next, None)
    }

    fn on_position(
        &self,
        now: Timestamp,
        exposure: Exposure,
        asked_at: Timestamp,
        situation: &Situation,
    ) -> Step {
        match self {
            // An answer to an older question says nothing about what has happened since.
            Self::Asking(progress, since) if asked_at >= *since => {
                if exposure.is_zero() {
                    progress.settled(now, situation)
                } else {
                    progress.strike_or_try(now, exposure, situation)
                }
            }
            Self::Settling(progress, since) if !exposure.is_zero() && asked_at >= *since => {
                progress.ask(now)
            }
            Self::Idle
            | Self::Clearing(_)
            | Self::Asking(..)
            | Self::Trying(..)
            | Self::Withdrawing(..)
            | Self::Striking(..)
            | Self::Waiting(..)
            | Self::Settling(..) => (*self, None),
        }
    }

    /// The closing order, or whatever else worked, has ended: only the venue knows what is left.
    fn on_orders_gone(&self, now: Timestamp) -> Step {
        match self {
            Self::Clearing(progress)
            | Self::Trying(progress, _)
            | Self::Withdrawing(progress, _)
            | Self::Striking(progress, _) => progress.ask(now),
            Self::Idle | Self::Asking(..) | Self::Waiting(..) | Self::Settling(..) => (*self, None),
        }
    }

    fn on_tick(&self, now: Timestamp, situation: &Situation) -> Step {
        let has_passed = |since: Timestamp| now.since(since) >= STEP_PATIENCE;
        match self {
            Self::Settling(..) if situation.exposure.is_zero() => (Self::Idle, None),
            Self::Settling(progress, since) if now.since(*since) >= SETTLE_PATIENCE => {
                progress.ask(now)
            }
            // A cancel that does not come back must not keep the position open.
            Self::Clearing(progress) if progress.patience_ends(situation.budget) <= now => {
                progress.ask(now)
            }
            // The venue is silent: reduce-only orders sized by the ledger cannot do harm.
            Self::Asking(progress, since) if has_passed(*since) => {
                if situation.exposure.is_zero() {
                    progress.ask(now)
                } else {
                    progress.strike_or_try(now, situation.exposure, situation)
                }
            }
            Self::Trying(progress, until)
                if *until <= now || situation.is_past_backstop || progress.is_market_only =>
            {
                (Self::Withdrawing(*progress, now), Some(StopLossAction::CancelOrders))
            }
            Self::Withdrawing(progress, since) | Self::Striking(progress, since)
                if has_passed(*since) =>
            {
                progress.ask(now)
            }
            Self::Waiting(progress, until) if *until <= now => progress.ask(now),
            Self::Idle
            | Self::Clearing(_)
            | Self::Asking(..)
            | Self::Trying(..)
            | Self::Withdrawing(..)
            | Self::Striking(..)
            | Self::Waiting(..)
            | Self::Settling(..) => (*self, None),
        }
    }
}

impl Progress {
    fn patience_ends(&self, budget: Duration) -> Timestamp {
        self.began + if self.is_market_only { STEP_PATIENCE } else { budget }
    }

    const fn ask(&self, now: Timestamp) -> Step {
        (StopLoss::Asking(*self, now), Some(StopLossAction::AskPosition))
    }

    const fn settled(&self, now: Timestamp, situation: &Situation) -> Step {
        if situation.exposure.is_zero() {
            (StopLoss::Idle, None)
        } else {
            (StopLoss::Settling(*self, now), None)
        }
    }

    fn strike_or_try(&self, now: Timestamp, exposure: Exposure, situation: &Situation) -> Step {
        let ends = self.began + situation.budget;
        let may_try = !self.is_market_only
            && !situation.is_past_backstop
            && situation.has_quote
            && self.trials < situation.max_trial
            && now < ends;
        if may_try {
            let progress = Self { trials: self.trials + 1, ..*self };
            let until = ends.min(now + situation.trial_wait);
            return (StopLoss::Trying(progress, until), Some(StopLossAction::Limit(exposure)));
        }
        let interval =
            if situation.is_symbol_closed { STRIKE_INTERVAL_CLOSED } else { STRIKE_INTERVAL };
        match self.last_strike.map(|last| last + interval) {
            Some(next) if now < next => (StopLoss::Waiting(*self, next), None),
            Some(_) | None => {
                let progress = Self {
                    strikes: self.strikes.saturating_add(1),
                    last_strike: Some(now),
                    is_market_only: true,
                    ..*self
                };
                let is_alarm = progress.strikes >= ALARM_FROM_STRIKE;
                let action = StopLossAction::Market { exposure, is_alarm };
                (StopLoss::Striking(progress, now), Some(action))
            }
        }
    }
}
