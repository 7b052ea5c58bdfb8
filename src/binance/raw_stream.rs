//! A stream as it is: the text of each frame, and control messages sent by hand.
//!
//! For `lobd certify`, which compares what a venue sends with its specification. Streams that are
//! traded on are [`super::MarketStreams`] and [`super::UserStream`].

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::rest::install_tls_provider;

/// A handshake that takes longer will not come.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A frame beyond this is no message of a market.
const LARGEST_MESSAGE_BYTES: usize = 8 << 20;

/// An open stream.
pub struct RawStream(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl RawStream {
    /// Connects; the answer to a failure never holds the URL, which may hold a listen key.
    ///
    /// # Errors
    /// Why there is no connection, for people.
    pub async fn open(url: &str) -> Result<Self, String> {
        install_tls_provider();
        let configuration = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_MESSAGE_BYTES))
            .max_frame_size(Some(LARGEST_MESSAGE_BYTES));
        let connecting = connect_async_with_config(url, Some(configuration), true);
        let (stream, _) = timeout(HANDSHAKE_TIMEOUT, connecting)
            .await
            .map_err(|_| "no handshake in time".to_owned())?
            .map_err(|error| super::socket::describe(&error))?;
        Ok(Self(stream))
    }

    /// The next text frame; `None` if none came before `deadline` or the stream ended.
    pub async fn next(&mut self, deadline: Instant) -> Option<String> {
        loop {
            match timeout_at(deadline, self.0.next()).await.ok()?? {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Close(_)) | Err(_) => return None,
                // tungstenite answers pings itself.
                Ok(
                    Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
                ) => {}
            }
        }
    }

    /// Whether a ping is answered before `deadline`; frames that come meanwhile are dropped.
    pub async fn answers_ping(&mut self, deadline: Instant) -> bool {
        let payload = b"lobd certify";
        if self.0.send(Message::Ping(payload.to_vec().into())).await.is_err() {
            return false;
        }
        while let Ok(Some(Ok(message))) = timeout_at(deadline, self.0.next()).await {
            if matches!(&message, Message::Pong(echo) if echo.as_ref() == payload) {
                return true;
            }
        }
        false
    }

    /// Sends a text frame.
    ///
    /// # Errors
    /// Why it could not be sent, for people.
    pub async fn send(&mut self, text: String) -> Result<(), String> {
        self.0
            .send(Message::Text(text.into()))
            .await
            .map_err(|error| super::socket::describe(&error))
    }
}
