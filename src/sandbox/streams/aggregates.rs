//! The consecutive ids of a symbol's aggregated trades (exchange-api.md 2.4), and the newest of them.
//!
//! An exchange's own trade ids skip where one aggregate holds several; aggregates never skip, so that
//! whoever listens can tell that one is missing.

use std::collections::VecDeque;

use crate::book::PublicTrade;

/// The aggregates of one symbol.
#[derive(Debug)]
pub(in crate::sandbox) struct Aggregates {
    counted: u64,
    newest: VecDeque<(u64, PublicTrade)>,
}

impl Aggregates {
    /// Aggregates kept for those who ask by id.
    pub(super) const KEPT: usize = 1_000;

    /// Numbered from the one after so many.
    pub(super) fn after(counted: u64) -> Self {
        Self { counted, newest: VecDeque::new() }
    }

    /// Numbers a trade.
    pub(super) fn add(&mut self, trade: &PublicTrade) -> u64 {
        self.counted += 1;
        if self.newest.len() >= Self::KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back((self.counted, *trade));
        self.counted
    }

    /// Those kept, oldest first, with their ids.
    pub(in crate::sandbox) fn iter(&self) -> impl Iterator<Item = &(u64, PublicTrade)> {
        self.newest.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Timestamp, TradeId};

    #[test]
    fn ids_are_consecutive_whatever_the_trades_own_and_the_newest_are_kept() {
        let mut aggregates = Aggregates::after(0);
        let trade = |id| PublicTrade {
            symbol: "BTCUSDT".parse().unwrap(),
            trade_id: TradeId(id),
            price: "1".parse().unwrap(),
            quantity: "1".parse().unwrap(),
            buyer_is_maker: true,
            is_book_trade: true,
            trade_time: Timestamp::from_seconds(1),
        };
        let ids: Vec<_> = (0..1_500).map(|number| aggregates.add(&trade(number * 3))).collect();
        assert_eq!(ids, (1..=1_500).collect::<Vec<_>>());
        let kept: Vec<_> = aggregates.iter().map(|(id, _)| *id).collect();
        assert_eq!(kept, (501..=1_500).collect::<Vec<_>>());
    }
}
