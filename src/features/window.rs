//! The last consecutive valid seconds of one instrument, and the vector they yield.

use std::collections::VecDeque;

use crate::book::{Row, Snapshot};
use crate::domain::Second;

use super::feature::Feature;
use super::measures::Measures;
use super::set::FeatureSet;

/// Turns rows into feature vectors; allocates nothing after its construction.
#[derive(Debug, Clone)]
pub struct Window {
    features: Vec<Feature>,
    rows_needed: usize,
    rows: VecDeque<Measures>,
    last: Option<(Second, Snapshot)>,
    values: Vec<f64>,
}

/// A vector in its set's order, with what judging and trading it needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeatureVector<'a> {
    /// The second whose row is the newest input.
    pub second: Second,
    /// The values, all finite.
    pub values: &'a [f64],
    /// The mid-price at that second's end.
    pub mid: f64,
    /// The spread at that second's end, bps of the mid.
    pub spread_bps: f64,
}

impl Window {
    /// An empty window for a set.
    #[must_use]
    pub fn new(set: FeatureSet) -> Self {
        let features = set.features();
        let rows_needed = set.rows_needed();
        Self {
            values: vec![0.0; features.len()],
            rows: VecDeque::with_capacity(rows_needed),
            rows_needed,
            features,
            last: None,
        }
    }

    /// Takes the instrument's next second; yields a vector once enough consecutive ones are valid.
    ///
    /// A second that is not valid, or not the one after the last, empties the window first.
    /// A value that is not finite (a book of absurd size) withholds the vector.
    pub fn push(&mut self, second: Second, row: &Row) -> Option<FeatureVector<'_>> {
        let Some(snapshot) = row.valid_snapshot() else {
            self.reset();
            return None;
        };
        if self.last.as_ref().is_some_and(|(last, _)| last.next() != second) {
            self.reset();
        }
        let before = self.last.as_ref().map(|(_, snapshot)| snapshot);
        let previous = before.zip(self.rows.back().map(|row| row.mid));
        let measures = Measures::new(snapshot, row, previous);
        if self.rows.len() == self.rows_needed {
            self.rows.pop_front();
        }
        self.rows.push_back(measures);
        self.last = Some((second, *snapshot));
        if self.rows.len() < self.rows_needed {
            return None;
        }
        for (value, feature) in self.values.iter_mut().zip(&self.features) {
            *value = feature.value(&self.rows);
        }
        let vector = FeatureVector {
            second,
            values: &self.values,
            mid: measures.mid,
            spread_bps: measures.spread_bps,
        };
        vector.values.iter().all(|value| value.is_finite()).then_some(vector)
    }

    /// The measures of the newest second, if it was valid.
    #[must_use]
    pub fn newest(&self) -> Option<&Measures> {
        self.rows.back()
    }

    /// Forgets everything, as after a gap.
    pub fn reset(&mut self) {
        self.rows.clear();
        self.last = None;
    }
}
