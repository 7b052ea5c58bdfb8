//! A server that says too much and hears too little: its connection is ended, what waits to be
//! written is bounded, and orders go on (promises I10 and I16).

use std::sync::Arc;

use futures_util::{FutureExt, SinkExt, StreamExt};
use lobd::binance::{
    Dialer, MarketMessage, MarketStreamSettings, MarketStreams, OrderSocket, SocketFailure,
};
use lobd::clock::SystemClock;
use lobd::domain::Market;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::gateway::{bitcoin, order};
use crate::order_socket::{ORDER, client, rest_venue};
use crate::support::fake_order_socket::answer;
use crate::support::loopback::{DEADLINE, wait_for};

/// Serves each WebSocket by itself, until dropped.
async fn serve<F: Future<Output = ()> + Send + 'static>(
    each: impl Fn(WebSocketStream<TcpStream>) -> F + Send + 'static,
) -> (String, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        let mut serving = tokio::task::JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            if let Ok(socket) = accept_async(socket).await {
                serving.spawn(each(socket));
            }
        }
    });
    (url, AbortOnDropHandle::new(accepting))
}

/// Many frames of one kind, as they are on the wire.
fn frames(kind: u8, payload: &str) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126, "a length of one byte");
    [&[0x80 | kind, length], payload.as_bytes()].concat().repeat(1_000)
}

/// Promise I10: pings without end are no sign of life from whoever never reads ours.
#[tokio::test]
async fn a_server_that_pings_without_end_and_never_reads_is_called_dead() {
    let (url, _serving) = serve(|mut socket| async move {
        let pings = frames(0x9, &"x".repeat(120));
        while socket.get_mut().write_all(&pings).await.is_ok() {}
    })
    .await;
    let settings = MarketStreamSettings::new(url, Market::Usdm, vec![bitcoin()], 1);
    let (streams, mut mailbox) =
        MarketStreams::new(settings, Dialer::new(Arc::new(SystemClock::start())));
    let running = tokio::spawn(async move { streams.run(&CancellationToken::new()).await });
    let _running = AbortOnDropHandle::new(running);
    let mut alive = 0_u32;
    let reason = wait_for(&mut mailbox, |message| {
        alive += u32::from(matches!(message, MarketMessage::Alive { .. }));
        if let MarketMessage::Disconnected { reason, .. } = message {
            Some(reason.clone())
        } else {
            None
        }
    })
    .await;
    let causes = ["no sign of life", "it takes nothing any more"];
    assert!(causes.contains(&reason.as_str()), "{reason}");
    assert!(alive > 10_000, "it was a flood: {alive}");
}

/// Floods with what nobody asked for, and answers in between.
async fn babble(mut socket: WebSocketStream<TcpStream>) {
    let noise = frames(0x1, &format!(r#"{{"id":"{}"}}"#, "x".repeat(100)));
    let mut is_proven = false;
    loop {
        let heard =
            if is_proven { socket.next().now_or_never() } else { Some(socket.next().await) };
        match heard {
            Some(Some(Ok(Message::Text(text)))) => {
                let request: Value = serde_json::from_str(&text).unwrap();
                let text = answer(&request, 200, "result", ORDER);
                socket.send(Message::text(text)).await.unwrap();
                is_proven = true;
            }
            Some(None | Some(Err(_))) => return,
            Some(Some(Ok(_))) | None => {}
        }
        if is_proven && socket.get_mut().write_all(&noise).await.is_err() {
            return;
        }
    }
}

/// Promise I16: an order does not wait until the venue has nothing to say.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_order_goes_out_and_is_answered_through_a_flood() {
    let (url, _serving) = serve(babble).await;
    let rest = rest_venue().await;
    let client = client(&rest.url, DEADLINE);
    client.measure_clock().await.unwrap();
    let (orders, mut connection) = OrderSocket::new(client, &url, 1);
    let running = tokio::spawn(async move { connection.run(&CancellationToken::new()).await });
    let _running = AbortOnDropHandle::new(running);
    let order = order();
    let place = async {
        loop {
            match orders.place_order(&order).await {
                Err(SocketFailure::NotTaken(_)) => tokio::task::yield_now().await,
                outcome => return outcome,
            }
        }
    };
    let placed = tokio::time::timeout(DEADLINE, place).await.unwrap();
    assert_eq!(placed.unwrap().order_id.0, 7);
}
