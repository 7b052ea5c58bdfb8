//! An uninterrupted span of account events, over one connection after another.
//!
//! Keeps the key alive and replaces the connection before the venue's 24 hours are over. A key that
//! is gone, be it expired or deleted by somebody else, ends the span: the next begins under a new
//! key. Invariant: no text of the stream is logged, for some hold the key.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::backoff::Backoff;
use super::connection_budget::Dialer;
use super::panics::panic_on;
use super::parse::{UserEvent, parse_user_events};
use super::rest::RestClient;
use super::socket::{Frame, Socket};
use super::user_overlap::{UserOverlap, Verdict};
use super::user_stream::{NobodyListens, UserMessage, UserStream, UserStreamSettings};
use crate::domain::Timestamp;
use crate::sign::Secret;

/// The venue's code for a key that is over (exchange-api.md 4.7).
const LISTEN_KEY_GONE: i32 = -1125;

/// An extension that failed is tried again so soon: the key lives on meanwhile.
const KEEP_ALIVE_RETRY: Duration = Duration::from_mins(1);

/// After a switch, what the new connection repeats is recognised for so long.
const REPETITIONS_EXPECTED: Duration = Duration::from_secs(30);

/// The connection in charge.
pub(super) struct UserSpan<'a> {
    stream: &'a mut UserStream,
    key: Secret,
    socket: Socket,
    successor: Successor,
    /// What was told before the last switch, and until when it may be repeated.
    repetitions: Option<(UserOverlap, Timestamp)>,
    keep_alive_at: Timestamp,
    extending: Option<AbortOnDropHandle<Extended>>,
    rotation_at: Timestamp,
    retry: Backoff,
}

/// A connection on its way to take over.
enum Successor {
    None,
    Opening(AbortOnDropHandle<Result<(Secret, Socket), String>>),
    Proving(Box<Socket>, UserOverlap),
}

/// What became of the key's extension.
enum Extended {
    /// The venue may have said which key it extended.
    Done(Option<Secret>),
    Gone,
    Failed(String),
}

enum Step {
    Current(Frame),
    Opened(Result<(Secret, Box<Socket>), String>),
    Next(Frame),
    Extended(Extended),
    Doubted(String),
    Timer,
}

/// Gets the key, which an active one's extension is, and connects.
async fn open(
    rest: Arc<RestClient>,
    settings: UserStreamSettings,
    dialer: Dialer,
) -> Result<(Secret, Socket), String> {
    let key = rest.start_listen_key().await.map_err(|error| error.to_string())?;
    let socket = dialer.dial(&settings.url(&key)).await?;
    Ok((key, socket))
}

async fn extend(rest: Arc<RestClient>) -> Extended {
    match rest.extend_listen_key().await {
        Ok(key) => Extended::Done(key),
        Err(error) if error.code() == Some(LISTEN_KEY_GONE) => Extended::Gone,
        Err(error) => Extended::Failed(error.to_string()),
    }
}

impl<'a> UserSpan<'a> {
    /// Opens a connection and tells what it says, until it ends; the answer is why it did.
    pub(super) async fn open_and_run(stream: &'a mut UserStream) -> Result<String, NobodyListens> {
        let settings = stream.settings.clone();
        let opened = open(Arc::clone(&stream.rest), settings, stream.dialer.clone()).await;
        let (key, socket) = match opened {
            Ok(opened) => opened,
            Err(reason) => return Ok(reason),
        };
        let (now, settings) = (stream.rest.now(), &stream.settings);
        let span = Self {
            keep_alive_at: now + settings.keep_alive,
            rotation_at: now + settings.rotation.after,
            retry: Backoff::new(!settings.jitter_seed),
            stream,
            key,
            socket,
            successor: Successor::None,
            repetitions: None,
            extending: None,
        };
        span.run().await
    }

    async fn run(mut self) -> Result<String, NobodyListens> {
        self.stream.tell(UserMessage::Connected { receive_time: self.now() }).await?;
        loop {
            let ended = match self.step().await {
                Step::Current(Frame::Closed(reason)) => {
                    if !matches!(self.successor, Successor::Proving(..)) {
                        return Ok(reason);
                    }
                    // What was on its way over the old one may be lost: the switch reconciles.
                    self.switch().await?
                }
                Step::Current(frame) => self.on_current(frame).await?,
                Step::Opened(opened) => self.on_opened(opened),
                Step::Next(frame) => {
                    self.on_next(frame);
                    None
                }
                Step::Extended(outcome) => self.on_extended(outcome),
                Step::Doubted(reason) => Some(reason),
                Step::Timer => {
                    self.on_timer();
                    None
                }
            };
            if let Some(reason) = ended {
                return Ok(reason);
            }
            if let Some(reason) = self.judge().await? {
                return Ok(reason);
            }
        }
    }

    /// Waits for the next thing to happen. Every branch is cancel-safe.
    async fn step(&mut self) -> Step {
        let rotation = match &self.successor {
            Successor::None => self.rotation_at,
            Successor::Opening(_) => Timestamp::MAX,
            Successor::Proving(_, overlap) => overlap.deadline(),
        };
        let keep_alive = if self.extending.is_some() { Timestamp::MAX } else { self.keep_alive_at };
        let timer = sleep(rotation.min(keep_alive).since(self.now()));
        let extended = async {
            match &mut self.extending {
                Some(extending) => panic_on(extending.await)
                    .unwrap_or_else(|error| Extended::Failed(error.to_string())),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(reason) = self.stream.doubts.recv() => Step::Doubted(reason),
            outcome = extended => Step::Extended(outcome),
            // Each makes its next moment later: no flood of frames keeps the key from its extension.
            () = timer => Step::Timer,
            frame = self.socket.next() => Step::Current(frame),
            step = self.successor.next() => step,
        }
    }

    /// Tells what a frame says; an answer is the reason why it was the last one.
    async fn on_current(&mut self, frame: Frame) -> Result<Option<String>, NobodyListens> {
        let receive_time = self.now();
        let Frame::Text(text) = frame else {
            self.stream.tell(UserMessage::Alive { receive_time }).await?;
            return Ok(None);
        };
        let events = parse_user_events(&text);
        if let Some((told, until)) = &mut self.repetitions {
            if receive_time >= *until {
                self.repetitions = None;
            } else if told.is_repeated(&events) {
                return Ok(None);
            }
        }
        if let Successor::Proving(_, overlap) = &mut self.successor {
            overlap.on_old(receive_time, &events);
        }
        self.tell(receive_time, events).await
    }

    /// Tells what a frame said; an answer is the reason why it was the last one.
    async fn tell(
        &self,
        receive_time: Timestamp,
        events: Vec<UserEvent>,
    ) -> Result<Option<String>, NobodyListens> {
        let mut expired = None;
        for event in events {
            if event == UserEvent::ListenKeyExpired {
                expired = Some("listen key expired".to_owned());
            }
            self.stream.tell(UserMessage::Event { receive_time, event }).await?;
        }
        Ok(expired)
    }

    fn on_opened(&mut self, opened: Result<(Secret, Box<Socket>), String>) -> Option<String> {
        match opened {
            Ok((key, socket)) if key.expose() == self.key.expose() => {
                let until = self.now() + self.stream.settings.rotation.proving;
                self.successor = Successor::Proving(socket, UserOverlap::new(until));
            }
            // The connection in charge listens to a key that is over: it will tell nothing more.
            Ok(_) => return Some("the listen key was replaced".to_owned()),
            Err(reason) => self.postpone(&reason),
        }
        None
    }

    fn on_next(&mut self, frame: Frame) {
        match frame {
            Frame::Text(text) => {
                if let Successor::Proving(_, overlap) = &mut self.successor {
                    overlap.on_new(parse_user_events(&text));
                }
            }
            Frame::Alive => {}
            Frame::Closed(reason) => self.postpone(&reason),
        }
    }

    /// A key that is gone is replaced by connecting anew; whatever else failed is tried again.
    fn on_extended(&mut self, outcome: Extended) -> Option<String> {
        self.extending = None;
        let keep_alive = self.stream.settings.keep_alive;
        match outcome {
            // Somebody deleted ours and opened another: ours will tell nothing more.
            Extended::Done(Some(key)) if key.expose() != self.key.expose() => {
                return Some("the listen key was replaced".to_owned());
            }
            Extended::Done(_) => self.keep_alive_at = self.now() + keep_alive,
            Extended::Gone => return Some("the listen key is gone".to_owned()),
            Extended::Failed(error) => {
                tracing::warn!(error, "the listen key was not extended");
                self.keep_alive_at = self.now() + keep_alive.min(KEEP_ALIVE_RETRY);
            }
        }
        None
    }

    fn on_timer(&mut self) {
        let now = self.now();
        let rest = Arc::clone(&self.stream.rest);
        if self.extending.is_none() && self.keep_alive_at <= now {
            let rest = Arc::clone(&rest);
            let extending = tokio::spawn(extend(rest));
            self.extending = Some(AbortOnDropHandle::new(extending));
        }
        if matches!(self.successor, Successor::None) && self.rotation_at <= now {
            let settings = self.stream.settings.clone();
            let opening = tokio::spawn(open(rest, settings, self.stream.dialer.clone()));
            self.successor = Successor::Opening(AbortOnDropHandle::new(opening));
        }
    }

    async fn judge(&mut self) -> Result<Option<String>, NobodyListens> {
        let Successor::Proving(_, overlap) = &self.successor else { return Ok(None) };
        match overlap.verdict(self.now()) {
            Verdict::Wait => Ok(None),
            Verdict::Switch => self.switch().await,
            Verdict::Abandon => {
                self.postpone("it lacks an event of the connection in charge");
                Ok(None)
            }
        }
    }

    /// Puts the successor in charge and tells what only it brought.
    async fn switch(&mut self) -> Result<Option<String>, NobodyListens> {
        let successor = std::mem::replace(&mut self.successor, Successor::None);
        let Successor::Proving(socket, mut overlap) = successor else { return Ok(None) };
        self.socket = *socket;
        let receive_time = self.now();
        self.rotation_at = receive_time + self.stream.settings.rotation.after;
        tracing::info!("user stream switched to its successor");
        self.stream.tell(UserMessage::Switched { receive_time }).await?;
        let news = overlap.take_news();
        self.repetitions = Some((overlap, receive_time + REPETITIONS_EXPECTED));
        for events in news {
            let ended = self.tell(receive_time, events).await?;
            if ended.is_some() {
                return Ok(ended);
            }
        }
        Ok(None)
    }

    /// Gives a successor up; another is tried later.
    fn postpone(&mut self, reason: &str) {
        tracing::warn!(reason, "a successor of the user stream was given up");
        self.successor = Successor::None;
        self.rotation_at = self.now() + self.retry.next_delay(Duration::ZERO);
    }

    fn now(&self) -> Timestamp {
        self.stream.rest.now()
    }
}

impl Successor {
    /// The next thing it says; never, while there is none. Cancel-safe.
    async fn next(&mut self) -> Step {
        match self {
            Self::None => std::future::pending().await,
            Self::Opening(opening) => {
                let opened = panic_on(opening.await).unwrap_or_else(|error| Err(error.to_string()));
                Step::Opened(opened.map(|(key, socket)| (key, Box::new(socket))))
            }
            Self::Proving(socket, _) => Step::Next(socket.next().await),
        }
    }
}
