//! What is missing from a record, and why: silence in a table would read as calm.

use std::ops::Range;

use crate::book::{Reason, Row, Validity};
use crate::domain::Second;

use super::error::StoreError;

/// A run of consecutive seconds that are not valid for one and the same reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first second of the run.
    pub from: Second,
    /// The first second after it.
    pub to: Second,
    /// What is wrong with its seconds.
    pub kind: GapKind,
}

/// What is wrong with a run of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapKind {
    /// Continuity unproven; the snapshots shown are the last ones held.
    Stale(Reason),
    /// No book.
    Missing(Reason),
    /// No row at all: nothing was recording.
    Absent,
}

impl Gap {
    /// How many seconds it lasts.
    #[must_use]
    pub const fn seconds(&self) -> i64 {
        self.to.seconds_since(self.from)
    }
}

impl GapKind {
    const fn of(validity: Validity) -> Option<Self> {
        match validity {
            Validity::Valid => None,
            Validity::Stale(reason) => Some(Self::Stale(reason)),
            Validity::Missing(reason) => Some(Self::Missing(reason)),
        }
    }
}

impl std::fmt::Display for GapKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stale(reason) => formatter.pad(&format!("STALE: {reason}")),
            Self::Missing(reason) => formatter.pad(&format!("MISSING: {reason}")),
            Self::Absent => formatter.pad("absent: nothing was recording"),
        }
    }
}

/// Collects the gaps of rows in order within `seconds`.
pub(super) fn find(
    rows: impl Iterator<Item = Result<(Second, Row), StoreError>>,
    seconds: Range<Second>,
) -> Result<Vec<Gap>, StoreError> {
    let mut gaps = Vec::new();
    let mut next = seconds.start;
    for found in rows {
        let (second, row) = found?;
        if second > next {
            extend(&mut gaps, Gap { from: next, to: second, kind: GapKind::Absent });
        }
        next = second.next();
        if let Some(kind) = GapKind::of(row.validity) {
            extend(&mut gaps, Gap { from: second, to: next, kind });
        }
    }
    if seconds.end > next {
        extend(&mut gaps, Gap { from: next, to: seconds.end, kind: GapKind::Absent });
    }
    Ok(gaps)
}

/// Adds a gap, joining it to the last one where they are one.
fn extend(gaps: &mut Vec<Gap>, gap: Gap) {
    match gaps.last_mut() {
        Some(last) if last.to == gap.from && last.kind == gap.kind => last.to = gap.to,
        Some(_) | None => gaps.push(gap),
    }
}
