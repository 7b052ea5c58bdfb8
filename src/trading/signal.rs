//! From a prediction to a signal (design.md §3, step 2): is the move worth its costs?
//!
//! Knows no orders and no limits. Invariants: **7** no signal from a stale or invalid book, a late
//! prediction or an expired model; the threshold covers a *taker's* exit, because that is how a
//! losing trade ends.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::prices::{self, Quote};
use super::settings::TradingSettings;
use super::why_not::WhyNot;
use crate::domain::{FeeRates, ModelId, Prediction, Price, Rate, Second, Side, Timestamp};

/// What a signal is judged by.
#[derive(Debug, Clone, Copy)]
pub struct SignalInputs<'a> {
    /// The numbers of the cycle.
    pub settings: &'a TradingSettings,
    /// The account's fees on the instrument.
    pub fees: &'a FeeRates,
    /// The model in charge: its name, first second out of use, and threshold in spreads.
    pub model: Option<(ModelId, Second, Rate)>,
    /// The best prices, if the newest second is valid.
    pub quote: Option<Quote>,
    /// The newest second seen.
    pub second: Option<Second>,
}

/// A move worth trading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// On which side to enter.
    pub side: Side,
    /// The best prices it was judged by.
    pub quote: Quote,
    /// The mid-price expected at the horizon.
    pub predicted_mid: Price,
    /// When it is void, and with it an unfilled entry.
    pub expires_at: Timestamp,
}

/// Judges a prediction.
///
/// # Errors
/// The first reason why it is no signal.
pub fn assess(
    now: Timestamp,
    prediction: &Prediction,
    inputs: &SignalInputs<'_>,
) -> Result<Signal, WhyNot> {
    let (model, expires_at, model_multiple) = inputs.model.ok_or(WhyNot::NoModel)?;
    if prediction.model != model {
        return Err(WhyNot::OtherModel);
    }
    if prediction.second >= expires_at || now >= expires_at.end() {
        return Err(WhyNot::ModelExpired);
    }
    let expires_at = prediction.second.end() + inputs.settings.entry_life;
    if now >= expires_at || inputs.second != Some(prediction.second) {
        return Err(WhyNot::PredictionStale);
    }
    let quote = inputs.quote.ok_or(WhyNot::BookInvalid)?;
    if !prediction.in_range {
        return Err(WhyNot::OutOfRange);
    }
    let expected = prediction.expected_move;
    if expected.abs() <= threshold(inputs, quote, model_multiple) {
        return Err(WhyNot::MoveTooSmall);
    }
    let side = if expected.units() > 0 { Side::Buy } else { Side::Sell };
    let predicted_mid = quote.mid_price().moved_by(expected).map_err(|_| WhyNot::OutOfRange)?;
    Ok(Signal { side, quote, predicted_mid, expires_at })
}

/// The move that must be exceeded: a multiple of the spread, and all costs with a margin. The
/// model's own multiple, chosen in training, can only raise the operator's.
fn threshold(inputs: &SignalInputs<'_>, quote: Quote, model_multiple: Rate) -> Rate {
    let settings = inputs.settings;
    let multiple = settings.signal_spread_multiple.max(model_multiple);
    let spreads = quote.relative_spread().times(multiple);
    let costs = prices::entry_fee(settings.entry_style, inputs.fees)
        .saturating_add(inputs.fees.taker)
        .saturating_add(settings.edge_margin);
    spreads.max(costs)
}
