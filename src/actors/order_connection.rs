//! The order socket's connection under the supervisor.

use tokio_util::sync::CancellationToken;

use crate::binance::OrderConnection;

use super::supervisor::{Actor, ActorFailure};

impl Actor for OrderConnection {
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        Self::run(self, shutdown).await;
        Ok(())
    }
}
