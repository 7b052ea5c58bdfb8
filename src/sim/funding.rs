//! Funding: what longs pay shorts at 00, 08 and 16 UTC, so that the contract follows its index.
//!
//! Here the mark price stands for the index. Once a second the premium, mid-price over mark price
//! less one, is sampled; the rate is its mean plus the interest rate held within 5 bps of it, and
//! is itself held within a cap: `P + clamp(I − P, ±0.05 %)`, `I` = 0.01 % in eight hours, the cap
//! three quarters of the first bracket's maintenance rate, as at the venue.
//!
//! Recorded seconds pay none: they do not say what was paid. Against a seeded market or a recording
//! of messages the background, which holds nothing, is the other side.
//!
//! Invariants: **1** a position pays once at each hour it is held over, its notional at the mark
//! price times the rate; **2** between accounts alone, payments sum to zero but for rounding.

use std::collections::VecDeque;

use crate::domain::{Amount, Price, Rate, Rejection, Side, Symbol, Timestamp};

use super::accounts::AccountId;
use super::brackets::Brackets;
use super::events::{AccountReason, Told};
use super::exchange::Exchange;
use super::position::notional;
use super::refusals;

/// Hours between two payments unless set otherwise.
const USUAL_HOURS: u32 = 8;

/// Interest of eight hours, 0.01 %, in units of 1e-8.
const INTEREST: i64 = 10_000;

/// How far the rate leaves the premium for the interest, 0.05 %, in units of 1e-8.
const PULL: i64 = 50_000;

const NANOS_PER_HOUR: i64 = 3_600_000_000_000;

/// Payments kept for queries, per symbol: a year of the usual ones.
const PAID_KEPT: usize = 1_095;

/// A rate that has been paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingPayment {
    /// In which symbol.
    pub symbol: Symbol,
    /// The rate; longs paid it if positive.
    pub rate: Rate,
    /// When.
    pub time: Timestamp,
    /// The mark price it was reckoned with.
    pub mark_price: Price,
}

/// What is known of the next payment of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingOutlook {
    /// The rate if it were paid now.
    pub rate: Rate,
    /// The interest rate in it.
    pub interest: Rate,
    /// When it is paid.
    pub next_time: Timestamp,
    /// The largest rate either way.
    pub cap: Rate,
    /// Hours between two payments.
    pub interval_hours: u32,
    /// Whether those hours are other than the usual.
    pub is_adjusted: bool,
}

/// The funding of one symbol.
#[derive(Debug)]
pub(super) struct Funding {
    interval_hours: u32,
    next_time: Timestamp,
    cap: i64,
    premium_sum: i128,
    samples: i128,
    paid: VecDeque<FundingPayment>,
}

impl Funding {
    pub(super) fn new(brackets: &Brackets, now: Timestamp) -> Self {
        let maintenance = brackets.rows().first().map_or(0, |row| row.maintenance_rate.units());
        Self {
            interval_hours: USUAL_HOURS,
            next_time: next_hour(now, USUAL_HOURS),
            cap: maintenance / 4 * 3,
            premium_sum: 0,
            samples: 0,
            paid: VecDeque::new(),
        }
    }

    pub(super) const fn next_time(&self) -> Timestamp {
        self.next_time
    }

    /// Looks for the next payment after a moment.
    pub(super) fn schedule(&mut self, now: Timestamp) {
        self.next_time = next_hour(now, self.interval_hours);
    }

    /// Takes one second's premium.
    pub(super) fn sample(&mut self, mid_price: Price, mark_price: Price) {
        self.premium_sum += i128::from(mid_price.relative_to(mark_price).units());
        self.samples += 1;
    }

    fn interest(&self) -> i64 {
        INTEREST * i64::from(self.interval_hours) / i64::from(USUAL_HOURS)
    }

    fn rate(&self) -> Rate {
        let mean = self.premium_sum.checked_div(self.samples).unwrap_or_default();
        let premium = i64::try_from(mean).unwrap_or_default();
        let pulled = premium.saturating_add((self.interest() - premium).clamp(-PULL, PULL));
        Rate::from_units(pulled.clamp(-self.cap, self.cap)).unwrap_or_default()
    }

    /// Ends an interval: the rate to pay, and a new beginning.
    fn settle(&mut self, symbol: Symbol, time: Timestamp, mark_price: Price) -> Rate {
        let rate = self.rate();
        (self.premium_sum, self.samples) = (0, 0);
        self.paid.push_back(FundingPayment { symbol, rate, time, mark_price });
        if self.paid.len() > PAID_KEPT {
            self.paid.pop_front();
        }
        rate
    }
}

impl Exchange {
    /// What is known of the next payment of a symbol; `None` for an unknown one.
    #[must_use]
    pub fn funding(&self, symbol: Symbol) -> Option<FundingOutlook> {
        let funding = &self.listings[self.find(symbol)?].funding;
        let rate = |units| Rate::from_units(units).unwrap_or_default();
        Some(FundingOutlook {
            rate: funding.rate(),
            interest: rate(funding.interest()),
            next_time: funding.next_time,
            cap: rate(funding.cap),
            interval_hours: funding.interval_hours,
            is_adjusted: funding.interval_hours != USUAL_HOURS,
        })
    }

    /// The payments of a symbol, oldest first.
    pub fn funding_paid(&self, symbol: Symbol) -> impl DoubleEndedIterator<Item = &FundingPayment> {
        let listing = self.find(symbol).map(|at| &self.listings[at]);
        listing.into_iter().flat_map(|listing| &listing.funding.paid)
    }

    /// Sets the hours between two payments of a symbol, as the venue does at short notice.
    ///
    /// # Errors
    /// −1121 for an unknown symbol; −1130 for hours that do not divide a day.
    pub fn set_funding_interval(&mut self, symbol: Symbol, hours: u32) -> Result<(), Rejection> {
        let at = self.listed(symbol)?;
        if hours == 0 || !24_u32.is_multiple_of(hours) {
            return Err(refusals::bad_funding_interval());
        }
        let funding = &mut self.listings[at].funding;
        funding.interval_hours = hours;
        funding.schedule(self.now);
        Ok(())
    }

    /// Pays funding in a symbol now, whatever the hour.
    ///
    /// # Errors
    /// −1121 for an unknown symbol.
    pub fn charge_funding(&mut self, now: Timestamp, symbol: Symbol) -> Result<(), Rejection> {
        self.advance(now);
        let at = self.listed(symbol)?;
        self.pay_funding(at);
        Ok(())
    }

    /// Pays the funding that is due in a symbol.
    pub(super) fn pay_funding(&mut self, at: usize) {
        let (now, listing) = (self.now, &mut self.listings[at]);
        let symbol = listing.symbol();
        let Some(mark_price) = listing.mark.price() else { return };
        let rate = listing.funding.settle(symbol, now, mark_price);
        for index in 0..self.accounts.len() {
            let account = &mut self.accounts[index];
            let exposure = account.position(symbol).exposure();
            let Some(side) = exposure.side() else { continue };
            let due = notional(mark_price, exposure.quantity()).times(rate).unwrap_or_default();
            let received = if side == Side::Buy { -due } else { due };
            account.pay_funding(symbol, received, now);
            self.tell_funding(
                AccountId(u32::try_from(index).unwrap_or(u32::MAX)),
                symbol,
                received,
            );
        }
        self.check_margins(at);
    }

    fn tell_funding(&mut self, account: AccountId, symbol: Symbol, received: Amount) {
        self.tell_account(
            account,
            Told { balance_change: received, ..Told::position(AccountReason::FundingFee, symbol) },
        );
    }
}

/// The first full interval of the day after a moment.
fn next_hour(after: Timestamp, hours: u32) -> Timestamp {
    let interval = i64::from(hours.max(1)).saturating_mul(NANOS_PER_HOUR);
    Timestamp::from_nanos((after.nanos().div_euclid(interval) + 1).saturating_mul(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn funding() -> Funding {
        let brackets = Brackets::of(Symbol::new("BTCUSDT").unwrap());
        Funding::new(&brackets, Timestamp::from_seconds(1_700_000_000))
    }

    fn rate_at(mid: &str) -> String {
        let mut funding = funding();
        funding.sample(mid.parse().unwrap(), "60000".parse().unwrap());
        funding.rate().to_string()
    }

    #[test]
    fn a_calm_market_pays_the_interest_and_a_stretched_one_up_to_the_cap() {
        assert_eq!(rate_at("60000"), "0.0001");
        assert_eq!(rate_at("60036"), "0.0001", "a premium of 6 bps is within the pull");
        assert_eq!(rate_at("60060"), "0.0005", "10 bps less the pull of 5");
        assert_eq!(rate_at("59940"), "-0.0005");
        assert_eq!(rate_at("61000"), "0.003", "the cap");
        assert_eq!(rate_at("59000"), "-0.003");
    }

    #[test]
    fn payments_fall_on_the_hours_of_the_day() {
        let at = Timestamp::from_seconds;
        let midnight = 1_699_920_000;
        assert_eq!(next_hour(at(midnight), 8), at(midnight + 8 * 3_600));
        assert_eq!(next_hour(at(midnight + 8 * 3_600 - 1), 8), at(midnight + 8 * 3_600));
        assert_eq!(next_hour(at(midnight + 1), 1), at(midnight + 3_600));
    }
}
