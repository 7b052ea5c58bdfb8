//! Candles and day statistics of the loopback exchange, over HTTP and as streams.

use lobd::book::{MarketEvent, PublicTrade};
use lobd::domain::{Timestamp, TradeId};
use serde_json::{Value, json};

use crate::support::raw_client::{Venue, symbol};

/// A trade now, by the exchange's clock.
fn trade(venue: &Venue, id: u64, price: &str, buyer_is_maker: bool) -> MarketEvent {
    MarketEvent::Trade(PublicTrade {
        symbol: symbol(),
        trade_id: TradeId(id),
        price: price.parse().unwrap(),
        quantity: "0.5".parse().unwrap(),
        buyer_is_maker,
        is_book_trade: true,
        trade_time: Timestamp::from_millis(venue.now_ms()),
    })
}

#[tokio::test]
async fn candles_are_the_trades_of_their_time() {
    let venue = Venue::start().await;
    for (id, price, is_sale) in [(11, "60000", false), (12, "60010", true), (13, "59990", true)] {
        venue.feed(trade(&venue, id, price, is_sale)).await;
    }
    // A month holds all three unless it turns in between.
    let rows = venue.public("/fapi/v1/klines?symbol=BTCUSDT&interval=1M").await.ok();
    let row = rows.as_array().unwrap().last().unwrap().clone();
    assert_eq!(row.as_array().unwrap().len(), 12);
    assert_eq!(
        (&row[1], &row[2], &row[3], &row[4]),
        (&json!("60000.00"), &json!("60010.00"), &json!("59990.00"), &json!("59990.00"))
    );
    assert_eq!((&row[5], &row[7], &row[8]), (&json!("1.500"), &json!("90000.00000"), &json!(3)));
    assert_eq!((&row[9], &row[10]), (&json!("0.500"), &json!("30000.00000")));
    assert!(
        row[0].as_i64().unwrap() <= venue.now_ms() && venue.now_ms() <= row[6].as_i64().unwrap()
    );
    let minutes = venue.public("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=99").await;
    assert_eq!(minutes.header("x-mbx-used-weight-1m").as_deref(), Some("6"), "five and one");
    let traded =
        minutes.ok().as_array().unwrap().iter().map(|row| row[8].as_u64().unwrap()).sum::<u64>();
    assert_eq!(traded, 3);
}

#[tokio::test]
async fn candles_that_cannot_be_are_refused_by_code() {
    let venue = Venue::start().await;
    for (query, code) in [
        ("symbol=BTCUSDT&interval=1m&limit=1501", -1130),
        ("symbol=BTCUSDT&interval=1s", -1120),
        ("symbol=BTCUSDT", -1102),
        ("symbol=NOSUCH&interval=1m", -1121),
        ("symbol=BTCUSDT&interval=1m&startTime=2&endTime=1", -1023),
    ] {
        let answer = venue.public(&format!("/fapi/v1/klines?{query}")).await;
        assert_eq!(answer.code(), code, "{query}");
    }
    let none = venue.public("/fapi/v1/klines?symbol=BTCUSDT&interval=1m").await;
    assert_eq!(none.ok(), json!([]), "nothing has traded");
}

#[tokio::test]
async fn a_candle_is_told_while_it_trades_and_once_more_when_it_is_over() {
    let venue = Venue::start().await;
    let mut candles = venue.connect("/market/ws/btcusdt@kline_1m").await;
    let mut wrong = venue.connect("/public/ws/btcusdt@kline_1m").await;
    venue.settled(2).await;
    venue.feed(trade(&venue, 21, "60000", false)).await;
    let first = candles.next().await["k"].clone();
    assert_eq!(
        (&first["x"], &first["o"], &first["f"]),
        (&json!(false), &json!("60000.00"), &json!(21))
    );
    assert_eq!(
        (&first["v"], &first["i"], &first["B"]),
        (&json!("0.500"), &json!("1m"), &json!("0"))
    );
    venue.feed(trade(&venue, 22, "60005", false)).await;
    let told = candles.next().await["k"].clone();
    // The minute may turn between the two trades.
    if told["t"] == first["t"] {
        assert_eq!(
            (&told["c"], &told["L"], &told["n"]),
            (&json!("60005.00"), &json!(22), &json!(2))
        );
    }
    // The exchange goes on to the next minute at once.
    let over = venue.sandbox.control.with_exchange(|exchange, _| {
        exchange.advance(exchange.now() + std::time::Duration::from_secs(61));
        exchange.now().millis()
    });
    assert!(over.await.is_some());
    let last = loop {
        let told = candles.next().await["k"].clone();
        if told["x"] == true {
            break told;
        }
    };
    assert!(last["T"].as_i64().unwrap() < venue.now_ms() + 61_000);
    wrong.say(&json!({"method": "LIST_SUBSCRIPTIONS", "id": 1})).await;
    assert_eq!(wrong.next().await["id"], 1, "silent on the wrong route");
}

#[tokio::test]
async fn the_day_is_told_over_http_and_as_a_stream() {
    let venue = Venue::start().await;
    let mut tickers =
        venue.connect("/market/stream?streams=btcusdt@ticker/btcusdt@miniTicker").await;
    venue.feed(trade(&venue, 31, "60000", false)).await;
    venue.feed(trade(&venue, 32, "60600", true)).await;
    let day = venue.public("/fapi/v1/ticker/24hr?symbol=BTCUSDT").await.ok();
    assert_eq!(
        (&day["priceChange"], &day["priceChangePercent"]),
        (&json!("600.00"), &json!("1.000"))
    );
    assert_eq!((&day["weightedAvgPrice"], &day["lastQty"]), (&json!("60300.00"), &json!("0.500")));
    assert_eq!(
        (&day["firstId"], &day["lastId"], &day["count"]),
        (&json!(31), &json!(32), &json!(2))
    );
    let all = venue.public("/fapi/v1/ticker/24hr").await;
    assert_eq!(all.header("x-mbx-used-weight-1m").as_deref(), Some("41"));
    assert!(all.ok().is_array());
    let last = venue.public("/fapi/v2/ticker/price?symbol=BTCUSDT").await.ok();
    assert_eq!(last["price"], "60600.00");
    let mut heard: Vec<Value> = Vec::new();
    while heard.len() < 2 {
        let frame = tickers.next().await;
        if frame["data"]["c"] == "60600.00" {
            heard.push(frame["data"]["e"].clone());
        }
    }
    assert_eq!(heard, [json!("24hrTicker"), json!("24hrMiniTicker")]);
    let mut all = venue.connect("/market/ws/!miniTicker@arr").await;
    assert_eq!(all.next().await[0]["s"], "BTCUSDT");
    let mut marks = venue.connect("/market/ws/!markPrice@arr@1s").await;
    assert_eq!(marks.next().await[0]["p"], "60000.05000000");
}

#[tokio::test]
async fn open_interest_is_what_the_accounts_hold() {
    let venue = Venue::start().await;
    let order = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.100";
    venue.signed("POST", "/fapi/v1/order", order).await.ok();
    let held = venue.public("/fapi/v1/openInterest?symbol=BTCUSDT").await.ok();
    assert_eq!(held["openInterest"], "0.100");
}
