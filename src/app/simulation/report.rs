//! What comes of a simulation: how it failed, if it did, and what it went through.

use std::fmt;
use std::time::Duration;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Under which seed.
    pub seed: u64,
    /// At which simulated moment.
    pub at: Duration,
    /// Which promise.
    pub promise: &'static str,
    /// What was seen.
    pub text: String,
    /// What was going wrong at that time, and lately.
    pub troubles: Vec<String>,
}

/// What a simulation went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// Troubles that began.
    pub troubles: u64,
    /// Crashes, and ends on request.
    pub restarts: u64,
    /// Requests that left.
    pub requests: u64,
    /// Requests and answers that were lost on the way.
    pub lost: u64,
    /// Orders and stops of ours that the exchange accepted.
    pub orders: u64,
    /// Trades of ours.
    pub trades: u64,
    /// Seconds recorded as valid.
    pub valid_seconds: u64,
    /// Halts that somebody had to lift.
    pub halts: u64,
    /// Journal events.
    pub events: u64,
}

impl Counts {
    /// Adds what another simulation went through.
    pub const fn add(&mut self, other: &Self) {
        self.troubles += other.troubles;
        self.restarts += other.restarts;
        self.requests += other.requests;
        self.lost += other.lost;
        self.orders += other.orders;
        self.trades += other.trades;
        self.valid_seconds += other.valid_seconds;
        self.halts += other.halts;
        self.events += other.events;
    }
}

/// What came of a simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The promise that was broken, if one was.
    pub failure: Option<Failure>,
    /// What happened, hashed: all that went out on the lines and was done to the disk, orders,
    /// trades, and what journal and tape hold at the end.
    pub hash: String,
    /// What it went through.
    pub counts: Counts,
}

/// A promise that is broken, for whoever knows seed and moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) promise: &'static str,
    pub(super) text: String,
}

/// Breaks a promise.
pub(super) fn broken<T>(promise: &'static str, text: impl Into<String>) -> Result<T, Broken> {
    Err(Broken { promise, text: text.into() })
}

impl Outcome {
    /// A simulation that could not begin.
    pub(super) fn not_begun(seed: u64, reason: &str) -> Self {
        let failure = Failure {
            seed,
            at: Duration::ZERO,
            promise: "the simulation begins",
            text: reason.to_owned(),
            troubles: Vec::new(),
        };
        Self { failure: Some(failure), hash: String::new(), counts: Counts::default() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, at, promise, text, troubles } = self;
        write!(formatter, "seed {seed} at {:.1} s: {promise}: {text}", at.as_secs_f64())?;
        match troubles.as_slice() {
            [] => write!(formatter, " (nothing was going wrong)"),
            some => write!(formatter, " (lately: {})", some.join("; ")),
        }
    }
}
