//! Live predictions against what came: the journal's word and the tape's.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::book::measures::{mid_price, relative_spread};
use crate::domain::{HORIZON, Prediction, Price, Rate, Second, Symbol};
use crate::engine::Event;
use crate::predict::Evaluation;
use crate::store::{InstrumentKey, Journal, StoreError, Tape};
use crate::train::bootstrap::BootstrapSettings;
use crate::train::{Scored, evaluate};

/// Fewer scored predictions than this say nothing of a model's skill.
pub const FEWEST_SCORED: usize = 100;

/// Mid-price and spread of the valid seconds of a span.
pub type Mids = BTreeMap<Second, (Price, Rate)>;

/// The predictions one run of the daemon made of a symbol, in order of time.
///
/// # Errors
/// [`StoreError`] if the journal cannot be read.
pub fn predictions(
    journal: &Journal,
    epoch: u32,
    symbol: Symbol,
) -> Result<Vec<Prediction>, StoreError> {
    let mut found = Vec::new();
    for record in journal.records(epoch) {
        if let Event::Prediction(prediction) = record?.event
            && prediction.symbol == symbol
        {
            found.push(prediction);
        }
    }
    Ok(found)
}

/// Mid-price and spread of every valid second of a span.
///
/// # Errors
/// [`StoreError`] if the tape cannot be read.
pub fn mids(tape: &Tape, key: &InstrumentKey, span: Range<Second>) -> Result<Mids, StoreError> {
    let mut found = Mids::new();
    for item in tape.scan(key, span) {
        let (second, row) = item?;
        if let Some(snapshot) = row.valid_snapshot() {
            found.insert(second, (mid_price(snapshot), relative_spread(snapshot)));
        }
    }
    Ok(found)
}

/// Each prediction whose own second and whose outcome are valid on the tape, beside that outcome.
#[must_use]
pub fn scored(predictions: &[Prediction], mids: &Mids) -> Vec<Scored> {
    let horizon = i64::try_from(HORIZON.as_secs()).unwrap_or(i64::MAX);
    let outcome = |prediction: &Prediction| {
        let (then, spread) = mids.get(&prediction.second)?;
        let (later, _) = mids.get(&prediction.second.plus(horizon))?;
        Some(Scored {
            second: prediction.second,
            prediction: prediction.expected_move.bps(),
            label: later.relative_to(*then).bps(),
            spread_bps: spread.bps(),
        })
    };
    predictions.iter().filter_map(outcome).collect()
}

/// Judges scored predictions beside the zero forecast; the mean move is taken as zero, so `r2` and
/// `r2_vs_zero` are one.
#[must_use]
pub fn evaluation(scored: &[Scored]) -> Evaluation {
    let bootstrap = BootstrapSettings { block_s: 60, resamples: 500, level: 0.95, seed: 7 };
    evaluate(scored, 0.0, bootstrap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ModelId;

    #[test]
    fn only_predictions_whose_outcome_is_known_are_scored() {
        let at = |second: i64| Second::from_unix(second);
        let price = |text: &str| (text.parse::<Price>().unwrap(), Rate::from_bps(0.2));
        let mids = Mids::from([(at(100), price("50000")), (at(110), price("50005"))]);
        let prediction = |second: i64| Prediction {
            second: at(second),
            symbol: Symbol::new("BTCUSDT").unwrap(),
            model: "ols-00000001".parse::<ModelId>().unwrap(),
            expected_move: Rate::from_bps(0.5),
            error: Rate::from_bps(2.0),
            in_range: true,
        };
        let scored = scored(&[prediction(99), prediction(100), prediction(110)], &mids);
        assert_eq!(scored.len(), 1);
        assert_eq!(scored[0].second, at(100));
        assert!((scored[0].label - 1.0).abs() < 1e-6 && (scored[0].prediction - 0.5).abs() < 1e-6);
    }
}
