//! The exchange without sockets, for a simulation in the same process.
//!
//! Requests and frames are those of the network: only what carries them differs, and whatever a
//! line would do to them (time, loss, an end) is told to whoever carries them. Without a network
//! there is nobody to keep out, so no address is checked.

use std::time::Duration;

use futures_util::{Sink, Stream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::sim::Exchange;

use super::faults::{Delivery, Loss, Served};
use super::floor::Floor;
use super::mailbox::{FloorHandle, FloorTask};
use super::rest::{Reply, Request};
use super::server::Control;
use super::settings::{SandboxSettings, SocketRules};
use super::streams::{self, Address};

/// A running exchange that only this process reaches; dropping it stops it.
#[derive(Debug)]
pub struct InProcess {
    /// The way in for those who watch it.
    pub control: Control,
    port: Port,
    stop: CancellationToken,
    floor: JoinHandle<Floor>,
}

/// Where requests and sockets arrive; cheap to clone.
#[derive(Debug, Clone)]
pub struct Port {
    floor: FloorHandle,
    rules: [SocketRules; 2],
    stop: CancellationToken,
}

/// A request that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// GET, POST, PUT or DELETE.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query as it was sent.
    pub query: String,
    /// The body as it was sent.
    pub body: String,
    /// The key, if one came with it.
    pub api_key: Option<String>,
}

/// What the exchange does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It answers.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The headers.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
        /// How much later the last byte leaves.
        after: Duration,
    },
    /// It cuts the line.
    Cut,
    /// It keeps the line open and says nothing.
    Silent,
}

impl InProcess {
    /// Starts an exchange, opening its accounts; its time follows `clock`. Faults from the start
    /// are left to [`Control::add_fault`].
    #[must_use]
    pub fn start(exchange: Exchange, settings: &SandboxSettings, clock: SharedClock) -> Self {
        let (handle, task) = FloorTask::new(Floor::new(exchange, settings), clock);
        let stop = CancellationToken::new();
        let floor = tokio::spawn(task.run(stop.clone()));
        let rules = [settings.sockets, settings.spot_sockets];
        let port = Port { floor: handle.clone(), rules, stop: stop.clone() };
        Self { control: Control::new(handle), port, stop, floor }
    }

    /// Where its clients arrive.
    #[must_use]
    pub fn port(&self) -> Port {
        self.port.clone()
    }

    /// Stops it and gives the exchange back; `None` only if its task panicked.
    pub async fn stop(mut self) -> Option<Exchange> {
        self.stop.cancel();
        (&mut self.floor).await.ok().map(|floor| floor.exchange)
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Port {
    /// Lets a request arrive.
    pub async fn ask(&self, arrived: Arrived) -> Outcome {
        let Arrived { method, path, query, body, api_key } = arrived;
        match self.floor.serve(Request { method, path, query, body, api_key }).await {
            Some(Served::Answered(reply, delivery)) => Outcome::of(reply, delivery),
            Some(Served::Lost(loss)) => Outcome::lost(loss),
            None => Outcome::Cut,
        }
    }

    /// Serves a socket opened at a path with a query, until either side ends it; `false` if that is
    /// no address of a stream.
    pub async fn converse<S>(&self, (path, query): (&str, &str), stream: S) -> bool
    where
        S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
    {
        let Some(address) = Address::parse(path, query) else { return false };
        let around = (self.rules, self.stop.child_token());
        // A line without bytes has no pace.
        let line = (stream, streams::pace::Pace::default());
        streams::session::converse(line, address, self.floor.clone(), around).await;
        true
    }
}

impl Outcome {
    fn of(reply: Reply, delivery: Delivery) -> Self {
        if let Some(loss) = delivery.loss {
            return Self::lost(loss);
        }
        let Reply { status, headers, body } = reply;
        let bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let trickling = delivery.byte_pause.map(|pause| pause.saturating_mul(bytes));
        let after = delivery.wait.saturating_add(trickling.unwrap_or_default());
        Self::Answered { status, headers, body, after }
    }

    const fn lost(loss: Loss) -> Self {
        match loss {
            Loss::Cut => Self::Cut,
            Loss::Silence => Self::Silent,
        }
    }
}
