//! Decimal text to and from 1e-8 fixed point, without passing through a float.
//!
//! Invariants: **1** parse∘format is the identity on every value; **2** text that 1e-8 cannot
//! hold exactly is refused, never rounded; **3** overflow is an error, never a wrap.

use thiserror::Error;

/// Units of the fixed-point grid in one whole: values are stored as multiples of 1e-8.
pub const UNITS_PER_ONE: i64 = 100_000_000;

/// Decimal places of the fixed-point grid.
pub const DECIMALS: u32 = 8;

/// Why a decimal text or an arithmetic result is not a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// The text is not a decimal number.
    #[error("not a decimal number: {0:?}")]
    Malformed(String),
    /// The text has more digits after the point than 1e-8 holds.
    #[error("finer than 1e-8: {0:?}")]
    Inexact(String),
    /// The value does not fit the fixed-point range (about ±92 billion).
    #[error("beyond the fixed-point range: {0}")]
    Overflow(String),
    /// The value may not be negative.
    #[error("must not be negative: {0}")]
    Negative(String),
}

/// Parses decimal text into units of 1e-8.
///
/// Accepts a sign, a point and an exponent (`-0.10`, `7.0E-4`, `12.`), as the venue spells numbers
/// in different answers. Extra digits after the eighth place are accepted only if they are zeros;
/// a mantissa of more than 38 digits is an overflow.
///
/// # Errors
/// [`DecimalError::Malformed`], [`DecimalError::Inexact`] or [`DecimalError::Overflow`].
///
/// # Examples
/// ```
/// # use lobd::domain::decimal::parse_units;
/// assert_eq!(parse_units("0.1"), Ok(10_000_000));
/// assert_eq!(parse_units("7.0E-4"), Ok(70_000));
/// assert!(parse_units("0.000000001").is_err());
/// ```
pub fn parse_units(text: &str) -> Result<i64, DecimalError> {
    parse_plain(text.as_bytes()).map_or_else(|| parse_any(text), Ok)
}

/// The common spelling, digits with or without a point, in machine words; `None` leaves the text
/// to [`parse_any`], which also names what is wrong with it. Depth messages are made of these.
fn parse_plain(bytes: &[u8]) -> Option<i64> {
    const MAX_LENGTH: usize = 18; // so many digits fit a u64
    const POWERS: [u64; 9] =
        [100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    if bytes.len() > MAX_LENGTH {
        return None;
    }
    let (mut units, mut digits, mut whole_digits) = (0_u64, 0_usize, None);
    for &byte in bytes {
        match byte {
            b'0'..=b'9' => {
                units = units * 10 + u64::from(byte - b'0');
                digits += 1;
            }
            b'.' if whole_digits.is_none() => whole_digits = Some(digits),
            _ => return None,
        }
    }
    let places = digits - whole_digits.unwrap_or(digits);
    let units = units.checked_mul(*POWERS.get(places)?).filter(|_| digits > 0)?;
    i64::try_from(units).ok()
}

/// Every spelling, and what is wrong with those that are none.
fn parse_any(text: &str) -> Result<i64, DecimalError> {
    let malformed = || DecimalError::Malformed(excerpt(text));
    let bytes = text.as_bytes();
    let (negative, unsigned) = match bytes.first() {
        Some(b'-') => (true, &bytes[1..]),
        Some(b'+') => (false, &bytes[1..]),
        _ => (false, bytes),
    };
    let (mantissa, exponent) = split_exponent(unsigned).ok_or_else(malformed)?;
    let (mut units, mut digits, mut after_point) = (0_i128, 0_u32, None::<i32>);
    for &byte in mantissa {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                if let Some(places) = &mut after_point {
                    *places += 1;
                }
                units = units
                    .checked_mul(10)
                    .and_then(|shifted| shifted.checked_add(i128::from(byte - b'0')))
                    .ok_or_else(|| DecimalError::Overflow(excerpt(text)))?;
            }
            b'.' if after_point.is_none() => after_point = Some(0),
            _ => return Err(malformed()),
        }
    }
    if digits == 0 {
        return Err(malformed());
    }
    let shift = DECIMALS.cast_signed() + exponent - after_point.unwrap_or(0);
    let scaled = scale(units, shift, text)?;
    i64::try_from(if negative { -scaled } else { scaled })
        .map_err(|_| DecimalError::Overflow(excerpt(text)))
}

/// Splits `1.5E-4` into its mantissa and exponent; `None` if the exponent is no small integer.
fn split_exponent(bytes: &[u8]) -> Option<(&[u8], i32)> {
    let Some(at) = bytes.iter().position(|byte| matches!(byte, b'e' | b'E')) else {
        return Some((bytes, 0));
    };
    let exponent: i32 = std::str::from_utf8(&bytes[at + 1..]).ok()?.parse().ok()?;
    (-40..=40).contains(&exponent).then_some((&bytes[..at], exponent))
}

fn scale(units: i128, shift: i32, text: &str) -> Result<i128, DecimalError> {
    let power = 10_i128.checked_pow(shift.unsigned_abs());
    match (shift >= 0, power) {
        _ if units == 0 => Ok(0),
        (true, Some(power)) => {
            units.checked_mul(power).ok_or_else(|| DecimalError::Overflow(excerpt(text)))
        }
        (false, Some(power)) if units % power == 0 => Ok(units / power),
        (true, None) => Err(DecimalError::Overflow(excerpt(text))),
        (false, _) => Err(DecimalError::Inexact(excerpt(text))),
    }
}

/// Writes units of 1e-8 as the shortest exact decimal, without an exponent.
///
/// # Errors
/// Only those of the formatter.
pub fn write_units(units: i64, out: &mut impl std::fmt::Write) -> std::fmt::Result {
    let magnitude = units.unsigned_abs();
    let one = UNITS_PER_ONE.unsigned_abs();
    let (whole, mut fraction) = (magnitude / one, magnitude % one);
    let sign = if units < 0 { "-" } else { "" };
    if fraction == 0 {
        return write!(out, "{sign}{whole}");
    }
    let mut places = DECIMALS as usize;
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        places -= 1;
    }
    write!(out, "{sign}{whole}.{fraction:0places$}")
}

/// Input may be hostile: an error message quotes at most this much of it.
fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Defines a newtype over i64 units of 1e-8 with text, serde and checked arithmetic.
///
/// Serialises as decimal text for people (JSON) and as the integer for machines (journal).
macro_rules! fixed_point {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(i64);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);

            /// The value in units of 1e-8.
            #[must_use]
            pub const fn units(self) -> i64 {
                self.0
            }

            /// Whether the value is zero.
            #[must_use]
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// The value as a float, for features, models and statistics only.
            #[must_use]
            #[expect(clippy::cast_precision_loss, reason = "floats belong to statistics only")]
            pub fn to_f64(self) -> f64 {
                self.0 as f64 / $crate::domain::decimal::UNITS_PER_ONE as f64
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut text = String::with_capacity(20);
                $crate::domain::decimal::write_units(self.0, &mut text)?;
                formatter.pad(&text)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::decimal::DecimalError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::from_units($crate::domain::decimal::parse_units(text)?)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_i64(self.0)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                let units = $crate::domain::decimal::deserialize_units(source)?;
                Self::from_units(units).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use fixed_point;

/// Reads units of 1e-8 from decimal text (people's formats) or an integer (the journal).
pub(crate) fn deserialize_units<'de, D: serde::Deserializer<'de>>(
    source: D,
) -> Result<i64, D::Error> {
    struct Text;
    impl serde::de::Visitor<'_> for Text {
        type Value = i64;
        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a decimal number as text")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<i64, E> {
            parse_units(text).map_err(E::custom)
        }
    }
    if source.is_human_readable() {
        source.deserialize_str(Text)
    } else {
        <i64 as serde::Deserialize>::deserialize(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_the_venue_uses_parses_exactly() {
        for (text, units) in [
            ("0", 0),
            ("0.00", 0),
            ("-0", 0),
            ("1", UNITS_PER_ONE),
            ("28145.10", 2_814_510_000_000),
            ("7.0E-4", 70_000),
            ("1e3", 1_000 * UNITS_PER_ONE),
            ("-0.00000001", -1),
            (".5", 50_000_000),
            ("5.", 500_000_000),
            ("0.1000000000000", 10_000_000),
            ("92233720368.54775807", i64::MAX),
        ] {
            assert_eq!(parse_units(text), Ok(units), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_number_or_does_not_fit_is_refused() {
        for text in ["", "-", ".", "1.2.3", "abc", "1e", "1e999", "0x10", " 1", "1 ", "NaN", "--1"]
        {
            assert!(matches!(parse_units(text), Err(DecimalError::Malformed(_))), "{text:?}");
        }
        assert!(matches!(parse_units("1e-9"), Err(DecimalError::Inexact(_))));
        for text in ["92233720368.54775808", "1e12", "1e40", &"9".repeat(60)] {
            assert!(matches!(parse_units(text), Err(DecimalError::Overflow(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn invariant_1_parse_of_format_is_the_identity(units in any::<i64>()) {
            let mut text = String::new();
            write_units(units, &mut text).unwrap();
            prop_assert_eq!(parse_units(&text), Ok(units));
        }

        #[test]
        fn the_common_spelling_is_read_as_any_other(text in "[0-9]{0,10}[.]{0,2}[0-9]{0,10}") {
            if let Some(units) = parse_plain(text.as_bytes()) {
                prop_assert_eq!(parse_any(&text), Ok(units));
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,60}") {
            let _ = parse_units(&text);
        }
    }
}
