//! The change from a connection to its successor without losing or repeating a message. Pure.
//!
//! Until the switch the old connection is told in full and the new one is held back. A stream is
//! *joined* once the old connection has told everything before the new one's first message; when
//! all are, what the new one holds beyond that goes on seamlessly. Depth joins by `pu`, trades by
//! their ids, best prices by `u`, mark prices by their time.
//!
//! Invariants: **1** over a switch no message is told twice, and none that the new connection
//! brought is lost; **2** a new connection that is silent where the old one speaks never takes
//! over; **3** quiet streams hinder nothing for longer than the time given; **4** what is held is
//! bounded.

use std::collections::{BTreeMap, VecDeque};

use super::stream_plan::Stream;
use crate::book::MarketEvent;
use crate::domain::Timestamp;

/// Messages held for the switch: seconds of a busy market. More means that the old connection lags.
const MOST_HELD: usize = 20_000;

/// Where a message stands in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    id: u64,
    /// The id after which it follows, where the venue tells.
    after: Option<u64>,
}

/// The newest message told of each stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Told(BTreeMap<Stream, u64>);

/// One change of connections.
#[derive(Debug)]
pub(super) struct Handover {
    streams: BTreeMap<Stream, Joint>,
    held: VecDeque<MarketEvent>,
    deadline: Timestamp,
}

/// What is known of one stream on both connections.
#[derive(Debug, Clone, Copy, Default)]
struct Joint {
    /// The old connection need not catch up here: it was given up for this stream.
    is_waived: bool,
    old_spoke: bool,
    /// The new connection continues what was told up to this id.
    continues: Option<u64>,
    newest: Option<u64>,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Wait,
    Switch,
    /// The new connection is silent in this stream, in which the old one speaks.
    Abandon(Stream),
}

impl Place {
    /// Where an event stands; `None` for what comes over no stream.
    pub(super) fn of(event: &MarketEvent) -> Option<Self> {
        let (id, after) = match event {
            MarketEvent::Depth(update) => {
                let before_first = update.first_update_id.saturating_sub(1);
                let after = update.previous_final_update_id.unwrap_or(before_first);
                (update.final_update_id, Some(after))
            }
            MarketEvent::Trade(trade) => {
                (trade.trade_id.0, Some(trade.trade_id.0.saturating_sub(1)))
            }
            MarketEvent::BookTicker(ticker) => (ticker.update_id, None),
            MarketEvent::MarkPrice(mark) => (mark.event_time.millis().cast_unsigned(), None),
            MarketEvent::Snapshot(_) => return None,
        };
        Some(Self { id, after })
    }
}

impl Told {
    /// Notes that an event is told.
    pub(super) fn note(&mut self, event: &MarketEvent) {
        if let (Some(stream), Some(place)) = (Stream::of(event), Place::of(event)) {
            self.0.insert(stream, place.id);
        }
    }

    /// Whether an event goes beyond what was told.
    pub(super) fn is_beyond(&self, event: &MarketEvent) -> bool {
        let (Some(stream), Some(place)) = (Stream::of(event), Place::of(event)) else {
            return true;
        };
        self.0.get(&stream).is_none_or(|told| place.id > *told)
    }
}

impl Handover {
    /// A change that must be decided by `deadline`. A stream whose old connection was found frozen
    /// is `waived`: nothing is expected of it there.
    pub(super) fn new(
        streams: impl Iterator<Item = Stream>,
        waived: Option<Stream>,
        deadline: Timestamp,
    ) -> Self {
        let joint = |stream| {
            let is_waived = Some(stream) == waived;
            (stream, Joint { is_waived, ..Joint::default() })
        };
        Self { streams: streams.map(joint).collect(), held: VecDeque::new(), deadline }
    }

    /// Nothing more is expected of a stream on the old connection.
    pub(super) fn waive(&mut self, stream: Stream) {
        if let Some(joint) = self.streams.get_mut(&stream) {
            joint.is_waived = true;
        }
    }

    /// When a decision is due at the latest.
    pub(super) const fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// The old connection told an event; `told` knows of it.
    pub(super) fn on_old(&mut self, event: &MarketEvent, told: &Told) {
        let joint = Stream::of(event).and_then(|stream| self.streams.get_mut(&stream));
        if let Some(joint) = joint {
            joint.old_spoke = true;
        }
        while self.held.front().is_some_and(|held| !told.is_beyond(held)) {
            self.held.pop_front();
        }
    }

    /// The new connection brought an event: it is held.
    pub(super) fn on_new(&mut self, event: MarketEvent) {
        let (Some(stream), Some(place)) = (Stream::of(&event), Place::of(&event)) else { return };
        let Some(joint) = self.streams.get_mut(&stream) else { return };
        let follows = match (joint.newest, place.after) {
            (Some(newest), Some(after)) => after <= newest,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if !follows {
            joint.continues = Some(place.after.unwrap_or(place.id));
        }
        joint.newest = Some(place.id);
        self.held.push_back(event);
    }

    /// Whether the new connection may take over.
    pub(super) fn verdict(&self, now: Timestamp, told: &Told) -> Verdict {
        let is_joined = |(stream, joint): (&Stream, &Joint)| {
            let told = told.0.get(stream);
            let is_continued =
                matches!((joint.continues, told), (Some(from), Some(told)) if from <= *told);
            is_continued || (joint.is_waived && joint.newest.is_some())
        };
        if self.streams.iter().all(is_joined) || self.held.len() >= MOST_HELD {
            return Verdict::Switch;
        }
        if now < self.deadline {
            return Verdict::Wait;
        }
        let silent = |joint: &Joint| joint.old_spoke && joint.newest.is_none();
        let found = self.streams.iter().find(|(_, joint)| silent(joint));
        found.map_or(Verdict::Switch, |(stream, _)| Verdict::Abandon(*stream))
    }

    /// What the new connection brought, in its order; some of it may be told.
    pub(super) fn into_held(self) -> VecDeque<MarketEvent> {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::stream_plan::StreamKind;
    use super::*;
    use crate::book::{BookTicker, DepthUpdate, Level, PublicTrade};
    use crate::domain::{Symbol, TradeId};

    const DEADLINE: Timestamp = Timestamp::from_seconds(30);

    fn symbol() -> Symbol {
        "BTCUSDT".parse().unwrap()
    }

    fn stream(kind: StreamKind) -> Stream {
        Stream { symbol: symbol(), kind }
    }

    fn trade(id: u64) -> MarketEvent {
        MarketEvent::Trade(PublicTrade {
            symbol: symbol(),
            trade_id: TradeId(id),
            price: "1".parse().unwrap(),
            quantity: "1".parse().unwrap(),
            buyer_is_maker: false,
            is_book_trade: true,
            trade_time: Timestamp::from_seconds(0),
        })
    }

    fn depth(last: u64, previous: u64) -> MarketEvent {
        MarketEvent::Depth(DepthUpdate {
            symbol: symbol(),
            event_time: Timestamp::from_seconds(0),
            transaction_time: None,
            first_update_id: previous + 2,
            final_update_id: last,
            previous_final_update_id: Some(previous),
            bids: vec![],
            asks: vec![],
        })
    }

    fn ticker(id: u64) -> MarketEvent {
        let level = Level { price: "1".parse().unwrap(), quantity: "1".parse().unwrap() };
        MarketEvent::BookTicker(BookTicker {
            symbol: symbol(),
            update_id: id,
            bid: level,
            ask: level,
        })
    }

    struct Pair {
        told: Told,
        handover: Handover,
        out: Vec<MarketEvent>,
    }

    impl Pair {
        fn of(kinds: &[StreamKind]) -> Self {
            let streams = kinds.iter().map(|kind| stream(*kind));
            let handover = Handover::new(streams, None, DEADLINE);
            Self { told: Told::default(), handover, out: Vec::new() }
        }

        fn by_old(&mut self, event: MarketEvent) -> &mut Self {
            self.told.note(&event);
            self.handover.on_old(&event, &self.told);
            self.out.push(event);
            self
        }

        fn by_new(&mut self, event: MarketEvent) -> &mut Self {
            self.handover.on_new(event);
            self
        }

        fn verdict(&self, second: i64) -> Verdict {
            self.handover.verdict(Timestamp::from_seconds(second), &self.told)
        }

        fn switch(mut self) -> Vec<MarketEvent> {
            let held = self.handover.into_held();
            self.out.extend(held.into_iter().filter(|event| self.told.is_beyond(event)));
            self.out
        }
    }

    #[test]
    fn the_switch_waits_until_every_stream_continues_and_repeats_nothing() {
        let mut pair = Pair::of(&[StreamKind::Depth, StreamKind::BookTicker]);
        pair.by_old(depth(10, 5)).by_new(depth(20, 10)).by_new(depth(30, 20));
        assert_eq!(pair.verdict(1), Verdict::Wait, "no best prices on the new one yet");
        pair.by_new(ticker(25)).by_old(depth(20, 10));
        assert_eq!(pair.verdict(1), Verdict::Wait, "the old one may still bring 24");
        pair.by_old(ticker(25));
        assert_eq!(pair.verdict(1), Verdict::Switch);
        let expected = [depth(10, 5), depth(20, 10), ticker(25), depth(30, 20)];
        assert_eq!(pair.switch(), expected);
    }

    #[test]
    fn a_new_connection_that_began_later_waits_for_the_old_one_to_catch_up() {
        let mut pair = Pair::of(&[StreamKind::Trades]);
        pair.by_old(trade(7)).by_new(trade(10));
        assert_eq!(pair.verdict(1), Verdict::Wait, "8 and 9 are still to come");
        pair.by_old(trade(8)).by_old(trade(9));
        assert_eq!(pair.verdict(1), Verdict::Switch);
        assert_eq!(pair.switch(), [trade(7), trade(8), trade(9), trade(10)]);
    }

    #[test]
    fn a_hole_in_the_new_connection_is_waited_out() {
        let mut pair = Pair::of(&[StreamKind::Trades]);
        pair.by_old(trade(7)).by_new(trade(8)).by_new(trade(11));
        assert_eq!(pair.verdict(1), Verdict::Wait, "it lacks 9 and 10");
        pair.by_old(trade(8)).by_old(trade(9)).by_old(trade(10));
        assert_eq!(pair.verdict(1), Verdict::Switch);
        let ids = (7..=11).map(trade).collect::<Vec<_>>();
        assert_eq!(pair.switch(), ids);
    }

    #[test]
    fn at_the_deadline_quiet_streams_hinder_nothing_and_one_sided_silence_does() {
        let mut pair = Pair::of(&[StreamKind::Trades, StreamKind::Depth]);
        pair.by_old(depth(10, 5)).by_new(depth(20, 10));
        assert_eq!(pair.verdict(29), Verdict::Wait);
        assert_eq!(pair.verdict(30), Verdict::Switch, "nobody trades");
        pair.by_old(trade(1));
        assert_eq!(pair.verdict(30), Verdict::Abandon(stream(StreamKind::Trades)));
        pair.by_new(trade(2));
        assert_eq!(pair.verdict(30), Verdict::Switch);
    }

    #[test]
    fn a_frozen_stream_need_not_catch_up_on_the_connection_that_froze() {
        let streams = [StreamKind::Depth, StreamKind::BookTicker].map(stream);
        let frozen = Some(stream(StreamKind::Depth));
        let mut pair = Pair::of(&[]);
        pair.handover = Handover::new(streams.into_iter(), frozen, DEADLINE);
        pair.by_old(depth(10, 5)).by_old(ticker(30)).by_new(ticker(30));
        assert_eq!(pair.verdict(1), Verdict::Wait, "not a word of depth on the new one");
        pair.by_new(depth(40, 30));
        assert_eq!(pair.verdict(1), Verdict::Switch);
    }

    proptest! {
        /// Both connections bring the same trades with different delays; the new one begins anywhere.
        #[test]
        fn invariant_1_nothing_is_lost_or_repeated(
            order in prop::collection::vec(any::<bool>(), 0..60), begin in 0_u64..20,
        ) {
            let mut pair = Pair::of(&[StreamKind::Trades]);
            let (mut old, mut new) = (0, begin);
            for is_old in order {
                if is_old { old += 1; pair.by_old(trade(old)); } else { new += 1; pair.by_new(trade(new)); }
                if pair.verdict(1) == Verdict::Switch {
                    break;
                }
            }
            let is_switched = pair.verdict(1) == Verdict::Switch;
            let last = if is_switched { old.max(new) } else { old };
            let expected: Vec<_> = (1..=last).map(trade).collect();
            let told = if is_switched { pair.switch() } else { pair.out };
            prop_assert_eq!(told, expected);
        }
    }
}
