//! Time as the daemon keeps it: nanoseconds since the Unix epoch, and the one-second grid.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// A moment: nanoseconds since the Unix epoch, UTC.
///
/// Arithmetic saturates at the ends of the range (years 1677 and 2262), which no clock reaches.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// One second of the recording grid, named by the Unix second at which it ends.
///
/// Second T holds everything received before T; its flow covers [T − 1 s, T).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Second(i64);

/// A text that is no RFC 3339 moment, or a number of milliseconds beyond the range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a moment in RFC 3339 (like 2026-11-21T14:03:07Z): {0:?}")]
pub struct TimeError(pub String);

impl Timestamp {
    /// The last representable moment: a deadline that never comes.
    pub const MAX: Self = Self(i64::MAX);

    /// Makes a moment of nanoseconds since the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Makes a moment of microseconds since the epoch, held at the range's ends.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// Makes a moment of milliseconds since the epoch, held at the range's ends.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(NANOS_PER_MILLI))
    }

    /// Makes a moment of seconds since the epoch, held at the range's ends.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MILLI)
    }

    /// Time passed since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment a duration earlier.
    #[must_use]
    pub fn earlier_by(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(duration)))
    }

    /// The second of the grid that will hold what is received now: the next whole second.
    #[must_use]
    pub const fn second(self) -> Second {
        Second(self.0.div_euclid(NANOS_PER_SECOND) + 1)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(duration)))
    }
}

fn nanos_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl Second {
    /// Makes the grid second that ends at the given Unix second.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The Unix second at which it ends.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The moment at which it ends and its row is cut.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        Timestamp::from_seconds(self.0)
    }

    /// The second `count` seconds later (earlier if negative).
    #[must_use]
    pub const fn plus(self, count: i64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// The following second.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// Seconds from `earlier` to this one; negative if `earlier` is later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(moment) => formatter.pad(&moment.to_string()),
            Err(_) => write!(formatter, "{} ns", self.0),
        }
    }
}

impl std::fmt::Display for Second {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.end().fmt(formatter)
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let error = || TimeError(text.chars().take(40).collect());
        let moment: jiff::Timestamp = text.parse().map_err(|_| error())?;
        i64::try_from(moment.as_nanosecond()).map(Self).map_err(|_| error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_on_the_very_second_belongs_to_the_next_row() {
        let at = Timestamp::from_seconds(1_700_000_000);
        assert_eq!(at.second(), Second::from_unix(1_700_000_001));
        assert_eq!(
            Timestamp::from_nanos(at.nanos() - 1).second(),
            Second::from_unix(1_700_000_000)
        );
    }

    #[test]
    fn rfc_3339_reads_and_writes() {
        let moment: Timestamp = "2026-11-21T14:03:07Z".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-11-21T14:03:07Z");
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn time_never_runs_negative_or_wraps() {
        let (early, late) = (Timestamp::from_seconds(1), Timestamp::from_seconds(2));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
    }
}
