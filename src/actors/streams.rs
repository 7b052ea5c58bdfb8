//! The venue's streams as actors: they run once and reconnect by themselves.

use tokio_util::sync::CancellationToken;

use crate::binance::{MarketStreams, UserStream};

use super::supervisor::{Actor, ActorFailure};

/// Holds the market connections.
pub struct MarketStreamActor(Option<MarketStreams>);

impl MarketStreamActor {
    /// Runs `streams`.
    #[must_use]
    pub const fn new(streams: MarketStreams) -> Self {
        Self(Some(streams))
    }
}

impl Actor for MarketStreamActor {
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        if let Some(streams) = self.0.take() {
            streams.run(shutdown).await;
        }
        Ok(())
    }
}

/// Holds the account's connection.
pub struct UserStreamActor(Option<UserStream>);

impl UserStreamActor {
    /// Runs `stream`.
    #[must_use]
    pub const fn new(stream: UserStream) -> Self {
        Self(Some(stream))
    }
}

impl Actor for UserStreamActor {
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        if let Some(stream) = self.0.take() {
            stream.run(shutdown).await;
        }
        Ok(())
    }
}
