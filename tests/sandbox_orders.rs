//! The order endpoints of the loopback exchange: terms, changes, batches, the dead-man's switch.
//!
//! Written from `exchange-api.md` with raw HTTP and raw JSON, knowing nothing of our own client.

use serde_json::{Value, json};

use crate::support::raw_client::Venue;

/// A limit order that rests: 1 at 59,000.
const RESTING: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=59000";

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn codes(answers: &Value) -> Vec<i64> {
    let code = |answer: &Value| answer["code"].as_i64().unwrap_or(0);
    answers.as_array().unwrap().iter().map(code).collect()
}

#[tokio::test]
async fn terms_of_an_order_come_back_in_answers_and_events() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let date = (venue.now_ms() / 1_000 + 700) * 1_000;
    let order = format!(
        "{}&goodTillDate={}&selfTradePreventionMode=EXPIRE_BOTH&newClientOrderId=d-1",
        RESTING.replace("GTC", "GTD"),
        date + 123
    );
    let placed = venue.signed("POST", "/fapi/v1/order", &order).await.ok();
    assert_eq!((&placed["timeInForce"], &placed["goodTillDate"]), (&json!("GTD"), &json!(date)));
    assert_eq!(placed["selfTradePreventionMode"], "EXPIRE_BOTH");
    let event = events.next_named("ORDER_TRADE_UPDATE").await["o"].clone();
    assert_eq!(
        (&event["f"], &event["gtd"], &event["V"]),
        (&json!("GTD"), &json!(date), &json!("EXPIRE_BOTH"))
    );

    let matched =
        "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&priceMatch=QUEUE_5";
    let placed = venue.signed("POST", "/fapi/v1/order", matched).await.ok();
    assert_eq!((&placed["price"], &placed["priceMatch"]), (&json!("60000.50"), &json!("QUEUE_5")));
    assert_eq!(events.next_named("ORDER_TRADE_UPDATE").await["o"]["pm"], "QUEUE_5");
}

#[tokio::test]
async fn terms_that_cannot_be_are_refused_by_code() {
    let venue = Venue::start().await;
    venue.signed("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=75").await.ok();
    let now = venue.now_ms();
    let dated = RESTING.replace("GTC", "GTD");
    for (order, code) in [
        (format!("{dated}&goodTillDate={}", now + 599_000), -5040),
        (format!("{dated}&goodTillDate=253402300799000"), -5040),
        (dated.clone(), -1102),
        (format!("{RESTING}&goodTillDate={}", now + 900_000), -1106),
        (format!("{RESTING}&selfTradePreventionMode=NEVER"), -5039),
        (format!("{RESTING}&priceMatch=QUEUE"), -1106),
        (RESTING.replace("price=59000", "priceMatch=OPPONENT_10"), -5037),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&priceMatch=QUEUE".to_owned(), -5038),
        (RESTING.replace("GTC", "RPI"), -1115),
        (format!("{RESTING}&newOrderRespType=FULL"), -1136),
        (format!("{RESTING}&newClientOrderId={}", "x".repeat(37)), -4015),
        (RESTING.replace("GTC&quantity=1&price=59000", "FOK&quantity=11&price=60000.1"), -5021),
    ] {
        let answer = venue.signed("POST", "/fapi/v1/order", &order).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{order}: {}", answer.body);
        let tested = venue.signed("POST", "/fapi/v1/order/test", &order).await;
        assert_eq!(tested.code(), code, "tested: {order}");
    }
    let tested = venue.signed("POST", "/fapi/v1/order/test", RESTING).await;
    assert!(tested.header("x-mbx-order-count-10s").is_none());
    assert_eq!(tested.ok()["status"], "NEW");
    assert_eq!(venue.signed("GET", "/fapi/v1/openOrders", "symbol=BTCUSDT").await.ok(), json!([]));
}

#[tokio::test]
async fn a_changed_order_tells_so_and_its_history_is_kept() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let placed = venue
        .signed("POST", "/fapi/v1/order", &format!("{RESTING}&newClientOrderId=a-1"))
        .await
        .ok();
    let change = "symbol=BTCUSDT&side=BUY&quantity=2&price=59001&origClientOrderId=a-1";
    let answer = venue.signed("PUT", "/fapi/v1/order", &format!("{change}&modifyId=77")).await;
    assert_eq!(answer.header("x-mbx-order-count-10s").as_deref(), Some("2"), "changes count");
    let changed = answer.ok();
    assert_eq!((&changed["orderId"], &changed["modifyId"]), (&placed["orderId"], &json!(77)));
    assert_eq!((&changed["price"], &changed["pair"]), (&json!("59001.00"), &json!("BTCUSDT")));
    assert_eq!(changed["origQty"], "2.000");

    assert_eq!(events.next_named("ORDER_TRADE_UPDATE").await["o"]["x"], "NEW");
    let event = events.next_named("ORDER_TRADE_UPDATE").await["o"].clone();
    assert_eq!((&event["x"], &event["X"]), (&json!("AMENDMENT"), &json!("NEW")));
    assert_eq!(
        (&event["M"], &event["q"], &event["p"]),
        (&json!("77"), &json!("2"), &json!("59001"))
    );

    let id = format!("symbol=BTCUSDT&orderId={}", placed["orderId"]);
    let history = venue.signed("GET", "/fapi/v1/orderAmendment", &id).await.ok();
    assert_eq!(
        history[0]["amendment"],
        json!({
            "price": {"before": "59000.00", "after": "59001.00"},
            "origQty": {"before": "1.000", "after": "2.000"},
            "count": 1,
            "modifyId": 77
        })
    );
    for (change, code) in [
        (change.to_owned(), -5027),
        (change.replace("a-1", "a-2"), -2013),
        (change.replace("59001", "59001.05"), -4014),
        (change.replace("&price=59001", ""), -1102),
        ("symbol=BTCUSDT&side=BUY&quantity=2&price=59001".to_owned(), -1102),
    ] {
        assert_eq!(venue.signed("PUT", "/fapi/v1/order", &change).await.code(), code, "{change}");
    }
}

#[tokio::test]
async fn a_batch_answers_each_order_by_itself_and_counts_five_and_one() {
    let venue = Venue::start().await;
    let orders = json!([
        {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
         "quantity": "1", "price": "59000", "newClientOrderId": "b-1"},
        {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX",
         "quantity": 1, "price": "60000.1", "newClientOrderId": "b-2"},
        {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "1"},
        {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "1", "reduceOnly": true}
    ]);
    let list = format!("batchOrders={}", encoded(&orders.to_string()));
    let answer = venue.signed("POST", "/fapi/v1/batchOrders", &list).await;
    assert_eq!(answer.header("x-mbx-order-count-10s").as_deref(), Some("5"));
    assert_eq!(answer.header("x-mbx-order-count-1m").as_deref(), Some("1"));
    let placed = answer.ok();
    assert_eq!(codes(&placed), [0, -5022, -4120, -2022]);
    assert_eq!((&placed[0]["clientOrderId"], &placed[0]["status"]), (&json!("b-1"), &json!("NEW")));

    let wanted = json!([
        {"symbol": "BTCUSDT", "side": "BUY", "quantity": "1", "price": "58999",
         "origClientOrderId": "b-1"},
        {"symbol": "BTCUSDT", "side": "BUY", "quantity": "1", "price": "58999",
         "orderId": 1}
    ]);
    let list = format!("batchOrders={}", encoded(&wanted.to_string()));
    let changed = venue.signed("PUT", "/fapi/v1/batchOrders", &list).await.ok();
    assert_eq!(codes(&changed), [0, -2013]);
    assert_eq!(changed[0]["price"], "58999.00");

    let names = format!("symbol=BTCUSDT&origClientOrderIdList={}", encoded(r#"["b-1","b-9"]"#));
    let cancelled = venue.signed("DELETE", "/fapi/v1/batchOrders", &names).await.ok();
    assert_eq!(codes(&cancelled), [0, -2011]);
    assert_eq!(cancelled[0]["status"], "CANCELED");
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_as_a_whole() {
    let venue = Venue::start().await;
    let six: Vec<Value> = (0..6).map(|_| json!({"symbol": "BTCUSDT"})).collect();
    for (list, code) in [
        (json!(six).to_string(), -4082),
        ("[]".to_owned(), -4082),
        ("{}".to_owned(), -1130),
        ("[1".to_owned(), -1130),
    ] {
        let list = format!("batchOrders={}", encoded(&list));
        assert_eq!(venue.signed("POST", "/fapi/v1/batchOrders", &list).await.code(), code);
    }
    let ids: Vec<u64> = (0..11).collect();
    let list = format!("symbol=BTCUSDT&orderIdList={}", encoded(&json!(ids).to_string()));
    assert_eq!(venue.signed("DELETE", "/fapi/v1/batchOrders", &list).await.code(), -4082);
    let wrong = format!("batchOrders={}", encoded(r#"[7,{"symbol":{}}]"#));
    let answers = venue.signed("POST", "/fapi/v1/batchOrders", &wrong).await.ok();
    assert_eq!(codes(&answers), [-1130, -1130], "each element by itself");
}

#[tokio::test]
async fn a_countdown_that_is_not_renewed_cancels_what_works() {
    let venue = Venue::start().await;
    venue.signed("POST", "/fapi/v1/order", RESTING).await.ok();
    let mut events = venue.user_stream().await;
    let path = "/fapi/v1/countdownCancelAll";
    let off = venue.signed("POST", path, "symbol=BTCUSDT&countdownTime=0").await.ok();
    assert_eq!(off, json!({"symbol": "BTCUSDT", "countdownTime": "0"}));
    let started = venue.signed("POST", path, "symbol=BTCUSDT&countdownTime=50").await;
    assert_eq!(started.ok()["countdownTime"], "50");
    let event = events.next_named("ORDER_TRADE_UPDATE").await["o"].clone();
    assert_eq!((&event["x"], &event["X"]), (&json!("CANCELED"), &json!("CANCELED")));
    assert_eq!(venue.signed("POST", path, "symbol=NOSUCH&countdownTime=50").await.code(), -1121);
    assert_eq!(venue.signed("POST", path, "symbol=BTCUSDT").await.code(), -1102);
}

#[tokio::test]
async fn orders_are_listed_by_pages_of_ids_and_spans_of_time() {
    let venue = Venue::start().await;
    let mut ids = Vec::new();
    for count in 0..5 {
        let small = RESTING.replace("quantity=1", "quantity=0.01");
        let order = format!("{small}&newClientOrderId=p-{count}");
        ids.push(venue.signed("POST", "/fapi/v1/order", &order).await.ok()["orderId"].clone());
    }
    let listed = async |query: &str| {
        let rows = venue.signed("GET", "/fapi/v1/allOrders", query).await.ok();
        let id = |row: &Value| row["orderId"].clone();
        rows.as_array().unwrap().iter().map(id).collect::<Vec<Value>>()
    };
    assert_eq!(listed("symbol=BTCUSDT&limit=2").await, ids[3..], "the newest");
    assert_eq!(listed("limit=2").await, ids[3..], "a symbol need not be named");
    let page = format!("symbol=BTCUSDT&limit=2&orderId={}", ids[1]);
    assert_eq!(listed(&page).await, ids[1..3], "from an id on");
    let week = 7 * 24 * 3_600_000_i64;
    let now = venue.now_ms();
    let since = now - 60_000;
    assert_eq!(listed(&format!("symbol=BTCUSDT&startTime={since}&limit=2")).await, ids[..2]);
    for (span, code) in [
        (format!("startTime={}&endTime={now}", now - week - 1), -1127),
        (format!("startTime={now}&endTime={}", now - 1), -1023),
    ] {
        let query = format!("symbol=BTCUSDT&{span}");
        assert_eq!(venue.signed("GET", "/fapi/v1/allOrders", &query).await.code(), code);
    }
    let first = format!("symbol=BTCUSDT&orderId={}", ids[0]);
    let open = venue.signed("GET", "/fapi/v1/openOrder", &first).await.ok();
    assert_eq!(open["clientOrderId"], "p-0");
}

#[tokio::test]
async fn a_fill_is_told_briefly_and_in_full_under_one_trade_id() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let order = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.100&newClientOrderId=m-1";
    venue.signed("POST", "/fapi/v1/order", order).await.ok();
    assert_eq!(events.next_named("ORDER_TRADE_UPDATE").await["o"]["x"], "NEW");
    let lite = events.next().await;
    assert_eq!(
        (&lite["e"], &lite["c"], &lite["S"]),
        (&json!("TRADE_LITE"), &json!("m-1"), &json!("BUY"))
    );
    assert_eq!(
        (&lite["q"], &lite["L"], &lite["l"]),
        (&json!("0.1"), &json!("60000.1"), &json!("0.1"))
    );
    let whole = events.next().await["o"].clone();
    assert_eq!((&whole["x"], &whole["t"], &whole["i"]), (&json!("TRADE"), &lite["t"], &lite["i"]));
}
