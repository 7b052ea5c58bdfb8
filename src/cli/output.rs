//! What a command prints: tables and lines for people, JSON for scripts.

use std::io::{ErrorKind, Write};

use comfy_table::Table;
use comfy_table::{LineStyle, TableStyle};
use serde::Serialize;

use super::error::{CommandError, Exit};

/// One line under the header and nothing else, so that many rows stay readable.
const QUIET: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Standard output of one command.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    is_json: bool,
}

impl Output {
    pub(super) const fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// Whether a script reads: then only JSON may be printed.
    #[must_use]
    pub const fn is_json(self) -> bool {
        self.is_json
    }

    /// Prints a line for people.
    ///
    /// # Errors
    /// [`Exit::InputOutput`] if stdout is gone.
    pub fn line(self, line: impl AsRef<str>) -> Result<(), CommandError> {
        write_line(line.as_ref())
    }

    /// Prints one JSON object on one line.
    ///
    /// # Errors
    /// [`Exit::InputOutput`] if stdout is gone.
    pub fn json(self, value: &impl Serialize) -> Result<(), CommandError> {
        let text = serde_json::to_string(value)
            .map_err(|error| CommandError::new(Exit::Failure, error))?;
        write_line(&text)
    }

    /// Prints a table for people.
    ///
    /// # Errors
    /// [`Exit::InputOutput`] if stdout is gone.
    pub fn table(
        self,
        header: &[&str],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Result<(), CommandError> {
        let mut table = Table::new();
        table.load_style(QUIET);
        table.set_header(header.to_vec());
        for row in rows {
            table.add_row(row);
        }
        write_line(&table.to_string())
    }
}

fn write_line(line: &str) -> Result<(), CommandError> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        // A reader that has seen enough (`| head`) is no failure.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| CommandError::new(Exit::InputOutput, error)),
    }
}
