//! What must hold before new risk is taken (promise I5), apart from any instrument.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;
use crate::trading::WhyNot;

use super::event::Feed;
use super::status::TradingState;

/// The venue's clock may be this far from ours.
const CLOCK_LIMIT_NANOS: u64 = 1_000_000_000;

/// The state of everything the engine depends on. Unproven counts as bad, except for the journal:
/// an event that was handled has just been written to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with its own event")]
pub(super) struct Conditions {
    /// Why trading is halted: latched until resumed.
    pub(super) halted: Option<String>,
    /// Why the venue does not take our key, while it does not.
    pub(super) refused_key: Option<String>,
    /// Whether the operator paused entries.
    pub(super) is_paused: bool,
    /// Whether the process was asked to end.
    pub(super) is_shutting_down: bool,
    /// Whether every position is to be closed.
    pub(super) is_flattening: bool,
    /// When the account was last found equal to the ledger; none since the start or a reconnect.
    pub(super) reconciled_at: Option<Timestamp>,
    /// Whether records become durable, and in time.
    pub(super) is_journal_healthy: bool,
    /// Whether the market data stream is live.
    pub(super) is_market_live: bool,
    /// Whether the account's stream is live.
    pub(super) is_user_live: bool,
    /// The venue's clock less ours, in nanoseconds, once measured.
    pub(super) clock_offset: Option<i64>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            halted: None,
            refused_key: None,
            is_paused: false,
            is_shutting_down: false,
            is_flattening: false,
            reconciled_at: None,
            is_journal_healthy: true,
            is_market_live: false,
            is_user_live: false,
            clock_offset: None,
        }
    }
}

impl Conditions {
    /// Takes note of a stream's life. A user stream that comes back may have missed anything.
    pub(super) const fn on_feed(&mut self, feed: Feed, is_live: bool) {
        match feed {
            Feed::Market => self.is_market_live = is_live,
            Feed::User => {
                if is_live && !self.is_user_live {
                    self.reconciled_at = None;
                }
                self.is_user_live = is_live;
            }
        }
    }

    /// What may happen to the account's risk.
    pub(super) fn state(&self) -> TradingState {
        match self.check() {
            _ if self.halted.is_some() => TradingState::Halted,
            Ok(()) => TradingState::Trading,
            Err(_) => TradingState::Reducing,
        }
    }

    /// Whether new risk may be taken.
    ///
    /// # Errors
    /// The first reason why not.
    pub(super) fn check(&self) -> Result<(), WhyNot> {
        let is_clock_right =
            self.clock_offset.is_some_and(|nanos| nanos.unsigned_abs() <= CLOCK_LIMIT_NANOS);
        let checks = [
            (!self.is_shutting_down, WhyNot::ShuttingDown),
            (self.halted.is_none(), WhyNot::Halted),
            (!self.is_paused && !self.is_flattening, WhyNot::Paused),
            (self.is_journal_healthy, WhyNot::JournalFailing),
            (self.is_market_live, WhyNot::MarketFeedDown),
            (self.is_user_live, WhyNot::UserFeedDown),
            (self.reconciled_at.is_some(), WhyNot::NotReconciled),
            (is_clock_right, WhyNot::ClockOffset),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, why_not)| Err(why_not))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Conditions {
        Conditions {
            reconciled_at: Some(Timestamp::from_seconds(1)),
            is_market_live: true,
            is_user_live: true,
            clock_offset: Some(0),
            ..Conditions::default()
        }
    }

    #[test]
    fn each_condition_alone_keeps_from_trading() {
        assert_eq!(good().check(), Ok(()));
        let without = |change: fn(&mut Conditions)| {
            let mut conditions = good();
            change(&mut conditions);
            conditions.check()
        };
        assert_eq!(without(|c| c.is_shutting_down = true), Err(WhyNot::ShuttingDown));
        assert_eq!(without(|c| c.halted = Some(String::new())), Err(WhyNot::Halted));
        assert_eq!(without(|c| c.is_paused = true), Err(WhyNot::Paused));
        assert_eq!(without(|c| c.is_journal_healthy = false), Err(WhyNot::JournalFailing));
        assert_eq!(without(|c| c.is_market_live = false), Err(WhyNot::MarketFeedDown));
        assert_eq!(without(|c| c.is_user_live = false), Err(WhyNot::UserFeedDown));
        assert_eq!(without(|c| c.reconciled_at = None), Err(WhyNot::NotReconciled));
        assert_eq!(without(|c| c.clock_offset = None), Err(WhyNot::ClockOffset));
        assert_eq!(without(|c| c.clock_offset = Some(-1_000_000_001)), Err(WhyNot::ClockOffset));
    }

    #[test]
    fn a_user_stream_that_comes_back_is_to_be_reconciled_first() {
        let mut conditions = good();
        conditions.on_feed(Feed::User, true);
        assert_eq!(conditions.check(), Ok(()), "it never went");
        conditions.on_feed(Feed::User, false);
        conditions.on_feed(Feed::User, true);
        assert_eq!(conditions.check(), Err(WhyNot::NotReconciled));
    }
}
