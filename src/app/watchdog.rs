//! Tells systemd that the daemon is ready, alive and ending.
//!
//! The watchdog is fed only while the trading loop (or, when only recording, the recorder)
//! advances: a heartbeat a second counts as progress, so neither a quiet market nor a batch that
//! waits for its commit is a hang (I16).

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::domain::Second;
use crate::engine::EngineStatus;

/// How often progress is looked for when systemd does not say how often it wants to hear.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

/// Feeds systemd's watchdog with proof of progress.
pub(super) struct Watchdog {
    is_trading: bool,
    status: watch::Receiver<EngineStatus>,
    taken: watch::Receiver<Option<Second>>,
    ticks: Interval,
    is_ready: bool,
    last_marker: i64,
}

impl Watchdog {
    /// Begins to look for progress.
    #[must_use]
    pub(super) fn start(
        is_trading: bool,
        status: watch::Receiver<EngineStatus>,
        taken: watch::Receiver<Option<Second>>,
    ) -> Self {
        let wanted = sd_notify::watchdog_enabled().map(|limit| limit / 3);
        let mut ticks = interval(wanted.unwrap_or(DEFAULT_INTERVAL).min(DEFAULT_INTERVAL));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { is_trading, status, taken, ticks, is_ready: false, last_marker: i64::MIN }
    }

    /// Waits for the next look, and feeds the watchdog if there was progress. Cancel-safe.
    pub(super) async fn feed(&mut self) {
        self.ticks.tick().await;
        let marker = self.marker();
        if marker > self.last_marker {
            self.last_marker = marker;
            if !self.is_ready && marker > 0 {
                self.is_ready = true;
                notify(&[NotifyState::Ready]);
            }
            notify(&[NotifyState::Watchdog]);
        }
    }

    /// Tells systemd that the daemon is ending.
    pub(super) fn stopping() {
        notify(&[NotifyState::Stopping]);
    }

    /// Grows while the loop that matters advances.
    fn marker(&self) -> i64 {
        if self.is_trading {
            self.status.borrow().at.nanos()
        } else {
            self.taken.borrow().map_or(0, Second::unix)
        }
    }
}

/// Without systemd there is nobody to tell, which is no fault.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
