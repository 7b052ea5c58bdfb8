//! The terms of margin that an account may set: leverage, what stands behind a position, and how
//! much is tied to it.
//!
//! Invariant: a change that would bind more than is free, or allow less than is held, is refused.

use crate::domain::{Amount, OrderRequest, Rejection, Side, Symbol};

use super::accounts::{AccountId, margin_at};
use super::events::{AccountReason, Told};
use super::exchange::Exchange;
use super::margin::MarginType;
use super::refusals;

impl Exchange {
    /// The leverage of an account in a symbol.
    #[must_use]
    pub fn leverage(&self, account: AccountId, symbol: Symbol) -> Option<u32> {
        self.account(account).map(|found| found.leverage(symbol))
    }

    /// Sets the leverage of an account in a symbol; the answer is the largest notional it allows.
    ///
    /// # Errors
    /// −1121 for an unknown symbol; −4028 beyond the brackets; −2027 if position and orders are too
    /// large for it; −4161 for less of it on an isolated position; −2028 if the margin is not there.
    pub fn set_leverage(
        &mut self,
        account: AccountId,
        symbol: Symbol,
        leverage: u32,
    ) -> Result<Amount, Rejection> {
        let at = self.listed(symbol)?;
        let brackets = &self.listings[at].brackets;
        let max_notional = brackets.max_notional(leverage);
        let is_valid = (1..=brackets.max_leverage()).contains(&leverage);
        let Some(found) = self.account(account).filter(|_| is_valid) else {
            return Err(refusals::bad_leverage(leverage));
        };
        let old = found.leverage(symbol);
        let position = found.position(symbol);
        let is_isolated = found.margin_type(symbol) == MarginType::Isolated;
        let worst = self.worst_notional(account, at, self.open_quantities(account, symbol));
        if leverage > old && worst > max_notional {
            return Err(refusals::position_too_large());
        }
        if leverage < old && is_isolated && !position.exposure().is_zero() {
            return Err(refusals::isolated_leverage());
        }
        let more = margin_at(worst, leverage).saturating_add(-margin_at(worst, old));
        if more > Amount::ZERO && more > self.free_margin(account) {
            return Err(refusals::leverage_too_small());
        }
        if let Some(found) = self.account_mut(account) {
            found.set_leverage(symbol, leverage);
        }
        Ok(max_notional)
    }

    /// What stands behind an account's position in a symbol.
    #[must_use]
    pub fn margin_type(&self, account: AccountId, symbol: Symbol) -> Option<MarginType> {
        self.account(account).map(|found| found.margin_type(symbol))
    }

    /// Sets what stands behind an account's position in a symbol.
    ///
    /// # Errors
    /// −1121 for an unknown symbol; −4046 if it is so already; −4047 with open orders, −4048 with a
    /// position; −4168 for isolated margin where several assets back positions together.
    pub fn set_margin_type(
        &mut self,
        account: AccountId,
        symbol: Symbol,
        margin_type: MarginType,
    ) -> Result<(), Rejection> {
        self.listed(symbol)?;
        let is_open = self.orders.open(account, symbol).next().is_some();
        let Some(found) = self.account_mut(account) else { return Err(refusals::bad_symbol()) };
        if found.margin_type(symbol) == margin_type {
            return Err(refusals::same_margin_type());
        }
        if margin_type == MarginType::Isolated && found.is_multi_assets {
            return Err(refusals::isolated_among_multi_assets());
        }
        if is_open {
            return Err(refusals::margin_type_with_orders());
        }
        if !found.position(symbol).exposure().is_zero() {
            return Err(refusals::margin_type_with_position());
        }
        found.set_margin_type(symbol, margin_type);
        self.tell_account(account, Told::position(AccountReason::MarginTypeChange, symbol));
        Ok(())
    }

    /// Ties more of the wallet to an isolated position, or less if `amount` is negative.
    ///
    /// # Errors
    /// −1121 for an unknown symbol; −4055 for nothing; −4049 on cross margin; −4054 without a
    /// position; −4050 beyond what is free; −4051 beyond what the position does not need.
    pub fn move_margin(
        &mut self,
        account: AccountId,
        symbol: Symbol,
        amount: Amount,
    ) -> Result<(), Rejection> {
        let holding = self.holding(account, symbol)?;
        if amount == Amount::ZERO {
            return Err(refusals::amount_not_positive());
        }
        if holding.margin_type == MarginType::Crossed {
            return Err(refusals::margin_of_cross());
        }
        if holding.report.exposure.is_zero() {
            return Err(refusals::margin_of_nothing());
        }
        // Profit that is not realised cannot be taken out; a loss that is not realised counts.
        let needed = holding
            .position_margin
            .saturating_add(-holding.report.unrealized_pnl.min(Amount::ZERO));
        let spare = holding.isolated_wallet.saturating_add(-needed);
        if amount > Amount::ZERO && amount > self.free_margin(account) {
            return Err(refusals::cross_insufficient());
        }
        if amount < Amount::ZERO && -amount > spare {
            return Err(refusals::isolated_insufficient());
        }
        if let Some(found) = self.account_mut(account) {
            found.tie(symbol, amount);
        }
        self.tell_account(account, Told::position(AccountReason::MarginTransfer, symbol));
        Ok(())
    }

    /// Refuses an order after which the position could be larger than its leverage allows.
    pub(super) fn judge_bracket(
        &self,
        account: AccountId,
        at: usize,
        request: &OrderRequest,
    ) -> Result<(), Rejection> {
        let Some(found) = self.account(account) else { return Ok(()) };
        let open = self.open_quantities(account, request.symbol);
        let mut with = open;
        let of_side = &mut with[usize::from(request.side == Side::Sell)];
        *of_side = of_side.checked_add(request.quantity).unwrap_or(*of_side);
        let (before, after) =
            (self.worst_notional(account, at, open), self.worst_notional(account, at, with));
        let max_notional = self.listings[at].brackets.max_notional(found.leverage(request.symbol));
        if after > before && after > max_notional {
            return Err(refusals::position_too_large());
        }
        Ok(())
    }
}
