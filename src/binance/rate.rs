//! The venue's request limits, kept by counting before asking (exchange-api.md 6). Pure.
//!
//! Windows are fixed intervals of the venue's clock. Invariants: **1** in no window is more
//! admitted than 80 % of a limit; **2** of that, a part is kept for protective requests; **3** what
//! the venue counts (its headers) is believed where it is more than we count; **4** while the venue
//! asks for silence, nothing is admitted.

use std::time::Duration;

use super::error::BinanceError;
use super::parse::{RateLimitKind, RateLimitRule};
use crate::domain::Timestamp;

/// Of each limit, this much may be used.
const USABLE_PERCENT: u32 = 80;
/// Of the order limits, this much is kept for protective orders.
const ORDERS_RESERVE_PERCENT: u32 = 20;
/// Of the weight limit per minute, this much is kept for cancels and reconciliation.
const WEIGHT_RESERVE: u32 = 200;

/// What a request costs, and how much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Request weight.
    pub weight: u32,
    /// Orders placed.
    pub orders: u32,
    /// Whether it protects: a cancel, a stop, a reduce-only order, a query, a reconciliation.
    pub is_protective: bool,
}

/// The limits and what is used of them.
#[derive(Debug, Clone)]
pub struct RateBudget {
    windows: Vec<Window>,
    silent_until: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Window {
    rule: RateLimitRule,
    /// Which window of the rule's length since the epoch is counted.
    index: i64,
    used: u32,
}

impl RateBudget {
    /// A budget by the given limits.
    #[must_use]
    pub fn new(rules: &[RateLimitRule]) -> Self {
        let windows = rules.iter().map(|&rule| Window { rule, index: 0, used: 0 }).collect();
        Self { windows, silent_until: None }
    }

    /// The limits of production, the strictest documented: used until exchangeInfo was read.
    #[must_use]
    pub fn documented() -> Self {
        let rule = |kind, seconds, limit| RateLimitRule {
            kind,
            window: Duration::from_secs(seconds),
            limit,
        };
        Self::new(&[
            rule(RateLimitKind::RequestWeight, 60, 2_400),
            rule(RateLimitKind::Orders, 60, 1_200),
            rule(RateLimitKind::Orders, 10, 300),
        ])
    }

    /// Takes over the limits the venue names, keeping what is already counted.
    pub fn set_rules(&mut self, rules: &[RateLimitRule]) {
        if rules.is_empty() {
            return;
        }
        let fresh = Self::new(rules).windows.into_iter();
        let known = std::mem::take(&mut self.windows);
        self.windows = fresh
            .map(|mut window| {
                let same = |old: &&Window| {
                    old.rule.kind == window.rule.kind && old.rule.window == window.rule.window
                };
                if let Some(old) = known.iter().find(same) {
                    (window.index, window.used) = (old.index, old.used);
                }
                window
            })
            .collect();
    }

    /// Counts a request in, or says why it may not go out. `now` is the venue's time.
    ///
    /// # Errors
    /// [`BinanceError::Throttled`] while the venue asks for silence, [`BinanceError::HeldBack`] if
    /// a limit has no room; then nothing is counted.
    pub fn admit(&mut self, now: Timestamp, cost: Cost) -> Result<(), BinanceError> {
        match self.silent_until {
            Some(until) if now < until => return Err(BinanceError::Throttled { until }),
            Some(_) | None => self.silent_until = None,
        }
        for window in &mut self.windows {
            window.roll(now);
        }
        let full = self.windows.iter().filter(|window| !window.has_room(cost));
        if let Some(window) = full.max_by_key(|window| window.end()) {
            return Err(BinanceError::HeldBack { budget: window.name(), until: window.end() });
        }
        for window in &mut self.windows {
            window.used = window.used.saturating_add(window.share(cost));
        }
        Ok(())
    }

    /// Believes a header: the venue counts `used` in the current window of this kind and length.
    pub fn observe(&mut self, now: Timestamp, kind: RateLimitKind, length: Duration, used: u32) {
        let counted =
            |window: &&mut Window| window.rule.kind == kind && window.rule.window == length;
        if let Some(window) = self.windows.iter_mut().find(counted) {
            window.roll(now);
            window.used = window.used.max(used);
        }
    }

    /// Admits nothing before `until`.
    pub fn be_silent_until(&mut self, until: Timestamp) {
        self.silent_until = Some(self.silent_until.map_or(until, |known| known.max(until)));
    }

    /// What is used of a limit in its current window, and the limit.
    #[must_use]
    pub fn usage(&self, kind: RateLimitKind, length: Duration) -> Option<(u32, u32)> {
        self.windows
            .iter()
            .find(|window| window.rule.kind == kind && window.rule.window == length)
            .map(|window| (window.used, window.rule.limit))
    }
}

impl Window {
    fn length_nanos(&self) -> i64 {
        i64::try_from(self.rule.window.as_nanos()).unwrap_or(i64::MAX).max(1)
    }

    fn roll(&mut self, now: Timestamp) {
        let index = now.nanos().div_euclid(self.length_nanos());
        // A clock set back must not empty a window that the venue still counts.
        if index > self.index {
            (self.index, self.used) = (index, 0);
        }
    }

    fn end(&self) -> Timestamp {
        Timestamp::from_nanos((self.index.saturating_add(1)).saturating_mul(self.length_nanos()))
    }

    fn share(&self, cost: Cost) -> u32 {
        match self.rule.kind {
            RateLimitKind::RequestWeight => cost.weight,
            RateLimitKind::Orders => cost.orders,
        }
    }

    fn has_room(&self, cost: Cost) -> bool {
        let share = self.share(cost);
        let usable = percent(self.rule.limit, USABLE_PERCENT);
        let reserve = match (cost.is_protective, self.rule.kind) {
            (true, _) => 0,
            (false, RateLimitKind::RequestWeight) => WEIGHT_RESERVE.min(usable / 2),
            (false, RateLimitKind::Orders) => percent(self.rule.limit, ORDERS_RESERVE_PERCENT),
        };
        share == 0 || self.used.saturating_add(share) <= usable - reserve
    }

    fn name(&self) -> &'static str {
        match self.rule.kind {
            RateLimitKind::RequestWeight => "request weight",
            RateLimitKind::Orders => "order rate",
        }
    }
}

fn percent(limit: u32, percent: u32) -> u32 {
    u32::try_from(u64::from(limit) * u64::from(percent) / 100).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ENTRY: Cost = Cost { weight: 0, orders: 1, is_protective: false };
    const CLOSE: Cost = Cost { weight: 0, orders: 1, is_protective: true };
    const TEN_SECONDS: Duration = Duration::from_secs(10);

    fn admitted(budget: &mut RateBudget, now: Timestamp, cost: Cost) -> usize {
        (0..10_000).take_while(|_| budget.admit(now, cost).is_ok()).count()
    }

    #[test]
    fn entries_stop_before_protection_does_and_the_window_frees_both() {
        let mut budget = RateBudget::documented();
        let now = Timestamp::from_seconds(1_700_000_000);
        assert_eq!(admitted(&mut budget, now, ENTRY), 180, "60 % of 300");
        assert_eq!(admitted(&mut budget, now, CLOSE), 60, "up to 80 % of 300");
        let refusal = budget.admit(now, CLOSE);
        let until = Timestamp::from_seconds(1_700_000_010);
        assert_eq!(refusal, Err(BinanceError::HeldBack { budget: "order rate", until }));
        assert!(budget.admit(until, ENTRY).is_ok());
    }

    #[test]
    fn what_costs_nothing_of_a_full_limit_still_goes_out() {
        let mut budget = RateBudget::documented();
        let now = Timestamp::from_seconds(1_700_000_000);
        admitted(&mut budget, now, CLOSE);
        let cancel = Cost { weight: 1, orders: 0, is_protective: true };
        assert!(budget.admit(now, cancel).is_ok());
    }

    #[test]
    fn the_venues_own_count_is_believed_if_it_is_more() {
        let mut budget = RateBudget::documented();
        let now = Timestamp::from_seconds(1_700_000_000);
        budget.observe(now, RateLimitKind::Orders, TEN_SECONDS, 239);
        assert_eq!(admitted(&mut budget, now, CLOSE), 1);
        budget.observe(now, RateLimitKind::Orders, TEN_SECONDS, 3);
        assert_eq!(budget.usage(RateLimitKind::Orders, TEN_SECONDS), Some((240, 300)));
    }

    #[test]
    fn nothing_goes_out_while_the_venue_wants_silence() {
        let mut budget = RateBudget::documented();
        let now = Timestamp::from_seconds(1_700_000_000);
        let until = now + TEN_SECONDS;
        budget.be_silent_until(until);
        budget.be_silent_until(now);
        assert_eq!(budget.admit(now, CLOSE), Err(BinanceError::Throttled { until }));
        assert!(budget.admit(until, CLOSE).is_ok());
    }

    #[test]
    fn new_limits_keep_what_was_counted() {
        let mut budget = RateBudget::documented();
        let now = Timestamp::from_seconds(1_700_000_000);
        admitted(&mut budget, now, CLOSE);
        let kind = RateLimitKind::Orders;
        budget.set_rules(&[RateLimitRule { kind, window: TEN_SECONDS, limit: 300 }]);
        assert!(budget.admit(now, CLOSE).is_err());
    }

    proptest! {
        #[test]
        fn invariant_1_no_window_admits_more_than_the_usable_part(
            steps in prop::collection::vec((0_u64..3_000, 0_u32..40, any::<bool>()), 1..300),
        ) {
            let mut budget = RateBudget::documented();
            let mut now = Timestamp::from_seconds(1_700_000_000);
            let mut spent = std::collections::BTreeMap::<i64, u32>::new();
            for (wait, weight, is_protective) in steps {
                now = now + Duration::from_millis(wait);
                if budget.admit(now, Cost { weight, orders: 0, is_protective }).is_ok() {
                    *spent.entry(now.millis().div_euclid(60_000)).or_default() += weight;
                }
            }
            prop_assert!(spent.values().all(|&weight| weight <= 1_920));
        }
    }
}
