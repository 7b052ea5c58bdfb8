//! The dead-man's switch: an account that does not say in time that it lives loses its orders.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{Rejection, Symbol, Timestamp};

use super::accounts::AccountId;
use super::alarms::Alarm;
use super::exchange::Exchange;

/// When each account's time in a symbol runs out.
pub(super) type Countdowns = BTreeMap<(AccountId, Symbol), Timestamp>;

impl Exchange {
    /// Starts, renews or, with zero, stops the countdown of an account in a symbol.
    ///
    /// # Errors
    /// −1121 for an unknown symbol.
    pub fn set_countdown(
        &mut self,
        now: Timestamp,
        account: AccountId,
        symbol: Symbol,
        time: Duration,
    ) -> Result<(), Rejection> {
        self.advance(now);
        self.listed(symbol)?;
        let alarm = Alarm::Countdown(account, symbol);
        if let Some(end) = self.countdowns.remove(&(account, symbol)) {
            self.alarms.clear(end, alarm);
        }
        if !time.is_zero() {
            let end = self.now + time;
            self.countdowns.insert((account, symbol), end);
            self.alarms.set(end, alarm);
        }
        Ok(())
    }

    /// Cancels what an account has working in a symbol: its time has run out.
    pub(super) fn count_down(&mut self, account: AccountId, symbol: Symbol) {
        self.countdowns.remove(&(account, symbol));
        let Some(at) = self.find(symbol) else { return };
        self.cancel_working(at, account);
        if self.rules.countdown_cancels_stops {
            self.cancel_waiting(account, symbol);
        }
    }
}
