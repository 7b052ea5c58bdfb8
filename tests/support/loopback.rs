//! The loopback exchange with a market the test feeds, and our client pointed at it.

use std::sync::Arc;
use std::time::Duration;

use lobd::binance::{
    Dialer, RestClient, RestSettings, UserMessage, UserStream, UserStreamSettings,
};
use lobd::book::{DepthSnapshot, DepthUpdate, Level, MarkPrice, MarketEvent, PublicTrade};
use lobd::clock::{Clock, SharedClock, SystemClock};
use lobd::config::Credentials;
use lobd::domain::{Environment, SelfTradePrevention, Symbol, Timestamp, TradeId};
use lobd::sandbox::{RunningSandbox, SandboxSettings, Server, listings};
use lobd::sign::Secret;
use lobd::sim::{Exchange, ExchangeSettings, InstrumentSettings, Liquidity};
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Nothing on loopback takes so long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A running exchange: BTCUSDT, ten units on each of twenty levels a side, from 60000.0 down and
/// from 60000.1 up.
pub(crate) struct Loopback {
    pub(crate) sandbox: RunningSandbox,
    pub(crate) rest: Arc<RestClient>,
}

/// The machine's clock, set wrong.
pub(crate) struct ShiftedClock {
    clock: SystemClock,
    ahead: Duration,
}

impl ShiftedClock {
    pub(crate) fn ahead_by(ahead: Duration) -> SharedClock {
        Arc::new(Self { clock: SystemClock::start(), ahead })
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        self.clock.now() + self.ahead
    }
}

impl Loopback {
    pub(crate) async fn start() -> Self {
        Self::start_by(Arc::new(SystemClock::start())).await
    }

    /// An exchange that lives by the given clock; the client by the machine's.
    pub(crate) async fn start_by(clock: SharedClock) -> Self {
        let instrument = listings::instrument("BTCUSDT").unwrap();
        let instruments = vec![InstrumentSettings { instrument, liquidity: Liquidity::Tape }];
        let settings = ExchangeSettings { instruments, seed: 1 };
        let exchange = Exchange::new(&settings, clock.now()).unwrap();
        let settings = SandboxSettings::for_seed(1);
        let shutdown = CancellationToken::new();
        let sandbox = Server::start(exchange, settings, clock, &shutdown).await.unwrap();
        let rest = RestSettings {
            environment: Environment::Sandbox,
            base_url: sandbox.rest_url.clone(),
            credentials: Some(Credentials {
                api_key: Secret::new(sandbox.api_key.clone()),
                api_secret: sandbox.api_secret.clone(),
            }),
            receive_window: Duration::from_secs(5),
            timeout: DEADLINE,
            self_trade_prevention: SelfTradePrevention::default(),
        };
        let rest = Arc::new(RestClient::new(rest, Arc::new(SystemClock::start())).unwrap());
        let loopback = Self { sandbox, rest };
        loopback.feed(snapshot()).await;
        loopback.feed(mark("60000.05")).await;
        loopback
    }

    /// Another client of the account, with its own patience.
    pub(crate) fn client(&self, timeout: Duration, receive_window: Duration) -> Arc<RestClient> {
        self.client_by(Arc::new(SystemClock::start()), timeout, receive_window)
    }

    /// The same, by a clock of its own.
    pub(crate) fn client_by(
        &self,
        clock: SharedClock,
        timeout: Duration,
        receive_window: Duration,
    ) -> Arc<RestClient> {
        let rest = RestSettings {
            environment: Environment::Sandbox,
            base_url: self.sandbox.rest_url.clone(),
            credentials: Some(Credentials {
                api_key: Secret::new(self.sandbox.api_key.clone()),
                api_secret: self.sandbox.api_secret.clone(),
            }),
            receive_window,
            timeout,
            self_trade_prevention: SelfTradePrevention::default(),
        };
        Arc::new(RestClient::new(rest, clock).unwrap())
    }

    pub(crate) async fn feed(&self, event: MarketEvent) {
        let fed = self.sandbox.control.with_exchange(move |exchange, _| {
            let now = exchange.now();
            exchange.feed(now, &event)
        });
        fed.await.unwrap().unwrap();
    }
}

pub(crate) fn bitcoin() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

fn level(price: &str, quantity: &str) -> Level {
    Level { price: price.parse().unwrap(), quantity: quantity.parse().unwrap() }
}

fn snapshot() -> MarketEvent {
    let price = |tenths: i32| level(&format!("{}.{}", tenths / 10, tenths % 10), "10");
    MarketEvent::Snapshot(DepthSnapshot {
        symbol: bitcoin(),
        last_update_id: 100,
        bids: (0..20).map(|at| price(600_000 - at)).collect(),
        asks: (1..21).map(|at| price(600_000 + at)).collect(),
    })
}

/// The change of a bid, from update 101 on.
pub(crate) fn bid_change(id: u64, price: &str, quantity: &str) -> MarketEvent {
    MarketEvent::Depth(DepthUpdate {
        symbol: bitcoin(),
        event_time: Timestamp::from_seconds(1_800_000_000),
        transaction_time: None,
        first_update_id: id,
        final_update_id: id,
        previous_final_update_id: Some(id - 1),
        bids: vec![level(price, quantity)],
        asks: vec![],
    })
}

/// Somebody buys at a price.
pub(crate) fn purchase(id: u64, price: &str, quantity: &str) -> MarketEvent {
    MarketEvent::Trade(PublicTrade {
        symbol: bitcoin(),
        trade_id: TradeId(id),
        price: price.parse().unwrap(),
        quantity: quantity.parse().unwrap(),
        buyer_is_maker: false,
        is_book_trade: true,
        trade_time: Timestamp::from_seconds(1_800_000_000),
    })
}

pub(crate) fn mark(price: &str) -> MarketEvent {
    MarketEvent::MarkPrice(MarkPrice {
        symbol: bitcoin(),
        price: price.parse().unwrap(),
        event_time: Timestamp::from_seconds(1_800_000_000),
    })
}

/// The next message that is what the test waits for; others are passed over.
pub(crate) async fn wait_for<M, T>(
    mailbox: &mut Receiver<M>,
    mut wanted: impl FnMut(&M) -> Option<T>,
) -> T {
    let search = async {
        loop {
            let message = mailbox.recv().await.expect("the stream goes on");
            if let Some(found) = wanted(&message) {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, search).await.expect("it comes in time")
}

/// The account's events, until the second value is dropped.
pub(crate) fn user(venue: &Loopback) -> (Receiver<UserMessage>, AbortOnDropHandle<()>) {
    user_by(venue, UserStreamSettings::new(venue.sandbox.ws_url.clone(), 1))
}

/// The account's events, over connections by these settings.
pub(crate) fn user_by(
    venue: &Loopback,
    settings: UserStreamSettings,
) -> (Receiver<UserMessage>, AbortOnDropHandle<()>) {
    let dialer = Dialer::new(Arc::new(SystemClock::start()));
    let (stream, mailbox) = UserStream::new(Arc::clone(&venue.rest), settings, dialer);
    let running = tokio::spawn(async move { stream.run(&CancellationToken::new()).await });
    (mailbox, AbortOnDropHandle::new(running))
}

/// Waits until the exchange has taken in so many sockets: the handshake ends a little before.
pub(crate) async fn settled(venue: &Loopback, sockets: usize) {
    let wait = async {
        while venue.sandbox.control.open_streams().await < sockets {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap();
}
