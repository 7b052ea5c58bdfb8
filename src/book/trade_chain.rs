//! Whether a second's trades are all there: aggregates carry consecutive ids.
//!
//! Pure, and knows no clock: the caller says when a second has ended. Invariants: **1** a second is
//! doubted if its trades were not listened to throughout or an id is missing, until every missing
//! trade that may belong to it is there; **2** a trade counts once; **3** what belongs to an ended
//! second is never counted afterwards.

use std::ops::Range;

use super::update::PublicTrade;
use crate::domain::{Timestamp, TradeId};

/// Holes of one second that are remembered: more are one wide hole.
const MOST_HOLES: usize = 16;

/// What became of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Yes,
    /// It was told before.
    Repeated,
}

/// The trades of one instrument.
#[derive(Debug, Clone)]
pub(super) struct TradeChain {
    is_listening: bool,
    newest: Option<(TradeId, Timestamp)>,
    /// Ids missing before the newest, of the second under way.
    holes: Vec<Range<u64>>,
    /// The connection is new: after the newest, trades may be missing.
    is_end_open: bool,
    /// Something of this second cannot be had any more.
    is_beyond_repair: bool,
}

impl TradeChain {
    /// Nobody listens yet.
    pub(super) const fn new() -> Self {
        Self {
            is_listening: false,
            newest: None,
            holes: Vec::new(),
            is_end_open: false,
            is_beyond_repair: true,
        }
    }

    /// Whether the second under way may lack a trade.
    pub(super) const fn is_doubted(&self) -> bool {
        !self.is_listening || self.is_beyond_repair || self.is_end_open || !self.holes.is_empty()
    }

    /// The id from which on trades should be asked for, if that can prove the second under way.
    pub(super) fn missing_from(&self) -> Option<TradeId> {
        if !self.is_listening || self.is_beyond_repair {
            return None;
        }
        let first_hole = self.holes.iter().map(|hole| hole.start).min();
        let (newest, _) = self.newest?;
        first_hole.or_else(|| self.is_end_open.then_some(newest.0 + 1)).map(TradeId)
    }

    /// Nobody listens any more.
    pub(super) fn on_disconnect(&mut self) {
        self.is_listening = false;
    }

    /// Somebody listens: from now on every trade is told.
    pub(super) fn on_connect(&mut self) {
        if self.is_listening {
            return;
        }
        self.is_listening = true;
        match self.newest {
            Some(_) => self.is_end_open = true,
            None => self.is_beyond_repair = true,
        }
    }

    /// Takes a trade of the stream.
    pub(super) fn on_trade(&mut self, trade: &PublicTrade) -> Counted {
        let id = trade.trade_id.0;
        if let Some((TradeId(newest), time)) = self.newest {
            if id <= newest && trade.trade_time <= time {
                return Counted::Repeated;
            }
            if id <= newest {
                // The venue numbers anew: what lies between is not to be known.
                self.is_beyond_repair = true;
                self.holes.clear();
            } else if id > newest + 1 {
                self.remember_hole(newest + 1..id);
            }
            self.is_end_open = false;
        }
        self.newest = Some((trade.trade_id, trade.trade_time));
        Counted::Yes
    }

    /// Takes the venue's answer: its trades from [`missing_from`](Self::missing_from) on, in order;
    /// `is_whole` if there are no more. Gives back those that count for the second under way, which
    /// began at `start`.
    pub(super) fn on_answer(
        &mut self,
        trades: &[PublicTrade],
        is_whole: bool,
        start: Timestamp,
    ) -> Vec<PublicTrade> {
        let mut counted: Vec<&PublicTrade> = Vec::new();
        let last = trades.last().map(|trade| trade.trade_id.0);
        let present = |id: u64| trades.binary_search_by_key(&id, |trade| trade.trade_id.0).ok();
        for hole in std::mem::take(&mut self.holes) {
            if hole.clone().all(|id| present(id).is_some()) {
                counted.extend(hole.filter_map(|id| trades.get(present(id)?)));
            } else if last.is_some_and(|last| last + 1 >= hole.end) {
                // The venue does not have them any more; else it does not have them yet.
                self.is_beyond_repair = true;
            } else {
                self.holes.push(hole);
            }
        }
        if self.is_end_open
            && let Some((TradeId(newest), _)) = self.newest
        {
            let after: Vec<_> = trades.iter().filter(|trade| trade.trade_id.0 > newest).collect();
            let is_gapless =
                after.iter().zip(newest + 1..).all(|(trade, id)| trade.trade_id.0 == id);
            self.is_beyond_repair |= !is_gapless;
            self.is_end_open = !is_whole;
            if let Some(last) = after.last() {
                self.newest = Some((last.trade_id, last.trade_time));
            }
            counted.extend(after);
        }
        counted.into_iter().filter(|trade| trade.trade_time >= start).copied().collect()
    }

    /// The second under way has ended; nothing is added to it any more.
    pub(super) fn on_cut(&mut self) {
        self.holes.clear();
        self.is_end_open = false;
        self.is_beyond_repair = false;
    }

    fn remember_hole(&mut self, hole: Range<u64>) {
        if self.holes.len() < MOST_HOLES {
            self.holes.push(hole);
        } else {
            self.is_beyond_repair = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trade(id: u64, millis: i64) -> PublicTrade {
        PublicTrade {
            symbol: "BTCUSDT".parse().unwrap(),
            trade_id: TradeId(id),
            price: "1".parse().unwrap(),
            quantity: "1".parse().unwrap(),
            buyer_is_maker: false,
            is_book_trade: true,
            trade_time: Timestamp::from_millis(millis),
        }
    }

    fn ids(trades: &[PublicTrade]) -> Vec<u64> {
        trades.iter().map(|trade| trade.trade_id.0).collect()
    }

    /// A chain that has heard trade 10 and ended its first second.
    fn listening() -> TradeChain {
        let mut chain = TradeChain::new();
        chain.on_connect();
        let _ = chain.on_trade(&trade(10, 500));
        assert!(chain.is_doubted(), "nobody listened from this second's start");
        chain.on_cut();
        assert!(!chain.is_doubted());
        chain
    }

    fn start() -> Timestamp {
        Timestamp::from_millis(1_000)
    }

    #[test]
    fn consecutive_trades_are_whole_and_a_repeated_one_does_not_count() {
        let mut chain = listening();
        assert_eq!(chain.on_trade(&trade(11, 1_100)), Counted::Yes);
        assert_eq!(chain.on_trade(&trade(11, 1_100)), Counted::Repeated);
        assert_eq!(chain.on_trade(&trade(10, 500)), Counted::Repeated);
        assert!(!chain.is_doubted());
        assert_eq!(chain.missing_from(), None);
    }

    #[test]
    fn a_hole_is_doubted_until_the_venue_tells_what_was_in_it() {
        let mut chain = listening();
        let _ = chain.on_trade(&trade(14, 1_300));
        assert!(chain.is_doubted());
        assert_eq!(chain.missing_from(), Some(TradeId(11)));
        let _ = chain.on_trade(&trade(15, 1_400));
        let answer = [trade(11, 900), trade(12, 1_000), trade(13, 1_200), trade(14, 1_300)];
        let counted = chain.on_answer(&answer, true, start());
        assert_eq!(
            ids(&counted),
            [12, 13],
            "11 belongs to a second that has ended, 14 was counted"
        );
        assert!(!chain.is_doubted());
        assert_eq!(chain.on_trade(&trade(16, 1_500)), Counted::Yes);
    }

    #[test]
    fn an_answer_that_comes_after_the_second_adds_nothing() {
        let mut chain = listening();
        let _ = chain.on_trade(&trade(12, 1_300));
        chain.on_cut();
        assert!(!chain.is_doubted(), "what is missing came before the second under way");
        let counted = chain.on_answer(&[trade(11, 1_900)], true, Timestamp::from_millis(2_000));
        assert!(counted.is_empty());
        assert_eq!(chain.on_trade(&trade(13, 2_100)), Counted::Yes);
    }

    #[test]
    fn after_a_reconnect_the_next_id_proves_or_the_venue_is_asked() {
        let mut chain = listening();
        chain.on_disconnect();
        assert!(chain.is_doubted());
        chain.on_cut();
        assert!(chain.is_doubted(), "nobody listens");
        chain.on_connect();
        assert_eq!(chain.missing_from(), Some(TradeId(11)));
        let mut quiet = chain.clone();
        assert!(quiet.on_answer(&[], true, start()).is_empty());
        assert!(!quiet.is_doubted(), "nobody traded meanwhile");
        let mut continued = chain.clone();
        assert_eq!(continued.on_trade(&trade(11, 1_500)), Counted::Yes);
        assert!(!continued.is_doubted(), "nothing lies between 10 and 11");
        let counted = chain.on_answer(&[trade(11, 900), trade(12, 1_200)], true, start());
        assert_eq!(ids(&counted), [12]);
        assert_eq!(chain.on_trade(&trade(12, 1_200)), Counted::Repeated, "the answer told it");
        assert_eq!(chain.on_trade(&trade(13, 1_300)), Counted::Yes);
        assert!(!chain.is_doubted());
    }

    #[test]
    fn what_the_venue_no_longer_has_leaves_the_second_doubted() {
        let mut chain = listening();
        let _ = chain.on_trade(&trade(14, 1_300));
        let counted = chain.on_answer(&[trade(13, 1_200), trade(14, 1_300)], true, start());
        assert!(counted.is_empty());
        assert!(chain.is_doubted());
        assert_eq!(chain.missing_from(), None, "asking again is of no use");
        chain.on_cut();
        assert!(!chain.is_doubted());
    }

    #[test]
    fn an_answer_cut_short_leaves_the_rest_to_be_asked_for() {
        let mut chain = listening();
        let _ = chain.on_trade(&trade(14, 1_300));
        let counted = chain.on_answer(&[trade(11, 1_100)], false, start());
        assert!(counted.is_empty() && chain.is_doubted());
        assert_eq!(chain.missing_from(), Some(TradeId(11)));
    }

    #[test]
    fn a_venue_that_numbers_anew_is_followed_with_a_doubted_second() {
        let mut chain = listening();
        assert_eq!(chain.on_trade(&trade(1, 1_500)), Counted::Yes);
        assert!(chain.is_doubted());
        chain.on_cut();
        assert_eq!(chain.on_trade(&trade(2, 2_500)), Counted::Yes);
        assert!(!chain.is_doubted());
    }

    proptest! {
        /// Some trades are lost, some repeated; the venue answers at some point.
        #[test]
        fn invariants_1_and_2_an_undoubted_second_holds_each_trade_once(
            fates in prop::collection::vec(0..3_u8, 1..40), asked_after in 0..40_usize,
        ) {
            let mut chain = listening();
            let (mut counted, mut all) = (Vec::new(), Vec::new());
            for (index, fate) in fates.iter().enumerate() {
                let one = trade(11 + index as u64, 1_001 + i64::try_from(index).unwrap());
                all.push(one);
                for _ in 0..*fate {
                    if chain.on_trade(&one) == Counted::Yes {
                        counted.push(one.trade_id.0);
                    }
                }
                if index == asked_after && let Some(TradeId(from)) = chain.missing_from() {
                    let answer: Vec<_> =
                        all.iter().filter(|trade| trade.trade_id.0 >= from).copied().collect();
                    counted.extend(ids(&chain.on_answer(&answer, true, start())));
                }
            }
            counted.sort_unstable();
            prop_assert!(counted.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", counted);
            if !chain.is_doubted() {
                let newest = counted.last().copied().unwrap_or(10);
                prop_assert_eq!(counted, (11..=newest).collect::<Vec<_>>());
            }
        }
    }
}
