//! Market data over WebSocket: connects, reconnects, rotates, tells what it receives and when.
//!
//! Keeps no book: a consumer that meets a gap asks for a snapshot itself. Invariants: **1** every
//! interruption and every switch of connections is told before the first message after it, so
//! continuity is never assumed, only proven by the venue's ids; **2** nothing is dropped: a slow
//! consumer slows the socket down; **3** each second's end is told, after everything received before
//! it: where no message tells of a second, nobody listened.

use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::connection_budget::Dialer;
use super::line::{Command, Line, Surroundings};
use super::stream_plan::{Route, Stream, plan};
use crate::book::MarketEvent;
use crate::clock::SharedClock;
use crate::domain::{Market, Symbol, Timestamp};

/// A few seconds of a busy market: more would be old news.
const MAILBOX_CAPACITY: usize = 1024;
/// What may be asked of a line while it is busy.
const COMMANDS_CAPACITY: usize = 32;

/// What market streams tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarketMessage {
    /// A connection was opened: books of its symbols start anew.
    Connected {
        /// When.
        receive_time: Timestamp,
        /// Over which route.
        route: Route,
        /// Whose data it carries.
        symbols: Vec<Symbol>,
    },
    /// A connection ended or did not come about; it will be tried again.
    Disconnected {
        /// When.
        receive_time: Timestamp,
        /// Over which route.
        route: Route,
        /// Whose data it carried.
        symbols: Vec<Symbol>,
        /// Why, for people.
        reason: String,
    },
    /// A connection took over from the one before without an interruption: books go on, if the ids
    /// of the next messages prove it.
    Switched {
        /// When.
        receive_time: Timestamp,
        /// Over which route.
        route: Route,
        /// Whose data it carries.
        symbols: Vec<Symbol>,
    },
    /// The other side of a connection is there, though it may have nothing to say.
    Alive {
        /// When.
        receive_time: Timestamp,
        /// Over which route.
        route: Route,
    },
    /// A second of our clock is over, and everything received in it has been told.
    Beat {
        /// When.
        receive_time: Timestamp,
    },
    /// A stream has sent nothing since its connection was opened.
    Silent {
        /// When this was noticed.
        receive_time: Timestamp,
        /// Which stream.
        stream: Stream,
    },
    /// What the venue answered to [`StreamsHandle::question`].
    Listed {
        /// When.
        receive_time: Timestamp,
        /// Over which route.
        route: Route,
        /// Whose data the connection carries.
        symbols: Vec<Symbol>,
        /// The streams of it that the venue does not list.
        lacking: Vec<Stream>,
    },
    /// A message of the market.
    Event {
        /// When it was received.
        receive_time: Timestamp,
        /// What it says.
        event: MarketEvent,
    },
    /// A message of the market that cannot be read: its book has a hole.
    Unreadable {
        /// When it was received.
        receive_time: Timestamp,
        /// Over which route.
        route: Route,
        /// What is wrong with it.
        reason: String,
    },
}

impl MarketMessage {
    /// When it was received; of one connection's messages, and so of all, this never falls.
    #[must_use]
    pub const fn receive_time(&self) -> Timestamp {
        match self {
            Self::Connected { receive_time, .. }
            | Self::Disconnected { receive_time, .. }
            | Self::Switched { receive_time, .. }
            | Self::Listed { receive_time, .. }
            | Self::Alive { receive_time, .. }
            | Self::Beat { receive_time }
            | Self::Silent { receive_time, .. }
            | Self::Event { receive_time, .. }
            | Self::Unreadable { receive_time, .. } => *receive_time,
        }
    }
}

/// When a connection gives way to its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// After so long a successor is opened; the venue cuts after 24 hours.
    pub after: Duration,
    /// How long a successor may take to prove itself in every stream that speaks.
    pub proving: Duration,
}

/// Where to connect, and for what.
#[derive(Debug, Clone)]
pub struct MarketStreamSettings {
    /// Scheme, host and port of the streams.
    pub base_url: String,
    /// Of which market.
    pub market: Market,
    /// Whose data.
    pub symbols: Vec<Symbol>,
    /// Seeds the jitter of reconnecting.
    pub jitter_seed: u64,
    /// When connections are replaced.
    pub rotation: Rotation,
    /// A stream that has sent nothing for so long after its connection was opened is told as silent.
    pub first_frames: Duration,
}

/// The connections of market data; runs until shut down.
pub struct MarketStreams {
    lines: Vec<Line>,
    handle: StreamsHandle,
    clock: SharedClock,
    outbox: mpsc::Sender<MarketMessage>,
}

/// Asks something of running [`MarketStreams`]; cheap to clone.
#[derive(Debug, Clone)]
pub struct StreamsHandle {
    lines: Vec<(Route, mpsc::Sender<Command>)>,
}

/// Symbols that no connection has room for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no connection has room for {} more symbols; restart with all of them", .0.len())]
pub struct NoRoom(pub Vec<Symbol>);

impl Default for Rotation {
    fn default() -> Self {
        Self { after: Duration::from_hours(23), proving: Duration::from_secs(30) }
    }
}

impl MarketStreamSettings {
    /// The venue's own rhythm.
    #[must_use]
    pub fn new(base_url: String, market: Market, symbols: Vec<Symbol>, jitter_seed: u64) -> Self {
        Self {
            base_url,
            market,
            symbols,
            jitter_seed,
            rotation: Rotation::default(),
            first_frames: Duration::from_secs(10),
        }
    }
}

impl MarketStreams {
    /// Prepares the connections; [`run`](Self::run) opens them.
    #[must_use]
    pub fn new(
        settings: MarketStreamSettings,
        dialer: Dialer,
    ) -> (Self, mpsc::Receiver<MarketMessage>) {
        let (outbox, mailbox) = mpsc::channel(MAILBOX_CAPACITY);
        let clock = dialer.clock();
        let around = Surroundings {
            base_url: settings.base_url,
            rotation: settings.rotation,
            first_frames: settings.first_frames,
            dialer,
            clock: SharedClock::clone(&clock),
            outbox: outbox.clone(),
        };
        let (mut lines, mut senders) = (Vec::new(), Vec::new());
        for (plan, seed) in
            plan(settings.market, &settings.symbols).into_iter().zip(settings.jitter_seed..)
        {
            let (sender, commands) = mpsc::channel(COMMANDS_CAPACITY);
            senders.push((plan.route, sender));
            lines.push(Line::new(plan, around.clone(), commands, seed));
        }
        let handle = StreamsHandle { lines: senders };
        (Self { lines, handle, clock, outbox }, mailbox)
    }

    /// The way to ask something of the connections while they run.
    #[must_use]
    pub fn handle(&self) -> StreamsHandle {
        self.handle.clone()
    }

    /// Holds the connections until `shutdown`, or until nobody listens any more.
    pub async fn run(self, shutdown: &CancellationToken) {
        let Self { lines, handle: _, clock, outbox } = self;
        let connections = lines.into_iter().map(Line::hold);
        tokio::select! {
            biased;
            // Dropping a socket ends it at once; the closing handshake takes seconds.
            () = shutdown.cancelled() => {}
            _ = join_all(connections) => {}
            () = beat(&clock, &outbox) => {}
        }
    }
}

/// Tells each second's end. The connections are looked at first, and in the same task: what they
/// received goes ahead, and a beat that is late says that they stood still as well.
async fn beat(clock: &SharedClock, outbox: &mpsc::Sender<MarketMessage>) {
    loop {
        let now = clock.now();
        sleep(now.second().end().since(now)).await;
        let receive_time = clock.now();
        if outbox.send(MarketMessage::Beat { receive_time }).await.is_err() {
            return;
        }
    }
}

impl StreamsHandle {
    /// Asks the venue whether it delivers a stream; the answer comes as [`MarketMessage::Listed`].
    pub fn question(&self, stream: Stream) {
        self.send(stream, Command::Question);
    }

    /// Has the connection of a stream replaced that was proven not to deliver it.
    pub fn replace(&self, stream: Stream) {
        self.send(stream, Command::Replace);
    }

    /// Adds symbols to the connections that have room for them.
    ///
    /// # Errors
    /// [`NoRoom`] names those that could not be added.
    pub async fn add(&self, symbols: &[Symbol]) -> Result<(), NoRoom> {
        let mut unplaced = Vec::new();
        for route in [Route::Public, Route::Market] {
            let mut left = symbols.to_vec();
            for (_, line) in self.lines.iter().filter(|(of, _)| *of == route) {
                let (answer, answered) = oneshot::channel();
                let command = Command::Add { symbols: left.clone(), left: answer };
                if line.send(command).await.is_ok()
                    && let Ok(still_left) = answered.await
                {
                    left = still_left;
                }
            }
            unplaced.extend(left);
        }
        unplaced.sort();
        unplaced.dedup();
        if unplaced.is_empty() { Ok(()) } else { Err(NoRoom(unplaced)) }
    }

    fn send(&self, stream: Stream, command: impl Fn(Stream) -> Command) {
        for (_, line) in self.lines.iter().filter(|(route, _)| *route == stream.kind.route()) {
            // A line too busy to be asked is asked again: the doubt goes on.
            let _ = line.try_send(command(stream));
        }
    }
}
