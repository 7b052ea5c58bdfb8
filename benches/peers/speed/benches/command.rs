//! From the engine's command to bytes at the socket, beside one hop of a bare tokio channel.
//!
//! The way is the daemon's own, on a runtime like its own: the trader's `GatewayHandle::carry_out`,
//! which it calls once the journal holds the command, then the gateway's mailbox and task, the
//! client (budget, parameters, signature, encoding), the connection's task, and the system call
//! that takes the bytes. They are seen at the socket's other end by a thread that never sleeps, so
//! that what is told is an upper bound. The hop is `try_send` to a task that waits, as the gateway
//! does; both begin out of `block_in_place`, as the trader does, and both find an idle runtime, as a
//! command in a quiet market does. Journal apart: nothing is written.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lobd::actors::{Actor, Gateway, GatewayHandle, gateway_mailbox, trader_mailbox};
use lobd::binance::{BinanceVenue, OrderSocket, SocketFailure};
use lobd::clock::SystemClock;
use lobd::domain::{Instrument, OrderKind};
use lobd::engine::Command;
use lobd::sandbox::listings;
use lobd::trading::risk::approve_close;
use lobd_peers_speed::figures::{median, micros};
use lobd_peers_speed::served::{Served, order_id, symbol};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;

/// Interleaved commands and hops.
const ROUNDS: u32 = 501;

/// The runtime is idle again after so long.
const PAUSE: Duration = Duration::from_millis(2);

/// What was sent has arrived by then.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() {
    let listed = listings::seeded(symbol().as_str()).unwrap();
    let instrument = listed.instrument.clone();
    let served = Served::start(vec![listed]);
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    println!("{:<14} {:>12} {:>12} {:>10}", "", "command", "hop", "ratio");
    let task = runtime.spawn(async move {
        by_rest(&served, &instrument).await;
        by_order_socket(&served, &instrument).await;
    });
    runtime.block_on(task).unwrap();
}

async fn by_rest(served: &Served, instrument: &Instrument) {
    let mut relay = Relay::start(served.rest_url.trim_start_matches("http://"));
    let rest = Arc::new(served.client_at(&format!("http://{}", relay.address)).await);
    rest.measure_clock().await.unwrap();
    compare("by REST", BinanceVenue::new(rest), &mut relay, instrument).await;
    relay.stop();
}

async fn by_order_socket(served: &Served, instrument: &Instrument) {
    let mut relay = Relay::start(served.ws_url.trim_start_matches("ws://"));
    let rest = Arc::new(served.client_at(&served.rest_url).await);
    let (socket, mut connection) =
        OrderSocket::new(Arc::clone(&rest), &format!("ws://{}", relay.address), 1);
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let running = tokio::spawn(async move { connection.run(&stopping).await });
    while let Err(SocketFailure::NotTaken(_)) = socket.query_order(symbol(), order_id(0)).await {
        tokio::time::sleep(PAUSE).await;
    }
    let venue = BinanceVenue::new(rest).with_order_socket(socket);
    compare("by the socket", venue, &mut relay, instrument).await;
    stop.cancel();
    running.await.unwrap();
    relay.stop();
}

/// Interleaves commands with hops and tells the medians.
async fn compare(name: &str, venue: BinanceVenue, relay: &mut Relay, instrument: &Instrument) {
    let (gateway, running) = start_gateway(venue);
    let (hop, mut landed) = start_hops();
    let (mut commands, mut hops) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        tokio::time::sleep(PAUSE).await;
        let began = block_in_place(|| {
            let began = Instant::now();
            hop.try_send(()).unwrap();
            began
        });
        hops.push(landed.recv().await.unwrap() - began);
        tokio::time::sleep(PAUSE).await;
        let command = closing(round, instrument);
        relay.forget();
        let began = block_in_place(|| {
            let began = Instant::now();
            gateway.carry_out(command).unwrap();
            began
        });
        commands.push(relay.next().await - began);
    }
    let (command, hop) = (median(&mut commands), median(&mut hops));
    let ratio = micros(command) / micros(hop);
    println!("{name:<14} {:>9.1} us {:>9.1} us {ratio:>10.1}", micros(command), micros(hop));
    drop(gateway);
    running.await.unwrap();
}

fn start_gateway(venue: BinanceVenue) -> (GatewayHandle, tokio::task::JoinHandle<()>) {
    let (handle, mailbox) = gateway_mailbox();
    // There is no trader to be told: the gateway does not mind.
    let (trader, _) = trader_mailbox();
    let clock = Arc::new(SystemClock::start());
    let mut gateway = Gateway::new(Arc::new(venue), clock, mailbox, trader);
    let running = tokio::spawn(async move {
        gateway.run(&CancellationToken::new()).await.unwrap();
    });
    (handle, running)
}

/// A task that says when something arrived in its mailbox.
fn start_hops() -> (mpsc::Sender<()>, UnboundedReceiver<Instant>) {
    let (hop, mut mailbox) = mpsc::channel(256);
    let (tell, landed) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while mailbox.recv().await.is_some() {
            tell.send(Instant::now()).unwrap();
        }
    });
    (hop, landed)
}

/// Closes a position that is not there: the venue refuses it, once it has the bytes.
fn closing(sequence: u32, instrument: &Instrument) -> Command {
    let listed = (symbol(), &instrument.filters);
    let exposure = "0.01".parse().unwrap();
    Command::Place(approve_close(order_id(sequence), listed, exposure, OrderKind::Market).unwrap())
}

/// Carries bytes between a client and the exchange, and says when the client's arrived.
struct Relay {
    address: std::net::SocketAddr,
    arrived: UnboundedReceiver<Instant>,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Relay {
    fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, arrived) = mpsc::unbounded_channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, upstream) = (Arc::clone(&is_over), upstream.to_owned());
        let thread = std::thread::spawn(move || {
            let mut lines: Vec<[TcpStream; 2]> = Vec::new();
            while !over.load(Ordering::Relaxed) {
                if let Ok((client, _)) = listener.accept() {
                    lines.push([client, TcpStream::connect(&upstream).unwrap()].map(prompt));
                }
                lines.retain_mut(|line| carry(line, &tell));
            }
        });
        Self { address, arrived, is_over, thread }
    }

    /// Forgets what arrived so far.
    fn forget(&mut self) {
        while self.arrived.try_recv().is_ok() {}
    }

    /// When the next bytes of the client arrived.
    async fn next(&mut self) -> Instant {
        let next = tokio::time::timeout(PATIENCE, self.arrived.recv()).await;
        next.expect("bytes arrive").expect("the relay runs")
    }

    fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

fn prompt(socket: TcpStream) -> TcpStream {
    socket.set_nodelay(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// Carries what is there both ways; `false` once either side has closed.
fn carry([client, exchange]: &mut [TcpStream; 2], tell: &UnboundedSender<Instant>) -> bool {
    let mut bytes = [0; 16_384];
    let from_client = client.read(&mut bytes);
    if let Ok(1..) = from_client {
        let _ = tell.send(Instant::now());
    }
    pass(from_client, &bytes, exchange) && {
        let from_exchange = exchange.read(&mut bytes);
        pass(from_exchange, &bytes, client)
    }
}

fn pass(read: std::io::Result<usize>, bytes: &[u8], to: &mut TcpStream) -> bool {
    match read {
        Ok(0) => false,
        Ok(length) => to.write_all(&bytes[..length]).is_ok(),
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}
