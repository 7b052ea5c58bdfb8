//! The venue's official Rust client, unchanged but for its base URLs, served by `lobd exchange`.

mod exchange;

use std::str::FromStr;

use binance_sdk::config::{ConfigurationRestApi, ConfigurationWebsocketStreams};
use binance_sdk::derivatives_trading_usds_futures::rest_api::{
    CancelOrderParams, NewOrderParams, NewOrderSideEnum, NewOrderTimeInForceEnum, NewOrderTypeEnum,
    OrderBookParams, QueryOrderParams, RestApi,
};
use binance_sdk::derivatives_trading_usds_futures::websocket_streams::{
    OrderTradeUpdateO, UserDataStreamEventsResponse,
};
use binance_sdk::derivatives_trading_usds_futures::{
    DerivativesTradingUsdsFuturesRestApi, DerivativesTradingUsdsFuturesWsStreams,
};
use rust_decimal::Decimal;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use exchange::{DEADLINE, start_exchange};

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_trades_on_the_loopback_exchange() {
    let (_exchange, ready) = start_exchange().await;
    let rest = client(&ready);

    let info = rest.exchange_information().await.unwrap().data().await.unwrap();
    let symbols = info.symbols.unwrap();
    assert!(symbols.iter().any(|symbol| symbol.symbol.as_deref() == Some("BTCUSDT")));

    let book = OrderBookParams::builder("BTCUSDT".to_owned()).limit(10_i64).build().unwrap();
    let book = rest.order_book(book).await.unwrap().data().await.unwrap();
    let best_bid = Decimal::from_str(&book.bids.unwrap()[0][0]).unwrap();
    assert!(best_bid < Decimal::from_str(&book.asks.unwrap()[0][0]).unwrap());

    let (_streams, mut events) = user_stream(&rest, &ready).await;
    a_limit_order_is_placed_queried_and_cancelled(&rest, &mut events, best_bid).await;
    a_market_order_is_filled(&rest, &mut events).await;
}

async fn a_limit_order_is_placed_queried_and_cancelled(
    rest: &RestApi,
    events: &mut UnboundedReceiver<OrderTradeUpdateO>,
    best_bid: Decimal,
) {
    let price = (best_bid * Decimal::new(99, 2)).round_dp(0);
    let order = NewOrderParams::builder(
        "BTCUSDT".to_owned(),
        NewOrderSideEnum::Buy,
        NewOrderTypeEnum::Limit,
    )
    .time_in_force(NewOrderTimeInForceEnum::Gtc)
    .quantity(Decimal::new(10, 3))
    .price(price)
    .new_client_order_id("peer-limit".to_owned())
    .build()
    .unwrap();
    let placed = rest.new_order(order).await.unwrap().data().await.unwrap();
    assert_eq!(placed.status.as_deref(), Some("NEW"));
    let id = placed.order_id.unwrap();

    let query = QueryOrderParams::builder("BTCUSDT".to_owned()).order_id(id).build().unwrap();
    let found = rest.query_order(query).await.unwrap().data().await.unwrap();
    assert_eq!(found.client_order_id.as_deref(), Some("peer-limit"));
    assert_eq!(Decimal::from_str(&found.price.unwrap()).unwrap(), price);

    let cancel = CancelOrderParams::builder("BTCUSDT".to_owned()).order_id(id).build().unwrap();
    let cancelled = rest.cancel_order(cancel).await.unwrap().data().await.unwrap();
    assert_eq!(cancelled.status.as_deref(), Some("CANCELED"));

    for execution in ["NEW", "CANCELED"] {
        let event = timeout(DEADLINE, events.recv()).await.unwrap().unwrap();
        assert_eq!((event.x.as_deref(), event.i), (Some(execution), Some(id)));
    }
}

async fn a_market_order_is_filled(
    rest: &RestApi,
    events: &mut UnboundedReceiver<OrderTradeUpdateO>,
) {
    let order = NewOrderParams::builder(
        "BTCUSDT".to_owned(),
        NewOrderSideEnum::Buy,
        NewOrderTypeEnum::Market,
    )
    .quantity(Decimal::new(10, 3))
    .new_client_order_id("peer-market".to_owned())
    .build()
    .unwrap();
    rest.new_order(order).await.unwrap();
    let mut filled = Decimal::ZERO;
    let mut status = String::new();
    while status != "FILLED" {
        let event = timeout(DEADLINE, events.recv()).await.unwrap().unwrap();
        assert_eq!(event.c.as_deref(), Some("peer-market"));
        filled += Decimal::from_str(&event.l.unwrap()).unwrap();
        status = event.x_uppercase.unwrap();
    }
    assert_eq!(filled, Decimal::new(10, 3));
}

fn client(ready: &Value) -> RestApi {
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    let configuration = ConfigurationRestApi::builder()
        .api_key(text("api_key"))
        .api_secret(text("api_secret"))
        .base_path(text("rest"))
        .build()
        .unwrap();
    DerivativesTradingUsdsFuturesRestApi::from_config(configuration)
}

/// The client's user stream: every order event in the order in which it came.
async fn user_stream(
    rest: &RestApi,
    ready: &Value,
) -> (impl Sized, UnboundedReceiver<OrderTradeUpdateO>) {
    let key = rest.start_user_data_stream().await.unwrap().data().await.unwrap();
    let configuration = ConfigurationWebsocketStreams::builder()
        .ws_url(ready["ws"].as_str().unwrap().to_owned())
        .build()
        .unwrap();
    let streams = DerivativesTradingUsdsFuturesWsStreams::from_config(configuration);
    let connected = timeout(DEADLINE, streams.connect()).await.unwrap().unwrap();
    let listen_key = key.listen_key.unwrap();
    let stream = connected.user_data(listen_key, None).await.unwrap();
    let (sender, receiver) = unbounded_channel();
    stream.on_message(move |event: UserDataStreamEventsResponse| {
        if let UserDataStreamEventsResponse::OrderTradeUpdate(update) = event
            && let Some(order) = update.o
        {
            let _ = sender.send(*order);
        }
    });
    ((connected, stream), receiver)
}
