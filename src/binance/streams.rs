//! Market data over WebSocket: connects, reconnects, proves life, tells what it receives and when.
//!
//! Keeps no book: a consumer that meets a gap asks for a snapshot itself. Invariants: **1** every
//! interruption is told before the first message after it, so continuity is never assumed across
//! one; **2** nothing is dropped: a slow consumer slows the socket down; **3** each second's end is
//! told, after everything received before it: where no message tells of a second, nobody listened.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::market_data::MarketDataParser;
use super::socket::{Frame, Socket};
use super::stream_plan::{ConnectionPlan, FirstFrames, Route, plan};
use crate::book::{MarketDataDecoder, MarketEvent};
use crate::clock::SharedClock;
use crate::domain::{Symbol, Timestamp};

/// A few seconds of a busy market: more would be old news.
const MAILBOX_CAPACITY: usize = 1024;
/// A stream that has sent nothing for so long is told as silent.
const FIRST_FRAME_DEADLINE: Duration = Duration::from_secs(10);

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
        stream: String,
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
            | Self::Alive { receive_time, .. }
            | Self::Beat { receive_time }
            | Self::Silent { receive_time, .. }
            | Self::Event { receive_time, .. }
            | Self::Unreadable { receive_time, .. } => *receive_time,
        }
    }
}

/// Where to connect, and for what.
#[derive(Debug, Clone)]
pub struct MarketStreamSettings {
    /// Scheme, host and port of the streams.
    pub base_url: String,
    /// Whose data.
    pub symbols: Vec<Symbol>,
    /// Seeds the jitter of reconnecting.
    pub jitter_seed: u64,
}

/// The connections of market data; runs until shut down.
pub struct MarketStreams {
    settings: MarketStreamSettings,
    clock: SharedClock,
    outbox: mpsc::Sender<MarketMessage>,
}

/// The consumer is gone: there is nobody to receive for.
struct NobodyListens;

impl MarketStreams {
    /// Prepares the connections; [`run`](Self::run) opens them.
    #[must_use]
    pub fn new(
        settings: MarketStreamSettings,
        clock: SharedClock,
    ) -> (Self, mpsc::Receiver<MarketMessage>) {
        let (outbox, mailbox) = mpsc::channel(MAILBOX_CAPACITY);
        (Self { settings, clock, outbox }, mailbox)
    }

    /// Holds the connections until `shutdown`, or until nobody listens any more.
    pub async fn run(self, shutdown: &CancellationToken) {
        let plans = plan(&self.settings.symbols);
        let seeds = self.settings.jitter_seed..;
        let connections =
            plans.iter().zip(seeds).map(|(plan, seed)| self.keep_connected(plan, seed));
        tokio::select! {
            biased;
            // Dropping a socket ends it at once; the closing handshake takes seconds.
            () = shutdown.cancelled() => {}
            _ = join_all(connections) => {}
            () = self.beat() => {}
        }
    }

    /// Tells each second's end. The connections are looked at first, and in the same task: what
    /// they received goes ahead, and a beat that is late says that they stood still as well.
    async fn beat(&self) {
        loop {
            let now = self.clock.now();
            sleep(now.second().end().since(now)).await;
            let receive_time = self.clock.now();
            if self.tell(MarketMessage::Beat { receive_time }).await.is_err() {
                return;
            }
        }
    }

    async fn keep_connected(&self, plan: &ConnectionPlan, seed: u64) {
        let mut backoff = Backoff::new(seed);
        loop {
            let opened = self.clock.now();
            let Ok(reason) = self.receive(plan).await else { return };
            let receive_time = self.clock.now();
            tracing::warn!(route = plan.route.as_str(), reason, "market stream disconnected");
            let (route, symbols) = (plan.route, plan.symbols.clone());
            let message = MarketMessage::Disconnected { receive_time, route, symbols, reason };
            if self.tell(message).await.is_err() {
                return;
            }
            sleep(backoff.next_delay(receive_time.since(opened))).await;
        }
    }

    /// Opens one connection and tells what it says, until it ends; the answer is why it did.
    async fn receive(&self, plan: &ConnectionPlan) -> Result<String, NobodyListens> {
        let mut socket = match Socket::open(&plan.url(&self.settings.base_url)).await {
            Ok(socket) => socket,
            Err(reason) => return Ok(reason),
        };
        let route = plan.route;
        let (receive_time, symbols) = (self.clock.now(), plan.symbols.clone());
        self.tell(MarketMessage::Connected { receive_time, route, symbols }).await?;
        let mut first_frames = FirstFrames::of(plan);
        let mut parser = MarketDataParser::new();
        let first_frame_deadline = sleep(FIRST_FRAME_DEADLINE);
        tokio::pin!(first_frame_deadline);
        loop {
            tokio::select! {
                biased;
                () = &mut first_frame_deadline, if !first_frame_deadline.is_elapsed() => {
                    self.tell_silent(&first_frames).await?;
                }
                frame = socket.next() => {
                    let receive_time = self.clock.now();
                    match frame {
                        Frame::Closed(reason) => return Ok(reason),
                        Frame::Alive => {
                            self.tell(MarketMessage::Alive { receive_time, route }).await?;
                        }
                        Frame::Text(text) => {
                            first_frames.note(&text);
                            self.tell_event(&mut parser, route, receive_time, &text).await?;
                        }
                    }
                }
            }
        }
    }

    async fn tell_event(
        &self,
        parser: &mut MarketDataParser,
        route: Route,
        receive_time: Timestamp,
        text: &str,
    ) -> Result<(), NobodyListens> {
        let message = match parser.decode(text) {
            Ok(Some(event)) => MarketMessage::Event { receive_time, event: event.clone() },
            Ok(None) => return Ok(()),
            Err(error) => {
                MarketMessage::Unreadable { receive_time, route, reason: error.to_string() }
            }
        };
        self.tell(message).await
    }

    async fn tell_silent(&self, first_frames: &FirstFrames) -> Result<(), NobodyListens> {
        for stream in first_frames.silent() {
            let (receive_time, stream) = (self.clock.now(), stream.to_owned());
            self.tell(MarketMessage::Silent { receive_time, stream }).await?;
        }
        Ok(())
    }

    async fn tell(&self, message: MarketMessage) -> Result<(), NobodyListens> {
        self.outbox.send(message).await.map_err(|_| NobodyListens)
    }
}
