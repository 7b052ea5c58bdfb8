//! Who may know whom, and what the pure rooms must not touch.

use std::fs;
use std::path::{Path, PathBuf};

/// A room knows only rooms of a lower number; rooms of one number at 5 and above may know the
/// single-file ones among them.
const ROOMS: &[(&str, u8)] = &[
    ("domain", 0),
    ("book", 1),
    ("features", 2),
    ("predict", 3),
    ("trading", 3),
    ("engine", 4),
    ("train", 4),
    ("config", 5),
    ("clock", 5),
    ("fail_point", 5),
    ("telemetry", 5),
    ("sign", 5),
    ("venue", 5),
    ("sim", 5),
    ("store", 6),
    ("binance", 6),
    ("sandbox", 6),
    ("actors", 7),
    ("web", 7),
    ("app", 8),
    ("cli", 9),
];

/// Pairs of rooms with one number that may know each other, with the reason.
const NEIGHBOURS: &[(&str, &str, &str)] =
    &[("config", "sign", "settings hold secrets, whose type never shows them")];

/// Rooms without tokio, async, files, network, environment, threads, clocks or chance.
const PURE: &[&str] =
    &["domain", "book", "features", "predict", "trading", "engine", "train", "sim", "sign"];

const IMPURE: &[&str] = &[
    "tokio::",
    "async fn",
    ".await;",
    ".await?",
    ".await.",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "std::process",
    "Instant::now",
    "SystemTime",
    "rand::rng",
    "from_os_rng",
    "println!",
    "tracing::",
];

/// A crate and the only rooms that may name it.
const CRATES: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("hyper", &["binance"]),
    ("rsqlite_vfs", &["store"]),
    ("axum", &["sandbox", "web"]),
    ("linfa", &["train"]),
    ("clap", &["cli"]),
    ("ratatui", &["cli"]),
    ("comfy_table", &["cli"]),
];

const FORBIDDEN_NAMES: &[&str] = &["utils", "helpers", "common", "misc", "manager", "types"];

/// Test-only code of a pure room may do what it likes.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    without_tests(text)
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn sources() -> Vec<(PathBuf, String)> {
    code_in("src")
}

/// Every file of code below a folder of the package.
fn code_in(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

fn room_of(path: &Path) -> Option<&'static str> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let first = path.strip_prefix(root).ok()?.components().next()?;
    let name = Path::new(first.as_os_str()).file_stem()?.to_str()?;
    ROOMS.iter().map(|(room, _)| *room).find(|room| *room == name)
}

fn level(room: &str) -> u8 {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, level)| *level).unwrap()
}

fn is_test_file(path: &Path) -> bool {
    path.file_stem()
        .is_some_and(|stem| stem == "tests" || stem.to_string_lossy().ends_with("_tests"))
}

#[test]
fn every_source_belongs_to_a_room() {
    for (path, _) in sources() {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(
            room_of(&path).is_some() || name == "lib.rs" || name == "main.rs",
            "{} is in no room of src/README.md",
            path.display()
        );
    }
}

#[test]
fn a_room_knows_only_rooms_of_a_lower_number() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let Some(room) = room_of(&path).filter(|_| !is_test_file(&path)) else { continue };
        for (number, line) in code_lines(&text) {
            for (other, _) in ROOMS.iter().filter(|(other, _)| *other != room) {
                let is_named = line.contains(&format!("crate::{other}::"))
                    || line.contains(&format!("crate::{other};"))
                    || line.contains(&format!("crate::{other}, "));
                let is_neighbour =
                    NEIGHBOURS.iter().any(|(from, to, _)| *from == room && to == other);
                if is_named && !is_neighbour && level(other) >= level(room) {
                    broken.push(format!("{}:{number}: {room} names {other}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn pure_rooms_touch_no_world() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let is_pure = room_of(&path).is_some_and(|room| PURE.contains(&room));
        if !is_pure || is_test_file(&path) {
            continue;
        }
        for (number, line) in code_lines(&text) {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                broken.push(format!("{}:{number}: {word}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_foreign_crate_stays_in_its_room() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let Some(room) = room_of(&path).filter(|_| !is_test_file(&path)) else { continue };
        for (number, line) in code_lines(&text) {
            for (name, rooms) in CRATES {
                let is_named =
                    line.contains(&format!("{name}::")) || line.contains(&format!("{name}_"));
                if is_named && line.contains(&format!("{name}::")) && !rooms.contains(&room) {
                    broken.push(format!("{}:{number}: {room} names {name}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn client_and_sandbox_never_share_their_reading_of_the_protocol() {
    for (path, text) in sources() {
        let room = room_of(&path);
        let other = match room {
            Some("sandbox") => "crate::binance",
            Some("binance") => "crate::sandbox",
            _ => continue,
        };
        let named = code_lines(&text).any(|(_, line)| line.contains(other));
        assert!(!named, "{} names {other}", path.display());
    }
}

#[test]
fn files_are_named_for_what_is_in_them() {
    for (path, text) in sources() {
        let stem = path.file_stem().unwrap().to_string_lossy().to_string();
        assert!(!FORBIDDEN_NAMES.contains(&stem.as_str()), "{}", path.display());
        assert!(
            text.starts_with("//!") || text.starts_with("#![doc"),
            "{} says nothing of itself",
            path.display()
        );
    }
}

#[test]
fn money_is_never_a_float() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let is_decision = matches!(room_of(&path), Some("trading" | "engine"));
        if !is_decision || is_test_file(&path) {
            continue;
        }
        for (number, line) in code_lines(&text) {
            if line.contains("f64") || line.contains("f32") {
                broken.push(format!("{}:{number}: {line}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_test_file_is_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().to_string();
        let is_code = path.extension().is_some_and(|extension| extension == "rs");
        if is_code && stem != "main" {
            assert!(main.contains(&format!("mod {stem};")), "tests/{stem}.rs is never run");
        }
    }
}

/// The rows of a page's tables that begin with such a name.
fn rows(page: &str, is_name: impl Fn(&str) -> bool) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(page);
    let text = fs::read_to_string(path).unwrap();
    let name = |row: &str| row.split('|').nth(1).unwrap_or_default().trim().to_owned();
    text.lines().filter(|row| is_name(&name(row))).map(ToOwned::to_owned).collect()
}

/// The tests that a row names, as module and function.
fn tests_of(row: &str) -> Vec<(&str, &str)> {
    let quoted = row.split('`').skip(1).step_by(2);
    let is_test = |name: &str| name.starts_with(|first: char| first.is_ascii_lowercase());
    quoted.filter_map(|name| name.split_once("::")).filter(|(_, name)| is_test(name)).collect()
}

/// Whether a file is the module of that name: the file itself, one below it, or its tests.
fn is_module(path: &Path, module: &str) -> bool {
    let names = path.iter().map(|name| name.to_string_lossy());
    let mut names = names.map(|name| name.trim_end_matches(".rs").to_owned());
    names.any(|name| name == module || name == format!("{module}_tests"))
}

#[test]
fn every_test_named_for_a_promise_or_a_fault_exists() {
    let code = [sources(), code_in("tests")].concat();
    let is_named = |name: &str| name.len() > 1 && name[1..].parse::<u32>().is_ok();
    for (page, fewest) in [("README.md", 90), ("FAULTS.md", 150)] {
        let rows = rows(page, is_named);
        let named: Vec<_> = rows.iter().flat_map(|row| tests_of(row)).collect();
        assert!(named.len() > fewest, "{page} names {}", named.len());
        for (module, name) in named {
            let head = format!("fn {name}(");
            let exists =
                code.iter().any(|(path, text)| is_module(path, module) && text.contains(&head));
            assert!(exists, "{page}: no test is named {module}::{name}");
        }
    }
}

/// How many faults of each kind there are.
const FAULTS: &[(char, u32)] = &[
    ('N', 15),
    ('X', 26),
    ('U', 10),
    ('Q', 12),
    ('C', 6),
    ('D', 13),
    ('K', 21),
    ('G', 11),
    ('M', 12),
    ('O', 10),
    ('P', 7),
];

#[test]
fn every_fault_has_its_tests_its_reason_or_says_that_it_has_none() {
    for (kind, count) in FAULTS {
        let rows = rows("FAULTS.md", |name| name.starts_with(*kind));
        let names: Vec<_> = rows.iter().map(|row| row.split('|').nth(1).unwrap().trim()).collect();
        let expected: Vec<_> = (1..=*count).map(|number| format!("{kind}{number}")).collect();
        assert_eq!(names, expected, "each once, in order");
        for row in &rows {
            let shown = row.split('|').nth(4).unwrap().trim();
            let is_told = ["no test yet", "cannot occur here: "].iter().any(|word| {
                shown.starts_with(word) // and why, or what comes near
            });
            assert!(is_told || !tests_of(row).is_empty(), "{row}");
        }
    }
}

#[test]
fn every_direct_dependency_says_why_it_is_here() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let text = fs::read_to_string(manifest).unwrap();
    let mut is_dependencies = false;
    for line in text.lines() {
        if line.starts_with('[') {
            is_dependencies = line.ends_with("dependencies]");
        } else if is_dependencies && line.contains('=') && !line.starts_with('#') {
            assert!(line.contains(" # "), "no reason given: {line}");
        }
    }
}
