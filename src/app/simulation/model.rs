//! The model that trades in a simulation: the best level's imbalance, both ways, every second.
//!
//! It is no good model. It is one that trades often, long and short.

use std::sync::Arc;

use crate::domain::{Environment, Market, Second, Symbol};
use crate::features::FeatureSet;
use crate::predict::{
    Artifact, ArtifactError, Column, Evaluation, Fate, Metrics, Model, ModelKind, Provenance, Span,
    Target,
};

/// What a full imbalance is taken to promise.
const MOVE_BPS: f64 = 12.0;

/// The artefact's bytes.
///
/// # Errors
/// [`ArtifactError`] if it cannot be sealed, which is a fault of this file.
pub(super) fn artifact(symbol: Symbol) -> Result<Arc<[u8]>, ArtifactError> {
    Ok(Artifact::seal(model(symbol))?.to_bytes()?.into())
}

fn model(symbol: Symbol) -> Model {
    let set = FeatureSet::Imbalance10; // one valid second fills its window
    let metrics = nothing_measured();
    let none = Span { first: Second::from_unix(0), last: Second::from_unix(0), rows: 0 };
    Model {
        kind: ModelKind::Ols,
        target: Target { environment: Environment::Sandbox, market: Market::Usdm, symbol },
        horizon_s: 10,
        feature_set: set.name().to_owned(),
        schema: set.schema_hash(),
        columns: (0..).zip(set.names()).map(|(at, name)| column(name, at == 0)).collect(),
        intercept: 0.0,
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

fn column(name: String, is_used: bool) -> Column {
    Column {
        name,
        fate: if is_used { Fate::Kept } else { Fate::Constant },
        clip_lower: -1.0,
        clip_upper: 1.0,
        range_lower: -1.0,
        range_upper: 1.0,
        mean: 0.0,
        scale: 1.0,
        coefficient: if is_used { MOVE_BPS } else { 0.0 },
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
