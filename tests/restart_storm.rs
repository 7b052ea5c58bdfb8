//! Starts that use up a minute's request weight, and a position without its stop: the daemon that
//! finds both goes on, as soon as the venue's limits let it.

use std::time::Duration;

use lobd::binance::{BinanceError, RestClient};
use lobd::clock::{Clock, SystemClock};

use crate::support::audit::BUDGET_RENEWS;
use crate::support::process::{Running, eventually, until};
use crate::support::venue::symbol;
use crate::support::victim::Victim;

/// What is said of a start that waits.
const WAITS: &str = "the start waits until the venue may be asked";

/// What a test does with a minute's used-up weight takes less.
const ENOUGH_OF_A_MINUTE: Duration = Duration::from_secs(25);

/// I12: what others may not have is left, and a position's way to its stop may use it (I4).
#[tokio::test(flavor = "multi_thread")]
async fn a_start_uses_the_weight_kept_for_protection_to_find_what_is_naked() {
    let victim = naked().await;
    a_minute_is_young().await;
    let balances = async || victim.venue.balances().await.map(drop);
    used_up(balances).await;
    assert!(balances().await.is_err(), "a reconciliation has nothing left");
    let mut daemon = victim.start();
    is_protected(&victim, &mut daemon).await;
    assert!(!victim.home.log().contains(WAITS), "at once: {}", victim.home.log());
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", victim.home.log());
}

/// I16: nothing at all is left before the minute is over. It waits, says so once, and ends when told.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_any_weight_waits_for_the_next_minute_and_protects_then() {
    let victim = naked().await;
    a_minute_is_young().await;
    used_up(async || victim.venue.position_of(symbol()).await.map(drop)).await;

    let mut stopped = victim.start();
    eventually("it waits", async || times_told(&victim) == 1).await;
    stopped.terminate();
    assert_eq!(stopped.exit().await, Some(0), "{}", victim.home.log());
    assert!(has_nothing(&victim.venue).await, "it ended while it waited");

    let mut daemon = victim.start();
    is_protected(&victim, &mut daemon).await;
    assert_eq!(times_told(&victim), 2, "once a start: {}", victim.home.log());
    victim.ends(daemon).await;
}

/// A position whose daemon died before it sent the stop.
async fn naked() -> Victim {
    let victim = Victim::new(&[]).await;
    let left = victim.killed_at("place_stop durable").await;
    assert!(left.is_held() && left.stops.is_empty(), "{left:?}");
    victim
}

/// Waits until the minute in which weight is counted has a good part left.
async fn a_minute_is_young() {
    let is_young = async || {
        let venue_now = SystemClock::start().now();
        let into = venue_now.millis().rem_euclid(60_000).unsigned_abs();
        (into + u64::try_from(ENOUGH_OF_A_MINUTE.as_millis()).unwrap() < 60_000).then_some(())
    };
    until(is_young).await;
}

/// Asks until the budget, which believes the venue's count, admits no more of such questions.
async fn used_up(ask: impl AsyncFn() -> Result<(), BinanceError>) {
    while ask().await.is_ok() {}
    let refusal = ask().await;
    assert!(matches!(refusal, Err(BinanceError::HeldBack { .. })), "{refusal:?}");
}

/// Whether nobody can be asked for anything, not even for a position.
async fn has_nothing(venue: &RestClient) -> bool {
    matches!(venue.position_of(symbol()).await, Err(BinanceError::HeldBack { .. }))
}

/// Waits until the position is under its stop; the process has not ended meanwhile.
async fn is_protected(victim: &Victim, daemon: &mut Running) {
    let protected = until(async || {
        let ended = daemon.ended();
        assert!(ended.is_none(), "{ended:?}: {}", victim.home.log());
        let status = victim.home.status().await?;
        (!status["symbols"][0]["stop_price"].is_null()).then_some(())
    });
    let in_time = tokio::time::timeout(BUDGET_RENEWS, protected).await;
    assert!(in_time.is_ok(), "{:?}: {}", victim.home.status().await, victim.home.log());
}

fn times_told(victim: &Victim) -> usize {
    victim.home.log().matches(WAITS).count()
}
