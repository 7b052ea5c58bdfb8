//! How long commits take, and what is too long: an entry is worth only what its prediction is.

use std::time::Duration;

use crate::domain::Timestamp;

/// What a commit may take. After a second the next frame is there, and with it a newer prediction.
pub(super) const COMMIT_BUDGET: Duration = Duration::from_secs(1);

/// How long every commit must have been within the budget before new risk is taken again. There is
/// one a second at least, so these are ten of them.
pub(super) const FAST_FOR: Duration = Duration::from_secs(10);

/// Whether commits are fast enough to trade on.
#[derive(Debug, Default)]
pub(super) struct CommitPace {
    /// When the last commit beyond the budget ended, while that was not long ago.
    slow_since: Option<Timestamp>,
}

impl CommitPace {
    /// Takes note of a commit; `true` if it took too long for an entry to leave after it.
    pub(super) fn note(&mut self, began: Timestamp, ended: Timestamp) -> bool {
        let took = ended.since(began);
        let was_slow = self.slow_since.is_some();
        let is_late = took > COMMIT_BUDGET;
        if is_late {
            self.slow_since = Some(ended);
        } else if self.slow_since.is_some_and(|since| ended.since(since) >= FAST_FOR) {
            self.slow_since = None;
        }
        match (was_slow, self.slow_since.is_some()) {
            (false, true) => {
                tracing::error!(
                    ?took,
                    "the journal is slow; no position is opened until it is not"
                );
            }
            (true, false) => tracing::warn!("the journal is fast again"),
            (false, false) | (true, true) => {}
        }
        is_late
    }

    /// Whether a commit was too slow not long ago.
    pub(super) const fn is_slow(&self) -> bool {
        self.slow_since.is_some()
    }
}
