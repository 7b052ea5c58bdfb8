//! What tests share: where the market data and fixtures are (and what to say when they are absent),
//! a venue on loopback, a model whose answer is known, and `lobd` as a process.

#[cfg(test)]
pub(crate) mod canary;
#[cfg(test)]
pub(crate) mod constant_model;
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

#[expect(clippy::disallowed_methods, reason = "the one place where tests read their environment")]
fn shared_folder(variable: &str, default: &str) -> Option<PathBuf> {
    let folder = std::env::var(variable)
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join(default), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no folder at {} (set {variable})", folder.display());
    None
}
