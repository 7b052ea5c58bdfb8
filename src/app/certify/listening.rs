//! Streams of the market, listened to for a while.

use serde_json::Value;
use tokio::time::Instant;

use crate::binance::RawStream;

use super::case::Shortfall;
use super::stage::{PATIENCE, Stage};

impl Stage {
    /// The lower-case symbol, as streams name it.
    pub(super) fn stream_symbol(&self) -> String {
        self.symbol().as_str().to_lowercase()
    }

    /// Opens a stream by the path and query after the host.
    pub(super) async fn open_stream(&mut self, path: &str) -> Result<RawStream, Shortfall> {
        let base = self.streams_url().to_owned();
        self.open_at(&base, path).await
    }

    /// Opens a stream by the path and query after a base URL.
    pub(super) async fn open_at(&mut self, base: &str, path: &str) -> Result<RawStream, Shortfall> {
        let url = format!("{base}{path}");
        RawStream::open(&url).await.map_err(|why| {
            self.saw(format!("open {path}"), &why).is("an open stream");
            Shortfall(format!("{path} cannot be opened: {why}"))
        })
    }

    /// The next frames of a stream; fewer if the time is over.
    pub(super) async fn frames(
        &mut self,
        stream: &mut RawStream,
        count: usize,
    ) -> Result<Vec<Value>, Shortfall> {
        let deadline = Instant::now() + PATIENCE;
        let mut frames = Vec::with_capacity(count);
        while frames.len() < count {
            let Some(text) = stream.next(deadline).await else { break };
            let text = self.redact(text);
            let frame = serde_json::from_str(&text)
                .map_err(|_| Shortfall(format!("a frame is no JSON: {}", text.len())))?;
            frames.push(frame);
        }
        self.saw("listened", &shown(&frames)).is(format!("{count} frames"));
        Ok(frames)
    }

    /// The frames of one stream of the market over its own raw connection.
    pub(super) async fn market_frames(
        &mut self,
        route: &str,
        kind: &str,
        count: usize,
    ) -> Result<Vec<Value>, Shortfall> {
        let path = format!("/{route}/ws/{}@{kind}", self.stream_symbol());
        let mut stream = self.open_stream(&path).await?;
        let frames = self.frames(&mut stream, count).await?;
        super::case::ensure(frames.len() == count, || {
            format!("{kind} sent {} of {count} frames in {} s", frames.len(), PATIENCE.as_secs())
        })?;
        Ok(frames)
    }

    /// Sends a control message and waits for its answer; frames between are dropped.
    pub(super) async fn control(
        &mut self,
        stream: &mut RawStream,
        message: Value,
    ) -> Result<Value, Shortfall> {
        let id = message["id"].clone();
        let under_way = self.step().lock_owned().await;
        stream.send(message.to_string()).await.map_err(Shortfall)?;
        let deadline = Instant::now() + PATIENCE;
        while let Some(text) = stream.next(deadline).await {
            let text = self.redact(text);
            let frame: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
            if frame.get("id") == Some(&id) {
                self.saw(message.to_string(), &text).is("an answer of the same id");
                return Ok(frame);
            }
        }
        drop(under_way);
        self.saw(message.to_string(), "none").is("an answer of the same id");
        Err(Shortfall(format!("no answer to {message}")))
    }
}

/// The first frames are enough to see what they are.
fn shown(frames: &[Value]) -> String {
    frames.iter().take(3).map(Value::to_string).collect::<Vec<_>>().join("\n")
}
