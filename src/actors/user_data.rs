//! The account's own events to the engine. After every connection, and every switch of one, the
//! engine reconciles; so it does when the stream does not tell of an order that was acknowledged.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::binance::parse::UserEvent;
use crate::binance::{LIFE_LIMIT, UserMessage, UserStreamHandle};
use crate::clock::SharedClock;
use crate::domain::Timestamp;
use crate::engine::{AccountChange, Event, Feed};

use super::ack_watch::{AckWatch, Acknowledged, Miss};
use super::pulse::{Pulse, Rhythm};
use super::supervisor::{Actor, ActorFailure};
use super::trader::{TraderEnded, TraderHandle};

/// Nothing is awaited: any message comes first.
const IDLE: Duration = Duration::from_hours(1);

/// A stream that is connected tells a sign of life each second, and its end once the venue gave none
/// for [`LIFE_LIMIT`] in reading or in writing. One that tells neither is stuck itself.
const LONGEST_SILENCE: Duration = Duration::from_secs(3 * LIFE_LIMIT.as_secs());

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
    /// When the stream last told something; none while it is known to be down.
    heard: Option<Timestamp>,
    pulse: Pulse,
}

impl UserData {
    /// Reads `feed` and tells `trader`.
    #[must_use]
    pub fn new(feed: UserFeed, clock: SharedClock, trader: TraderHandle) -> Self {
        let pulse = Pulse::default();
        Self { feed, clock, watch: AckWatch::default(), trader, heard: None, pulse }
    }

    /// Whether it goes round, with a stream that proves itself or is known to be down.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    fn beat(&self) {
        let is_stuck = self.heard.is_some_and(|at| self.clock.now().since(at) > LONGEST_SILENCE);
        if !is_stuck {
            self.pulse.beat();
        }
    }

    async fn on_message(&mut self, message: UserMessage) -> Result<(), TraderEnded> {
        let is_down = matches!(message, UserMessage::Disconnected { .. });
        self.heard = (!is_down).then(|| self.clock.now());
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
                    | UserEvent::MultiAssets { .. }
                    | UserEvent::WalletMoved
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
            UserEvent::WalletMoved => {
                self.trader.tell(Event::AccountChanged(AccountChange::Wallet)).await
            }
            // Positions follow from fills and are reconciled over REST; balances likewise.
            UserEvent::Position(_) | UserEvent::Balance(_) => Ok(()),
            UserEvent::Leverage { symbol, leverage } => {
                tracing::warn!(%symbol, leverage, "somebody changed the leverage");
                self.trader.tell(Event::AccountChanged(AccountChange::Terms)).await
            }
            UserEvent::MultiAssets { is_on } => {
                tracing::warn!(is_on, "somebody switched the multi-assets mode");
                self.trader.tell(Event::AccountChanged(AccountChange::Terms)).await
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
        let mut rhythm = Rhythm::start();
        loop {
            let due = self.watch.next_deadline();
            let wait = due.map_or(IDLE, |due| due.since(self.clock.now()));
            let told = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = rhythm.due() => {
                    self.beat();
                    Ok(())
                }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::trader::trader_mailbox;
    use super::*;
    use crate::binance::{
        Dialer, Network, RestClient, RestSettings, UserStream, UserStreamSettings,
    };
    use crate::clock::{Clock as _, ManualClock};
    use crate::domain::{Environment, SelfTradePrevention};

    struct Running {
        outbox: mpsc::Sender<UserMessage>,
        clock: Arc<ManualClock>,
        pulse: Pulse,
    }

    impl Running {
        /// Lets time pass; how often it beat meanwhile.
        async fn beats_in(&self, seconds: u64) -> u64 {
            let before = self.pulse.beats();
            for _ in 0..seconds {
                self.clock.advance(Duration::from_secs(1));
                sleep(Duration::from_secs(1)).await;
            }
            self.pulse.beats() - before
        }

        async fn hears(&self, message: fn(Timestamp) -> UserMessage) {
            self.outbox.send(message(self.clock.now())).await.unwrap();
        }
    }

    fn connected(receive_time: Timestamp) -> UserMessage {
        UserMessage::Connected { receive_time }
    }

    fn start(trader: TraderHandle) -> Running {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(100)));
        let settings = RestSettings {
            environment: Environment::Sandbox,
            base_url: "http://127.0.0.1:1".to_owned(),
            credentials: None,
            receive_window: Duration::from_secs(5),
            timeout: Duration::from_secs(5),
            self_trade_prevention: SelfTradePrevention::default(),
        };
        let shared: SharedClock = Arc::clone(&clock) as SharedClock;
        let rest = Arc::new(RestClient::new(settings, Arc::clone(&shared)).unwrap());
        let settings = UserStreamSettings::new("ws://127.0.0.1:1".to_owned(), 1);
        let dialer = Dialer::new(Arc::clone(&shared)).over(Network::Machine);
        let stream = UserStream::new(rest, settings, dialer).0.handle();
        let (outbox, mailbox) = mpsc::channel(1);
        let feed = UserFeed { mailbox, acknowledged: mpsc::channel(1).1, stream };
        let mut data = UserData::new(feed, shared, trader);
        let pulse = data.pulse();
        tokio::spawn(async move { data.run(&CancellationToken::new()).await });
        Running { outbox, clock, pulse }
    }

    /// Promise I16: an outage is no hang, and a stream that tells nothing at all is one.
    #[tokio::test(start_paused = true)]
    async fn it_beats_while_the_stream_proves_itself_or_is_known_to_be_down() {
        let (trader, _mailbox) = trader_mailbox();
        let data = start(trader);
        assert!(data.beats_in(60).await >= 59, "it was never connected");
        data.hears(connected).await;
        assert!(data.beats_in(10).await >= 9, "the venue has its time to answer");
        data.hears(|receive_time| UserMessage::Alive { receive_time }).await;
        assert!(data.beats_in(10).await >= 9);
        data.beats_in(10).await;
        assert_eq!(data.beats_in(60).await, 0, "connected, and neither alive nor lost: stuck");
        let lost = |receive_time| UserMessage::Disconnected { receive_time, reason: String::new() };
        data.hears(lost).await;
        assert!(data.beats_in(60).await >= 59, "it is known to be down");
    }

    #[tokio::test(start_paused = true)]
    async fn it_beats_no_more_once_nobody_takes_what_it_tells() {
        let (trader, _mailbox) = trader_mailbox();
        let data = start(trader);
        assert!(data.beats_in(3).await >= 2);
        while tokio::time::timeout(Duration::from_secs(1), data.hears(connected)).await.is_ok() {}
        assert_eq!(data.beats_in(10).await, 0);
    }
}
