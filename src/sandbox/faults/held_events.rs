//! Events of the account held back, to be sent in another order than they happened.

use std::time::Duration;

use crate::domain::Timestamp;

use super::plan::Plan;

/// An event on its way to the listeners of a key.
#[derive(Debug)]
pub(super) struct HeldEvent {
    pub(super) key: String,
    pub(super) name: &'static str,
    pub(super) payload: String,
}

/// What is held, and until when.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct HeldEvents {
    held: Vec<HeldEvent>,
    until: Option<Timestamp>,
}

impl HeldEvents {
    /// Whether events are being held: those that come now join them.
    pub(in crate::sandbox) const fn is_holding(&self) -> bool {
        self.until.is_some()
    }

    /// Begins to hold.
    pub(super) fn begin(&mut self, now: Timestamp, lasts: Duration) {
        self.until = Some(now + lasts);
    }

    pub(super) fn hold(&mut self, event: HeldEvent) {
        self.held.push(event);
    }

    /// What was held, once its time is over, in an order that is not the one it came in.
    pub(super) fn take_due(&mut self, now: Timestamp, plan: &mut Plan) -> Vec<HeldEvent> {
        if self.until.is_none_or(|until| until > now) {
            return Vec::new();
        }
        self.until = None;
        let held = std::mem::take(&mut self.held);
        let mut order: Vec<usize> = (0..held.len()).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, plan.draw(last + 1));
        }
        if order.is_sorted() {
            order.reverse();
        }
        let mut events: Vec<Option<HeldEvent>> = held.into_iter().map(Some).collect();
        order.into_iter().filter_map(|at| events[at].take()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_comes_whole_and_in_another_order() {
        let at = Timestamp::from_millis;
        let mut plan = Plan::new(1);
        for many in 2..9 {
            let mut held = HeldEvents::default();
            held.begin(at(0), Duration::from_millis(200));
            for number in 0..many {
                let (key, payload) = (String::new(), number.to_string());
                held.hold(HeldEvent { key, name: "E", payload });
            }
            assert!(held.take_due(at(199), &mut plan).is_empty() && held.is_holding());
            let sent = held.take_due(at(200), &mut plan);
            let mut numbers: Vec<usize> =
                sent.iter().map(|sent| sent.payload.parse().unwrap()).collect();
            assert!(!numbers.is_sorted(), "{numbers:?}");
            numbers.sort_unstable();
            assert_eq!(numbers, (0..many).collect::<Vec<_>>());
            assert!(!held.is_holding());
        }
    }
}
