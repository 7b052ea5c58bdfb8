//! Logs: to journald with their fields under systemd, else to stderr; and a panic as their last line.
//!
//! INFO = state changed; WARN = look at it tomorrow; ERROR = a person should act now. Secrets never
//! come here: the types that hold them print `***`, and of what the libraries under us would say
//! (whole URLs, headers) nothing is written, whatever `LOBD_LOG` asks for.

use std::any::Any;
use std::io::IsTerminal;

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, ParseError, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
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
    let registry = filtered(filter)?;
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

/// What passes `filter` and was said by lobd itself.
fn filtered(
    filter: &str,
) -> Result<impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync, TelemetryError> {
    let parsed = EnvFilter::try_new(filter)
        .map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    let ours = filter_fn(|metadata| is_ours(metadata.target()));
    Ok(tracing_subscriber::registry().with(parsed).with(ours))
}

/// Whether a line is lobd's own.
fn is_ours(target: &str) -> bool {
    target.strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What every target of ours begins with.
const OURS: &str = "lobd";

/// From so many letters and digits in a row on, a word may be a key or a signature.
const SECRET_LENGTH: usize = 24;

/// Makes a panic, in whatever task or thread, the end of the process: at once, with `code`, after
/// one line that says so. Nothing half of it goes on, and start-up is the one recovery there is.
pub fn end_on_panic(code: i32) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let what = told(panic.payload());
        tracing::error!(%place, "panicked: {what}; the process ends with code {code}");
        std::process::exit(code);
    }));
}

/// What a panic says. A text that was put together may hold anything, so long words are left out.
fn told(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    let Some(text) = payload.downcast_ref::<String>() else { return "without words".to_owned() };
    let mut told = String::with_capacity(text.len());
    for part in text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        if word.len() >= SECRET_LENGTH {
            told.push_str("***");
            told.push_str(&part[word.len()..]);
        } else {
            told.push_str(part);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nothing_is_written_of_what_a_library_says_whatever_is_asked_for() {
        for filter in ["trace", "trace,hyper=trace,tungstenite=trace", "hyper=trace,lobd=trace"] {
            let page = Page::default();
            let writer = page.clone();
            let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
            tracing::subscriber::with_default(filtered(filter).unwrap().with(layer), || {
                tracing::error!(target: "hyper::client", "GET /private/ws/theListenKey");
                tracing::trace!(target: "tungstenite::client", "theListenKey");
                tracing::error!(target: "lobdster", "theListenKey");
                tracing::trace!("ours");
            });
            let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains("ours") && !text.contains("theListenKey"), "{filter}: {text}");
        }
    }

    #[test]
    fn a_panic_tells_what_it_says_without_anything_as_long_as_a_key() {
        let signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        let say = |text: String| told(&text);
        let text = say(format!("no row {signature}: index 7 of 5, &signature={signature}\n"));
        assert_eq!(text, "no row ***: index 7 of 5, &signature=***\n");
        assert_eq!(told(&"a broken invariant"), "a broken invariant");
        assert_eq!(told(&7), "without words");
    }
}
