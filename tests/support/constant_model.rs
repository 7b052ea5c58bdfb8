//! A model that expects the same move every second: what a test trades on, it knows.

use std::path::{Path, PathBuf};

use lobd::app::DataFolder;
use lobd::clock::{Clock, SystemClock};
use lobd::domain::{Environment, Market, ModelId, Second, Symbol};
use lobd::features::FeatureSet;
use lobd::predict::{
    Artifact, Column, Evaluation, Fate, Metrics, Model, ModelKind, Provenance, Span, Target,
};
use lobd::sandbox::listings;
use lobd::store::InstrumentKey;
use lobd::store::models::{Files, ModelStore};

/// Saves a model that always expects `move_bps` and puts it in charge.
pub(crate) fn promote(data_dir: &Path, move_bps: f64) -> ModelId {
    let id = save(data_dir, move_bps);
    store(data_dir).promote(&folder(), id, SystemClock::start().now()).unwrap();
    id
}

/// Saves a model that always expects `move_bps`.
pub(crate) fn save(data_dir: &Path, move_bps: f64) -> ModelId {
    let artifact = Artifact::seal(model(move_bps)).unwrap();
    let files = Files::from([("model.json".to_owned(), artifact.to_bytes().unwrap())]);
    store(data_dir).save(&folder(), artifact.id(), &files).unwrap();
    artifact.id()
}

/// A saved model's folder.
pub(crate) fn path(data_dir: &Path, id: ModelId) -> PathBuf {
    store(data_dir).load(&folder(), id).unwrap().path
}

fn folder() -> String {
    InstrumentKey::of(&listings::instrument("BTCUSDT").unwrap()).to_string()
}

fn store(data_dir: &Path) -> ModelStore {
    ModelStore::new(&DataFolder::new(data_dir).models())
}

fn model(move_bps: f64) -> Model {
    let set = FeatureSet::Imbalance10; // one valid second fills its window
    let silent = |name: String| Column {
        name,
        fate: Fate::Constant,
        clip_lower: -1.0,
        clip_upper: 1.0,
        range_lower: -1.0,
        range_upper: 1.0,
        mean: 0.0,
        scale: 1.0,
        coefficient: 0.0,
    };
    let metrics = Metrics {
        n: 0,
        mse: 0.0,
        r2: None,
        r2_vs_zero: None,
        correlation: None,
        mae_bps: 0.0,
        rmse_bps: 0.0,
        sign_hit_rate: None,
        non_zero: 0,
    };
    let none = Span { first: Second::from_unix(0), last: Second::from_unix(0), rows: 0 };
    Model {
        kind: ModelKind::Ols,
        target: Target {
            environment: Environment::Sandbox,
            market: Market::Usdm,
            symbol: Symbol::new("BTCUSDT").unwrap(),
        },
        horizon_s: 10,
        feature_set: set.name().to_owned(),
        schema: set.schema_hash(),
        columns: set.names().into_iter().map(silent).collect(),
        intercept: move_bps,
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
