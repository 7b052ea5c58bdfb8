//! Whether one symbol's silent streams are quiet or frozen. Pure.
//!
//! Silence alone proves nothing: it raises a doubt, sooner where a sibling stream moved (best prices
//! beyond the newest depth update). A doubt is settled in order: is the stream subscribed to
//! (`LIST_SUBSCRIPTIONS`)? Is the venue, by REST, beyond what we were told, and still so a moment
//! later? Only a proven difference is [`Question::Frozen`]; a word from the stream settles any doubt.
//! Invariants: **1** a stream that speaks is never frozen; **2** one whose venue stands where we
//! stand is never frozen; **3** each doubt is decided within [`SETTLED_WITHIN`].

use std::time::Duration;

use super::stream_plan::{Route, Stream, StreamKind};
use crate::book::MarketEvent;
use crate::domain::{Market, Symbol, Timestamp};

/// Best prices may be so far ahead of the depth updates that tell of the same change.
const SIBLING_LEAD: Duration = Duration::from_secs(2);
/// A mark price comes each second.
const MARK_PRICE_SILENCE: Duration = Duration::from_secs(10);
/// So long a market may be quiet before the venue is asked; a question costs 20 weight.
const SILENCE: Duration = Duration::from_mins(1);
/// A book that was never updated is compared again so soon after its first snapshot.
const FIRST_COMPARISON: Duration = Duration::from_secs(5);
/// The venue answers in milliseconds; without an answer the next step is taken, or the doubt kept.
const ANSWER_TIME: Duration = Duration::from_secs(3);
/// What the venue told by REST may still be on its way over the stream.
const IN_FLIGHT: Duration = Duration::from_secs(2);
/// From a doubt to its decision: two answers and what is in flight.
pub const SETTLED_WITHIN: Duration = Duration::from_secs(8);

/// What must be asked, or what is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Ask which streams the venue delivers on this one's connection.
    Subscribed(Stream),
    /// Ask the venue up to which id its book or its trades go.
    NewestId(Stream),
    /// The stream does not deliver what the venue has.
    Frozen(Stream),
}

/// Watches the four streams of one symbol.
#[derive(Debug, Clone)]
pub struct FeedWatch {
    symbol: Symbol,
    /// Spot has no mark price.
    market: Market,
    pulses: [Pulse; 4],
    /// Since when best prices are ahead of depth.
    ahead_since: Option<Timestamp>,
}

/// One stream's newest word and what is doubted of it.
#[derive(Debug, Clone, Copy)]
struct Pulse {
    kind: StreamKind,
    newest: Option<u64>,
    doubt: Doubt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// The route's connection is not there: nothing is expected.
    Unconnected,
    /// None; after this moment silence becomes one.
    Until(Timestamp),
    /// It was asked whether the stream is subscribed to.
    Listing(Timestamp),
    /// It was asked where the venue stands.
    Comparing(Timestamp),
    /// The venue stands at this id.
    Behind(u64, Timestamp),
    /// Proven; a new connection is awaited.
    Frozen,
}

impl FeedWatch {
    /// Watches a symbol's streams; none is connected yet.
    #[must_use]
    pub fn new(symbol: Symbol, market: Market) -> Self {
        use StreamKind::{BookTicker, Depth, MarkPrice, Trades};
        let pulse = |kind| Pulse { kind, newest: None, doubt: Doubt::Unconnected };
        Self {
            symbol,
            market,
            pulses: [Depth, BookTicker, Trades, MarkPrice].map(pulse),
            ahead_since: None,
        }
    }

    /// A connection carries a route's streams from now on; what was doubted of the last is void.
    pub fn on_connected(&mut self, now: Timestamp, route: Route) {
        for pulse in self.pulses.iter_mut().filter(|pulse| pulse.kind.route() == route) {
            pulse.newest = None;
        }
        self.on_switched(now, route);
    }

    /// A connection took over; what was told goes on.
    pub fn on_switched(&mut self, now: Timestamp, route: Route) {
        let is_spot = self.market == Market::Spot;
        for pulse in self.pulses.iter_mut().filter(|pulse| pulse.kind.route() == route) {
            if !(is_spot && pulse.kind == StreamKind::MarkPrice) {
                pulse.doubt = Doubt::Until(now + silence(pulse.kind));
            }
        }
        self.ahead_since = None;
    }

    /// A connection is gone; its streams owe nothing.
    pub fn on_disconnected(&mut self, route: Route) {
        for pulse in self.pulses.iter_mut().filter(|pulse| pulse.kind.route() == route) {
            pulse.doubt = Doubt::Unconnected;
        }
        self.ahead_since = None;
    }

    /// A stream spoke.
    pub fn on_event(&mut self, now: Timestamp, event: &MarketEvent) {
        let Some(Stream { kind, .. }) = Stream::of(event) else { return };
        let id = match event {
            MarketEvent::Depth(update) => Some(update.final_update_id),
            MarketEvent::BookTicker(ticker) => Some(ticker.update_id),
            MarketEvent::Trade(trade) => Some(trade.trade_id.0),
            MarketEvent::MarkPrice(_) | MarketEvent::Snapshot(_) => None,
        };
        let pulse = self.pulse_mut(kind);
        pulse.newest = id;
        if pulse.doubt != Doubt::Unconnected {
            pulse.doubt = Doubt::Until(now + silence(kind));
        }
        if matches!(kind, StreamKind::Depth | StreamKind::BookTicker) {
            let is_ahead =
                self.pulse(StreamKind::BookTicker).newest > self.pulse(StreamKind::Depth).newest;
            self.ahead_since = if is_ahead { self.ahead_since.or(Some(now)) } else { None };
        }
    }

    /// A stream has sent nothing since its connection was opened: a doubt at once.
    pub fn on_silent(&mut self, now: Timestamp, kind: StreamKind) {
        let pulse = self.pulse_mut(kind);
        if matches!(pulse.doubt, Doubt::Until(_)) {
            pulse.doubt = Doubt::Until(now);
        }
    }

    /// The venue listed a connection's streams, these ones lacking.
    pub fn on_listed(&mut self, now: Timestamp, lacking: &[Stream]) -> Option<Question> {
        let symbol = self.symbol;
        let mut frozen = None;
        for pulse in &mut self.pulses {
            let stream = Stream { symbol, kind: pulse.kind };
            if !matches!(pulse.doubt, Doubt::Listing(_)) {
                continue;
            }
            if lacking.contains(&stream) {
                pulse.doubt = Doubt::Frozen;
                frozen = Some(Question::Frozen(stream));
            } else {
                // Due at once: the next question follows.
                pulse.doubt = Doubt::Listing(now.earlier_by(ANSWER_TIME));
            }
        }
        frozen
    }

    /// The venue told by REST up to which id its book or its trades go; `None` if it has none.
    pub fn on_newest_id(&mut self, now: Timestamp, kind: StreamKind, id: Option<u64>) {
        let pulse = self.pulse_mut(kind);
        if !matches!(pulse.doubt, Doubt::Comparing(_)) {
            return;
        }
        pulse.doubt = match (pulse.newest, id) {
            (Some(newest), Some(id)) if id > newest => Doubt::Behind(id, now),
            (None, Some(id)) => {
                // Nothing was ever told: from here on a difference can be seen.
                pulse.newest = Some(id);
                Doubt::Until(now + FIRST_COMPARISON)
            }
            (_, _) => Doubt::Until(now + silence(kind)),
        };
        if kind == StreamKind::Depth && self.ahead_since.is_some() {
            // Best prices that lead still are believed again in a while.
            self.ahead_since = Some(now + ANSWER_TIME);
        }
    }

    /// What is to be asked or is proven now; call until it answers `None`.
    pub fn due(&mut self, now: Timestamp) -> Option<Question> {
        let symbol = self.symbol;
        let leads = self.ahead_since.is_some_and(|since| now.since(since) >= SIBLING_LEAD);
        for pulse in &mut self.pulses {
            let stream = Stream { symbol, kind: pulse.kind };
            let is_led = leads && pulse.kind == StreamKind::Depth;
            let question = match pulse.doubt {
                Doubt::Until(at) if at <= now || is_led => {
                    pulse.doubt = Doubt::Listing(now);
                    Some(Question::Subscribed(stream))
                }
                Doubt::Listing(asked) if now.since(asked) >= ANSWER_TIME => {
                    pulse.compare(now, stream)
                }
                Doubt::Comparing(asked) if now.since(asked) >= ANSWER_TIME => {
                    // Not known: the doubt begins anew.
                    pulse.doubt = Doubt::Until(now + ANSWER_TIME);
                    None
                }
                Doubt::Behind(id, since) if now.since(since) >= IN_FLIGHT => {
                    let is_behind = pulse.newest.is_none_or(|newest| newest < id);
                    pulse.doubt = if is_behind {
                        Doubt::Frozen
                    } else {
                        Doubt::Until(now + silence(pulse.kind))
                    };
                    is_behind.then_some(Question::Frozen(stream))
                }
                Doubt::Unconnected
                | Doubt::Until(_)
                | Doubt::Listing(_)
                | Doubt::Comparing(_)
                | Doubt::Behind(..)
                | Doubt::Frozen => None,
            };
            if question.is_some() {
                return question;
            }
        }
        None
    }

    /// The newest id a stream told since its connection was opened.
    #[must_use]
    pub fn newest(&self, kind: StreamKind) -> Option<u64> {
        self.pulse(kind).newest
    }

    fn pulse(&self, kind: StreamKind) -> &Pulse {
        &self.pulses[place(kind)]
    }

    fn pulse_mut(&mut self, kind: StreamKind) -> &mut Pulse {
        &mut self.pulses[place(kind)]
    }
}

impl Pulse {
    /// The step after the subscriptions were listed, or not in time.
    fn compare(&mut self, now: Timestamp, stream: Stream) -> Option<Question> {
        match self.kind {
            StreamKind::Depth | StreamKind::Trades => {
                self.doubt = Doubt::Comparing(now);
                Some(Question::NewestId(stream))
            }
            StreamKind::MarkPrice => {
                // The venue sends one each second: its silence is proof.
                self.doubt = Doubt::Frozen;
                Some(Question::Frozen(stream))
            }
            StreamKind::BookTicker => {
                // Best prices may stand for hours, and nothing hangs on them but the comparison.
                self.doubt = Doubt::Until(now + silence(self.kind));
                None
            }
        }
    }
}

const fn place(kind: StreamKind) -> usize {
    match kind {
        StreamKind::Depth => 0,
        StreamKind::BookTicker => 1,
        StreamKind::Trades => 2,
        StreamKind::MarkPrice => 3,
    }
}

const fn silence(kind: StreamKind) -> Duration {
    match kind {
        StreamKind::MarkPrice => MARK_PRICE_SILENCE,
        StreamKind::Depth | StreamKind::BookTicker | StreamKind::Trades => SILENCE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{BookTicker, DepthUpdate, Level, MarkPrice, PublicTrade};
    use crate::domain::TradeId;

    fn symbol() -> Symbol {
        "BTCUSDT".parse().unwrap()
    }

    fn stream(kind: StreamKind) -> Stream {
        Stream { symbol: symbol(), kind }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn depth(id: u64) -> MarketEvent {
        MarketEvent::Depth(DepthUpdate {
            symbol: symbol(),
            event_time: at(0),
            transaction_time: None,
            first_update_id: id,
            final_update_id: id,
            previous_final_update_id: Some(id - 1),
            bids: vec![],
            asks: vec![],
        })
    }

    fn ticker(update_id: u64) -> MarketEvent {
        let level = Level { price: "1".parse().unwrap(), quantity: "1".parse().unwrap() };
        MarketEvent::BookTicker(BookTicker { symbol: symbol(), update_id, bid: level, ask: level })
    }

    fn trade(id: u64) -> MarketEvent {
        MarketEvent::Trade(PublicTrade {
            symbol: symbol(),
            trade_id: TradeId(id),
            price: "1".parse().unwrap(),
            quantity: "1".parse().unwrap(),
            buyer_is_maker: false,
            is_book_trade: true,
            trade_time: at(0),
        })
    }

    fn mark() -> MarketEvent {
        let price = "1".parse().unwrap();
        MarketEvent::MarkPrice(MarkPrice { symbol: symbol(), price, event_time: at(0) })
    }

    /// A watch of one connected stream, which spoke at 0.
    fn watching(kind: StreamKind, event: &MarketEvent) -> FeedWatch {
        let mut watch = FeedWatch::new(symbol(), Market::Usdm);
        watch.on_connected(at(0), kind.route());
        watch.on_event(at(0), event);
        watch
    }

    #[test]
    fn best_prices_ahead_of_depth_are_a_doubt_that_the_venues_book_settles() {
        for (venue_id, is_frozen) in [(7_u64, false), (9, true)] {
            let mut watch = watching(StreamKind::Depth, &depth(7));
            watch.on_event(at(100), &ticker(9));
            watch.on_event(at(900), &ticker(10));
            assert_eq!(watch.due(at(2_099)), None, "the update may be on its way");
            let depth_stream = stream(StreamKind::Depth);
            assert_eq!(watch.due(at(2_100)), Some(Question::Subscribed(depth_stream)));
            assert_eq!(watch.on_listed(at(2_200), &[]), None);
            assert_eq!(watch.due(at(2_200)), Some(Question::NewestId(depth_stream)));
            watch.on_newest_id(at(2_300), StreamKind::Depth, Some(venue_id));
            assert_eq!(watch.due(at(4_299)), None);
            let proven = is_frozen.then_some(Question::Frozen(depth_stream));
            assert_eq!(watch.due(at(4_300)), proven);
        }
    }

    #[test]
    fn invariant_1_a_word_from_the_stream_settles_every_doubt() {
        let depth_stream = stream(StreamKind::Depth);
        for step in 0..4 {
            let mut watch = watching(StreamKind::Depth, &depth(7));
            watch.on_event(at(0), &ticker(9));
            if step > 0 {
                assert_eq!(watch.due(at(2_000)), Some(Question::Subscribed(depth_stream)));
            }
            if step > 1 {
                let _ = watch.on_listed(at(2_000), &[]);
                assert_eq!(watch.due(at(2_000)), Some(Question::NewestId(depth_stream)));
            }
            if step > 2 {
                watch.on_newest_id(at(2_100), StreamKind::Depth, Some(9));
            }
            watch.on_event(at(2_200), &depth(9));
            watch.on_newest_id(at(2_300), StreamKind::Depth, Some(11));
            assert_eq!(
                watch.due(at(60_000)),
                Some(Question::Subscribed(stream(StreamKind::BookTicker)))
            );
            assert_eq!(watch.due(at(62_199)), None, "step {step}");
        }
    }

    #[test]
    fn invariant_2_a_quiet_market_is_asked_for_once_a_minute_and_never_frozen() {
        let trades = stream(StreamKind::Trades);
        let mut watch = FeedWatch::new(symbol(), Market::Spot);
        watch.on_connected(at(0), Route::Market);
        watch.on_event(at(0), &trade(5));
        let mut asked = Vec::new();
        for second in 0..=200 {
            let now = Timestamp::from_seconds(second);
            while let Some(question) = watch.due(now) {
                assert_ne!(question, Question::Frozen(trades));
                asked.push(second);
                let _ = watch.on_listed(now, &[]);
                watch.on_newest_id(now, StreamKind::Trades, Some(5));
            }
        }
        assert_eq!(asked, [60, 60, 120, 120, 180, 180]);
    }

    #[test]
    fn a_stream_the_venue_does_not_list_is_frozen_without_asking_further() {
        let trades = stream(StreamKind::Trades);
        let mut watch = FeedWatch::new(symbol(), Market::Usdm);
        watch.on_connected(at(0), Route::Market);
        watch.on_silent(at(10_000), StreamKind::Trades);
        assert_eq!(watch.due(at(10_000)), Some(Question::Subscribed(trades)));
        assert_eq!(watch.on_listed(at(10_100), &[trades]), Some(Question::Frozen(trades)));
        let later = std::iter::from_fn(|| watch.due(at(11_000)));
        let later: Vec<_> =
            later.filter(|question| *question == Question::Frozen(trades)).collect();
        assert!(later.is_empty(), "said once: {later:?}");
    }

    #[test]
    fn a_book_never_updated_is_compared_with_its_own_first_snapshot() {
        let depth_stream = stream(StreamKind::Depth);
        let mut watch = FeedWatch::new(symbol(), Market::Usdm);
        watch.on_connected(at(0), Route::Public);
        watch.on_silent(at(10_000), StreamKind::Depth);
        for (second, venue_id) in [(10, 50), (15, 60)] {
            let now = Timestamp::from_seconds(second);
            assert_eq!(watch.due(now), Some(Question::Subscribed(depth_stream)));
            let _ = watch.on_listed(now, &[]);
            assert_eq!(watch.due(now), Some(Question::NewestId(depth_stream)));
            watch.on_newest_id(now, StreamKind::Depth, Some(venue_id));
            assert_eq!(watch.due(now), None);
        }
        assert_eq!(watch.due(at(17_000)), Some(Question::Frozen(depth_stream)));
    }

    #[test]
    fn a_mark_price_that_stays_away_for_ten_seconds_is_frozen_after_the_list() {
        let marks = stream(StreamKind::MarkPrice);
        let mut watch = FeedWatch::new(symbol(), Market::Usdm);
        watch.on_connected(at(0), Route::Market);
        watch.on_event(at(0), &mark());
        assert_eq!(watch.due(at(9_999)), None);
        assert_eq!(watch.due(at(10_000)), Some(Question::Subscribed(marks)));
        assert_eq!(watch.due(at(12_999)), None, "an answer may come");
        assert_eq!(watch.due(at(13_000)), Some(Question::Frozen(marks)), "it did not");
        watch.on_switched(at(14_000), Route::Market);
        assert_eq!(watch.due(at(23_999)), None, "a new connection is a new chance");
    }

    #[test]
    fn a_question_without_an_answer_is_asked_again() {
        let trades = stream(StreamKind::Trades);
        let mut watch = FeedWatch::new(symbol(), Market::Spot);
        watch.on_connected(at(0), Route::Market);
        watch.on_event(at(0), &trade(5));
        let mut said = Vec::new();
        for second in 60..75 {
            said.extend(watch.due(Timestamp::from_seconds(second)).map(|it| (second, it)));
        }
        let (list, ask) = (Question::Subscribed(trades), Question::NewestId(trades));
        assert_eq!(said, [(60, list), (63, ask), (69, list), (72, ask)]);
    }

    #[test]
    fn a_lost_connection_owes_nothing() {
        let mut watch = watching(StreamKind::Depth, &depth(7));
        watch.on_event(at(0), &ticker(9));
        watch.on_disconnected(Route::Public);
        assert_eq!(watch.due(at(3_600_000)), None);
    }
}
