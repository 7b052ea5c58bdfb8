//! The loopback exchange over real sockets: what a client of the venue may rely on.
//!
//! Written from `exchange-api.md` with raw HTTP and raw JSON, knowing nothing of our own client.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt;
use lobd::clock::{Clock, SystemClock};
use lobd::domain::{Price, Quantity};
use lobd::sandbox::{SandboxError, SandboxSettings, Server, listings};
use lobd::sim::{Exchange, ExchangeSettings};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::raw_client::{DEADLINE, Venue, diff, exchange, mark, ticker, trade};

#[tokio::test]
async fn time_rules_and_book_are_served_to_anyone() {
    let venue = Venue::start().await;
    let time = venue.public("/fapi/v1/time").await.ok();
    assert!((time["serverTime"].as_i64().unwrap() - venue.now_ms()).abs() < 5_000);

    let info = venue.public("/fapi/v1/exchangeInfo").await.ok();
    let bitcoin = &info["symbols"][0];
    assert_eq!((&bitcoin["symbol"], &bitcoin["pricePrecision"]), (&json!("BTCUSDT"), &json!(2)));
    let filters = bitcoin["filters"].as_array().unwrap();
    let price_filter = filters.iter().find(|filter| filter["filterType"] == "PRICE_FILTER");
    assert_eq!(price_filter.unwrap()["tickSize"], "0.10");

    let answer = venue.public("/fapi/v1/depth?symbol=BTCUSDT&limit=5").await;
    assert!(answer.header("x-mbx-used-weight-1m").is_some());
    let depth = answer.ok();
    assert_eq!(depth["lastUpdateId"], 100);
    assert_eq!(depth["bids"][0], json!(["60000.00", "10.000"]));
    assert_eq!(depth["asks"].as_array().unwrap().len(), 5);

    assert_eq!(venue.public("/fapi/v1/depth?symbol=BTCUSDT&limit=7").await.code(), -1130);
    assert_eq!(venue.public("/fapi/v1/depth?symbol=NOSUCH").await.code(), -1121);
    assert_eq!(venue.public("/fapi/v1/nothing").await.status, 404);
}

#[tokio::test]
async fn a_request_that_is_not_rightly_signed_is_refused_by_code() {
    let venue = Venue::start().await;
    let path = "/fapi/v3/balance";
    let now = venue.now_ms();
    let with = |query: &str| {
        let signature = venue.signer.sign(query);
        format!("{path}?{query}&signature={signature}")
    };
    let get =
        async |target: String| venue.send("GET", &target, "", Some(&venue.sandbox.api_key)).await;

    assert_eq!(get(with(&format!("timestamp={now}"))).await.ok()[0]["asset"], "USDT");
    assert_eq!(get(with(&format!("timestamp={}", now - 6_000))).await.code(), -1021);
    assert_eq!(get(with(&format!("timestamp={}", now + 5_000))).await.code(), -1021);
    let patient = format!("recvWindow=10000&timestamp={}", now - 6_000);
    assert_eq!(get(with(&patient)).await.status, 200);
    assert_eq!(get(format!("{path}?timestamp={now}&signature=00")).await.code(), -1022);
    assert_eq!(get(format!("{path}?timestamp={now}")).await.code(), -1102);

    let good = with(&format!("timestamp={now}"));
    let stranger = venue.send("GET", &good, "", Some("stranger")).await;
    assert_eq!((stranger.status, stranger.code()), (401, -2015));
    assert_eq!(venue.send("GET", &good, "", None).await.code(), -2014);
}

#[tokio::test]
async fn parameters_may_come_in_the_query_the_body_or_both() {
    let venue = Venue::start().await;
    let (query, body) = ("symbol=BTCUSDT", format!("leverage=7&timestamp={}", venue.now_ms()));
    let signature = venue.signer.sign(&format!("{query}{body}"));
    let body = format!("{body}&signature={signature}");
    let target = format!("/fapi/v1/leverage?{query}");
    let answer = venue.send("POST", &target, &body, Some(&venue.sandbox.api_key)).await;
    assert_eq!(answer.ok()["leverage"], 7);
}

#[tokio::test]
async fn an_order_lives_from_new_to_canceled_on_both_channels() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTX&quantity=0.010&price=59000";
    let answer =
        venue.signed("POST", "/fapi/v1/order", &format!("{order}&newClientOrderId=a-1")).await;
    assert_eq!(answer.header("x-mbx-order-count-10s").as_deref(), Some("1"));
    let placed = answer.ok();
    assert_eq!((&placed["status"], &placed["price"]), (&json!("NEW"), &json!("59000.00")));
    assert_eq!((&placed["origQty"], &placed["cumQty"]), (&json!("0.010"), &json!("0.000")));
    assert!(placed.get("avgPrice").is_none() && placed.get("cumQuote").is_none());

    let event = events.next_named("ORDER_TRADE_UPDATE").await;
    assert_eq!((&event["o"]["x"], &event["o"]["c"]), (&json!("NEW"), &json!("a-1")));
    assert_eq!(event["o"]["i"], placed["orderId"]);

    let again =
        venue.signed("POST", "/fapi/v1/order", &format!("{order}&newClientOrderId=a-1")).await;
    assert_eq!(again.code(), -4116);
    let found =
        venue.signed("GET", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=a-1").await.ok();
    assert!(
        found["avgPrice"].is_string() && found["time"].is_i64() && found.get("cumQty").is_none()
    );

    let id = format!("symbol=BTCUSDT&orderId={}", placed["orderId"]);
    assert_eq!(venue.signed("DELETE", "/fapi/v1/order", &id).await.ok()["status"], "CANCELED");
    assert_eq!(events.next_named("ORDER_TRADE_UPDATE").await["o"]["x"], "CANCELED");
    assert_eq!(venue.signed("DELETE", "/fapi/v1/order", &id).await.code(), -2011);
    assert_eq!(venue.signed("GET", "/fapi/v1/openOrders", "symbol=BTCUSDT").await.ok(), json!([]));
}

#[tokio::test]
async fn a_market_order_is_acknowledged_filled_and_booked() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let order = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.100&newClientOrderId=m-1";
    let placed = venue.signed("POST", "/fapi/v1/order", order).await.ok();
    assert_eq!((&placed["status"], &placed["executedQty"]), (&json!("NEW"), &json!("0.000")));

    assert_eq!(events.next_named("ORDER_TRADE_UPDATE").await["o"]["x"], "NEW");
    let trade = events.next_named("ORDER_TRADE_UPDATE").await["o"].clone();
    assert_eq!(
        (&trade["x"], &trade["X"], &trade["L"]),
        (&json!("TRADE"), &json!("FILLED"), &json!("60000.1"))
    );
    assert_eq!(
        (&trade["m"], &trade["N"], &trade["n"]),
        (&json!(false), &json!("USDT"), &json!("3.000005"))
    );
    let account = events.next_named("ACCOUNT_UPDATE").await;
    assert_eq!((&account["a"]["P"][0]["pa"], &account["a"]["m"]), (&json!("0.1"), &json!("ORDER")));

    let trades = venue.signed("GET", "/fapi/v1/userTrades", "symbol=BTCUSDT").await.ok();
    assert_eq!((&trades[0]["id"], &trades[0]["orderId"]), (&trade["t"], &placed["orderId"]));
    let positions = venue.signed("GET", "/fapi/v3/positionRisk", "").await.ok();
    assert_eq!(positions[0]["positionAmt"], "0.100");
    let result =
        order.replace("m-1", "m-2&newOrderRespType=RESULT&reduceOnly=true").replace("BUY", "SELL");
    assert_eq!(venue.signed("POST", "/fapi/v1/order", &result).await.ok()["status"], "FILLED");
    assert_eq!(venue.signed("GET", "/fapi/v3/positionRisk", "").await.ok(), json!([]));
}

#[tokio::test]
async fn orders_that_break_a_rule_are_refused_by_code() {
    let venue = Venue::start().await;
    for (order, code) in [
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=59000.05", -4014),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=59000.001", -1111),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.0001&price=59000", -1111),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1", -1102),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=NOW&quantity=1&price=59000", -1115),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&price=59000", -1106),
        ("symbol=BTCUSDT&side=UP&type=MARKET&quantity=1", -1117),
        ("symbol=BTCUSDT&side=BUY&type=ODD&quantity=1", -1116),
        ("symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=1&stopPrice=59000", -4120),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&odd=1", -1104),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&positionSide=LONG", -4061),
        ("symbol=NOSUCH&side=BUY&type=MARKET&quantity=1", -1121),
        ("symbol=BTCUSDT&side=SELL&type=MARKET&quantity=1&reduceOnly=true", -2022),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTX&quantity=0.01&price=60000.1", -5022),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=59000&x=", -1104),
    ] {
        let answer = venue.signed("POST", "/fapi/v1/order", order).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{order}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_stop_triggers_on_the_mark_price_and_closes_the_position() {
    let venue = Venue::start().await;
    let order = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.100";
    venue.signed("POST", "/fapi/v1/order", order).await.ok();
    let mut events = venue.user_stream().await;
    let stop = "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&workingType=MARK_PRICE\
                &closePosition=true&clientAlgoId=s-1";
    let too_high = format!("{stop}&triggerPrice=61000");
    assert_eq!(venue.signed("POST", "/fapi/v1/algoOrder", &too_high).await.code(), -2021);
    let placed = venue
        .signed("POST", "/fapi/v1/algoOrder", &format!("{stop}&triggerPrice=59990"))
        .await
        .ok();
    assert_eq!(
        (&placed["algoStatus"], &placed["triggerPrice"]),
        (&json!("NEW"), &json!("59990.00"))
    );
    assert_eq!(events.next_named("ALGO_UPDATE").await["o"]["X"], "NEW");
    let open = venue.signed("GET", "/fapi/v1/openAlgoOrders", "symbol=BTCUSDT").await.ok();
    assert_eq!(open[0]["algoId"], placed["algoId"]);

    venue.feed(mark("59989.5")).await;
    assert_eq!(events.next_named("ALGO_UPDATE").await["o"]["X"], "TRIGGERING");
    let triggered = events.next_named("ALGO_UPDATE").await["o"].clone();
    assert_eq!(triggered["X"], "TRIGGERED");
    let child = events.next_named("ORDER_TRADE_UPDATE").await["o"].clone();
    assert_eq!((&child["c"], &child["ot"]), (&json!("s-1"), &json!("STOP_MARKET")));
    assert_eq!(child["i"].to_string(), triggered["ai"].as_str().unwrap());
    let finished = events.next_named("ALGO_UPDATE").await["o"].clone();
    assert_eq!((&finished["X"], &finished["aq"]), (&json!("FINISHED"), &json!("0.1")));
    assert_eq!(venue.signed("GET", "/fapi/v3/positionRisk", "").await.ok(), json!([]));
    let gone = venue.signed("DELETE", "/fapi/v1/algoOrder", "clientAlgoId=s-1").await;
    assert_eq!(gone.code(), -2011);
}

#[tokio::test]
async fn a_cancelled_stop_answers_with_a_code_that_is_text() {
    let venue = Venue::start().await;
    let stop = "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&workingType=MARK_PRICE\
                &quantity=0.01&reduceOnly=true&triggerPrice=59000&clientAlgoId=s-1";
    venue.signed("POST", "/fapi/v1/algoOrder", stop).await.ok();
    let cancelled = venue.signed("DELETE", "/fapi/v1/algoOrder", "clientAlgoId=s-1").await.ok();
    assert_eq!(cancelled["code"], "200");
    let all = venue.signed("DELETE", "/fapi/v1/algoOpenOrders", "symbol=BTCUSDT").await.ok();
    assert_eq!(all["code"], 200);
}

#[tokio::test]
async fn a_stream_on_the_wrong_route_is_acknowledged_and_stays_silent() {
    let venue = Venue::start().await;
    let mut socket = venue.connect("/public/ws").await;
    let names = json!(["btcusdt@aggTrade", "btcusdt@bookTicker"]);
    socket.say(&json!({"method": "SUBSCRIBE", "params": names, "id": 1})).await;
    assert_eq!(socket.next().await, json!({"result": null, "id": 1}));
    venue.feed(trade("60000.1")).await;
    venue.feed(ticker()).await;
    assert_eq!(socket.next().await["e"], "bookTicker", "the trade before it was not delivered");

    let mut market =
        venue.connect("/market/stream?streams=btcusdt@aggTrade/btcusdt@markPrice@1s").await;
    market.say(&json!({"method": "LIST_SUBSCRIPTIONS", "id": 2})).await;
    assert_eq!(market.next().await["result"].as_array().unwrap().len(), 2);
    venue.feed(trade("60000.1")).await;
    venue.feed(mark("60000.5")).await;
    let frame = market.next().await;
    assert_eq!(
        (&frame["stream"], &frame["data"]["p"]),
        (&json!("btcusdt@aggTrade"), &json!("60000.10"))
    );
    assert_eq!(market.next().await["data"]["p"], "60000.50000000");
}

#[tokio::test]
async fn diffs_chain_from_the_rest_snapshot_and_partial_books_are_whole() {
    let venue = Venue::start().await;
    let mut diffs = venue.connect("/public/ws/btcusdt@depth@100ms").await;
    let mut partial = venue.connect("/public/ws/btcusdt@depth5@100ms").await;
    venue.settled(2).await;
    let snapshot = venue.public("/fapi/v1/depth?symbol=BTCUSDT&limit=1000").await.ok();
    let mut last = snapshot["lastUpdateId"].as_u64().unwrap();
    for step in 0..3 {
        venue.feed(diff(last + 2, last + 9, last, "60000.0", "4.5")).await;
        let frame = diffs.next().await;
        assert_eq!(frame["pu"].as_u64(), Some(last), "event {step}");
        assert_eq!(frame["b"], json!([["60000.00", "4.500"]]));
        last = frame["u"].as_u64().unwrap();
        let whole = partial.next().await;
        assert_eq!((&whole["u"], whole["b"].as_array().unwrap().len()), (&json!(last), 5));
        assert_eq!(whole["b"][0], json!(["60000.00", "4.500"]));
    }
}

#[tokio::test]
async fn a_book_kept_by_the_venues_rules_equals_the_partial_book_at_the_same_update() {
    let settings =
        ExchangeSettings { instruments: vec![listings::seeded("BTCUSDT").unwrap()], seed: 3 };
    let clock = Arc::new(SystemClock::start());
    let exchange = Exchange::new(&settings, clock.now().earlier_by(DEADLINE)).unwrap();
    let venue = Venue::serve(exchange, clock, SandboxSettings::for_seed(3)).await;
    let names = "streams=btcusdt@depth@100ms/btcusdt@depth20@100ms";
    let mut socket = venue.connect(&format!("/public/stream?{names}")).await;
    let mut waiting = vec![socket.next_diff().await];
    let snapshot = loop {
        let snapshot = venue.public("/fapi/v1/depth?symbol=BTCUSDT&limit=1000").await.ok();
        if snapshot["lastUpdateId"].as_u64() >= waiting[0]["U"].as_u64() {
            break snapshot;
        }
    };
    let id = snapshot["lastUpdateId"].as_u64().unwrap();
    while waiting.last().unwrap()["u"].as_u64().unwrap() < id {
        waiting.push(socket.next_diff().await);
    }
    waiting.retain(|diff| diff["u"].as_u64().unwrap() >= id);
    assert!(waiting[0]["U"].as_u64().unwrap() <= id, "the first event holds the snapshot's id");
    let mut book = KeptBook::default();
    book.apply(&snapshot["bids"], &snapshot["asks"]);
    for diff in &waiting {
        book.apply(&diff["b"], &diff["a"]);
    }
    let mut last = waiting.last().unwrap()["u"].clone();
    let mut compared = 0;
    while compared < 15 {
        let frame = socket.next().await;
        let data = &frame["data"];
        if frame["stream"] == "btcusdt@depth@100ms" {
            assert_eq!(data["pu"], last, "a chain without a gap");
            last = data["u"].clone();
            book.apply(&data["b"], &data["a"]);
        } else if data["u"] == last {
            assert_eq!(book.best(20), (data["b"].clone(), data["a"].clone()));
            compared += 1;
        }
    }
}

#[tokio::test]
async fn every_form_of_user_stream_delivers_and_a_bogus_key_is_silent() {
    let venue = Venue::start().await;
    let key = venue.listen_key().await;
    let mut raw = venue.connect(&format!("/private/ws/{key}")).await;
    let events = "events=ACCOUNT_CONFIG_UPDATE";
    let mut filtered = venue.connect(&format!("/private/ws?listenKey={key}&{events}")).await;
    let mut wrapped = venue.connect(&format!("/private/stream?listenKey={key}")).await;
    let mut asked = venue.connect("/private/stream?streams=").await;
    asked.say(&json!({"method": "SUBSCRIBE", "params": [key], "id": "a1"})).await;
    assert_eq!(asked.next().await, json!({"result": null, "id": "a1"}));
    let mut bogus = venue.connect("/private/ws/bogus").await;
    venue.settled(5).await;

    venue.signed("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=9").await.ok();
    for socket in [&mut raw, &mut filtered] {
        assert_eq!(socket.next().await["ac"], json!({"s": "BTCUSDT", "l": 9}));
    }
    for socket in [&mut wrapped, &mut asked] {
        let frame = socket.next().await;
        assert_eq!((&frame["stream"], &frame["data"]["ac"]["l"]), (&json!(key), &json!(9)));
    }
    venue.sandbox.control.expire_listen_key().await;
    assert_eq!(raw.next().await["e"], "listenKeyExpired");
    bogus.say(&json!({"method": "LIST_SUBSCRIPTIONS", "id": 3})).await;
    assert_eq!(bogus.next().await["id"], 3, "the first thing a bogus key hears");
    let keep_alive =
        venue.send("PUT", "/fapi/v1/listenKey", "", Some(&venue.sandbox.api_key)).await;
    assert_eq!(keep_alive.code(), -1125);
}

#[tokio::test]
async fn cut_streams_end_without_a_word() {
    let venue = Venue::start().await;
    let mut socket = venue.connect("/public/ws/btcusdt@depth@100ms").await;
    venue.settled(1).await;
    venue.sandbox.control.cut_streams().await;
    let end = tokio::time::timeout(DEADLINE, socket.0.next()).await.unwrap();
    assert!(matches!(end, None | Some(Err(_))), "{end:?}");
}

#[tokio::test]
async fn past_the_limit_requests_are_refused_until_the_window_ends() {
    let mut settings = SandboxSettings::for_seed(1);
    settings.limits.weight_1m = 3;
    let venue = Venue::start_with(settings).await;
    let mut refused = None;
    // The minute may turn in between: then the second handful is refused.
    for _ in 0..8 {
        let answer = venue.public("/fapi/v1/ping").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!((refused.status, refused.code()), (429, -1003));
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn whoever_goes_on_after_being_refused_is_banned_until_a_time_the_text_names() {
    let mut settings = SandboxSettings::for_seed(1);
    settings.limits.weight_1m = 2; // the harness itself asks nothing over HTTP
    settings.limits.refusals_before_ban = 2;
    let venue = Venue::start_with(settings).await;
    let mut banned = None;
    // The minute may turn in between: then the second handful is banned.
    for _ in 0..12 {
        let answer = venue.public("/fapi/v1/ping").await;
        if answer.status == 418 {
            banned = Some(answer);
            break;
        }
    }
    let banned = banned.unwrap();
    assert_eq!(banned.code(), -1003);
    let text = banned.json()["msg"].as_str().unwrap().to_owned();
    let until: i64 = text
        .split_once("banned until ")
        .and_then(|(_, rest)| rest.split('.').next())
        .and_then(|epoch| epoch.parse().ok())
        .unwrap();
    assert!((100_000..=120_000).contains(&(until - venue.now_ms())), "two minutes: {text}");
    assert!(banned.header("retry-after").is_some());
    let signed = venue.signed("GET", "/fapi/v3/balance", "").await;
    assert_eq!(signed.status, 418, "everything is refused");
}

#[tokio::test]
async fn addresses_outside_loopback_are_refused() {
    let mut settings = SandboxSettings::for_seed(1);
    settings.listen = "0.0.0.0:0".parse().unwrap();
    let clock = Arc::new(SystemClock::start());
    let exchange = exchange(clock.now());
    let refused = Server::start(exchange, settings, clock, &CancellationToken::new()).await;
    assert!(matches!(refused, Err(SandboxError::NotLoopback(_))));
}

/// A book kept by the rules of exchange-api.md 2.6: absolute quantities, zero removes.
#[derive(Default)]
struct KeptBook {
    bids: BTreeMap<Price, String>,
    asks: BTreeMap<Price, String>,
}

impl KeptBook {
    fn apply(&mut self, bids: &Value, asks: &Value) {
        for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for level in levels.as_array().unwrap() {
                let (price, quantity) = (level[0].as_str().unwrap(), level[1].as_str().unwrap());
                let price = price.parse().unwrap();
                if quantity.parse::<Quantity>().unwrap().is_zero() {
                    side.remove(&price);
                } else {
                    side.insert(price, quantity.to_owned());
                }
            }
        }
    }

    fn best(&self, levels: usize) -> (Value, Value) {
        let padded = |(price, quantity): (&Price, &String)| {
            let text = price.to_string();
            let text = if text.contains('.') { format!("{text}0") } else { format!("{text}.00") };
            json!([text, quantity])
        };
        (
            self.bids.iter().rev().take(levels).map(padded).collect(),
            self.asks.iter().take(levels).map(padded).collect(),
        )
    }
}
