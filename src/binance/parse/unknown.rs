//! Values that this version does not know: what the venue adds to its enumerations later.
//!
//! Invariants: **1** such a value never hides the other rows of its list; **2** each is told once,
//! in plain words, and not many of them. What it means is decided where it is read: never that an
//! order is filled or gone.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::{ParseError, shorten};

/// More novelties than this are no news but noise.
const TOLD_MAX: usize = 64;

/// What was told since the process began.
static TOLD: Mutex<Told> = Mutex::new(Told(BTreeSet::new()));

/// Which values of which fields were told.
struct Told(BTreeSet<(&'static str, String)>);

impl Told {
    /// Whether this is the first time, and still worth a line.
    fn is_news(&mut self, field: &'static str, value: &str) -> bool {
        self.0.len() < TOLD_MAX && self.0.insert((field, value.to_owned()))
    }
}

/// Tells once that a field holds a value this version does not know, and what follows from it.
pub(super) fn tell_once(field: &'static str, value: &str, consequence: &'static str) {
    let value = shorten(value);
    // The set is right even if a thread died while it held it.
    if TOLD.lock().unwrap_or_else(PoisonError::into_inner).is_news(field, &value) {
        tracing::warn!(
            "the venue says {value:?} as {field}, which this version does not know: {consequence}; \
             see the venue's change log and update lobd"
        );
    }
}

/// Reads every row of a list. One that cannot be told without a value this version does not know
/// is left out and told of.
///
/// # Errors
/// The first row's [`ParseError`] that is of any other kind.
pub fn parse_rows<R, T>(
    rows: impl IntoIterator<Item = R>,
    mut parse: impl FnMut(R) -> Result<T, ParseError>,
) -> Result<Vec<T>, ParseError> {
    let known = |row| match parse(row) {
        Err(ParseError::UnknownValue { field, value }) => {
            tell_once(field, &value, "rows of a list that hold it are left out");
            None
        }
        read => Some(read),
    };
    rows.into_iter().filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariant_2_each_value_is_told_once_and_not_many() {
        let mut told = Told(BTreeSet::new());
        assert!(told.is_news("side", "BORROW"));
        assert!(!told.is_news("side", "BORROW"));
        assert!(told.is_news("status", "BORROW"));
        let news = (0..1_000).filter(|value| told.is_news("side", &value.to_string())).count();
        assert_eq!(news, TOLD_MAX - 2);
    }

    #[test]
    fn invariant_1_a_row_beyond_this_version_hides_no_other() {
        let unknown = || ParseError::UnknownValue { field: "side", value: "LEND".to_owned() };
        let parse = |row: u8| if row == 2 { Err(unknown()) } else { Ok(row) };
        assert_eq!(parse_rows([1, 2, 3], parse), Ok(vec![1, 3]));
        let broken = || ParseError::Json { what: "row", detail: String::new() };
        let parse = |row: u8| if row == 2 { Err(broken()) } else { Ok(row) };
        assert_eq!(parse_rows([1, 2, 3], parse), Err(broken()), "a number that is none");
    }
}
