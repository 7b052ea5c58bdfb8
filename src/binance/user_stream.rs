//! The account's own events over WebSocket: gets a key, connects, keeps the key alive, tells.
//!
//! Nothing is replayed by the venue: after every [`UserMessage::Connected`] the consumer
//! reconciles by REST. Invariants: **1** every interruption is told before the first event after
//! it; **2** nothing is dropped; **3** the key appears in no message; **4** the key is never
//! deleted: another process of the account may use it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::parse::{UserEvent, parse_user_events};
use super::rest::RestClient;
use super::socket::{Frame, Socket};
use crate::domain::Timestamp;
use crate::sign::Secret;

/// A burst of fills of a swept book fits; then the socket waits.
const MAILBOX_CAPACITY: usize = 256;
/// A key lives an hour; this is how often it is extended.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_mins(30);

/// What the user stream tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserMessage {
    /// The stream is open: what happened from now on will be told; what was before, ask.
    Connected {
        /// When.
        receive_time: Timestamp,
    },
    /// The stream ended or did not come about; it will be tried again.
    Disconnected {
        /// When.
        receive_time: Timestamp,
        /// Why, for people.
        reason: String,
    },
    /// The other side is there, though it may have nothing to say.
    Alive {
        /// When.
        receive_time: Timestamp,
    },
    /// Something happened to the account.
    Event {
        /// When it was received.
        receive_time: Timestamp,
        /// What.
        event: UserEvent,
    },
}

/// The connection of account events; runs until shut down.
pub struct UserStream {
    rest: Arc<RestClient>,
    base_url: String,
    jitter_seed: u64,
    outbox: mpsc::Sender<UserMessage>,
}

/// The consumer is gone: there is nobody to receive for.
struct NobodyListens;

impl UserStream {
    /// Prepares the connection; [`run`](Self::run) opens it.
    #[must_use]
    pub fn new(
        rest: Arc<RestClient>,
        base_url: String,
        jitter_seed: u64,
    ) -> (Self, mpsc::Receiver<UserMessage>) {
        let (outbox, mailbox) = mpsc::channel(MAILBOX_CAPACITY);
        (Self { rest, base_url, jitter_seed, outbox }, mailbox)
    }

    /// Holds the connection until `shutdown`, or until nobody listens any more.
    pub async fn run(self, shutdown: &CancellationToken) {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = self.keep_connected() => {}
        }
    }

    async fn keep_connected(&self) {
        let mut backoff = Backoff::new(self.jitter_seed);
        loop {
            let opened = self.rest.now();
            let Ok(reason) = self.receive().await else { return };
            let receive_time = self.rest.now();
            tracing::warn!(reason, "user stream disconnected");
            if self.tell(UserMessage::Disconnected { receive_time, reason }).await.is_err() {
                return;
            }
            sleep(backoff.next_delay(receive_time.since(opened))).await;
        }
    }

    /// Opens the connection and tells what it says, until it ends; the answer is why it did.
    async fn receive(&self) -> Result<String, NobodyListens> {
        let key = match self.rest.start_listen_key().await {
            Ok(key) => key,
            Err(error) => return Ok(error.to_string()),
        };
        let mut socket = match Socket::open(&self.url(&key)).await {
            Ok(socket) => socket,
            Err(reason) => return Ok(reason),
        };
        self.tell(UserMessage::Connected { receive_time: self.rest.now() }).await?;
        let mut keep_alive = interval_at(Instant::now() + KEEP_ALIVE_INTERVAL, KEEP_ALIVE_INTERVAL);
        loop {
            tokio::select! {
                biased;
                _ = keep_alive.tick() => {
                    // A key that cannot be extended is replaced by connecting anew.
                    if let Err(error) = self.rest.extend_listen_key().await {
                        return Ok(format!("listen key not extended: {error}"));
                    }
                }
                frame = socket.next() => {
                    if let Some(reason) = self.tell_frame(frame).await? {
                        return Ok(reason);
                    }
                }
            }
        }
    }

    /// Tells what a frame says; an answer is the reason why it was the last one.
    async fn tell_frame(&self, frame: Frame) -> Result<Option<String>, NobodyListens> {
        let receive_time = self.rest.now();
        let text = match frame {
            Frame::Closed(reason) => return Ok(Some(reason)),
            Frame::Alive => {
                self.tell(UserMessage::Alive { receive_time }).await?;
                return Ok(None);
            }
            Frame::Text(text) => text,
        };
        let mut expired = None;
        for event in parse_user_events(&text) {
            if event == UserEvent::ListenKeyExpired {
                expired = Some("listen key expired".to_owned());
            }
            self.tell(UserMessage::Event { receive_time, event }).await?;
        }
        Ok(expired)
    }

    fn url(&self, key: &Secret) -> String {
        format!("{}/private/ws/{}", self.base_url.trim_end_matches('/'), key.expose())
    }

    async fn tell(&self, message: UserMessage) -> Result<(), NobodyListens> {
        self.outbox.send(message).await.map_err(|_| NobodyListens)
    }
}
