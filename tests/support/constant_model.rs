//! A model that expects the same move every second: what a test trades on, it knows.

use std::path::{Path, PathBuf};

use lobd::app::DataFolder;
use lobd::clock::{Clock, SystemClock};
use lobd::domain::{ModelId, Symbol};
use lobd::predict::{Artifact, hand_written};
use lobd::sandbox::listings;
use lobd::store::InstrumentKey;
use lobd::store::models::{Files, ModelStore};

use super::loopback::bitcoin;

/// Saves a model that always expects `move_bps` and puts it in charge.
pub(crate) fn promote(data_dir: &Path, move_bps: f64) -> ModelId {
    promote_for(bitcoin(), data_dir, move_bps)
}

/// The same for any symbol.
pub(crate) fn promote_for(symbol: Symbol, data_dir: &Path, move_bps: f64) -> ModelId {
    let id = save_for(symbol, data_dir, move_bps);
    store(data_dir).promote(&folder(symbol), id, SystemClock::start().now()).unwrap();
    id
}

/// Saves a model that always expects `move_bps`.
pub(crate) fn save(data_dir: &Path, move_bps: f64) -> ModelId {
    save_for(bitcoin(), data_dir, move_bps)
}

fn save_for(symbol: Symbol, data_dir: &Path, move_bps: f64) -> ModelId {
    let artifact = Artifact::seal(hand_written(symbol, move_bps, 0.0)).unwrap();
    let files = Files::from([("model.json".to_owned(), artifact.to_bytes().unwrap())]);
    store(data_dir).save(&folder(symbol), artifact.id(), &files).unwrap();
    artifact.id()
}

/// A saved model's folder.
pub(crate) fn path(data_dir: &Path, id: ModelId) -> PathBuf {
    store(data_dir).load(&folder(bitcoin()), id).unwrap().path
}

fn folder(symbol: Symbol) -> String {
    InstrumentKey::of(&listings::instrument(symbol.as_str()).unwrap()).to_string()
}

fn store(data_dir: &Path) -> ModelStore {
    ModelStore::new(&DataFolder::new(data_dir).models())
}
