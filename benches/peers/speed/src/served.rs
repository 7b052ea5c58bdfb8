//! The loopback exchange on a thread of its own, so that its processor time can be told apart.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use lobd::binance::{RestClient, RestSettings};
use lobd::clock::{Clock, SystemClock};
use lobd::config::Credentials;
use lobd::domain::{
    ClientOrderId, Environment, OrderKind, OrderRequest, Price, Rounding, RunId,
    SelfTradePrevention, Side, Symbol, TimeInForce,
};
use lobd::sandbox::{RateLimits, SandboxSettings, Server};
use lobd::sign::Secret;
use lobd::sim::{Exchange, ExchangeSettings, InstrumentSettings};
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

/// No limit that a benchmark reaches.
const UNLIMITED: u32 = 100_000_000;

/// An exchange that is being served until the process ends.
pub struct Served {
    pub rest_url: String,
    pub ws_url: String,
    pub api_key: String,
    pub api_secret: Secret,
    /// Where the system tells of its thread.
    thread: PathBuf,
}

impl Served {
    /// Serves an exchange that lists these.
    pub fn start(instruments: Vec<InstrumentSettings>) -> Self {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let clock = Arc::new(SystemClock::start());
                let settings = ExchangeSettings { instruments, seed: 1 };
                let exchange = Exchange::new(&settings, clock.now()).unwrap();
                let limits = RateLimits {
                    weight_1m: UNLIMITED,
                    orders_10s: UNLIMITED,
                    orders_1m: UNLIMITED,
                    ..RateLimits::default()
                };
                let settings = SandboxSettings { limits, ..SandboxSettings::for_seed(1) };
                let stop = CancellationToken::new();
                let running = Server::start(exchange, settings, clock, &stop).await.unwrap();
                let served = Self {
                    rest_url: running.rest_url.clone(),
                    ws_url: running.ws_url.clone(),
                    api_key: running.api_key.clone(),
                    api_secret: running.api_secret.clone(),
                    thread: fs::canonicalize("/proc/thread-self").unwrap(),
                };
                sender.send(served).unwrap();
                std::future::pending::<()>().await;
            });
        });
        receiver.recv().unwrap()
    }

    /// The processor time of its thread so far.
    pub fn processor_time(&self) -> Duration {
        let told = fs::read_to_string(self.thread.join("schedstat")).unwrap();
        Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
    }

    /// Our client of it, at an address that leads to it, with its limits.
    pub async fn client_at(&self, rest_url: &str) -> RestClient {
        let credentials = Credentials {
            api_key: Secret::new(self.api_key.clone()),
            api_secret: self.api_secret.clone(),
        };
        let settings = RestSettings {
            environment: Environment::Sandbox,
            base_url: rest_url.to_owned(),
            credentials: Some(credentials),
            receive_window: Duration::from_secs(5),
            timeout: Duration::from_secs(5),
            self_trade_prevention: SelfTradePrevention::default(),
        };
        let client = RestClient::new(settings, Arc::new(SystemClock::start())).unwrap();
        client.exchange_info().await.unwrap();
        client
    }
}

/// What is traded.
pub fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

/// A price so far below the market that nobody sells there.
pub async fn far_price(client: &RestClient) -> Price {
    let best = client.order_book(symbol(), 5).await.unwrap().bids[0].price;
    let far = best.moved_by("-0.03".parse().unwrap()).unwrap();
    far.round_to_tick("0.1".parse().unwrap(), Rounding::Down).unwrap()
}

/// The name of an order.
pub fn order_id(sequence: u32) -> ClientOrderId {
    ClientOrderId::derive(RunId { installation: 1, epoch: 1 }, sequence)
}

/// An order that finds nobody and ends at once, so that none is left behind.
pub fn order(price: Price, sequence: u32) -> OrderRequest {
    OrderRequest {
        client_order_id: order_id(sequence),
        symbol: symbol(),
        side: Side::Buy,
        quantity: "0.01".parse().unwrap(),
        kind: OrderKind::Limit { price, time_in_force: TimeInForce::ImmediateOrCancel },
        reduce_only: false,
    }
}
