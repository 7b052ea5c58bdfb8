//! The change from one account connection to its successor. Pure.
//!
//! Account events carry no sequence number; but both connections of one key tell the same. What a
//! frame says is compared, not its text: that the texts are equal is written nowhere. The old one is
//! told, the new one held back; at the switch, what only the new one brought is told, and afterwards
//! what it still repeats is not. Invariants: **1** an event both brought is told once; **2** a new
//! connection that lacks what the old one brought never takes over; **3** what is kept is bounded.

use std::collections::VecDeque;
use std::time::Duration;

use super::parse::{BalanceChange, PositionChange, UserEvent};
use crate::domain::Timestamp;

/// Events kept of either connection: more than a swept book brings in seconds.
const MOST_KEPT: usize = 2_000;

/// What one connection told may be on its way over the other.
const IN_FLIGHT: Duration = Duration::from_secs(2);

/// Two connections of one key.
pub(super) struct UserOverlap {
    until: Timestamp,
    /// Told by the old connection and not brought by the new one yet.
    told: VecDeque<(Timestamp, Vec<UserEvent>)>,
    /// Brought by the new connection and not told by the old one yet.
    held: VecDeque<Vec<UserEvent>>,
}

/// Whether the new connection may take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Wait,
    Switch,
    /// It lacks an event that the old one brought.
    Abandon,
}

impl UserOverlap {
    /// Both connections are open; the decision falls at `until`.
    pub(super) fn new(until: Timestamp) -> Self {
        Self { until, told: VecDeque::new(), held: VecDeque::new() }
    }

    /// When to decide.
    pub(super) const fn deadline(&self) -> Timestamp {
        self.until
    }

    /// The old connection told what a frame said.
    pub(super) fn on_old(&mut self, now: Timestamp, frame: &[UserEvent]) {
        if let Some(at) = self.held.iter().position(|held| is_same(held, frame)) {
            self.held.remove(at);
        } else if !frame.is_empty() {
            self.told.push_back((now, frame.to_vec()));
            if self.told.len() > MOST_KEPT {
                self.told.pop_front();
            }
        }
    }

    /// The new connection brought what a frame says, which is held.
    pub(super) fn on_new(&mut self, frame: Vec<UserEvent>) {
        if !frame.is_empty() && !self.forget(&frame) {
            self.held.push_back(frame);
            if self.held.len() > MOST_KEPT {
                self.held.pop_front();
            }
        }
    }

    pub(super) fn verdict(&self, now: Timestamp) -> Verdict {
        if now < self.until {
            return Verdict::Wait;
        }
        match self.told.front() {
            Some((at, _)) if now.since(*at) >= IN_FLIGHT => Verdict::Abandon,
            Some(_) | None => Verdict::Switch,
        }
    }

    /// Whether the connection that took over repeats what was told before.
    pub(super) fn is_repeated(&mut self, frame: &[UserEvent]) -> bool {
        self.forget(frame)
    }

    /// The switch: what only the new connection brought.
    pub(super) fn take_news(&mut self) -> VecDeque<Vec<UserEvent>> {
        std::mem::take(&mut self.held)
    }

    fn forget(&mut self, frame: &[UserEvent]) -> bool {
        let found = self.told.iter().position(|(_, told)| is_same(told, frame));
        found.is_some_and(|at| self.told.remove(at).is_some())
    }
}

/// Whether two frames tell the same, whenever each was sent.
fn is_same(one: &[UserEvent], other: &[UserEvent]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same_event(one, other))
}

/// The venue's moment of sending (`E`) is a connection's own; that of matching (`T`) is not.
fn is_same_event(one: &UserEvent, other: &UserEvent) -> bool {
    match (one, other) {
        (UserEvent::Position(one), UserEvent::Position(other)) => {
            PositionChange { event_time: other.event_time, ..*one } == *other
        }
        (UserEvent::Balance(one), UserEvent::Balance(other)) => {
            BalanceChange { event_time: other.event_time, ..*one } == *other
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse_user_events;
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// A frame told apart from others by a number.
    fn frame(number: u32) -> Vec<UserEvent> {
        vec![UserEvent::Leverage { symbol: "BTCUSDT".parse().unwrap(), leverage: number }]
    }

    #[test]
    fn invariant_1_an_event_both_bring_is_told_once_whichever_comes_first() {
        let mut overlap = UserOverlap::new(at(5));
        overlap.on_old(at(1), &frame(1));
        overlap.on_new(frame(1));
        overlap.on_new(frame(2));
        overlap.on_old(at(2), &frame(2));
        overlap.on_new(frame(3));
        overlap.on_old(at(4), &frame(4));
        assert_eq!(overlap.verdict(at(4)), Verdict::Wait);
        assert_eq!(overlap.verdict(at(5)), Verdict::Switch, "the fourth may be on its way");
        assert_eq!(overlap.take_news(), [frame(3)]);
        assert!(overlap.is_repeated(&frame(4)), "told before the switch");
        assert!(!overlap.is_repeated(&frame(4)) && !overlap.is_repeated(&frame(5)));
    }

    #[test]
    fn invariant_2_a_connection_that_lacks_an_event_does_not_take_over() {
        let mut overlap = UserOverlap::new(at(5));
        overlap.on_old(at(3), &frame(1));
        assert_eq!(overlap.verdict(at(5)), Verdict::Abandon);
        overlap.on_new(frame(1));
        assert_eq!(overlap.verdict(at(5)), Verdict::Switch);
        assert!(overlap.take_news().is_empty());
    }

    #[test]
    fn an_event_is_known_again_however_and_whenever_it_is_sent() {
        let order = |sent: i64, trade: u64| {
            format!(
                r#"{{"e":"ORDER_TRADE_UPDATE","E":{sent},"T":1,"o":{{"s":"BTCUSDT","c":"lobd-1",
                "S":"BUY","q":"0.010","x":"TRADE","X":"PARTIALLY_FILLED","i":7,"l":"0.004",
                "z":"0.004","L":"60000.0","t":{trade},"ps":"BOTH"}}}}"#
            )
        };
        let account = |sent: i64| {
            format!(
                r#"{{"e":"ACCOUNT_UPDATE","E":{sent},"T":1,"a":{{"m":"ORDER",
                "B":[{{"a":"USDT","wb":"100","cw":"100","bc":"0"}}],
                "P":[{{"s":"BTCUSDT","pa":"0.004","ep":"60000.0","ps":"BOTH"}}]}}}}"#
            )
        };
        let mut overlap = UserOverlap::new(at(5));
        for text in [order(2, 77), account(2), r#"{"e":"TRADE_LITE","E":2}"#.to_owned()] {
            overlap.on_old(at(1), &parse_user_events(&text));
        }
        let wrapped = format!(r#"{{"stream":"key","data":{}}}"#, account(3));
        overlap.on_new(parse_user_events(&order(3, 77)));
        overlap.on_new(parse_user_events(&wrapped));
        assert_eq!(overlap.verdict(at(5)), Verdict::Switch);
        assert!(overlap.take_news().is_empty());
        overlap.on_new(parse_user_events(&order(2, 78)));
        assert_eq!(overlap.take_news().len(), 1, "another trade is another event");
    }

    #[test]
    fn invariant_3_what_is_kept_is_bounded() {
        let mut overlap = UserOverlap::new(at(5));
        for number in 0..3 * u32::try_from(MOST_KEPT).unwrap() {
            overlap.on_old(at(1), &frame(2 * number));
            overlap.on_new(frame(2 * number + 1));
        }
        assert!(overlap.told.len() <= MOST_KEPT && overlap.held.len() <= MOST_KEPT);
    }
}
