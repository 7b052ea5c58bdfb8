//! `lobd run` and `lobd record`: the daemon.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::{Daemon, DaemonError, DaemonSettings, Mode};
use crate::store::StoreError;
use crate::telemetry;

use super::{CommandError, Context, Exit};

/// Records, predicts, trades and protects until it is told to end.
///
/// Example: `lobd run --env-file /etc/lobd/lobd.env --data-dir /var/lib/lobd`
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs the daemon in one mode.
pub(super) async fn run(mode: Mode, context: &Context) -> Result<(), CommandError> {
    let settings = context.settings()?;
    let under_systemd = super::context::is_under_systemd();
    telemetry::start(&settings.log_filter, under_systemd)
        .map_err(|error| CommandError::new(Exit::Configuration, error))?;
    telemetry::end_on_panic(Exit::Failure as i32);
    let shutdown = shutdown_on_signals()?;
    let wanted = DaemonSettings { settings, mode, clock: context.clock(), lock: None };
    // Whoever ends it while it waits for the venue need not wait with it.
    let Some(started) = shutdown.run_until_cancelled(Daemon::start(wanted)).await else {
        return Ok(());
    };
    let daemon = started.map_err(|error| daemon_error(&error))?;
    daemon.run_until(&shutdown).await.map_err(|error| daemon_error(&error))
}

/// A token that SIGINT and SIGTERM cancel. Whoever presses Ctrl-C once more wants the end at once:
/// then nothing more is cleared away, as after a kill.
pub(super) fn shutdown_on_signals() -> Result<CancellationToken, CommandError> {
    let fail = |error| CommandError::new(Exit::InputOutput, error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fail)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fail)?;
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        token.cancel();
        if interrupt.recv().await.is_some() {
            let error = CommandError::message(Exit::Failure, "interrupted twice, ended at once")
                .remedy("what was open at the venue still is: see lobd position and lobd orders");
            let _ = error.report();
            std::process::exit(Exit::Failure as i32);
        }
    });
    Ok(shutdown)
}

/// The exit code and the remedy of a daemon that could not start or had to end.
pub(super) fn daemon_error(error: &DaemonError) -> CommandError {
    let (exit, remedy) = match error {
        DaemonError::Store(StoreError::Locked { .. }) => {
            (Exit::AlreadyRunning, "stop the other instance, or name another --data-dir")
        }
        DaemonError::Store(StoreError::AccountInUse { .. }) => {
            (Exit::AlreadyRunning, "one daemon trades on an account: see lobd status --data-dir")
        }
        // A restart cannot help: the service manager must not try.
        DaemonError::Store(StoreError::NewerVersion { .. }) => {
            (Exit::Configuration, "name another --data-dir if this one must stay as it is")
        }
        DaemonError::Store(_) | DaemonError::Operator(_) => {
            (Exit::InputOutput, "check the data folder and its disk")
        }
        DaemonError::Venue(error) if error.is_key_refused() => {
            (Exit::KeyRefused, "check the key, its permissions and its list of addresses")
        }
        DaemonError::MayNotTrade => {
            (Exit::KeyRefused, "open a futures account, and allow its key to trade futures")
        }
        DaemonError::Venue(_) => {
            (Exit::Unreachable, "check LOBD_REST_URL, the network and the venue's status")
        }
        DaemonError::UnknownSymbol { .. }
        | DaemonError::NoCredentials(_)
        | DaemonError::HedgeMode => (Exit::Configuration, "see .env.example"),
        DaemonError::Model { .. } => {
            (Exit::VerificationFailed, "run lobd models rollback, or train and promote another")
        }
        DaemonError::Supervisor(_) => (Exit::Failure, "see the log; a restart reconciles first"),
    };
    CommandError::new(exit, error).remedy(remedy)
}
