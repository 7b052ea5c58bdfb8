//! Connections replaced while everything goes on: no second lost or stale, no event lost or twice.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test picks what it waits for")]

use std::collections::BTreeSet;
use std::time::Duration;

use lobd::binance::parse::UserEvent;
use lobd::binance::{MarketMessage, Rotation, Route, UserMessage, UserStreamSettings};
use lobd::book::{MarketEvent, Validity};
use lobd::domain::{Amount, ClientOrderId, OrderKind, OrderRequest, Quantity, Side, TradeId};
use lobd::sim::market::MarketSettings;

use crate::support::loopback::{Loopback, bitcoin, settled, user_by, wait_for};
use crate::support::recording::{Recording, ends_valid, from_first_valid};
use crate::support::venue::Venue;

/// As often as the budget of connections lets two of them be replaced.
const OFTEN: Rotation =
    Rotation { after: Duration::from_millis(1_500), proving: Duration::from_secs(5) };

const ROTATIONS: usize = 3;

fn switches(messages: &[MarketMessage], wanted: Route) -> usize {
    let is_switch = |message: &&MarketMessage| match message {
        MarketMessage::Switched { route, .. } => *route == wanted,
        _ => false,
    };
    messages.iter().filter(is_switch).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_loses_no_second_and_repeats_no_event() {
    let venue = Venue::start(MarketSettings::bitcoin_perpetual()).await;
    let recording =
        Recording::start(&venue.sandbox, &venue.clock, |settings| settings.rotation = OFTEN);
    let rows = recording
        .when("both connections were replaced often enough", |rows| {
            let messages = recording.messages();
            ends_valid(rows)
                && [Route::Public, Route::Market]
                    .iter()
                    .all(|route| switches(&messages, *route) >= ROTATIONS)
        })
        .await;
    let is_lost = |message: &MarketMessage| matches!(message, MarketMessage::Disconnected { .. });
    assert!(!recording.messages().iter().any(is_lost));
    let valid = from_first_valid(&rows);
    assert!(valid.len() >= 5, "{}", valid.len());
    for pair in valid.windows(2) {
        assert_eq!(pair[1].0, pair[0].0.next(), "a second is lost");
        assert_eq!(pair[1].1.validity, Validity::Valid, "{}", pair[1].0);
    }

    let events = recording.events();
    let (mut update_id, mut trade_id) = (None, None);
    for (_, event) in &events {
        match event {
            MarketEvent::Depth(update) => {
                assert!(update_id.is_none_or(|id| Some(id) == update.previous_final_update_id));
                update_id = Some(update.final_update_id);
            }
            MarketEvent::Trade(trade) => {
                assert!(trade_id.is_none_or(|TradeId(id)| id + 1 == trade.trade_id.0));
                trade_id = Some(trade.trade_id);
            }
            _ => {}
        }
    }

    // What was recorded is what the exchange traded.
    let (from, to) = (valid[0].0.plus(-1).end(), valid[valid.len() - 1].0.end());
    let inside: Vec<TradeId> = events
        .iter()
        .filter(|(at, _)| (from..to).contains(at))
        .filter_map(|(_, event)| match event {
            MarketEvent::Trade(trade) => Some(trade.trade_id),
            _ => None,
        })
        .collect();
    let traded = recording.exchange_trades(inside[0], inside[inside.len() - 1]).await;
    assert!(traded.len() > 20, "{}", traded.len());
    let recorded_count: u32 = valid.iter().map(|(_, row)| row.flow.trades.count).sum();
    assert_eq!(usize::try_from(recorded_count).unwrap(), traded.len());
    let volume = |units: i64| Quantity::from_units(units).unwrap();
    let recorded: i64 = valid
        .iter()
        .map(|(_, row)| row.flow.trades.buy_volume.units() + row.flow.trades.sell_volume.units())
        .sum();
    let exchanged: i64 = traded.iter().map(|trade| trade.quantity.units()).sum();
    assert_eq!(volume(recorded), volume(exchanged));
    let recorded: i64 = valid.iter().map(|(_, row)| row.flow.trades.notional.units()).sum();
    let notional = |trade: &lobd::book::PublicTrade| Amount::notional(trade.price, trade.quantity);
    let exchanged: i64 = traded.iter().map(|trade| notional(trade).unwrap().units()).sum();
    assert_eq!(recorded, exchanged, "in 1e-8 USDT");
}

#[tokio::test(flavor = "multi_thread")]
async fn account_events_go_on_over_rotations_each_told_once() {
    let venue = Loopback::start().await;
    let mut settings = UserStreamSettings::new(venue.sandbox.ws_url.clone(), 1);
    settings.rotation =
        Rotation { after: Duration::from_millis(500), proving: Duration::from_millis(700) };
    let (mut mailbox, _running) = user_by(&venue, settings);
    wait_for(&mut mailbox, |message| {
        matches!(message, UserMessage::Connected { .. }).then_some(())
    })
    .await;
    settled(&venue, 1).await;
    let (mut switched, mut trades, mut placed) = (0, Vec::new(), 0_u64);
    while switched < 3 {
        // A few orders a second, as the venue allows.
        wait_for(&mut mailbox, |message| match message {
            UserMessage::Switched { .. } => {
                switched += 1;
                Some(())
            }
            UserMessage::Alive { .. } => Some(()),
            UserMessage::Disconnected { reason, .. } => panic!("{reason}"),
            _ => None,
        })
        .await;
        placed += 1;
        let order = OrderRequest {
            client_order_id: ClientOrderId::new(&format!("r-{placed}")).unwrap(),
            symbol: bitcoin(),
            side: if placed % 2 == 0 { Side::Sell } else { Side::Buy },
            quantity: "0.01".parse().unwrap(),
            kind: OrderKind::Market,
            reduce_only: false,
        };
        let order = venue.rest.place_order(&order).await.unwrap();
        // Every order's trade is told, whichever connection is in charge meanwhile.
        wait_for(&mut mailbox, |message| match message {
            UserMessage::Switched { .. } => {
                switched += 1;
                None
            }
            UserMessage::Disconnected { reason, .. } => panic!("{reason}"),
            UserMessage::Event { event: UserEvent::Fill(fill), .. } => {
                trades.push(fill.trade_id);
                (fill.order_id == order.order_id).then_some(())
            }
            _ => None,
        })
        .await;
    }
    let once: BTreeSet<_> = trades.iter().collect();
    assert_eq!(once.len(), trades.len(), "told twice: {trades:?}");
    let since = venue.rest.now().earlier_by(Duration::from_mins(10));
    let history = venue.rest.trade_history(bitcoin(), None, since).await.unwrap();
    let booked: BTreeSet<_> = history.iter().map(|fill| &fill.trade_id).collect();
    assert_eq!(once, booked, "what was told is what the venue booked");
}
