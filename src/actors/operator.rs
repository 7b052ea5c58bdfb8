//! The control socket: `<data-dir>/control.sock`, one JSON request a line, one JSON answer a line.
//!
//! Only the owner of the data folder may connect (mode 0600). Requests to change something become
//! events of the engine; `status` reads a copy and never touches the trader.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::binance::panic_on;
use crate::engine::{EngineStatus, OperatorRequest};

use super::supervisor::{Actor, ActorFailure};
use super::trader::TraderHandle;

/// A request is a word or two; anything longer is no request of ours.
const REQUEST_BYTES_MAX: u64 = 4_096;

/// A person and a few scripts; more connections are a mistake somewhere.
const CONNECTIONS_MAX: usize = 16;

/// A connection that says nothing, or takes nothing, for so long is closed: nobody who has hung may
/// keep a person out.
const IDLE_LIMIT: Duration = Duration::from_secs(5);

/// A daemon that is well answers within milliseconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// How long a socket that cannot take a connection is left alone.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// What may be asked over the control socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlRequest {
    /// What the engine knows.
    Status,
    /// Something for the engine to do.
    Engine(OperatorRequest),
}

/// What the control socket answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlAnswer {
    /// What the engine knows, as JSON.
    Status(serde_json::Value),
    /// The engine has done it.
    Accepted,
    /// The engine will not do it, and why.
    Declined(String),
    /// The request could not be understood or handed over.
    Refused(String),
}

/// Why the control socket could not be made.
#[derive(Debug, Error)]
#[error("cannot listen on the control socket {path}")]
pub struct OperatorError {
    path: PathBuf,
    source: std::io::Error,
}

/// Serves the control socket.
pub struct Operator {
    listener: UnixListener,
    path: PathBuf,
    trader: TraderHandle,
    status: watch::Receiver<EngineStatus>,
    connections: JoinSet<()>,
}

impl Operator {
    /// Listens on `path`; a socket left over by a killed process is replaced (the folder's lock
    /// proves that its owner is gone).
    ///
    /// # Errors
    /// [`OperatorError`].
    pub fn listen(
        path: &Path,
        trader: TraderHandle,
        status: watch::Receiver<EngineStatus>,
    ) -> Result<Self, OperatorError> {
        let fail = |source| OperatorError { path: path.to_owned(), source };
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(error)),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(fail)?;
        restrict(path).map_err(fail)?;
        let path = path.to_owned();
        Ok(Self { listener, path, trader, status, connections: JoinSet::new() })
    }

    fn serve(&mut self, stream: UnixStream) -> Result<(), ActorFailure> {
        while let Some(ended) = self.connections.try_join_next() {
            panic_on(ended).map_err(ActorFailure::new)?;
        }
        if self.connections.len() >= CONNECTIONS_MAX {
            tracing::warn!("too many connections on the control socket; one was refused");
            return Ok(());
        }
        let (trader, status) = (self.trader.clone(), self.status.clone());
        self.connections.spawn(async move {
            if let Err(error) = converse(stream, &trader, &status).await {
                tracing::debug!(%error, "a control connection ended");
            }
        });
        Ok(())
    }
}

fn restrict(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

async fn converse(
    stream: UnixStream,
    trader: &TraderHandle,
    status: &watch::Receiver<EngineStatus>,
) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = String::new();
        let mut request = (&mut reader).take(REQUEST_BYTES_MAX);
        let read = timeout(IDLE_LIMIT, request.read_line(&mut line)).await??;
        if read == 0 {
            return Ok(());
        }
        let answer = match serde_json::from_str(&line) {
            Ok(request) => answer(request, trader, status).await,
            Err(error) => ControlAnswer::Refused(format!("not a request: {error}")),
        };
        let mut text = serde_json::to_vec(&answer)?;
        text.push(b'\n');
        timeout(IDLE_LIMIT, writer.write_all(&text)).await??;
    }
}

async fn answer(
    request: ControlRequest,
    trader: &TraderHandle,
    status: &watch::Receiver<EngineStatus>,
) -> ControlAnswer {
    match request {
        ControlRequest::Status => {
            let copy = status.borrow().clone();
            serde_json::to_value(&copy).map_or_else(
                |error| ControlAnswer::Refused(error.to_string()),
                ControlAnswer::Status,
            )
        }
        ControlRequest::Engine(request) => {
            tracing::info!(?request, "the operator asks");
            match trader.request(request).await {
                Ok(Ok(())) => ControlAnswer::Accepted,
                Ok(Err(reason)) => ControlAnswer::Declined(reason),
                Err(error) => ControlAnswer::Refused(error.to_string()),
            }
        }
    }
}

impl Actor for Operator {
    /// Serves until shut down; then the socket is removed.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => self.serve(stream)?,
                    Err(error) => {
                        // Most likely no file descriptor is left: others free them, in time.
                        tracing::warn!(%error, "the control socket cannot take a connection");
                        tokio::time::sleep(ACCEPT_RETRY).await;
                    }
                },
            }
        }
        self.connections.shutdown().await;
        // A leftover socket is harmless: the next start replaces it.
        let _ = std::fs::remove_file(&self.path);
        Ok(())
    }
}

/// Asks a running daemon one thing.
///
/// # Errors
/// The error of the socket: not found or refused means that no daemon is running, timed out that one
/// is there and does not answer.
pub async fn ask(path: &Path, request: &ControlRequest) -> std::io::Result<ControlAnswer> {
    timeout(ANSWER_LIMIT, ask_patiently(path, request)).await?
}

async fn ask_patiently(path: &Path, request: &ControlRequest) -> std::io::Result<ControlAnswer> {
    let mut stream = UnixStream::connect(path).await?;
    let mut text = serde_json::to_vec(request)?;
    text.push(b'\n');
    stream.write_all(&text).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinHandle;

    use super::super::trader::{TraderMailbox, trader_mailbox};
    use super::*;

    /// An operator that serves, in a folder of its own.
    struct Served {
        path: PathBuf,
        until: CancellationToken,
        serving: JoinHandle<bool>,
        _folder: tempfile::TempDir,
        _mailbox: TraderMailbox,
    }

    impl Served {
        fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("control.sock");
            let (trader, mailbox) = trader_mailbox();
            let status = watch::channel(EngineStatus::default()).1;
            let mut operator = Operator::listen(&path, trader, status).unwrap();
            let until = CancellationToken::new();
            let ends = until.clone();
            let serving = tokio::spawn(async move { operator.run(&ends).await.is_ok() });
            Self { path, until, serving, _folder: folder, _mailbox: mailbox }
        }

        async fn ends_well(self) {
            self.until.cancel();
            assert!(self.serving.await.unwrap());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connections_are_closed_and_keep_nobody_out() {
        let served = Served::start();
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            idle.push(UnixStream::connect(&served.path).await.unwrap());
        }
        for mut stream in idle {
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "closed from the other side");
        }
        let answer = ask(&served.path, &ControlRequest::Status).await.unwrap();
        assert!(matches!(answer, ControlAnswer::Status(_)), "{answer:?}");
        served.ends_well().await;
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused_and_the_next_one_answered() {
        let served = Served::start();
        let endless = "x".repeat(20 * usize::try_from(REQUEST_BYTES_MAX).unwrap());
        for garbage in ["\n", "GET / HTTP/1.1\n", "{\"engine\":\"sell everything\"}\n", &endless] {
            let mut stream = UnixStream::connect(&served.path).await.unwrap();
            // What is left unread of an endless line ends with its connection.
            let _ = stream.write_all(garbage.as_bytes()).await;
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).await.unwrap();
            assert!(line.starts_with("{\"refused\":\"not a request"), "{garbage:.20}: {line}");
            let answer = ask(&served.path, &ControlRequest::Status).await.unwrap();
            assert!(matches!(answer, ControlAnswer::Status(_)), "{answer:?}");
        }
        served.ends_well().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_does_not_answer_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let _mute = UnixListener::bind(&path).unwrap();
        let error = ask(&path, &ControlRequest::Status).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }
}
