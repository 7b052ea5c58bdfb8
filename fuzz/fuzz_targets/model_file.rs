//! Any bytes as a model file, and as the model within one: no panic, and no model that is sealed
//! but cannot be read back or computed with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lobd::predict::{Artifact, LinearPredictor, LinearWeights, Model};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(artifact) = Artifact::parse(bytes) {
        usable(&artifact);
    }
    let Ok(model) = serde_json::from_slice::<Model>(bytes) else { return };
    if let Ok(artifact) = Artifact::seal(model) {
        usable(&artifact);
    }
});

fn usable(artifact: &Artifact) {
    let bytes = artifact.to_bytes().unwrap_or_default();
    assert_eq!(Artifact::parse(&bytes).as_ref(), Ok(artifact));
    assert!(LinearPredictor::new(artifact).is_ok());
    let model = artifact.model();
    for value in [0.0, -1.0, f64::MAX, f64::NAN] {
        let _ = LinearWeights::new(model).predict(&vec![value; model.columns.len()]);
    }
}
