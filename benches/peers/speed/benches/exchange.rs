//! The loopback exchange under load: fifty symbols to twenty subscribers, a thousand orders a second.
//!
//! The exchange runs on one thread; told is that thread's processor time beside the clock's: below
//! one, a core carries the load. The markets are so busy that every symbol's book changes in every
//! 100 ms. Each subscriber reads every frame and follows its chain of update ids, so that a lost one
//! shows; a frame that arrives when the next is already due is late.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lobd::binance::market_data::MarketDataParser;
use lobd::binance::{RawStream, RestClient};
use lobd::book::{MarketDataDecoder, MarketEvent};
use lobd::clock::{Clock, SystemClock};
use lobd::domain::{Symbol, Timestamp};
use lobd::sandbox::listings;
use lobd::sim::{InstrumentSettings, Liquidity};
use lobd_peers_speed::figures::{Verdict, micros, percentile};
use lobd_peers_speed::served::{Served, far_price, order, symbol};
use tokio::runtime::Builder;

const SYMBOLS: usize = 50;
const SUBSCRIBERS: usize = 20;
const ORDERS_A_SECOND: u32 = 1_000;

/// Limit orders and cancellations a second of one symbol's market.
const STIR: f64 = 200.0;

/// One diff of a symbol follows the other so.
const DIFF_EVERY: Duration = Duration::from_millis(100);

/// Orders are sent in bursts so far apart.
const BURST_EVERY: Duration = Duration::from_millis(20);

/// Everybody has subscribed by then.
const WARM_UP: Duration = Duration::from_secs(2);

/// How long is measured.
const SPAN: Duration = Duration::from_secs(10);

fn main() {
    let served = Served::start((0..SYMBOLS).map(market).collect());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut verdict = Verdict::default();
    runtime.block_on(load(&served, &mut verdict));
    verdict.end();
}

async fn load(served: &Served, verdict: &mut Verdict) {
    let clock = Arc::new(SystemClock::start());
    let client = Arc::new(served.client_at(&served.rest_url).await);
    let from = clock.now() + WARM_UP;
    let span = (from, from + SPAN);
    let subscribers: Vec<_> = (0..SUBSCRIBERS)
        .map(|_| tokio::spawn(subscribe(served.ws_url.clone(), Arc::clone(&clock), span)))
        .collect();
    tokio::time::sleep(from.since(clock.now())).await;
    let (began, used) = (Instant::now(), served.processor_time());
    let (sent, answered) = order_for(SPAN, &client).await;
    let (took, used) = (began.elapsed(), served.processor_time() - used);
    let mut heard = Heard::default();
    for subscriber in subscribers {
        heard.add(subscriber.await.unwrap());
    }
    let seconds = SPAN.as_secs_f64();
    let core = used.as_secs_f64() / took.as_secs_f64();
    let [p50, p99, latest] = [50, 99, 100].map(|part| percentile(&mut heard.ages, part));
    println!("{SYMBOLS} symbols, {SUBSCRIBERS} subscribers, for {seconds} s:");
    println!(
        "  {:.0} frames a second of {} bytes, {} lost; age p50 {:.1} ms, p99 {:.1} ms, oldest {:.1} ms",
        heard.ages.len() as f64 / seconds,
        heard.bytes / heard.ages.len(),
        heard.gaps,
        micros(p50) / 1e3,
        micros(p99) / 1e3,
        micros(latest) / 1e3,
    );
    println!("  {:.0} orders a second answered", f64::from(answered) / took.as_secs_f64());
    println!("  the exchange used {core:.2} of a core");
    let expected =
        SYMBOLS * SUBSCRIBERS * usize::try_from(SPAN.as_millis() / DIFF_EVERY.as_millis()).unwrap();
    verdict.check("every frame arrived", heard.ages.len() == expected && heard.gaps == 0);
    verdict.check("99 of 100 arrived before the next was due", p99 < DIFF_EVERY);
    verdict.check("every order was answered", answered == sent);
    verdict.check("one core carries it", core < 1.0);
}

/// A market of the exchange, stirred.
fn market(index: usize) -> InstrumentSettings {
    let mut market = listings::seeded(&name(index)).unwrap();
    if let Liquidity::Seeded(settings) = &mut market.liquidity {
        settings.limit_orders_per_second = STIR;
    }
    market
}

fn name(index: usize) -> String {
    if index == 0 { symbol().to_string() } else { format!("SIM{index:02}USDT") }
}

/// What subscribers heard of the span.
#[derive(Default)]
struct Heard {
    /// How long after its event each frame was there.
    ages: Vec<Duration>,
    bytes: usize,
    /// Frames whose predecessor did not come.
    gaps: usize,
}

impl Heard {
    fn add(&mut self, other: Self) {
        self.ages.extend(other.ages);
        self.bytes += other.bytes;
        self.gaps += other.gaps;
    }
}

/// Reads every symbol's depth until the span is over.
async fn subscribe(
    ws_url: String,
    clock: Arc<SystemClock>,
    (from, until): (Timestamp, Timestamp),
) -> Heard {
    let names: Vec<String> =
        (0..SYMBOLS).map(|index| format!("{}@depth@100ms", name(index).to_lowercase())).collect();
    let url = format!("{ws_url}/public/stream?streams={}", names.join("/"));
    let mut stream = RawStream::open(&url).await.unwrap();
    let mut parser = MarketDataParser::new();
    let mut newest: BTreeMap<Symbol, u64> = BTreeMap::new();
    let mut heard = Heard::default();
    let deadline = tokio::time::Instant::now() + WARM_UP + 2 * SPAN;
    loop {
        let text = stream.next(deadline).await.expect("the stream goes on");
        let Ok(Some(MarketEvent::Depth(update))) = parser.decode(&text) else { continue };
        let before = newest.insert(update.symbol, update.final_update_id);
        if update.event_time < from {
            continue;
        }
        // A whole interval later every frame of the span has come, or never will.
        if update.event_time >= until + DIFF_EVERY {
            return heard;
        }
        if update.event_time < until {
            heard.ages.push(clock.now().since(update.event_time));
            heard.bytes += text.len();
            heard.gaps += usize::from(before != update.previous_final_update_id);
        }
    }
}

/// Sends orders in bursts at the pace asked for; how many, and how many were answered.
async fn order_for(span: Duration, client: &Arc<RestClient>) -> (u32, u32) {
    let price = far_price(client).await;
    let burst = ORDERS_A_SECOND * BURST_EVERY.subsec_millis() / 1_000;
    let (mut sent, mut orders) = (0, Vec::new());
    let mut pace = tokio::time::interval(BURST_EVERY);
    let began = Instant::now();
    while began.elapsed() < span {
        pace.tick().await;
        for sequence in sent..sent + burst {
            let client = Arc::clone(client);
            let placed = async move { client.place_order(&order(price, sequence)).await.is_ok() };
            orders.push(tokio::spawn(placed));
        }
        sent += burst;
    }
    let mut answered = 0;
    for order in orders {
        answered += u32::from(order.await.unwrap());
    }
    (sent, answered)
}
