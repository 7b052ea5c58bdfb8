//! The way in for the fuzz targets of `fuzz/`; compiled for them alone.
//!
//! The floor is reached without sockets, so that an input is a request and not a packet, and with
//! a time of its own, so that the same input has the same end.

use tokio::sync::mpsc;

use crate::book::MarketEvent;
use crate::domain::Timestamp;
use crate::sign::Signer;
use crate::sim::Exchange;

use super::floor::Floor;
use super::rest::Request;
use super::settings::SandboxSettings;
use super::streams::{self, Frame, SocketId};

/// Frames kept for a socket; more than a fuzzed message can cause.
const FRAMES: usize = 64;

/// A loopback exchange without sockets.
#[derive(Debug)]
pub struct FuzzedExchange {
    floor: Floor,
    api_key: String,
    signer: Signer,
}

/// An open socket and what it was sent.
#[derive(Debug)]
pub struct FuzzedSocket {
    id: SocketId,
    frames: mpsc::Receiver<Frame>,
}

impl FuzzedExchange {
    /// Opens the floor of an exchange.
    #[must_use]
    pub fn new(exchange: Exchange, settings: &SandboxSettings) -> Self {
        Self {
            floor: Floor::new(exchange, settings),
            api_key: settings.api_key.clone(),
            signer: Signer::new(&settings.api_secret),
        }
    }

    /// The exchange's time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.floor.now()
    }

    /// Lets the exchange live up to a moment.
    pub fn live_to(&mut self, now: Timestamp) {
        self.floor.catch_up(now);
    }

    /// Feeds a market message where the exchange is fed; what it refuses is no matter.
    pub fn feed(&mut self, event: &MarketEvent) {
        let _ = self.floor.exchange.feed(self.floor.now(), event);
        self.floor.publish();
    }

    /// Sends a request as it stands; the answer's status and body.
    pub fn ask(&mut self, method: &str, path: &str, query: &str, body: &str) -> (u16, String) {
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            body: body.to_owned(),
            api_key: Some(self.api_key.clone()),
        };
        let reply = self.floor.serve(self.floor.now(), &request);
        (reply.status, reply.body)
    }

    /// Sends a request under the present time and a signature that is right.
    pub fn ask_signed(
        &mut self,
        method: &str,
        path: &str,
        query: &str,
        body: &str,
    ) -> (u16, String) {
        let mark = if query.is_empty() { "" } else { "&" };
        let query = format!("{query}{mark}timestamp={}", self.floor.now().millis());
        let signature = self.signer.sign(&format!("{query}{body}"));
        self.ask(method, path, &format!("{query}&signature={signature}"), body)
    }

    /// Opens a socket, if path and query are the address of one.
    pub fn open(&mut self, path: &str, query: &str) -> Option<FuzzedSocket> {
        let (outbox, frames) = mpsc::channel(FRAMES);
        let id = self.floor.hub.open(streams::opening(path, query, outbox)?);
        Some(FuzzedSocket { id, frames })
    }

    /// Sends a control message; every frame the socket was sent since the last.
    pub fn control(&mut self, socket: &mut FuzzedSocket, text: &str) -> Vec<String> {
        self.floor.hub.control(socket.id, text);
        std::iter::from_fn(|| socket.frames.try_recv().ok())
            .map(|frame| frame.text.as_str().to_owned())
            .collect()
    }

    /// Closes a socket.
    pub fn close(&mut self, socket: &FuzzedSocket) {
        self.floor.hub.close(socket.id);
    }
}
