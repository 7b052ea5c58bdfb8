//! The demo: the same seed trains the same models, byte for byte, and a whole run comes out clean.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use lobd::app::DataFolder;
use lobd::app::demo::{DemoSettings, prepare};
use lobd::domain::Timestamp;
use lobd::sandbox::SandboxSettings;
use lobd::store::FolderLock;
use serde_json::Value;

use crate::support::canary::Canaries;
use crate::support::process::Home;

#[test]
fn a_folder_that_another_demo_uses_is_left_as_it_is() {
    let home = Home::new();
    let folder = home.path().join("demo");
    let lock = FolderLock::acquire(&folder).unwrap();
    fs::write(folder.join("made-by-lobd-demo"), "").unwrap();
    fs::write(folder.join("tape.db"), "somebody's").unwrap();
    home.fails(&["demo", "--headless", "--data-dir", "demo"], 9, &["in use", "--data-dir"]);
    assert_eq!(fs::read_to_string(folder.join("tape.db")).unwrap(), "somebody's");
    drop(lock);
}

#[test]
fn training_twice_with_one_seed_gives_byte_identical_models() {
    let models = [1_800_000_000, 1_900_000_000].map(|now| {
        let folder = tempfile::tempdir().unwrap();
        let settings = DemoSettings {
            data_dir: folder.path().join("demo"),
            seed: 7,
            history: Duration::from_hours(2),
        };
        prepare(&settings, Timestamp::from_seconds(now), &mut |_| ()).unwrap();
        let mut files = BTreeMap::new();
        collect(&DataFolder::new(&settings.data_dir).models(), &mut files);
        files
    });
    let names: Vec<&String> = models[0].keys().collect();
    let of_kind = |kind: &str| names.iter().filter(|name| name.contains(kind)).count();
    assert!(of_kind("/ols-") >= 3 && of_kind("/lasso-") >= 3, "{names:?}");
    assert!(models[0] == models[1], "other files or bytes: {names:?}");
}

#[test]
fn a_whole_demo_ends_flat_with_no_discrepancy_and_no_missing_second() {
    let home = Home::new();
    let text = home.succeeds(&[
        "demo",
        "--minutes",
        "1",
        "--hours",
        "6",
        "--seed",
        "7",
        "--headless",
        "--json",
    ]);
    let canaries = Canaries::of(&SandboxSettings::for_seed(7));
    canaries.are_absent_from("what the demo says", text.as_bytes());
    assert!(canaries.are_absent_below(home.path()) > 6, "I9: what it leaves behind");
    let summary: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(summary["discrepancies"], 0, "{summary}");
    assert_eq!(summary["seconds_missing"], 0, "{summary}");
    assert_eq!(summary["final_position"], "0", "{summary}");
    assert!(summary["predictions"].as_u64().unwrap() >= 50, "{summary}");
    assert!(summary["seconds_recorded"].as_u64().unwrap() >= 6 * 3_600 + 50, "{summary}");
    assert!(summary["naked_seconds"].as_f64().unwrap() < 1.0, "{summary}");
}

/// The bytes of every file below a folder, but of the pointers, which say when they were set.
fn collect(folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.file_name().is_some_and(|name| name != "current") {
            let parent = path.parent().and_then(Path::file_name).unwrap().to_string_lossy();
            let name = path.file_name().unwrap().to_string_lossy();
            files.insert(format!("/{parent}/{name}"), fs::read(&path).unwrap());
        }
    }
}
