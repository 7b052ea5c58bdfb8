//! The dead-man's switch of an account (exchange-api.md 4.5).

use std::time::Duration;

use serde::Serialize;

use crate::domain::Symbol;

use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::{Answer, to_json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Countdown {
    symbol: Symbol,
    countdown_time: String,
}

/// Starts, renews or, with zero, stops the countdown of a symbol.
pub(super) fn cancel_all(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    parameters.required("countdownTime")?;
    let time: u64 =
        parameters.integer("countdownTime")?.ok_or_else(|| Refusal::mandatory("countdownTime"))?;
    parameters.only(&["symbol", "countdownTime"])?;
    let (now, account) = (floor.now(), floor.account);
    floor.exchange.set_countdown(now, account, symbol, Duration::from_millis(time))?;
    to_json(&Countdown { symbol, countdown_time: time.to_string() })
}
