//! What tests share: where the market data and fixtures are (and what to say when they are absent),
//! a venue on loopback, a model whose answer is known, and `lobd` as a process.

#[cfg(test)]
pub(crate) mod audit;
#[cfg(test)]
pub(crate) mod canary;
#[cfg(test)]
pub(crate) mod constant_model;
#[cfg(test)]
pub(crate) mod exchange;
#[cfg(test)]
pub(crate) mod faulted;
#[cfg(test)]
pub(crate) mod process;
#[cfg(test)]
pub(crate) mod raw_client;
#[cfg(test)]
pub(crate) mod recording;
#[cfg(test)]
pub(crate) mod venue;
#[cfg(test)]
pub(crate) mod victim;

pub(crate) mod fake_order_socket;
pub(crate) mod fake_venue;
pub(crate) mod loopback;
pub(crate) mod order_faults;

use std::path::{Path, PathBuf};

/// The folder of real market data, or `None` (said on stderr) where it is absent.
pub(crate) fn market_data() -> Option<PathBuf> {
    shared_folder("LOBD_TEST_DATA", "../shared/data")
}

/// The folder of recorded exchange messages, or `None` (said on stderr) where it is absent.
pub(crate) fn fixtures() -> Option<PathBuf> {
    shared_folder("LOBD_TEST_FIXTURES", "../shared/fixtures")
}

/// The text of the exchange's specification, which lies beside the fixtures; or `None`.
pub(crate) fn specification() -> Option<String> {
    let path = fixtures()?.parent()?.join("exchange-api.md");
    let text = std::fs::read_to_string(&path);
    if text.is_err() {
        eprintln!("skipped: no specification at {}", path.display());
    }
    text.ok()
}

/// The `lobd` under test: the one built with the tests, or the one that `LOBD_BINARY` names.
pub(crate) fn binary() -> PathBuf {
    variable("LOBD_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_lobd").into(), PathBuf::from)
}

/// A number that whoever runs the tests may set.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    let read =
        |text: String| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}"));
    variable(name).map_or(default, read)
}

#[expect(clippy::disallowed_methods, reason = "the one place where tests read their environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn shared_folder(name: &str, default: &str) -> Option<PathBuf> {
    let folder = variable(name)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(default), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no folder at {} (set {name})", folder.display());
    None
}
