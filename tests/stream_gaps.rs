//! Trades lost with their connection: seconds that may lack one are stale, and what can be proven
//! again by asking is.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test picks what it waits for")]

use std::time::Duration;

use lobd::binance::{MarketMessage, Route};
use lobd::book::{MarketEvent, Reason, Validity};
use lobd::domain::TradeId;
use lobd::sim::market::MarketSettings;

use crate::support::process::eventually;
use crate::support::recording::{Recording, ends_valid, from_first_valid};
use crate::support::venue::Venue;

fn ids(events: &[(lobd::domain::Timestamp, MarketEvent)]) -> Vec<TradeId> {
    let id = |event: &MarketEvent| match event {
        MarketEvent::Trade(trade) => Some(trade.trade_id),
        _ => None,
    };
    events.iter().filter_map(|(_, event)| id(event)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn seconds_without_the_trade_stream_are_stale_and_valid_ones_hold_every_trade() {
    let market =
        MarketSettings { market_orders_per_second: 40.0, ..MarketSettings::bitcoin_perpetual() };
    let venue = Venue::start(market).await;
    let recording = Recording::start(&venue.sandbox, &venue.clock, |_| {});
    recording.when("it is valid", ends_valid).await;
    // Longer than a second, so that one ends with the line down.
    let until = venue.clock.now() + Duration::from_millis(1_500);
    eventually("the line is down for a second", async || {
        venue.sandbox.control.cut_streams_with(|name| name.contains("@aggTrade")).await;
        venue.clock.now() > until
    })
    .await;
    let is_stale = |row: &lobd::book::Row| row.validity == Validity::Stale(Reason::MissedTrades);
    let rows = recording
        .when("it is stale and valid again", |rows| {
            from_first_valid(rows).iter().any(|(_, row)| is_stale(row))
                && ends_valid(rows)
                && recording.messages().iter().any(|message| {
                    matches!(message, MarketMessage::Disconnected { route: Route::Market, .. })
                })
        })
        .await;
    let public_lost = recording
        .messages()
        .iter()
        .any(|message| matches!(message, MarketMessage::Disconnected { route: Route::Public, .. }));
    assert!(!public_lost, "the book never was in doubt");

    // Some trades were lost; each valid second holds all that the exchange traded in it.
    let told = ids(&recording.events());
    let missing: Vec<_> = told.windows(2).filter(|pair| pair[1].0 != pair[0].0 + 1).collect();
    assert!(!missing.is_empty(), "trades were lost on the line: {told:?}");
    let valid_count: u32 = rows
        .iter()
        .filter(|(_, row)| row.validity == Validity::Valid)
        .map(|(_, row)| row.flow.trades.count)
        .sum();
    assert!(valid_count > 0);
    for (second, row) in rows.iter().filter(|(_, row)| row.validity == Validity::Valid) {
        let (from, to) = (second.plus(-1).end(), second.end());
        let inside: Vec<_> =
            recording.events().into_iter().filter(|(at, _)| (from..to).contains(at)).collect();
        let inside = ids(&inside);
        let (Some(first), Some(last)) = (inside.first(), inside.last()) else { continue };
        let traded = recording.exchange_trades(*first, *last).await.len();
        assert!(usize::try_from(row.flow.trades.count).unwrap() >= traded, "{second}: {row:?}");
    }
}
