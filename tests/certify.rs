//! The exchange we carry is certified whole, and whatever breaks it makes the right cases fail.

use std::sync::Arc;

use futures_util::future::join_all;
use lobd::app::certify::{self, Ground, Outcome, Report, Selection};
use lobd::config::{Settings, Variables};
use lobd::sim::market::MarketSettings;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support::process::Home;
use crate::support::venue::{Venue, symbol};

#[test]
fn the_exchange_we_carry_passes_every_case() {
    let home = Home::new();
    let output = home.run(&["certify", "--environment", "sandbox", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |outcome: &str| -> Vec<&Value> {
        let cases = report["cases"].as_array().unwrap().iter();
        cases.filter(|case| case["outcome"] == outcome).collect()
    };
    assert_eq!(of("failed"), Vec::<&Value>::new());
    assert_eq!(output.status.code(), Some(0));
    assert!(of("passed").len() >= 130, "{}", report["totals"]);
    assert!(of("not_tried").len() <= 3, "{:?}", of("not_tried"));
    let folder = home.data().join("certify");
    let written: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(written.len(), 2, "{written:?}");
    for path in written {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("C-222"), "{}", path.display());
        let seeded = lobd::sandbox::SandboxSettings::for_seed(1);
        for secret in [seeded.api_key.as_str(), seeded.api_secret.expose()] {
            assert!(!text.contains(secret), "I9: {} holds a secret", path.display());
        }
    }
}

#[test]
fn what_cannot_be_certified_is_said_before_anything_is_sent() {
    let home = Home::new();
    home.fails(
        &["certify", "--environment", "sandbox", "--case", "C-999"],
        2,
        &["C-999", "--list"],
    );
    home.fails(&["certify", "--environment", "testnet"], 78, &["LOBD_ENVIRONMENT"]);
    let listed = home.succeeds(&["certify", "--environment", "production", "--list", "--json"]);
    let effects: Vec<Value> =
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(effects.len() > 40);
    assert!(effects.iter().all(|case| case["effect"] == "reads"), "nothing trades there");
}

/// The faults switched on, the case they break, and one that they leave whole: itself, where a ban
/// leaves none.
const BROKEN: [(&[&str], &str, &str); 25] = [
    (&["lose-request:POST /fapi/v1/order"], "C-100", "C-001"),
    (&["lose-response:POST /fapi/v1/order"], "C-100", "C-001"),
    (&["delay=6s:GET /fapi/v1/ping"], "C-001", "C-003"),
    (&["delay-response=6s:GET /fapi/v1/ping"], "C-001", "C-003"),
    (&["http-503=unknown:POST /fapi/v1/order"], "C-100", "C-001"),
    (&["timeout-after-acceptance:POST /fapi/v1/order"], "C-100", "C-001"),
    (&["slow-trickle=1s:GET /fapi/v1/exchangeInfo"], "C-003", "C-001"),
    (&["ban:for=500ms"], "C-001", "C-001"),
    (&["hide-order=30s"], "C-101", "C-100"),
    (&["hide-stop=30s"], "C-170", "C-100"),
    (&["vanish-stop=0s"], "C-170", "C-100"),
    (&["reject-stop"], "C-183", "C-170"),
    (&["drop-user-event=ORDER_TRADE_UPDATE"], "C-222", "C-100"),
    (&["duplicate-user-event=ORDER_TRADE_UPDATE"], "C-222", "C-100"),
    (&["reorder-user-events=2s"], "C-232", "C-100"),
    (&["drop-depth:skip=1:times=1"], "C-200", "C-204"),
    (&["freeze=public"], "C-200", "C-204"),
    (&["slow-frames=public,1s"], "C-200", "C-204"),
    (&["http-503=unavailable:POST /fapi/v1/order"], "C-240", "C-243"),
    (&["refuse-sockets"], "C-200", "C-001"),
    (&["shift-time=+5s"], "C-002", "C-001"),
    (&["cut-sockets:at=1s"], "C-205", "C-001"),
    (
        &["expire-listen-key=silently:at=400ms", "delay=1s:POST /fapi/v1/order:times=1"],
        "C-222",
        "C-001",
    ),
    (&["reset-account:at=400ms", "delay=1s:GET /fapi/v1/order:times=1"], "C-101", "C-001"),
    (&["change-filters=BTCUSDT,step=1"], "C-100", "C-001"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_makes_the_cases_fail_that_it_breaks_and_no_others() {
    let tried = BROKEN.iter().map(|(faults, broken, whole)| certified(faults, broken, whole));
    for (faults, broken, whole, report) in join_all(tried).await {
        let outcome = |id: &str| {
            let case = report.cases.iter().find(|case| case.id == id).unwrap();
            (case.outcome, case.detail.clone())
        };
        let (found, detail) = outcome(broken);
        assert_eq!(found, Outcome::Failed, "{faults:?} should break {broken}: {detail:?}");
        if whole == broken {
            continue;
        }
        let (found, detail) = outcome(whole);
        assert_ne!(found, Outcome::Failed, "{faults:?} should leave {whole} whole: {detail:?}");
    }
}

type Tried = (&'static [&'static str], &'static str, &'static str, Report);

/// Certifies two cases at a venue of its own: the broken one under the faults, the other after or
/// under them, whichever its number says.
async fn certified(
    faults: &'static [&'static str],
    broken: &'static str,
    whole: &'static str,
) -> Tried {
    let venue = Venue::start(MarketSettings::bitcoin_perpetual()).await;
    let variables: Variables =
        venue.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let settings = Settings::from_variables(&variables).unwrap();
    let ground = Ground::reach(&settings, symbol(), Arc::clone(&venue.clock)).await.unwrap();
    for fault in faults {
        venue.sandbox.control.add_fault(fault.parse().unwrap()).await.unwrap();
    }
    let ids = [broken, whole].map(ToOwned::to_owned).to_vec();
    let selection = Selection { ids, reads_only: false };
    let stop = CancellationToken::new();
    let mut forget = |_: &certify::CaseReport| {};
    let report = certify::certify(&ground, &selection, &venue.clock, &stop, &mut forget).await;
    (faults, broken, whole, report.unwrap())
}
