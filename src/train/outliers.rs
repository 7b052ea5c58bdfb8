//! Statistical thresholds against outliers, fitted on the training part.
//!
//! Features are held to two quantiles of the training part, at inference as in training: quantiles
//! survive the columns (most returns, volumes) whose median deviation is zero. A label too many
//! standard deviations from the mean takes its row out of the fit, never out of the judgement.

use crate::features::{Clip, Scaler};

/// The thresholds' parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutlierRule {
    /// Share of the values on each side to which a feature is clipped, such as 0.0005.
    pub tail_share: f64,
    /// Standard deviations from the mean beyond which a label is left out of the fit.
    pub label_deviations: f64,
}

/// A column's clip and the range it was seen in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Where values are held.
    pub clip: Clip,
    /// Smallest and largest value of the training part, one standard deviation wider: a spread in
    /// bps drifts with the price, and a new high of the price is no foreign input.
    pub range: Clip,
}

impl OutlierRule {
    /// Fits one column's bounds; no values give bounds at zero.
    #[must_use]
    pub fn bounds(self, values: &[f64]) -> Bounds {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let clip = Clip {
            lower: quantile(&sorted, self.tail_share),
            upper: quantile(&sorted, 1.0 - self.tail_share),
        };
        let Scaler { scale, .. } = Scaler::fit(values);
        let range =
            Clip { lower: quantile(&sorted, 0.0) - scale, upper: quantile(&sorted, 1.0) + scale };
        Bounds { clip, range }
    }

    /// Says of each label whether it may be fitted on.
    #[must_use]
    pub fn keeps(self, labels: &[f64]) -> Vec<bool> {
        let Scaler { mean, scale } = Scaler::fit(labels);
        let farthest = scale * self.label_deviations;
        labels.iter().map(|label| (label - mean).abs() <= farthest || scale <= 0.0).collect()
    }
}

/// The value below which a share of sorted values lies: the nearest rank; 0 of nothing.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the share is held to 0..1, so the rank is a row number"
)]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = crate::features::float(sorted.len().saturating_sub(1));
    let rank = (share.clamp(0.0, 1.0) * last).round() as usize;
    sorted.get(rank).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: OutlierRule = OutlierRule { tail_share: 0.01, label_deviations: 4.0 };

    #[test]
    fn a_column_that_is_mostly_zero_keeps_its_spread() {
        let mut values = vec![0.0; 90];
        values.extend((1..=10).map(f64::from));
        values.push(1e9);
        let bounds = RULE.bounds(&values);
        assert_eq!((bounds.clip.lower, bounds.clip.upper), (0.0, 10.0));
        assert!(bounds.range.upper > 1e9);
    }

    #[test]
    fn a_new_high_of_the_price_is_no_foreign_input() {
        // One tick of 0.1 in bps of a price between 60,000 and 60,600, now and then two.
        let tick = |price: f64, ticks: f64| ticks * 1_000.0 / price;
        let mut spreads: Vec<f64> =
            (0..600).map(|at| tick(60_000.0 + f64::from(at), 1.0)).collect();
        spreads.extend((0..6).map(|at| tick(60_000.0 + f64::from(at), 2.0)));
        let range = RULE.bounds(&spreads).range;
        assert!((range.lower..=range.upper).contains(&tick(61_500.0, 1.0)));
        assert!(!(range.lower..=range.upper).contains(&tick(60_000.0, 5.0)));
    }

    #[test]
    fn a_wild_label_is_left_out_and_constant_ones_are_kept() {
        let mut labels: Vec<f64> = (0..200).map(|at| f64::from(at % 3)).collect();
        labels.push(500.0);
        let kept = RULE.keeps(&labels);
        assert_eq!(kept.iter().filter(|keep| !**keep).count(), 1);
        assert!(!kept[200]);
        assert!(RULE.keeps(&[2.0; 5]).iter().all(|keep| *keep));
    }
}
