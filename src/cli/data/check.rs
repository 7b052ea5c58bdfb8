//! `lobd data check`: whether every page and every row can be read.

use serde::Serialize;

use crate::cli::{CommandError, Context};
use crate::domain::Second;
use crate::store::{self, Tape};

#[derive(Serialize)]
struct Checked {
    instrument: String,
    first: String,
    last: String,
    rows: u64,
    /// Rows of an earlier version, which carry no checksum.
    unchecked: u64,
}

pub(super) fn run(context: &Context) -> Result<(), CommandError> {
    let tape = Tape::open_read_only(&store::tape_path(&context.data_dir()?))?;
    tape.check_pages()?;
    let all = Second::from_unix(i64::MIN)..Second::from_unix(i64::MAX);
    let mut checked = Vec::new();
    for key in tape.instruments() {
        let (mut rows, mut first, mut last) = (0, None, None);
        for found in tape.scan(&key, all.clone()) {
            let (second, _) = found?;
            first = first.or(Some(second));
            last = Some(second);
            rows += 1;
        }
        let said = |second: Option<Second>| second.map(|s| s.to_string()).unwrap_or_default();
        checked.push(Checked {
            instrument: key.to_string(),
            first: said(first),
            last: said(last),
            rows,
            unchecked: tape.unchecked(&key)?,
        });
    }
    let output = context.output();
    if output.is_json() {
        return checked.iter().try_for_each(|found| output.json(found));
    }
    let rows = checked.into_iter().map(|found| {
        let [rows, unchecked] = [found.rows, found.unchecked].map(|count| count.to_string());
        vec![found.instrument, found.first, found.last, rows, unchecked]
    });
    let header = ["instrument", "first second", "last second", "rows", "without checksum"];
    output.table(&header, rows)?;
    output.line("every page and every row is readable")
}
