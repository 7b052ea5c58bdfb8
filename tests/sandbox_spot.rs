//! The spot market-data side of the loopback exchange.
//!
//! Written from `exchange-api.md` 10 with raw HTTP and raw JSON, knowing nothing of our own client.

use serde_json::json;

use crate::support::raw_client::{Venue, diff, ticker, trade};

#[tokio::test]
async fn the_spot_interface_tells_the_same_market_in_its_own_words() {
    let venue = Venue::start().await;
    let depth = venue.public("/api/v3/depth?symbol=BTCUSDT&limit=7").await;
    assert_eq!(depth.header("x-mbx-used-weight-1m").as_deref(), Some("5"));
    let depth = depth.ok();
    assert_eq!(depth["bids"].as_array().unwrap().len(), 7, "any limit will do");
    assert_eq!(depth["bids"][0], json!(["60000.00000000", "10.00000000"]));
    assert!(depth.get("E").is_none() && depth.get("T").is_none());
    let deep = venue.public("/api/v3/depth?symbol=BTCUSDT&limit=5000").await;
    assert_eq!(deep.header("x-mbx-used-weight-1m").as_deref(), Some("255"));
    let futures = venue.public("/fapi/v1/ping").await;
    assert_eq!(futures.header("x-mbx-used-weight-1m").as_deref(), Some("1"), "another pool");

    let info = venue.public("/api/v3/exchangeInfo?symbol=BTCUSDT").await.ok();
    let filters = info["symbols"][0]["filters"].as_array().unwrap();
    assert_eq!(
        filters[2],
        json!({"filterType": "NOTIONAL", "minNotional": "50.00000000", "applyMinToMarket": true})
    );
    assert_eq!(info["rateLimits"][0]["limit"], 6000);
    assert!(venue.public("/api/v3/time").await.ok()["serverTime"].is_i64());
    let rows = venue.public("/api/v3/klines?symbol=BTCUSDT&interval=1m").await.ok();
    assert_eq!(rows, json!([]));
    assert_eq!(venue.public("/api/v3/depth?symbol=NOSUCH").await.code(), -1121);
}

#[tokio::test]
async fn spot_diffs_follow_one_another_without_a_hole_in_their_ids() {
    let venue = Venue::start().await;
    let mut diffs = venue.connect("/spot/ws/btcusdt@depth@100ms").await;
    let mut partial = venue.connect("/spot/ws/btcusdt@depth5@100ms").await;
    venue.settled(2).await;
    let snapshot = venue.public("/api/v3/depth?symbol=BTCUSDT&limit=5000").await.ok();
    let mut last = snapshot["lastUpdateId"].as_u64().unwrap();
    for step in 0..3 {
        venue.feed(diff(last + 2, last + 9, last, "60000.0", "4.5")).await;
        let frame = diffs.next().await;
        assert_eq!(frame["U"].as_u64(), Some(last + 1), "event {step}");
        assert!(frame.get("pu").is_none() && frame.get("T").is_none());
        assert_eq!(frame["b"], json!([["60000.00000000", "4.50000000"]]));
        last = frame["u"].as_u64().unwrap();
        let whole = partial.next().await;
        assert_eq!((&whole["lastUpdateId"], whole.get("e")), (&json!(last), None));
        assert_eq!(whole["bids"].as_array().unwrap().len(), 5);
    }
}

#[tokio::test]
async fn spot_trades_and_best_prices_come_on_one_socket() {
    let venue = Venue::start().await;
    let names = "btcusdt@trade/btcusdt@aggTrade/btcusdt@bookTicker";
    let mut socket = venue.connect(&format!("/spot/stream?streams={names}")).await;
    venue.settled(1).await;
    venue.feed(trade("60000.1")).await;
    venue.feed(ticker()).await;
    let told = socket.next().await;
    assert_eq!((&told["stream"], &told["data"]["t"]), (&json!("btcusdt@trade"), &json!(7)));
    assert_eq!(told["data"]["p"], "60000.10000000");
    let told = socket.next().await["data"].clone();
    assert_eq!((&told["e"], &told["a"], &told["M"]), (&json!("aggTrade"), &json!(7), &json!(true)));
    let told = socket.next().await["data"].clone();
    assert_eq!((&told["u"], told.get("e")), (&json!(101), None));
    assert_eq!(told["b"], "60000.00000000");
}
