//! The market is open: the daemon against its own loopback exchange, in real time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::daemon::{Daemon, DaemonSettings, Mode};
use crate::clock::SharedClock;
use crate::domain::{RunId, Second, Timestamp};
use crate::engine::EngineStatus;
use crate::sandbox::{RunningSandbox, SandboxSettings, Server};
use crate::sim::{AccountSettings, demo_fees};

use super::preparation::{Prepared, distance_to_present, settings_from};
use super::{DemoError, DemoSettings};

/// The demo trading live.
pub struct Live {
    sandbox: RunningSandbox,
    daemon: Daemon,
    ends: CancellationToken,
    sandbox_ends: CancellationToken,
    /// When it began.
    pub began: Timestamp,
    /// Which run of the journal it is.
    pub run: RunId,
}

/// What a view of live trading shows, refreshed every second.
#[derive(Clone)]
pub struct LiveView {
    /// What the engine knows.
    pub status: watch::Receiver<EngineStatus>,
    /// The newest recorded second.
    pub durable: watch::Receiver<Option<Second>>,
}

impl Live {
    /// Moves the exchange to the present, serves it, and starts the daemon against it.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn start(
        demo: &DemoSettings,
        prepared: &mut Option<Prepared>,
        clock: SharedClock,
    ) -> Result<Self, DemoError> {
        let sandbox_ends = CancellationToken::new();
        let Some(Prepared { mut exchange, instrument, lock, .. }) = prepared.take() else {
            return Err(DemoError::ForeignFolder(demo.data_dir.clone()));
        };
        exchange.shift_time(distance_to_present(&exchange, clock.now()));
        let account = AccountSettings { fees: demo_fees(), ..AccountSettings::default() };
        let wanted = SandboxSettings { account, ..SandboxSettings::for_seed(demo.seed) };
        let sandbox = Server::start(exchange, wanted, Arc::clone(&clock), &sandbox_ends).await?;
        let mut settings = settings_from(&[
            ("LOBD_ENVIRONMENT", "sandbox"),
            ("LOBD_REST_URL", &sandbox.rest_url),
            ("LOBD_STREAM_URL", &sandbox.ws_url),
            ("LOBD_SANDBOX_API_KEY", &sandbox.api_key),
            ("LOBD_SANDBOX_API_SECRET", sandbox.api_secret.expose()),
            ("LOBD_SYMBOLS", instrument.symbol.as_str()),
            ("SHUTDOWN_POLICY", "flatten"),
        ])?;
        settings.data_dir.clone_from(&demo.data_dir);
        let began = clock.now();
        let daemon =
            Daemon::start(DaemonSettings { settings, mode: Mode::Trade, clock, lock: Some(lock) })
                .await?;
        let run = daemon.run().unwrap_or(RunId { installation: 0, epoch: 0 });
        let ends = CancellationToken::new();
        Ok(Self { sandbox, daemon, ends, sandbox_ends, began, run })
    }

    /// What a view may show.
    #[must_use]
    pub fn view(&self) -> LiveView {
        LiveView { status: self.daemon.status(), durable: self.daemon.durable() }
    }

    /// Trades for `length` from the first prediction on, or until `interrupted`; then closes the
    /// position, reconciles, and ends.
    ///
    /// # Errors
    /// [`DemoError::Daemon`] if the daemon had to end early.
    pub async fn run(
        self,
        length: Option<Duration>,
        interrupted: &CancellationToken,
    ) -> Result<EngineStatus, DemoError> {
        let Self { sandbox, daemon, ends, sandbox_ends, .. } = self;
        let status = daemon.status();
        let timer = trade_for(length, status.clone(), interrupted.clone(), ends.clone());
        let timer = tokio::spawn(timer);
        let ended = daemon.run_until(&ends).await;
        timer.abort();
        let last = status.borrow().clone();
        sandbox_ends.cancel();
        sandbox.stop().await;
        ended?;
        Ok(last)
    }
}

/// Cancels `ends` when the time is over or the user has had enough.
async fn trade_for(
    length: Option<Duration>,
    mut status: watch::Receiver<EngineStatus>,
    interrupted: CancellationToken,
    ends: CancellationToken,
) {
    let trading = async {
        let has_predicted =
            |status: &EngineStatus| status.symbols.iter().any(|one| one.prediction.is_some());
        // The daemon is gone if this fails; then nothing is left to be timed.
        let _ = status.wait_for(has_predicted).await;
        match length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = interrupted.cancelled() => {}
        () = trading => {}
    }
    ends.cancel();
}
