//! Stream messages to frames: keeps the books, asks for what they lack, cuts each second.
//!
//! Decides nothing about trading. A stream that is silent is doubted ([`FeedWatch`]) and only called
//! frozen once the venue was seen beyond it. A frame goes to the recorder, the trader and the
//! predictor, in this order, so that a prediction is never told before the second it answers.
//!
//! Seconds are cut by the moments of the messages, of which one tells each second's end, and never
//! by the time of day: a second in which nobody listened (a stopped process, a machine asleep) has
//! no message, is left out, and so MISSING (I8).

mod questions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::binance::{FeedWatch, MarketMessage, Route, StreamsHandle, panic_on};
use crate::book::{DepthSnapshot, Frame, FrameCutter, MarketEvent};
use crate::clock::SharedClock;
use crate::domain::{Instrument, Symbol, Timestamp};
use crate::engine::{Event, Feed};
use crate::store::RowGrid;
use crate::venue::Venue;

use super::inquiries::Inquiries;
use super::predictor::PredictorHandle;
use super::pulse::Pulse;
use super::recorder::RecorderHandle;
use super::rules::RulesNews;
use super::supervisor::{Actor, ActorFailure};
use super::trader::TraderHandle;

/// A connection that has told nothing for so long, not even a pong, proves nothing.
const PROOF_OF_LIFE: Duration = Duration::from_secs(10);

/// Each second's end is told: after so long without a message nobody has listened.
const LONGEST_SILENCE: Duration = Duration::from_secs(2);

/// What the streams tell, and the way to ask them something.
pub struct MarketFeed {
    /// Their messages.
    pub mailbox: mpsc::Receiver<MarketMessage>,
    /// Their handle.
    pub streams: StreamsHandle,
}

/// Who is told of each frame.
pub struct FrameConsumers {
    /// Writes it.
    pub recorder: RecorderHandle,
    /// Trades on it, with whoever predicts; `None` when only recording.
    pub trading: Option<(TraderHandle, PredictorHandle)>,
}

/// Turns market messages into frames.
pub struct MarketData<V> {
    feed: MarketFeed,
    clock: SharedClock,
    cutter: FrameCutter,
    watches: BTreeMap<Symbol, FeedWatch>,
    consumers: FrameConsumers,
    inquiries: Inquiries<V>,
    /// Snapshots that came when the second under way was over but not cut yet.
    held: Vec<DepthSnapshot>,
    heard: BTreeMap<Route, Heard>,
    /// The instruments, on the grids their books are kept in.
    instruments: BTreeMap<Symbol, Instrument>,
    /// Rules that the venue changes, where somebody looks after them.
    rules: Option<RulesNews>,
    /// Up to when there was somebody to receive.
    listened_until: Timestamp,
    /// What comes before this moment may have waited while nobody listened, and proves no life.
    caught_up_at: Timestamp,
    is_live: bool,
    pulse: Pulse,
}

/// What is known of one route's connection.
#[derive(Debug, Clone, Copy)]
struct Heard {
    at: Timestamp,
    is_connected: bool,
    is_proven: bool,
}

impl<V: Venue> MarketData<V> {
    /// Reads `feed` and keeps the books of `instruments`.
    #[must_use]
    pub fn new(
        feed: MarketFeed,
        venue: Arc<V>,
        clock: SharedClock,
        instruments: &[Instrument],
        consumers: FrameConsumers,
    ) -> Self {
        let mut cutter = FrameCutter::new(instruments);
        for sampler in cutter.samplers_mut() {
            sampler.expect_consecutive_trades();
        }
        let jitter_seed = clock.now().nanos().cast_unsigned();
        let watches =
            instruments.iter().map(|one| (one.symbol, FeedWatch::new(one.symbol, one.market)));
        Self {
            feed,
            clock,
            cutter,
            watches: watches.collect(),
            consumers,
            inquiries: Inquiries::new(venue, jitter_seed),
            held: Vec::new(),
            heard: BTreeMap::new(),
            instruments: instruments.iter().map(|one| (one.symbol, one.clone())).collect(),
            rules: None,
            listened_until: Timestamp::default(),
            caught_up_at: Timestamp::default(),
            is_live: false,
            pulse: Pulse::default(),
        }
    }

    /// Whether seconds are cut: the streams tell each second's end, and somebody takes them. They do
    /// so also while the network is down.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Keeps to the rules told here from then on.
    #[must_use]
    pub fn told_of_rules(self, rules: RulesNews) -> Self {
        Self { rules: Some(rules), ..self }
    }

    /// New rules: the book goes on where its grid holds them, and begins anew on a finer one.
    async fn on_rules(&mut self, told: Instrument) {
        let Some(kept) = self.instruments.get(&told.symbol) else { return };
        let before = RowGrid::under(&kept.filters);
        let grid = before.joined(&told.filters);
        let recorded = grid.of(&told);
        if grid != before {
            self.cutter.begin_anew(&recorded);
            if let Some(sampler) = self.cutter.sampler_mut(told.symbol) {
                sampler.expect_consecutive_trades();
            }
            if self.heard.get(&Route::Market).is_some_and(|heard| heard.is_connected) {
                self.listen_to_trades(&[told.symbol], self.listened_until);
            }
        }
        self.instruments.insert(told.symbol, recorded);
        self.consumers.recorder.obey(told).await;
    }

    async fn on_message(&mut self, message: MarketMessage) {
        let now = message.receive_time();
        // Seconds that ended in silence are judged before the silence is broken.
        self.cut_until(now).await;
        match message {
            MarketMessage::Connected { route, symbols, .. } => {
                tracing::info!(route = route.as_str(), "market stream connected");
                self.note(route, now, true);
                self.watch(&symbols, |watch| watch.on_connected(now, route));
                match route {
                    Route::Public => self.forget_books(&symbols),
                    Route::Market => self.listen_to_trades(&symbols, now),
                }
            }
            MarketMessage::Disconnected { route, symbols, .. } => {
                self.note(route, now, false);
                self.watch(&symbols, |watch| watch.on_disconnected(route));
                match route {
                    Route::Public => self.forget_books(&symbols),
                    Route::Market => self.doubt_trades(&symbols),
                }
            }
            MarketMessage::Switched { route, symbols, .. } => {
                self.note(route, now, true);
                self.watch(&symbols, |watch| watch.on_switched(now, route));
                match route {
                    Route::Public => self.join_books(&symbols),
                    Route::Market => self.listen_to_trades(&symbols, now),
                }
            }
            MarketMessage::Alive { route, .. } => self.note(route, now, true),
            MarketMessage::Beat { .. } => self.settle_doubts(now),
            MarketMessage::Silent { stream, .. } => {
                tracing::warn!(%stream, "the stream was acknowledged and is silent");
                self.watch(&[stream.symbol], |watch| watch.on_silent(now, stream.kind));
            }
            MarketMessage::Listed { symbols, lacking, .. } => {
                for symbol in symbols {
                    let watch = self.watches.get_mut(&symbol);
                    let proven = watch.and_then(|watch| watch.on_listed(now, &lacking));
                    self.follow(proven, now);
                }
                self.settle_doubts(now);
            }
            MarketMessage::Event { event, .. } => self.on_event(now, &event),
            MarketMessage::Unreadable { route, reason, .. } => {
                tracing::error!(
                    route = route.as_str(),
                    reason,
                    "a market message could not be read"
                );
            }
        }
        self.tell_liveness().await;
    }

    fn on_event(&mut self, now: Timestamp, event: &MarketEvent) {
        self.note(route_of(event), now, true);
        let symbol = event.symbol();
        if let Some(watch) = self.watches.get_mut(&symbol) {
            watch.on_event(now, event);
        }
        let outcome = self.cutter.on_event(now, event);
        self.follow_up(symbol, outcome);
        if matches!(event, MarketEvent::Trade(_)) {
            self.ask_for_missing_trades(symbol, now);
        }
    }

    fn note(&mut self, route: Route, at: Timestamp, is_connected: bool) {
        let is_proven = is_connected && at >= self.caught_up_at;
        let heard = self.heard.insert(route, Heard { at, is_connected, is_proven });
        let was_lost = heard.is_some_and(|before| before.is_connected && !before.is_proven);
        if !(is_proven && was_lost) {
            return;
        }
        match route {
            Route::Public => {
                for sampler in self.cutter.samplers_mut() {
                    sampler.on_proof_of_life_restored();
                }
            }
            Route::Market => {
                let symbols: Vec<_> = self.watches.keys().copied().collect();
                self.listen_to_trades(&symbols, at);
            }
        }
    }

    fn watch(&mut self, symbols: &[Symbol], tell: impl Fn(&mut FeedWatch)) {
        for symbol in symbols {
            if let Some(watch) = self.watches.get_mut(symbol) {
                tell(watch);
            }
        }
    }

    fn forget_books(&mut self, symbols: &[Symbol]) {
        for symbol in symbols {
            if let Some(sampler) = self.cutter.sampler_mut(*symbol) {
                sampler.on_disconnect();
            }
        }
    }

    fn join_books(&mut self, symbols: &[Symbol]) {
        for symbol in symbols {
            if let Some(sampler) = self.cutter.sampler_mut(*symbol) {
                sampler.on_switched();
            }
        }
    }

    fn doubt_trades(&mut self, symbols: &[Symbol]) {
        for symbol in symbols {
            if let Some(sampler) = self.cutter.sampler_mut(*symbol) {
                sampler.on_trades_disconnected();
            }
        }
    }

    fn listen_to_trades(&mut self, symbols: &[Symbol], now: Timestamp) {
        for symbol in symbols {
            if let Some(sampler) = self.cutter.sampler_mut(*symbol) {
                sampler.on_trades_connected();
            }
            self.ask_for_missing_trades(*symbol, now);
        }
    }

    /// Cuts every second that ended before `now` and in which somebody listened.
    async fn cut_until(&mut self, now: Timestamp) {
        if now.since(self.listened_until) > LONGEST_SILENCE {
            self.leave_out(now);
        }
        self.listened_until = self.listened_until.max(now);
        self.check_proof_of_life(now);
        while let Some(frame) = self.cutter.due(now) {
            self.hand_out(frame).await;
        }
        self.take_snapshots(now);
    }

    /// Leaves out the seconds that ended while nobody listened. What waited for us meanwhile comes
    /// in the second under way, which therefore proves nothing.
    fn leave_out(&mut self, now: Timestamp) {
        let from = self.listened_until;
        tracing::warn!(%from, to = %now, "nobody listened; the seconds between are missing");
        self.cutter.skip_to(now);
        self.caught_up_at = now.second().end();
        for heard in self.heard.values_mut() {
            heard.is_proven = false;
        }
        for sampler in self.cutter.samplers_mut() {
            sampler.on_proof_of_life_lost();
            sampler.on_trades_disconnected();
        }
    }

    async fn hand_out(&mut self, frame: Frame) {
        self.consumers.recorder.record(frame.clone());
        if let Some((trader, predictor)) = &self.consumers.trading {
            // The trader ends last; without it nobody trades.
            let _ = trader.tell(Event::Second(Box::new(frame.clone()))).await;
            predictor.predict(frame);
        }
        self.pulse.beat();
    }

    fn check_proof_of_life(&mut self, now: Timestamp) {
        for (route, heard) in &mut self.heard {
            let is_proven = now.since(heard.at) < PROOF_OF_LIFE;
            if heard.is_connected && heard.is_proven && !is_proven {
                heard.is_proven = false;
                tracing::warn!(route = route.as_str(), "the market stream proves no life");
                for sampler in self.cutter.samplers_mut() {
                    match route {
                        Route::Public => sampler.on_proof_of_life_lost(),
                        Route::Market => sampler.on_trades_disconnected(),
                    }
                }
            }
        }
    }

    /// Tells the engine when the market feed as a whole comes or goes.
    async fn tell_liveness(&mut self) {
        let is_live = [Route::Public, Route::Market].iter().all(|route| {
            self.heard.get(route).is_some_and(|heard| heard.is_connected && heard.is_proven)
        });
        if is_live == self.is_live {
            return;
        }
        self.is_live = is_live;
        if let Some((trader, _)) = &self.consumers.trading {
            let _ = trader.tell(Event::Feed { feed: Feed::Market, is_live }).await;
        }
    }
}

/// The next rules that the venue changed; `None` where nobody looks, or not any more.
async fn next_rules(rules: &mut Option<RulesNews>) -> Option<Instrument> {
    rules.as_mut()?.changes.recv().await
}

const fn route_of(event: &MarketEvent) -> Route {
    match event {
        MarketEvent::Depth(_) | MarketEvent::Snapshot(_) | MarketEvent::BookTicker(_) => {
            Route::Public
        }
        MarketEvent::Trade(_) | MarketEvent::MarkPrice(_) => Route::Market,
    }
}

impl<V: Venue> Actor for MarketData<V> {
    /// Runs until shut down or until the streams end; each branch is cancel-safe.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        // The grid begins with the first whole second ahead.
        self.listened_until = self.clock.now();
        let _ = self.cutter.due(self.listened_until);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                Some(told) = next_rules(&mut self.rules) => self.on_rules(told).await,
                Some(answered) = self.inquiries.next() => {
                    self.on_answer(panic_on(answered).map_err(ActorFailure::new)?);
                }
                received = self.feed.mailbox.recv() => match received {
                    Some(message) => self.on_message(message).await,
                    None => return Ok(()),
                },
            }
        }
    }
}
