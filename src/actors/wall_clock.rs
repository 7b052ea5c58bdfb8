//! Notices when somebody steps the wall clock under a running daemon, and says so.
//!
//! Deliberately does not follow it: our seconds go on evenly from the start (I19), the venue's
//! clock is measured apart, and new risk is refused while it stands more than a second from ours.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;

use super::supervisor::{Actor, ActorFailure};

/// How often the wall clock is looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// Less is slewing, which every machine's time service does.
const NOTABLE_NANOS: u64 = 500_000_000;

/// Compares the wall clock with ours, now and then.
pub struct WallClockWatch {
    clock: SharedClock,
    steps: Steps,
}

/// What was last said of the wall clock.
#[derive(Debug, Default)]
struct Steps {
    told_nanos: i64,
}

impl WallClockWatch {
    /// Watches the wall clock from where it stands beside `clock`.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        let told_nanos = clock.wall_step_nanos();
        Self { clock, steps: Steps { told_nanos } }
    }
}

impl Steps {
    /// The step since the last one told, if it is worth telling.
    fn observe(&mut self, ahead_nanos: i64) -> Option<i64> {
        let step = ahead_nanos.saturating_sub(self.told_nanos);
        let is_notable = step.unsigned_abs() >= NOTABLE_NANOS;
        is_notable.then(|| {
            self.told_nanos = ahead_nanos;
            step
        })
    }
}

impl Actor for WallClockWatch {
    /// Runs until shut down.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        loop {
            if let Some(step) = self.steps.observe(self.clock.wall_step_nanos()) {
                let step_ms = step / 1_000_000;
                tracing::warn!(
                    step_ms,
                    "the wall clock was stepped; seconds are stamped by the clock of the start, \
                     restart to follow the new one"
                );
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_told_once_and_slewing_never() {
        let mut steps = Steps::default();
        assert_eq!(steps.observe(100_000_000), None, "the time service slews");
        assert_eq!(steps.observe(2_000_000_000), Some(2_000_000_000));
        assert_eq!(steps.observe(2_100_000_000), None, "told already");
        assert_eq!(steps.observe(0), Some(-2_000_000_000), "and back");
    }
}
