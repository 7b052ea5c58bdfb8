//! Starts actors, restarts what may be restarted, and ends the process when it must.
//!
//! An actor that returns `Ok` is finished. One that returns an error is restarted with backoff, its
//! mailbox kept, until its budget is spent; then everything is shut down. A panic shuts everything
//! down at once: state is suspect, and start-up is the one recovery path there is.

use std::future::Future;
use std::time::Duration;

use thiserror::Error;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;

/// Restarts without progress in between after which an actor is given up.
const RESTARTS_MAX: u32 = 5;

/// An actor that ran this long before failing has made progress.
const PROGRESS: Duration = Duration::from_mins(1);

/// Why an actor failed.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct ActorFailure(String);

impl ActorFailure {
    /// Takes over an error with its chain of sources.
    pub fn new(error: impl std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self(text)
    }
}

/// An I/O task. `run` may be called again after an error: what it owns survives.
pub trait Actor: Send + 'static {
    /// Runs until `shutdown`, until there is nothing left to do, or until it fails.
    fn run(
        &mut self,
        shutdown: &CancellationToken,
    ) -> impl Future<Output = Result<(), ActorFailure>> + Send;
}

/// Why the supervisor ended before it was asked to.
#[derive(Debug, Error)]
pub enum SupervisorError {
    /// An actor failed more often than it may.
    #[error("{actor} failed and was given up: {failure}")]
    GivenUp {
        /// Which actor.
        actor: &'static str,
        /// Its last failure.
        failure: ActorFailure,
    },
    /// An actor panicked.
    #[error("an actor panicked: {0}")]
    Panicked(String),
}

/// Owns the running actors of a process.
pub struct Supervisor {
    tasks: JoinSet<(&'static str, Result<(), ActorFailure>)>,
}

impl Supervisor {
    /// A supervisor of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { tasks: JoinSet::new() }
    }

    /// Starts an actor under a name; it runs until `shutdown` or until it is given up.
    pub fn spawn(
        &mut self,
        name: &'static str,
        mut actor: impl Actor,
        shutdown: CancellationToken,
    ) {
        self.tasks.spawn(async move { (name, keep_running(name, &mut actor, &shutdown).await) });
    }

    /// Waits for the next actor that ends; `None` when none is left.
    ///
    /// # Errors
    /// [`SupervisorError`] if it did not end well.
    pub async fn next(&mut self) -> Option<Result<&'static str, SupervisorError>> {
        match self.tasks.join_next().await? {
            Ok((name, Ok(()))) => Some(Ok(name)),
            Ok((actor, Err(failure))) => Some(Err(SupervisorError::GivenUp { actor, failure })),
            Err(error) => Some(Err(panicked(error))),
        }
    }
}

impl Default for Supervisor {
    fn default() -> Self {
        Self::new()
    }
}

async fn keep_running(
    name: &'static str,
    actor: &mut impl Actor,
    shutdown: &CancellationToken,
) -> Result<(), ActorFailure> {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    loop {
        let started = tokio::time::Instant::now();
        let Err(failure) = actor.run(shutdown).await else { return Ok(()) };
        if started.elapsed() >= PROGRESS {
            backoff.on_success();
        }
        if shutdown.is_cancelled() || backoff.failures() >= RESTARTS_MAX {
            return Err(failure);
        }
        let wait = backoff.on_failure(0);
        tracing::warn!(actor = name, %failure, ?wait, "actor failed and is restarted");
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

fn panicked(error: JoinError) -> SupervisorError {
    let text = match error.try_into_panic() {
        Ok(payload) => payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "without a message".to_owned()),
        Err(error) => error.to_string(),
    };
    SupervisorError::Panicked(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct FailsFirst(u32);

    impl Actor for FailsFirst {
        async fn run(&mut self, _: &CancellationToken) -> Result<(), ActorFailure> {
            if self.0 == 0 {
                return Ok(());
            }
            self.0 -= 1;
            Err(ActorFailure("not yet".to_owned()))
        }
    }

    struct Panics;

    impl Actor for Panics {
        async fn run(&mut self, _: &CancellationToken) -> Result<(), ActorFailure> {
            panic!("suspect state")
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_actor_is_restarted_with_what_it_owns() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("patient", FailsFirst(3), CancellationToken::new());
        assert_eq!(supervisor.next().await.unwrap().unwrap(), "patient");
    }

    #[tokio::test(start_paused = true)]
    async fn an_actor_without_progress_is_given_up() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("hopeless", FailsFirst(100), CancellationToken::new());
        let error = supervisor.next().await.unwrap().unwrap_err();
        assert!(matches!(error, SupervisorError::GivenUp { actor: "hopeless", .. }));
    }

    #[tokio::test]
    async fn a_panic_is_reported_and_never_restarted() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("broken", Panics, CancellationToken::new());
        let error = supervisor.next().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "an actor panicked: suspect state");
    }
}
