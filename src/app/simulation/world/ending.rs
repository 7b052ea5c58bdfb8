//! How a simulation ends: in peace everything is closed, the daemon ends, and all of it is audited.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::super::audit;
use super::super::report::{Broken, broken};
use super::{LOOK, START, World};
use crate::engine::OperatorRequest;

/// How long closing everything may take: the whole of a stop-loss, twice.
const CLOSING_MOST: Duration = Duration::from_mins(1);
/// Flat for so long: twice the time between two reconciliations.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
/// How long an end in order may take.
const END_MOST: Duration = Duration::from_mins(1);

impl World {
    /// Closes everything, ends the daemon in order and audits what is left.
    ///
    /// While something is held, the exchange may fill an order of ours after the daemon has ended,
    /// which only a next one could book. Flat, with nothing open, nothing can happen any more.
    pub(super) async fn finish(&mut self) -> Result<(), Broken> {
        self.close_everything().await?;
        self.end_daemon().await?;
        let Some(daemon) = self.daemon.take() else { return Ok(()) };
        let disk = daemon.life.disk.clone();
        if let Some(Err(reason)) = daemon.bury().await {
            return broken(START, reason);
        }
        self.look().await?;
        if self.is_open {
            return broken("I3 what was closed stays closed", self.position.to_string());
        }
        let left = disk.after_exit();
        self.resting = Some((left.clone(), self.elapsed()));
        let position = self.position;
        let mut history = std::mem::take(&mut self.history);
        let found = audit::at_the_end(&left, &self.evidence(), position, &mut history);
        self.history = history;
        let found = found?;
        self.counts.events = found.events;
        self.counts.valid_seconds = found.valid_seconds;
        Ok(())
    }

    /// The operator has every position closed; returns once nothing is held or working for a while.
    async fn close_everything(&mut self) -> Result<(), Broken> {
        let now = self.elapsed();
        let handles = self.daemon.as_mut().and_then(|daemon| daemon.handles(now));
        let Some(operator) = handles.and_then(|handles| handles.operator.clone()) else {
            return broken(START, "it is not up at the end");
        };
        // Its verdict shows in what is held.
        let _ = operator.request(OperatorRequest::Flatten).await;
        let by = now + CLOSING_MOST;
        let mut flat_since = None;
        while flat_since.is_none_or(|since| self.elapsed().saturating_sub(since) < SETTLED_AFTER) {
            if self.elapsed() > by && flat_since.is_none() {
                let held = self.position.to_string();
                return broken("I16 a daemon that is asked to close everything does", held);
            }
            sleep_until(Instant::now() + LOOK).await;
            self.look().await?;
            let now = self.elapsed();
            self.check(now)?;
            flat_since = (!self.is_open).then(|| flat_since.unwrap_or(now));
        }
        Ok(())
    }

    async fn end_daemon(&mut self) -> Result<(), Broken> {
        let Some(daemon) = &self.daemon else { return broken(START, "it is not up at the end") };
        daemon.terminate();
        let by = self.elapsed() + END_MOST;
        // What is promised of a daemon is not promised of one that ends.
        self.calm.disturb(by + END_MOST, true);
        while self.daemon.as_ref().is_some_and(|daemon| !daemon.has_ended()) {
            if self.elapsed() > by {
                return broken("I16 a daemon that is asked to end does", format!("{END_MOST:?}"));
            }
            sleep_until(Instant::now() + LOOK).await;
            self.look().await?;
        }
        Ok(())
    }
}
