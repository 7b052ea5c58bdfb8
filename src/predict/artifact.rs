//! The model file: `model.json`, sealed by the SHA-256 of its content.
//!
//! The hash covers the compact JSON of the model, in the order of its fields; the file itself is
//! indented for people. Floats are written as the shortest text that reads back to the same bits.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::domain::ModelId;
use crate::features::FeatureSet;

use super::model::{Fate, Model, Target};

/// The version of the file's layout.
const FORMAT: u32 = 1;

/// Hexadecimal digits of the hash in a model's id.
const ID_DIGITS: usize = 8;

/// A model under its seal.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    id: ModelId,
    sha256: String,
    model: Model,
}

/// Why bytes are not a model that may trade.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ArtifactError {
    /// The bytes are no model file.
    #[error("not a model file: {0}; restore it or train again")]
    Malformed(String),
    /// The file has a layout this version does not know.
    #[error("model format {found} is not the known {FORMAT}; train again with this version")]
    Format {
        /// The format found.
        found: u32,
    },
    /// The content does not match its hash.
    #[error("model {id} is corrupt: its hash is {found}, the file says {said}; train again")]
    Corrupt {
        /// The model's id as the file says.
        id: ModelId,
        /// The hash the file says.
        said: String,
        /// The hash of the content.
        found: String,
    },
    /// The model was fitted on features that this version computes differently or not at all.
    #[error("model {id} wants features {set} of another version; train again")]
    Schema {
        /// The model's id.
        id: ModelId,
        /// The feature set it names.
        set: String,
    },
    /// The model was fitted on another instrument or environment.
    #[error("model {id} is for {found}, not for {wanted}; train one for {wanted}")]
    OtherTarget {
        /// The model's id.
        id: ModelId,
        /// What it is for.
        found: String,
        /// What it was asked for.
        wanted: String,
    },
    /// A number of the model cannot be computed with.
    #[error("model value {0} is unusable: not finite, or a scale or bound that cannot be")]
    Unusable(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    id: ModelId,
    sha256: String,
    model: Model,
}

/// Read first, so that a newer layout is called newer and not malformed.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Artifact {
    /// Seals a model: checks it and derives its id from its content.
    ///
    /// # Errors
    /// [`ArtifactError::Unusable`] or [`ArtifactError::Schema`] if inference would refuse it.
    pub fn seal(model: Model) -> Result<Self, ArtifactError> {
        let sha256 = hash(&model)?;
        let id = derive_id(&model, &sha256)?;
        check(id, &model)?;
        Ok(Self { id, sha256, model })
    }

    /// Reads a model file and verifies its seal, its numbers and its feature schema.
    ///
    /// # Errors
    /// [`ArtifactError`], naming what failed.
    pub fn parse(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let malformed = |error: serde_json::Error| ArtifactError::Malformed(error.to_string());
        let head: Head = serde_json::from_slice(bytes).map_err(malformed)?;
        if head.format != FORMAT {
            return Err(ArtifactError::Format { found: head.format });
        }
        let File { id, sha256: said, model, .. } =
            serde_json::from_slice(bytes).map_err(malformed)?;
        let found = hash(&model)?;
        if said != found || derive_id(&model, &found)? != id {
            return Err(ArtifactError::Corrupt { id, said, found });
        }
        check(id, &model)?;
        Ok(Self { id, sha256: found, model })
    }

    /// Checks that the model was fitted on the given instrument in the given environment.
    ///
    /// # Errors
    /// [`ArtifactError::OtherTarget`].
    pub fn verify_target(&self, wanted: Target) -> Result<(), ArtifactError> {
        if self.model.target == wanted {
            return Ok(());
        }
        Err(ArtifactError::OtherTarget {
            id: self.id,
            found: self.model.target.to_string(),
            wanted: wanted.to_string(),
        })
    }

    /// The bytes of the model file; equal models give equal bytes.
    ///
    /// # Errors
    /// [`ArtifactError::Malformed`] if the model cannot be written, which a sealed one can.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArtifactError> {
        let file = File {
            format: FORMAT,
            id: self.id,
            sha256: self.sha256.clone(),
            model: self.model.clone(),
        };
        let mut bytes = serde_json::to_vec_pretty(&file)
            .map_err(|error| ArtifactError::Malformed(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The model's name: its kind and the head of its hash.
    #[must_use]
    pub const fn id(&self) -> ModelId {
        self.id
    }

    /// SHA-256 (hex) of the content.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The content.
    #[must_use]
    pub const fn model(&self) -> &Model {
        &self.model
    }
}

fn hash(model: &Model) -> Result<String, ArtifactError> {
    // JSON has no infinities: they would be written as null and not read back.
    if let Some(name) = model.not_finite() {
        return Err(ArtifactError::Unusable(name.to_owned()));
    }
    let canonical =
        serde_json::to_vec(model).map_err(|error| ArtifactError::Malformed(error.to_string()))?;
    Ok(hex::encode(Sha256::digest(canonical)))
}

fn derive_id(model: &Model, sha256: &str) -> Result<ModelId, ArtifactError> {
    let head = sha256.get(..ID_DIGITS).unwrap_or_default();
    ModelId::new(&format!("{}-{head}", model.kind))
        .map_err(|error| ArtifactError::Malformed(error.to_string()))
}

fn check(id: ModelId, model: &Model) -> Result<(), ArtifactError> {
    let schema = || ArtifactError::Schema { id, set: model.feature_set.clone() };
    let set: FeatureSet = model.feature_set.parse().map_err(|_| schema())?;
    let names = model.columns.iter().map(|column| &column.name);
    if set.schema_hash() != model.schema || !names.eq(set.names().iter()) {
        return Err(schema());
    }
    let unusable = model.columns.iter().find(|column| {
        column.clip_lower > column.clip_upper
            || column.range_lower > column.range_upper
            || (column.fate == Fate::Kept && column.scale <= 0.0)
    });
    match unusable {
        Some(column) => Err(ArtifactError::Unusable(column.name.clone())),
        None if model.error_bps < 0.0 => Err(ArtifactError::Unusable("error_bps".to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::linear::tests::model;
    use super::*;

    #[test]
    fn a_sealed_model_reads_back_to_the_same_bits_and_bytes() {
        let artifact = Artifact::seal(model(0.1 + 0.2)).unwrap();
        let bytes = artifact.to_bytes().unwrap();
        let read = Artifact::parse(&bytes).unwrap();
        assert_eq!(read, artifact);
        assert_eq!(read.to_bytes().unwrap(), bytes);
        assert!(artifact.id().as_str().starts_with("ols-"));
    }

    #[test]
    fn a_changed_byte_is_corruption_and_a_cut_file_is_malformed() {
        let artifact = Artifact::seal(model(0.25)).unwrap();
        let text = String::from_utf8(artifact.to_bytes().unwrap()).unwrap();
        let changed = text.replacen("\"horizon_s\": 10", "\"horizon_s\": 11", 1);
        assert_ne!(changed, text);
        assert!(matches!(Artifact::parse(changed.as_bytes()), Err(ArtifactError::Corrupt { .. })));
        let cut = &text.as_bytes()[..text.len() / 2];
        assert!(matches!(Artifact::parse(cut), Err(ArtifactError::Malformed(_))));
        let newer = text.replacen("\"format\": 1", "\"format\": 2", 1);
        assert_eq!(Artifact::parse(newer.as_bytes()), Err(ArtifactError::Format { found: 2 }));
    }

    #[test]
    fn other_features_instruments_and_numbers_are_refused() {
        let mut other = model(0.25);
        other.schema = "0".repeat(64);
        assert!(matches!(Artifact::seal(other), Err(ArtifactError::Schema { .. })));
        let mut endless = model(0.25);
        endless.intercept = f64::INFINITY;
        assert!(matches!(Artifact::seal(endless), Err(ArtifactError::Unusable(_))));
        let artifact = Artifact::seal(model(0.25)).unwrap();
        let mut wanted = artifact.model().target;
        assert_eq!(artifact.verify_target(wanted), Ok(()));
        wanted.environment = crate::domain::Environment::Production;
        assert!(matches!(artifact.verify_target(wanted), Err(ArtifactError::OtherTarget { .. })));
    }
}
