//! The venue's request limits, kept by counting before asking (exchange-api.md 6). Pure.
//!
//! One accountant for every way to the venue: REST, the order socket and funding questions have
//! limits of their own, orders share theirs. Windows are fixed intervals of the venue's clock, but
//! every moment here is one of ours: whatever the venue's clock is said to do, a window ends within
//! its length, and so does silence.
//!
//! Invariants: **1** in no window is more admitted than 80 % of a limit; **2** of that, a part is
//! kept for protective requests; **3** what the venue counts (its headers) is believed where it is
//! more than we count; **4** while the venue asks for silence, nothing is admitted; **5** while it
//! is overloaded, only what protects is admitted; **6** a change of the venue's clock makes no
//! window shorter, and none longer than its length from then on.

use std::time::Duration;

use super::error::BinanceError;
use super::parse::{RateLimitKind, RateLimitRule};
use crate::domain::Timestamp;

/// Of each limit, this much may be used.
const USABLE_PERCENT: u32 = 80;
/// Of the order limits, this much is kept for protective orders.
const ORDERS_RESERVE_PERCENT: u32 = 20;
/// Of the weight limit per minute, this much is kept for cancels, stops, questions about one of them,
/// and what a start must know before it can protect (`first_look`).
const WEIGHT_RESERVE: u32 = 200;

/// The waits after overload answers in a row (exchange-api.md 7.2, class C); the last one repeats.
const OVERLOAD_WAITS: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800)];
/// After so long without another overload answer, the next wait is the shortest again.
const OVERLOAD_OVER_AFTER: Duration = Duration::from_secs(5);
/// From this length on, a window of orders counts a batch as one.
const BATCHES_COUNT_ONCE_FROM: Duration = Duration::from_mins(1);

/// What a request costs, and how much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Request weight of the REST interface.
    pub weight: u32,
    /// Request weight of the order socket, which the venue counts apart.
    pub socket_weight: u32,
    /// Orders placed or changed, as windows shorter than a minute count them.
    pub orders: u32,
    /// Requests that place or change orders, as longer windows count them: a batch is one.
    pub order_requests: u32,
    /// Questions about funding, which share a limit of their own.
    pub funding_questions: u32,
    /// Whether it protects: a cancel, a stop, a reduce-only order, a question about one of them or
    /// about one position.
    pub is_protective: bool,
}

/// The limits and what is used of them.
#[derive(Debug, Clone)]
pub struct RateBudget {
    windows: Vec<Window>,
    /// The venue's clock less ours, in nanoseconds.
    clock_offset: i64,
    silent_until: Option<Timestamp>,
    overload: Option<Overload>,
}

/// The venue said that it cannot take new risk now.
#[derive(Debug, Clone, Copy)]
struct Overload {
    /// How many answers in a row said so, less one.
    repeated: usize,
    until: Timestamp,
}

#[derive(Debug, Clone)]
struct Window {
    rule: RateLimitRule,
    /// When the window that is counted ends, by our clock.
    end: Timestamp,
    used: u32,
}

impl RateBudget {
    /// A budget by the given limits.
    #[must_use]
    pub fn new(rules: &[RateLimitRule]) -> Self {
        let end = Timestamp::default();
        let windows = rules.iter().map(|&rule| Window { rule, end, used: 0 }).collect();
        Self { windows, clock_offset: 0, silent_until: None, overload: None }
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
            rule(RateLimitKind::SocketWeight, 60, 2_400),
            rule(RateLimitKind::FundingQuestions, 300, 500),
        ])
    }

    /// The limits of the spot market, which shares nothing with the futures (exchange-api.md 10).
    #[must_use]
    pub fn documented_spot() -> Self {
        let window = Duration::from_mins(1);
        Self::new(&[RateLimitRule { kind: RateLimitKind::RequestWeight, window, limit: 6_000 }])
    }

    /// Takes over the limits the venue names, keeping what is already counted. Kinds it does not
    /// name stay as they were.
    pub fn set_rules(&mut self, rules: &[RateLimitRule]) {
        let fresh = Self::new(rules).windows.into_iter();
        let known = std::mem::take(&mut self.windows);
        let unnamed =
            known.iter().filter(|old| rules.iter().all(|rule| rule.kind != old.rule.kind));
        let kept: Vec<Window> = unnamed.cloned().collect();
        self.windows = fresh
            .map(|mut window| {
                let same = |old: &&Window| {
                    old.rule.kind == window.rule.kind && old.rule.window == window.rule.window
                };
                if let Some(old) = known.iter().find(same) {
                    (window.end, window.used) = (old.end, old.used);
                }
                window
            })
            .chain(kept)
            .collect();
    }

    /// Takes over a new measurement of the venue's clock less ours. A window that it makes end later
    /// is kept that long, for the venue may still count it; one that it makes end earlier is not cut
    /// short, for the measurement may be wrong.
    pub fn set_clock_offset(&mut self, now: Timestamp, nanos: i64) {
        let set_back = self.clock_offset.saturating_sub(nanos).max(0);
        self.clock_offset = nanos;
        for window in &mut self.windows {
            window.postpone(now, set_back);
        }
    }

    /// Counts a request in, or says why it may not go out.
    ///
    /// # Errors
    /// [`BinanceError::Throttled`] while the venue asks for silence, [`BinanceError::Overloaded`]
    /// while it takes only what protects, [`BinanceError::HeldBack`] if a limit has no room; then
    /// nothing is counted.
    pub fn admit(&mut self, now: Timestamp, cost: Cost) -> Result<(), BinanceError> {
        match self.silent_until {
            Some(until) if now < until => return Err(BinanceError::Throttled { until }),
            Some(_) | None => self.silent_until = None,
        }
        if let Some(overload) = self.overload
            && cost.order_requests > 0
            && !cost.is_protective
            && now < overload.until
        {
            return Err(BinanceError::Overloaded { until: overload.until });
        }
        for window in &mut self.windows {
            window.roll(now, self.clock_offset);
        }
        let full = self.windows.iter().filter(|window| !window.has_room(cost));
        if let Some(window) = full.max_by_key(|window| window.end) {
            return Err(BinanceError::HeldBack { budget: window.name(), until: window.end });
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
            window.roll(now, self.clock_offset);
            window.used = window.used.max(used);
        }
    }

    /// Admits nothing before `until`.
    pub fn be_silent_until(&mut self, until: Timestamp) {
        self.silent_until = Some(self.silent_until.map_or(until, |known| known.max(until)));
    }

    /// The venue is overloaded: orders that do not protect wait, the longer the more often it says
    /// so in a row. The answer is until when.
    pub fn note_overload(&mut self, now: Timestamp) -> Timestamp {
        let repeated = match self.overload {
            Some(last) if now < last.until + OVERLOAD_OVER_AFTER => last.repeated + 1,
            Some(_) | None => 0,
        };
        let repeated = repeated.min(OVERLOAD_WAITS.len() - 1);
        let until = now + OVERLOAD_WAITS[repeated];
        self.overload = Some(Overload { repeated, until });
        until
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
    /// Begins the window that `now` lies in, if the one before is over.
    fn roll(&mut self, now: Timestamp, clock_offset: i64) {
        if now < self.end {
            return;
        }
        let length = i64::try_from(self.rule.window.as_nanos()).unwrap_or(i64::MAX).max(1);
        let venue_now = now.nanos().saturating_add(clock_offset);
        let left = length - venue_now.rem_euclid(length);
        (self.end, self.used) = (Timestamp::from_nanos(now.nanos().saturating_add(left)), 0);
    }

    /// The venue's clock fell back: its window ends so much later, and never more than its length
    /// from now.
    fn postpone(&mut self, now: Timestamp, by_nanos: i64) {
        let later = Timestamp::from_nanos(self.end.nanos().saturating_add(by_nanos));
        if now < self.end {
            self.end = later.min(now + self.rule.window).max(self.end);
        }
    }

    fn share(&self, cost: Cost) -> u32 {
        match self.rule.kind {
            RateLimitKind::RequestWeight => cost.weight,
            RateLimitKind::SocketWeight => cost.socket_weight,
            RateLimitKind::FundingQuestions => cost.funding_questions,
            RateLimitKind::Orders if self.rule.window < BATCHES_COUNT_ONCE_FROM => cost.orders,
            RateLimitKind::Orders => cost.order_requests,
        }
    }

    fn has_room(&self, cost: Cost) -> bool {
        let share = self.share(cost);
        let usable = percent(self.rule.limit, USABLE_PERCENT);
        let reserve = match (cost.is_protective, self.rule.kind) {
            (true, _) | (false, RateLimitKind::FundingQuestions) => 0,
            (false, RateLimitKind::RequestWeight | RateLimitKind::SocketWeight) => {
                WEIGHT_RESERVE.min(usable / 2)
            }
            (false, RateLimitKind::Orders) => percent(self.rule.limit, ORDERS_RESERVE_PERCENT),
        };
        share == 0 || self.used.saturating_add(share) <= usable - reserve
    }

    fn name(&self) -> &'static str {
        match self.rule.kind {
            RateLimitKind::RequestWeight => "request weight",
            RateLimitKind::SocketWeight => "order socket weight",
            RateLimitKind::FundingQuestions => "funding question",
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

    const NOTHING: Cost = Cost {
        weight: 0,
        socket_weight: 0,
        orders: 0,
        order_requests: 0,
        funding_questions: 0,
        is_protective: false,
    };
    const ENTRY: Cost = Cost { orders: 1, order_requests: 1, ..NOTHING };
    const CLOSE: Cost = Cost { is_protective: true, ..ENTRY };
    const CANCEL: Cost = Cost { weight: 1, is_protective: true, ..NOTHING };
    const BATCH: Cost = Cost { orders: 5, ..ENTRY };
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
        assert!(budget.admit(now, CANCEL).is_ok());
    }

    #[test]
    fn a_batch_counts_as_five_in_ten_seconds_and_as_one_in_a_minute() {
        let mut budget = RateBudget::documented();
        let now = Timestamp::from_seconds(1_700_000_000);
        assert_eq!(admitted(&mut budget, now, BATCH), 36, "36 batches of 5 are 180 orders");
        assert_eq!(budget.usage(RateLimitKind::Orders, TEN_SECONDS), Some((180, 300)));
        let minute = Duration::from_mins(1);
        assert_eq!(budget.usage(RateLimitKind::Orders, minute), Some((36, 1_200)));
    }

    #[test]
    fn the_order_socket_and_funding_questions_have_limits_of_their_own() {
        let mut budget = RateBudget::documented();
        let now = Timestamp::from_seconds(1_700_000_000);
        let funding = Cost { funding_questions: 1, ..NOTHING };
        assert_eq!(admitted(&mut budget, now, funding), 400, "80 % of 500");
        let socket = Cost { socket_weight: 1, ..NOTHING };
        assert_eq!(admitted(&mut budget, now, socket), 1_720, "80 % of 2400 less the reserve");
        assert_eq!(admitted(&mut budget, now, Cost { weight: 1, ..NOTHING }), 1_720);
        let window = Duration::from_mins(1);
        let kind = RateLimitKind::RequestWeight;
        budget.set_rules(&[RateLimitRule { kind, window, limit: 6_000 }]);
        assert!(budget.admit(now, funding).is_err(), "limits the venue does not name stay");
    }

    #[test]
    fn invariant_5_an_overloaded_venue_is_asked_only_for_what_protects() {
        let mut budget = RateBudget::documented();
        let mut now = Timestamp::from_seconds(1_700_000_000);
        for wait in [200, 400, 800, 800] {
            let until = now + Duration::from_millis(wait);
            assert_eq!(budget.note_overload(now), until);
            assert_eq!(budget.admit(now, ENTRY), Err(BinanceError::Overloaded { until }));
            assert!(budget.admit(now, CLOSE).is_ok() && budget.admit(now, CANCEL).is_ok());
            assert!(budget.admit(now, Cost { weight: 1, ..NOTHING }).is_ok(), "a question");
            assert!(budget.admit(until, ENTRY).is_ok());
            now = until;
        }
        let later = now + OVERLOAD_OVER_AFTER;
        assert_eq!(budget.note_overload(later), later + OVERLOAD_WAITS[0]);
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
    fn invariant_6_a_clock_that_leaps_and_comes_back_blocks_no_longer_than_a_window() {
        for leap in [3_600_000_000_000, -3_600_000_000_000, 25_000_000_000] {
            let mut budget = RateBudget::documented();
            let mut now = Timestamp::from_seconds(1_700_000_000);
            assert!(budget.admit(now, ENTRY).is_ok());
            budget.set_clock_offset(now, leap);
            let before = budget.usage(RateLimitKind::Orders, TEN_SECONDS);
            assert_eq!(before, Some((1, 300)), "a measurement empties nothing");
            now = now + TEN_SECONDS;
            assert_eq!(admitted(&mut budget, now, CLOSE), 240);
            budget.set_clock_offset(now, 0);
            let Err(BinanceError::HeldBack { until, .. }) = budget.admit(now, CLOSE) else {
                panic!("what was counted still counts");
            };
            assert!(until <= now + TEN_SECONDS, "{leap}: {until} from {now}");
            assert!(budget.admit(until, CLOSE).is_ok(), "{leap}");
        }
    }

    #[test]
    fn invariant_6_a_clock_set_back_a_little_empties_no_window_that_the_venue_still_counts() {
        let mut budget = RateBudget::documented();
        let end = Timestamp::from_seconds(1_700_000_010);
        admitted(&mut budget, end.earlier_by(Duration::from_secs(1)), CLOSE);
        budget.set_clock_offset(end.earlier_by(Duration::from_secs(1)), -200_000_000);
        assert!(budget.admit(end + Duration::from_millis(199), CLOSE).is_err());
        assert!(budget.admit(end + Duration::from_millis(200), CLOSE).is_ok());
        assert_eq!(budget.usage(RateLimitKind::Orders, TEN_SECONDS), Some((1, 300)));
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
                if budget.admit(now, Cost { weight, is_protective, ..NOTHING }).is_ok() {
                    *spent.entry(now.millis().div_euclid(60_000)).or_default() += weight;
                }
            }
            prop_assert!(spent.values().all(|&weight| weight <= 1_920));
        }
    }
}
