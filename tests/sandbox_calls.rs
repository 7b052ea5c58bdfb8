//! The WebSocket API of the loopback exchange, and how its sockets live and end.
//!
//! Written from `exchange-api.md` with raw frames and raw JSON, knowing nothing of our own client.

use std::time::Duration;

use futures_util::StreamExt;
use lobd::sandbox::SandboxSettings;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::faulted::switch_on;
use crate::support::raw_client::{DEADLINE, Socket, Venue};

const API: &str = "/ws-fapi/v1";

/// Signs the parameters as the API wants it: sorted by name, as they are.
fn signed(venue: &Venue, method: &str, parameters: Value) -> Value {
    let mut all = parameters;
    all["apiKey"] = json!(venue.sandbox.api_key);
    all["timestamp"] = json!(venue.now_ms());
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let sorted: std::collections::BTreeMap<&String, String> =
        all.as_object().unwrap().iter().map(|(name, value)| (name, text(value))).collect();
    let pairs: Vec<String> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
    all["signature"] = json!(venue.signer.sign(&pairs.join("&")));
    json!({"id": method, "method": method, "params": all})
}

async fn call(socket: &mut Socket, message: &Value) -> Value {
    socket.say(message).await;
    let answer = socket.next().await;
    assert_eq!(answer["id"], message["id"]);
    answer
}

/// Reads until the other side ends the socket.
async fn ends(socket: &mut Socket) {
    let end = async {
        while let Some(Ok(message)) = socket.0.next().await {
            if matches!(message, Message::Close(_)) {
                break;
            }
        }
    };
    tokio::time::timeout(DEADLINE, end).await.unwrap();
}

#[tokio::test]
async fn an_order_lives_its_whole_life_by_calls() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let mut socket = venue.connect(API).await;
    let order = json!({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                       "quantity": "0.010", "price": "59000", "newClientOrderId": "w-1"});
    let placed = call(&mut socket, &signed(&venue, "order.place", order)).await;
    assert_eq!((&placed["status"], &placed["result"]["status"]), (&json!(200), &json!("NEW")));
    assert_eq!(
        placed["rateLimits"][0],
        json!({"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10,
               "limit": 300, "count": 1})
    );
    assert_eq!(events.next_named("ORDER_TRADE_UPDATE").await["o"]["c"], "w-1");

    let change = json!({"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.020", "price": "59000",
                        "origClientOrderId": "w-1"});
    let changed = call(&mut socket, &signed(&venue, "order.modify", change)).await;
    assert_eq!(changed["result"]["origQty"], "0.020");
    assert_eq!(events.next_named("ORDER_TRADE_UPDATE").await["o"]["x"], "AMENDMENT");

    let name = json!({"symbol": "BTCUSDT", "origClientOrderId": "w-1"});
    let found = call(&mut socket, &signed(&venue, "order.status", name.clone())).await;
    assert!(found["result"]["time"].is_i64());
    assert_eq!(found["rateLimits"][0]["count"], 6, "five for the handshake, one for the question");
    let cancelled = call(&mut socket, &signed(&venue, "order.cancel", name.clone())).await;
    assert_eq!(cancelled["result"]["status"], "CANCELED");
    let again = call(&mut socket, &signed(&venue, "order.cancel", name)).await;
    assert_eq!((&again["status"], &again["error"]["code"]), (&json!(400), &json!(-2011)));

    let answer = venue.signed("GET", "/fapi/v1/rateLimit/order", "").await;
    assert_eq!(answer.header("x-mbx-used-weight-1m").as_deref(), Some("2"), "pools of their own");
}

#[tokio::test]
async fn what_may_be_asked_over_http_may_be_called() {
    let venue = Venue::start().await;
    let mut socket = venue.connect(API).await;
    let stop = json!({"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL",
                      "type": "STOP_MARKET", "quantity": "0.01", "triggerPrice": "59000",
                      "clientAlgoId": "s-1"});
    let placed = call(&mut socket, &signed(&venue, "algoOrder.place", stop)).await;
    assert_eq!(placed["result"]["algoStatus"], "NEW");
    let name = json!({"clientAlgoId": "s-1"});
    let cancelled = call(&mut socket, &signed(&venue, "algoOrder.cancel", name)).await;
    assert_eq!(cancelled["result"]["code"], "200");
    for method in ["account.balance", "v2/account.balance", "v2/account.position"] {
        let answer = call(&mut socket, &signed(&venue, method, json!({}))).await;
        assert_eq!(
            (&answer["status"], answer["result"].is_array()),
            (&json!(200), true),
            "{method}"
        );
    }
    for method in ["account.status", "v2/account.status"] {
        let answer = call(&mut socket, &signed(&venue, method, json!({}))).await;
        assert_eq!(answer["result"]["assets"][0]["asset"], "USDT", "{method}");
    }
    let key = json!({"apiKey": venue.sandbox.api_key});
    let started = json!({"id": 1, "method": "userDataStream.start", "params": key});
    let started = call(&mut socket, &started).await;
    assert_eq!(started["result"]["listenKey"], venue.listen_key().await);
    let stopped = json!({"id": null, "method": "userDataStream.stop", "params": key});
    assert_eq!(call(&mut socket, &stopped).await["result"], json!({}));
    let depth = json!({"id": "d", "method": "depth", "params": {"symbol": "BTCUSDT", "limit": 5}});
    let depth = call(&mut socket, &depth).await;
    assert_eq!(depth["result"]["bids"][0], json!(["60000.00", "10.000"]));
    assert_eq!(depth["rateLimits"][0]["rateLimitType"], "REQUEST_WEIGHT");
    let best = json!({"id": "b", "method": "ticker.book", "params": {"symbol": "BTCUSDT"}});
    assert_eq!(call(&mut socket, &best).await["result"]["askPrice"], "60000.10");
}

#[tokio::test]
async fn a_call_that_cannot_be_is_answered_with_its_error() {
    let venue = Venue::start().await;
    let mut socket = venue.connect(API).await;
    let name = json!({"symbol": "BTCUSDT", "origClientOrderId": "none"});
    let good = signed(&venue, "order.status", name.clone());
    assert_eq!(call(&mut socket, &good).await["error"]["code"], -2013);
    let mut forged = good.clone();
    forged["params"]["symbol"] = json!("ETHUSDT");
    assert_eq!(call(&mut socket, &forged).await["error"]["code"], -1022);
    let mut stranger = good.clone();
    stranger["params"]["apiKey"] = json!("stranger");
    let refused = call(&mut socket, &stranger).await;
    assert_eq!((&refused["status"], &refused["error"]["code"]), (&json!(401), &json!(-2015)));
    let unsigned = json!({"id": 9, "method": "order.status", "params": name});
    assert_eq!(call(&mut socket, &unsigned).await["error"]["code"], -2014);
    let unknown = json!({"id": 10, "method": "session.logon"});
    assert_eq!(call(&mut socket, &unknown).await["error"]["code"], -1130);
    socket.say(&json!("not a call")).await;
    assert_eq!(socket.next().await["error"]["code"], -1135);
}

#[tokio::test]
async fn calls_are_not_held_to_ten_messages_a_second_and_streams_are() {
    let venue = Venue::start().await;
    let mut calls = venue.connect(API).await;
    for id in 0..30 {
        let ask = json!({"id": id, "method": "ticker.book", "params": {"symbol": "BTCUSDT"}});
        assert_eq!(call(&mut calls, &ask).await["status"], 200);
    }
    let mut streams = venue.connect("/market/ws").await;
    for id in 0..30 {
        let message = json!({"method": "LIST_SUBSCRIPTIONS", "id": id}).to_string();
        let sent = futures_util::SinkExt::send(&mut streams.0, Message::text(message)).await;
        if sent.is_err() {
            break; // cut off already
        }
    }
    ends(&mut streams).await;
}

#[tokio::test]
async fn a_handshake_that_finds_no_weight_left_is_turned_away() {
    let mut settings = SandboxSettings::for_seed(1);
    settings.limits.weight_1m = 4;
    let venue = Venue::start_with(settings).await;
    ends(&mut venue.connect(API).await).await;
}

#[tokio::test]
async fn a_socket_is_pinged_and_ends_at_the_end_of_its_life() {
    let mut settings = SandboxSettings::for_seed(1);
    settings.sockets.ping_every = Duration::from_millis(20);
    settings.sockets.longest_life = Duration::from_millis(200);
    let venue = Venue::start_with(settings).await;
    let mut socket = venue.connect("/market/ws").await;
    let mut pings = 0;
    let whole = async {
        while let Some(Ok(message)) = socket.0.next().await {
            pings += usize::from(matches!(message, Message::Ping(_)));
        }
    };
    tokio::time::timeout(DEADLINE, whole).await.unwrap();
    assert!(pings >= 2, "{pings} pings");
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_dropped() {
    let mut settings = SandboxSettings::for_seed(1);
    settings.sockets.ping_every = Duration::from_millis(20);
    settings.sockets.pong_within = Duration::from_millis(100);
    let venue = Venue::start_with(settings).await;
    // A client that does not read cannot answer; what it finds afterwards is the end.
    let mut socket = venue.connect("/market/ws").await;
    venue.settled(1).await;
    let gone = async {
        while venue.sandbox.control.open_streams().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.unwrap();
    ends(&mut socket).await;
}

#[tokio::test]
async fn what_faults_do_to_requests_they_do_to_calls() {
    let venue = Venue::start().await;
    let mut socket = venue.connect(API).await;
    for (fault, status, code, words) in [
        ("http-503=unknown-lost:POST:times=1", 503, -1000, "Unknown error"),
        ("http-503=unavailable:POST:times=1", 503, 0, "Service Unavailable."),
        ("http-503=internal:POST:times=1", 503, -1001, "Internal error"),
        ("http-503=throttled:times=1", 503, -1008, "Request throttled"),
        ("timeout-after-acceptance:POST:times=1", 503, -1007, "execution status unknown"),
        ("ban:for=1s", 418, -1003, "IP banned until"),
    ] {
        switch_on(&venue.sandbox.control, fault).await;
        let order = json!({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT",
                           "timeInForce": "GTC", "quantity": "0.010", "price": "59000"});
        let answer = call(&mut socket, &signed(&venue, "order.place", order)).await;
        assert_eq!((&answer["status"], &answer["error"]["code"]), (&json!(status), &json!(code)));
        assert!(answer["error"]["msg"].as_str().unwrap().contains(words), "{fault}: {answer}");
        assert!(answer.get("result").is_none() && answer["rateLimits"].is_array(), "{answer}");
    }
    venue.sandbox.control.clear_faults().await;
    let open = venue.signed("GET", "/fapi/v1/openOrders", "symbol=BTCUSDT").await.ok();
    assert_eq!(open.as_array().unwrap().len(), 1, "the one that was accepted");
    switch_on(&venue.sandbox.control, "lose-response:POST").await;
    let order = json!({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"});
    socket.say(&signed(&venue, "order.place", order)).await;
    ends(&mut socket).await;
    let held = venue.signed("GET", "/fapi/v3/positionRisk", "").await.ok();
    assert_eq!(held[0]["positionAmt"], "0.010", "done, and never answered");
}
