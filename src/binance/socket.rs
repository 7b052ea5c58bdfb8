//! One WebSocket connection: text frames in and out, proof of life by ping and pong.
//!
//! Knows no stream. Invariants: **1** a connection that answers no ping for [`LIFE_LIMIT`] is
//! called dead, however open it looks and however much it pings itself; **2** no message holds the
//! URL, which may hold a listen key; **3** a frame is bounded, and so is what waits to be written;
//! **4** a connection that takes nothing for [`LIFE_LIMIT`] is called dead; **5** no flood of frames
//! keeps our pings from going out.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::network::{Frames, Network};
use super::parse::shorten;
use super::rest::install_tls_provider;

/// A handshake that takes longer will not come.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the other side is asked for a sign of life; the venue allows 10 messages a second.
pub const PING_INTERVAL: Duration = Duration::from_secs(1);
/// Pings that may stay without any frame in answer.
const UNANSWERED_PINGS: u32 = 5;
/// After this long without a message or an answer to a ping, a connection is dead.
pub const LIFE_LIMIT: Duration = Duration::from_secs(5);
/// The largest message of a market is a depth update of a few hundred kB.
const LARGEST_MESSAGE_BYTES: usize = 8 << 20;
/// A message of ours is a few kB. Answers to pings that wait beyond this replace one another.
const LARGEST_BACKLOG_BYTES: usize = 256 << 10;

/// What a connection yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// A message.
    Text(Utf8Bytes),
    /// A sign of life without a message.
    Alive,
    /// The end, and why.
    Closed(String),
}

/// An open connection.
pub(super) struct Socket {
    stream: Box<dyn Frames>,
    pings: Interval,
    unanswered: u32,
}

impl Socket {
    /// Connects.
    pub(super) async fn open(network: &Network, url: &str) -> Result<Self, String> {
        let stream: Box<dyn Frames> = match network {
            Network::Machine => Box::new(dial(url).await?),
            Network::Simulated(carrier) => timeout(HANDSHAKE_TIMEOUT, carrier.connect(url))
                .await
                .map_err(|_| "no handshake in time".to_owned())??,
        };
        let mut pings = interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { stream, pings, unanswered: 0 })
    }

    /// Sends a message; it keeps to the venue's pace if the caller does.
    pub(super) async fn say(&mut self, text: String) -> Result<(), String> {
        self.write(Message::text(text)).await
    }

    /// Writes a message; whoever does not take it in time will take no other.
    async fn write(&mut self, message: Message) -> Result<(), String> {
        match timeout(LIFE_LIMIT, self.stream.send(message)).await {
            Ok(written) => written.map_err(|error| describe(&error)),
            Err(_) => Err("it takes nothing any more".to_owned()),
        }
    }

    /// The next frame. Cancel-safe: a frame is either told or still to come.
    pub(super) async fn next(&mut self) -> Frame {
        loop {
            tokio::select! {
                biased;
                _ = self.pings.tick() => {
                    if self.unanswered >= UNANSWERED_PINGS {
                        return Frame::Closed("no sign of life".to_owned());
                    }
                    self.unanswered += 1;
                    if let Err(reason) = self.write(Message::Ping(Vec::new().into())).await {
                        return Frame::Closed(reason);
                    }
                }
                message = self.stream.next() => {
                    // A ping says that the other side can write, not that it reads.
                    if !matches!(message, Some(Ok(Message::Ping(_)))) {
                        self.unanswered = 0;
                    }
                    match message {
                        Some(Ok(Message::Text(text))) => return Frame::Text(text),
                        // tungstenite echoes a ping's payload by itself; a pong may come unasked.
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Frame::Alive,
                        Some(Ok(Message::Close(frame))) => {
                            let reason = frame.map_or_else(String::new, |frame| {
                                format!(" ({} {})", frame.code, shorten(&frame.reason))
                            });
                            return Frame::Closed(format!("closed by venue{reason}"));
                        }
                        // The venue sends none of these.
                        Some(Ok(Message::Binary(_) | Message::Frame(_))) => {}
                        Some(Err(error)) => return Frame::Closed(describe(&error)),
                        None => return Frame::Closed("connection lost".to_owned()),
                    }
                }
            }
        }
    }
}

/// Opens a connection; the answer to a failure never holds the URL, which may hold a listen key.
pub(super) async fn dial(url: &str) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, String> {
    install_tls_provider();
    let configuration = WebSocketConfig::default()
        .max_message_size(Some(LARGEST_MESSAGE_BYTES))
        .max_frame_size(Some(LARGEST_MESSAGE_BYTES))
        .write_buffer_size(0)
        .max_write_buffer_size(LARGEST_BACKLOG_BYTES);
    let connecting = connect_async_with_config(url, Some(configuration), true);
    let (stream, _) = timeout(HANDSHAKE_TIMEOUT, connecting)
        .await
        .map_err(|_| "no handshake in time".to_owned())?
        .map_err(|error| describe(&error))?;
    Ok(stream)
}

/// The error without the URL: that may hold a listen key.
pub(super) fn describe(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Io(error) => error.to_string(),
        tungstenite::Error::Tls(error) => error.to_string(),
        tungstenite::Error::Protocol(error) => error.to_string(),
        tungstenite::Error::Capacity(error) => error.to_string(),
        tungstenite::Error::Http(response) => {
            format!("handshake refused with HTTP status {}", response.status().as_u16())
        }
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            "connection closed".to_owned()
        }
        tungstenite::Error::Url(_) | tungstenite::Error::HttpFormat(_) => {
            "cannot connect to the stream address; check LOBD_STREAM_URL".to_owned()
        }
        tungstenite::Error::WriteBufferFull(_) => "it takes nothing any more".to_owned(),
        tungstenite::Error::Utf8(_) | tungstenite::Error::AttackAttempt => {
            "malformed traffic".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn invariant_3_what_waits_to_be_written_is_bounded() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let mute = tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            tokio_tungstenite::accept_async(socket).await.unwrap()
        });
        let mut stream = dial(&url).await.unwrap();
        let _mute = mute.await.unwrap();
        // Nobody reads: what the kernel does not take waits here, up to the bound.
        let message = Message::text("x".repeat(64 << 10));
        let refused = std::future::poll_fn(|context| {
            for _ in 0..1_000 {
                if let Err(error) = stream.start_send_unpin(message.clone()) {
                    return std::task::Poll::Ready(Some(error));
                }
                // The kernel's buffer first: an error there is no news.
                let _ = stream.poll_flush_unpin(context);
            }
            std::task::Poll::Ready(None)
        });
        let error = refused.await.expect("64 MB do not fit");
        assert_eq!(describe(&error), "it takes nothing any more");
    }
}
