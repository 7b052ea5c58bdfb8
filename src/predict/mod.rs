//! Inference only: a verified artefact and each second's frame in, a prediction out.
//!
//! [`Artifact`] is a sealed model file: its id is its kind and the head of its content's SHA-256.
//! A [`Predictor`] is built from one and fed every frame; the linear one is a single dot product
//! over clipped features. Fitting is `train`'s work; files are `store`'s.
//!
//! Invariants: **1** bytes become a predictor only if the hash, the format, the feature schema and
//! the instrument agree (I13); **2** same model, same seed, same data: same bytes, no wall time
//! inside (I15); **3** every prediction is finite.

mod artifact;
mod hand_written;
mod linear;
mod metrics;
mod model;

use crate::book::Frame;
use crate::domain::{ModelId, Prediction};

pub use artifact::{Artifact, ArtifactError};
pub use hand_written::hand_written;
pub use linear::{LinearPredictor, LinearWeights};
pub use metrics::{Evaluation, Interval, Metrics};
pub use model::{Column, Fate, Model, ModelKind, Provenance, Span, Target};

/// Says, second by second, where a mid-price is expected to be one horizon later.
pub trait Predictor: Send {
    /// Takes the next second; answers once the input window is full of valid seconds.
    fn push(&mut self, frame: &Frame) -> Option<Prediction>;

    /// Which model answers.
    fn model(&self) -> ModelId;

    /// Seconds ahead of the frame for which it answers.
    fn horizon_s(&self) -> u32;
}
