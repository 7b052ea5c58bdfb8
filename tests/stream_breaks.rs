//! Frames that break off and frames that never end (promises I8 and I10).

#![expect(clippy::wildcard_enum_match_arm, reason = "a test picks what it waits for")]

use std::sync::Arc;
use std::time::Duration;

use lobd::binance::{Dialer, MarketMessage, MarketStreamSettings, MarketStreams, Route};
use lobd::clock::SystemClock;
use lobd::domain::Market;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::support::loopback::{bitcoin, wait_for};

/// The beginning of a text frame of a thousand bytes.
const BEGINNING: &[u8] = b"\x81\x7e\x03\xe8{\"e\":\"depthUpdate\",";

/// How a venue ends its frames.
#[derive(Clone, Copy)]
enum Ending {
    /// With the connection.
    Cut,
    /// Never: byte by byte.
    Trickle,
}

async fn serve(listener: TcpListener, ending: Ending) {
    let mut held = Vec::new();
    while let Ok((socket, _)) = listener.accept().await {
        let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap().into_inner();
        socket.write_all(BEGINNING).await.unwrap();
        if let Ending::Trickle = ending {
            held.push(AbortOnDropHandle::new(tokio::spawn(trickle(socket))));
        }
    }
}

async fn trickle(mut socket: TcpStream) {
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    loop {
        ticks.tick().await;
        if socket.write_all(b" ").await.is_err() {
            return; // the client gave up
        }
    }
}

/// The market streams of such a venue.
async fn streams(ending: Ending) -> (Receiver<MarketMessage>, [AbortOnDropHandle<()>; 2]) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(serve(listener, ending));
    let settings = MarketStreamSettings::new(url, Market::Usdm, vec![bitcoin()], 1);
    let dialer = Dialer::new(Arc::new(SystemClock::start()));
    let (streams, mailbox) = MarketStreams::new(settings, dialer);
    let running = tokio::spawn(async move { streams.run(&CancellationToken::new()).await });
    (mailbox, [serving, running].map(AbortOnDropHandle::new))
}

/// Waits until the books' connection has come and gone; why it went.
async fn gone(mailbox: &mut Receiver<MarketMessage>) -> String {
    let mut is_connected = false;
    wait_for(mailbox, |message| match message {
        MarketMessage::Connected { route: Route::Public, .. } => {
            is_connected = true;
            None
        }
        MarketMessage::Disconnected { route: Route::Public, reason, .. } if is_connected => {
            Some(reason.clone())
        }
        MarketMessage::Event { .. } | MarketMessage::Unreadable { .. } => {
            panic!("half a frame says nothing: {message:?}")
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn half_a_frame_is_lost_with_its_connection_and_another_one_is_opened() {
    let (mut mailbox, _running) = streams(Ending::Cut).await;
    assert!(!gone(&mut mailbox).await.is_empty());
    gone(&mut mailbox).await;
}

#[tokio::test]
async fn a_frame_that_never_ends_is_given_up() {
    let (mut mailbox, _running) = streams(Ending::Trickle).await;
    assert_eq!(gone(&mut mailbox).await, "no sign of life");
}
