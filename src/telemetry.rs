//! Logs: to journald with their fields under systemd, else to stderr.
//!
//! INFO = state changed; WARN = look at it tomorrow; ERROR = a person should act now. Secrets never
//! come here: the types that hold them print `***`.

use std::io::IsTerminal;

use thiserror::Error;
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Why logging could not start.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// `LOBD_LOG` is no filter.
    #[error("LOBD_LOG is not a log filter: {filter:?}")]
    Filter {
        /// What it was.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Logging was started before.
    #[error("logging was started twice")]
    Twice(#[from] TryInitError),
}

/// Starts logging. `filter` is a level or a list of `target=level`, like `info,lobd::actors=debug`.
///
/// # Errors
/// [`TelemetryError`] if the filter is malformed or logging runs already.
pub fn start(filter: &str, under_systemd: bool) -> Result<(), TelemetryError> {
    let parsed = EnvFilter::try_new(filter)
        .map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    let registry = tracing_subscriber::registry().with(parsed);
    // Without a journal socket (a container, say) stderr is what there is.
    if let Some(Ok(journal)) = under_systemd.then(tracing_journald::layer) {
        registry.with(journal).try_init()?;
    } else {
        let stderr = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false);
        registry.with(stderr).try_init()?;
    }
    Ok(())
}
