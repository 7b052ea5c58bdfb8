//! A start that the venue's request limits hold back waits for its turn.
//!
//! A daemon that dies again and again uses up a minute's weight by its starts alone; a new process
//! learns that from the first answer. If it ended then, its service manager would wait between tries,
//! ever longer, while a position may be without its stop. Here it goes on at the moment the limit
//! renews.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::binance::{BinanceError, RestClient};
use crate::domain::Timestamp;

/// The limits are those of a minute, and a little for clocks that differ. A longer silence is a ban,
/// which a person should know of: it ends the start.
const LONGEST_WAIT: Duration = Duration::from_secs(65);

/// How long the questions of one start wait, all together.
pub(super) struct Turn {
    rest: Arc<RestClient>,
    latest: Timestamp,
    is_told: bool,
}

impl Turn {
    /// Begins to count now.
    pub(super) fn new(rest: Arc<RestClient>) -> Self {
        Self { latest: rest.now() + LONGEST_WAIT, rest, is_told: false }
    }

    /// Asks, once there is room for the question. One that was held back was not sent, and one that
    /// the venue refused for its limits was not answered: only questions may be asked this way.
    ///
    /// # Errors
    /// The question's own, or that it is held back for too long.
    pub(super) async fn ask<T, F: Future<Output = Result<T, BinanceError>>>(
        &mut self,
        question: impl Fn() -> F,
    ) -> Result<T, BinanceError> {
        loop {
            match question().await {
                Err(
                    error @ (BinanceError::HeldBack { until, .. }
                    | BinanceError::Throttled { until }),
                ) if until <= self.latest => {
                    if !std::mem::replace(&mut self.is_told, true) {
                        tracing::warn!(%error, "the start waits until the venue may be asked");
                    }
                    sleep(until.since(self.rest.now())).await;
                }
                answer => return answer,
            }
        }
    }
}
