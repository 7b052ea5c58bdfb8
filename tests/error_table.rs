//! The client's table of error codes says what the specification's says, row by row.

use std::collections::BTreeSet;
use std::path::Path;

use lobd::binance::codes::{self, Effect};
use lobd::binance::{BinanceError, ErrorAnswer, Operation, classify};
use lobd::domain::{Failure, Timestamp};

use crate::support;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Codes that section 7.1 leaves out: of requests that place no order.
const BEYOND: [i32; 11] =
    [-1023, -1135, -2007, -4049, -4050, -4051, -4054, -4055, -4167, -4168, -5000];

/// One row of section 7.1: the codes it is about, and its columns.
struct Row {
    codes: Vec<i32>,
    text: String,
    on_place: String,
    on_change: String,
}

/// The rows of section 7.1.
fn rows(specification: &str) -> Vec<Row> {
    let section = specification.split("### 7.1").nth(1).unwrap();
    let section = section.split("### 7.2").next().unwrap();
    section.lines().filter(|line| line.starts_with("| -")).flat_map(row).collect()
}

fn row(line: &str) -> Vec<Row> {
    let columns: Vec<&str> = line.split('|').map(str::trim).collect();
    let [_, codes, _, place, change, _, _] = columns[..] else { panic!("{line}") };
    let numbers = codes_of(codes);
    // A row about two codes with two outcomes says so: "N / U".
    let outcomes: Vec<&str> = place.split(" / ").collect();
    if outcomes.len() == numbers.len() && outcomes.len() > 1 {
        let each = numbers.into_iter().zip(outcomes);
        return each.map(|(code, place)| make(vec![code], codes, place, change)).collect();
    }
    vec![make(numbers, codes, place, change)]
}

fn make(codes: Vec<i32>, text: &str, place: &str, change: &str) -> Row {
    Row { codes, text: text.to_owned(), on_place: place.to_owned(), on_change: change.to_owned() }
}

/// The codes a first column is about: a list, a range (`-1100 … -1106`), or both.
fn codes_of(column: &str) -> Vec<i32> {
    let head = column.split(['(', '"']).next().unwrap();
    let mut codes: Vec<i32> = Vec::new();
    let mut is_range = false;
    for word in head.split([' ', ',']).filter(|word| !word.is_empty()) {
        match word.parse::<i32>() {
            Ok(last) if is_range => codes.extend((last..codes[codes.len() - 1]).rev()),
            Ok(code) => codes.push(code),
            Err(_) if word == "…" => {}
            Err(_) => break,
        }
        is_range = word == "…";
    }
    codes
}

/// What the specification's word for an outcome allows the table to say.
fn allows(word: &str, is_place: bool) -> &'static [Effect] {
    use Effect::{
        AlreadyPlaced, AlreadySo, Gone, NotDone, NotVisible, Throttled, Underway, Unknown,
    };
    match word {
        _ if word.starts_with("N per docs when HTTP 503") => &[Unknown],
        _ if word.starts_with('N') || word == "order unchanged" => &[NotDone, Throttled],
        "U" => &[Unknown],
        _ if word.starts_with("**P**") => &[AlreadyPlaced],
        _ if word.starts_with('X') => &[Gone],
        _ if word.starts_with("query: not visible") => &[NotVisible],
        "being triggered" => &[Underway],
        // Nothing is said: then nothing may be claimed of an order.
        "-" if is_place => &[NotDone],
        "-" => &[NotDone, Throttled, Unknown, AlreadySo],
        _ => panic!("the specification says {word:?}: think about it here"),
    }
}

#[test]
fn every_code_of_the_specification_has_its_outcome_for_placing_and_for_changing() {
    let Some(specification) = support::specification() else { return };
    let mut walked = BTreeSet::new();
    for row in rows(&specification) {
        let same = if row.on_change == "same" { &row.on_place } else { &row.on_change };
        for code in row.codes {
            let rule = codes::rule(code).unwrap_or_else(|| panic!("{code}: {}", row.text));
            let (place, change) = (allows(&row.on_place, true), allows(same, false));
            assert!(place.contains(&rule.on_place), "{code} on placing: {:?}", rule.on_place);
            assert!(change.contains(&rule.on_change), "{code} on changing: {:?}", rule.on_change);
            assert!(!rule.meaning.is_empty() && !rule.remedy.is_empty(), "{code}");
            walked.insert(code);
        }
    }
    assert!(walked.len() > 110, "{} codes", walked.len());
    let is_unexplained = |code: &i32| !walked.contains(code) && !BEYOND.contains(code);
    let unexplained: Vec<i32> =
        codes::all().iter().map(|rule| rule.code).filter(is_unexplained).collect();
    assert!(unexplained.is_empty(), "not in the specification: {unexplained:?}");
}

/// The codes written in a file or in the files of a folder.
fn codes_written_in(path: &Path, found: &mut BTreeSet<i32>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            codes_written_in(&entry.unwrap().path(), found);
        }
        return;
    }
    let text = std::fs::read_to_string(path).unwrap();
    for (at, _) in text.match_indices('-') {
        let digits = text[at + 1..].split(|letter: char| !letter.is_ascii_digit()).next().unwrap();
        found.extend(digits.parse::<i32>().ok().filter(|_| digits.len() == 4).map(|code| -code));
    }
}

#[test]
fn every_code_that_the_loopback_exchange_answers_is_explained() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    for folder in ["sandbox", "sim"] {
        codes_written_in(&source.join(folder), &mut found);
    }
    found.retain(|code| (-5_999..=-1_000).contains(code));
    assert!(found.len() > 70 && found.contains(&-4054) && found.contains(&-1135), "{found:?}");
    let unexplained: Vec<_> = found.iter().filter(|code| codes::rule(**code).is_none()).collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
}

#[test]
fn what_the_specification_calls_a_success_is_one() {
    let Some(specification) = support::specification() else { return };
    let lines = specification.lines().filter(|line| line.starts_with("| -"));
    for line in lines.filter(|line| line.trim_end().ends_with("| success |")) {
        for code in codes_of(line.split('|').nth(1).unwrap().trim()) {
            assert!(codes::is_already_so(code), "{code}");
        }
    }
    assert!(!codes::is_already_so(-4047) && !codes::is_already_so(-9_999));
}

/// Every code × every operation, by HTTP 400: what the caller is told.
#[test]
fn a_code_is_told_by_its_outcome_class_whatever_was_asked() {
    for rule in codes::all() {
        let body = format!(r#"{{"code":{},"msg":"as the venue words it"}}"#, rule.code);
        let told = |operation| {
            let answer = ErrorAnswer { status: 400, retry_after: None, body: &body };
            classify(operation, NOW, answer)
        };
        for (operation, effect) in
            [(Operation::Place, rule.on_place), (Operation::Change, rule.on_change)]
        {
            let failure = Failure::from(told(operation));
            let is_right = match effect {
                Effect::Unknown | Effect::AlreadyPlaced => {
                    matches!(failure, Failure::Unknown { .. })
                }
                Effect::Throttled => matches!(failure, Failure::Throttled { .. }),
                Effect::NotDone
                | Effect::Gone
                | Effect::NotVisible
                | Effect::Underway
                | Effect::AlreadySo => {
                    matches!(&failure, Failure::Rejected(refusal) if refusal.code == rule.code)
                }
            };
            assert!(is_right, "{} {operation:?}: {failure:?}", rule.code);
        }
        let asked = told(Operation::Read);
        assert!(!matches!(asked, BinanceError::Unknown { .. }), "a question changes nothing");
    }
}

#[test]
fn an_unknown_code_is_a_refusal_by_4xx_and_an_unknown_outcome_by_5xx() {
    let body = r#"{"code":-7777,"msg":"of a later year"}"#;
    for (status, is_refused) in [(400, true), (401, true), (404, true), (500, false), (504, false)]
    {
        let answer = ErrorAnswer { status, retry_after: None, body };
        let told = classify(Operation::Place, NOW, answer);
        if is_refused {
            assert_eq!(told.code(), Some(-7_777), "{status}");
        } else {
            assert!(matches!(told, BinanceError::Unknown { .. }), "{status}: {told:?}");
        }
    }
}

/// Section 7.2, each body of its table, placing and asking.
#[test]
fn the_three_meanings_of_503_and_their_spellings() {
    let tell = |operation, body: &str| {
        classify(operation, NOW, ErrorAnswer { status: 503, retry_after: None, body })
    };
    let class_a =
        r#"{"code":-1000,"msg":"Unknown error, please check your request or try again later."}"#;
    let class_b = r#"{"code":0,"msg":"Service Unavailable."}"#;
    let class_b_too = r#"{"code":-1001,"msg":"Internal error; unable to process your request. Please try again."}"#;
    let class_c = r#"{"code":-1008,"msg":"Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again."}"#;
    for operation in [Operation::Place, Operation::Change] {
        assert!(matches!(tell(operation, class_a), BinanceError::Unknown { .. }));
        assert!(matches!(tell(operation, class_b), BinanceError::NotProcessed { .. }));
        assert!(matches!(tell(operation, class_b_too), BinanceError::NotProcessed { .. }));
        assert!(matches!(tell(operation, class_c), BinanceError::Overloaded { .. }));
        for other in ["", "<html>503</html>", r#"{"code":-1016,"msg":"shutting down"}"#, "{}"] {
            assert!(matches!(tell(operation, other), BinanceError::Unknown { .. }), "{other}");
        }
    }
    assert!(matches!(tell(Operation::Read, class_a), BinanceError::NotProcessed { .. }));
}
