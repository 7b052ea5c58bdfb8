//! One budget of new connections for the whole process: at most one a second (exchange-api.md 12,
//! point 10), whoever opens it and why.
//!
//! Invariant: between two openings lies at least the interval, however many wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::network::Network;
use super::socket::Socket;
use crate::clock::SharedClock;
use crate::domain::Timestamp;

/// Between two new connections of a process.
const INTERVAL: Duration = Duration::from_secs(1);

/// Gives out the moments at which a connection may be opened. Pure.
#[derive(Debug, Clone)]
pub struct ConnectionBudget {
    interval: Duration,
    free_at: Timestamp,
}

/// Opens connections within one shared budget; cheap to clone.
#[derive(Clone)]
pub struct Dialer {
    budget: Arc<Mutex<ConnectionBudget>>,
    clock: SharedClock,
    network: Network,
}

impl ConnectionBudget {
    /// One connection an interval.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { interval, free_at: Timestamp::default() }
    }

    /// When the next connection may be opened, from `now` on; that moment is then taken.
    pub fn reserve(&mut self, now: Timestamp) -> Timestamp {
        let slot = self.free_at.max(now);
        self.free_at = slot + self.interval;
        slot
    }
}

impl Dialer {
    /// A budget for all connections of a process.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        let budget = Arc::new(Mutex::new(ConnectionBudget::new(INTERVAL)));
        Self { budget, clock, network: Network::Machine }
    }

    /// Connects over another network than this machine's sockets.
    #[must_use]
    pub fn over(self, network: Network) -> Self {
        Self { network, ..self }
    }

    pub(super) fn clock(&self) -> SharedClock {
        SharedClock::clone(&self.clock)
    }

    /// Waits for its turn, then connects.
    pub(super) async fn dial(&self, url: &str) -> Result<Socket, String> {
        let now = self.clock.now();
        // Held for an addition, never across an await.
        let slot = self.budget.lock().unwrap_or_else(PoisonError::into_inner).reserve(now);
        sleep(slot.since(now)).await;
        Socket::open(&self.network, url).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_a_second_apart_however_many_wait() {
        let mut budget = ConnectionBudget::new(INTERVAL);
        let at = Timestamp::from_millis;
        let slots: Vec<_> = (0..3).map(|_| budget.reserve(at(10_000)).millis()).collect();
        assert_eq!(slots, [10_000, 11_000, 12_000]);
        assert_eq!(budget.reserve(at(12_500)).millis(), 13_000);
        assert_eq!(budget.reserve(at(60_000)).millis(), 60_000, "what was not used is not saved");
        assert_eq!(budget.reserve(at(60_000)).millis(), 61_000);
    }
}
