//! The account's own events to the engine. After every connection the engine reconciles.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::binance::UserMessage;
use crate::binance::parse::UserEvent;
use crate::engine::{Event, Feed};

use super::supervisor::{Actor, ActorFailure};
use super::trader::{TraderEnded, TraderHandle};

/// Carries user stream messages to the trader.
pub struct UserData {
    mailbox: mpsc::Receiver<UserMessage>,
    trader: TraderHandle,
}

impl UserData {
    /// Reads `mailbox` and tells `trader`.
    #[must_use]
    pub const fn new(mailbox: mpsc::Receiver<UserMessage>, trader: TraderHandle) -> Self {
        Self { mailbox, trader }
    }

    async fn on_message(&self, message: UserMessage) -> Result<(), TraderEnded> {
        match message {
            UserMessage::Connected { .. } => self.tell_liveness(true).await,
            UserMessage::Disconnected { .. } => self.tell_liveness(false).await,
            UserMessage::Alive { .. } => Ok(()),
            UserMessage::Event { event, .. } => self.on_event(event).await,
        }
    }

    async fn on_event(&self, event: UserEvent) -> Result<(), TraderEnded> {
        match event {
            UserEvent::Fill(fill) => self.trader.tell(Event::Fill(fill)).await,
            UserEvent::Order(report) => self.trader.tell(Event::Order(report)).await,
            UserEvent::Stop(report) => self.trader.tell(Event::Stop(report)).await,
            // Positions follow from fills and are reconciled over REST; balances likewise.
            UserEvent::Position(_) | UserEvent::Balance(_) => Ok(()),
            UserEvent::Leverage { symbol, leverage } => {
                tracing::warn!(%symbol, leverage, "somebody changed the leverage");
                Ok(())
            }
            UserEvent::MarginCall => {
                tracing::error!("the venue warns of a liquidation");
                Ok(())
            }
            // The stream reconnects by itself under a new key.
            UserEvent::ListenKeyExpired => self.tell_liveness(false).await,
            UserEvent::Unreadable(error) => {
                tracing::error!(%error, "an account event could not be read; reconciling");
                self.tell_liveness(false).await?;
                self.tell_liveness(true).await
            }
        }
    }

    async fn tell_liveness(&self, is_live: bool) -> Result<(), TraderEnded> {
        self.trader.tell(Event::Feed { feed: Feed::User, is_live }).await
    }
}

impl Actor for UserData {
    /// Runs until shut down or until the stream ends.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                received = self.mailbox.recv() => match received {
                    Some(message) => {
                        if self.on_message(message).await.is_err() {
                            return Ok(());
                        }
                    }
                    None => return Ok(()),
                },
            }
        }
    }
}
