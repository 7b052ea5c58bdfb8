//! The Algo Service of the loopback exchange: every kind of conditional order over real sockets.

use serde_json::{Value, json};

use crate::support::raw_client::{Venue, mark, trade};

const PATH: &str = "/fapi/v1/algoOrder";

fn stop(kind: &str, rest: &str) -> String {
    format!("algoType=CONDITIONAL&symbol=BTCUSDT&type={kind}&{rest}")
}

#[tokio::test]
async fn every_kind_is_taken_and_shown_as_what_it_is() {
    let venue = Venue::start().await;
    for (kind, rest) in [
        ("STOP", "side=BUY&quantity=0.1&price=60100&triggerPrice=60050"),
        ("TAKE_PROFIT", "side=SELL&quantity=0.1&price=60100&triggerPrice=60050&timeInForce=GTX"),
        ("STOP_MARKET", "side=SELL&closePosition=true&triggerPrice=59000"),
        ("TAKE_PROFIT_MARKET", "side=BUY&quantity=0.1&triggerPrice=59000&priceProtect=true"),
        ("TRAILING_STOP_MARKET", "side=SELL&quantity=0.1&activatePrice=60500&callbackRate=0.5"),
    ] {
        let order = stop(kind, &format!("{rest}&workingType=MARK_PRICE"));
        let placed = venue.signed("POST", PATH, &order).await.ok();
        assert_eq!((&placed["orderType"], &placed["algoStatus"]), (&json!(kind), &json!("NEW")));
        let id = format!("algoId={}", placed["algoId"]);
        let found = venue.signed("GET", PATH, &id).await.ok();
        assert_eq!((&found["orderType"], &found["actualOrderId"]), (&json!(kind), &json!("")));
        if kind == "TRAILING_STOP_MARKET" {
            assert_eq!(
                (&found["activatePrice"], &found["callbackRate"]),
                (&json!("60500.00"), &json!("0.5"))
            );
        }
    }
    let rows = venue.signed("GET", "/fapi/v1/openAlgoOrders", "symbol=BTCUSDT").await.ok();
    assert_eq!(rows.as_array().unwrap().len(), 5);
    assert_eq!((&rows[0]["quantity"], &rows[0]["price"]), (&json!("0.1"), &json!("60100.0")));
    assert_eq!((&rows[2]["quantity"], &rows[2]["price"]), (&json!("0.0"), &json!("0.0")));
    assert!(rows[0]["icebergQuantity"].is_null() && rows[0]["tpTriggerPrice"] == "0.000");
    let all = venue.signed("DELETE", "/fapi/v1/algoOpenOrders", "symbol=BTCUSDT").await.ok();
    assert_eq!(all["code"], 200);
    let known = venue.signed("GET", "/fapi/v1/allAlgoOrders", "symbol=BTCUSDT&limit=2").await.ok();
    assert_eq!(
        (&known[1]["orderType"], &known[1]["algoStatus"]),
        (&json!("TRAILING_STOP_MARKET"), &json!("CANCELED"))
    );
}

#[tokio::test]
async fn conditional_orders_that_cannot_be_are_refused_by_code() {
    let venue = Venue::start().await;
    for (kind, rest, code) in [
        ("STOP_MARKET", "side=BUY&quantity=0.1&triggerPrice=59000&workingType=MARK_PRICE", -2021),
        (
            "TAKE_PROFIT_MARKET",
            "side=SELL&quantity=0.1&triggerPrice=59000&workingType=MARK_PRICE",
            -2021,
        ),
        (
            "TRAILING_STOP_MARKET",
            "side=SELL&quantity=0.1&activatePrice=59000&callbackRate=1&workingType=MARK_PRICE",
            -2021,
        ),
        ("TRAILING_STOP_MARKET", "side=SELL&quantity=0.1&callbackRate=0.05", -2007),
        ("TRAILING_STOP_MARKET", "side=SELL&quantity=0.1&callbackRate=20.1", -2007),
        ("TRAILING_STOP_MARKET", "side=SELL&quantity=0.1", -1102),
        ("TRAILING_STOP_MARKET", "side=SELL&closePosition=true&callbackRate=1", -1106),
        ("STOP_MARKET", "side=SELL&closePosition=true&quantity=1&triggerPrice=59000", -4137),
        ("STOP_MARKET", "side=SELL&closePosition=true&reduceOnly=true&triggerPrice=59000", -4138),
        ("STOP_MARKET", "side=SELL&quantity=1", -1102),
        ("STOP_MARKET", "side=SELL&quantity=1&triggerPrice=59000&callbackRate=1", -1106),
        ("STOP_MARKET", "side=SELL&quantity=1&triggerPrice=59000&priceMatch=QUEUE", -5038),
        ("STOP", "side=SELL&quantity=1&triggerPrice=59000", -1102),
        ("STOP", "side=SELL&quantity=1&triggerPrice=59000&price=59000&timeInForce=NOW", -1115),
        ("STOP", "side=SELL&quantity=1&triggerPrice=59000&price=59000&timeInForce=GTE_GTC", -1115),
        ("STOP", "side=SELL&quantity=1&triggerPrice=59000&price=59000.05", -4014),
        ("ODD", "side=SELL&quantity=1&triggerPrice=59000", -1116),
    ] {
        let answer = venue.signed("POST", PATH, &stop(kind, rest)).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{kind} {rest}: {}", answer.body);
    }
    let rows = venue.signed("GET", "/fapi/v1/openAlgoOrders", "").await.ok();
    assert_eq!(rows, json!([]));
}

#[tokio::test]
async fn a_stop_limit_is_triggered_while_its_order_rests_and_finished_when_that_is_gone() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let order =
        stop("STOP", "side=BUY&quantity=0.1&price=59990&triggerPrice=60050&clientAlgoId=s-1");
    venue.feed(trade("60000.1")).await;
    venue.signed("POST", PATH, &order).await.ok();
    assert_eq!(events.next_named("ALGO_UPDATE").await["o"]["X"], "NEW");
    venue.feed(trade("60050")).await;
    let triggering = events.next_named("ALGO_UPDATE").await["o"].clone();
    assert_eq!((&triggering["X"], &triggering["ai"]), (&json!("TRIGGERING"), &json!("")));
    assert!(triggering.get("act").is_none());
    let triggered = events.next_named("ALGO_UPDATE").await;
    assert_eq!(
        (&triggered["o"]["X"], &triggered["o"]["act"]),
        (&json!("TRIGGERED"), &json!("LIMIT"))
    );
    let lag = triggered["E"].as_i64().unwrap() - triggering["tt"].as_i64().unwrap();
    assert_eq!(lag, 17, "as recorded, in the exchange's time");
    let child = events.next_named("ORDER_TRADE_UPDATE").await["o"].clone();
    assert_eq!(
        (&child["o"], &child["ot"], &child["c"]),
        (&json!("LIMIT"), &json!("STOP"), &json!("s-1"))
    );
    let id = format!("symbol=BTCUSDT&orderId={}", child["i"]);
    let open = venue.signed("GET", "/fapi/v1/openOrder", &id).await.ok();
    assert_eq!((&open["type"], &open["origType"]), (&json!("LIMIT"), &json!("STOP")));
    venue.signed("DELETE", "/fapi/v1/order", &id).await.ok();
    let finished = events.next_named("ALGO_UPDATE").await["o"].clone();
    assert_eq!((&finished["X"], &finished["aq"]), (&json!("FINISHED"), &json!("0")));
}

#[tokio::test]
async fn a_trailing_stop_tells_when_it_wakes() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let rest = "side=SELL&quantity=0.1&activatePrice=60500&callbackRate=1&workingType=MARK_PRICE";
    venue.signed("POST", PATH, &stop("TRAILING_STOP_MARKET", rest)).await.ok();
    let told = async |events: &mut crate::support::raw_client::Socket| -> (Value, Value) {
        let update = events.next_named("ALGO_UPDATE").await["o"].clone();
        (update["X"].clone(), update["ia"].clone())
    };
    assert_eq!(told(&mut events).await, (json!("NEW"), json!(false)));
    venue.feed(mark("60500")).await;
    assert_eq!(told(&mut events).await, (json!("NEW"), json!(true)));
    venue.feed(mark("59895")).await;
    assert_eq!(told(&mut events).await, (json!("TRIGGERING"), json!(true)));
}

#[tokio::test]
async fn a_stop_whose_order_is_refused_says_why() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let rest = "side=SELL&quantity=0.1&reduceOnly=true&triggerPrice=59990&workingType=MARK_PRICE";
    venue.signed("POST", PATH, &stop("STOP_MARKET", rest)).await.ok();
    venue.feed(mark("59989.5")).await;
    for status in ["NEW", "TRIGGERING"] {
        assert_eq!(events.next_named("ALGO_UPDATE").await["o"]["X"], status);
    }
    let rejected = events.next_named("ALGO_UPDATE").await["o"].clone();
    assert_eq!(
        (&rejected["X"], &rejected["rm"]),
        (&json!("REJECTED"), &json!("ReduceOnly Order is rejected."))
    );
}

#[tokio::test]
async fn a_closing_stop_lives_while_the_position_does_and_its_end_is_told() {
    let venue = Venue::start().await;
    let order = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.100";
    venue.signed("POST", "/fapi/v1/order", order).await.ok();
    let mut events = venue.user_stream().await;
    let closing = "side=SELL&closePosition=true&triggerPrice=59000";
    let placed = venue.signed("POST", PATH, &stop("STOP_MARKET", closing)).await.ok();
    assert_eq!(placed["timeInForce"], "GTE_GTC");
    let lasting = stop("STOP_MARKET", &format!("{closing}&timeInForce=GTC"));
    assert_eq!(venue.signed("POST", PATH, &lasting).await.ok()["timeInForce"], "GTC");
    let close = "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.100&reduceOnly=true";
    venue.signed("POST", "/fapi/v1/order", close).await.ok();
    let mut told = Vec::new();
    while told.len() < 3 {
        let update = events.next_named("ALGO_UPDATE").await["o"].clone();
        told.push((update["aid"].clone(), update["X"].clone()));
    }
    assert_eq!(told[2], (placed["algoId"].clone(), json!("EXPIRED")));
    let open = venue.signed("GET", "/fapi/v1/openAlgoOrders", "symbol=BTCUSDT").await.ok();
    assert_eq!((open.as_array().unwrap().len(), &open[0]["timeInForce"]), (1, &json!("GTC")));
}
