//! What a model learns: the mid-price's return over the horizon, in bps.

use std::collections::VecDeque;

use crate::domain::Second;

/// The relative move from one mid-price to another, in bps.
///
/// # Examples
/// ```
/// # use lobd::features::label::move_bps;
/// assert!((move_bps(100.0, 100.05) - 5.0).abs() < 1e-9);
/// ```
#[must_use]
pub fn move_bps(from: f64, to: f64) -> f64 {
    (to - from) / from * 1e4
}

/// Joins each second with its label once the horizon has passed, inside one gap-free run.
#[derive(Debug, Clone)]
pub struct Labeller {
    horizon: usize,
    mids: VecDeque<f64>,
    last: Option<Second>,
}

impl Labeller {
    /// A labeller for a horizon in seconds (at least one).
    #[must_use]
    pub fn new(horizon_s: u32) -> Self {
        let horizon = usize::try_from(horizon_s).unwrap_or(usize::MAX).max(1);
        Self { horizon, mids: VecDeque::new(), last: None }
    }

    /// Takes the mid of a valid second; yields the second one horizon earlier with its label.
    ///
    /// A second that is not the one after the last starts a new run: older ones stay unlabelled.
    pub fn push(&mut self, second: Second, mid: f64) -> Option<(Second, f64)> {
        if self.last.is_some_and(|last| last.next() != second) {
            self.reset();
        }
        self.last = Some(second);
        self.mids.push_back(mid);
        if self.mids.len() <= self.horizon {
            return None;
        }
        let from = self.mids.pop_front()?;
        let horizon = i64::try_from(self.horizon).unwrap_or(i64::MAX);
        Some((second.plus(-horizon), move_bps(from, mid)))
    }

    /// Starts a new run, as after a second that is not valid.
    pub fn reset(&mut self) {
        self.mids.clear();
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_never_reaches_over_a_gap() {
        let mut labeller = Labeller::new(2);
        let mut at = |second, mid| labeller.push(Second::from_unix(second), mid);
        assert_eq!(at(1, 100.0), None);
        assert_eq!(at(2, 101.0), None);
        assert_eq!(at(3, 101.0).map(|(second, _)| second.unix()), Some(1));
        assert_eq!(at(5, 102.0), None, "second 4 is missing: 2 and 3 stay unlabelled");
        assert_eq!(at(6, 102.0), None);
        assert_eq!(at(7, 102.0), Some((Second::from_unix(5), 0.0)));
    }
}
