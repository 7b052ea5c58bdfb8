//! The REST client against what no venue sends: a typed error, never a panic, never endless memory
//! or time, never a secret in a message, and for an order never a false certainty.

use flate2::Compression;
use flate2::write::GzEncoder;
use lobd::binance::{BinanceError, BinanceVenue};
use lobd::domain::Failure;
use lobd::venue::Venue;

use crate::gateway::{KEY, SECRET, bitcoin, client, order, venue};
use crate::support::fake_venue::{FakeVenue, Reply};

fn raw(text: &str) -> Reply {
    Reply::Raw(text.as_bytes().to_vec())
}

fn with_body(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// An answer with eight megabytes of blanks behind it: as much as may be read.
fn long_answer() -> Vec<u8> {
    let mut answer = ANSWER.as_bytes().to_vec();
    answer.resize(8 << 20, b' ');
    answer
}

/// The same in a few kilobytes: whoever unpacks it has an answer, and a thousand times the memory.
fn bomb() -> Vec<u8> {
    use std::io::Write;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&long_answer()).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(packed.len() < 32 << 10);
    packed
}

type Hostile = (&'static str, fn() -> Reply);

/// What breaks the protocol below JSON.
const BROKEN: &[Hostile] = &[
    ("no HTTP", || raw("SSH-2.0-OpenSSH_9.6\r\n")),
    ("an empty answer", || raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
    ("a chunk cut off", || {
        raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"orderId\":7")
    }),
    ("chunks without an end", || {
        raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n")
    }),
    ("a chunk of a wrong length", || {
        raw(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n[]\r\n0\r\n\r\n",
        )
    }),
    ("less than promised", || raw("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n[]")),
    ("headers without an end", || raw(&format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(1 << 20)))),
    ("a body that stalls", || {
        Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n[".to_vec())
    }),
];

/// What is HTTP, and no answer of the venue's.
const UNREADABLE: &[Hostile] = &[
    ("a page", || Reply::json(200, "<html>200 and yet no answer</html>")),
    ("text cut off", || Reply::json(200, r#"{"orderId":7,"sym"#)),
    ("another type", || Reply::json(200, r#""quite so""#)),
    ("depth without an end", || Reply::json(200, &"[".repeat(200_000))),
    ("bytes that are no text", || Reply::Raw(with_body("", &[0xff, 0xfe, 0x00, 0x80]))),
    ("a packed bomb", || Reply::Raw(with_body("Content-Encoding: gzip\r\n", &bomb()))),
    ("an id beyond its range", || {
        let id = format!("{{\"orderId\":{}}}", "9".repeat(40));
        Reply::json(200, &id)
    }),
    ("a price beyond its range", || Reply::json(200, &ANSWER.replace("60000.1", "1e39"))),
    ("a price that is none", || Reply::json(200, &ANSWER.replace("60000.1", "NaN"))),
    ("a negative quantity", || Reply::json(200, &ANSWER.replace("0.010", "-0.010"))),
    ("a side of a later year", || Reply::json(200, &ANSWER.replace("BUY", "LEND"))),
];

const ANSWER: &str = r#"{"orderId":7,"symbol":"BTCUSDT","status":"NEW","clientOrderId":"lobd-1",
    "price":"60000.1","origQty":"0.010","executedQty":"0","type":"LIMIT","side":"BUY"}"#;

fn shows_nothing(name: &str, text: &str) {
    for secret in [KEY, SECRET, "signature", "timestamp="] {
        assert!(!text.contains(secret), "{name} shows {secret}: {text}");
    }
    assert!(text.len() < 1_000, "{name}: a message for people, not {} bytes", text.len());
}

#[tokio::test]
async fn an_order_answered_by_nonsense_has_an_unknown_outcome_and_is_sent_once() {
    for (name, reply) in BROKEN.iter().chain(UNREADABLE) {
        let fake = venue(|_| reply()).await;
        let client = client(&fake.url);
        let failure = BinanceVenue::new(client).place(&order()).await.unwrap_err();
        assert!(matches!(failure, Failure::Unknown { .. }), "{name}: {failure:?}");
        shows_nothing(name, &failure.to_string());
        assert_eq!(fake.seen_at("/fapi/v1/order").len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_question_answered_by_nonsense_is_an_error_and_never_unknown() {
    for (name, reply) in BROKEN.iter().chain(UNREADABLE) {
        let fake = venue(|_| reply()).await;
        let client = client(&fake.url);
        let error = client.query_order(bitcoin(), order().client_order_id).await.unwrap_err();
        let is_right = matches!(
            error,
            BinanceError::Unreadable(_)
                | BinanceError::Unreachable { .. }
                | BinanceError::NotProcessed { .. }
        );
        assert!(is_right, "{name}: {error:?}");
        shows_nothing(name, &error.to_string());
    }
}

#[tokio::test]
async fn nothing_is_unpacked_for_nothing_packed_is_asked_for() {
    let fake = venue(|_| Reply::Raw(with_body("", &long_answer()))).await;
    client(&fake.url).place_order(&order()).await.expect("the bomb holds an answer");
    let fake = venue(|_| Reply::json(200, ANSWER)).await;
    client(&fake.url).place_order(&order()).await.unwrap();
    for seen in fake.seen() {
        assert!(!seen.head.to_lowercase().contains("accept-encoding"), "{}", seen.path);
    }
}

#[tokio::test]
async fn no_redirect_is_followed_whatever_is_asked_and_however_it_is_said() {
    let elsewhere = FakeVenue::start(|_| Reply::json(200, "{}")).await;
    let location = format!("Location: {}/fapi/v1/order\r\n", elsewhere.url);
    let location: &'static str = Box::leak(location.into_boxed_str());
    for status in [301, 302, 303, 307, 308] {
        let fake = venue(move |_| Reply::Answer(status, location, String::new())).await;
        let client = client(&fake.url);
        let told = [
            client.place_order(&order()).await.unwrap_err(),
            client.cancel_order(bitcoin(), order().client_order_id).await.unwrap_err(),
            client.query_order(bitcoin(), order().client_order_id).await.unwrap_err(),
            client.start_listen_key().await.map(drop).unwrap_err(),
            client.exchange_info().await.map(drop).unwrap_err(),
        ];
        for error in told {
            assert!(error.to_string().contains("redirects"), "{status}: {error}");
        }
    }
    assert!(elsewhere.seen().is_empty(), "no key went anywhere else");
}

#[tokio::test]
async fn a_page_of_a_firewall_or_a_border_is_named_and_the_venue_left_alone() {
    for (status, word) in [(403, "firewall"), (451, "does not serve this place")] {
        let fake = venue(move |_| Reply::json(status, "<html>Access denied</html>")).await;
        let client = client(&fake.url);
        let error = client.cancel_order(bitcoin(), order().client_order_id).await.unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        let asked = fake.seen().len();
        let error = client.balances().await.unwrap_err();
        assert!(matches!(error, BinanceError::Throttled { .. }), "{error:?}");
        assert!(error.to_string().contains("the venue asks for silence until"), "{error}");
        assert_eq!(fake.seen().len(), asked, "nothing went out");
    }
}

#[tokio::test]
async fn a_port_without_tls_behind_an_encrypted_address_is_not_reached() {
    let fake = venue(|_| Reply::json(200, ANSWER)).await;
    let url = fake.url.replace("http://", "https://");
    let error = client(&url).exchange_info().await.unwrap_err();
    assert!(matches!(error, BinanceError::Unreachable { .. }), "{error:?}");
    shows_nothing("TLS", &error.to_string());
    assert!(fake.seen().is_empty(), "no request was understood");
}

#[tokio::test]
async fn an_overloaded_venue_still_gets_cancels_and_closes() {
    let overloaded = r#"{"code":-1008,"msg":"Request throttled by system-level protection."}"#;
    let fake = venue(move |seen| match seen.method.as_str() {
        "POST" if seen.parameter("reduceOnly").is_none() => Reply::json(503, overloaded),
        _ => Reply::json(200, ANSWER),
    })
    .await;
    let venue = BinanceVenue::new(client(&fake.url));
    // The pause is short: what counts is that what protects does not wait for its end.
    let throttled = venue.place(&order()).await.unwrap_err();
    assert!(matches!(throttled, Failure::Throttled { .. }), "{throttled:?}");
    venue.cancel(bitcoin(), order().client_order_id).await.unwrap();
    let closing = lobd::domain::OrderRequest { reduce_only: true, ..order() };
    venue.place(&closing).await.unwrap();
    assert_eq!(fake.seen_at("/fapi/v1/order").len(), 3);
}
