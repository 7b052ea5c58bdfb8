//! How far the venue's clock stands from ours (exchange-api.md 3.1). Pure.

use std::time::Duration;

use crate::domain::Timestamp;

/// One question for the venue's time, and when it was asked and answered by our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSample {
    /// When the question left.
    pub sent: Timestamp,
    /// When the answer came.
    pub received: Timestamp,
    /// What it said.
    pub server: Timestamp,
}

/// The venue's clock less ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockOffset {
    /// Nanoseconds; positive if the venue is ahead.
    pub nanos: i64,
    /// The round trip of the sample it comes from: the offset is known to within half of it.
    pub round_trip: Duration,
}

/// The offset of the sample with the shortest round trip; `None` without samples.
#[must_use]
pub fn best_offset(samples: &[TimeSample]) -> Option<ClockOffset> {
    let best = samples.iter().min_by_key(|sample| sample.received.since(sample.sent))?;
    let middle = i64::midpoint(best.sent.nanos(), best.received.nanos());
    Some(ClockOffset {
        nanos: best.server.nanos().saturating_sub(middle),
        round_trip: best.received.since(best.sent),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_with_the_shortest_round_trip_decides() {
        let sample = |sent, received, server| TimeSample {
            sent: Timestamp::from_millis(sent),
            received: Timestamp::from_millis(received),
            server: Timestamp::from_millis(server),
        };
        let samples = [sample(0, 900, 2_900), sample(1_000, 1_020, 3_010), sample(2_000, 2_050, 0)];
        let offset = best_offset(&samples).unwrap();
        assert_eq!(offset.nanos, 2_000_000_000);
        assert_eq!(offset.round_trip, Duration::from_millis(20));
        assert_eq!(best_offset(&[]), None);
    }
}
