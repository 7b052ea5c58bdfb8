//! The matrix that training sees: vectors, labels, seconds and spreads of one instrument.

use thiserror::Error;

use crate::book::Row;
use crate::domain::Second;

use super::label::Labeller;
use super::set::FeatureSet;
use super::window::Window;

/// Label-bearing rows of one instrument in order of time.
///
/// - **Shapes:** `len()` rows of [`Dataset::width`] features, row-major.
/// - **Units:** features as the set says; labels and spreads in bps.
/// - **Timing:** row i's features end at `seconds()[i]`; its label at that second plus the horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    set: FeatureSet,
    horizon_s: u32,
    width: usize,
    seconds: Vec<Second>,
    features: Vec<f64>,
    labels: Vec<f64>,
    spreads_bps: Vec<f64>,
}

/// Why rows make no dataset.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DatasetError {
    /// A second is not later than the one before it.
    #[error("second {second} follows {previous}: rows must come in order of time, each once")]
    OutOfOrder {
        /// The second before.
        previous: Second,
        /// The second that is not later.
        second: Second,
    },
}

/// Builds a [`Dataset`] from rows as they are read; holds nothing but the result.
#[derive(Debug, Clone)]
pub struct DatasetBuilder {
    window: Window,
    labeller: Labeller,
    dataset: Dataset,
    last: Option<Second>,
}

impl DatasetBuilder {
    /// A builder for a feature set and a horizon in seconds.
    #[must_use]
    pub fn new(set: FeatureSet, horizon_s: u32) -> Self {
        let dataset = Dataset {
            set,
            horizon_s,
            width: set.features().len(),
            seconds: Vec::new(),
            features: Vec::new(),
            labels: Vec::new(),
            spreads_bps: Vec::new(),
        };
        Self { window: Window::new(set), labeller: Labeller::new(horizon_s), dataset, last: None }
    }

    /// Takes the instrument's next row.
    ///
    /// # Errors
    /// [`DatasetError::OutOfOrder`] unless `second` is later than the last.
    pub fn push(&mut self, second: Second, row: &Row) -> Result<(), DatasetError> {
        if let Some(previous) = self.last.filter(|previous| *previous >= second) {
            return Err(DatasetError::OutOfOrder { previous, second });
        }
        let follows = self.last.is_some_and(|previous| previous.next() == second);
        self.last = Some(second);
        if !follows {
            self.end_run();
        }
        if let Some(vector) = self.window.push(second, row) {
            self.dataset.seconds.push(second);
            self.dataset.features.extend_from_slice(vector.values);
            self.dataset.spreads_bps.push(vector.spread_bps);
        }
        let Some(mid) = self.window.newest().map(|newest| newest.mid) else {
            self.end_run();
            return Ok(());
        };
        if let Some((labelled, label)) = self.labeller.push(second, mid) {
            let waiting = self.dataset.labels.len();
            if self.dataset.seconds.get(waiting) == Some(&labelled) {
                self.dataset.labels.push(label);
            }
        }
        Ok(())
    }

    /// Drops the vectors whose label will never come.
    fn end_run(&mut self) {
        self.labeller.reset();
        let labelled = self.dataset.labels.len();
        self.dataset.seconds.truncate(labelled);
        self.dataset.spreads_bps.truncate(labelled);
        self.dataset.features.truncate(labelled * self.dataset.width);
    }

    /// The dataset of all rows whose label is known.
    #[must_use]
    pub fn finish(mut self) -> Dataset {
        self.end_run();
        self.dataset
    }
}

impl Dataset {
    /// The feature set.
    #[must_use]
    pub const fn set(&self) -> FeatureSet {
        self.set
    }

    /// Seconds a label looks ahead.
    #[must_use]
    pub const fn horizon_s(&self) -> u32 {
        self.horizon_s
    }

    /// Number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of features.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// One row's features.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.features[row * self.width..(row + 1) * self.width]
    }

    /// The second at which each row's features end.
    #[must_use]
    pub fn seconds(&self) -> &[Second] {
        &self.seconds
    }

    /// The mid's return over the horizon after each row, bps.
    #[must_use]
    pub fn labels(&self) -> &[f64] {
        &self.labels
    }

    /// The spread at each row's second, bps of the mid.
    #[must_use]
    pub fn spreads_bps(&self) -> &[f64] {
        &self.spreads_bps
    }
}
