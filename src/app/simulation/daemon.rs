//! The daemon of a simulation: started through its one start-up path, watched, ended or killed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::clock::{MachineClock, TrueClock, WallOffset};
use super::life::Life;
use super::network::Network;
use crate::actors::TraderHandle;
use crate::app::{Daemon, DaemonError, DaemonSettings, Machine, Mode, Models};
use crate::binance;
use crate::config::Settings;
use crate::domain::Second;
use crate::engine::{CountdownProof, EngineStatus};
use crate::store::{Disk, MemoryDisk};

use super::setting::BEGINNING;

/// What every daemon of a simulation starts with.
pub(super) struct Ground {
    pub(super) settings: Settings,
    pub(super) model: Arc<[u8]>,
    pub(super) truth: TrueClock,
    pub(super) wall: WallOffset,
    pub(super) network: Network,
}

/// A daemon that is starting, running or ending.
pub(super) struct Running {
    pub(super) life: Life,
    /// Its clock less true time.
    pub(super) offset_nanos: i64,
    task: JoinHandle<Result<(), DaemonError>>,
    shutdown: CancellationToken,
    coming: oneshot::Receiver<Handles>,
    handles: Option<Handles>,
    /// When it was up.
    pub(super) up_at: Option<Duration>,
}

/// The ways into a daemon that is up.
pub(super) struct Handles {
    pub(super) status: watch::Receiver<EngineStatus>,
    pub(super) durable: watch::Receiver<Option<Second>>,
    pub(super) operator: Option<TraderHandle>,
}

impl Running {
    /// Starts a daemon on what an earlier life left.
    pub(super) fn start(ground: &Ground, disk: MemoryDisk) -> Self {
        let life = Life::new(disk.clone());
        let clock = MachineClock::start(ground.truth, ground.wall.clone());
        let access = ground.network.access(life.clone());
        let machine = Machine {
            network: binance::Network::Simulated(Arc::new(access)),
            disk: Disk::Memory(disk),
            models: Models::Given(Arc::clone(&ground.model), BEGINNING),
            // The exchange we carry leaves stops alone.
            countdown: Some(CountdownProof::StopsSurvive),
        };
        let settings = ground.settings.clone();
        let wanted =
            DaemonSettings { settings, mode: Mode::Trade, clock: Arc::new(clock), lock: None };
        let (tell, coming) = oneshot::channel();
        let shutdown = CancellationToken::new();
        let ends = shutdown.clone();
        let task = tokio::spawn(async move {
            let started = ends.run_until_cancelled(Daemon::start_on(machine, wanted)).await;
            let Some(started) = started else { return Ok(()) };
            let daemon = started?;
            let (status, durable) = (daemon.status(), daemon.durable());
            let operator = daemon.operator();
            // The world outlives its daemons.
            let _ = tell.send(Handles { status, durable, operator });
            daemon.run_until(&ends).await
        });
        let offset_nanos = ground.wall.nanos();
        Self { life, offset_nanos, task, shutdown, coming, handles: None, up_at: None }
    }

    /// The ways in, once it is up.
    pub(super) fn handles(&mut self, now: Duration) -> Option<&Handles> {
        if self.handles.is_none()
            && let Ok(handles) = self.coming.try_recv()
        {
            self.handles = Some(handles);
            self.up_at = Some(now);
        }
        self.handles.as_ref()
    }

    /// Asks it to end in order.
    pub(super) fn terminate(&self) {
        self.shutdown.cancel();
    }

    pub(super) fn was_asked_to_end(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Whether its process has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Ends its process and everything in it; how it ended, if it did so by itself.
    pub(super) async fn bury(self) -> Option<Result<(), String>> {
        let has_ended = self.task.is_finished();
        self.task.abort();
        let joined = self.task.await;
        // What it had started is dropped when next it is looked at.
        sleep(Duration::from_millis(1)).await;
        if !has_ended {
            return None;
        }
        Some(match joined {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(with_causes(&error)),
            Err(error) => Err(format!("panicked: {error}")),
        })
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
