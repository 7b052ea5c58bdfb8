//! Market and user streams against the loopback exchange: what they tell, and that they come back.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test picks what it waits for")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::SinkExt;
use lobd::binance::parse::UserEvent;
use lobd::binance::{
    Dialer, MarketMessage, MarketStreamSettings, MarketStreams, Route, Stream, StreamKind,
    StreamsHandle, UserMessage, UserStreamSettings,
};
use lobd::book::MarketEvent;
use lobd::clock::SystemClock;
use lobd::config::UserStreamForm;
use lobd::domain::{
    ClientOrderId, Market, OrderKind, OrderRequest, OrderStatus, Side, StopRequest, StopSize,
    StopStatus, Symbol,
};
use tokio::sync::mpsc::Receiver;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::support::faulted::switch_on;
use crate::support::loopback::{
    DEADLINE, Loopback, bid_change, bitcoin, mark, purchase, settled, user, user_by, wait_for,
};

async fn connected(mailbox: &mut Receiver<MarketMessage>, wanted: Route) {
    wait_for(mailbox, |message| match message {
        MarketMessage::Connected { route, .. } if *route == wanted => Some(()),
        _ => None,
    })
    .await;
}

async fn market_event<T>(
    mailbox: &mut Receiver<MarketMessage>,
    wanted: impl Fn(&MarketEvent) -> Option<T>,
) -> T {
    wait_for(mailbox, |message| match message {
        MarketMessage::Event { event, .. } => wanted(event),
        _ => None,
    })
    .await
}

fn market(venue: &Loopback) -> (Receiver<MarketMessage>, AbortOnDropHandle<()>) {
    let (mailbox, _, running) = market_of(venue, vec![bitcoin()]);
    (mailbox, running)
}

/// Market data of these symbols, and the way to ask for more.
fn market_of(
    venue: &Loopback,
    symbols: Vec<Symbol>,
) -> (Receiver<MarketMessage>, StreamsHandle, AbortOnDropHandle<()>) {
    let url = venue.sandbox.ws_url.clone();
    let settings = MarketStreamSettings::new(url, Market::Usdm, symbols, 2);
    let dialer = Dialer::new(Arc::new(SystemClock::start()));
    let (streams, mailbox) = MarketStreams::new(settings, dialer);
    let handle = streams.handle();
    let running = tokio::spawn(async move { streams.run(&CancellationToken::new()).await });
    (mailbox, handle, AbortOnDropHandle::new(running))
}

fn order(name: &str, quantity: &str, kind: OrderKind) -> OrderRequest {
    OrderRequest {
        client_order_id: ClientOrderId::new(name).unwrap(),
        symbol: bitcoin(),
        side: Side::Buy,
        quantity: quantity.parse().unwrap(),
        kind,
        reduce_only: false,
    }
}

#[tokio::test]
async fn market_data_flows_over_both_routes_and_comes_back_after_a_cut() {
    let venue = Loopback::start().await;
    let (mut mailbox, _running) = market(&venue);
    for round in 0..2_u64 {
        connected(&mut mailbox, Route::Public).await;
        settled(&venue, 2).await;
        venue.feed(bid_change(101 + round, "59990", "3")).await;
        venue.feed(purchase(10 + round, "60000.1", "0.5")).await;
        venue.feed(mark("60000.07")).await;
        let depth = market_event(&mut mailbox, |event| match event {
            MarketEvent::Depth(update) => Some(update.clone()),
            _ => None,
        });
        assert_eq!(depth.await.bids[0].price, "59990".parse().unwrap());
        venue.sandbox.control.cut_streams().await;
        wait_for(&mut mailbox, |message| match message {
            MarketMessage::Disconnected { route: Route::Public, reason, .. } => {
                Some(reason.clone())
            }
            _ => None,
        })
        .await;
    }
}

#[tokio::test]
async fn trades_and_mark_prices_come_over_the_market_route() {
    let venue = Loopback::start().await;
    let (mut mailbox, _running) = market(&venue);
    connected(&mut mailbox, Route::Market).await;
    settled(&venue, 2).await;
    venue.feed(purchase(10, "60000.1", "0.5")).await;
    venue.feed(mark("60000.07")).await;
    let trade = market_event(&mut mailbox, |event| match event {
        MarketEvent::Trade(trade) => Some(*trade),
        _ => None,
    });
    assert!(!trade.await.buyer_is_maker);
    let mark = market_event(&mut mailbox, |event| match event {
        MarketEvent::MarkPrice(mark) => Some(*mark),
        _ => None,
    });
    assert_eq!(mark.await.price, "60000.07".parse().unwrap());
}

/// Feeds a trade until it is heard: the venue may still be taking the subscription in.
async fn heard(venue: &Loopback, mailbox: &mut Receiver<MarketMessage>) {
    let mut id = 10;
    loop {
        id += 1;
        venue.feed(purchase(id, "60000.1", "0.5")).await;
        let told =
            market_event(mailbox, |event| matches!(event, MarketEvent::Trade(_)).then_some(()));
        if tokio::time::timeout(Duration::from_secs(1), told).await.is_ok() {
            return;
        }
    }
}

#[tokio::test]
async fn streams_beyond_the_url_and_symbols_added_later_are_subscribed_to() {
    let venue = Loopback::start().await;
    let mut symbols: Vec<_> =
        (0..120).map(|number| Symbol::new(&format!("S{number}USDT")).unwrap()).collect();
    symbols.push(bitcoin());
    let (mut mailbox, _, _running) = market_of(&venue, symbols.clone());
    connected(&mut mailbox, Route::Market).await;
    tokio::time::timeout(DEADLINE, heard(&venue, &mut mailbox)).await.unwrap();

    symbols.pop();
    let (mut mailbox, handle, _running) = market_of(&venue, symbols);
    connected(&mut mailbox, Route::Market).await;
    handle.add(&[bitcoin()]).await.unwrap();
    tokio::time::timeout(DEADLINE, heard(&venue, &mut mailbox)).await.unwrap();
    let stream = Stream { symbol: bitcoin(), kind: StreamKind::Trades };
    handle.question(stream);
    let lacking = wait_for(&mut mailbox, |message| match message {
        MarketMessage::Listed { route: Route::Market, lacking, .. } => Some(lacking.clone()),
        _ => None,
    });
    assert_eq!(lacking.await, [], "every stream of the connection is listed");
}

#[tokio::test]
async fn a_quiet_connection_proves_its_life() {
    let venue = Loopback::start().await;
    let (mut mailbox, _running) = market(&venue);
    wait_for(&mut mailbox, |message| match message {
        MarketMessage::Alive { route: Route::Public, .. } => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn an_order_its_fill_and_its_position_are_told() {
    let venue = Loopback::start().await;
    let (mut mailbox, _running) = user(&venue);
    wait_for(&mut mailbox, |message| {
        matches!(message, UserMessage::Connected { .. }).then_some(())
    })
    .await;
    settled(&venue, 1).await;
    let placed = venue.rest.place_order(&order("u-1", "0.1", OrderKind::Market)).await.unwrap();
    let mut seen = Vec::new();
    wait_for(&mut mailbox, |message| {
        let UserMessage::Event { event, .. } = message else { return None };
        seen.push(event.clone());
        matches!(event, UserEvent::Position(_)).then_some(())
    })
    .await;
    let fill = seen.iter().find_map(|event| match event {
        UserEvent::Fill(fill) => Some(*fill),
        _ => None,
    });
    let fill = fill.unwrap();
    assert_eq!((fill.order_id, fill.quantity), (placed.order_id, "0.1".parse().unwrap()));
    assert_eq!(fill.client_order_id, Some(placed.client_order_id));
    let statuses: Vec<_> = seen
        .iter()
        .filter_map(|event| match event {
            UserEvent::Order(report) => Some(report.status),
            _ => None,
        })
        .collect();
    assert_eq!(statuses, [OrderStatus::New, OrderStatus::Filled]);
    let listed = venue.rest.trade_history(bitcoin(), None, fill.time).await.unwrap();
    let from_rest = listed[0];
    assert_eq!(
        (from_rest.trade_id, from_rest.price, from_rest.commission, from_rest.time),
        (fill.trade_id, fill.price, fill.commission, fill.time),
        "both channels tell the same trade"
    );
}

#[tokio::test]
async fn a_stop_is_told_from_new_to_its_order() {
    let venue = Loopback::start().await;
    let (mut mailbox, _running) = user(&venue);
    wait_for(&mut mailbox, |message| {
        matches!(message, UserMessage::Connected { .. }).then_some(())
    })
    .await;
    settled(&venue, 1).await;
    venue.rest.place_order(&order("u-2", "0.1", OrderKind::Market)).await.unwrap();
    let stop = StopRequest {
        client_order_id: ClientOrderId::new("u-3").unwrap(),
        symbol: bitcoin(),
        side: Side::Sell,
        trigger_price: "59900".parse().unwrap(),
        size: StopSize::Quantity("0.1".parse().unwrap()),
    };
    let placed = venue.rest.place_protective_stop(&stop).await.unwrap();
    assert_eq!(placed.status, StopStatus::New);
    assert_eq!(venue.rest.waiting_stops(Some(bitcoin())).await.unwrap().len(), 1);
    venue.feed(mark("59899")).await;
    let child = wait_for(&mut mailbox, |message| match message {
        UserMessage::Event { event: UserEvent::Stop(stop), .. } => {
            (stop.status == StopStatus::Finished).then_some(stop.child_order_id)
        }
        _ => None,
    })
    .await;
    assert!(child.is_some(), "the order it became is named");
    let asked = venue.rest.query_protective_stop(stop.client_order_id).await.unwrap();
    assert_eq!((asked.status, asked.child_order_id), (StopStatus::Finished, child));
    assert!(venue.rest.position_of(bitcoin()).await.unwrap().exposure.is_zero());
}

#[tokio::test]
async fn an_expired_key_is_replaced_and_events_flow_again() {
    let venue = Loopback::start().await;
    let (mut mailbox, _running) = user(&venue);
    let is_connected =
        |message: &UserMessage| matches!(message, UserMessage::Connected { .. }).then_some(());
    wait_for(&mut mailbox, is_connected).await;
    settled(&venue, 1).await;
    venue.sandbox.control.expire_listen_key().await;
    let reason = wait_for(&mut mailbox, |message| match message {
        UserMessage::Disconnected { reason, .. } => Some(reason.clone()),
        _ => None,
    })
    .await;
    assert_eq!(reason, "listen key expired");
    wait_for(&mut mailbox, is_connected).await;
    settled(&venue, 1).await;
    venue.rest.place_order(&order("u-4", "0.1", OrderKind::Market)).await.unwrap();
    wait_for(&mut mailbox, |message| match message {
        UserMessage::Event { event: UserEvent::Fill(_), .. } => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_key_that_somebody_deleted_unheard_is_found_by_its_extension_and_replaced() {
    let venue = Loopback::start().await;
    let mut settings = UserStreamSettings::new(venue.sandbox.ws_url.clone(), 1);
    settings.keep_alive = Duration::from_millis(300);
    let (mut mailbox, _running) = user_by(&venue, settings);
    let is_connected =
        |message: &UserMessage| matches!(message, UserMessage::Connected { .. }).then_some(());
    wait_for(&mut mailbox, is_connected).await;
    settled(&venue, 1).await;
    venue.sandbox.control.mute_account().await;
    venue.rest.close_listen_key().await.unwrap();
    let reason = wait_for(&mut mailbox, |message| match message {
        UserMessage::Disconnected { reason, .. } => Some(reason.clone()),
        _ => None,
    })
    .await;
    assert_eq!(reason, "the listen key is gone");
    wait_for(&mut mailbox, is_connected).await;
    settled(&venue, 1).await;
    venue.rest.place_order(&order("u-5", "0.1", OrderKind::Market)).await.unwrap();
    wait_for(&mut mailbox, |message| match message {
        UserMessage::Event { event: UserEvent::Fill(_), .. } => Some(()),
        UserMessage::Disconnected { reason, .. } => panic!("the new key is extended: {reason}"),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn the_other_form_of_asking_for_the_account_tells_the_same() {
    let venue = Loopback::start().await;
    let mut settings = UserStreamSettings::new(venue.sandbox.ws_url.clone(), 1);
    settings.form = UserStreamForm::Query;
    let (mut mailbox, _running) = user_by(&venue, settings);
    settled(&venue, 1).await;
    venue.rest.place_order(&order("u-7", "0.1", OrderKind::Market)).await.unwrap();
    wait_for(&mut mailbox, |message| match message {
        UserMessage::Event { event: UserEvent::Position(_), .. } => Some(()),
        _ => None,
    })
    .await;
    venue.sandbox.control.expire_listen_key().await;
    wait_for(&mut mailbox, |message| match message {
        UserMessage::Event { event: UserEvent::ListenKeyExpired, .. } => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_key_that_somebody_replaced_unheard_is_found_by_its_extension_and_events_flow_again() {
    let venue = Loopback::start().await;
    let mut settings = UserStreamSettings::new(venue.sandbox.ws_url.clone(), 1);
    settings.keep_alive = Duration::from_millis(300);
    let (mut mailbox, _running) = user_by(&venue, settings);
    let is_connected =
        |message: &UserMessage| matches!(message, UserMessage::Connected { .. }).then_some(());
    wait_for(&mut mailbox, is_connected).await;
    settled(&venue, 1).await;
    switch_on(&venue.sandbox.control, "expire-listen-key=silently").await;
    venue.rest.start_listen_key().await.unwrap();
    let reason = wait_for(&mut mailbox, |message| match message {
        UserMessage::Disconnected { reason, .. } => Some(reason.clone()),
        _ => None,
    })
    .await;
    // The extension may fall between the two.
    let found = ["the listen key was replaced", "the listen key is gone"];
    assert!(found.contains(&reason.as_str()), "{reason}");
    wait_for(&mut mailbox, is_connected).await;
    settled(&venue, 1).await;
    venue.rest.place_order(&order("u-6", "0.1", OrderKind::Market)).await.unwrap();
    wait_for(&mut mailbox, |message| match message {
        UserMessage::Event { event: UserEvent::Fill(_), .. } => Some(()),
        _ => None,
    })
    .await;
}

/// A spot venue of raw frames: each connection is told one more update, and the first a farewell.
async fn serve_farewell(listener: tokio::net::TcpListener) {
    let mut held = Vec::new();
    for number in 0_u64.. {
        let Ok((socket, _)) = listener.accept().await else { return };
        let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap();
        let mut frames = vec![
            format!(
                r#"{{"e":"depthUpdate","E":1721750401385000,"s":"BTCUSDT","U":{0},"u":{0},"b":[],"a":[]}}"#,
                7 + number
            ),
            r#"{"u":7,"s":"BTCUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}"#.to_owned(),
        ];
        if number == 0 {
            frames.push(r#"{"e":"serverShutdown","E":1770123456789}"#.to_owned());
        }
        for frame in frames {
            socket.send(Message::text(frame)).await.unwrap();
        }
        held.push(socket);
    }
}

#[tokio::test]
async fn a_spot_venues_farewell_brings_a_successor_before_the_end() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let _serving = AbortOnDropHandle::new(tokio::spawn(serve_farewell(listener)));
    let plan = lobd::binance::plan(Market::Spot, &[bitcoin()]);
    assert_eq!(plan.len(), 2, "books and trades");
    let settings = MarketStreamSettings::new(url, Market::Spot, vec![bitcoin()], 2);
    let dialer = Dialer::new(Arc::new(SystemClock::start()));
    let (streams, mut mailbox) = MarketStreams::new(settings, dialer);
    let running = tokio::spawn(async move { streams.run(&CancellationToken::new()).await });
    let _running = AbortOnDropHandle::new(running);
    let mut told = Vec::new();
    wait_for(&mut mailbox, |message| match message {
        MarketMessage::Event { event: MarketEvent::Depth(update), .. } => {
            told.push(update.final_update_id);
            None
        }
        MarketMessage::Switched { route: Route::Public, .. } => Some(()),
        MarketMessage::Disconnected { route: Route::Public, reason, .. } => panic!("{reason}"),
        _ => None,
    })
    .await;
    assert!(!told.is_empty() && told.is_sorted(), "{told:?}");
}

/// A server that shakes hands and then neither speaks nor answers a ping.
#[tokio::test]
async fn a_connection_that_answers_no_ping_is_called_dead() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let settings = MarketStreamSettings::new(url, Market::Usdm, vec![bitcoin()], 2);
    let mute = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            held.push(tokio_tungstenite::accept_async(socket).await);
        }
    });
    let _mute = AbortOnDropHandle::new(mute);
    let dialer = Dialer::new(Arc::new(SystemClock::start()));
    let (streams, mut mailbox) = MarketStreams::new(settings, dialer);
    let running = tokio::spawn(async move { streams.run(&CancellationToken::new()).await });
    let _running = AbortOnDropHandle::new(running);
    connected(&mut mailbox, Route::Public).await;
    let reason = wait_for(&mut mailbox, |message| match message {
        MarketMessage::Disconnected { route: Route::Public, reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason.await, "no sign of life");
}
