//! Measures how far the venue's clock stands from ours, and tells the engine; so it does when a
//! request that was refused for its timestamp had it measured.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::binance::{ClockOffset, RestClient};
use crate::engine::Event;

use super::supervisor::{Actor, ActorFailure};
use super::trader::TraderHandle;

/// Clocks drift slowly; five requests of weight one each time.
const INTERVAL: Duration = Duration::from_mins(1);

/// After a failed measurement.
const RETRY: Duration = Duration::from_secs(5);

/// Beyond this the engine takes no new risk (I5).
const LIMIT_NANOS: u64 = 1_000_000_000;

/// Asks the venue for its time, now and then.
pub struct ClockOffsetMeter {
    rest: Arc<RestClient>,
    trader: TraderHandle,
    watch: OffsetWatch,
}

/// Tells people when the clocks part and when they agree again, not each minute.
#[derive(Debug, Default)]
struct OffsetWatch {
    is_off: bool,
}

impl OffsetWatch {
    /// What there is to tell of a measurement, and whether it is bad news.
    fn judge(&mut self, offset_nanos: i64) -> Option<(bool, String)> {
        let is_off = is_off(offset_nanos);
        if is_off == std::mem::replace(&mut self.is_off, is_off) {
            return None;
        }
        let millis = offset_nanos / 1_000_000;
        let text = if is_off {
            format!(
                "the venue's clock stands {millis} ms from ours: no position is opened beyond \
                 1,000 ms; set this machine's clock by NTP (timedatectl set-ntp true)"
            )
        } else {
            format!("the venue's clock stands {millis} ms from ours: near enough again")
        };
        Some((is_off, text))
    }
}

/// How long to wait before the next measurement: a clock that is set right is soon known (I16).
const fn patience(offset_nanos: i64) -> Duration {
    if is_off(offset_nanos) { RETRY } else { INTERVAL }
}

const fn is_off(offset_nanos: i64) -> bool {
    offset_nanos.unsigned_abs() > LIMIT_NANOS
}

impl ClockOffsetMeter {
    /// Asks through `rest` and tells `trader`.
    #[must_use]
    pub const fn new(rest: Arc<RestClient>, trader: TraderHandle) -> Self {
        Self { rest, trader, watch: OffsetWatch { is_off: false } }
    }

    /// Tells what was measured, whoever asked for it.
    async fn tell(&mut self, ClockOffset { nanos, .. }: ClockOffset) {
        match self.watch.judge(nanos) {
            Some((true, text)) => tracing::warn!("{text}"),
            Some((false, text)) => tracing::info!("{text}"),
            None => {}
        }
        // Without a trader nobody is left to be told.
        let _ = self.trader.tell(Event::ClockOffset { nanos }).await;
    }

    async fn keep_measuring(&mut self) {
        let mut offsets = self.rest.clock_offsets();
        let mut due = Instant::now();
        loop {
            tokio::select! {
                biased;
                offset = offsets.next() => {
                    self.tell(offset).await;
                    due = due.min(Instant::now() + patience(offset.nanos));
                }
                () = sleep_until(due) => due = Instant::now() + self.measure().await,
            }
        }
    }

    /// Measures once; says how long to wait for the next time.
    async fn measure(&self) -> Duration {
        match self.rest.measure_clock().await {
            Ok(offset) => patience(offset.nanos),
            Err(error) => {
                tracing::warn!(%error, "the venue's time could not be had");
                RETRY
            }
        }
    }
}

impl Actor for ClockOffsetMeter {
    /// Runs until shut down, also in the middle of a measurement.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            () = self.keep_measuring() => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_strays_is_told_once_each_way() {
        let mut watch = OffsetWatch::default();
        let mut told = Vec::new();
        for millis in [20, -1_000, 2_000, 2_100, -2_000, 30, 40, -1_001] {
            told.push(watch.judge(millis * 1_000_000).map(|(is_off, _)| is_off));
        }
        let (bad, good) = (Some(true), Some(false));
        assert_eq!(told, [None, None, bad, None, None, good, None, bad]);
        assert_eq!(patience(-1_001_000_000), RETRY, "it is asked again soon");
        assert_eq!(patience(0), INTERVAL);
        let (_, text) = OffsetWatch::default().judge(-2_000_000_000).unwrap();
        assert!(text.contains("-2000 ms") && text.contains("NTP"), "{text}");
    }
}
