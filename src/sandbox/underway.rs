//! Requests and answers that a fault holds up on their way.
//!
//! Invariants: **1** what was sent arrives, even if whoever sent it has gone; **2** at most
//! [`MOST_UNDERWAY`] of each are held.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::domain::Timestamp;

use super::faults::{Asked, Served};
use super::streams::SocketId;

/// Requests, and answers, held up on their way at once.
const MOST_UNDERWAY: usize = 10_000;

/// Where an answer goes.
#[derive(Debug)]
pub(super) enum WayBack {
    /// To whoever carries a request over HTTP.
    Http(oneshot::Sender<Served>),
    /// To a socket for calls.
    Socket(SocketId),
}

/// The answer to a call.
#[derive(Debug)]
pub(super) struct CallAnswer {
    pub(super) socket: SocketId,
    pub(super) text: String,
    pub(super) byte_pause: Option<Duration>,
}

/// What is on its way.
#[derive(Debug, Default)]
pub(super) struct Underway {
    requests: Held<(Asked, WayBack)>,
    /// Over HTTP an answer is held by whoever carries it.
    answers: Held<CallAnswer>,
}

impl Underway {
    /// Holds a request up until a moment.
    pub(super) fn hold_request(&mut self, arrives: Timestamp, asked: Asked, back: WayBack) {
        self.requests.hold(arrives, (asked, back));
    }

    /// Holds an answer up until a moment.
    pub(super) fn hold_answer(&mut self, arrives: Timestamp, answer: CallAnswer) {
        self.answers.hold(arrives, answer);
    }

    /// The requests that have arrived by now, the earliest first.
    pub(super) fn arrived_requests(&mut self, now: Timestamp) -> Vec<(Asked, WayBack)> {
        self.requests.take_arrived(now)
    }

    /// The answers that have arrived by now, the earliest first.
    pub(super) fn arrived_answers(&mut self, now: Timestamp) -> Vec<CallAnswer> {
        self.answers.take_arrived(now)
    }
}

/// Things with the moments of their arrival, in the order in which they were sent.
#[derive(Debug)]
struct Held<T>(Vec<(Timestamp, T)>);

impl<T> Held<T> {
    fn hold(&mut self, arrives: Timestamp, thing: T) {
        if self.0.len() < MOST_UNDERWAY {
            self.0.push((arrives, thing));
        } else {
            tracing::warn!(most = MOST_UNDERWAY, "too many are held up: one is lost");
        }
    }

    fn take_arrived(&mut self, now: Timestamp) -> Vec<T> {
        let mut arrived: Vec<_> = self.0.extract_if(.., |(arrives, _)| *arrives <= now).collect();
        arrived.sort_by_key(|(arrives, _)| *arrives);
        arrived.into_iter().map(|(_, thing)| thing).collect()
    }
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_arrives_once_the_earliest_first_and_no_more_than_so_many() {
        let at = Timestamp::from_millis;
        let mut held = Held::default();
        for (millis, name) in [(30, 'c'), (10, 'a'), (20, 'b'), (10, 'A')] {
            held.hold(at(millis), name);
        }
        assert!(held.take_arrived(at(9)).is_empty());
        assert_eq!(held.take_arrived(at(20)), ['a', 'A', 'b']);
        assert_eq!(held.take_arrived(at(30)), ['c']);
        (0..=MOST_UNDERWAY).for_each(|_| held.hold(at(40), 'x'));
        assert_eq!(held.take_arrived(at(40)).len(), MOST_UNDERWAY);
    }
}
