//! What moves a wallet: trades, fees, funding, transfers, each told by the venue as a row.

use serde::{Deserialize, Serialize};

use super::ids::TradeId;
use super::instrument::{Asset, Symbol};
use super::money::Amount;
use super::time::Timestamp;

/// What a payment is for (exchange-api.md 4.5, `incomeType`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IncomeKind {
    /// To or from another wallet of the account.
    Transfer,
    /// Profit or loss realised by a trade.
    RealizedPnl,
    /// Between longs and shorts.
    FundingFee,
    /// For a trade.
    Commission,
    /// To or from the insurance fund, at a liquidation.
    InsuranceClear,
    /// Anything else, in the venue's word.
    Other(String),
}

impl IncomeKind {
    /// The venue's word for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Transfer => "TRANSFER",
            Self::RealizedPnl => "REALIZED_PNL",
            Self::FundingFee => "FUNDING_FEE",
            Self::Commission => "COMMISSION",
            Self::InsuranceClear => "INSURANCE_CLEAR",
            Self::Other(word) => word,
        }
    }

    /// Reads the venue's word.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        let known = [
            Self::Transfer,
            Self::RealizedPnl,
            Self::FundingFee,
            Self::Commission,
            Self::InsuranceClear,
        ];
        known
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .unwrap_or_else(|| Self::Other(word.to_owned()))
    }

    /// Whether a trade brings it, so that the trade's own report tells it as well.
    #[must_use]
    pub const fn is_of_trade(&self) -> bool {
        matches!(self, Self::RealizedPnl | Self::Commission)
    }
}

/// A payment to (positive) or from the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Income {
    /// What for.
    pub kind: IncomeKind,
    /// For which symbol, if for one.
    pub symbol: Option<Symbol>,
    /// How much.
    pub amount: Amount,
    /// In what.
    pub asset: Asset,
    /// When.
    pub time: Timestamp,
    /// The venue's name for it, unique within the account and `kind`.
    pub transaction_id: u64,
    /// The trade it belongs to, if to one.
    pub trade_id: Option<TradeId>,
}

/// What tells one payment from another. The time is in it, for an account that is reset begins its
/// ids anew.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IncomeId {
    /// When it was paid.
    pub time: Timestamp,
    /// What for.
    pub kind: IncomeKind,
    /// The venue's name for it.
    pub transaction_id: u64,
    /// For which symbol.
    pub symbol: Option<Symbol>,
    /// In what.
    pub asset: Asset,
}

impl Income {
    /// What tells it from others.
    #[must_use]
    pub fn id(&self) -> IncomeId {
        IncomeId {
            time: self.time,
            kind: self.kind.clone(),
            transaction_id: self.transaction_id,
            symbol: self.symbol,
            asset: self.asset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for word in ["TRANSFER", "REALIZED_PNL", "FUNDING_FEE", "COMMISSION", "LOYALTY"] {
            assert_eq!(IncomeKind::from_word(word).as_str(), word);
        }
        assert_eq!(IncomeKind::from_word("LOYALTY"), IncomeKind::Other("LOYALTY".to_owned()));
    }
}
