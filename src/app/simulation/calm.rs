//! Since when nothing has been going wrong: what is promised "after a fault clears" begins there.

use std::collections::VecDeque;
use std::time::Duration;

/// Troubles told with a failure.
const TOLD: usize = 8;

/// When things last went wrong.
#[derive(Debug, Default)]
pub(super) struct Calm {
    disturbed_until: Duration,
    hindered_until: Duration,
    lately: VecDeque<String>,
}

impl Calm {
    /// Something goes wrong until a moment; `hinders` says whether it keeps the daemon from
    /// protecting, resolving or knowing what it holds.
    pub(super) fn disturb(&mut self, until: Duration, hinders: bool) {
        self.disturbed_until = self.disturbed_until.max(until);
        if hinders {
            self.hindered_until = self.hindered_until.max(until);
        }
    }

    /// Remembers what, for whoever reads of a failure.
    pub(super) fn tell(&mut self, text: String) {
        if self.lately.len() == TOLD {
            self.lately.pop_front();
        }
        self.lately.push_back(text);
    }

    /// For how long nothing has gone wrong at all.
    pub(super) fn lasts(&self, now: Duration) -> Duration {
        now.saturating_sub(self.disturbed_until)
    }

    /// For how long nothing has kept the daemon from protecting what it holds.
    pub(super) fn unhindered(&self, now: Duration) -> Duration {
        now.saturating_sub(self.hindered_until)
    }

    /// What went wrong lately.
    pub(super) fn lately(&self) -> Vec<String> {
        self.lately.iter().cloned().collect()
    }
}
