//! Measures how far the venue's clock stands from ours, and tells the engine.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::binance::RestClient;
use crate::engine::Event;

use super::supervisor::{Actor, ActorFailure};
use super::trader::TraderHandle;

/// Clocks drift slowly; five requests of weight one each time.
const INTERVAL: Duration = Duration::from_mins(1);

/// After a failed measurement.
const RETRY: Duration = Duration::from_secs(5);

/// Asks the venue for its time, now and then.
pub struct ClockOffsetMeter {
    rest: Arc<RestClient>,
    trader: TraderHandle,
}

impl ClockOffsetMeter {
    /// Asks through `rest` and tells `trader`.
    #[must_use]
    pub const fn new(rest: Arc<RestClient>, trader: TraderHandle) -> Self {
        Self { rest, trader }
    }

    /// Measures once; says how long to wait for the next time.
    async fn measure(&self) -> Duration {
        match self.rest.measure_clock().await {
            Ok(offset) => {
                let _ = self.trader.tell(Event::ClockOffset { nanos: offset.nanos }).await;
                INTERVAL
            }
            Err(error) => {
                tracing::warn!(%error, "the venue's time could not be had");
                RETRY
            }
        }
    }
}

impl Actor for ClockOffsetMeter {
    /// Runs until shut down.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        loop {
            let wait = self.measure().await;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}
