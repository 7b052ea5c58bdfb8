//! The account's own events over WebSocket: gets a key, connects, keeps the key alive, rotates.
//!
//! Nothing is replayed by the venue: after every [`UserMessage::Connected`] and
//! [`UserMessage::Switched`] the consumer reconciles by REST. Invariants: **1** every interruption
//! is told before the first event after it; **2** nothing is dropped; **3** the key appears in no
//! message; **4** the key is never deleted: another process of the account may use it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::connection_budget::Dialer;
use super::parse::UserEvent;
use super::rest::RestClient;
use super::streams::Rotation;
use super::user_span::UserSpan;
use crate::config::UserStreamForm;
use crate::domain::Timestamp;
use crate::sign::Secret;

/// A burst of fills of a swept book fits; then the socket waits.
const MAILBOX_CAPACITY: usize = 256;

/// The events that are understood (exchange-api.md 5), by the venue's names.
const EVENTS: [&str; 6] = [
    "ORDER_TRADE_UPDATE",
    "ALGO_UPDATE",
    "ACCOUNT_UPDATE",
    "ACCOUNT_CONFIG_UPDATE",
    "MARGIN_CALL",
    "listenKeyExpired",
];

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
    /// A connection took over from the one before without an interruption.
    Switched {
        /// When.
        receive_time: Timestamp,
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

/// Where to connect, and how long for.
#[derive(Debug, Clone)]
pub struct UserStreamSettings {
    /// Scheme, host and port of the streams.
    pub base_url: String,
    /// How the stream is asked for.
    pub form: UserStreamForm,
    /// Seeds the jitter of reconnecting.
    pub jitter_seed: u64,
    /// How often the key, which lives an hour, is extended.
    pub keep_alive: Duration,
    /// When the connection is replaced; both are open for the time of proving.
    pub rotation: Rotation,
}

/// The connection of account events; runs until shut down.
pub struct UserStream {
    pub(super) rest: Arc<RestClient>,
    pub(super) settings: UserStreamSettings,
    pub(super) dialer: Dialer,
    pub(super) outbox: mpsc::Sender<UserMessage>,
    pub(super) doubts: mpsc::Receiver<String>,
    handle: UserStreamHandle,
}

/// Asks something of a running [`UserStream`]; cheap to clone.
#[derive(Debug, Clone)]
pub struct UserStreamHandle(mpsc::Sender<String>);

/// The consumer is gone: there is nobody to receive for.
pub(super) struct NobodyListens;

impl UserStreamSettings {
    /// The venue's own rhythm.
    #[must_use]
    pub fn new(base_url: String, jitter_seed: u64) -> Self {
        let (keep_alive, rotation) = (Duration::from_mins(30), Rotation::default());
        Self { base_url, form: UserStreamForm::Path, jitter_seed, keep_alive, rotation }
    }

    /// The address under a key. Events not asked for by name may fail to come; a misspelt one does.
    pub(super) fn url(&self, key: &Secret) -> String {
        let (base_url, key) = (self.base_url.trim_end_matches('/'), key.expose());
        match self.form {
            UserStreamForm::Path => format!("{base_url}/private/ws/{key}"),
            UserStreamForm::Query => {
                let events = EVENTS.join("/");
                format!("{base_url}/private/ws?listenKey={key}&events={events}")
            }
        }
    }
}

impl UserStreamHandle {
    /// Has the connection replaced, which was seen not to tell what happened.
    pub fn reconnect(&self, reason: &str) {
        // One that is being replaced need not be told twice.
        let _ = self.0.try_send(reason.to_owned());
    }
}

impl UserStream {
    /// Prepares the connection; [`run`](Self::run) opens it.
    #[must_use]
    pub fn new(
        rest: Arc<RestClient>,
        settings: UserStreamSettings,
        dialer: Dialer,
    ) -> (Self, mpsc::Receiver<UserMessage>) {
        let (outbox, mailbox) = mpsc::channel(MAILBOX_CAPACITY);
        let (doubt, doubts) = mpsc::channel(1);
        let handle = UserStreamHandle(doubt);
        (Self { rest, settings, dialer, outbox, doubts, handle }, mailbox)
    }

    /// The way to ask something of the connection while it runs.
    #[must_use]
    pub fn handle(&self) -> UserStreamHandle {
        self.handle.clone()
    }

    /// Holds the connection until `shutdown`, or until nobody listens any more.
    pub async fn run(mut self, shutdown: &CancellationToken) {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = self.keep_connected() => {}
        }
    }

    async fn keep_connected(&mut self) {
        let mut backoff = Backoff::new(self.settings.jitter_seed);
        loop {
            let opened = self.rest.now();
            let Ok(reason) = UserSpan::open_and_run(self).await else { return };
            let receive_time = self.rest.now();
            tracing::warn!(reason, "user stream disconnected");
            if self.tell(UserMessage::Disconnected { receive_time, reason }).await.is_err() {
                return;
            }
            sleep(backoff.next_delay(receive_time.since(opened))).await;
            // What was doubted of the lost connection is void.
            while self.doubts.try_recv().is_ok() {}
        }
    }

    pub(super) async fn tell(&self, message: UserMessage) -> Result<(), NobodyListens> {
        self.outbox.send(message).await.map_err(|_| NobodyListens)
    }
}
