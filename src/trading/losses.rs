//! What the day has cost, and when that is too much: daily loss, drawdown, losses in a row.
//!
//! Invariants: **1** the day is the one of UTC, and earlier runs of it count; **2** the highest
//! profit of a day never falls within it, unless a person resumes.

#[cfg(test)]
pub(super) mod tests;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::limits::RiskLimits;
use crate::domain::{Amount, Timestamp};

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// Why no more may be risked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LossBreach {
    /// The day's realised loss is at its limit.
    #[error("the day's realised loss is {0}")]
    Daily(Amount),
    /// The day's profit has fallen too far below its highest.
    #[error("the day's profit has fallen by {0} from its highest")]
    Drawdown(Amount),
    /// Too many round trips in a row have lost.
    #[error("{0} round trips in a row have lost")]
    InARow(u32),
}

/// The day's profit and its highest, and how many round trips have lost in a row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LossWatch {
    day: i64,
    /// What earlier runs of the day realised, less what this one had at midnight.
    realized_before: Amount,
    /// The day's highest profit so far, what was not realised included.
    highest: Amount,
    /// How far below it the day last stood.
    drawdown: Amount,
    losses_in_a_row: u32,
}

impl LossWatch {
    /// The watch at the start of a run, with what earlier runs of the day realised.
    #[must_use]
    pub fn carried_over(now: Timestamp, realized_today: Amount) -> Self {
        Self {
            day: now.nanos().div_euclid(NANOS_PER_DAY),
            realized_before: realized_today,
            highest: realized_today,
            ..Self::default()
        }
    }

    /// The day's realised profit, given what this run has realised since its start.
    #[must_use]
    pub fn realized_today(&self, now: Timestamp, realized_by_run: Amount) -> Amount {
        let is_new_day = now.nanos().div_euclid(NANOS_PER_DAY) > self.day;
        let before = if is_new_day { -realized_by_run } else { self.realized_before };
        before.saturating_add(realized_by_run)
    }

    /// Takes in what this run has realised, and what it would realise now; `None` where no price
    /// says that. At midnight UTC the count begins anew.
    pub fn observe(
        &mut self,
        now: Timestamp,
        realized_by_run: Amount,
        unrealized: Option<Amount>,
    ) -> Amount {
        let realized = self.realized_today(now, realized_by_run);
        let day = now.nanos().div_euclid(NANOS_PER_DAY);
        if day > self.day {
            (self.day, self.realized_before) = (day, -realized_by_run);
            self.highest = unrealized.unwrap_or_default();
        }
        if let Some(unrealized) = unrealized {
            let profit = realized.saturating_add(unrealized);
            self.highest = self.highest.max(profit);
            self.drawdown = self.highest.saturating_add(-profit);
        }
        realized
    }

    /// Takes in what an earlier run was paid at that moment and did not learn of: it counts if it is
    /// of the day.
    pub fn on_earlier(&mut self, now: Timestamp, at: Timestamp, amount: Amount) {
        let day = |moment: Timestamp| moment.nanos().div_euclid(NANOS_PER_DAY);
        if day(at) == day(now) && day(now) == self.day {
            self.realized_before = self.realized_before.saturating_add(amount);
        }
    }

    /// Takes in what a finished round trip brought, after fees.
    pub fn on_round_trip(&mut self, profit: Amount) {
        self.losses_in_a_row =
            if profit < Amount::ZERO { self.losses_in_a_row.saturating_add(1) } else { 0 };
    }

    /// Whether too much is lost, given what the day has realised.
    ///
    /// # Errors
    /// The first [`LossBreach`].
    pub fn check(&self, limits: &RiskLimits, realized: Amount) -> Result<(), LossBreach> {
        if realized <= -limits.daily_loss {
            Err(LossBreach::Daily(-realized))
        } else if self.drawdown >= limits.drawdown {
            Err(LossBreach::Drawdown(self.drawdown))
        } else if self.losses_in_a_row >= limits.consecutive_losses {
            Err(LossBreach::InARow(self.losses_in_a_row))
        } else {
            Ok(())
        }
    }

    /// A person has looked and goes on: falls and losses in a row count from here. What the day has
    /// realised stands.
    pub fn forgive(&mut self) {
        self.highest = self.highest.saturating_add(-self.drawdown);
        self.drawdown = Amount::ZERO;
        self.losses_in_a_row = 0;
    }
}
