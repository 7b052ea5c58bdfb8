//! One client's socket: handshake, control messages in, frames out, pings, and its end.
//!
//! The rules of exchange-api.md 2.5: a ping every three minutes, the end without a pong for ten, the
//! end after 24 hours, as [`SocketRules`] has them; at most ten messages a second from the client,
//! calls of the WebSocket API apart, which have limits of their own.

use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::mailbox::FloorHandle;
use super::super::settings::SocketRules;
use super::hub::{Frame, OUTBOX_CAPACITY, Opening, SocketId};
use super::pace::{Pace, PacedLine};
use super::route::Address;

/// Sockets open at once: far beyond what one machine's clients need.
const MOST_SOCKETS: usize = 1_000;

/// A client that has not finished its handshake by then is dropped.
const HANDSHAKE_TIME: Duration = Duration::from_secs(5);

/// A client that does not take a frame for so long is dropped.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// No control message of the protocol is longer: 1,024 stream names.
const LONGEST_MESSAGE: usize = 128 * 1_024;

/// Accepts sockets, held to the rules of futures or of spot, until `shutdown`, then waits for the last to close.
pub(in crate::sandbox) async fn accept(
    listener: TcpListener,
    floor: FloorHandle,
    rules: [SocketRules; 2],
    shutdown: CancellationToken,
) {
    let sessions = TaskTracker::new();
    loop {
        // Cancel-safe: an accepted socket is handed on before the next turn.
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, _)) if sessions.len() < MOST_SOCKETS => {
                sessions.spawn(serve(socket, floor.clone(), rules, shutdown.child_token()));
            }
            Ok(_) => tracing::warn!(most = MOST_SOCKETS, "too many sockets: one was refused"),
            Err(error) => tracing::warn!(%error, "a socket could not be accepted"),
        }
    }
    sessions.close();
    sessions.wait().await;
}

async fn serve(
    socket: TcpStream,
    floor: FloorHandle,
    rules: [SocketRules; 2],
    cut: CancellationToken,
) {
    // Small frames must not wait for one another.
    let _ = socket.set_nodelay(true);
    let Some((stream, address)) = shake_hands(socket).await else { return };
    let pace = stream.get_ref().pace();
    converse((stream, pace), address, floor, (rules, cut)).await;
}

/// Serves a socket that is open, until either side ends it or it is cut; its line keeps the pace
/// that comes with it.
pub(in crate::sandbox) async fn converse<S>(
    (stream, pace): (S, Pace),
    address: Address,
    floor: FloorHandle,
    ([futures, spot], cut): ([SocketRules; 2], CancellationToken),
) where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    let (outbox, frames) = mpsc::channel(OUTBOX_CAPACITY);
    let opening = Opening { address, outbox, cut: cut.clone(), pace: pace.clone() };
    let rules = if opening.is_for_spot() { spot } else { futures };
    let most_messages = if opening.is_for_calls() { u32::MAX } else { rules.messages_per_second };
    let Some(id) = floor.open(opening).await else { return };
    let said = (0, 0);
    let session = Session { id, stream, pace, floor: floor.clone(), rules, most_messages, said };
    tokio::select! {
        biased;
        () = cut.cancelled() => {}
        () = session.run(frames) => {}
    }
    floor.close(id).await;
}

async fn shake_hands(socket: TcpStream) -> Option<(WebSocketStream<PacedLine>, Address)> {
    let mut address = None;
    #[expect(clippy::result_large_err, reason = "the signature is that of the library")]
    let read_address = |request: &Request, response: Response| {
        let uri = request.uri();
        address = Address::parse(uri.path(), uri.query().unwrap_or_default());
        if address.is_some() { Ok(response) } else { Err(no_such_address()) }
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    let line = PacedLine::new(socket);
    let shaking = accept_hdr_async_with_config(line, read_address, Some(config));
    let stream = timeout(HANDSHAKE_TIME, shaking).await.ok()?.ok()?;
    Some((stream, address?))
}

fn no_such_address() -> ErrorResponse {
    let mut response = ErrorResponse::new(Some("no such stream address".to_owned()));
    *response.status_mut() = axum::http::StatusCode::NOT_FOUND;
    response
}

struct Session<S> {
    id: SocketId,
    stream: S,
    pace: Pace,
    floor: FloorHandle,
    rules: SocketRules,
    /// Messages of the client in one second.
    most_messages: u32,
    /// Which second of the session it is, and how many messages came in it.
    said: (u64, u32),
}

impl<S> Session<S>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    /// Runs until either side ends it.
    async fn run(mut self, mut frames: mpsc::Receiver<Frame>) {
        let (opened, rules) = (Instant::now(), self.rules);
        let mut ping = interval_at(opened + rules.ping_every, rules.ping_every);
        let end = sleep_until(opened + rules.longest_life);
        tokio::pin!(end);
        let mut last_pong = opened;
        loop {
            // `recv`, `next` and `tick` are cancel-safe; writes happen outside the select.
            let outgoing = tokio::select! {
                biased;
                () = &mut end => break,
                _ = ping.tick() => {
                    if last_pong.elapsed() > rules.pong_within {
                        break;
                    }
                    let payload = opened.elapsed().as_millis().to_string();
                    Some((Message::Ping(payload.into()), None))
                }
                incoming = self.stream.next() => match incoming {
                    Some(Ok(message)) if self.is_patient(opened) => {
                        if matches!(message, Message::Pong(_)) {
                            last_pong = Instant::now();
                        }
                        if !self.take(message).await {
                            break;
                        }
                        None
                    }
                    Some(_) | None => break,
                },
                frame = frames.recv() => match frame {
                    Some(Frame { text, byte_pause }) => Some((Message::Text(text), byte_pause)),
                    None => break,
                },
            };
            if let Some((message, byte_pause)) = outgoing
                && !self.write(message, byte_pause).await
            {
                return;
            }
        }
        let _ = timeout(WRITE_TIME, self.stream.send(Message::Close(None))).await;
    }

    /// Writes a message; `false` if the client does not take it.
    async fn write(&mut self, message: Message, byte_pause: Option<Duration>) -> bool {
        self.pace.set_of_frame(byte_pause);
        let sending = self.stream.send(message);
        tokio::pin!(sending);
        let is_sent = loop {
            match timeout(WRITE_TIME, &mut sending).await {
                Ok(sent) => break sent.is_ok(),
                // It is we who are slow.
                Err(_) if self.pace.is_slow() => {}
                Err(_) => break false,
            }
        };
        self.pace.set_of_frame(None);
        is_sent
    }

    /// Whether the client keeps to its messages a second.
    fn is_patient(&mut self, opened: Instant) -> bool {
        let second = opened.elapsed().as_secs();
        if self.said.0 != second {
            self.said = (second, 0);
        }
        self.said.1 += 1;
        self.said.1 <= self.most_messages
    }

    /// Takes one message of the client; `false` if it was the last.
    async fn take(&self, message: Message) -> bool {
        match message {
            Message::Text(text) => {
                self.floor.control(self.id, text.as_str().to_owned()).await;
                true
            }
            // The library answers pings by itself.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => true,
            Message::Binary(_) | Message::Close(_) => false,
        }
    }
}
