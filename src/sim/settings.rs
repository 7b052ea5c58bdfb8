//! What an exchange is made of, as plain parameters.

use thiserror::Error;

use crate::domain::{Amount, FeeRates, Instrument, Rate, Symbol};

use super::market::MarketSettings;

/// What the whole exchange is made of.
#[derive(Debug, Clone)]
pub struct ExchangeSettings {
    /// What is traded, each with its outside liquidity.
    pub instruments: Vec<InstrumentSettings>,
    /// The root of all randomness; each instrument derives its own from it and its symbol.
    pub seed: u64,
}

/// One instrument and where its outside liquidity comes from.
#[derive(Debug, Clone)]
pub struct InstrumentSettings {
    /// The instrument and its filters.
    pub instrument: Instrument,
    /// Who trades besides the accounts.
    pub liquidity: Liquidity,
}

/// Who trades besides the accounts.
#[derive(Debug, Clone)]
pub enum Liquidity {
    /// A seeded market of background participants.
    Seeded(Box<MarketSettings>),
    /// Nobody: the accounts trade with one another, from an empty book.
    Accounts,
    /// Recorded messages, given to [`super::Exchange::feed`].
    Tape,
    /// Recorded seconds, given to [`super::Exchange::feed_second`].
    Seconds,
}

/// What an account begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountSettings {
    /// Its wallet balance in quote asset.
    pub balance: Amount,
    /// The fees it pays.
    pub fees: FeeRates,
    /// Its leverage on every symbol until set otherwise, 1 to 125.
    pub leverage: u32,
}

/// Why an exchange cannot be made or fed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SimError {
    /// No instrument at all.
    #[error("an exchange needs at least one instrument")]
    NoInstrument,
    /// The same symbol twice.
    #[error("symbol {0} is listed twice; a symbol names one instrument of an exchange")]
    ListedTwice(Symbol),
    /// An instrument without a price or quantity grid.
    #[error("symbol {0} has no tick or step size: it is not open for trading")]
    NotTradable(Symbol),
    /// A seeded market on another grid than its instrument.
    #[error("the seeded market of {0} has another tick or step size than the instrument")]
    OtherGrid(Symbol),
    /// New filters on a finer or crossing grid.
    #[error("the book of {0} is kept on a grid that its new tick or step is no multiple of")]
    FinerGrid(Symbol),
    /// A feed for a symbol that is not listed, or that takes its liquidity from elsewhere.
    #[error("symbol {0} is not fed this way: check the liquidity of its settings")]
    NotFed(Symbol),
}

/// The default tier: maker 2 bps, taker 5 bps (exchange-api.md 8.1).
#[must_use]
pub fn default_fees() -> FeeRates {
    FeeRates { maker: Rate::from_bps(2.0), taker: Rate::from_bps(5.0) }
}

/// The demo account's own tier: maker 0, taker 1 bps (design.md §3).
#[must_use]
pub fn demo_fees() -> FeeRates {
    FeeRates { maker: Rate::ZERO, taker: Rate::from_bps(1.0) }
}

impl Default for AccountSettings {
    /// 10,000 of quote asset, the default tier, leverage 20.
    fn default() -> Self {
        let balance = Amount::from_units(1_000_000_000_000).unwrap_or(Amount::ZERO);
        Self { balance, fees: default_fees(), leverage: 20 }
    }
}
