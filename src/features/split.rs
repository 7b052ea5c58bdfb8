//! Chronological splits that no label window crosses.

use std::ops::Range;

use thiserror::Error;

use crate::domain::Second;

/// A training part and, later in time, the part it is judged on: ranges of row numbers.
///
/// Invariant: the label window of every training row ends before the cut between the parts, and the
/// first judged row lies at least the embargo after the cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows to fit on.
    pub train: Range<usize>,
    /// Rows to judge on.
    pub test: Range<usize>,
}

/// Why a span cannot be split.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SplitError {
    /// The embargo is shorter than the horizon: labels would overlap.
    #[error("an embargo of {embargo_s} s is shorter than the horizon of {horizon_s} s")]
    EmbargoTooShort {
        /// The embargo given.
        embargo_s: u32,
        /// The horizon.
        horizon_s: u32,
    },
    /// Seconds do not strictly increase.
    #[error("row {0} is not later than the row before it")]
    Unordered(usize),
    /// A part would be empty.
    #[error("{rows} rows are too few to split: {part} would hold {held}, and needs {needed}")]
    TooShort {
        /// Rows there are.
        rows: usize,
        /// Which part.
        part: &'static str,
        /// Rows it would hold.
        held: usize,
        /// Rows it needs.
        needed: usize,
    },
}

/// How far the parts of a split keep away from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purge {
    /// Seconds a label looks ahead.
    pub horizon_s: u32,
    /// Seconds after the cut that are not judged.
    pub embargo_s: u32,
}

/// The fewest rows a part may hold.
const SMALLEST_PART: usize = 60;

impl Split {
    /// Cuts `rows` of a series at row number `cut`, purging both sides of the cut.
    ///
    /// # Errors
    /// [`SplitError`] if the seconds are out of order, the embargo is too short or a part too small.
    pub fn at(
        seconds: &[Second],
        rows: Range<usize>,
        cut: usize,
        purge: Purge,
    ) -> Result<Self, SplitError> {
        let Purge { horizon_s, embargo_s } = purge;
        if embargo_s < horizon_s {
            return Err(SplitError::EmbargoTooShort { embargo_s, horizon_s });
        }
        if let Some(at) = seconds.windows(2).position(|pair| pair[0] >= pair[1]) {
            return Err(SplitError::Unordered(at + 1));
        }
        let count = rows.len();
        let short =
            |part, held| SplitError::TooShort { rows: count, part, held, needed: SMALLEST_PART };
        let cut = cut.clamp(rows.start, rows.end);
        let Some(&cut_second) = seconds.get(cut) else {
            return Err(short("the test part", 0));
        };
        let before = seconds[rows.start..cut]
            .partition_point(|second| second.plus(i64::from(horizon_s)) < cut_second);
        let after = seconds[cut..rows.end]
            .partition_point(|&second| second.seconds_since(cut_second) < i64::from(embargo_s));
        let split = Self { train: rows.start..rows.start + before, test: cut + after..rows.end };
        for (part, held) in
            [("the training part", split.train.len()), ("the test part", split.test.len())]
        {
            if held < SMALLEST_PART {
                return Err(short(part, held));
            }
        }
        Ok(split)
    }

    /// Cuts a series so that `train_share` of its rows (0 to 1) lie before the cut.
    ///
    /// # Errors
    /// As [`Split::at`].
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the share is held to 0..1, so the product is a row number"
    )]
    pub fn chronological(
        seconds: &[Second],
        train_share: f64,
        purge: Purge,
    ) -> Result<Self, SplitError> {
        let cut = (super::float(seconds.len()) * train_share.clamp(0.0, 1.0)) as usize;
        Self::at(seconds, 0..seconds.len(), cut, purge)
    }

    /// Cuts a training part into `folds` expanding fits, each judged on the block after it.
    ///
    /// The part is cut into `folds + 1` equal blocks; fold k fits on the blocks before block k + 1.
    ///
    /// # Errors
    /// As [`Split::at`].
    pub fn walk_forward(
        seconds: &[Second],
        rows: &Range<usize>,
        folds: usize,
        purge: Purge,
    ) -> Result<Vec<Self>, SplitError> {
        let edge = |block: usize| rows.start + rows.len() * block / (folds + 1);
        (1..=folds)
            .map(|fold| Self::at(seconds, rows.start..edge(fold + 1), edge(fold), purge))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PURGE: Purge = Purge { horizon_s: 10, embargo_s: 10 };

    fn seconds(gaps: &[i64]) -> Vec<Second> {
        gaps.iter()
            .scan(1_000, |second, gap| {
                *second += gap;
                Some(Second::from_unix(*second))
            })
            .collect()
    }

    #[test]
    fn an_embargo_below_the_horizon_and_unordered_seconds_are_refused() {
        let series = seconds(&[1; 500]);
        let short = Purge { horizon_s: 10, embargo_s: 9 };
        assert!(matches!(
            Split::chronological(&series, 0.7, short),
            Err(SplitError::EmbargoTooShort { .. })
        ));
        let repeated = seconds(&[1, 0, 1]);
        assert_eq!(Split::chronological(&repeated, 0.7, PURGE), Err(SplitError::Unordered(1)));
        assert!(matches!(
            Split::chronological(&series[..70], 0.7, PURGE),
            Err(SplitError::TooShort { .. })
        ));
    }

    proptest! {
        #[test]
        fn no_label_window_crosses_a_split(
            gaps in prop::collection::vec(1_i64..4, 400..900), share in 0.3..0.8_f64,
        ) {
            let series = seconds(&gaps);
            let whole = Split::chronological(&series, share, PURGE).unwrap();
            let mut splits = vec![whole.clone()];
            if let Ok(folds) = Split::walk_forward(&series, &whole.train, 2, PURGE) {
                prop_assert!(folds.iter().all(|fold| fold.test.end <= whole.train.end));
                splits.extend(folds);
            }
            for split in splits {
                let last_label = series[split.train.end - 1].plus(10);
                let first_test = series[split.test.start];
                prop_assert!(first_test.seconds_since(last_label) >= 10, "{split:?}");
                prop_assert!(split.train.end <= split.test.start);
            }
        }
    }
}
