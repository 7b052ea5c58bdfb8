//! The account's own events to the engine. After every connection, and every switch of one, the
//! engine reconciles; so it does when the stream does not tell of an order that was acknowledged.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::binance::parse::UserEvent;
use crate::binance::{UserMessage, UserStreamHandle};
use crate::clock::SharedClock;
use crate::engine::{Event, Feed};

use super::ack_watch::{AckWatch, Acknowledged, Miss};
use super::supervisor::{Actor, ActorFailure};
use super::trader::{TraderEnded, TraderHandle};

/// Nothing is awaited: any message comes first.
const IDLE: Duration = Duration::from_hours(1);

/// What the stream tells, what it must tell, and the way to have it connect anew.
pub struct UserFeed {
    /// Its messages.
    pub mailbox: mpsc::Receiver<UserMessage>,
    /// Orders the venue acknowledged.
    pub acknowledged: mpsc::Receiver<Acknowledged>,
    /// Its handle.
    pub stream: UserStreamHandle,
}

/// Carries user stream messages to the trader.
pub struct UserData {
    feed: UserFeed,
    clock: SharedClock,
    watch: AckWatch,
    trader: TraderHandle,
}

impl UserData {
    /// Reads `feed` and tells `trader`.
    #[must_use]
    pub fn new(feed: UserFeed, clock: SharedClock, trader: TraderHandle) -> Self {
        Self { feed, clock, watch: AckWatch::default(), trader }
    }

    async fn on_message(&mut self, message: UserMessage) -> Result<(), TraderEnded> {
        match message {
            UserMessage::Connected { .. } => {
                self.watch.on_connected();
                self.tell_liveness(true).await
            }
            UserMessage::Disconnected { .. } => {
                self.watch.on_disconnected();
                self.tell_liveness(false).await
            }
            // Said of a stream that lives, it asks for a reconciliation.
            UserMessage::Switched { .. } => self.tell_liveness(true).await,
            UserMessage::Alive { .. } => Ok(()),
            UserMessage::Event { event, .. } => {
                match &event {
                    UserEvent::Order(report) => self.watch.on_event(report.client_order_id),
                    UserEvent::Fill(fill) => {
                        if let Some(order) = fill.client_order_id {
                            self.watch.on_event(order);
                        }
                    }
                    UserEvent::Stop(_)
                    | UserEvent::Position(_)
                    | UserEvent::Balance(_)
                    | UserEvent::Leverage { .. }
                    | UserEvent::MarginCall
                    | UserEvent::ListenKeyExpired
                    | UserEvent::Unreadable(_) => {}
                }
                self.on_event(event).await
            }
        }
    }

    async fn on_missed(&mut self) -> Result<(), TraderEnded> {
        while let Some(miss) = self.watch.due(self.clock.now()) {
            tracing::warn!(?miss, "the user stream does not tell of an acknowledged order");
            if miss == Miss::Reconnect {
                self.feed.stream.reconnect("silent about acknowledged orders");
            }
            self.tell_liveness(miss == Miss::Reconcile).await?;
        }
        Ok(())
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
            let due = self.watch.next_deadline();
            let wait = due.map_or(IDLE, |due| due.since(self.clock.now()));
            let told = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                received = self.feed.mailbox.recv() => match received {
                    Some(message) => self.on_message(message).await,
                    None => return Ok(()),
                },
                Some(acknowledged) = self.feed.acknowledged.recv() => {
                    self.watch.on_acknowledged(acknowledged);
                    Ok(())
                }
                () = sleep(wait) => self.on_missed().await,
            };
            if told.is_err() {
                return Ok(());
            }
        }
    }
}
