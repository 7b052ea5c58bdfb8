//! Whatever breaks the exchange makes exactly the cases fail that it breaks: of those tried under
//! each fault, the ones listed and no others.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use lobd::app::certify::{self, Ground, Outcome, Selection};
use lobd::config::{Settings, Variables};
use lobd::sandbox::faults;
use lobd::sim::market::MarketSettings;
use tokio_util::sync::CancellationToken;

use crate::support::venue::{Venue, symbol};

/// Exchanges that live at the same time.
const AT_ONCE: usize = 8;

/// One case of each kind: a ping, the clock, the rules, an order placed, found, a stop, the three
/// routes.
const PANEL: &[&str] =
    &["C-001", "C-002", "C-003", "C-100", "C-101", "C-170", "C-200", "C-204", "C-222"];

/// Those of [`PANEL`] that place an order.
const ORDERS: &[&str] = &["C-100", "C-101", "C-222"];

/// Faults switched on together, the cases tried under them, and those that fail.
struct Row(&'static [&'static str], &'static [&'static str], &'static [&'static str]);

const ROWS: [Row; 42] = [
    Row(&["lose-request:POST /fapi/v1/order"], PANEL, ORDERS),
    Row(&["lose-response:POST /fapi/v1/order"], PANEL, ORDERS),
    Row(&["delay=6s:GET /fapi/v1/ping"], PANEL, &["C-001"]),
    Row(&["delay-response=6s:GET /fapi/v1/ping"], PANEL, &["C-001"]),
    Row(&["http-503=unknown:POST /fapi/v1/order"], PANEL, ORDERS),
    Row(&["http-503=unknown-executed:POST /fapi/v1/order"], PANEL, ORDERS),
    Row(&["http-503=unknown-lost:POST /fapi/v1/order"], PANEL, ORDERS),
    Row(&["http-503=unavailable:POST /fapi/v1/order"], PANEL, ORDERS),
    Row(&["http-503=unavailable:POST /fapi/v1/order"], &["C-240", "C-243"], &["C-240"]),
    Row(&["http-503=internal:POST /fapi/v1/order"], PANEL, ORDERS),
    Row(&["http-503=throttled:POST /fapi/v1/order"], PANEL, ORDERS),
    Row(
        &["http-503=unavailable:POST /fapi/v1/algoOrder"],
        &["C-100", "C-170", "C-180", "C-182", "C-186"],
        &["C-170", "C-180", "C-182", "C-186"],
    ),
    Row(&["timeout-after-acceptance:POST /fapi/v1/order"], PANEL, ORDERS),
    Row(&["slow-trickle=1s:GET /fapi/v1/exchangeInfo"], PANEL, &["C-003"]),
    Row(&["ban:for=500ms"], &["C-001"], &["C-001"]),
    Row(&["revoke-key"], &["C-001", "C-070"], &["C-070"]),
    Row(&["hide-order=30s"], PANEL, &["C-101"]),
    Row(&["hide-stop=30s"], PANEL, &["C-170"]),
    Row(&["vanish-stop=0s"], PANEL, &["C-170"]),
    Row(&["reject-stop"], &["C-100", "C-170", "C-183"], &["C-183"]),
    Row(&["drop-user-event=ORDER_TRADE_UPDATE"], PANEL, &["C-222"]),
    Row(&["duplicate-user-event=ORDER_TRADE_UPDATE"], PANEL, &["C-222"]),
    Row(&["reorder-user-events=2s"], &["C-100", "C-200", "C-232"], &["C-232"]),
    Row(&["drop-depth:skip=1:times=1"], PANEL, &["C-200"]),
    Row(&["freeze=public"], PANEL, &["C-200"]),
    Row(&["slow-frames=public,1s"], PANEL, &["C-200"]),
    Row(&["freeze=market"], PANEL, &["C-204"]),
    Row(&["freeze=market"], &["C-200", "C-212"], &["C-212"]),
    Row(&["freeze=private"], PANEL, &["C-222"]),
    Row(&["freeze=private"], &["C-183", "C-226"], &["C-183", "C-226"]),
    Row(&["freeze=private"], &["C-228", "C-229"], &["C-228", "C-229"]),
    Row(&["freeze=private"], &["C-230", "C-231"], &["C-230", "C-231"]),
    Row(&["freeze=all"], PANEL, &["C-200", "C-204", "C-222"]),
    Row(&["refuse-sockets"], PANEL, &["C-200", "C-204", "C-222"]),
    Row(&["shift-time=+3s"], PANEL, &["C-002"]),
    Row(&["shift-time=-5s"], PANEL, &["C-002"]),
    Row(&["cut-sockets:at=1s"], &["C-001", "C-205"], &["C-205"]),
    Row(&["change-filters=BTCUSDT,step=1"], PANEL, &["C-100", "C-101", "C-170", "C-222"]),
    Row(&["change-status=BTCUSDT,CLOSE"], PANEL, &["C-003", "C-100", "C-101", "C-170", "C-222"]),
    Row(&["hedge-mode"], PANEL, &["C-100", "C-101", "C-170", "C-222"]),
    Row(&["charge-funding=BTCUSDT"], PANEL, &[]),
    Row(
        &["reset-account:at=400ms", "delay=1s:GET /fapi/v1/order:times=1"],
        &["C-001", "C-101"],
        &["C-101"],
    ),
];

/// What happens once, while the answer to an order is awaited.
const HAPPENING: [(&str, &str); 4] = [
    ("expire-listen-key=silently", "C-222"),
    ("expire-listen-key", "C-222"),
    ("liquidate=BTCUSDT", "C-191"),
    ("deleverage=BTCUSDT", "C-191"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_makes_exactly_those_of_the_tried_cases_fail_that_it_breaks() {
    let lasting = ROWS.iter().map(|Row(faults, tried, failing)| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        (faults, tried.to_vec(), failing.to_vec())
    });
    let happening = HAPPENING.iter().map(|(fault, broken)| {
        let wait = "delay-response=3s:POST /fapi/v1/order:times=1".to_owned();
        (vec![format!("{fault}:at=2s"), wait], vec!["C-001", *broken], vec![*broken])
    });
    let rows: Vec<(Vec<String>, Vec<&str>, Vec<&str>)> = lasting.chain(happening).collect();
    let wrong = stream::iter(rows)
        .map(|(faults, tried, failing)| async move {
            let failed = failed(&faults, &tried).await;
            let ids: Vec<&str> = failed.iter().map(|(id, _)| *id).collect();
            (ids != failing).then(|| format!("{faults:?} should break {failing:?}: {failed:?}"))
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(|wrong| async move { wrong })
        .collect::<Vec<String>>();
    let wrong = wrong.await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_fault_of_the_catalogue_is_left_out() {
    let guide = faults::guide();
    let (_, rows) = guide.split_once("Requests, over").unwrap();
    let named: BTreeSet<&str> = rows
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.starts_with(|letter: char| letter.is_ascii_lowercase()))
        .filter_map(|line| line.split([' ', '=', '[']).next())
        .collect();
    let tried = ROWS.iter().flat_map(|Row(faults, ..)| faults.iter());
    let tried = tried.chain(HAPPENING.iter().map(|(fault, _)| fault));
    let tried: BTreeSet<&str> = tried.filter_map(|fault| fault.split(['=', ':']).next()).collect();
    assert_eq!(named, tried);
}

/// Certifies some cases at a venue of its own under faults; those that failed, and how.
async fn failed(faults: &[String], tried: &[&str]) -> Vec<(&'static str, Option<String>)> {
    let venue = Venue::start(MarketSettings::bitcoin_perpetual()).await;
    let variables: Variables =
        venue.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let settings = Settings::from_variables(&variables).unwrap();
    let ground = Ground::reach(&settings, symbol(), Arc::clone(&venue.clock)).await.unwrap();
    for fault in faults {
        venue.sandbox.control.add_fault(fault.parse().unwrap()).await.unwrap();
    }
    let ids = tried.iter().map(ToString::to_string).collect();
    let selection = Selection { ids, reads_only: false };
    let stop = CancellationToken::new();
    let mut forget = |_: &certify::CaseReport| {};
    let report = certify::certify(&ground, &selection, &venue.clock, &stop, &mut forget).await;
    let cases = report.unwrap().cases;
    assert_eq!(cases.len(), tried.len(), "{faults:?}: it ended early");
    cases
        .into_iter()
        .filter(|case| case.outcome == Outcome::Failed)
        .map(|case| (case.id, case.detail))
        .collect()
}
