//! One line of the network: how long things take on it, and what becomes of them.
//!
//! A line is up, or holds (nothing arrives and nobody is told, as on a half-open connection), or is
//! down (what is open is cut, what is tried is refused).

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::pipe::Cutter;

/// The way there and back, when nothing is wrong.
const BASE: Duration = Duration::from_millis(2);

/// What chance adds to it.
const JITTER_MS: u64 = 6;

/// A line; cheap to clone.
#[derive(Clone)]
pub(super) struct Line(Arc<Shared>);

struct Shared {
    /// Tells of a new state; wakes in the order of waiting, as `watch` does not.
    changed: Notify,
    opened: Instant,
    inner: Mutex<Inner>,
}

struct Inner {
    state: LineState,
    chance: ChaCha8Rng,
    weather: Weather,
    sockets: Vec<Cutter>,
    /// Everything that went out on it, and when, hashed.
    passed: DefaultHasher,
}

/// Whether anything arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum LineState {
    /// Everything, in time.
    Up,
    /// Nothing, without a word, until it is up again.
    Held,
    /// Nothing, and everybody is told.
    Down,
}

/// What happens on a line that is up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in super::super) struct Weather {
    /// Everything takes so much longer.
    pub(in super::super) slower: Duration,
    /// The share of requests that are lost on their way.
    pub(in super::super) lost_requests: f64,
    /// The share of answers that are.
    pub(in super::super) lost_answers: f64,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fate {
    pub(super) out: Duration,
    pub(super) back: Duration,
    pub(super) is_request_lost: bool,
    pub(super) is_answer_lost: bool,
    /// Whether a line that is down is noticed before anything leaves.
    pub(super) is_refused_early: bool,
}

impl Line {
    pub(super) fn new(seed: u64) -> Self {
        let chance = ChaCha8Rng::seed_from_u64(seed);
        let (state, weather) = (LineState::Up, Weather::default());
        let (sockets, passed) = (Vec::new(), DefaultHasher::new());
        let inner = Mutex::new(Inner { state, chance, weather, sockets, passed });
        Self(Arc::new(Shared { changed: Notify::new(), opened: Instant::now(), inner }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> LineState {
        self.inner().state
    }

    pub(super) fn is_held(&self) -> bool {
        self.state() == LineState::Held
    }

    /// Changes the line's state; going down cuts what is open on it.
    pub(super) fn set_state(&self, state: LineState) {
        let mut inner = self.inner();
        inner.state = state;
        inner.sockets.retain(|socket| match state {
            LineState::Down => {
                socket.cut();
                false
            }
            LineState::Up | LineState::Held => socket.nudge(),
        });
        drop(inner);
        self.0.changed.notify_waiters();
    }

    pub(super) fn set_weather(&self, weather: Weather) {
        self.inner().weather = weather;
    }

    /// Remembers what is to be cut when the line goes down.
    pub(super) fn hold(&self, socket: Cutter) {
        self.inner().sockets.push(socket);
    }

    /// Cuts every socket; the line stays up.
    pub(super) fn cut_sockets(&self) {
        for socket in self.inner().sockets.drain(..) {
            socket.cut();
        }
    }

    /// Waits while the line holds; the answer is its state then.
    pub(super) async fn until_released(&self) -> LineState {
        loop {
            // Made before the look, so that no change between the two is missed.
            let changed = self.0.changed.notified();
            let state = self.state();
            if state != LineState::Held {
                return state;
            }
            changed.await;
        }
    }

    /// Takes what goes out at this moment, in either direction, into the history.
    pub(super) fn note(&self, parts: &[&[u8]]) {
        let at = self.0.opened.elapsed();
        let mut inner = self.inner();
        inner.passed.write_u128(at.as_nanos());
        for part in parts {
            inner.passed.write_usize(part.len());
            inner.passed.write(part);
        }
    }

    /// What went out so far, in its order, hashed.
    pub(super) fn digest(&self) -> u64 {
        self.inner().passed.finish()
    }

    /// How long one frame takes.
    pub(super) fn delay(&self) -> Duration {
        self.inner().delay()
    }

    /// What becomes of the next request.
    pub(super) fn fate(&self) -> Fate {
        let mut inner = self.inner();
        let (out, back) = (inner.delay(), inner.delay());
        let Weather { lost_requests, lost_answers, .. } = inner.weather;
        Fate {
            out,
            back,
            is_request_lost: inner.chance.random_bool(lost_requests),
            is_answer_lost: inner.chance.random_bool(lost_answers),
            is_refused_early: inner.chance.random_bool(0.5),
        }
    }
}

impl Inner {
    fn delay(&mut self) -> Duration {
        let jitter = Duration::from_millis(self.chance.random_range(0..=JITTER_MS));
        BASE + jitter + self.weather.slower
    }
}
