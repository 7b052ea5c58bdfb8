//! Whether the user stream tells what it should: after an order of ours was acknowledged, the stream
//! must speak of it (exchange-api.md 5.5). Pure.
//!
//! A socket under a key that is over opens well, answers pings and stays silent: only an event that
//! must come proves it alive. Invariants: **1** an order the stream spoke of, before or after its
//! acknowledgement, is never missed; **2** each missed order asks for a reconciliation, and the
//! second in a row for another connection; **3** what is remembered is bounded.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::domain::{ClientOrderId, Timestamp};

/// The stream tells within milliseconds of an acknowledgement, often before it.
const DEADLINE: Duration = Duration::from_secs(3);
/// Missed orders in a row after which the connection is given up.
const MOST_MISSED: u32 = 2;
/// Orders the stream spoke of lately.
const MOST_REMEMBERED: usize = 256;

/// The venue acknowledged an order of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// When.
    pub at: Timestamp,
    /// Which order.
    pub order: ClientOrderId,
}

/// Orders acknowledged and spoken of.
#[derive(Debug, Default)]
pub(super) struct AckWatch {
    is_connected: bool,
    awaited: BTreeMap<ClientOrderId, Timestamp>,
    spoken_of: VecDeque<ClientOrderId>,
    missed: u32,
}

/// What a missed order means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss {
    /// Ask the venue where everything stands.
    Reconcile,
    /// The stream is silent: connect anew, which reconciles too.
    Reconnect,
}

impl AckWatch {
    pub(super) fn on_connected(&mut self) {
        self.is_connected = true;
        self.missed = 0;
        self.awaited.clear();
    }

    /// Without a connection nothing is expected.
    pub(super) fn on_disconnected(&mut self) {
        self.is_connected = false;
        self.awaited.clear();
    }

    pub(super) fn on_acknowledged(&mut self, acknowledged: Acknowledged) {
        let Acknowledged { at, order } = acknowledged;
        if self.is_connected && !self.spoken_of.contains(&order) {
            if self.awaited.len() >= MOST_REMEMBERED {
                self.awaited.pop_first();
            }
            self.awaited.insert(order, at + DEADLINE);
        }
    }

    /// The stream spoke of an order.
    pub(super) fn on_event(&mut self, order: ClientOrderId) {
        if self.awaited.remove(&order).is_some() {
            self.missed = 0;
        }
        if !self.spoken_of.contains(&order) {
            if self.spoken_of.len() >= MOST_REMEMBERED {
                self.spoken_of.pop_front();
            }
            self.spoken_of.push_back(order);
        }
    }

    /// When the next order is missed.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.awaited.values().min().copied()
    }

    /// What an order missed by `now` means; call until it answers `None`.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<Miss> {
        let order = *self.awaited.iter().find(|(_, at)| **at <= now)?.0;
        self.awaited.remove(&order);
        self.missed += 1;
        if self.missed < MOST_MISSED {
            return Some(Miss::Reconcile);
        }
        self.on_disconnected();
        Some(Miss::Reconnect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(number: usize) -> ClientOrderId {
        ClientOrderId::new(&format!("o-{number}")).unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn acknowledged(number: usize, millis: i64) -> Acknowledged {
        Acknowledged { at: at(millis), order: order(number) }
    }

    fn connected() -> AckWatch {
        let mut watch = AckWatch::default();
        watch.on_connected();
        watch
    }

    #[test]
    fn invariant_1_an_order_the_stream_spoke_of_is_never_missed() {
        let mut watch = connected();
        watch.on_event(order(1));
        watch.on_acknowledged(acknowledged(1, 0));
        watch.on_acknowledged(acknowledged(2, 0));
        assert_eq!(watch.next_deadline(), Some(at(3_000)));
        watch.on_event(order(2));
        assert_eq!((watch.next_deadline(), watch.due(at(60_000))), (None, None));
    }

    #[test]
    fn invariant_2_the_first_miss_reconciles_and_the_second_in_a_row_reconnects() {
        let mut watch = connected();
        watch.on_acknowledged(acknowledged(1, 0));
        assert_eq!(watch.due(at(2_999)), None);
        assert_eq!(watch.due(at(3_000)), Some(Miss::Reconcile));
        assert_eq!(watch.due(at(3_000)), None);
        watch.on_acknowledged(acknowledged(2, 4_000));
        watch.on_acknowledged(acknowledged(3, 4_000));
        assert_eq!(watch.due(at(7_000)), Some(Miss::Reconnect));
        assert_eq!(watch.due(at(7_000)), None, "nothing is expected of a lost connection");
        watch.on_acknowledged(acknowledged(4, 7_500));
        assert_eq!(watch.next_deadline(), None);
    }

    #[test]
    fn an_event_between_two_misses_shows_that_the_stream_lives() {
        let mut watch = connected();
        watch.on_acknowledged(acknowledged(1, 0));
        assert_eq!(watch.due(at(3_000)), Some(Miss::Reconcile));
        watch.on_acknowledged(acknowledged(2, 4_000));
        watch.on_event(order(2));
        watch.on_acknowledged(acknowledged(3, 5_000));
        assert_eq!(watch.due(at(8_000)), Some(Miss::Reconcile));
    }

    #[test]
    fn invariant_3_what_is_remembered_is_bounded() {
        let mut watch = connected();
        for number in 0..1_000 {
            watch.on_acknowledged(acknowledged(number, 0));
            watch.on_event(order(number + 5_000));
        }
        assert!(watch.awaited.len() <= MOST_REMEMBERED);
        assert!(watch.spoken_of.len() <= MOST_REMEMBERED);
    }
}
