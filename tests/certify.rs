//! The exchange we carry is certified whole.

use serde_json::Value;

use crate::support::process::Home;

#[test]
fn the_exchange_we_carry_passes_every_case() {
    let home = Home::new();
    let output = home.run(&["certify", "--environment", "sandbox", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |outcome: &str| -> Vec<&Value> {
        let cases = report["cases"].as_array().unwrap().iter();
        cases.filter(|case| case["outcome"] == outcome).collect()
    };
    assert_eq!(of("failed"), Vec::<&Value>::new());
    assert_eq!(output.status.code(), Some(0));
    assert!(of("passed").len() >= 130, "{}", report["totals"]);
    assert!(of("not_tried").len() <= 3, "{:?}", of("not_tried"));
    let folder = home.data().join("certify");
    let written: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(written.len(), 2, "{written:?}");
    for path in written {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("C-222"), "{}", path.display());
        let seeded = lobd::sandbox::SandboxSettings::for_seed(1);
        for secret in [seeded.api_key.as_str(), seeded.api_secret.expose()] {
            assert!(!text.contains(secret), "I9: {} holds a secret", path.display());
        }
    }
}

#[test]
fn what_cannot_be_certified_is_said_before_anything_is_sent() {
    let home = Home::new();
    home.fails(
        &["certify", "--environment", "sandbox", "--case", "C-999"],
        2,
        &["C-999", "--list"],
    );
    home.fails(&["certify", "--environment", "testnet"], 78, &["LOBD_ENVIRONMENT"]);
    let listed = home.succeeds(&["certify", "--environment", "production", "--list", "--json"]);
    let effects: Vec<Value> =
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(effects.len() > 40);
    assert!(effects.iter().all(|case| case["effect"] == "reads"), "nothing trades there");
}
