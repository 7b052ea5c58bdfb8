//! Rate limits as the venue counts them: fixed windows of the clock, not sliding ones.
//!
//! Everything on loopback is one address, so there is one pool of weight, with one apart for the
//! WebSocket API and one for the spot interface; orders are counted for each account. Passing a
//! limit is answered with 429 until the window ends, and whoever goes on after that is banned: 418
//! for two minutes, each ban twice as long as the one before, up to three days (exchange-api.md 6).
//! All by the exchange's time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::Timestamp;
use crate::sim::AccountId;

use super::refusal::Refusal;

const MINUTE_MS: i64 = 60_000;
const TEN_SECONDS_MS: i64 = 10_000;

/// The first ban.
const SHORTEST_BAN: Duration = Duration::from_mins(2);

/// No ban is longer.
const LONGEST_BAN: Duration = Duration::from_hours(72);

/// The limits of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Request weight in a minute.
    pub weight_1m: u32,
    /// New orders in ten seconds.
    pub orders_10s: u32,
    /// New orders in a minute.
    pub orders_1m: u32,
    /// Refusals for weight in one minute after which the next brings a ban; undocumented.
    pub refusals_before_ban: u32,
}

impl Default for RateLimits {
    /// Those of the venue's production; a ban after ten refusals in a minute.
    fn default() -> Self {
        Self { weight_1m: 2_400, orders_10s: 300, orders_1m: 1_200, refusals_before_ban: 10 }
    }
}

/// Which pool a request's weight is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pool {
    /// Requests over HTTP.
    Rest,
    /// Calls of the WebSocket API.
    Calls,
    /// Requests to the spot interface.
    Spot,
    /// Questions about funding, counted one by one and told in no header (exchange-api.md 2.1).
    Funding,
}

impl Pool {
    /// How long its window is.
    const fn length_ms(self) -> i64 {
        match self {
            Self::Rest | Self::Calls | Self::Spot => MINUTE_MS,
            Self::Funding => 5 * MINUTE_MS,
        }
    }
}

/// Questions about funding in five minutes (exchange-api.md 6).
pub(super) const FUNDING_QUESTIONS_5M: u32 = 500;

/// Request weight in a minute at the spot interface (exchange-api.md 10).
pub(super) const SPOT_WEIGHT_1M: u32 = 6_000;

/// What has been used of a limit, for those who want to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) weight_1m: u32,
    pub(super) orders_10s: u32,
    pub(super) orders_1m: u32,
}

/// One window: which one, and what has been used of it.
#[derive(Debug, Default)]
struct Window {
    index: i64,
    used: u32,
}

impl Window {
    /// What has been used of the window that holds `now`.
    fn used(&mut self, now: Timestamp, length_ms: i64) -> &mut u32 {
        let index = now.millis().div_euclid(length_ms);
        if index != self.index {
            *self = Self { index, used: 0 };
        }
        &mut self.used
    }
}

/// What has been used of every limit, and the ban in force.
#[derive(Debug, Default)]
pub(super) struct Windows {
    limits: RateLimits,
    weight: Window,
    weight_of_calls: Window,
    weight_of_spot: Window,
    questions_of_funding: Window,
    orders: BTreeMap<AccountId, Orders>,
    refused: Window,
    bans: u32,
    banned_until: Timestamp,
}

/// The new orders of one account.
#[derive(Debug, Default)]
struct Orders {
    ten_seconds: Window,
    minute: Window,
}

impl Windows {
    pub(super) fn new(limits: RateLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(super) const fn limits(&self) -> RateLimits {
        self.limits
    }

    /// Bans the caller for a while.
    pub(super) fn ban(&mut self, now: Timestamp, time: Duration) {
        self.banned_until = self.banned_until.max(now + time);
    }

    /// Refuses everything while a ban is in force.
    pub(super) fn check_ban(&self, now: Timestamp) -> Result<(), Refusal> {
        if now >= self.banned_until {
            return Ok(());
        }
        let left = seconds_up(self.banned_until.millis() - now.millis());
        Err(Refusal::banned(self.banned_until).retry_after(left))
    }

    /// Counts a request's weight.
    pub(super) fn spend_weight(
        &mut self,
        now: Timestamp,
        pool: Pool,
        weight: u32,
    ) -> Result<(), Refusal> {
        let limit = match pool {
            Pool::Rest | Pool::Calls => self.limits.weight_1m,
            Pool::Spot => SPOT_WEIGHT_1M,
            Pool::Funding => FUNDING_QUESTIONS_5M,
        };
        let used = self.pool(pool).used(now, pool.length_ms());
        *used = used.saturating_add(weight);
        if *used <= limit {
            return Ok(());
        }
        let refused = self.refused.used(now, MINUTE_MS);
        *refused += 1;
        if *refused > self.limits.refusals_before_ban {
            let doubled = SHORTEST_BAN * 2_u32.saturating_pow(self.bans.min(20));
            self.bans = self.bans.saturating_add(1);
            self.ban(now, doubled.min(LONGEST_BAN));
            self.check_ban(now)?;
        }
        let left = seconds_left(now, pool.length_ms());
        Err(Refusal::too_much_weight(limit).retry_after(left))
    }

    /// Counts new orders, accepted or not: so many toward ten seconds, so many toward a minute.
    pub(super) fn spend_orders(
        &mut self,
        now: Timestamp,
        account: AccountId,
        (of_10s, of_1m): (u32, u32),
    ) -> Result<(), Refusal> {
        let limits = self.limits;
        let orders = self.orders.entry(account).or_default();
        let used = orders.ten_seconds.used(now, TEN_SECONDS_MS);
        *used = used.saturating_add(of_10s);
        if *used > limits.orders_10s {
            let left = seconds_left(now, TEN_SECONDS_MS);
            let refusal = Refusal::too_many_orders(limits.orders_10s, "10 SECOND");
            return Err(refusal.retry_after(left));
        }
        let used = orders.minute.used(now, MINUTE_MS);
        *used = used.saturating_add(of_1m);
        if *used > limits.orders_1m {
            let left = seconds_left(now, MINUTE_MS);
            return Err(Refusal::too_many_orders(limits.orders_1m, "1 MINUTE").retry_after(left));
        }
        Ok(())
    }

    /// What has been used of every limit by now, the orders by one account.
    pub(super) fn used(&mut self, now: Timestamp, pool: Pool, account: AccountId) -> Used {
        let weight_1m = *self.pool(pool).used(now, pool.length_ms());
        let orders = self.orders.entry(account).or_default();
        Used {
            weight_1m,
            orders_10s: *orders.ten_seconds.used(now, TEN_SECONDS_MS),
            orders_1m: *orders.minute.used(now, MINUTE_MS),
        }
    }

    const fn pool(&mut self, pool: Pool) -> &mut Window {
        match pool {
            Pool::Rest => &mut self.weight,
            Pool::Calls => &mut self.weight_of_calls,
            Pool::Spot => &mut self.weight_of_spot,
            Pool::Funding => &mut self.questions_of_funding,
        }
    }

    /// The headers that tell the caller; `of_order` is whose new order it was, if it was one.
    pub(super) fn headers(
        &mut self,
        now: Timestamp,
        pool: Pool,
        of_order: Option<AccountId>,
    ) -> Vec<(&'static str, String)> {
        let used = self.used(now, pool, of_order.unwrap_or_default());
        let mut headers = Vec::new();
        if pool != Pool::Funding {
            headers.push(("x-mbx-used-weight-1m", used.weight_1m.to_string()));
        }
        if of_order.is_some() {
            headers.push(("x-mbx-order-count-10s", used.orders_10s.to_string()));
            headers.push(("x-mbx-order-count-1m", used.orders_1m.to_string()));
        }
        headers
    }
}

/// Seconds until the window that holds `now` ends, for `Retry-After`.
const fn seconds_left(now: Timestamp, length_ms: i64) -> i64 {
    seconds_up(length_ms - now.millis().rem_euclid(length_ms))
}

const fn seconds_up(millis: i64) -> i64 {
    (millis + 999).div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RateLimits =
        RateLimits { weight_1m: 10, orders_10s: 2, orders_1m: 3, refusals_before_ban: 2 };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_window_ends_with_the_clock_and_not_with_the_first_request() {
        let mut windows = Windows::new(LIMITS);
        assert!(windows.spend_weight(at(59_000), Pool::Rest, 10).is_ok());
        let refused = windows.spend_weight(at(59_999), Pool::Rest, 1).unwrap_err();
        assert_eq!((refused.status, refused.retry_after), (429, Some(1)));
        assert!(windows.spend_weight(at(60_000), Pool::Rest, 10).is_ok(), "the next minute");
        assert!(windows.spend_weight(at(60_000), Pool::Calls, 10).is_ok(), "a pool of its own");
    }

    #[test]
    fn questions_about_funding_are_counted_apart_and_in_five_minutes() {
        let mut windows = Windows::new(LIMITS);
        for _ in 0..FUNDING_QUESTIONS_5M {
            assert_eq!(windows.spend_weight(at(0), Pool::Funding, 1), Ok(()));
        }
        let refused = windows.spend_weight(at(61_000), Pool::Funding, 1).unwrap_err();
        assert_eq!((refused.status, refused.retry_after), (429, Some(239)));
        assert!(windows.spend_weight(at(61_000), Pool::Rest, 1).is_ok(), "a pool of its own");
        assert!(windows.spend_weight(at(300_000), Pool::Funding, 1).is_ok(), "the next window");
        assert_eq!(windows.headers(at(300_000), Pool::Funding, None), []);
    }

    #[test]
    fn orders_are_counted_in_both_windows() {
        const ONE: AccountId = AccountId(0);
        let mut windows = Windows::new(LIMITS);
        let mut spend = |millis| windows.spend_orders(at(millis), ONE, (1, 1));
        assert!(spend(0).is_ok() && spend(1).is_ok());
        let refused = spend(9_500).unwrap_err();
        assert_eq!((refused.code, refused.retry_after), (-1015, Some(1)));
        assert!(spend(10_000).is_ok());
        assert_eq!(spend(20_000).unwrap_err().code, -1015, "4 in the minute");
        let headers = windows.headers(at(20_000), Pool::Rest, Some(ONE));
        assert_eq!(headers[1], ("x-mbx-order-count-10s", "1".to_owned()));
        assert_eq!(headers[2], ("x-mbx-order-count-1m", "4".to_owned()));
        let headers = windows.headers(at(20_000), Pool::Rest, Some(AccountId(1)));
        assert_eq!(headers[2], ("x-mbx-order-count-1m", "0".to_owned()), "another account's");
    }

    #[test]
    fn whoever_goes_on_is_banned_and_each_ban_is_longer() {
        let mut windows = Windows::new(LIMITS);
        let mut start = 0;
        for minutes in [2, 4, 8] {
            let mut spend = || windows.spend_weight(at(start), Pool::Rest, 11).unwrap_err().status;
            assert_eq!([spend(), spend(), spend()], [429, 429, 418]);
            let end = start + minutes * MINUTE_MS;
            let refused = windows.check_ban(at(end - 1)).unwrap_err();
            assert_eq!((refused.code, refused.retry_after), (-1003, Some(1)));
            assert!(refused.message.contains(&format!("banned until {end}.")), "{refused:?}");
            assert_eq!(windows.check_ban(at(end)), Ok(()));
            start = end;
        }
    }

    #[test]
    fn no_ban_is_longer_than_three_days() {
        let mut windows = Windows::new(RateLimits { refusals_before_ban: 0, ..LIMITS });
        let mut start = 0;
        for _ in 0..40 {
            assert_eq!(windows.spend_weight(at(start), Pool::Rest, 11).unwrap_err().status, 418);
            start += 3 * 24 * 60 * MINUTE_MS;
            assert_eq!(windows.check_ban(at(start)), Ok(()));
        }
    }
}
