//! One daemon after another: started, watched, buried, its disk handed on.

use std::time::Duration;

use rand::RngExt;

use super::super::audit;
use super::super::daemon::Running;
use super::super::report::{Broken, broken};
use super::{PANIC, START, World};

/// How long the service manager waits before it starts a daemon that has ended.
const RESTART_AFTER_S: std::ops::Range<u64> = 1..8;

impl World {
    /// Starts, buries and restarts daemons.
    pub(super) async fn tend(&mut self, now: Duration) -> Result<(), Broken> {
        if let Some((disk, starts_at)) = self.resting.take() {
            if now < starts_at {
                self.calm.disturb(now, true);
                self.resting = Some((disk, starts_at));
                return Ok(());
            }
            let daemon = Running::start(&self.ground, disk);
            self.offsets.insert(daemon.offset_nanos);
            self.daemon = Some(daemon);
        }
        let Some(daemon) = &mut self.daemon else { return Ok(()) };
        if daemon.handles(now).is_none() {
            self.calm.disturb(now, true);
        }
        let crash_is_due = self.crash.is_some_and(|(_, by)| now >= by);
        if crash_is_due {
            daemon.life.disk.end();
        }
        if daemon.life.is_over() || daemon.has_ended() {
            return self.bury(now).await;
        }
        Ok(())
    }

    /// The daemon has died or ended: what it leaves is audited, and the next one is planned.
    async fn bury(&mut self, now: Duration) -> Result<(), Broken> {
        let Some(daemon) = self.daemon.take() else { return Ok(()) };
        let (disk, was_killed) = (daemon.life.disk.clone(), daemon.life.is_over());
        let was_asked = daemon.was_asked_to_end();
        let ended = daemon.bury().await;
        if let Some(Err(reason)) = &ended
            && !was_killed
        {
            if reason.contains("panicked") {
                return broken(PANIC, reason.clone());
            }
            if self.calm.unhindered(now) > Duration::from_mins(1) {
                return broken(START, reason.clone());
            }
            self.calm.tell(format!("{:.1} s: ended: {reason}", now.as_secs_f64()));
        }
        let is_power_lost =
            was_killed && self.crash.take().is_some_and(|(crash, _)| crash.is_power_lost);
        let left =
            if is_power_lost { disk.after_crash(&mut self.chance) } else { disk.after_exit() };
        tracing::info!(was_killed, was_asked, is_power_lost, "a life is over");
        audit::after_life(&left, &self.evidence())?;
        self.durable = None;
        self.counts.restarts += 1;
        self.calm.disturb(now, true);
        let wait = Duration::from_secs(self.chance.random_range(RESTART_AFTER_S));
        self.resting = Some((left, now + wait));
        Ok(())
    }
}
