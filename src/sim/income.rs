//! Every movement of an account's wallet, by kind.
//!
//! Invariants: **1** the totals hold all that ever was, so that wallet = first balance + their sum;
//! **2** beyond [`INCOME_KEPT`] the oldest row is forgotten, its amount never.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::{Amount, Symbol, Timestamp, TradeId};

/// Rows kept for queries, per account: about 8 MB.
pub const INCOME_KEPT: usize = 100_000;

/// Why a wallet changed (exchange-api.md 4.5, `incomeType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IncomeKind {
    /// Money came in or went out.
    Transfer,
    /// A position was made smaller.
    RealizedPnl,
    /// A fee.
    Commission,
    /// Funding, paid or received.
    FundingFee,
    /// A liquidation's fee, or the loss that the insurance fund took over.
    InsuranceClear,
}

/// One movement of a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Income {
    /// Unique within the account and kind, rising.
    pub transaction_id: u64,
    /// Why.
    pub kind: IncomeKind,
    /// How much; negative is paid.
    pub amount: Amount,
    /// In which symbol, unless it is a transfer.
    pub symbol: Option<Symbol>,
    /// For which trade.
    pub trade_id: Option<TradeId>,
    /// When.
    pub time: Timestamp,
}

/// Which movements are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncomeQuery {
    /// Only in this symbol.
    pub symbol: Option<Symbol>,
    /// Only of this kind.
    pub kind: Option<IncomeKind>,
    /// Not before.
    pub since: Timestamp,
    /// Not after.
    pub until: Timestamp,
}

impl IncomeQuery {
    fn wants(&self, row: &Income) -> bool {
        self.symbol.is_none_or(|symbol| row.symbol == Some(symbol))
            && self.kind.is_none_or(|kind| row.kind == kind)
            && (self.since..=self.until).contains(&row.time)
    }
}

/// The movements of one account.
#[derive(Debug, Default)]
pub(super) struct IncomeBook {
    rows: VecDeque<Income>,
    totals: BTreeMap<IncomeKind, (u64, Amount)>,
}

impl IncomeBook {
    /// Writes a movement down under the next number of its kind.
    pub(super) fn write(&mut self, mut row: Income) {
        let (count, total) = self.totals.entry(row.kind).or_default();
        *count += 1;
        *total = total.saturating_add(row.amount);
        row.transaction_id = *count;
        self.rows.push_back(row);
        if self.rows.len() > INCOME_KEPT {
            self.rows.pop_front();
        }
    }

    /// The rows asked for, oldest first.
    pub(super) fn rows(&self, query: IncomeQuery) -> impl DoubleEndedIterator<Item = &Income> + '_ {
        self.rows.iter().filter(move |row| query.wants(row))
    }

    /// All that ever came in of a kind.
    pub(super) fn total(&self, kind: IncomeKind) -> Amount {
        self.totals.get(&kind).map(|(_, total)| *total).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: IncomeKind, second: i64) -> Income {
        Income {
            transaction_id: 0,
            kind,
            amount: "0.5".parse().unwrap(),
            symbol: None,
            trade_id: None,
            time: Timestamp::from_seconds(second),
        }
    }

    #[test]
    fn ids_rise_within_a_kind_and_totals_outlive_the_rows() {
        let mut book = IncomeBook::default();
        book.write(row(IncomeKind::Commission, 0));
        let kept = i64::try_from(INCOME_KEPT).unwrap();
        for second in 0..kept {
            book.write(row(IncomeKind::Transfer, second));
        }
        let all = IncomeQuery {
            symbol: None,
            kind: None,
            since: Timestamp::default(),
            until: Timestamp::MAX,
        };
        assert_eq!(book.rows(all).count(), INCOME_KEPT);
        assert!(book.rows(all).all(|row| row.kind == IncomeKind::Transfer), "the oldest went");
        assert_eq!(book.total(IncomeKind::Commission), "0.5".parse().unwrap());
        assert_eq!(book.total(IncomeKind::Transfer), "50000".parse().unwrap());
        let late = IncomeQuery { since: Timestamp::from_seconds(kept - 2), ..all };
        let ids: Vec<u64> = book.rows(late).map(|row| row.transaction_id).collect();
        assert_eq!(ids, [99_999, 100_000]);
    }
}
