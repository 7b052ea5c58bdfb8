//! Any text as a number: every fixed-point type beside arithmetic on digits, and JSON numbers as
//! the wire reader takes them.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use lobd::binance::wire::Text;
use lobd::domain::decimal::{parse_units, write_units};
use lobd::domain::{Amount, DecimalError, Exposure, Price, Quantity, Rate};

/// Digits up to which the parser promises to read any spelling of a value it can hold.
const PROMISED_DIGITS: usize = 38;

fuzz_target!(|text: &str| {
    let exact = exact_units(text);
    match (parse_units(text), exact) {
        (Ok(units), exact) => assert_eq!(Some(units), exact, "{text}"),
        (Err(error), Some(units)) => {
            assert!(digits(text) > PROMISED_DIGITS, "{text} is {units}, not {error}");
        }
        (Err(error), None) => assert!(error.to_string().len() < 400, "{error}"),
    }
    if let Some(units) = exact {
        let mut written = String::new();
        assert!(write_units(units, &mut written).is_ok());
        assert_eq!(parse_units(&written), Ok(units), "{written}");
    }
    reads_back::<Price>(text, exact);
    reads_back::<Quantity>(text, exact);
    reads_back::<Exposure>(text, exact);
    reads_back::<Amount>(text, exact);
    reads_back::<Rate>(text, exact);
    as_json(text);
});

/// A value that parses is written and read back, as text and as JSON; no other value is made.
fn reads_back<T>(text: &str, exact: Option<i64>)
where
    T: FromStr<Err = DecimalError> + Display + Debug + PartialEq + serde::Serialize,
    T: serde::de::DeserializeOwned,
{
    let Ok(value) = text.parse::<T>() else { return };
    let written = value.to_string();
    assert_eq!(parse_units(&written).ok(), exact, "{text} became {written}");
    assert_eq!(written.parse::<T>().as_ref(), Ok(&value));
    let json = serde_json::to_string(&value).unwrap_or_default();
    assert_eq!(serde_json::from_str::<T>(&json).ok().as_ref(), Some(&value), "{json}");
    let bytes = postcard::to_stdvec(&value).unwrap_or_default();
    assert_eq!(postcard::from_bytes::<T>(&bytes).ok().as_ref(), Some(&value));
}

/// A bare JSON number read by the wire reader means what its spelling means, or is refused.
fn as_json(text: &str) {
    let Ok(read) = serde_json::from_str::<Text>(text) else { return };
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return;
    }
    if let (Ok(read), Some(exact)) = (parse_units(read.as_str()), exact_units(text.trim())) {
        assert_eq!(read, exact, "{text}");
    }
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// The value in units of 1e-8 by moving digits about as text; `None` if it is none or not exact.
fn exact_units(text: &str) -> Option<i64> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], unsigned[at + 1..].parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = (-40..=40).contains(&exponent)
        && whole.len() + fraction.len() > 0
        && [whole, fraction].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_number {
        return None;
    }
    let mut moved = format!("{whole}{fraction}");
    let places = i64::from(exponent) + 8 - i64::try_from(fraction.len()).ok()?;
    for _ in 0..places.max(0) {
        moved.push('0');
    }
    for _ in places..0 {
        if !matches!(moved.pop(), None | Some('0')) {
            return None;
        }
    }
    let significant = moved.trim_start_matches('0');
    let significant = if significant.is_empty() { "0" } else { significant };
    format!("{sign}{significant}").parse().ok()
}
