//! A model's statement about the near future.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::ModelId;
use super::instrument::Symbol;
use super::money::Rate;
use super::time::Second;

/// How far ahead the mid-price is predicted, unless a model says otherwise.
pub const HORIZON: Duration = Duration::from_secs(10);

/// The expected relative move of the mid-price over the model's horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// The second whose frame was the newest input.
    pub second: Second,
    /// Whose mid-price.
    pub symbol: Symbol,
    /// Which model.
    pub model: ModelId,
    /// The expected relative move.
    pub expected_move: Rate,
    /// One standard error of that move, from the model's test part.
    pub error: Rate,
    /// Whether the input lay within the range the model was trained on.
    pub in_range: bool,
}
