//! A model written by hand: what it expects is said, not learnt. For simulations and tests, which
//! must know when it trades.

use crate::domain::{Environment, Market, Second, Symbol};
use crate::features::FeatureSet;

use super::{Column, Evaluation, Fate, Metrics, Model, ModelKind, Provenance, Span, Target};

/// A model of the sandbox's futures that expects `intercept_bps`, and `imbalance_bps` more for a
/// best level that is all bids. It was measured on nothing, and no gate would pass it.
#[must_use]
pub fn hand_written(symbol: Symbol, intercept_bps: f64, imbalance_bps: f64) -> Model {
    let set = FeatureSet::Imbalance10; // one valid second fills its window
    let metrics = nothing_measured();
    let none = Span { first: Second::from_unix(0), last: Second::from_unix(0), rows: 0 };
    Model {
        kind: ModelKind::Ols,
        target: Target { environment: Environment::Sandbox, market: Market::Usdm, symbol },
        horizon_s: 10,
        feature_set: set.name().to_owned(),
        schema: set.schema_hash(),
        columns: (0..)
            .zip(set.names())
            .map(|(at, name)| column(name, if at == 0 { imbalance_bps } else { 0.0 }))
            .collect(),
        intercept: intercept_bps,
        training_mean_bps: 0.0,
        error_bps: 1.0,
        signal_spread_multiple: 1.0,
        provenance: Provenance {
            train: none,
            test: none,
            outliers: 0,
            embargo_s: 10,
            seed: 0,
            alpha: None,
            code_version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        evaluation: Evaluation {
            model: metrics.clone(),
            zero: metrics,
            r2_interval: None,
            skill_interval: None,
            level: 0.95,
            block_s: 60,
            resamples: 0,
        },
    }
}

fn column(name: String, coefficient: f64) -> Column {
    let is_used = coefficient != 0.0;
    Column {
        name,
        fate: if is_used { Fate::Kept } else { Fate::Constant },
        clip_lower: -1.0,
        clip_upper: 1.0,
        range_lower: -1.0,
        range_upper: 1.0,
        mean: 0.0,
        scale: 1.0,
        coefficient,
    }
}

fn nothing_measured() -> Metrics {
    Metrics {
        n: 0,
        mse: 0.0,
        r2: None,
        r2_vs_zero: None,
        correlation: None,
        mae_bps: 0.0,
        rmse_bps: 0.0,
        sign_hit_rate: None,
        non_zero: 0,
    }
}
