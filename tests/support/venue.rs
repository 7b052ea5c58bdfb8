//! The loopback exchange inside the test's process: a client's real sockets, a test's own hands.

use std::sync::Arc;
use std::time::Duration;

use lobd::clock::{SharedClock, SystemClock};
use lobd::domain::{Exposure, OrderId, Symbol};
use lobd::sandbox::{RunningSandbox, SandboxSettings, Server, listings};
use lobd::sim::market::MarketSettings;
use lobd::sim::{
    AccountSettings, Adversity, Exchange, ExchangeSettings, InstrumentSettings, Liquidity,
    OrderRecord, StopRecord, demo_fees,
};
use tokio_util::sync::CancellationToken;

/// The market's life before its first client, so that mark prices are there.
const LIFE_BEFORE: Duration = Duration::from_mins(1);

/// A running exchange with one account at the demo tier.
pub(crate) struct Venue {
    pub(crate) sandbox: RunningSandbox,
    pub(crate) clock: SharedClock,
}

/// A market whose participants quote, cancel and follow, but never trade or move by themselves:
/// whatever trades in it, the test or the daemon did.
pub(crate) fn quiet_market() -> MarketSettings {
    MarketSettings {
        moves_per_second: 0.0,
        market_orders_per_second: 0.0,
        ..MarketSettings::bitcoin_perpetual()
    }
}

pub(crate) fn symbol() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

impl Venue {
    /// A venue on the machine's clock.
    pub(crate) async fn start(market: MarketSettings) -> Self {
        Self::start_on(Arc::new(SystemClock::start()), market).await
    }

    /// A venue on a clock of its own.
    pub(crate) async fn start_on(clock: SharedClock, market: MarketSettings) -> Self {
        Self::start_with(clock, market, SandboxSettings::for_seed(7)).await
    }

    /// A venue by settings of its own, but for the account's fees.
    pub(crate) async fn start_with(
        clock: SharedClock,
        market: MarketSettings,
        settings: SandboxSettings,
    ) -> Self {
        let instrument = listings::instrument("BTCUSDT").unwrap();
        let liquidity = Liquidity::Seeded(Box::new(market));
        let instruments = vec![InstrumentSettings { instrument, liquidity }];
        let now = clock.now();
        let exchange = ExchangeSettings { instruments, seed: 7 };
        let mut exchange = Exchange::new(&exchange, now.earlier_by(LIFE_BEFORE)).unwrap();
        exchange.advance(now);
        exchange.drain(&mut Vec::new());
        let account = AccountSettings { fees: demo_fees(), ..AccountSettings::default() };
        let settings = SandboxSettings { account, ..settings };
        let until = CancellationToken::new();
        let sandbox = Server::start(exchange, settings, Arc::clone(&clock), &until).await.unwrap();
        Self { sandbox, clock }
    }

    /// The settings of a daemon that trades here at once: it enters by crossing, and holds.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let RunningSandbox { rest_url, ws_url, api_key, api_secret, .. } = &self.sandbox;
        let mut variables = vec![
            ("LOBD_REST_URL", rest_url.clone()),
            ("LOBD_STREAM_URL", ws_url.clone()),
            ("LOBD_SANDBOX_API_KEY", api_key.clone()),
            ("LOBD_SANDBOX_API_SECRET", api_secret.expose().to_owned()),
        ];
        variables.extend(eager_settings());
        variables
    }

    /// Scripts an adverse participant.
    pub(crate) async fn script(&self, script: Vec<Adversity>) {
        let set = move |exchange: &mut Exchange, _| exchange.set_adversity(&script);
        self.sandbox.control.with_exchange(set).await.unwrap();
    }

    /// What the account holds.
    pub(crate) async fn exposure(&self) -> Exposure {
        let position = self
            .sandbox
            .control
            .with_exchange(|exchange, account| exchange.position(account, symbol()));
        position.await.unwrap().unwrap().exposure
    }

    /// The account's conditional orders that still wait.
    pub(crate) async fn stops(&self) -> Vec<StopRecord> {
        let stops = self
            .sandbox
            .control
            .with_exchange(|exchange, account| exchange.open_stops(account, None));
        stops.await.unwrap()
    }

    /// The account's ordinary orders, ended ones included.
    pub(crate) async fn orders(&self) -> Vec<OrderRecord> {
        let orders = self.sandbox.control.with_exchange(|exchange, account| {
            exchange.all_orders(account, symbol(), OrderId(0), 1_000)
        });
        orders.await.unwrap()
    }
}

/// What makes a daemon enter at the first prediction and hold until something happens.
pub(crate) fn eager_settings() -> [(&'static str, String); 3] {
    [
        ("LOBD_ENVIRONMENT", "sandbox".to_owned()),
        ("ENTRY_STYLE", "cross".to_owned()),
        ("MAX_HOLDING_SECONDS", "3600".to_owned()),
    ]
}
