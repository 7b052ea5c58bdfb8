//! Stream messages to frames: keeps the books, asks for the snapshots they need, cuts each second.
//!
//! Decides nothing about trading. A frame goes to the recorder, the trader and the predictor, in
//! this order, so that a prediction is never told before the second it answers.
//!
//! Seconds are cut by the moments of the messages, of which one tells each second's end, and never
//! by the time of day: a second in which nobody listened (a stopped process, a machine asleep) has
//! no message, is left out, and so MISSING (I8).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::binance::{MarketMessage, Route};
use crate::book::{DepthSnapshot, Frame, FrameCutter, MarketEvent, Outcome};
use crate::clock::SharedClock;
use crate::domain::{Instrument, Symbol, Timestamp};
use crate::engine::{Event, Feed};
use crate::venue::{Answer, Venue};

use super::predictor::PredictorHandle;
use super::recorder::RecorderHandle;
use super::supervisor::{Actor, ActorFailure};
use super::trader::TraderHandle;

/// A symbol's snapshot is asked for at most this often: it costs 20 weight, and a book that is lost
/// again at once is not mended by haste (exchange-api.md 2.6).
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(1);

/// A connection that has told nothing for so long, not even a pong, proves nothing.
const PROOF_OF_LIFE: Duration = Duration::from_secs(10);

/// Each second's end is told: after so long without a message nobody has listened.
const LONGEST_SILENCE: Duration = Duration::from_secs(2);

/// Who is told of each frame.
pub struct FrameConsumers {
    /// Writes it.
    pub recorder: RecorderHandle,
    /// Trades on it, with whoever predicts; `None` when only recording.
    pub trading: Option<(TraderHandle, PredictorHandle)>,
}

/// Turns market messages into frames.
pub struct MarketData<V> {
    mailbox: mpsc::Receiver<MarketMessage>,
    venue: Arc<V>,
    clock: SharedClock,
    cutter: FrameCutter,
    consumers: FrameConsumers,
    snapshots: JoinSet<(Symbol, Answer<DepthSnapshot>)>,
    asked: BTreeMap<Symbol, Asked>,
    /// Snapshots that came when the second under way was over but not cut yet.
    held: Vec<DepthSnapshot>,
    heard: BTreeMap<Route, Heard>,
    /// Up to when there was somebody to receive.
    listened_until: Timestamp,
    /// What comes before this moment may have waited while nobody listened, and proves no life.
    caught_up_at: Timestamp,
    is_live: bool,
}

/// A snapshot asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Timestamp,
    is_pending: bool,
}

/// What is known of one route's connection.
#[derive(Debug, Clone, Copy)]
struct Heard {
    at: Timestamp,
    is_connected: bool,
    is_proven: bool,
}

impl<V: Venue> MarketData<V> {
    /// Reads `mailbox` and keeps the books of `instruments`.
    #[must_use]
    pub fn new(
        mailbox: mpsc::Receiver<MarketMessage>,
        venue: Arc<V>,
        clock: SharedClock,
        instruments: &[Instrument],
        consumers: FrameConsumers,
    ) -> Self {
        Self {
            mailbox,
            venue,
            clock,
            cutter: FrameCutter::new(instruments),
            consumers,
            snapshots: JoinSet::new(),
            asked: BTreeMap::new(),
            held: Vec::new(),
            heard: BTreeMap::new(),
            listened_until: Timestamp::default(),
            caught_up_at: Timestamp::default(),
            is_live: false,
        }
    }

    async fn on_message(&mut self, message: MarketMessage) {
        // Seconds that ended in silence are judged before the silence is broken.
        self.cut_until(message.receive_time()).await;
        match message {
            MarketMessage::Connected { receive_time, route, symbols } => {
                tracing::info!(route = route.as_str(), "market stream connected");
                self.note(route, receive_time, true);
                if route == Route::Public {
                    self.forget_books(&symbols);
                }
            }
            MarketMessage::Disconnected { receive_time, route, symbols, .. } => {
                self.note(route, receive_time, false);
                if route == Route::Public {
                    self.forget_books(&symbols);
                }
            }
            MarketMessage::Alive { receive_time, route } => self.note(route, receive_time, true),
            MarketMessage::Beat { .. } => {}
            MarketMessage::Silent { stream, .. } => {
                tracing::error!(stream, "the stream was acknowledged and is silent");
            }
            MarketMessage::Event { receive_time, event } => {
                self.note(route_of(&event), receive_time, true);
                let outcome = self.cutter.on_event(receive_time, &event);
                self.follow_up(event.symbol(), outcome);
            }
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

    fn note(&mut self, route: Route, at: Timestamp, is_connected: bool) {
        let is_proven = is_connected && at >= self.caught_up_at;
        let heard = self.heard.insert(route, Heard { at, is_connected, is_proven });
        let was_lost = heard.is_some_and(|before| before.is_connected && !before.is_proven);
        if route == Route::Public && is_proven && was_lost {
            for sampler in self.cutter.samplers_mut() {
                sampler.on_proof_of_life_restored();
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

    /// Asks for the snapshot that a book needs, unless one is on its way or was just asked for.
    fn follow_up(&mut self, symbol: Symbol, outcome: Outcome) {
        match outcome {
            Outcome::Ignored => {}
            Outcome::Applied => {
                let edge = self
                    .cutter
                    .sampler(symbol)
                    .is_some_and(|sampler| sampler.sync().needs_fresh_snapshot());
                if edge && self.may_ask(symbol) {
                    if let Some(sampler) = self.cutter.sampler_mut(symbol) {
                        sampler.begin_refresh();
                    }
                    self.ask(symbol);
                }
            }
            Outcome::Buffered => self.ask_if_due(symbol),
            Outcome::NeedsSnapshot(reason) => {
                tracing::warn!(%symbol, %reason, "the book is unproven; a snapshot is needed");
                self.ask_if_due(symbol);
            }
        }
    }

    fn ask_if_due(&mut self, symbol: Symbol) {
        if self.may_ask(symbol) {
            self.ask(symbol);
        }
    }

    fn may_ask(&self, symbol: Symbol) -> bool {
        self.asked.get(&symbol).is_none_or(|asked| {
            !asked.is_pending && self.clock.now().since(asked.at) >= SNAPSHOT_INTERVAL
        })
    }

    fn ask(&mut self, symbol: Symbol) {
        self.asked.insert(symbol, Asked { at: self.clock.now(), is_pending: true });
        let venue = Arc::clone(&self.venue);
        self.snapshots.spawn(async move { (symbol, venue.depth(symbol).await) });
    }

    fn on_snapshot(&mut self, symbol: Symbol, answer: Answer<DepthSnapshot>) {
        if let Some(asked) = self.asked.get_mut(&symbol) {
            asked.is_pending = false;
        }
        match answer {
            Ok(snapshot) => {
                self.held.push(snapshot);
                let now = self.clock.now();
                if self.cutter.next_deadline().is_none_or(|due| now < due) {
                    self.take_snapshots(now);
                }
            }
            Err(error) => tracing::warn!(%symbol, %error, "no snapshot of the book"),
        }
    }

    fn take_snapshots(&mut self, now: Timestamp) {
        for snapshot in std::mem::take(&mut self.held) {
            let symbol = snapshot.symbol;
            let outcome = self.cutter.on_event(now, &MarketEvent::Snapshot(snapshot));
            self.follow_up(symbol, outcome);
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
        }
    }

    async fn hand_out(&mut self, frame: Frame) {
        self.consumers.recorder.record(frame.clone());
        if let Some((trader, predictor)) = &self.consumers.trading {
            // The trader ends last; without it nobody trades.
            let _ = trader.tell(Event::Second(Box::new(frame.clone()))).await;
            predictor.predict(frame);
        }
    }

    fn check_proof_of_life(&mut self, now: Timestamp) {
        for (route, heard) in &mut self.heard {
            let is_proven = now.since(heard.at) < PROOF_OF_LIFE;
            if heard.is_connected && heard.is_proven && !is_proven {
                heard.is_proven = false;
                tracing::warn!(route = route.as_str(), "the market stream proves no life");
                if *route == Route::Public {
                    for sampler in self.cutter.samplers_mut() {
                        sampler.on_proof_of_life_lost();
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
                Some(answered) = self.snapshots.join_next() => {
                    let (symbol, answer) = answered.map_err(ActorFailure::new)?;
                    self.on_snapshot(symbol, answer);
                }
                received = self.mailbox.recv() => match received {
                    Some(message) => self.on_message(message).await,
                    None => return Ok(()),
                },
            }
        }
    }
}
