//! The mark price: recorded where the recording has it, else a short average of the mid.
//!
//! Once a second the mid is sampled; the mark price is the mean of the newest [`SAMPLES`] samples.
//! A single sweep therefore moves it by a fifth, as the venue's own smoothing would, and a stop on
//! it cannot be set off by one print. There is no index behind it: funding takes it for one.

use crate::domain::Price;

/// How many one-second samples the average covers.
const SAMPLES: usize = 5;

/// The mark price of one symbol.
#[derive(Debug, Clone, Default)]
pub(super) struct MarkPrice {
    samples: [i64; SAMPLES],
    taken: usize,
    price: Option<Price>,
    is_recorded: bool,
}

impl MarkPrice {
    /// The newest mark price.
    pub(super) const fn price(&self) -> Option<Price> {
        self.price
    }

    /// Takes this second's mid and returns the new mark price, rounded down to 1e-8.
    pub(super) fn sample(&mut self, mid_price: Price) -> Option<Price> {
        self.samples[self.taken % SAMPLES] = mid_price.units();
        self.taken += 1;
        let count = self.taken.min(SAMPLES);
        let sum: i128 = self.samples[..count].iter().map(|units| i128::from(*units)).sum();
        let mean = sum / i128::try_from(count).unwrap_or(1);
        self.price = i64::try_from(mean).ok().and_then(|units| Price::from_units(units).ok());
        self.price
    }

    /// Takes a recorded mark price.
    pub(super) const fn record(&mut self, price: Price) {
        self.price = Some(price);
        self.is_recorded = true;
    }

    /// Whether mark prices come from a recording.
    pub(super) const fn is_recorded(&self) -> bool {
        self.is_recorded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_price_is_the_mean_of_the_last_five_seconds() {
        let mut mark = MarkPrice::default();
        assert_eq!(mark.price(), None);
        assert_eq!(mark.sample("100".parse().unwrap()), Some("100".parse().unwrap()));
        for _ in 0..4 {
            mark.sample("100".parse().unwrap());
        }
        assert_eq!(mark.sample("105".parse().unwrap()), Some("101".parse().unwrap()));
        for _ in 0..4 {
            mark.sample("105".parse().unwrap());
        }
        assert_eq!(mark.price(), Some("105".parse().unwrap()));
    }
}
