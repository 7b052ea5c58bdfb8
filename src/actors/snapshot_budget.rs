//! How often books may be fetched: one token bucket for all symbols, and a backoff for each
//! (exchange-api.md 2.6). Pure.
//!
//! Invariants: **1** in any minute the snapshots of all symbols together weigh less than what the
//! venue grants, so that orders and reconciliation keep their part; **2** a symbol whose book is lost
//! again and again is fetched ever more seldom, at least a second apart, never all at once.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::domain::{Symbol, Timestamp};

/// A snapshot of 1,000 levels, or a page of trades.
const WEIGHT: u64 = 20;
/// What may be spent at once: twenty symbols after a start or a lost line.
const CAPACITY: u64 = 400;
/// What comes back each second: with the capacity, 1,600 in the worst minute, of the venue's 2,400.
const REFILL_A_SECOND: u64 = 20;
const SHORTEST: Duration = Duration::from_secs(1);
const MOST_DOUBLINGS: u32 = 3;

const MILLIS: u64 = 1_000;

/// The bucket and what each symbol has had of it.
#[derive(Debug, Clone)]
pub(super) struct SnapshotBudget {
    jitter: ChaCha8Rng,
    /// In thousandths of a weight, so that a millisecond counts.
    level: u64,
    filled_at: Timestamp,
    symbols: BTreeMap<Symbol, Turn>,
}

/// When a symbol may be fetched again.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    not_before: Timestamp,
    /// Fetches since the book was last proven.
    attempts: u32,
}

impl SnapshotBudget {
    /// A full bucket.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            jitter: ChaCha8Rng::seed_from_u64(seed),
            level: CAPACITY * MILLIS,
            filled_at: Timestamp::default(),
            symbols: BTreeMap::new(),
        }
    }

    /// Takes a symbol's turn for a snapshot, if it has one.
    pub(super) fn take(&mut self, symbol: Symbol, now: Timestamp) -> bool {
        let turn = self.symbols.get(&symbol).copied().unwrap_or_default();
        if now < turn.not_before || !self.spend(now) {
            return false;
        }
        let wait = SHORTEST.saturating_mul(1 << turn.attempts.min(MOST_DOUBLINGS));
        let spread = u32::try_from(wait.as_millis() / 2).unwrap_or(u32::MAX);
        let jitter = Duration::from_millis(u64::from(self.jitter.next_u32() % spread.max(1)));
        let attempts = turn.attempts.saturating_add(1);
        self.symbols.insert(symbol, Turn { not_before: now + wait + jitter, attempts });
        true
    }

    /// Takes the weight of one more question, of whatever it is.
    pub(super) fn spend(&mut self, now: Timestamp) -> bool {
        let passed = u64::try_from(now.since(self.filled_at).as_millis()).unwrap_or(u64::MAX);
        self.level = passed.saturating_mul(REFILL_A_SECOND).saturating_add(self.level);
        self.level = self.level.min(CAPACITY * MILLIS);
        self.filled_at = self.filled_at.max(now);
        let rest = self.level.checked_sub(WEIGHT * MILLIS);
        self.level = rest.unwrap_or(self.level);
        rest.is_some()
    }

    /// A symbol's book is proven: its next loss is a new one.
    pub(super) fn on_proven(&mut self, symbol: Symbol) {
        if let Some(turn) = self.symbols.get_mut(&symbol) {
            turn.attempts = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(number: usize) -> Symbol {
        Symbol::new(&format!("S{number}USDT")).unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + millis)
    }

    #[test]
    fn invariant_1_no_minute_of_any_number_of_symbols_weighs_more_than_1_600() {
        let mut budget = SnapshotBudget::new(1);
        let mut taken = Vec::new();
        for millis in (0..180_000).step_by(100) {
            for number in 0..200 {
                if budget.take(symbol(number), at(millis)) {
                    budget.on_proven(symbol(number));
                    taken.push(millis);
                }
            }
        }
        assert_eq!(taken.iter().filter(|millis| **millis == 0).count(), 20, "twenty at once");
        for start in (0..120_000).step_by(1_000) {
            let minute = start..start + 60_000;
            let weight = taken.iter().filter(|millis| minute.contains(*millis)).count() * 20;
            assert!(weight <= 1_600, "{weight} from {start} on");
        }
        assert!(taken.len() >= 195, "what comes back is used: {}", taken.len());
    }

    #[test]
    fn invariant_2_a_book_lost_again_and_again_waits_longer_and_a_proven_one_does_not() {
        let mut budget = SnapshotBudget::new(1);
        let mut times = Vec::new();
        for millis in (0..60_000).step_by(10) {
            if budget.take(symbol(0), at(millis)) {
                times.push(millis);
            }
        }
        let waits: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (wait, whole) in waits.iter().zip([1_000, 2_000, 4_000, 8_000, 8_000]) {
            assert!((whole..=whole * 3 / 2 + 10).contains(wait), "{waits:?}");
        }
        budget.on_proven(symbol(0));
        let next = times[times.len() - 1] + 12_010;
        assert!(budget.take(symbol(0), at(next)));
        assert!(!budget.take(symbol(0), at(next + 999)));
        assert!(budget.take(symbol(0), at(next + 1_500)));
    }

    #[test]
    fn symbols_lost_together_do_not_come_back_together() {
        let mut budget = SnapshotBudget::new(1);
        assert!((0..10).all(|number| budget.take(symbol(number), at(0))));
        let firsts = (0..10).map(|number| {
            (1_000..1_600).find(|millis| budget.clone().take(symbol(number), at(*millis)))
        });
        let firsts: std::collections::BTreeSet<_> = firsts.collect();
        assert!(firsts.len() >= 8, "{firsts:?}");
    }
}
