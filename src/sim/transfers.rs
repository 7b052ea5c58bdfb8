//! Money in and out of an account, what became of it, and the account's modes.

use crate::domain::{Amount, Rejection, Timestamp};

use super::accounts::AccountId;
use super::events::{AccountReason, Told};
use super::exchange::Exchange;
use super::income::{Income, IncomeKind, IncomeQuery};
use super::refusals;

impl Exchange {
    /// Brings money into an account, or takes it out if `amount` is negative.
    ///
    /// # Errors
    /// −4050 for more than may be taken out.
    pub fn transfer(
        &mut self,
        now: Timestamp,
        account: AccountId,
        amount: Amount,
    ) -> Result<(), Rejection> {
        self.advance(now);
        if amount < Amount::ZERO && -amount > self.margin(account).max_withdraw {
            return Err(refusals::cross_insufficient());
        }
        let time = self.now;
        let found = self.account_mut(account).ok_or_else(refusals::cross_insufficient)?;
        let kind = IncomeKind::Transfer;
        found.credit(Income {
            transaction_id: 0,
            kind,
            amount,
            symbol: None,
            trade_id: None,
            time,
        });
        let is_in = amount >= Amount::ZERO;
        let reason = if is_in { AccountReason::Deposit } else { AccountReason::Withdraw };
        self.tell_account(account, Told { balance_change: amount, ..Told::money(reason) });
        Ok(())
    }

    /// The movements of an account's wallet that are asked for, oldest first.
    pub fn income(
        &self,
        account: AccountId,
        query: IncomeQuery,
    ) -> impl DoubleEndedIterator<Item = &Income> {
        self.account(account).into_iter().flat_map(move |found| found.income.rows(query))
    }

    /// All that ever came into an account's wallet in one way; negative if it went out.
    #[must_use]
    pub fn income_total(&self, account: AccountId, kind: IncomeKind) -> Amount {
        self.account(account).map(|found| found.income.total(kind)).unwrap_or_default()
    }

    /// Whether several assets back an account's positions together.
    #[must_use]
    pub fn is_multi_assets(&self, account: AccountId) -> bool {
        self.account(account).is_some_and(|found| found.is_multi_assets)
    }

    /// Sets whether several assets back an account's positions together. There is but one asset
    /// here, so nothing follows but the refusal of isolated margin.
    ///
    /// # Errors
    /// −4171 if it is so already, −4167 while a symbol is on isolated margin.
    pub fn set_multi_assets(&mut self, account: AccountId, on: bool) -> Result<(), Rejection> {
        let found = self.account_mut(account).ok_or_else(refusals::same_multi_assets)?;
        if found.is_multi_assets == on {
            return Err(refusals::same_multi_assets());
        }
        if on && found.is_isolated_anywhere() {
            return Err(refusals::multi_assets_among_isolated());
        }
        found.is_multi_assets = on;
        Ok(())
    }

    /// Whether an account asks for its fees to be paid in the venue's own coin.
    #[must_use]
    pub fn burns_fees(&self, account: AccountId) -> bool {
        self.account(account).is_some_and(|found| found.burns_fees)
    }

    /// Sets whether fees are paid in the venue's own coin. No account holds any, and then the venue
    /// takes the quote asset all the same.
    pub fn set_burns_fees(&mut self, account: AccountId, on: bool) {
        if let Some(found) = self.account_mut(account) {
            found.burns_fees = on;
        }
    }

    /// Whether an account holds a long and a short position a symbol.
    #[must_use]
    pub fn is_hedged(&self, account: AccountId) -> bool {
        self.account(account).is_some_and(|found| found.is_hedged)
    }

    /// Switches an account's mode as a person does at the venue's own page. Positions of such an
    /// account are not kept here: its orders are refused.
    ///
    /// # Errors
    /// −4067 with open orders, −4068 with positions.
    pub fn impose_hedge_mode(&mut self, account: AccountId, on: bool) -> Result<(), Rejection> {
        self.may_switch_mode(account)?;
        if let Some(found) = self.account_mut(account) {
            found.is_hedged = on;
        }
        Ok(())
    }

    /// Whether the mode of an account takes orders that name no side of a position.
    pub(super) fn judge_mode(&self, account: AccountId) -> Result<(), Rejection> {
        if self.is_hedged(account) { Err(refusals::side_of_other_mode()) } else { Ok(()) }
    }

    fn may_switch_mode(&self, account: AccountId) -> Result<(), Rejection> {
        if !self.open_orders(account, None).is_empty() {
            return Err(refusals::position_mode_with_orders());
        }
        let holds = self.account(account).is_some_and(|found| found.held().next().is_some());
        if holds { Err(refusals::position_mode_with_positions()) } else { Ok(()) }
    }

    /// Switches an account between one position a symbol and two. Only one is offered.
    ///
    /// # Errors
    /// −4059 for the mode there is; −4067 with open orders, −4068 with positions; else −4531, which
    /// is how the venue itself refuses for a while.
    pub fn set_hedge_mode(&mut self, account: AccountId, on: bool) -> Result<(), Rejection> {
        if on == self.is_hedged(account) {
            return Err(refusals::same_position_mode());
        }
        self.may_switch_mode(account)?;
        if on {
            return Err(refusals::position_mode_blocked());
        }
        self.impose_hedge_mode(account, false)
    }
}
