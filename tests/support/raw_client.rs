//! A loopback exchange whose market the test feeds, and a client that speaks to it in raw bytes.
//!
//! Knows nothing of our own client: one misreading must not be made twice.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use lobd::book::{
    BookTicker, DepthSnapshot, DepthUpdate, Level, MarkPrice, MarketEvent, PublicTrade,
};
use lobd::clock::{SharedClock, SystemClock};
use lobd::domain::{Symbol, Timestamp, TradeId};
use lobd::sandbox::{RunningSandbox, SandboxSettings, Server, listings};
use lobd::sign::Signer;
use lobd::sim::{Exchange, ExchangeSettings, InstrumentSettings, Liquidity};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

/// Nothing on loopback takes so long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A running exchange whose market the test feeds.
pub(crate) struct Venue {
    pub(crate) sandbox: RunningSandbox,
    clock: SharedClock,
    pub(crate) signer: Signer,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

pub(crate) struct Socket(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Venue {
    pub(crate) async fn start() -> Self {
        Self::start_with(SandboxSettings::for_seed(1)).await
    }

    pub(crate) async fn serve(
        exchange: Exchange,
        clock: SharedClock,
        settings: SandboxSettings,
    ) -> Self {
        let shutdown = CancellationToken::new();
        let sandbox =
            Server::start(exchange, settings, Arc::clone(&clock), &shutdown).await.unwrap();
        let signer = Signer::new(&sandbox.api_secret);
        Self { sandbox, clock, signer }
    }

    pub(crate) async fn start_with(settings: SandboxSettings) -> Self {
        Self::start_on(Arc::new(SystemClock::start()), settings).await
    }

    pub(crate) async fn start_on(clock: SharedClock, settings: SandboxSettings) -> Self {
        let venue = Self::serve(exchange(clock.now()), clock, settings).await;
        venue.feed(snapshot()).await;
        venue.feed(mark("60000.05")).await;
        venue
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now().millis()
    }

    pub(crate) async fn feed(&self, event: MarketEvent) {
        let fed = self.sandbox.control.with_exchange(move |exchange, _| {
            let now = exchange.now();
            exchange.feed(now, &event)
        });
        fed.await.unwrap().unwrap();
    }

    pub(crate) async fn public(&self, target: &str) -> Answer {
        self.send("GET", target, "", None).await
    }

    pub(crate) async fn signed(&self, method: &str, path: &str, parameters: &str) -> Answer {
        let separator = if parameters.is_empty() { "" } else { "&" };
        let query = format!("{parameters}{separator}timestamp={}", self.now_ms());
        let target = format!("{path}?{query}&signature={}", self.signer.sign(&query));
        self.send(method, &target, "", Some(&self.sandbox.api_key)).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        body: &str,
        key: Option<&str>,
    ) -> Answer {
        let address = self.sandbox.rest_url.strip_prefix("http://").unwrap();
        let mut socket = TcpStream::connect(address).await.unwrap();
        let key = key.map_or_else(String::new, |key| format!("X-MBX-APIKEY: {key}\r\n"));
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{key}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(DEADLINE, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    pub(crate) async fn listen_key(&self) -> String {
        let answer = self.send("POST", "/fapi/v1/listenKey", "", Some(&self.sandbox.api_key)).await;
        answer.ok()["listenKey"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn connect(&self, target: &str) -> Socket {
        let url = format!("{}{target}", self.sandbox.ws_url);
        Socket(connect_async(url).await.unwrap().0)
    }

    pub(crate) async fn user_stream(&self) -> Socket {
        let socket = self.connect(&format!("/private/ws/{}", self.listen_key().await)).await;
        self.settled(1).await;
        socket
    }

    /// Waits until the exchange has taken in so many sockets: the handshake ends a little before.
    pub(crate) async fn settled(&self, sockets: usize) {
        let wait = async {
            while self.sandbox.control.open_streams().await < sockets {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.unwrap();
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()
    }

    pub(crate) fn code(&self) -> i64 {
        assert_ne!(self.status, 200, "{}", self.body);
        self.json()["code"].as_i64().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&prefix)).map(ToOwned::to_owned)
    }
}

impl Socket {
    pub(crate) async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next text frame.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let frame = tokio::time::timeout(DEADLINE, self.0.next()).await;
            if let Message::Text(text) = frame.unwrap().unwrap().unwrap() {
                return serde_json::from_str(text.as_str()).unwrap();
            }
        }
    }

    /// The next diff of a combined connection; partial books are passed over.
    pub(crate) async fn next_diff(&mut self) -> Value {
        loop {
            let frame = self.next().await;
            if frame["stream"] == "btcusdt@depth@100ms" {
                return frame["data"].clone();
            }
        }
    }

    /// The next event of a name; others are passed over.
    pub(crate) async fn next_named(&mut self, name: &str) -> Value {
        loop {
            let event = self.next().await;
            if event["e"] == name {
                return event;
            }
        }
    }
}

pub(crate) fn exchange(start: Timestamp) -> Exchange {
    let instrument = listings::instrument("BTCUSDT").unwrap();
    let instruments = vec![InstrumentSettings { instrument, liquidity: Liquidity::Tape }];
    Exchange::new(&ExchangeSettings { instruments, seed: 1 }, start).unwrap()
}

pub(crate) fn symbol() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

pub(crate) fn level(price: &str, quantity: &str) -> Level {
    Level { price: price.parse().unwrap(), quantity: quantity.parse().unwrap() }
}

/// Ten units on each of twenty levels a side, from 60000.0 down and from 60000.1 up.
pub(crate) fn snapshot() -> MarketEvent {
    let price = |tenths: i32| level(&format!("{}.{}", tenths / 10, tenths % 10), "10");
    MarketEvent::Snapshot(DepthSnapshot {
        symbol: symbol(),
        last_update_id: 100,
        bids: (0..20).map(|at| price(600_000 - at)).collect(),
        asks: (1..21).map(|at| price(600_000 + at)).collect(),
    })
}

pub(crate) fn diff(first: u64, last: u64, previous: u64, bid: &str, quantity: &str) -> MarketEvent {
    MarketEvent::Depth(DepthUpdate {
        symbol: symbol(),
        event_time: Timestamp::from_seconds(1_800_000_000),
        transaction_time: None,
        first_update_id: first,
        final_update_id: last,
        previous_final_update_id: Some(previous),
        bids: vec![level(bid, quantity)],
        asks: vec![],
    })
}

pub(crate) fn trade(price: &str) -> MarketEvent {
    MarketEvent::Trade(PublicTrade {
        symbol: symbol(),
        trade_id: TradeId(7),
        price: price.parse().unwrap(),
        quantity: "1".parse().unwrap(),
        buyer_is_maker: false,
        is_book_trade: true,
        trade_time: Timestamp::from_seconds(1_800_000_000),
    })
}

pub(crate) fn ticker() -> MarketEvent {
    let (bid, ask) = (level("60000", "10"), level("60000.1", "10"));
    MarketEvent::BookTicker(BookTicker { symbol: symbol(), update_id: 101, bid, ask })
}

pub(crate) fn mark(price: &str) -> MarketEvent {
    MarketEvent::MarkPrice(MarkPrice {
        symbol: symbol(),
        price: price.parse().unwrap(),
        event_time: Timestamp::from_seconds(1_800_000_000),
    })
}
