//! The loopback exchange is no more lenient than the venue: what `exchange-api.md` refuses, it does.

use crate::support::raw_client::Venue;

#[tokio::test]
async fn a_number_with_an_exponent_is_refused_and_nothing_is_placed() {
    let venue = Venue::start().await;
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC";
    for numbers in ["quantity=0.010&price=5.9E4", "quantity=1e-2&price=59000"] {
        let refused = venue.signed("POST", "/fapi/v1/order", &format!("{order}&{numbers}")).await;
        assert_eq!((refused.status, refused.code()), (400, -1100), "{numbers}");
    }
    let open = venue.signed("GET", "/fapi/v1/openOrders", "symbol=BTCUSDT").await.ok();
    assert_eq!(open, serde_json::json!([]));
}

#[tokio::test]
async fn a_span_is_as_long_as_the_venue_allows_and_no_longer() {
    const HOUR_MS: i64 = 3_600_000;
    const WEEK_MS: i64 = 7 * 24 * HOUR_MS;
    let venue = Venue::start().await;
    let end = venue.now_ms();
    let asked = |long: i64| format!("symbol=BTCUSDT&startTime={}&endTime={end}", end - long);
    for (path, longest) in [
        ("/fapi/v1/allOrders", WEEK_MS - 1),
        ("/fapi/v1/allAlgoOrders", WEEK_MS - 1),
        ("/fapi/v1/userTrades", WEEK_MS),
    ] {
        let taken = venue.signed("GET", path, &asked(longest)).await;
        assert_eq!(taken.status, 200, "{path}: {}", taken.body);
        assert_eq!(venue.signed("GET", path, &asked(longest + 1)).await.code(), -1127, "{path}");
    }
    let aggregates = |long| format!("/fapi/v1/aggTrades?{}", asked(long));
    assert_eq!(venue.public(&aggregates(HOUR_MS - 1)).await.status, 200);
    assert_eq!(venue.public(&aggregates(HOUR_MS)).await.code(), -1127);
}

#[tokio::test]
async fn funding_is_counted_apart_and_in_no_header() {
    let venue = Venue::start().await;
    for path in ["/fapi/v1/fundingRate", "/fapi/v1/fundingInfo"] {
        let answer = venue.public(path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-mbx-used-weight-1m"), None, "{path}");
    }
    let other = venue.public("/fapi/v1/time").await;
    assert_eq!(
        other.header("x-mbx-used-weight-1m").as_deref(),
        Some("1"),
        "funding took none of it"
    );
}
