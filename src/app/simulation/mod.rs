//! The whole application in one process, under one seed, in virtual time.
//!
//! The real daemon (actors, engine, journal and tape on real SQLite, the real client) trades with the
//! real loopback exchange over a network and on a disk that are in memory and fail by the seed. What
//! it promises is checked against the exchange's own truth every tenth of a second, and against what
//! is on disk after every crash and at the end. The same seed gives the same history, hash for hash.
//!
//! Not simulated: sockets and their buffers, TLS, the file system's folders, threads, the service
//! manager, model files and the control socket. What stands in for them is named in `network`,
//! `store::MemoryDisk` and `world`.

mod audit;
mod book_truth;
mod calm;
mod checks;
mod clock;
mod daemon;
mod history;
mod life;
mod model;
mod network;
mod orders_seen;
mod person;
mod plan;
mod report;
mod setting;
mod truth;
mod world;

use std::time::Duration;

pub use report::{Counts, Failure, Outcome};

/// What to simulate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulationSettings {
    /// The root of all chance.
    pub seed: u64,
    /// For how long, in simulated time.
    pub length: Duration,
}

/// Simulates one seed to its end, or to the first broken promise.
///
/// Runs on a runtime of its own: not to be called from within one.
#[must_use]
pub fn simulate(settings: &SimulationSettings) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    match runtime {
        Ok(runtime) => runtime.block_on(world::run(settings)),
        Err(error) => Outcome::not_begun(settings.seed, &error.to_string()),
    }
}
