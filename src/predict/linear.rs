//! The linear predictor: one dot product over clipped features.

use crate::book::{Frame, Row};
use crate::domain::{ModelId, Prediction, Rate, Second, Symbol};
use crate::features::{Clip, FeatureSet, Window};

use super::Predictor;
use super::artifact::{Artifact, ArtifactError};
use super::model::{Column, Fate, Model};

/// A linear model ready to predict; allocates nothing after its construction.
#[derive(Debug, Clone)]
pub struct LinearPredictor {
    id: ModelId,
    symbol: Symbol,
    horizon_s: u32,
    error: Rate,
    weights: LinearWeights,
    window: Window,
}

/// A model's arithmetic alone, for scoring rows that were computed before.
#[derive(Debug, Clone)]
pub struct LinearWeights {
    /// Clip, training range and weight of each feature, in order.
    columns: Vec<Weight>,
    /// Intercept less what the means contribute.
    bias: f64,
}

#[derive(Debug, Clone, Copy)]
struct Weight {
    clip: Clip,
    range: Clip,
    per_unit: f64,
    kept: bool,
}

impl LinearWeights {
    /// Folds means and scales into weights per unit of the raw feature.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        let columns: Vec<Weight> = model.columns.iter().map(weight_of).collect();
        let means = model.columns.iter().zip(&columns);
        let shift = means.map(|(column, weight)| weight.per_unit * column.mean).sum::<f64>();
        Self { columns, bias: model.intercept - shift }
    }

    /// The expected move in bps, and whether every input lay within the training part's range.
    #[must_use]
    pub fn predict(&self, features: &[f64]) -> (f64, bool) {
        let mut in_range = true;
        let mut sum = self.bias;
        for (column, &value) in self.columns.iter().zip(features) {
            sum += column.per_unit * column.clip.apply(value);
            in_range &= !column.kept || (column.range.lower..=column.range.upper).contains(&value);
        }
        (sum, in_range)
    }
}

fn weight_of(column: &Column) -> Weight {
    let kept = column.fate == Fate::Kept;
    Weight {
        clip: Clip { lower: column.clip_lower, upper: column.clip_upper },
        range: Clip { lower: column.range_lower, upper: column.range_upper },
        per_unit: if kept { column.coefficient / column.scale } else { 0.0 },
        kept,
    }
}

impl LinearPredictor {
    /// Makes a predictor of a verified artefact.
    ///
    /// # Errors
    /// [`ArtifactError::Schema`] if the feature set is unknown, which parsing has ruled out.
    pub fn new(artifact: &Artifact) -> Result<Self, ArtifactError> {
        let model = artifact.model();
        let set: FeatureSet = model.feature_set.parse().map_err(|_| ArtifactError::Schema {
            id: artifact.id(),
            set: model.feature_set.clone(),
        })?;
        Ok(Self {
            id: artifact.id(),
            symbol: model.target.symbol,
            horizon_s: model.horizon_s,
            error: Rate::from_bps(model.error_bps),
            weights: LinearWeights::new(model),
            window: Window::new(set),
        })
    }

    /// Takes the instrument's next row; answers once the window is full of valid seconds.
    pub fn push_row(&mut self, second: Second, row: &Row) -> Option<Prediction> {
        let vector = self.window.push(second, row)?;
        let (move_bps, in_range) = self.weights.predict(vector.values);
        move_bps.is_finite().then(|| Prediction {
            second,
            symbol: self.symbol,
            model: self.id,
            expected_move: Rate::from_bps(move_bps),
            error: self.error,
            in_range,
        })
    }
}

impl Predictor for LinearPredictor {
    fn push(&mut self, frame: &Frame) -> Option<Prediction> {
        if let Some(row) = frame.row(self.symbol) {
            self.push_row(frame.second, row)
        } else {
            self.window.reset();
            None
        }
    }

    fn model(&self) -> ModelId {
        self.id
    }

    fn horizon_s(&self) -> u32 {
        self.horizon_s
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::{Environment, Market};
    use crate::predict::{Evaluation, Metrics, ModelKind, Provenance, Span, Target};

    /// A model on the reference set whose first column has the given coefficient.
    pub(in crate::predict) fn model(coefficient: f64) -> Model {
        let set = FeatureSet::Imbalance10;
        let column = |(at, name): (usize, String)| Column {
            name,
            fate: if at == 9 { Fate::Collinear } else { Fate::Kept },
            clip_lower: -0.5,
            clip_upper: 0.5,
            range_lower: -0.9,
            range_upper: 0.9,
            mean: 0.1,
            scale: 0.2,
            coefficient: if at == 0 { coefficient } else { 0.0 },
        };
        let metrics = Metrics {
            n: 100,
            mse: 4.0,
            r2: Some(0.1),
            r2_vs_zero: Some(0.1),
            correlation: None,
            mae_bps: 1.0,
            rmse_bps: 2.0,
            sign_hit_rate: None,
            non_zero: 0,
        };
        let span = Span { first: Second::from_unix(1), last: Second::from_unix(9), rows: 9 };
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
            columns: set.names().into_iter().enumerate().map(column).collect(),
            intercept: 0.5,
            training_mean_bps: 0.0,
            error_bps: 2.0,
            signal_spread_multiple: 1.0,
            provenance: Provenance {
                train: span,
                test: span,
                outliers: 0,
                embargo_s: 10,
                seed: 7,
                alpha: None,
                code_version: "0.1.0".to_owned(),
            },
            evaluation: Evaluation {
                model: metrics.clone(),
                zero: metrics,
                r2_interval: None,
                skill_interval: None,
                level: 0.95,
                block_s: 60,
                resamples: 500,
            },
        }
    }

    #[test]
    fn a_prediction_is_clipped_scaled_and_says_when_it_is_out_of_range() {
        let weights = LinearWeights::new(&model(2.0));
        let at = |first: f64| {
            let mut features = [0.0; 10];
            features[0] = first;
            weights.predict(&features)
        };
        let (inside, in_range) = at(0.3);
        assert!((inside - (0.5 + 2.0 * (0.3 - 0.1) / 0.2)).abs() < 1e-12 && in_range);
        assert_eq!(at(0.5).0.to_bits(), at(0.8).0.to_bits(), "held to the clip");
        assert!(at(0.8).1 && !at(0.95).1, "the range is wider than the clip");
        let mut dropped = [0.0; 10];
        dropped[9] = 50.0;
        assert!(weights.predict(&dropped).1, "a dropped column judges nothing");
    }
}
