//! Rate limits as the venue counts them: fixed windows of the clock, not sliding ones.
//!
//! Everything on loopback is one address, so there is one pool of weight; orders are counted for
//! each account. Does not ban: passing a limit is answered with 429 until the window ends (exchange-api.md 6).

use std::collections::BTreeMap;

use crate::domain::Timestamp;
use crate::sim::AccountId;

use super::refusal::Refusal;

const MINUTE_MS: i64 = 60_000;
const TEN_SECONDS_MS: i64 = 10_000;

/// The limits of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Request weight in a minute.
    pub weight_1m: u32,
    /// New orders in ten seconds.
    pub orders_10s: u32,
    /// New orders in a minute.
    pub orders_1m: u32,
}

impl Default for RateLimits {
    /// Those of the venue's production.
    fn default() -> Self {
        Self { weight_1m: 2_400, orders_10s: 300, orders_1m: 1_200 }
    }
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

/// What has been used of every limit.
#[derive(Debug, Default)]
pub(super) struct Windows {
    limits: RateLimits,
    weight: Window,
    orders: BTreeMap<AccountId, Orders>,
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

    /// Counts a request's weight.
    pub(super) fn spend_weight(&mut self, now: Timestamp, weight: u32) -> Result<(), Refusal> {
        let used = self.weight.used(now, MINUTE_MS);
        *used = used.saturating_add(weight);
        if *used > self.limits.weight_1m {
            return Err(Refusal::too_much_weight(self.limits.weight_1m));
        }
        Ok(())
    }

    /// Counts a new order, accepted or not.
    pub(super) fn spend_order(
        &mut self,
        now: Timestamp,
        account: AccountId,
    ) -> Result<(), Refusal> {
        let limits = self.limits;
        let orders = self.orders.entry(account).or_default();
        let used = orders.ten_seconds.used(now, TEN_SECONDS_MS);
        *used = used.saturating_add(1);
        if *used > limits.orders_10s {
            return Err(Refusal::too_many_orders(limits.orders_10s, "10 SECOND"));
        }
        let used = orders.minute.used(now, MINUTE_MS);
        *used = used.saturating_add(1);
        if *used > limits.orders_1m {
            return Err(Refusal::too_many_orders(limits.orders_1m, "1 MINUTE"));
        }
        Ok(())
    }

    /// The headers that tell the caller; `of_order` is whose new order it was, if it was one.
    pub(super) fn headers(
        &mut self,
        now: Timestamp,
        of_order: Option<AccountId>,
    ) -> Vec<(&'static str, String)> {
        let weight = *self.weight.used(now, MINUTE_MS);
        let mut headers = vec![("x-mbx-used-weight-1m", weight.to_string())];
        if let Some(orders) = of_order.map(|account| self.orders.entry(account).or_default()) {
            let ten = *orders.ten_seconds.used(now, TEN_SECONDS_MS);
            let minute = *orders.minute.used(now, MINUTE_MS);
            headers.push(("x-mbx-order-count-10s", ten.to_string()));
            headers.push(("x-mbx-order-count-1m", minute.to_string()));
        }
        headers
    }

    /// Seconds until the weight window ends, for `Retry-After`.
    pub(super) const fn seconds_left(now: Timestamp) -> i64 {
        (MINUTE_MS - now.millis().rem_euclid(MINUTE_MS) + 999) / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_with_the_clock_and_not_with_the_first_request() {
        let limits = RateLimits { weight_1m: 10, orders_10s: 2, orders_1m: 3 };
        let mut windows = Windows::new(limits);
        let at = Timestamp::from_millis;
        assert!(windows.spend_weight(at(59_000), 10).is_ok());
        assert_eq!(windows.spend_weight(at(59_999), 1).unwrap_err().status, 429);
        assert!(windows.spend_weight(at(60_000), 10).is_ok(), "the next minute");
        assert_eq!(Windows::seconds_left(at(59_999)), 1);
    }

    #[test]
    fn orders_are_counted_in_both_windows() {
        const ONE: AccountId = AccountId(0);
        let limits = RateLimits { weight_1m: 10, orders_10s: 2, orders_1m: 3 };
        let mut windows = Windows::new(limits);
        let at = Timestamp::from_millis;
        assert!(windows.spend_order(at(0), ONE).is_ok() && windows.spend_order(at(1), ONE).is_ok());
        assert_eq!(windows.spend_order(at(2), ONE).unwrap_err().code, -1015);
        assert!(windows.spend_order(at(10_000), ONE).is_ok());
        assert_eq!(
            windows.spend_order(at(20_000), ONE).unwrap_err().code,
            -1015,
            "4 in the minute"
        );
        let headers = windows.headers(at(20_000), Some(ONE));
        assert_eq!(headers[1], ("x-mbx-order-count-10s", "1".to_owned()));
        assert_eq!(headers[2], ("x-mbx-order-count-1m", "4".to_owned()));
        let headers = windows.headers(at(20_000), Some(AccountId(1)));
        assert_eq!(headers[2], ("x-mbx-order-count-1m", "0".to_owned()), "another account's");
    }
}
