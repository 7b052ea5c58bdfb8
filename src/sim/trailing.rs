//! The arithmetic of trailing stops (exchange-api.md 4.6).
//!
//! A trailing stop that sells wakes when the price has risen to its activation price, remembers the
//! highest price since, and triggers once the price has fallen from it by the callback rate; one that
//! buys is its mirror image. Without an activation price the first price wakes it.

use crate::domain::{Price, Rate, Side};

/// Whether a price wakes a stop of this side.
pub(super) fn is_activated_by(side: Side, activation: Option<Price>, price: Price) -> bool {
    activation.is_none_or(|activation| match side {
        Side::Buy => price <= activation,
        Side::Sell => price >= activation,
    })
}

/// The better of two prices for the position that the stop protects.
pub(super) fn extreme(side: Side, best: Price, price: Price) -> Price {
    match side {
        Side::Buy => best.min(price),
        Side::Sell => best.max(price),
    }
}

/// The price that triggers a stop which has seen this extreme.
pub(super) fn trigger_price(side: Side, extreme: Price, callback: Rate) -> Price {
    let back = match side {
        Side::Buy => callback,
        Side::Sell => -callback,
    };
    extreme.moved_by(back).unwrap_or(extreme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selling_stop_follows_the_price_up_and_triggers_a_callback_below() {
        let price = |text: &str| text.parse::<Price>().unwrap();
        let callback = "0.01".parse().unwrap();
        assert!(!is_activated_by(Side::Sell, Some(price("101")), price("100")));
        assert!(is_activated_by(Side::Sell, Some(price("101")), price("101")));
        assert!(is_activated_by(Side::Buy, None, price("5")));
        let best = extreme(Side::Sell, price("101"), price("110"));
        assert_eq!(extreme(Side::Sell, best, price("105")), price("110"), "never back");
        assert_eq!(trigger_price(Side::Sell, best, callback), price("108.9"));
        assert_eq!(trigger_price(Side::Buy, price("90"), callback), price("90.9"));
    }
}
