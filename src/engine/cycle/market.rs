//! What the newest second said about one instrument: the little of it that decisions need.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::book::Row;
use crate::domain::{Amount, Exposure, Price, Rate, Second, Timestamp};
use crate::trading::RiskLimits;
use crate::trading::prices::Quote;

/// A second older than this is no longer the market: the next one is overdue.
const SECOND_PATIENCE: Duration = Duration::from_secs(2);

/// The market as last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::engine) struct MarketView {
    second: Option<Second>,
    quote: Option<Quote>,
    mark: Option<(Price, Timestamp)>,
    /// The mid of the last valid second.
    last_mid: Option<(Second, Price)>,
    /// Until when the mid is not believed, for it has jumped.
    doubted_until: Option<Timestamp>,
}

impl MarketView {
    /// Takes in one second's row.
    pub(super) fn observe(&mut self, second: Second, row: &Row, limits: &RiskLimits) {
        self.second = Some(second);
        self.quote = row.valid_snapshot().map(|snapshot| Quote {
            best_bid: snapshot.best_bid().price,
            best_ask: snapshot.best_ask().price,
        });
        if let Some(quote) = self.quote {
            let mid = quote.mid_price();
            let before = self.last_mid.replace((second, mid));
            if before.is_some_and(|before| has_jumped(before, (second, mid), limits.mid_jump)) {
                self.doubted_until = Some(second.end() + limits.mid_jump_pause);
            }
        }
        if let Some(mark_price) = row.mark_price {
            let age = Duration::from_millis(u64::from(row.mark_age_ms));
            self.mark = Some((mark_price, second.end().earlier_by(age)));
        }
    }

    /// The newest second seen.
    pub(super) const fn second(&self) -> Option<Second> {
        self.second
    }

    /// The best prices, if the newest second is valid and the next one not overdue.
    pub(super) fn quote(&self, now: Timestamp) -> Option<Quote> {
        let second = self.second?;
        self.quote.filter(|_| now.since(second.end()) <= SECOND_PATIENCE)
    }

    /// Whether the mid has jumped so lately that it is not believed yet. One that stays where it
    /// is until then was right.
    pub(super) fn is_doubted(&self, now: Timestamp) -> bool {
        self.doubted_until.is_some_and(|until| now < until)
    }

    /// The newest mark price, however old.
    pub(super) fn mark_price(&self) -> Option<Price> {
        self.mark.map(|(price, _)| price)
    }

    /// The mark price, if it is not older than `max_age`.
    pub(super) fn fresh_mark_price(&self, now: Timestamp, max_age: Duration) -> Option<Price> {
        self.mark.filter(|(_, at)| now.since(*at) <= max_age).map(|(price, _)| price)
    }

    /// When the mark price becomes too old.
    pub(super) fn mark_price_expires(&self, max_age: Duration) -> Option<Timestamp> {
        self.mark.map(|(_, at)| at + max_age + Duration::from_nanos(1))
    }
}

/// Whether a mid went farther than the limit allows for each second between the two.
fn has_jumped(before: (Second, Price), after: (Second, Price), limit: Rate) -> bool {
    let seconds = after.0.seconds_since(before.0).max(1);
    let allowed = Rate::from_units(limit.units().saturating_mul(seconds)).unwrap_or(limit);
    after.1.relative_to(before.1).abs() > allowed
}

/// What a position would bring at a price, before fees; a figure out of range is the worst one.
pub(super) fn profit_at(exposure: Exposure, entry_price: Price, price: Price) -> Amount {
    let worst = || Amount::from_units(i64::MIN).unwrap_or_default();
    Amount::profit(exposure, entry_price, price).unwrap_or_else(|_| worst())
}
