//! The market's public questions.

use lobd::binance::BarInterval;

use super::{Case, NO_ROWS, NOW, bitcoin, case};

const BEST: &str = r#"{"symbol":"BTCUSDT","bidPrice":"1","bidQty":"2","askPrice":"3",
    "askQty":"4","time":5}"#;
const DAY: &str = r#"{"symbol":"BTCUSDT","lastPrice":"1","openPrice":"1","highPrice":"1",
    "lowPrice":"1","volume":"1","quoteVolume":"1","closeTime":1,"count":1}"#;

pub(super) const QUESTIONS: &[Case] = &[
    case!("GET /fapi/v1/time", "", [1, 0, 0, 0], r#"{"serverTime":1}"#, |client| async move {
        // The other four samples of a measurement are asked for alike.
        client.measure_clock().await
    }),
    case!("GET /fapi/v1/exchangeInfo", "", [1, 0, 0, 0], r#"{"symbols":[]}"#, |client| client
        .exchange_info()),
    case!(
        "GET /fapi/v1/depth",
        "symbol=BTCUSDT&limit=100",
        [5, 0, 0, 0],
        r#"{"lastUpdateId":1,"bids":[],"asks":[]}"#,
        |client| client.order_book(bitcoin(), 51)
    ),
    case!(
        "GET /fapi/v1/rpiDepth",
        "symbol=BTCUSDT&limit=1000",
        [20, 0, 0, 0],
        r#"{"lastUpdateId":1,"bids":[],"asks":[]}"#,
        |client| client.retail_order_book(bitcoin())
    ),
    case!("GET /fapi/v1/trades", "symbol=BTCUSDT&limit=1000", [5, 0, 0, 0], NO_ROWS, |client| {
        client.recent_trades(bitcoin(), 5_000)
    }),
    case!(
        "GET /fapi/v1/aggTrades",
        "symbol=BTCUSDT&fromId=7&limit=10",
        [20, 0, 0, 0],
        NO_ROWS,
        |client| client.aggregate_trades(bitcoin(), Some(7), 10)
    ),
    case!(
        "GET /fapi/v1/klines",
        "symbol=BTCUSDT&interval=1M&startTime=1800000000000&limit=500",
        [5, 0, 0, 0],
        NO_ROWS,
        |client| client.klines(bitcoin(), BarInterval::OneMonth, Some(NOW), 500)
    ),
    case!("GET /fapi/v1/ticker/24hr", "symbol=BTCUSDT", [1, 0, 0, 0], DAY, |client| client
        .day_ticker(bitcoin())),
    case!("GET /fapi/v1/ticker/24hr", "", [40, 0, 0, 0], NO_ROWS, |client| client.day_tickers()),
    case!("GET /fapi/v1/ticker/bookTicker", "symbol=BTCUSDT", [2, 0, 0, 0], BEST, |client| {
        client.best_prices(bitcoin())
    }),
    case!(
        "GET /fapi/v2/ticker/price",
        "symbol=BTCUSDT",
        [1, 0, 0, 0],
        r#"{"symbol":"BTCUSDT","price":"1","time":1}"#,
        |client| client.last_price(bitcoin())
    ),
    case!(
        "GET /fapi/v1/premiumIndex",
        "symbol=BTCUSDT",
        [1, 0, 0, 0],
        r#"{"symbol":"BTCUSDT","markPrice":"1","lastFundingRate":"","time":1}"#,
        |client| client.premium_index(bitcoin())
    ),
    case!(
        "GET /fapi/v1/fundingRate",
        "symbol=BTCUSDT&startTime=1800000000000&limit=1000",
        [0, 0, 0, 1],
        NO_ROWS,
        |client| client.funding_rates(bitcoin(), NOW)
    ),
    case!("GET /fapi/v1/fundingInfo", "", [0, 0, 0, 1], NO_ROWS, |client| client.funding_terms()),
    case!(
        "GET /fapi/v1/openInterest",
        "symbol=BTCUSDT",
        [1, 0, 0, 0],
        r#"{"symbol":"BTCUSDT","openInterest":"1","time":1}"#,
        |client| client.open_interest(bitcoin())
    ),
];
