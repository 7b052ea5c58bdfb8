//! Spans of time as people type them: `300ms`, `5s`, `2m`, `1h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Each unit with its milliseconds, the longest first.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// No exchange is disturbed for longer: a year.
const LONGEST_MS: u64 = 365 * 24 * 3_600_000;

/// A span of whole milliseconds, at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

impl Span {
    /// So many milliseconds; `None` beyond a year.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Option<Self> {
        if millis <= LONGEST_MS { Some(Self(millis)) } else { None }
    }

    /// Its milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The same as a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl FromStr for Span {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(())?;
        let number: u64 = number.parse().map_err(|_| ())?;
        number.checked_mul(*millis).and_then(Self::from_millis).ok_or(())
    }
}

impl fmt::Display for Span {
    /// In the longest unit that holds it exactly.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return formatter.write_str("0s");
        }
        let exact = UNITS.iter().find(|(_, millis)| self.0.is_multiple_of(*millis));
        let (unit, millis) = exact.copied().unwrap_or(("ms", 1));
        write!(formatter, "{}{unit}", self.0 / millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_in_the_longest_unit_that_holds_it() {
        for (typed, written) in
            [("300ms", "300ms"), ("5000ms", "5s"), ("90s", "90s"), ("120m", "2h"), ("0ms", "0s")]
        {
            assert_eq!(typed.parse::<Span>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "5", "s", "-1s", "1.5s", "9000h", "5 s", "99999999999999999999s"] {
            assert!(text.parse::<Span>().is_err(), "{text:?}");
        }
    }
}
