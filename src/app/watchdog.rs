//! Tells systemd that the daemon is ready, alive and ending.
//!
//! Fed only while every loop that matters gives a sign of its own: the books are cut into seconds,
//! the trader takes them in and has them in its journal, the gateway and the account's stream go
//! round, the recorder and the predictor are not far behind. What waits for the network, or knows
//! that it is down, goes round all the same: an outage is no hang (I16).

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::actors::Pulse;
use crate::domain::Timestamp;
use crate::engine::EngineStatus;

/// How often is looked, also when systemd does not say how often it wants to hear.
const LOOK: Duration = Duration::from_secs(1);
/// So often within the time that systemd waits: a hang is told almost as soon as it begins.
const LOOKS_WITHIN_LIMIT: u32 = 7;
/// Without a sign for so long, a loop is named in the log.
const NAMED_AFTER: Duration = Duration::from_secs(5);
/// A loop behind which a mailbox of a minute fills: until then nothing but lateness is lost.
const A_MINUTE_BEHIND: Duration = Duration::from_mins(1);

/// Feeds systemd's watchdog with proof of progress.
pub(super) struct Watchdog {
    ticks: Interval,
    loops: Vec<Watched>,
    is_ready: bool,
}

/// A loop that is watched over.
pub(super) struct Watched {
    name: &'static str,
    sign: Sign,
    /// For so long it may give no sign.
    patience: Duration,
    /// Its last sign, and when it was seen.
    last: (u64, Instant),
    fed_at: u64,
    is_named: bool,
}

/// What grows while a loop advances.
enum Sign {
    Pulse(Pulse),
    /// The moment of the engine's last event; the trader shows it once the event is in the journal,
    /// or the journal known to fail.
    Status(watch::Receiver<EngineStatus>),
}

impl Watched {
    /// A loop that advances each second.
    pub(super) fn pulse(name: &'static str, pulse: Pulse) -> Self {
        Self::new(name, Sign::Pulse(pulse), Duration::ZERO)
    }

    /// A loop that may be late by a minute: what it does can wait, and then it is stuck.
    pub(super) fn patiently(name: &'static str, pulse: Pulse) -> Self {
        Self::new(name, Sign::Pulse(pulse), A_MINUTE_BEHIND)
    }

    /// The trader.
    pub(super) fn trader(status: watch::Receiver<EngineStatus>) -> Self {
        Self::new("trader", Sign::Status(status), Duration::ZERO)
    }

    fn new(name: &'static str, sign: Sign, patience: Duration) -> Self {
        Self { name, sign, patience, last: (0, Instant::now()), fed_at: 0, is_named: false }
    }

    /// Looks; whether it has given a sign since systemd was last told, or need not yet.
    fn is_well(&mut self) -> bool {
        let sign = match &self.sign {
            Sign::Pulse(pulse) => pulse.beats(),
            Sign::Status(status) => beats_at(status.borrow().at),
        };
        if sign != self.last.0 {
            self.last = (sign, Instant::now());
            self.is_named = false;
        }
        let silence = self.last.1.elapsed();
        if silence >= NAMED_AFTER.max(self.patience) && !self.is_named {
            self.is_named = true;
            tracing::error!(
                actor = self.name,
                ?silence,
                "a loop gives no sign; no watchdog is fed"
            );
        }
        sign != self.fed_at || (sign != 0 && silence < self.patience)
    }
}

/// A moment as something that is zero before the first event.
fn beats_at(moment: Timestamp) -> u64 {
    moment.nanos().cast_unsigned()
}

impl Watchdog {
    /// Begins to watch over some loops.
    #[must_use]
    pub(super) fn start(loops: Vec<Watched>) -> Self {
        let wanted = sd_notify::watchdog_enabled().map(|limit| limit / LOOKS_WITHIN_LIMIT);
        let mut ticks = interval(wanted.unwrap_or(LOOK).min(LOOK));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, loops, is_ready: false }
    }

    /// Waits for the next look, and feeds the watchdog if there was progress. Cancel-safe.
    pub(super) async fn feed(&mut self) {
        self.ticks.tick().await;
        if !self.look() {
            return;
        }
        if !std::mem::replace(&mut self.is_ready, true) {
            notify(&[NotifyState::Ready]);
        }
        notify(&[NotifyState::Watchdog]);
    }

    /// Whether every loop has advanced since this was last so.
    fn look(&mut self) -> bool {
        // Each is looked at, so that each that hangs is named.
        let well = self.loops.iter_mut().map(Watched::is_well).filter(|is_well| *is_well).count();
        let are_well = well == self.loops.len();
        if are_well {
            for one in &mut self.loops {
                one.fed_at = one.last.0;
            }
        }
        are_well
    }

    /// An actor has ended, or was given up and is done without: no sign of it is waited for.
    pub(super) fn forget(&mut self, name: &str) {
        self.loops.retain(|watched| watched.name != name);
    }

    /// Tells systemd that the daemon is ending.
    pub(super) fn stopping() {
        notify(&[NotifyState::Stopping]);
    }
}

/// Without systemd there is nobody to tell, which is no fault.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds(count: u64) {
        tokio::time::advance(Duration::from_secs(count)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_loop_that_gives_no_sign_is_enough_to_starve_it() {
        let (first, second) = (Pulse::default(), Pulse::default());
        let (status, told) = watch::channel(EngineStatus::default());
        let mut dog = Watchdog::start(vec![
            Watched::pulse("first", first.clone()),
            Watched::pulse("second", second.clone()),
            Watched::trader(told),
        ]);
        assert!(!dog.look(), "nothing has begun");
        let advance = |at: i64| {
            status.send_modify(|status| status.at = Timestamp::from_seconds(at));
        };
        first.beat();
        second.beat();
        assert!(!dog.look(), "the trader has not begun");
        advance(1);
        assert!(dog.look());
        assert!(!dog.look(), "nothing since");
        first.beat();
        advance(2);
        assert!(!dog.look(), "the second hangs");
        second.beat();
        assert!(dog.look(), "and goes on");
        for _ in 0..10 {
            seconds(1).await;
            first.beat();
            second.beat();
            assert!(!dog.look(), "the trader hangs");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_be_late_by_a_minute_hangs_after_it() {
        let (trader, recorder) = (Pulse::default(), Pulse::default());
        let mut dog = Watchdog::start(vec![
            Watched::pulse("trader", trader.clone()),
            Watched::patiently("recorder", recorder.clone()),
        ]);
        trader.beat();
        assert!(!dog.look(), "the recorder has not begun");
        recorder.beat();
        for _ in 0..59 {
            trader.beat();
            assert!(dog.look());
            seconds(1).await;
        }
        seconds(1).await;
        trader.beat();
        assert!(!dog.look());
        recorder.beat();
        assert!(dog.look());
    }
}
