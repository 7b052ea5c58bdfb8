//! What the engine's own questions may cost, so that looking never starves acting (promise I12).
//!
//! The venue allows 2,400 of weight a minute; the client uses 80 % of it and keeps 200 of that for
//! cancels. The more symbols there are, the dearer a question is and the more rarely it is asked.

use std::time::Duration;

/// For reports of the whole account. 80 are left for income, which weighs 30 and is asked for twice
/// a minute at most, and for the account's terms.
const ACCOUNT_WEIGHT_PER_MINUTE: u64 = 800;
/// For entries that work.
const ENTRY_WEIGHT_PER_MINUTE: u64 = 120;
/// For the positions that are polled one by one: what is left beside the part kept for cancels.
const POSITION_WEIGHT_PER_MINUTE: u64 = 720;
/// Positions and balances of the account.
const ACCOUNT_WEIGHT: u64 = 10;
/// Orders, stops and trades of one symbol.
const SYMBOL_WEIGHT: u64 = 7;
/// One order.
const ORDER_WEIGHT: u64 = 1;
/// One position.
const POSITION_WEIGHT: u64 = 5;
/// No question is asked more often than this, however cheap it is.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// A fill that no stream tells of is to be found and covered within the three seconds of I4.
const SHORTEST_ENTRY_INTERVAL: Duration = Duration::from_secs(2);

/// The shortest time between two reports of an account that trades so many symbols.
pub(super) fn account_interval(symbols: usize) -> Duration {
    let symbols = u64::try_from(symbols).unwrap_or(u64::MAX);
    let weight = SYMBOL_WEIGHT.saturating_mul(symbols).saturating_add(ACCOUNT_WEIGHT);
    interval(weight, ACCOUNT_WEIGHT_PER_MINUTE)
}

/// The time between two questions for an entry, where so many work.
pub(super) fn entry_interval(entries: usize) -> Duration {
    let entries = u64::try_from(entries).unwrap_or(u64::MAX);
    interval(ORDER_WEIGHT.saturating_mul(entries), ENTRY_WEIGHT_PER_MINUTE)
        .max(SHORTEST_ENTRY_INTERVAL)
}

/// The shortest time between two polls of a position, where so many may be polled.
pub(super) fn position_interval(positions: usize) -> Duration {
    let positions = u64::try_from(positions).unwrap_or(u64::MAX);
    interval(POSITION_WEIGHT.saturating_mul(positions), POSITION_WEIGHT_PER_MINUTE)
}

fn interval(weight: u64, weight_per_minute: u64) -> Duration {
    let millis = weight.saturating_mul(60_000).div_ceil(weight_per_minute);
    Duration::from_millis(millis).max(SHORTEST_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_of_questions_costs_what_it_may_whatever_the_number_of_symbols() {
        for symbols in 1..=100_u64 {
            let count = usize::try_from(symbols).unwrap();
            let in_a_minute =
                |interval: Duration| 60_000 / u64::try_from(interval.as_millis()).unwrap();
            let accounts = in_a_minute(account_interval(count)) * (10 + 7 * symbols);
            let polls = in_a_minute(position_interval(count)) * 5 * symbols;
            let entries = in_a_minute(entry_interval(count)) * symbols;
            let sum = accounts + polls + entries;
            assert!(sum <= 80 + 800 + 120 + 720, "{symbols}: {accounts}, {polls}, {entries}");
        }
        assert_eq!(position_interval(2), Duration::from_secs(1), "few are polled each second");
        assert_eq!(entry_interval(4), Duration::from_secs(2));
    }
}
