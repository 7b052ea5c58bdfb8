//! How a command fails: one line, a remedy, and a documented exit code (design.md §5).

use std::io::Write;
use std::process::ExitCode;

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Something else failed.
    Failure = 1,
    /// The command line was wrong.
    Usage = 2,
    /// No daemon is running on this data folder.
    NotRunning = 3,
    /// The daemon runs but is not healthy.
    NotHealthy = 4,
    /// Something did not happen in time.
    Timeout = 5,
    /// The risk limits refuse it.
    RefusedByRisk = 6,
    /// The exchange cannot be reached.
    Unreachable = 7,
    /// A verification found something, or no model passed.
    VerificationFailed = 8,
    /// Another instance uses the data folder.
    AlreadyRunning = 9,
    /// A file, the disk or the terminal failed.
    InputOutput = 74,
    /// The exchange refuses the key.
    KeyRefused = 77,
    /// The settings are wrong.
    Configuration = 78,
}

/// Why a command failed and what the operator can do.
#[derive(Debug)]
pub struct CommandError {
    exit: Exit,
    message: String,
    remedy: Option<String>,
}

impl CommandError {
    /// An error with its whole chain of sources on one line.
    pub fn new(exit: Exit, error: impl std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        Self { exit, message, remedy: None }
    }

    /// An error that is a sentence of its own.
    pub fn message(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), remedy: None }
    }

    /// Adds what the operator can do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What failed, without the remedy.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.message
    }

    /// The code the process will end with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// Writes the error to stderr and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        let remedy = self.remedy.as_ref().map_or_else(String::new, |text| format!("; {text}"));
        let line = format!("error: {}{remedy}", self.message).replace('\n', " ");
        // Nothing is left to tell it to if stderr is gone.
        let _ = writeln!(std::io::stderr(), "{line}");
        ExitCode::from(self.exit as u8)
    }
}

/// Writes clap's message: help and version to stdout with code 0, mistakes to stderr with code 2.
pub(super) fn report_usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(Exit::Usage as u8) } else { ExitCode::SUCCESS }
}
