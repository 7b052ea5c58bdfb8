//! The REST client against a venue that fails in every documented way.
//!
//! What matters is the outcome class: an order that may have been placed is never called refused,
//! and one that surely was not is never called unknown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lobd::binance::{Batch, BinanceError, BinanceVenue, RestClient, RestSettings};
use lobd::clock::{Clock, SystemClock};
use lobd::config::Credentials;
use lobd::domain::{
    ClientOrderId, Environment, Failure, OrderKind, OrderRequest, SelfTradePrevention, Side,
    StopRequest, StopSize, Symbol, TimeInForce, Timestamp,
};
use lobd::sign::{Secret, Signer};
use lobd::venue::Venue;

use crate::support::fake_venue::{FakeVenue, Reply, Seen};

pub(crate) const KEY: &str = "the-api-key";
pub(crate) const SECRET: &str = "the-api-secret";
const ORDER_PATH: &str = "/fapi/v1/order";

fn settings(url: &str) -> RestSettings {
    RestSettings {
        environment: Environment::Sandbox,
        base_url: url.to_owned(),
        credentials: Some(Credentials {
            api_key: Secret::new(KEY.to_owned()),
            api_secret: Secret::new(SECRET.to_owned()),
        }),
        receive_window: Duration::from_secs(5),
        timeout: Duration::from_millis(500),
        self_trade_prevention: SelfTradePrevention::default(),
    }
}

pub(crate) fn client(url: &str) -> Arc<RestClient> {
    Arc::new(RestClient::new(settings(url), Arc::new(SystemClock::start())).unwrap())
}

pub(crate) fn order() -> OrderRequest {
    OrderRequest {
        client_order_id: ClientOrderId::new("lobd-00000001-1-1").unwrap(),
        symbol: bitcoin(),
        side: Side::Buy,
        quantity: "0.010".parse().unwrap(),
        kind: OrderKind::Limit {
            price: "60000.1".parse().unwrap(),
            time_in_force: TimeInForce::PostOnly,
        },
        reduce_only: false,
    }
}

pub(crate) fn bitcoin() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

fn wall_ms() -> i64 {
    SystemClock::start().now().millis()
}

/// The time to those who ask for it, and the given answer to everything else.
pub(crate) async fn venue(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> FakeVenue {
    FakeVenue::start(move |seen| match seen.path.as_str() {
        "/fapi/v1/time" => Reply::json(200, &format!(r#"{{"serverTime":{}}}"#, wall_ms())),
        _ => answer(seen),
    })
    .await
}

/// What placing an order comes to when the venue answers so.
async fn placing(answer: impl Fn() -> Reply + Send + Sync + 'static) -> Failure {
    let fake = venue(move |_| answer()).await;
    let failure = BinanceVenue::new(client(&fake.url)).place(&order()).await.unwrap_err();
    assert_eq!(fake.seen_at(ORDER_PATH).len(), 1, "an order is sent once, whatever comes of it");
    failure
}

#[tokio::test]
async fn what_hides_the_outcome_of_an_order_is_unknown() {
    let hidden: [fn() -> Reply; 6] = [
        || Reply::HangUp,
        || Reply::Silence,
        || Reply::json(500, "oops"),
        || {
            Reply::json(
                503,
                r#"{"code":-1000,"msg":"Unknown error, please check your request or try again later."}"#,
            )
        },
        || {
            Reply::json(
                400,
                r#"{"code":-1007,"msg":"Timeout waiting for response from backend server."}"#,
            )
        },
        || Reply::json(200, "<html>half an answ"),
    ];
    for (number, reply) in hidden.into_iter().enumerate() {
        let failure = placing(reply).await;
        assert!(matches!(failure, Failure::Unknown { .. }), "{number}: {failure:?}");
    }
}

#[tokio::test]
async fn what_was_surely_not_processed_may_be_tried_again() {
    let failed: [fn() -> Reply; 4] = [
        || Reply::json(503, r#"{"code":0,"msg":"Service Unavailable."}"#),
        || {
            Reply::json(
                503,
                r#"{"code":-1001,"msg":"Internal error; unable to process your request. Please try again."}"#,
            )
        },
        || Reply::json(403, "<html>firewall</html>"),
        || Reply::json(451, "<html>not here</html>"),
    ];
    for (number, reply) in failed.into_iter().enumerate() {
        let failure = placing(reply).await;
        assert!(matches!(failure, Failure::NotSent { .. }), "{number}: {failure:?}");
    }
    let refused = placing(|| Reply::json(400, r#"{"code":-2019,"msg":"Margin is insufficient."}"#));
    assert!(matches!(refused.await, Failure::Rejected(rejection) if rejection.code == -2019));
}

#[tokio::test]
async fn a_venue_that_cannot_be_reached_was_not_asked() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&url).place_order(&order()).await.unwrap_err();
    assert!(matches!(error, BinanceError::Unreachable { .. }), "{error:?}");
    assert!(matches!(Failure::from(error), Failure::NotSent { .. }));
}

#[tokio::test]
async fn a_redirect_is_refused_and_the_key_goes_nowhere_else() {
    let elsewhere = FakeVenue::start(|_| Reply::json(200, "{}")).await;
    let location = format!("Location: {}/fapi/v1/order\r\n", elsewhere.url);
    let location: &'static str = Box::leak(location.into_boxed_str());
    let failure = placing(move || Reply::Answer(302, location, String::new())).await;
    assert!(matches!(&failure, Failure::NotSent { reason } if reason.contains("redirects")));
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn silence_is_kept_when_the_venue_wants_it() {
    let fake = venue(|_| {
        let body = r#"{"code":-1003,"msg":"Too many requests."}"#.to_owned();
        Reply::Answer(429, "Retry-After: 30\r\n", body)
    })
    .await;
    let venue = BinanceVenue::new(client(&fake.url));
    let throttled = venue.place(&order()).await.unwrap_err();
    let Failure::Throttled { until } = throttled else { panic!("{throttled:?}") };
    assert!((until.millis() - wall_ms() - 30_000).abs() < 5_000);
    let again = venue.cancel(bitcoin(), order().client_order_id).await.unwrap_err();
    assert!(matches!(again, Failure::Throttled { .. }));
    assert_eq!(fake.seen_at(ORDER_PATH).len(), 1, "the second request did not go out");
}

#[tokio::test]
async fn a_count_is_believed_but_where_the_venue_miscounts() {
    let fake = venue(|seen| {
        let body = match seen.path.as_str() {
            "/fapi/v1/depth" => r#"{"lastUpdateId":1,"bids":[],"asks":[]}"#,
            "/fapi/v2/ticker/price" => r#"{"symbol":"BTCUSDT","price":"6000.01","time":1}"#,
            _ => {
                r#"{"symbol":"BTCUSDT","bidPrice":"1.0","bidQty":"1","askPrice":"2.0","askQty":"1","time":1}"#
            }
        };
        Reply::Answer(200, "X-MBX-USED-WEIGHT-1M: 2399\r\n", body.to_owned())
    })
    .await;
    let client = client(&fake.url);
    for _ in 0..2 {
        client.best_prices(bitcoin()).await.unwrap();
        client.last_price(bitcoin()).await.unwrap();
    }
    client.order_book(bitcoin(), 5).await.unwrap();
    let held = client.order_book(bitcoin(), 5).await.unwrap_err();
    assert!(matches!(held, BinanceError::HeldBack { .. }), "{held:?}");
}

#[tokio::test]
async fn what_the_venue_counts_holds_new_risk_back_before_protection() {
    let fake = venue(|_| {
        let body = r#"{"code":-2022,"msg":"ReduceOnly Order is rejected."}"#.to_owned();
        Reply::Answer(400, "X-MBX-ORDER-COUNT-10S: 200\r\n", body)
    })
    .await;
    let venue = BinanceVenue::new(client(&fake.url));
    // The window of ten seconds may end between two requests; then the venue counts anew.
    for _ in 0..2 {
        assert!(matches!(venue.place(&order()).await, Err(Failure::Rejected(_))));
        let held_back = venue.place(&order()).await;
        let closing = OrderRequest { reduce_only: true, ..order() };
        assert!(matches!(venue.place(&closing).await, Err(Failure::Rejected(_))));
        if matches!(held_back, Err(Failure::NotSent { .. })) {
            return;
        }
    }
    panic!("new risk was not held back at 200 of 300 orders");
}

#[tokio::test]
async fn reconciliation_never_takes_the_weight_that_is_kept_for_cancels() {
    let fake = venue(|seen| {
        let used = "X-MBX-USED-WEIGHT-1M: 1800\r\n";
        let body = match (seen.path.as_str(), seen.method.as_str()) {
            ("/fapi/v3/positionRisk", _) => "[]",
            _ => {
                return Reply::Answer(400, used, r#"{"code":-2011,"msg":"Unknown order."}"#.into());
            }
        };
        Reply::Answer(200, used, body.to_owned())
    })
    .await;
    let venue = BinanceVenue::new(client(&fake.url));
    let wanted = BTreeMap::from([(bitcoin(), None)]);
    // The window of a minute may end between two requests; then the venue counts anew.
    for _ in 0..2 {
        venue.position(bitcoin()).await.unwrap();
        let held_back = venue.account(&wanted, Timestamp::default()).await;
        venue.position(bitcoin()).await.unwrap();
        let cancel = venue.cancel(bitcoin(), order().client_order_id).await;
        assert!(matches!(cancel, Err(Failure::Rejected(_))), "{cancel:?}");
        let query = venue.query(bitcoin(), order().client_order_id).await;
        assert!(matches!(query, Err(Failure::Rejected(_))), "{query:?}");
        if matches!(held_back, Err(Failure::NotSent { .. })) {
            return;
        }
    }
    panic!("the account was asked for at 1,800 of 2,400");
}

#[tokio::test]
async fn a_clock_off_by_two_seconds_is_measured_and_corrected() {
    let fake = FakeVenue::start(|seen| match seen.path.as_str() {
        "/fapi/v1/time" => Reply::json(200, &format!(r#"{{"serverTime":{}}}"#, wall_ms() + 2_000)),
        _ => Reply::json(200, "[]"),
    })
    .await;
    let client = client(&fake.url);
    client.balances().await.unwrap();
    let offset = client.clock_offset().unwrap();
    assert!((offset.nanos - 2_000_000_000).abs() < 500_000_000, "{offset:?}");
    let request = fake.seen_at("/fapi/v3/balance").remove(0);
    let sent: i64 = request.parameter("timestamp").unwrap().parse().unwrap();
    assert!((sent - wall_ms() - 2_000).abs() < 900, "what the venue's clock says");
}

#[tokio::test]
async fn a_request_refused_for_its_timestamp_goes_out_once_more_under_the_same_name() {
    let refused = Arc::new(AtomicUsize::new(0));
    let fake = FakeVenue::start(move |seen| match seen.path.as_str() {
        "/fapi/v1/time" => {
            // The venue's clock is stepped ahead before it refuses.
            let step = if refused.load(Ordering::SeqCst) > 0 { 3_000 } else { 0 };
            Reply::json(200, &format!(r#"{{"serverTime":{}}}"#, wall_ms() + step))
        }
        _ => match refused.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::json(400, r#"{"code":-1021,"msg":"Timestamp outside of the recvWindow."}"#),
            _ => Reply::json(400, r#"{"code":-5022,"msg":"Could not be executed as maker."}"#),
        },
    })
    .await;
    let error = client(&fake.url).place_order(&order()).await.unwrap_err();
    assert_eq!(error.code(), Some(-5022));
    let sent = fake.seen_at(ORDER_PATH);
    assert_eq!(sent.len(), 2);
    let names: Vec<_> = sent.iter().map(|seen| seen.parameter("newClientOrderId")).collect();
    assert_eq!(names, [Some("lobd-00000001-1-1"); 2]);
    let time = |seen: &Seen| seen.parameter("timestamp").unwrap().parse::<i64>().unwrap();
    assert!(time(&sent[1]) - time(&sent[0]) > 2_500, "under a new timestamp");
    assert_eq!(fake.seen_at("/fapi/v1/time").len(), 10, "measured before and in between");
}

#[tokio::test]
async fn what_is_signed_is_what_is_sent() {
    let fake = venue(|_| Reply::json(400, r#"{"code":-2019,"msg":""}"#)).await;
    client(&fake.url).place_order(&order()).await.unwrap_err();
    let sent = fake.seen_at(ORDER_PATH).remove(0);
    assert_eq!(sent.method, "POST");
    assert!(sent.head.to_lowercase().contains(&format!("x-mbx-apikey: {KEY}")));
    let (signed, signature) = sent.query.split_once("&signature=").unwrap();
    let key = Signer::new(&Secret::new(SECRET.to_owned()));
    assert_eq!(key.sign(signed), signature, "the signature covers the bytes sent");
    let expected = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.01&price=60000.1\
        &timeInForce=GTX&selfTradePreventionMode=EXPIRE_MAKER&newClientOrderId=lobd-00000001-1-1&newOrderRespType=RESULT\
        &recvWindow=5000&timestamp=";
    assert!(signed.starts_with(expected), "{signed}");
}

#[tokio::test]
async fn no_failure_shows_a_secret_a_signature_or_a_signed_url() {
    let replies: [fn() -> Reply; 4] = [
        || Reply::HangUp,
        || Reply::Silence,
        || Reply::json(500, ""),
        || {
            Reply::json(
                401,
                r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}"#,
            )
        },
    ];
    for reply in replies {
        let text = format!("{:?}", placing(reply).await);
        for secret in [KEY, SECRET, "signature", "timestamp=", "newClientOrderId"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    let client = client("http://127.0.0.1:1");
    assert!(!format!("{client:?}").contains(SECRET));
}

#[tokio::test]
async fn a_refused_key_is_told_from_other_refusals() {
    for (body, is_key) in [
        (r#"{"code":-2015,"msg":""}"#, true),
        (r#"{"code":-2014,"msg":""}"#, true),
        (r#"{"code":-1022,"msg":""}"#, true),
        (r#"{"code":-1121,"msg":""}"#, false),
    ] {
        let fake = venue(move |_| Reply::json(401, body)).await;
        let error = client(&fake.url).balances().await.unwrap_err();
        assert_eq!(error.is_key_refused(), is_key, "{body}");
    }
    let anonymous = RestSettings { credentials: None, ..settings("http://127.0.0.1:1") };
    let client = RestClient::new(anonymous, Arc::new(SystemClock::start())).unwrap();
    assert_eq!(client.balances().await, Err(BinanceError::NoCredentials));
}

#[tokio::test]
async fn trade_history_is_read_to_its_last_page() {
    let trade = |id: u64| {
        format!(
            r#"{{"symbol":"BTCUSDT","id":{id},"orderId":1,"side":"BUY","price":"1","qty":"1",
            "commission":"0","commissionAsset":"USDT","realizedPnl":"0","maker":true,"time":1}}"#
        )
    };
    let fake = venue(move |seen| {
        let first = match seen.parameter("fromId") {
            None => 1,
            Some(id) => id.parse().unwrap(),
        };
        let trades: Vec<_> = (first..=2_003_u64).take(1_000).map(trade).collect();
        Reply::json(200, &format!("[{}]", trades.join(",")))
    })
    .await;
    let now = SystemClock::start().now();
    let since = now.earlier_by(Duration::from_mins(1));
    let fills = client(&fake.url).trade_history(bitcoin(), None, since).await.unwrap();
    let ids: Vec<_> = fills.iter().map(|fill| fill.trade_id.0).collect();
    assert_eq!(ids, (1..=2_003).collect::<Vec<_>>());
    let pages: Vec<_> = fake
        .seen_at("/fapi/v1/userTrades")
        .iter()
        .map(|seen| seen.parameter("fromId").map(ToOwned::to_owned))
        .collect();
    let (second, third) = (Some("1001".to_owned()), Some("2001".to_owned()));
    assert_eq!(pages, [None, second, third]);
}

/// Promise I12: refusals for the time cannot make a storm of questions for it.
#[tokio::test]
async fn a_venue_that_refuses_every_timestamp_is_asked_for_the_time_seldom() {
    let late = r#"{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}"#;
    let fake = venue(move |_| Reply::json(400, late)).await;
    let client = client(&fake.url);
    client.measure_clock().await.unwrap();
    let offsets = client.clock_offsets();
    let measured = fake.seen_at("/fapi/v1/time").len();
    let refused = futures_util::future::join_all((0..20).map(|_| {
        let client = Arc::clone(&client);
        async move { client.cancel_order(bitcoin(), order().client_order_id).await }
    }));
    for outcome in refused.await {
        assert_eq!(outcome.unwrap_err().code(), Some(-1021));
    }
    assert!(offsets.has_changed(), "whoever waits for it learns of the measurement");
    let sent = fake.seen_at(ORDER_PATH).len();
    assert!(sent > 20 && sent <= 40, "{sent}: each once more at the most");
    let asked = fake.seen_at("/fapi/v1/time").len() - measured;
    assert!(asked <= 2 * measured, "{asked} questions for the time");
}

#[tokio::test]
async fn every_order_says_which_one_goes_when_two_of_ours_meet() {
    let modes = [
        (SelfTradePrevention::default(), "EXPIRE_MAKER"),
        (SelfTradePrevention::ExpireTaker, "EXPIRE_TAKER"),
        (SelfTradePrevention::ExpireBoth, "EXPIRE_BOTH"),
    ];
    for (mode, word) in modes {
        let fake = venue(|_| Reply::json(400, r#"{"code":-2019,"msg":"Margin."}"#)).await;
        let settings = RestSettings { self_trade_prevention: mode, ..settings(&fake.url) };
        let client = RestClient::new(settings, Arc::new(SystemClock::start())).unwrap();
        client.place_order(&order()).await.unwrap_err();
        let batch = Batch::new(vec![order()]).unwrap();
        client.place_orders(&batch).await.unwrap_err();
        client.place_protective_stop(&stop()).await.unwrap_err();
        for path in [ORDER_PATH, "/fapi/v1/algoOrder"] {
            let seen = &fake.seen_at(path)[0];
            assert_eq!(seen.parameter("selfTradePreventionMode"), Some(word), "{path}");
        }
        let batch = fake.seen_at("/fapi/v1/batchOrders");
        assert!(batch[0].query.contains(word), "{}", batch[0].query);
    }
}

fn stop() -> StopRequest {
    StopRequest {
        client_order_id: ClientOrderId::new("lobd-00000001-1-2").unwrap(),
        symbol: bitcoin(),
        side: Side::Sell,
        trigger_price: "59000".parse().unwrap(),
        size: StopSize::Quantity("0.010".parse().unwrap()),
    }
}

#[tokio::test]
async fn having_the_margin_type_already_is_a_success() {
    let fake =
        venue(|_| Reply::json(400, r#"{"code":-4046,"msg":"No need to change margin type."}"#));
    let fake = fake.await;
    assert_eq!(client(&fake.url).set_margin_type(bitcoin(), false).await, Ok(()));
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let fake = venue(|_| Reply::json(200, &"9".repeat(20 << 20))).await;
    let settings = RestSettings { timeout: Duration::from_secs(20), ..settings(&fake.url) };
    let client = RestClient::new(settings, Arc::new(SystemClock::start())).unwrap();
    let error = client.exchange_info().await.unwrap_err();
    assert!(matches!(error, BinanceError::Unreadable(_)), "{error:?}");
}

#[tokio::test]
async fn a_wrong_address_or_key_is_said_before_anything_is_sent() {
    let clock = || Arc::new(SystemClock::start());
    assert!(matches!(
        RestClient::new(settings("no url"), clock()),
        Err(BinanceError::Configuration(_))
    ));
    let mut broken = settings("http://127.0.0.1:1");
    broken.credentials = Some(Credentials {
        api_key: Secret::new("two\nlines".to_owned()),
        api_secret: Secret::new(SECRET.to_owned()),
    });
    let error = RestClient::new(broken, clock()).unwrap_err();
    assert!(!error.to_string().contains("two"), "{error}");
}
