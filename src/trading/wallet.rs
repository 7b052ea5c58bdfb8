//! The wallet as the ledger has it: what it held when it was last agreed on, and what has moved
//! since: fills, funding, transfers. Compared with what the venue says it holds.
//!
//! Every movement is a fill of ours or a row of the venue's income, whoever made it: what neither
//! explains is a difference. The venue books some of them up to a minute late, so one is waited for
//! before it counts; then the venue's word is taken over, and a person is called.
//!
//! Invariants: **1** a wallet agreed on is what the venue said, so rounding never adds up; **2** a
//! movement that may or may not be in the first balance begins that asset anew, and is never guessed.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::position::is_priced_in;
use crate::domain::{AccountReport, Amount, Asset, Fill, Income, Symbol, Timestamp};

/// The venue books funding up to a minute after its hour, and tells of it later still.
const LONGEST_SETTLEMENT: Duration = Duration::from_secs(65);

/// A trade this near to the first balance may or may not be in it: the clocks may differ.
const CLOCK_MARGIN: Duration = Duration::from_secs(5);

/// A difference as old as this is none of settlement.
pub const UNEXPLAINED_LIMIT: Duration = Duration::from_secs(90);

/// What rounding may make of the fills between two reports, in units of 1e-8.
const TOLERANCE_UNITS: u64 = 10_000;

/// A wallet that holds what nothing explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletDifference {
    /// In which asset.
    pub asset: Asset,
    /// What the ledger says.
    pub ledger: Amount,
    /// What the venue says.
    pub venue: Amount,
}

impl std::fmt::Display for WalletDifference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { asset, ledger, venue } = self;
        write!(
            formatter,
            "wallet in {asset}: ledger {ledger}, venue {venue}, and neither fill nor income \
             explains it"
        )
    }
}

/// One asset of the wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Purse {
    /// When its first balance was asked for.
    begun_at: Timestamp,
    /// What it held when it was last agreed on.
    agreed: Amount,
    /// What has moved since.
    moved: Amount,
    /// Since when it differs from the venue.
    differs_since: Option<Timestamp>,
}

/// The wallet of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wallet {
    purses: BTreeMap<Asset, Purse>,
    /// Assets in which fees were paid.
    fee_assets: BTreeSet<Asset>,
    /// What the last report confirmed to differ, now taken over.
    confirmed: Vec<WalletDifference>,
    confirmed_total: u64,
}

impl Wallet {
    /// Takes in a fill of ours, booked for the first time.
    pub fn on_fill(&mut self, fill: &Fill) {
        self.fee_assets.insert(fill.commission_asset);
        let assets: Vec<Asset> = self.purses.keys().copied().collect();
        for asset in assets {
            if is_priced_in(fill.symbol, asset) {
                self.on_movement(asset, fill.realized_pnl, (fill.time, CLOCK_MARGIN));
            }
            if fill.commission_asset == asset {
                self.on_movement(asset, -fill.commission, (fill.time, CLOCK_MARGIN));
            }
        }
    }

    /// Takes in a row of the venue's income, told for the first time and by no fill of ours.
    pub fn on_income(&mut self, row: &Income) {
        self.on_movement(row.asset, row.amount, (row.time, LONGEST_SETTLEMENT));
    }

    fn on_movement(&mut self, asset: Asset, amount: Amount, (time, doubt): (Timestamp, Duration)) {
        let Some(purse) = self.purses.get_mut(&asset) else { return };
        if time + doubt < purse.begun_at {
            return; // it was in the first balance
        }
        if time < purse.begun_at + doubt {
            self.purses.remove(&asset);
        } else {
            purse.moved = purse.moved.saturating_add(amount);
        }
    }

    /// Compares with a report in which nothing is in motion; `symbols` are what is traded here, and
    /// the venue has told everything that moved the wallet up to `told_until`. The answer is what has
    /// differed for too long, though it could have been told: it is taken over from the venue.
    pub fn compare(
        &mut self,
        (now, told_until): (Timestamp, Option<Timestamp>),
        symbols: &[Symbol],
        report: &AccountReport,
    ) -> Vec<WalletDifference> {
        self.confirmed.clear();
        let told: BTreeMap<Asset, Amount> =
            report.balances.iter().map(|balance| (balance.asset, balance.wallet_balance)).collect();
        let is_ours = |asset: &Asset| {
            self.fee_assets.contains(asset)
                || symbols.iter().any(|symbol| is_priced_in(*symbol, *asset))
        };
        let begun = told.keys().filter(|asset| is_ours(asset));
        let assets: BTreeSet<Asset> = self.purses.keys().chain(begun).copied().collect();
        for asset in assets {
            let venue = told.get(&asset).copied().unwrap_or_default();
            let first = Purse {
                begun_at: report.asked_at,
                agreed: venue,
                moved: Amount::ZERO,
                differs_since: None,
            };
            let purse = self.purses.entry(asset).or_insert(first);
            let ledger = purse.agreed.saturating_add(purse.moved);
            let apart = venue.saturating_add(-ledger).units().unsigned_abs();
            let since = purse.differs_since.unwrap_or(now);
            if apart <= TOLERANCE_UNITS {
                *purse = Purse { begun_at: purse.begun_at, ..first };
                continue;
            }
            let is_told = told_until.is_some_and(|until| until >= since + LONGEST_SETTLEMENT);
            if now.since(since) < UNEXPLAINED_LIMIT || !is_told {
                purse.differs_since = Some(since);
                continue;
            }
            self.confirmed.push(WalletDifference { asset, ledger, venue });
            self.confirmed_total += 1;
            // A row that comes too late is in the balance that was taken over.
            *purse = first;
        }
        self.confirmed.clone()
    }

    /// A person has looked: what the venue says next is agreed on.
    pub fn begin_anew(&mut self) {
        self.purses.clear();
    }

    /// Whether a wallet holds what is not explained yet: the venue should be asked what moved it.
    #[must_use]
    pub fn wants_income(&self) -> bool {
        self.purses.values().any(|purse| purse.differs_since.is_some())
    }

    /// What the last report confirmed.
    pub fn confirmed(&self) -> impl Iterator<Item = &WalletDifference> {
        self.confirmed.iter()
    }

    /// How many differences this run has confirmed.
    #[must_use]
    pub const fn confirmed_total(&self) -> u64 {
        self.confirmed_total
    }
}
