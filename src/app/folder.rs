//! What is where in a data folder.

use std::path::{Path, PathBuf};

use crate::domain::Environment;

/// A data folder's files by their purpose.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// The folder at `path`, which need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The recorded seconds.
    #[must_use]
    pub fn tape(&self) -> PathBuf {
        self.0.join("tape.db")
    }

    /// Events, orders and fills.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal.db")
    }

    /// What is written when the journal cannot be.
    #[must_use]
    pub fn emergency(&self) -> PathBuf {
        self.0.join("emergency.bin")
    }

    /// The socket of the running daemon.
    #[must_use]
    pub fn control(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// Model artefacts.
    #[must_use]
    pub fn models(&self) -> PathBuf {
        self.0.join("models")
    }

    /// What certification has shown of an environment's venue.
    #[must_use]
    pub fn certified(&self, environment: Environment) -> PathBuf {
        self.0.join(format!("certified-{environment}.json"))
    }

    /// The operator's wish for a new training, seen by `lobd-train.path`.
    #[must_use]
    pub fn retrain_request(&self) -> PathBuf {
        self.0.join("retrain.request")
    }
}
