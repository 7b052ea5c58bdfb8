//! An order from our words to its answer, beside the venue's official client on the same exchange.
//!
//! Both clients run on this thread, whose processor time is what an order costs its client: build,
//! sign, encode, the socket's system calls, decode. Beside them a bare socket carries a prepared
//! order: what it costs no client can save, and is taken off both. The exchange has a thread of its
//! own. Orders are limits far from the market that expire at once. Told is the median of interleaved
//! rounds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use binance_sdk::config::ConfigurationRestApi;
use binance_sdk::derivatives_trading_usds_futures::DerivativesTradingUsdsFuturesRestApi;
use binance_sdk::derivatives_trading_usds_futures::rest_api::{
    NewOrderNewOrderRespTypeEnum, NewOrderParams, NewOrderSideEnum, NewOrderTimeInForceEnum,
    NewOrderTypeEnum, RestApi,
};
use lobd::binance::RestClient;
use lobd::domain::Price;
use lobd::sandbox::listings;
use lobd_peers_speed::figures::{Verdict, median, micros, percentile, thread_time};
use lobd_peers_speed::served::{Served, far_price, order, order_id, symbol};
use rust_decimal::Decimal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

/// Interleaved rounds.
const ROUNDS: u32 = 41;

/// Orders of each contender in one round.
const ORDERS: u32 = 100;

/// The other client's orders are numbered from here.
const OFFICIAL_FROM: u32 = 1_000_000;

/// Signing and encoding an order takes less.
const SIGNING_LIMIT: Duration = Duration::from_micros(5);

/// Our client may cost this part of the other, less what the bare socket costs.
const LARGEST_PART: f64 = 0.5;

fn main() {
    let served = Served::start(vec![listings::seeded(symbol().as_str()).unwrap()]);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut verdict = Verdict::default();
    runtime.block_on(async {
        let ours = served.client_at(&served.rest_url).await;
        let price = far_price(&ours).await;
        signing(&ours, price, &mut verdict);
        orders(&served, &ours, price, &mut verdict).await;
    });
    verdict.end();
}

/// Builds, encodes and signs an order as the client does before it sends it.
fn signing(ours: &RestClient, price: Price, verdict: &mut Verdict) {
    let round = |number: u32| {
        let start = Instant::now();
        for sequence in number * 1_000..(number + 1) * 1_000 {
            black_box(ours.signed_order(black_box(&order(price, sequence))).unwrap());
        }
        start.elapsed() / 1_000
    };
    let each = median(&mut (0..ROUNDS).map(round).collect::<Vec<_>>());
    println!("build, encode and sign an order: {:.2} us", micros(each));
    verdict.check("under 5 us", each < SIGNING_LIMIT);
}

async fn orders(served: &Served, ours: &RestClient, price: Price, verdict: &mut Verdict) {
    let official = official_client(served);
    let mut socket = BareSocket::open(served, ours, price).await;
    let mut told = [Told::default(), Told::default(), Told::default()];
    for round in 0..=ROUNDS {
        let [bare, lobd, sdk] = &mut told;
        let is_warm = round > 0;
        bare.round(is_warm, async |_| socket.order().await).await;
        lobd.round(is_warm, async |number| {
            let order = order(price, round * ORDERS + number);
            black_box(ours.place_order(&order).await.unwrap());
        })
        .await;
        sdk.round(is_warm, async |number| {
            place_officially(&official, price, OFFICIAL_FROM + round * ORDERS + number).await;
        })
        .await;
    }
    println!(
        "\n{:<14} {:>14} {:>12} {:>12} {:>12}",
        "", "CPU an order", "less socket", "p50", "p99"
    );
    let [bare, lobd, sdk] = told.map(|mut told| told.medians());
    for (name, figures) in [("bare socket", bare), ("lobd", lobd), ("binance-sdk", sdk)] {
        let [cpu, p50, p99] = figures;
        let own = cpu - bare[0];
        println!("{name:<14} {cpu:>11.1} us {own:>9.1} us {p50:>9.1} us {p99:>9.1} us");
    }
    let own = (lobd[0] - bare[0]) / (sdk[0] - bare[0]);
    let whole = lobd[0] / sdk[0];
    println!("lobd to binance-sdk: {own:.2} less the bare socket, {whole:.2} with it");
    verdict.check("at most half the CPU to build, sign, encode, decode", own <= LARGEST_PART);
    verdict.check("p50 no worse", lobd[1] <= sdk[1]);
    verdict.check("p99 no worse", lobd[2] <= sdk[2]);
}

/// The same order: the same fields, a name of its own among them.
async fn place_officially(client: &RestApi, price: Price, sequence: u32) {
    let side = NewOrderSideEnum::Buy;
    let order = NewOrderParams::builder("BTCUSDT".to_owned(), side, NewOrderTypeEnum::Limit)
        .time_in_force(NewOrderTimeInForceEnum::Ioc)
        .quantity(Decimal::new(1, 2))
        .price(Decimal::new(price.units(), 8).normalize())
        .new_client_order_id(order_id(sequence).to_string())
        .new_order_resp_type(NewOrderNewOrderRespTypeEnum::Result)
        .build()
        .unwrap();
    black_box(client.new_order(order).await.unwrap().data().await.unwrap());
}

fn official_client(served: &Served) -> RestApi {
    let configuration = ConfigurationRestApi::builder()
        .api_key(served.api_key.clone())
        .api_secret(served.api_secret.expose().to_owned())
        .base_path(served.rest_url.clone())
        .build()
        .unwrap();
    DerivativesTradingUsdsFuturesRestApi::from_config(configuration)
}

/// A socket that sends a prepared order and takes its answer as it is.
struct BareSocket {
    stream: TcpStream,
    request: String,
    answer: Vec<u8>,
}

impl BareSocket {
    async fn open(served: &Served, client: &RestClient, price: Price) -> Self {
        // Without a name of its own the same order may be sent again and again.
        let host = served.rest_url.trim_start_matches("http://");
        let query = unnamed(served, client, price);
        let request = format!(
            "POST /fapi/v1/order?{query} HTTP/1.1\r\nx-mbx-apikey: {}\r\naccept: */*\r\n\
             host: {host}\r\ncontent-length: 0\r\n\r\n",
            served.api_key
        );
        let stream = TcpStream::connect(host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, request, answer: vec![0; 8_192] }
    }

    async fn order(&mut self) {
        self.stream.write_all(self.request.as_bytes()).await.unwrap();
        let length = self.stream.read(&mut self.answer).await.unwrap();
        assert!(self.answer[..length].starts_with(b"HTTP/1.1 200"), "an order was refused");
    }
}

/// The query of an order without a name, good for a minute.
fn unnamed(served: &Served, client: &RestClient, price: Price) -> String {
    let query = format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.01&price={price}&timeInForce=IOC\
         &newOrderRespType=RESULT&recvWindow=60000&timestamp={}",
        client.now().millis()
    );
    let signature = lobd::sign::Signer::new(&served.api_secret).sign(&query);
    format!("{query}&signature={signature}")
}

/// What one contender's orders took, round by round.
#[derive(Default)]
struct Told {
    processor: Vec<Duration>,
    p50: Vec<Duration>,
    p99: Vec<Duration>,
}

impl Told {
    async fn round(&mut self, is_warm: bool, mut place: impl AsyncFnMut(u32)) {
        let mut round_trips = Vec::with_capacity(ORDERS as usize);
        let used = thread_time();
        for number in 0..ORDERS {
            let sent = Instant::now();
            place(number).await;
            round_trips.push(sent.elapsed());
        }
        let used = thread_time() - used;
        if is_warm {
            self.processor.push(used / ORDERS);
            self.p50.push(percentile(&mut round_trips, 50));
            self.p99.push(percentile(&mut round_trips, 99));
        }
    }

    /// Processor time an order, median and 99th percentile of the round trip, in microseconds.
    fn medians(&mut self) -> [f64; 3] {
        [&mut self.processor, &mut self.p50, &mut self.p99].map(|rounds| micros(median(rounds)))
    }
}
