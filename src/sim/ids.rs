//! Where the ids of an exchange begin, so that one opened later never repeats an earlier one's.

use crate::domain::Timestamp;

use super::exchange::Exchange;

impl Exchange {
    /// Skips every id that an exchange opened before `moment` may have given: a million of each
    /// kind for every second of time. For one whose clients remember an earlier one; without it ids
    /// are the same every time.
    pub fn skip_ids_before(&mut self, moment: Timestamp) {
        let skipped = u64::try_from(moment.nanos() / 1_000).unwrap_or(0);
        self.ids_skipped = skipped;
        self.orders.skip_ids(skipped);
        self.stops.skip_ids(skipped);
        for listing in &mut self.listings {
            listing.skip_ids(skipped);
        }
    }

    /// Numbers the trades of every symbol from the first again, as a venue does whose testnet is
    /// reset; a recording's own stay.
    pub fn renumber_trades(&mut self) {
        for listing in &mut self.listings {
            listing.renumber_trades();
        }
    }

    /// How many ids of each kind were left out before the first.
    #[must_use]
    pub const fn ids_skipped(&self) -> u64 {
        self.ids_skipped
    }
}
