//! `lobd sql`: read-only SQL over tape and journal.

use std::io::{IsTerminal, Read};

use serde_json::{Map, Value};

use crate::store::{Answer, Cell, Query};

use super::{CommandError, Context, Exit, Output};

/// People read a page of a table; whoever wants more says LIMIT or --json.
const TABLE_ROWS: usize = 1_000;

/// Runs read-only SQL over the tape (views `book` and `seconds`) and the journal (views `events` and
/// `commands`, tables `journal.fills`, `journal.orders`, `journal.discrepancies`).
///
/// Example: `lobd sql "SELECT time, bid_price_1, ask_price_1 FROM book ORDER BY second DESC LIMIT 5"`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The statements; without them they are read from a pipe.
    query: Option<String>,
}

/// Runs `lobd sql`.
#[expect(clippy::unused_async, reason = "every command has the same shape")]
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let sql = match &args.query {
        Some(query) => query.clone(),
        None => piped()?,
    };
    let query = Query::open(&context.data_dir()?)?;
    let mut printer = Printer::new(context.output());
    query.run(&sql, &mut printer)?;
    printer.finish()
}

fn piped() -> Result<String, CommandError> {
    let mut stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(CommandError::message(Exit::Usage, "no query").remedy(
            "give one as an argument or through a pipe; \
             the views are book and seconds, the tables journal.fills and journal.orders",
        ));
    }
    let mut sql = String::new();
    stdin.read_to_string(&mut sql).map_err(|error| CommandError::new(Exit::InputOutput, error))?;
    Ok(sql)
}

/// Prints rows as they come for scripts, and a table a statement for people.
struct Printer {
    output: Output,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    omitted: usize,
    failure: Option<CommandError>,
}

impl Printer {
    const fn new(output: Output) -> Self {
        Self { output, columns: Vec::new(), rows: Vec::new(), omitted: 0, failure: None }
    }

    fn print_table(&mut self) -> Result<(), CommandError> {
        if self.output.is_json() || self.columns.is_empty() {
            return Ok(());
        }
        let header: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        self.output.table(&header, std::mem::take(&mut self.rows))?;
        if self.omitted > 0 {
            let omitted = std::mem::take(&mut self.omitted);
            self.output.line(format!("{omitted} more rows: say LIMIT, or --json for all"))?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), CommandError> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.print_table(),
        }
    }
}

impl Answer for Printer {
    fn columns(&mut self, names: Vec<String>) {
        if let Err(failure) = self.print_table() {
            self.failure = Some(failure);
        }
        self.columns = names;
    }

    fn row(&mut self, cells: Vec<Cell>) -> bool {
        if self.output.is_json() {
            let object: Map<String, Value> = self
                .columns
                .iter()
                .cloned()
                .zip(cells.iter().map(|cell| serde_json::to_value(cell).unwrap_or_default()))
                .collect();
            self.failure = self.output.json(&object).err();
        } else if self.rows.len() < TABLE_ROWS {
            self.rows.push(cells.iter().map(ToString::to_string).collect());
        } else {
            self.omitted += 1;
        }
        self.failure.is_none()
    }
}
