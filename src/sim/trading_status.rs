//! Whether a symbol is open for trading, and what is refused while it is not.

use crate::domain::{Rejection, Symbol};

use super::exchange::Exchange;
use super::refusals;
use super::settings::SimError;

/// Whether a symbol is open for trading (exchange-api.md 2.3, `status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TradingStatus {
    /// Everything is taken.
    #[default]
    Trading,
    /// Only orders that make positions smaller are taken.
    PreSettle,
    /// Nothing is taken.
    Settling,
    /// Nothing is taken any more.
    Close,
}

impl Exchange {
    /// Whether a symbol is open for trading; `None` for an unknown one.
    #[must_use]
    pub fn trading_status(&self, symbol: Symbol) -> Option<TradingStatus> {
        self.find(symbol).map(|at| self.listings[at].status)
    }

    /// Opens or closes a symbol for what comes from now on; what rests stays.
    ///
    /// # Errors
    /// [`SimError::NotFed`] for an unknown symbol.
    pub fn set_trading_status(
        &mut self,
        symbol: Symbol,
        status: TradingStatus,
    ) -> Result<(), SimError> {
        let at = self.find(symbol).ok_or(SimError::NotFed(symbol))?;
        self.listings[at].status = status;
        Ok(())
    }

    /// Whether the symbol's status lets an order in.
    pub(super) fn judge_status(&self, at: usize, is_reducing: bool) -> Result<(), Rejection> {
        match self.listings[at].status {
            TradingStatus::Trading => Ok(()),
            TradingStatus::PreSettle if is_reducing => Ok(()),
            TradingStatus::PreSettle => Err(refusals::no_new_positions()),
            TradingStatus::Settling | TradingStatus::Close => Err(refusals::symbol_closed()),
        }
    }
}
