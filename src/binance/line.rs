//! One connection plan, held as long as somebody listens: reconnects after a loss, with backoff.
//!
//! What happens while data flows is [`Span`]'s. Invariant: an interruption is told before the first
//! message after it.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::backoff::Backoff;
use super::connection_budget::Dialer;
use super::link::Link;
use super::span::Span;
use super::stream_plan::{ConnectionPlan, Stream};
use super::streams::{MarketMessage, Rotation};
use crate::clock::SharedClock;
use crate::domain::Symbol;

/// The consumer is gone: there is nobody to receive for.
#[derive(Debug)]
pub(super) struct NobodyListens;

/// What a line is asked for while it runs.
#[derive(Debug)]
pub(super) enum Command {
    /// Ask the venue whether the stream is subscribed to.
    Question(Stream),
    /// Replace the connection: it was proven not to deliver the stream.
    Replace(Stream),
    /// Carry further symbols; the answer are those there is no room for.
    Add { symbols: Vec<Symbol>, left: oneshot::Sender<Vec<Symbol>> },
}

/// What all lines share.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) base_url: String,
    pub(super) rotation: Rotation,
    pub(super) first_frames: Duration,
    pub(super) dialer: Dialer,
    pub(super) clock: SharedClock,
    pub(super) outbox: mpsc::Sender<MarketMessage>,
}

/// Holds one plan's connection.
pub(super) struct Line {
    pub(super) plan: ConnectionPlan,
    pub(super) around: Surroundings,
    pub(super) commands: mpsc::Receiver<Command>,
    backoff: Backoff,
}

impl Surroundings {
    pub(super) async fn tell(&self, message: MarketMessage) -> Result<(), NobodyListens> {
        self.outbox.send(message).await.map_err(|_| NobodyListens)
    }
}

impl Line {
    pub(super) fn new(
        plan: ConnectionPlan,
        around: Surroundings,
        commands: mpsc::Receiver<Command>,
        seed: u64,
    ) -> Self {
        Self { plan, around, commands, backoff: Backoff::new(seed) }
    }

    /// Holds the connection until nobody listens.
    pub(super) async fn hold(mut self) {
        loop {
            let opened = self.around.clock.now();
            let Ok(reason) = self.receive().await else { return };
            let receive_time = self.around.clock.now();
            let (route, symbols) = (self.plan.route, self.plan.symbols.clone());
            tracing::warn!(route = route.as_str(), reason, "market stream disconnected");
            let message = MarketMessage::Disconnected { receive_time, route, symbols, reason };
            if self.around.tell(message).await.is_err() {
                return;
            }
            sleep(self.backoff.next_delay(receive_time.since(opened))).await;
        }
    }

    /// Opens a connection and tells what it and its successors say; the answer is why that ended.
    async fn receive(&mut self) -> Result<String, NobodyListens> {
        self.catch_up_with_commands();
        match Link::open(self.plan.clone(), self.around.clone()).await {
            Ok(link) => Span::new(self, link).run().await,
            Err(reason) => Ok(reason),
        }
    }

    /// What was asked of the lost connection is void; new symbols come over the next one.
    fn catch_up_with_commands(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            if let Command::Add { symbols, left } = command {
                // Whoever asked may have gone.
                let _ = left.send(self.plan.take_in(&symbols));
            }
        }
    }
}
