//! A stream as it is: the text of each frame, and control messages sent by hand.
//!
//! For `lobd certify`, which compares what a venue sends with its specification. Streams that are
//! traded on are [`super::MarketStreams`] and [`super::UserStream`].

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// An open stream.
pub struct RawStream(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl RawStream {
    /// Connects; the answer to a failure never holds the URL, which may hold a listen key.
    ///
    /// # Errors
    /// Why there is no connection, for people.
    pub async fn open(url: &str) -> Result<Self, String> {
        super::socket::dial(url).await.map(Self)
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
