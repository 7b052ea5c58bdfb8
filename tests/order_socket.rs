//! Orders over WebSocket, with REST as what remains: one effect, whatever happens to the socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lobd::binance::parse::RateLimitKind;
use lobd::binance::{
    Amendment, BinanceVenue, OrderSocket, RestClient, RestSettings, SocketFailure,
};
use lobd::clock::{Clock, SystemClock};
use lobd::config::Credentials;
use lobd::domain::{
    ClientOrderId, Environment, Failure, OrderRequest, OrderStatus, SelfTradePrevention, Side,
    StopRequest, StopSize, Symbol,
};
use lobd::sign::{Secret, Signer};
use lobd::venue::Venue;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::support::constant_model;
use crate::support::fake_order_socket::{Answer, FakeOrderSocket, answer};
use crate::support::fake_venue::{FakeVenue, Reply};
use crate::support::loopback::DEADLINE;
use crate::support::process::Home;
use crate::support::venue::{Venue as Sandbox, quiet_market};

const SECRET: &str = "the-api-secret";
pub(crate) const ORDER: &str = r#"{"orderId":7,"symbol":"BTCUSDT","status":"NEW","clientOrderId":"lobd-1",
    "price":"60000.10","origQty":"0.010","executedQty":"0","type":"LIMIT","side":"BUY"}"#;
const ALGO: &str = r#"{"algoId":9,"clientAlgoId":"lobd-2","orderType":"STOP_MARKET",
    "symbol":"BTCUSDT","side":"SELL","quantity":"0.010","algoStatus":"NEW",
    "triggerPrice":"59000.0","closePosition":false}"#;

fn bitcoin() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

fn id(text: &str) -> ClientOrderId {
    ClientOrderId::new(text).unwrap()
}

fn order() -> OrderRequest {
    OrderRequest { client_order_id: id("lobd-1"), ..crate::gateway::order() }
}

/// REST behind the socket: the time, and an order that says it came this way.
pub(crate) async fn rest_venue() -> FakeVenue {
    FakeVenue::start(|seen| match seen.path.as_str() {
        "/fapi/v1/time" => {
            let now = SystemClock::start().now().millis();
            Reply::json(200, &format!(r#"{{"serverTime":{now}}}"#))
        }
        _ => Reply::json(200, &ORDER.replace("\"orderId\":7", "\"orderId\":8")),
    })
    .await
}

pub(crate) fn client(url: &str, patience: Duration) -> Arc<RestClient> {
    let settings = RestSettings {
        environment: Environment::Sandbox,
        base_url: url.to_owned(),
        credentials: Some(Credentials {
            api_key: Secret::new("the-api-key".to_owned()),
            api_secret: Secret::new(SECRET.to_owned()),
        }),
        receive_window: Duration::from_secs(5),
        timeout: patience,
        self_trade_prevention: SelfTradePrevention::default(),
    };
    Arc::new(RestClient::new(settings, Arc::new(SystemClock::start())).unwrap())
}

/// A venue whose orders go through a socket, and both its sides.
struct Desk {
    socket: FakeOrderSocket,
    rest: FakeVenue,
    client: Arc<RestClient>,
    orders: OrderSocket,
    venue: BinanceVenue,
    shutdown: CancellationToken,
    running: AbortOnDropHandle<()>,
}

impl Desk {
    async fn open(answer: impl Fn(&Value) -> Answer + Send + Sync + 'static) -> Self {
        Self::open_with(DEADLINE, answer).await
    }

    async fn open_with(
        patience: Duration,
        answer: impl Fn(&Value) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (socket, rest) = (FakeOrderSocket::start(answer).await, rest_venue().await);
        let client = client(&rest.url, patience);
        client.measure_clock().await.unwrap();
        let (orders, mut connection) = OrderSocket::new(Arc::clone(&client), &socket.url, 1);
        let shutdown = CancellationToken::new();
        let ends = shutdown.clone();
        let running = tokio::spawn(async move { connection.run(&ends).await });
        socket.opened(1).await;
        let venue = BinanceVenue::new(Arc::clone(&client)).with_order_socket(orders.clone());
        let running = AbortOnDropHandle::new(running);
        let desk = Self { socket, rest, client, orders, venue, shutdown, running };
        desk.is_taken().await;
        desk
    }

    /// Waits until the client, too, knows that the socket is open.
    async fn is_taken(&self) {
        let wait = async {
            let closed = |outcome| matches!(outcome, Err(SocketFailure::NotTaken(_)));
            while closed(self.orders.query_order(bitcoin(), id("probe")).await) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.unwrap();
    }

    /// What was asked through the socket, probes apart.
    fn asked(&self) -> Vec<Value> {
        let mut seen = self.socket.seen();
        seen.retain(|request| request["params"]["origClientOrderId"] != "probe");
        seen
    }

    fn rest_orders(&self) -> usize {
        self.rest.seen_at("/fapi/v1/order").len()
    }
}

fn is_probe(request: &Value) -> bool {
    request["params"]["origClientOrderId"] == "probe"
}

/// The given answer to everything but probes.
fn but_probes(
    then: impl Fn(&Value) -> Answer + Send + Sync + 'static,
) -> impl Fn(&Value) -> Answer + Send + Sync + 'static {
    move |request| {
        if is_probe(request) { Answer::to(request, 200, "result", ORDER) } else { then(request) }
    }
}

#[tokio::test]
async fn every_order_request_says_over_the_socket_what_it_says_over_rest() {
    let desk = Desk::open(but_probes(|request| {
        let is_algo = request["method"].as_str().unwrap().starts_with("algo");
        Answer::to(request, 200, "result", if is_algo { ALGO } else { ORDER })
    }))
    .await;
    let placed = desk.venue.place(&order()).await.unwrap();
    assert_eq!((placed.order_id.0, placed.status), (7, OrderStatus::New), "by the socket");
    desk.venue.cancel(bitcoin(), id("lobd-1")).await.unwrap();
    let stop = StopRequest {
        client_order_id: id("lobd-2"),
        symbol: bitcoin(),
        side: Side::Sell,
        trigger_price: "59000".parse().unwrap(),
        size: StopSize::ClosePosition,
    };
    desk.venue.place_stop(&stop).await.unwrap();
    desk.venue.cancel_stop(id("lobd-2")).await.unwrap();
    let change = Amendment {
        client_order_id: id("lobd-1"),
        symbol: bitcoin(),
        side: Side::Buy,
        quantity: "0.020".parse().unwrap(),
        price: "60000.2".parse().unwrap(),
        modify_id: Some(3),
        is_reduce_only: false,
    };
    desk.orders.amend_order(&change).await.unwrap();
    desk.orders.query_order(bitcoin(), id("lobd-1")).await.unwrap();
    let asked = desk.asked();
    let methods: Vec<_> = asked.iter().map(|seen| seen["method"].as_str().unwrap()).collect();
    let expected = [
        "order.place",
        "order.cancel",
        "algoOrder.place",
        "algoOrder.cancel",
        "order.modify",
        "order.status",
    ];
    assert_eq!(methods, expected);
    let place = &asked[0]["params"];
    assert_eq!(
        (&place["newClientOrderId"], &place["price"]),
        (&"lobd-1".into(), &"60000.1".into())
    );
    assert_eq!(place["timeInForce"], "GTX");
    assert_eq!(asked[4]["params"]["modifyId"], 3);
    assert_eq!(desk.rest_orders(), 0);
}

#[tokio::test]
async fn each_request_is_signed_over_its_sorted_parameters() {
    let desk = Desk::open(but_probes(|request| Answer::to(request, 200, "result", ORDER))).await;
    desk.venue.place(&order()).await.unwrap();
    let seen = desk.asked().remove(0);
    let parameters = seen["params"].as_object().unwrap();
    let mut pairs: Vec<String> = parameters
        .iter()
        .filter(|(name, _)| *name != "signature")
        .map(|(name, value)| format!("{name}={}", value.to_string().trim_matches('"')))
        .collect();
    pairs.sort();
    let signer = Signer::new(&Secret::new(SECRET.to_owned()));
    assert_eq!(parameters["signature"], signer.sign(&pairs.join("&")));
    assert_eq!(parameters["apiKey"], "the-api-key");
}

#[tokio::test]
async fn answers_are_told_apart_by_id_in_whatever_order_they_come() {
    let held = Arc::new(std::sync::Mutex::new(None::<Value>));
    let desk = Desk::open(but_probes(move |request| {
        let Some(first) = held.lock().unwrap().take() else {
            *held.lock().unwrap() = Some(request.clone());
            return Answer::Silence;
        };
        let named = |request: &Value| {
            let name = request["params"]["newClientOrderId"].as_str().unwrap();
            answer(request, 200, "result", &ORDER.replace("lobd-1", name))
        };
        Answer::Say(vec![named(request), named(&first)])
    }))
    .await;
    let other = OrderRequest { client_order_id: id("lobd-77"), ..order() };
    let this = order();
    let (one, two) = tokio::join!(desk.venue.place(&this), desk.venue.place(&other));
    assert_eq!(one.unwrap().client_order_id, id("lobd-1"));
    assert_eq!(two.unwrap().client_order_id, id("lobd-77"));
}

#[tokio::test]
async fn a_refusal_keeps_its_code_and_an_unknown_outcome_stays_unknown() {
    let replies = [
        (400, r#"{"code":-2019,"msg":"Margin is insufficient."}"#, true),
        (500, r#"{"code":-1000,"msg":"An unknown error occurred."}"#, false),
        (408, r#"{"code":-1007,"msg":"Timeout waiting for response."}"#, false),
        (400, r#"{"code":-7777,"msg":"of a later year"}"#, true),
    ];
    for (status, error, is_refusal) in replies {
        let answer = but_probes(move |request| Answer::to(request, status, "error", error));
        let desk = Desk::open(answer).await;
        let failure = desk.venue.place(&order()).await.unwrap_err();
        let is_right = if is_refusal {
            matches!(failure, Failure::Rejected(_))
        } else {
            matches!(failure, Failure::Unknown { .. })
        };
        assert!(is_right, "{error}: {failure:?}");
        assert_eq!((desk.asked().len(), desk.rest_orders()), (1, 0), "sent once");
    }
}

#[tokio::test]
async fn an_order_whose_socket_is_lost_after_it_left_is_unknown_and_never_sent_again() {
    let desk = Desk::open(but_probes(|_| Answer::HangUp)).await;
    let failure = desk.venue.place(&order()).await.unwrap_err();
    assert!(matches!(failure, Failure::Unknown { .. }), "{failure:?}");
    assert_eq!((desk.asked().len(), desk.rest_orders()), (1, 0));
    desk.venue.query(bitcoin(), id("lobd-1")).await.unwrap();
    assert_eq!(desk.rest_orders(), 1, "the question goes by REST");
}

#[tokio::test]
async fn an_order_whose_answer_does_not_come_in_time_is_unknown() {
    let patience = Duration::from_millis(300);
    let desk = Desk::open_with(patience, but_probes(|_| Answer::Silence)).await;
    let failure = desk.venue.place(&order()).await.unwrap_err();
    assert!(matches!(failure, Failure::Unknown { .. }), "{failure:?}");
    assert_eq!((desk.asked().len(), desk.rest_orders()), (1, 0));
}

#[tokio::test]
async fn an_unreadable_answer_leaves_the_outcome_unknown() {
    let desk = Desk::open(but_probes(|request| {
        Answer::to(request, 200, "result", r#"{"orderId":"not an order"}"#)
    }))
    .await;
    let failure = desk.venue.place(&order()).await.unwrap_err();
    assert!(matches!(failure, Failure::Unknown { .. }), "{failure:?}");
}

#[tokio::test]
async fn while_the_socket_is_not_open_orders_go_by_rest_under_the_same_name() {
    let rest = rest_venue().await;
    let client = client(&rest.url, DEADLINE);
    // Nobody listens there.
    let (orders, mut connection) = OrderSocket::new(Arc::clone(&client), "ws://127.0.0.1:1", 1);
    let shutdown = CancellationToken::new();
    let ends = shutdown.clone();
    let running = AbortOnDropHandle::new(tokio::spawn(async move { connection.run(&ends).await }));
    let venue = BinanceVenue::new(client).with_order_socket(orders);
    let placed = venue.place(&order()).await.unwrap();
    assert_eq!(placed.order_id.0, 8, "by REST");
    let sent = rest.seen_at("/fapi/v1/order").remove(0);
    assert_eq!(sent.parameter("newClientOrderId"), Some("lobd-1"));
    shutdown.cancel();
    running.await.unwrap();
    assert_eq!(venue.place(&order()).await.unwrap().order_id.0, 8, "and after the socket's end");
}

#[tokio::test]
async fn a_socket_that_opens_and_does_not_answer_is_given_no_order() {
    let (socket, rest) = (FakeOrderSocket::start_mute().await, rest_venue().await);
    let client = client(&rest.url, DEADLINE);
    let (orders, mut connection) = OrderSocket::new(Arc::clone(&client), &socket.url, 1);
    let running = tokio::spawn(async move { connection.run(&CancellationToken::new()).await });
    let _running = AbortOnDropHandle::new(running);
    socket.opened(1).await;
    let venue = BinanceVenue::new(client).with_order_socket(orders);
    assert_eq!(venue.place(&order()).await.unwrap().order_id.0, 8, "by REST");
    assert!(socket.seen().is_empty());
}

#[tokio::test]
async fn a_lost_socket_comes_back_and_takes_orders_again() {
    let first = Arc::new(AtomicUsize::new(0));
    let desk = Desk::open(but_probes(move |request| match first.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::HangUp,
        _ => Answer::to(request, 200, "result", ORDER),
    }))
    .await;
    assert!(matches!(desk.venue.place(&order()).await, Err(Failure::Unknown { .. })));
    desk.socket.opened(2).await;
    desk.is_taken().await;
    let other = OrderRequest { client_order_id: id("lobd-77"), ..order() };
    assert_eq!(desk.venue.place(&other).await.unwrap().order_id.0, 7, "by the socket");
}

#[tokio::test]
async fn what_answers_count_feeds_the_one_budget() {
    let desk = Desk::open(but_probes(|request| Answer::to(request, 200, "result", ORDER))).await;
    // A window may end between the answer and the look at it; the next order tells anew.
    for _ in 0..3 {
        desk.venue.place(&order()).await.unwrap();
        let used = desk.client.usage(RateLimitKind::Orders, Duration::from_secs(10)).unwrap().0;
        if used >= 17 {
            return;
        }
    }
    panic!("the venue's count was not believed");
}

#[tokio::test]
async fn silence_asked_for_by_the_socket_is_kept_by_both_ways() {
    let banned = r#"{"code":-1003,"msg":"Way too many requests; IP banned until 4102444800000."}"#;
    let desk =
        Desk::open(but_probes(move |request| Answer::to(request, 418, "error", banned))).await;
    assert!(matches!(desk.venue.place(&order()).await, Err(Failure::Throttled { .. })));
    let asked = desk.rest.seen().len();
    assert!(matches!(desk.venue.place(&order()).await, Err(Failure::Throttled { .. })));
    let error = desk.client.balances().await.unwrap_err();
    assert!(error.to_string().contains("the venue asks for silence until"), "{error}");
    assert_eq!((desk.asked().len(), desk.rest.seen().len()), (1, asked));
}

#[tokio::test]
async fn a_request_refused_for_its_timestamp_goes_out_once_more() {
    let refused = Arc::new(AtomicUsize::new(0));
    let late = r#"{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}"#;
    let desk =
        Desk::open(but_probes(move |request| match refused.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::to(request, 400, "error", late),
            _ => Answer::to(request, 200, "result", ORDER),
        }))
        .await;
    assert!(desk.venue.place(&order()).await.is_ok());
    let names: Vec<_> = desk
        .asked()
        .iter()
        .map(|seen| seen["params"]["newClientOrderId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["lobd-1", "lobd-1"]);
}

#[tokio::test]
async fn no_failure_shows_a_secret_or_a_signature() {
    let desk = Desk::open(but_probes(|_| Answer::HangUp)).await;
    let failure = format!("{:?}", desk.venue.place(&order()).await.unwrap_err());
    let shown = format!("{failure} {:?} {:?}", desk.venue, desk.orders);
    let signature = desk.asked()[0]["params"]["signature"].as_str().unwrap().to_owned();
    for secret in ["the-api-key", SECRET, &signature] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn at_the_end_what_was_taken_still_gets_its_answer_and_nothing_more_is_taken() {
    let (gate, closed) = tokio::sync::watch::channel(false);
    let desk = Desk::open(but_probes(move |request| {
        Answer::SayWhen(closed.clone(), answer(request, 200, "result", ORDER))
    }))
    .await;
    let wanted = order();
    let ending = async {
        let wait = async {
            while desk.asked().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.unwrap();
        // The end comes first, the answer after it.
        desk.shutdown.cancel();
        gate.send_replace(true);
    };
    let (placed, ()) = tokio::join!(desk.venue.place(&wanted), ending);
    assert_eq!(placed.unwrap().order_id.0, 7);
    tokio::time::timeout(DEADLINE, desk.running).await.unwrap().unwrap();
    let late = desk.orders.query_order(bitcoin(), id("lobd-1")).await;
    assert!(matches!(late, Err(SocketFailure::NotTaken(_))), "{late:?}");
}

/// Against the loopback exchange, as the operator runs it: whether its streams' port takes orders or
/// not, the daemon trades and is protected.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_set_to_the_socket_trades_whatever_the_venue_offers() {
    let venue = Sandbox::start(quiet_market()).await;
    let mut variables = venue.variables();
    variables.push(("ORDER_TRANSPORT", "websocket".to_owned()));
    let home = Home::with(&variables);
    constant_model::promote(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    home.status_when("an entry was made", |status| status["symbols"][0]["totals"]["entries"] == 1)
        .await;
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
    assert!(!venue.orders().await.is_empty());
}
