//! The model that trades in a simulation: the best level's imbalance, both ways, every second.
//!
//! It is no good model. It is one that trades often, long and short.

use std::sync::Arc;

use crate::domain::Symbol;
use crate::predict::{Artifact, ArtifactError, hand_written};

/// What a full imbalance is taken to promise.
const MOVE_BPS: f64 = 12.0;

/// The artefact's bytes.
///
/// # Errors
/// [`ArtifactError`] if it cannot be sealed, which is a fault of this file.
pub(super) fn artifact(symbol: Symbol) -> Result<Arc<[u8]>, ArtifactError> {
    Ok(Artifact::seal(hand_written(symbol, 0.0, MOVE_BPS))?.to_bytes()?.into())
}
