//! The admin socket of the exchange: faults switched on and off by whoever may open the file.
//!
//! A Unix socket, mode 0600, one JSON request a line: `{"add":"SPEC"}`, `{"clear":NUMBER}`,
//! `"clear_all"`, `"list"`. Each is answered with one line, `{"faults":[…]}` as they are after it,
//! or `{"error":"…"}`. Does not know what a fault does.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::faults::{FaultReport, FaultSpec};
use super::server::Control;

/// No request is longer; what is cut off is no request.
const LONGEST_REQUEST: u64 = 4_096;

/// A person and a few scripts.
const MOST_CONNECTIONS: usize = 16;

/// Why the admin socket cannot be made.
#[derive(Debug, Error)]
pub enum AdminError {
    /// The path is taken by something that lives, or that is no socket.
    #[error("{0} is taken; choose another path")]
    Taken(PathBuf),
    /// The system refuses.
    #[error("cannot listen on the admin socket {path}")]
    Listen {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Add(String),
    Clear(u32),
    ClearAll,
    List,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Faults(Vec<FaultReport>),
    Error(String),
}

/// Serves the admin socket; its file is removed with it.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
    control: Control,
}

impl AdminSocket {
    /// Listens on `path`; a socket at which nobody answers any more is replaced.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn listen(path: &Path, control: Control) -> Result<Self, AdminError> {
        let fail = |source| AdminError::Listen { path: path.to_owned(), source };
        if let Ok(found) = fs::symlink_metadata(path) {
            if !found.file_type().is_socket() || UnixStream::connect(path).await.is_ok() {
                return Err(AdminError::Taken(path.to_owned()));
            }
            fs::remove_file(path).map_err(fail)?;
        }
        let listener = UnixListener::bind(path).map_err(fail)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(fail)?;
        Ok(Self { listener, path: path.to_owned(), control })
    }

    /// Serves until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            // Cancel-safe: an accepted connection is handed on before the next turn.
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) if connections.len() < MOST_CONNECTIONS => {
                    connections.spawn(converse(stream, self.control.clone()));
                }
                Ok(_) => tracing::warn!("too many connections on the admin socket"),
                Err(error) => tracing::warn!(%error, "an admin connection was not accepted"),
            }
        }
        connections.shutdown().await;
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // One left over is replaced by the next that listens there.
        let _ = fs::remove_file(&self.path);
    }
}

/// Answers line by line, until the other side or the line ends.
async fn converse(mut stream: UnixStream, control: Control) {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = String::new();
        match (&mut reader).take(LONGEST_REQUEST).read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let answer = answer(&line, &control).await;
        let Ok(mut text) = serde_json::to_vec(&answer) else { return };
        text.push(b'\n');
        if writer.write_all(&text).await.is_err() {
            return;
        }
    }
}

async fn answer(line: &str, control: &Control) -> Answer {
    match serde_json::from_str(line) {
        Err(error) => return Answer::Error(format!("not a request: {error}")),
        Ok(Request::Add(text)) => {
            let spec = match text.parse::<FaultSpec>() {
                Ok(spec) => spec,
                Err(error) => return Answer::Error(error.to_string()),
            };
            if let Err(refused) = control.add_fault(spec).await {
                return Answer::Error(refused.to_string());
            }
        }
        Ok(Request::Clear(number)) => {
            if !control.clear_fault(number).await {
                return Answer::Error(format!("there is no fault number {number}"));
            }
        }
        Ok(Request::ClearAll) => control.clear_faults().await,
        Ok(Request::List) => {}
    }
    Answer::Faults(control.faults().await)
}
