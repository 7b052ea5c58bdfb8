//! SIGKILL again and again, at moments that nobody chose, of one folder on one exchange (K18): after
//! each, the account ends under its stop or flat, and ledger and venue agree.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::support::audit::BUDGET_RENEWS;
use crate::support::faulted::{is_agreed, longest_naked};
use crate::support::number;
use crate::support::process::Running;
use crate::support::victim::{NAKED_LIMIT, Victim};

/// Cycles of a few seconds, so that a kill meets each step of them; losses are not looked at here.
const RESTLESS: &[(&str, &str)] = &[
    ("MAX_HOLDING_SECONDS", "2"),
    ("ORDER_NOTIONAL_USDT", "600"),
    ("MAX_DAILY_LOSS_USDT", "9000"),
    ("MAX_DRAWDOWN_USDT", "9000"),
    ("MAX_CONSECUTIVE_LOSSES", "1000"),
];

/// How often, in milliseconds, a daemon that begins is looked at.
const LOOK: u64 = 50;

/// What the kills have shown so far.
#[derive(Debug, Default)]
struct Shown {
    kills: u64,
    /// Kills before it had begun to work.
    starting: u64,
    worst_naked: Duration,
}

/// `LOBD_KILLS` and `LOBD_KILL_SEED` make it longer and another one.
#[tokio::test(flavor = "multi_thread")]
async fn kills_at_random_moments_lose_nothing_and_leave_nothing_naked() {
    let (kills, seed) = (number("LOBD_KILLS", 10), number("LOBD_KILL_SEED", 1));
    println!("{kills} kills, seed {seed}");
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let victim = Victim::new(RESTLESS).await;
    let mut shown = Shown::default();
    let mut daemon = victim.start();
    while shown.kills < kills {
        lives(chance.random_range(200..4_000)).await;
        if let Some(status) = victim.home.status().await {
            shown.worst_naked = shown.worst_naked.max(naked(&status));
        }
        daemon.kill();
        shown.kills += 1;
        // One in three dies once more before it has begun.
        if shown.kills < kills && chance.random_range(0..3) == 0 {
            let mut doomed = victim.start();
            lives(chance.random_range(0..900)).await;
            doomed.kill();
            (shown.kills, shown.starting) = (shown.kills + 1, shown.starting + 1);
        }
        victim.home.succeeds(&["journal", "verify"]);
        daemon = comes_back(&victim, &mut shown).await;
    }
    let truth = victim.ends(daemon).await;
    let (entries, trades) = (truth.entries().len(), truth.fills.len());
    println!("{shown:?}; {entries} entries, {trades} trades, 0 discrepancies");
}

/// Starts it once, however little of the minute's request weight the starts before have left; it has
/// agreed with the venue then, and nothing is naked.
async fn comes_back(victim: &Victim, shown: &mut Shown) -> Running {
    let mut daemon = victim.start();
    let back = async {
        loop {
            let ended = daemon.ended();
            assert!(ended.is_none(), "{ended:?}: {shown:?}: {}", victim.home.log());
            if let Some(status) = victim.home.status().await.filter(is_covered_and_agreed) {
                return status;
            }
            lives(LOOK).await;
        }
    };
    let back = tokio::time::timeout(BUDGET_RENEWS, back).await;
    let status = back.unwrap_or_else(|_| panic!("not back: {shown:?}: {}", victim.home.log()));
    assert_eq!(status["discrepancies_total"], 0, "{shown:?}: {}", victim.home.log());
    assert_eq!(status["halted"], Value::Null, "{shown:?}: {}", victim.home.log());
    shown.worst_naked = shown.worst_naked.max(naked(&status));
    assert!(shown.worst_naked <= NAKED_LIMIT, "{shown:?}: {}", victim.home.log());
    daemon
}

fn is_covered_and_agreed(status: &Value) -> bool {
    let one = &status["symbols"][0];
    (one["exposure"] == "0" || !one["stop_price"].is_null()) && is_agreed(status)
}

/// Time passes; the moment of a kill is what is drawn.
async fn lives(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// The longest time without cover, of a status that has any.
fn naked(status: &Value) -> Duration {
    if status["symbols"][0].is_null() { Duration::ZERO } else { longest_naked(status) }
}
