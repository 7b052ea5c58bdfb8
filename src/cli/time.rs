//! `lobd time`: the venue's clock against ours.

use serde::Serialize;

use super::live::{client, time_text};
use super::{CommandError, Context};

/// Shows the exchange's time and how far it stands from this machine's clock.
///
/// Example: `lobd time`
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

#[derive(Debug, Serialize)]
struct Reading {
    server_time: String,
    offset_ms: i64,
    round_trip_ms: u64,
}

/// Runs `lobd time`.
pub(super) async fn run(_args: &Args, context: &Context) -> Result<(), CommandError> {
    let rest = client(context)?;
    let offset = rest.measure_clock().await?;
    let now = rest.now().nanos().saturating_add(offset.nanos);
    let time = Reading {
        server_time: time_text(crate::domain::Timestamp::from_nanos(now)),
        offset_ms: offset.nanos / 1_000_000,
        round_trip_ms: u64::try_from(offset.round_trip.as_millis()).unwrap_or(u64::MAX),
    };
    let output = context.output();
    if output.is_json() {
        return output.json(&time);
    }
    output.table(
        &["exchange time", "ahead of this machine, ms", "round trip, ms"],
        [vec![time.server_time, time.offset_ms.to_string(), time.round_trip_ms.to_string()]],
    )
}
