//! Faults of the streams, over real sockets and raw JSON: each leaves the traces it would leave at
//! the venue.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use lobd::binance::UserMessage;
use lobd::binance::parse::UserEvent;
use lobd::domain::{ClientOrderId, OrderKind, OrderRequest, Side, TradeId};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::faulted::{fired, listen_key, switch_on};
use crate::support::loopback::{DEADLINE, Loopback, bid_change, bitcoin, settled, user, wait_for};
use crate::support::process::eventually;
use crate::support::venue::{Venue, quiet_market};

/// Buys at the market; two trades of it at most are made.
async fn buy(loopback: &Loopback, name: &str) {
    let order = OrderRequest {
        client_order_id: ClientOrderId::new(name).unwrap(),
        symbol: bitcoin(),
        side: Side::Buy,
        quantity: "0.010".parse().unwrap(),
        kind: OrderKind::Market,
        reduce_only: false,
    };
    loopback.rest.place_order(&order).await.unwrap();
}

/// Leaves a trace on the user stream that comes after everything before it.
async fn leave_mark(loopback: &Loopback, leverage: u32) {
    loopback.rest.set_leverage(bitcoin(), leverage).await.unwrap();
}

/// What the account's stream says after a purchase, up to a mark, as names and trades.
async fn hears_of_a_purchase(fault: &str, until: impl Fn(&UserEvent) -> bool) -> Vec<UserEvent> {
    let loopback = Loopback::start().await;
    let (mut mailbox, _running) = user(&loopback);
    wait_for(&mut mailbox, |message| {
        matches!(message, UserMessage::Connected { .. }).then_some(())
    })
    .await;
    settled(&loopback, 1).await;
    let number = switch_on(&loopback.sandbox.control, fault).await;
    buy(&loopback, "a-1").await;
    leave_mark(&loopback, 9).await;
    let mut heard = Vec::new();
    wait_for(&mut mailbox, |message| {
        let UserMessage::Event { event, .. } = message else { return None };
        heard.push(event.clone());
        until(event).then_some(())
    })
    .await;
    assert!(fired(&loopback.sandbox.control, number).await > 0, "{fault}");
    heard
}

fn trades(heard: &[UserEvent]) -> Vec<TradeId> {
    let trade = |event: &UserEvent| {
        if let UserEvent::Fill(fill) = event { Some(fill.trade_id) } else { None }
    };
    heard.iter().filter_map(trade).collect()
}

const fn is_mark(event: &UserEvent) -> bool {
    matches!(event, UserEvent::Leverage { .. })
}

/// Promise I6: a dropped fill is not on the stream, and only there.
#[tokio::test]
async fn a_dropped_order_event_is_missing_and_the_others_come() {
    let heard = hears_of_a_purchase("drop-user-event=ORDER_TRADE_UPDATE", is_mark).await;
    assert!(trades(&heard).is_empty());
    assert!(heard.iter().any(|event| matches!(event, UserEvent::Position(_))), "{heard:?}");
}

/// Promise I6: the same trade twice is two tellings of one trade id.
#[tokio::test]
async fn a_duplicated_event_comes_twice_under_one_trade_id() {
    let heard = hears_of_a_purchase("duplicate-user-event=ORDER_TRADE_UPDATE", is_mark).await;
    let told = trades(&heard);
    let once: BTreeSet<TradeId> = told.iter().copied().collect();
    assert_eq!(told.len(), 2 * once.len(), "{told:?}");
    assert!(!once.is_empty());
}

/// Promise I6: reordered events are all there, in another order.
#[tokio::test]
async fn reordered_events_all_come_and_not_in_their_order() {
    let loopback = Loopback::start().await;
    let key = loopback.rest.start_listen_key().await.unwrap();
    let mut socket = Socket::open(&loopback.sandbox.ws_url, "/private/ws/", key.expose()).await;
    settled(&loopback, 1).await;
    switch_on(&loopback.sandbox.control, "reorder-user-events=200ms:times=1").await;
    buy(&loopback, "a-1").await;
    let mut names = Vec::new();
    // NEW, TRADE_LITE, TRADE and the account.
    while names.len() < 4 {
        let event = socket.next().await;
        let kind = event["o"]["x"].as_str().or(event["e"].as_str()).unwrap().to_owned();
        names.push(kind);
    }
    let in_order = ["NEW", "TRADE_LITE", "TRADE", "ACCOUNT_UPDATE"];
    assert_ne!(names, in_order);
    names.sort_unstable();
    let mut wanted = in_order;
    wanted.sort_unstable();
    assert_eq!(names, wanted);
}

/// Promise I6: what was held back when its fault was cleared comes all the same.
#[tokio::test]
async fn events_held_back_by_a_fault_that_was_cleared_come_all_the_same() {
    let loopback = Loopback::start().await;
    let key = loopback.rest.start_listen_key().await.unwrap();
    let mut socket = Socket::open(&loopback.sandbox.ws_url, "/private/ws/", key.expose()).await;
    settled(&loopback, 1).await;
    switch_on(&loopback.sandbox.control, "reorder-user-events=200ms").await;
    buy(&loopback, "a-1").await;
    loopback.sandbox.control.clear_faults().await;
    for name in ["a-1", "a-2"] {
        let mut told = 0;
        while told < 2 {
            told += usize::from(socket.next().await["o"]["c"] == name);
        }
        if name == "a-1" {
            buy(&loopback, "a-2").await;
        }
    }
}

/// Promise I8: one lost diff shows as a gap to every subscriber, whatever the speed.
#[tokio::test]
async fn a_dropped_diff_is_a_gap_in_every_subscribers_chain() {
    let venue = Venue::start(quiet_market()).await;
    let url = &venue.sandbox.ws_url;
    let mut sockets = Vec::new();
    for name in ["btcusdt@depth@100ms", "btcusdt@depth", "btcusdt@depth@500ms"] {
        sockets.push(Socket::open(url, "/public/ws/", name).await);
    }
    let mut chains = Vec::new();
    for socket in &mut sockets {
        chains.push(socket.next().await["u"].clone());
    }
    let number = switch_on(&venue.sandbox.control, "drop-depth=BTCUSDT:times=1").await;
    for (socket, last) in sockets.iter_mut().zip(chains) {
        let mut last = last;
        // Every frame but one follows the one before it.
        let mut gaps = 0;
        for _ in 0..8 {
            let frame = socket.next().await;
            gaps += usize::from(frame["pu"] != last);
            last = frame["u"].clone();
        }
        assert_eq!(gaps, 1);
    }
    assert_eq!(fired(&venue.sandbox.control, number).await, 1);
}

/// Promise I8: an open, answering and silent socket proves nothing of its stream.
#[tokio::test]
async fn a_frozen_feed_answers_pings_and_questions_and_tells_nothing() {
    let loopback = Loopback::start().await;
    let mut socket =
        Socket::open(&loopback.sandbox.ws_url, "/public/ws/", "btcusdt@depth@100ms").await;
    settled(&loopback, 1).await;
    let control = &loopback.sandbox.control;
    let number = switch_on(control, "freeze=public").await;
    loopback.feed(bid_change(101, "60000.0", "4")).await;
    socket.0.send(Message::Ping(vec![7].into())).await.unwrap();
    let answer = tokio::time::timeout(DEADLINE, socket.0.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(answer, Message::Pong(vec![7].into()), "the first thing it hears");
    socket.0.send(Message::text(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#)).await.unwrap();
    assert_eq!(socket.next().await["result"], json!(["btcusdt@depth@100ms"]));
    assert!(control.clear_fault(number).await);
    loopback.feed(bid_change(102, "60000.0", "5")).await;
    assert_eq!(socket.next().await["pu"], 101, "what was withheld is lost");
}

/// Promise I8: a line that is nearly dead loses and reorders nothing, and is read as soon as it is
/// sound again.
#[tokio::test]
async fn frames_that_come_byte_by_byte_come_whole_and_in_their_order() {
    let loopback = Loopback::start().await;
    let mut socket =
        Socket::open(&loopback.sandbox.ws_url, "/public/ws/", "btcusdt@depth@100ms").await;
    settled(&loopback, 1).await;
    let control = &loopback.sandbox.control;
    let slow = switch_on(control, "slow-frames=public,1ms").await;
    for id in 101..104 {
        loopback.feed(bid_change(id, "60000.0", "4")).await;
    }
    for id in 101..104 {
        assert_eq!((&socket.next().await["u"], fired(control, slow).await), (&json!(id), 3));
    }
    assert!(control.clear_fault(slow).await);
    let dead = switch_on(control, "slow-frames=all,1h").await;
    loopback.feed(bid_change(104, "60000.0", "5")).await;
    assert_eq!(fired(control, dead).await, 1);
    control.clear_faults().await;
    loopback.feed(bid_change(105, "60000.0", "6")).await;
    for id in 104..106 {
        assert_eq!(socket.next().await["u"], id);
    }
}

/// Promise I3: a key that ends in silence leaves its socket open and mute.
#[tokio::test]
async fn a_silently_expired_key_leaves_a_mute_socket_and_a_new_key_speaks() {
    let loopback = Loopback::start().await;
    let key = loopback.rest.start_listen_key().await.unwrap();
    assert_eq!(key.expose(), listen_key(&loopback.sandbox, 1), "whose absence logs are judged by");
    let url = &loopback.sandbox.ws_url;
    let mut mute = Socket::open(url, "/private/ws/", key.expose()).await;
    settled(&loopback, 1).await;
    switch_on(&loopback.sandbox.control, "expire-listen-key=silently").await;
    let error = loopback.rest.extend_listen_key().await.unwrap_err();
    assert_eq!(error.code(), Some(-1125));
    let next = loopback.rest.start_listen_key().await.unwrap();
    assert_ne!(next.expose(), key.expose());
    let mut live = Socket::open(url, "/private/ws/", next.expose()).await;
    settled(&loopback, 2).await;
    leave_mark(&loopback, 7).await;
    assert_eq!(live.next().await["ac"]["l"], 7);
    mute.0.send(Message::text(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#)).await.unwrap();
    assert_eq!(mute.next().await["id"], 1, "the first thing it hears");
}

/// Promise I16: sockets cut and refused come back as soon as they may.
#[tokio::test]
async fn cut_sockets_end_without_a_word_and_refused_ones_at_once() {
    let loopback = Loopback::start().await;
    let (url, control) = (&loopback.sandbox.ws_url, &loopback.sandbox.control);
    let mut first = Socket::open(url, "/public/ws/", "btcusdt@depth@100ms").await;
    settled(&loopback, 1).await;
    let refusing = switch_on(control, "refuse-sockets").await;
    switch_on(control, "cut-sockets").await;
    first.is_over().await;
    Socket::open(url, "/public/ws/", "btcusdt@depth@100ms").await.is_over().await;
    assert!(fired(control, refusing).await > 0);
    assert!(control.clear_fault(refusing).await);
    let mut again = Socket::open(url, "/public/ws/", "btcusdt@depth@100ms").await;
    settled(&loopback, 1).await;
    loopback.feed(bid_change(101, "60000.0", "4")).await;
    assert_eq!(again.next().await["u"], 101);
}

/// Promise I15: without a fault, and after one, the exchange is as it ever was.
#[tokio::test]
async fn a_fault_that_is_over_leaves_nothing_behind() {
    let loopback = Loopback::start().await;
    let control = &loopback.sandbox.control;
    for fault in [
        "ban:for=1ms",
        "freeze=all:for=1ms",
        "shift-time=+1h:for=1ms",
        "refuse-sockets:for=1ms",
        "delay=1h:for=1ms",
    ] {
        switch_on(control, fault).await;
    }
    eventually("all of them are over", async || {
        control.faults().await.iter().all(|fault| !fault.is_on)
    })
    .await;
    let (mut mailbox, _running) = user(&loopback);
    settled(&loopback, 1).await;
    buy(&loopback, "a-1").await;
    let fill = wait_for(&mut mailbox, |message| {
        let UserMessage::Event { event: UserEvent::Fill(fill), .. } = message else { return None };
        Some(*fill)
    });
    assert_eq!(fill.await.quantity, "0.010".parse().unwrap());
    let offset = loopback.rest.measure_clock().await.unwrap();
    assert!(Duration::from_nanos(offset.nanos.unsigned_abs()) < Duration::from_secs(1));
}

/// A raw socket.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(url: &str, route: &str, name: &str) -> Self {
        Self(connect_async(format!("{url}{route}{name}")).await.unwrap().0)
    }

    /// The next text frame.
    async fn next(&mut self) -> Value {
        loop {
            let frame = tokio::time::timeout(DEADLINE, self.0.next()).await;
            if let Message::Text(text) = frame.unwrap().unwrap().unwrap() {
                return serde_json::from_str(text.as_str()).unwrap();
            }
        }
    }

    /// Waits for its end, which nothing announces.
    async fn is_over(&mut self) {
        let end = tokio::time::timeout(DEADLINE, self.0.next()).await.unwrap();
        assert!(matches!(end, None | Some(Err(_))), "{end:?}");
    }
}
