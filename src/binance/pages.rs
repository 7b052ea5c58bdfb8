//! Reading a history page by page (exchange-api.md 4.0). Pure.
//!
//! The venue tells a history from an id on, or within a window of time, never both. So windows are
//! asked for until the first row is found; from there on ids lead, without a gap and without a row
//! twice. Invariants: **1** every row since the beginning is asked for; **2** no row is asked for
//! twice; **3** the number of questions is bounded.

use std::time::Duration;

use crate::domain::Timestamp;

/// The most rows the venue puts on a page.
pub(super) const PAGE: usize = 1_000;
/// The longest span one question by time may cover.
const WINDOW: Duration = Duration::from_hours(7 * 24);
/// More pages than this are no catching up but a mistake in the beginning.
pub(super) const MOST_PAGES: usize = 1_000;

/// What to ask for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// The rows from this id on.
    FromId(u64),
    /// The rows from this moment on, before the other.
    Window(Timestamp, Timestamp),
}

/// Where the reading stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pages {
    next: Option<Question>,
    until: Timestamp,
    asked: usize,
}

impl Pages {
    /// Reads the rows after a known one, or else those since a moment; all there are `now`.
    pub(super) fn after(known: Option<u64>, since: Timestamp, now: Timestamp) -> Self {
        let first = match known {
            Some(id) => Question::FromId(id.saturating_add(1)),
            None => Question::Window(since, since + WINDOW),
        };
        Self { next: Some(first), until: now, asked: 0 }
    }

    /// What to ask for next; `None` once everything is read.
    pub(super) const fn question(&self) -> Option<Question> {
        self.next
    }

    /// Whether more was asked for than any history holds.
    pub(super) const fn is_endless(&self) -> bool {
        self.asked > MOST_PAGES
    }

    /// Takes note of a page: how many rows it had, and the last one's id.
    pub(super) fn read(&mut self, count: usize, last_id: Option<u64>) {
        self.asked += 1;
        let after_last = last_id.map(|id| Question::FromId(id.saturating_add(1)));
        self.next = match self.next {
            Some(Question::FromId(_)) if count < PAGE => None,
            Some(Question::Window(_, end)) if count == 0 => {
                (end < self.until).then(|| Question::Window(end, end + WINDOW))
            }
            Some(Question::FromId(_) | Question::Window(..)) => after_last,
            None => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a history of (id, time) rows as the venue would tell it.
    fn read(rows: &[(u64, i64)], known: Option<u64>, since: i64, now: i64) -> Vec<u64> {
        let at = Timestamp::from_seconds;
        let mut pages = Pages::after(known, at(since), at(now));
        let mut found = Vec::new();
        while let Some(question) = pages.question() {
            assert!(!pages.is_endless(), "invariant 3");
            let fits = |(id, time): &&(u64, i64)| match question {
                Question::FromId(first) => *id >= first,
                Question::Window(from, to) => (from..to).contains(&at(*time)),
            };
            let page: Vec<u64> = rows.iter().filter(fits).take(PAGE).map(|(id, _)| *id).collect();
            pages.read(page.len(), page.last().copied());
            found.extend(page);
        }
        found
    }

    #[test]
    fn a_first_row_far_from_the_beginning_is_found() {
        let month = 30 * 24 * 3_600;
        assert_eq!(read(&[(7, month), (9, 2 * month)], None, 0, 3 * month), [7, 9]);
        assert_eq!(read(&[], None, 0, 3 * month), Vec::<u64>::new());
        assert_eq!(read(&[(7, 1), (9, 2)], Some(7), 0, 3 * month), [9]);
    }

    proptest! {
        #[test]
        fn invariants_1_and_2_every_row_since_the_beginning_is_read_once(
            gaps in prop::collection::vec((1_u64..5, 0_i64..40_000), 0..2_500),
            since in 0_i64..2_000_000,
            known in prop::option::of(0_u64..3_000),
        ) {
            let (mut id, mut time) = (0, 0);
            let rows: Vec<(u64, i64)> = gaps
                .iter()
                .map(|(ids, seconds)| {
                    (id, time) = (id + ids, time + seconds);
                    (id, time)
                })
                .collect();
            let expected: Vec<u64> = rows
                .iter()
                .filter(|(id, time)| known.map_or(*time >= since, |known| *id > known))
                .map(|(id, _)| *id)
                .collect();
            prop_assert_eq!(read(&rows, known, since, time.max(since) + 1), expected);
        }
    }
}
