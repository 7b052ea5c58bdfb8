//! The whole loop on the embedded exchange: history, training, judgement, backtest, live trading.
//!
//! Every part is the one that trades for real; only the exchange is ours. The history is dated from
//! a fixed day, so that the same seed makes the same tape and the same models, byte for byte; then
//! the exchange is moved to the present and goes on living.

mod live;
mod preparation;
mod summary;

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::sandbox::SandboxError;
use crate::sim::SimError;
use crate::store::StoreError;

use super::candidate::CandidateError;
use super::daemon::DaemonError;
use super::history::HistoryError;
use super::training::TrainingError;

pub use live::{Live, LiveView};
pub use preparation::{Prepared, Stage, prepare};
pub use summary::DemoSummary;

/// What the demo is told.
#[derive(Debug, Clone)]
pub struct DemoSettings {
    /// Where its data goes; what an earlier demo left there is replaced.
    pub data_dir: PathBuf,
    /// Seeds the market and everything drawn.
    pub seed: u64,
    /// How long the generated history is.
    pub history: Duration,
}

/// Why the demo ended early.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The folder holds something that no demo made.
    #[error("{0} is not empty and was not made by a demo; name another --data-dir")]
    ForeignFolder(PathBuf),
    /// The folder or its files failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The exchange could not be made.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// History could not be generated.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A model could not be put in charge.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// A model could not be trained or traded on the tape.
    #[error(transparent)]
    Candidate(#[from] CandidateError),
    /// The loopback exchange could not be served.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The daemon could not start or had to end.
    #[error(transparent)]
    Daemon(Box<DaemonError>),
    /// The daemon's settings are wrong.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
}

impl From<DaemonError> for DemoError {
    fn from(error: DaemonError) -> Self {
        Self::Daemon(Box::new(error))
    }
}
