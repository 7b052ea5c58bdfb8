//! Each endpoint is asked as the documentation says: method, path, parameters, and what it costs.
//!
//! The clock stands still, so that no window of a limit ends within a case.

mod account;
mod market;
mod orders;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use lobd::binance::parse::RateLimitKind;
use lobd::binance::{
    BarInterval, BinanceError, RestClient, RestSettings, SpotClient, SpotSettings,
};
use lobd::clock::{Clock, SharedClock};
use lobd::config::Credentials;
use lobd::domain::{Environment, SelfTradePrevention, Symbol, Timestamp};
use lobd::sign::Secret;

use crate::support;
use crate::support::fake_venue::{FakeVenue, Reply};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const HOUR: Duration = Duration::from_hours(1);

const DONE: &str = r#"{"code":200,"msg":"success"}"#;
const NO_ROWS: &str = "[]";

/// Weight, orders in ten seconds, orders in a minute, funding questions.
type Cost = [u32; 4];
type Call = Pin<Box<dyn Future<Output = Result<(), BinanceError>> + Send>>;

/// One call and what must come of it.
struct Case {
    endpoint: &'static str,
    /// The whole query, without what signing adds.
    query: &'static str,
    cost: Cost,
    answer: &'static str,
    call: fn(Arc<RestClient>) -> Call,
}

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        NOW
    }
}

macro_rules! case {
    ($endpoint:literal, $query:literal, $cost:expr, $answer:expr, |$client:ident| $call:expr) => {
        Case {
            endpoint: $endpoint,
            query: $query,
            cost: $cost,
            answer: $answer,
            call: |$client| Box::pin(async move { $call.await.map(drop) }),
        }
    };
}

use case;

fn bitcoin() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

fn all_cases() -> impl Iterator<Item = &'static Case> {
    let tables = [
        orders::ORDINARY,
        orders::BATCHES,
        orders::HISTORIES,
        orders::CONDITIONAL,
        account::QUESTIONS,
        account::SETTINGS,
        market::QUESTIONS,
    ];
    tables.into_iter().flatten()
}

async fn fake(answer: &'static str) -> FakeVenue {
    FakeVenue::start(move |seen| match seen.path.as_str() {
        "/fapi/v1/time" => Reply::json(200, &format!(r#"{{"serverTime":{}}}"#, NOW.millis())),
        _ => Reply::json(200, answer),
    })
    .await
}

fn client(url: &str) -> Arc<RestClient> {
    let settings = RestSettings {
        environment: Environment::Sandbox,
        base_url: url.to_owned(),
        credentials: Some(Credentials {
            api_key: Secret::new("key".to_owned()),
            api_secret: Secret::new("secret".to_owned()),
        }),
        receive_window: Duration::from_secs(5),
        timeout: Duration::from_secs(20),
        self_trade_prevention: SelfTradePrevention::default(),
    };
    let clock: SharedClock = Arc::new(Standing);
    Arc::new(RestClient::new(settings, clock).unwrap())
}

fn used(client: &RestClient) -> Cost {
    let of = |kind, seconds| client.usage(kind, Duration::from_secs(seconds)).unwrap().0;
    [
        of(RateLimitKind::RequestWeight, 60),
        of(RateLimitKind::Orders, 10),
        of(RateLimitKind::Orders, 60),
        of(RateLimitKind::FundingQuestions, 300),
    ]
}

#[tokio::test]
async fn every_endpoint_is_asked_and_counted_as_documented() {
    for case in all_cases() {
        let fake = fake(case.answer).await;
        let client = client(&fake.url);
        client.measure_clock().await.unwrap();
        let (before, asked_before) = (used(&client), fake.seen().len());
        (case.call)(Arc::clone(&client)).await.unwrap_or_else(|error| {
            panic!("{}: {error}", case.endpoint);
        });
        let asked = fake.seen().len() - asked_before;
        let seen = fake.seen().pop().unwrap();
        assert_eq!(format!("{} {}", seen.method, seen.path), case.endpoint);
        let query = seen.query.split_once("recvWindow=").map_or(&*seen.query, |(own, _)| own);
        assert_eq!(query.trim_end_matches('&'), case.query, "{}", case.endpoint);
        let each = u32::try_from(asked).unwrap();
        let cost: Vec<u32> = used(&client)
            .iter()
            .zip(before)
            .map(|(after, before)| (after - before) / each)
            .collect();
        assert_eq!(cost, case.cost, "{} {}", case.endpoint, case.query);
    }
}

/// What is of no use to a daemon: liveness is told by the time, history by aggregates.
const NEVER_ASKED: [&str; 2] = ["GET /fapi/v1/ping", "GET /fapi/v1/historicalTrades"];

#[test]
fn every_row_of_the_documentations_tables_has_a_case_with_its_cost() {
    let Some(specification) = support::specification() else { return };
    let cases: Vec<&Case> = all_cases().collect();
    let mut walked = 0;
    for (endpoint, weights) in documented_endpoints(&specification) {
        let left_out = NEVER_ASKED.contains(&endpoint.as_str());
        let known: Vec<_> = cases.iter().filter(|case| case.endpoint == endpoint).collect();
        assert_eq!(known.is_empty(), left_out, "{endpoint}");
        for case in known {
            // Announced at twice what the pages say, and so counted at twice (section 12).
            let is_older = endpoint.contains("/v2/") && !endpoint.contains("ticker");
            let weight = if is_older { case.cost[0] / 2 } else { case.cost[0] };
            assert!(weights.contains(&weight), "{endpoint} weighs {weight}, not {weights:?}");
        }
        walked += 1;
    }
    assert!(walked > 55, "{walked} endpoints");
}

/// The endpoints of sections 2.1 and 4.0, each with the weights its row names.
fn documented_endpoints(specification: &str) -> Vec<(String, Vec<u32>)> {
    let section = |from: &str, to: &str| {
        let text = specification.split(from).nth(1).unwrap();
        text.split(to).next().unwrap().to_owned()
    };
    let tables = section("### 2.1", "### 2.2") + &section("### 4.0", "### 4.1");
    let mut found = Vec::new();
    for row in tables.lines().filter(|line| line.starts_with("| ")) {
        let row = row.replace("\\|", "\u{1}");
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let (Some(what), Some(&weight)) = (columns.get(1), columns.get(3)) else { continue };
        let Some((methods, path)) = what.split_once("/fapi/") else {
            continue;
        };
        let methods = if methods.is_empty() { "GET" } else { methods };
        let is_table = methods.split(" / ").all(|method| {
            ["GET", "POST", "PUT", "DELETE"].contains(&method.trim().trim_end_matches(" /"))
        });
        let is_path = path.chars().all(|character| !character.is_whitespace());
        if !is_table || !is_path {
            continue;
        }
        // Funding questions weigh nothing: they share a limit of their own.
        let weight = if weight.starts_with("shares") { "0" } else { weight };
        let weights: Vec<u32> = weight
            .split(|character: char| !character.is_ascii_digit())
            .filter_map(|digits| digits.parse().ok())
            .collect();
        for method in methods.split(" / ") {
            for path in versions(path) {
                found.push((format!("{} /fapi/{path}", method.trim()), weights.clone()));
            }
        }
    }
    found
}

/// `v2|v3/balance` names two paths.
fn versions(path: &str) -> Vec<String> {
    let Some((versions, rest)) = path.split_once('/') else { return Vec::new() };
    versions.split('\u{1}').map(|version| format!("{version}/{rest}")).collect()
}

#[tokio::test]
async fn the_spot_market_is_asked_by_its_own_paths_limits_and_rules() {
    let fake = FakeVenue::start(|seen| match seen.path.as_str() {
        "/api/v3/exchangeInfo" => Reply::json(
            200,
            r#"{"rateLimits":[],"symbols":[{"symbol":"BTCUSDT","status":"TRADING","filters":[
            {"filterType":"PRICE_FILTER","minPrice":"0.01","maxPrice":"1000000","tickSize":"0.01"},
            {"filterType":"LOT_SIZE","minQty":"0.00001","maxQty":"9000","stepSize":"0.00001"},
            {"filterType":"NOTIONAL","minNotional":"5","applyMinToMarket":true},
            {"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"5","bidMultiplierDown":"0.2",
             "askMultiplierUp":"5","askMultiplierDown":"0.2","avgPriceMins":5},
            {"filterType":"MAX_NUM_ORDERS","maxNumOrders":200}]},
            {"symbol":"OLDUSDT","status":"BREAK"}]}"#,
        ),
        "/api/v3/depth" => {
            Reply::json(200, r#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[]}"#)
        }
        _ => Reply::json(
            200,
            r#"[[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.1",
            1499644799999,"2434.19055334",308,"1756.8","28.46694368","17928899.6"]]"#,
        ),
    })
    .await;
    let settings = SpotSettings {
        environment: Environment::Production,
        base_url: fake.url.clone(),
        timeout: Duration::from_secs(20),
    };
    let client = SpotClient::new(settings, Arc::new(Standing)).unwrap();
    let rules = client.exchange_info().await.unwrap();
    assert_eq!((rules.instruments.len(), rules.unreadable), (1, 0));
    let filters = &rules.instruments[0].filters;
    assert_eq!(filters.min_notional, "5".parse().unwrap());
    assert_eq!(filters.multiplier_down, "0.2".parse().unwrap());
    let book = client.order_book(bitcoin(), 5_000).await.unwrap();
    assert_eq!((book.last_update_id, book.bids.len()), (160, 1));
    let bars = client.klines(bitcoin(), BarInterval::OneWeek, None, 9_999).await.unwrap();
    assert_eq!((bars[0].trades, bars[0].low), (308, "0.015758".parse().unwrap()));
    let queries: Vec<_> = fake.seen().into_iter().map(|seen| seen.query).collect();
    let expected = ["", "symbol=BTCUSDT&limit=5000", "symbol=BTCUSDT&interval=1w&limit=1000"];
    assert_eq!(queries, expected, "no key, no signature");
}
