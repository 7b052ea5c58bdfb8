//! The venue's published signatures are ours.

use lobd::sign::{Secret, Signer, percent_encode};
use serde::Deserialize;

use crate::support;

#[derive(Deserialize)]
struct Vector {
    name: String,
    secret: String,
    payload: String,
    expected_hex: String,
}

#[test]
fn every_known_answer_of_the_venue_is_reproduced() {
    let Some(fixtures) = support::fixtures() else { return };
    let text = std::fs::read_to_string(fixtures.join("signature_vectors.json")).unwrap();
    let vectors: Vec<Vector> = serde_json::from_str(&text).unwrap();
    assert!(vectors.len() >= 9, "the file holds at least the nine vectors it began with");
    for Vector { name, secret, payload, expected_hex } in vectors {
        let signer = Signer::new(&Secret::new(secret));
        assert_eq!(signer.sign(&payload), expected_hex, "vector {name}");
        assert!(signer.verify(&[payload.as_bytes()], &expected_hex), "vector {name}");
    }
}

#[test]
fn a_symbol_outside_ascii_is_encoded_before_it_is_signed() {
    let encoded = percent_encode("１２３４５６").to_string();
    assert_eq!(encoded, "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96");
}
