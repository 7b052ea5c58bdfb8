//! The lengths of candles: from a minute to a calendar month, all in UTC.

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The first Monday of the Unix calendar.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;

/// How long a candle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    name: &'static str,
    span: Span,
    index: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Span {
    /// So many milliseconds, counted from a moment at which one begins.
    Fixed { length_ms: i64, from_ms: i64 },
    /// A calendar month.
    Month,
}

const fn fixed(index: usize, name: &'static str, length_ms: i64) -> Interval {
    Interval { name, span: Span::Fixed { length_ms, from_ms: 0 }, index }
}

/// Every length there is, shortest first (exchange-api.md 2.1).
pub const INTERVALS: [Interval; 15] = [
    fixed(0, "1m", MINUTE_MS),
    fixed(1, "3m", 3 * MINUTE_MS),
    fixed(2, "5m", 5 * MINUTE_MS),
    fixed(3, "15m", 15 * MINUTE_MS),
    fixed(4, "30m", 30 * MINUTE_MS),
    fixed(5, "1h", HOUR_MS),
    fixed(6, "2h", 2 * HOUR_MS),
    fixed(7, "4h", 4 * HOUR_MS),
    fixed(8, "6h", 6 * HOUR_MS),
    fixed(9, "8h", 8 * HOUR_MS),
    fixed(10, "12h", 12 * HOUR_MS),
    fixed(11, "1d", DAY_MS),
    fixed(12, "3d", 3 * DAY_MS),
    Interval {
        name: "1w",
        span: Span::Fixed { length_ms: 7 * DAY_MS, from_ms: FIRST_MONDAY_MS },
        index: 13,
    },
    Interval { name: "1M", span: Span::Month, index: 14 },
];

impl Interval {
    /// One minute.
    pub const MINUTE: Self = INTERVALS[0];

    /// The length of a name, `m` and `M` told apart.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        INTERVALS.into_iter().find(|interval| interval.name == name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Its place in [`INTERVALS`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.index
    }

    /// The first millisecond of the candle that holds a moment.
    #[must_use]
    pub fn open_of(self, millis: i64) -> i64 {
        match self.span {
            Span::Fixed { length_ms, from_ms } => millis - (millis - from_ms).rem_euclid(length_ms),
            Span::Month => month_of(millis).0,
        }
    }

    /// The last millisecond of the candle that holds a moment.
    #[must_use]
    pub fn close_of(self, millis: i64) -> i64 {
        match self.span {
            Span::Fixed { length_ms, .. } => self.open_of(millis) + length_ms - 1,
            Span::Month => month_of(millis).1,
        }
    }
}

/// The first and the last millisecond of a moment's month.
fn month_of(millis: i64) -> (i64, i64) {
    let day = millis.div_euclid(DAY_MS);
    let Ok(moment) = jiff::Timestamp::from_millisecond(millis) else { return (millis, millis) };
    let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
    let first = day - i64::from(date.day() - 1);
    let length = i64::from(date.days_in_month());
    (first * DAY_MS, (first + length) * DAY_MS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(name: &str, moment: &str) -> (String, String) {
        let interval = Interval::parse(name).unwrap();
        let millis = moment.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let text = |millis| jiff::Timestamp::from_millisecond(millis).unwrap().to_string();
        (text(interval.open_of(millis)), text(interval.close_of(millis)))
    }

    #[test]
    fn weeks_begin_on_monday_and_months_with_their_first_day() {
        let of = |open: &str, close: &str| (open.to_owned(), close.to_owned());
        let moment = "2024-02-29T13:47:12.345Z";
        assert_eq!(bounds("15m", moment), of("2024-02-29T13:45:00Z", "2024-02-29T13:59:59.999Z"));
        assert_eq!(bounds("1w", moment), of("2024-02-26T00:00:00Z", "2024-03-03T23:59:59.999Z"));
        assert_eq!(bounds("1M", moment), of("2024-02-01T00:00:00Z", "2024-02-29T23:59:59.999Z"));
    }

    #[test]
    fn a_minute_is_no_month_and_a_second_is_nothing() {
        assert_ne!(Interval::parse("1m"), Interval::parse("1M"));
        assert_eq!(Interval::parse("1s"), None);
        assert!(INTERVALS.iter().enumerate().all(|(place, one)| one.index() == place));
    }
}
