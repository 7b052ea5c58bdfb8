//! What can go wrong with an import, and what the operator can do.

use std::path::PathBuf;

use thiserror::Error;

use crate::book::DecodeError;
use crate::domain::Symbol;

/// Whatever the receiver of the seconds failed with.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Why an import ended early. Seconds handed out before it stay valid.
#[derive(Debug, Error)]
pub enum ImportError {
    /// No file was given.
    #[error("no file to import; name at least one")]
    NoFile,
    /// A file cannot be opened.
    #[error("cannot open {file}: {source}; check the path and its permissions")]
    Open {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file ends within a line or within its compressed data.
    #[error(
        "{file} is cut off at line {line}; seconds before it are kept, fetch the file again and \
         repeat the import"
    )]
    Truncated {
        /// Which file.
        file: PathBuf,
        /// The line that is not whole, counted from 1.
        line: u64,
    },
    /// A file cannot be read on.
    #[error("cannot read {file} at line {line}: {source}; fetch the file again")]
    Read {
        /// Which file.
        file: PathBuf,
        /// The line that could not be read, counted from 1.
        line: u64,
        /// What the system or the decompressor says.
        source: std::io::Error,
    },
    /// A line is not a receive time and a message.
    #[error("{file} line {line} is no `<receive time> <JSON>` line of this recording: {problem}")]
    Line {
        /// Which file.
        file: PathBuf,
        /// Which line, counted from 1.
        line: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A message is malformed.
    #[error("{file} line {line}: {source}; remove the line or fetch the file again")]
    Message {
        /// Which file.
        file: PathBuf,
        /// Which line, counted from 1.
        line: u64,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The files hold no depth update, so that there is no book to follow.
    #[error("{file} holds no depth update; choose a recording of a diff depth stream")]
    NoDepth {
        /// The first file.
        file: PathBuf,
    },
    /// The files hold more than one instrument.
    #[error("the files hold both {first} and {second}; choose one by its symbol")]
    SeveralSymbols {
        /// The first symbol met.
        first: Symbol,
        /// Another one.
        second: Symbol,
    },
    /// The receiver of the seconds failed.
    #[error("cannot keep the imported seconds: {0}")]
    Sink(#[source] SinkError),
}
