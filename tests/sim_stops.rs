//! Conditional orders of the simulated exchange: every condition, the lag, what they become.

use std::collections::BTreeMap;
use std::time::Duration;

use lobd::domain::{
    AlgoOrderId, ClientOrderId, OrderKind, OrderStatus, Side, StopSize, StopStatus, TimeInForce,
};
use lobd::sim::{
    AccountId, AccountSettings, Exchange, ExchangeEvent, OrderTerms, Rules, StopCondition,
    StopName, StopQuery, StopTerms, WorkingPrice,
};

use proptest::prelude::*;

use crate::sim_exchange::{at, drained, duel, limit, market, name, price, quantity, stop, symbol};

fn sized(much: &str) -> StopSize {
    StopSize::Quantity(quantity(much))
}

fn by_trades(condition: StopCondition) -> StopTerms {
    StopTerms {
        condition,
        working_price: WorkingPrice::Contract,
        reduce_only: false,
        ..StopTerms::default()
    }
}

fn trailing(activation: Option<&str>, callback: &str) -> StopTerms {
    by_trades(StopCondition::Trailing {
        activation: activation.map(price),
        callback: callback.parse().unwrap(),
    })
}

fn stop_name(id: &str) -> StopName {
    StopName::Client(ClientOrderId::new(id).unwrap())
}

/// Lets two others trade at a price.
fn trade_at(exchange: &mut Exchange, two: AccountId, at_price: &str) {
    let three = exchange.open_account(&AccountSettings::default());
    let now = exchange.now();
    exchange.cancel_all(now, two, symbol()).unwrap();
    exchange.place(now, two, &limit("maker", Side::Sell, at_price, "0.001")).unwrap();
    exchange.place(now, three, &limit("taker", Side::Buy, at_price, "0.001")).unwrap();
    assert_eq!(exchange.last_price(symbol()), Some(price(at_price)));
}

fn statuses(exchange: &mut Exchange) -> Vec<(StopStatus, bool)> {
    let of_stop = |event: &ExchangeEvent| match event {
        ExchangeEvent::Stop(event) => {
            Some((event.stop.report.status, event.stop.extreme.is_some()))
        }
        ExchangeEvent::Order(_)
        | ExchangeEvent::Account(_)
        | ExchangeEvent::MarginCall(_)
        | ExchangeEvent::Liquidation { .. }
        | ExchangeEvent::Market { .. } => None,
    };
    drained(exchange).iter().filter_map(of_stop).collect()
}

#[test]
fn a_take_profit_triggers_where_a_stop_would_not() {
    let (mut exchange, one, two) = duel();
    trade_at(&mut exchange, two, "60000");
    let terms = by_trades(StopCondition::TakeProfit);
    let above = stop("tp", Side::Sell, "60010", sized("0.1"));
    let held = stop("now", Side::Sell, "60000", sized("0.1"));
    let now = exchange.now();
    assert_eq!(exchange.place_stop(now, one, &held, terms).unwrap_err().code, -2021);
    exchange.place_stop(now, one, &above, terms).unwrap();
    trade_at(&mut exchange, two, "59990");
    assert_eq!(exchange.query_stop(one, stop_name("tp")).unwrap().report.status, StopStatus::New);
    exchange.place(now, two, &limit("bid", Side::Buy, "59980", "1")).unwrap();
    trade_at(&mut exchange, two, "60010");
    let done = exchange.query_stop(one, stop_name("tp")).unwrap();
    assert_eq!(done.report.status, StopStatus::Finished);
}

#[test]
fn a_trailing_stop_wakes_follows_and_triggers_a_callback_below_the_best_price() {
    let (mut exchange, one, two) = duel();
    trade_at(&mut exchange, two, "60000");
    let request = |id| stop(id, Side::Sell, "0", sized("0.1"));
    let now = exchange.now();
    let early = trailing(Some("59990"), "0.01");
    assert_eq!(exchange.place_stop(now, one, &request("no"), early).unwrap_err().code, -2021);
    drained(&mut exchange);
    let terms = trailing(Some("60600"), "0.01");
    exchange.place_stop(now, one, &request("trail"), terms).unwrap();
    assert_eq!(statuses(&mut exchange), [(StopStatus::New, false)]);
    trade_at(&mut exchange, two, "60500");
    assert_eq!(statuses(&mut exchange), [], "asleep");
    trade_at(&mut exchange, two, "60600");
    assert_eq!(statuses(&mut exchange), [(StopStatus::New, true)], "told once that it woke");
    trade_at(&mut exchange, two, "61000");
    let following = exchange.query_stop(one, stop_name("trail")).unwrap();
    assert_eq!(following.report.trigger_price, price("60390"));
    trade_at(&mut exchange, two, "60391");
    assert_eq!(statuses(&mut exchange), []);
    trade_at(&mut exchange, two, "60390");
    let last: Vec<StopStatus> = statuses(&mut exchange).iter().map(|told| told.0).collect();
    assert_eq!(last, [StopStatus::Triggering, StopStatus::Triggered, StopStatus::Finished]);
}

#[test]
fn a_trailing_stop_without_activation_price_wakes_at_once() {
    let (mut exchange, one, two) = duel();
    trade_at(&mut exchange, two, "60000");
    drained(&mut exchange);
    let request = stop("trail", Side::Buy, "0", sized("0.1"));
    let now = exchange.now();
    exchange.place_stop(now, one, &request, trailing(None, "0.002")).unwrap();
    assert_eq!(statuses(&mut exchange), [(StopStatus::New, false), (StopStatus::New, true)]);
    let waiting = exchange.query_stop(one, stop_name("trail")).unwrap();
    assert_eq!(waiting.report.trigger_price, price("60120"));
}

#[test]
fn a_touched_stop_is_triggering_for_the_lag_and_cannot_be_cancelled_then() {
    let (mut exchange, one, two) = duel();
    let lag = Duration::from_millis(17);
    exchange.set_rules(Rules { trigger_lag: lag, ..Rules::default() });
    trade_at(&mut exchange, two, "60000");
    let request = stop("s", Side::Buy, "60010", sized("0.1"));
    let now = exchange.now();
    exchange.place_stop(now, one, &request, by_trades(StopCondition::StopLoss)).unwrap();
    exchange.place(now, two, &limit("offer", Side::Sell, "60050", "1")).unwrap();
    trade_at(&mut exchange, two, "60010");
    let triggering = exchange.query_stop(one, stop_name("s")).unwrap();
    assert_eq!(triggering.report.status, StopStatus::Triggering);
    assert_eq!(exchange.cancel_stop(now, one, stop_name("s")).unwrap_err().code, -4117);
    assert!(exchange.open_orders(one, None).is_empty(), "its order is not there yet");
    drained(&mut exchange);
    assert_eq!(exchange.next_wake().min(now + lag), exchange.next_wake());
    exchange.advance(now + lag);
    let done = exchange.query_stop(one, stop_name("s")).unwrap();
    assert_eq!(done.report.status, StopStatus::Finished);
    assert_eq!(done.triggered_at, Some(now));
    assert_eq!(done.report.update_time, now + lag);
    assert_eq!(exchange.cancel_stop(now, one, stop_name("s")).unwrap_err().code, -2011);
}

#[test]
fn a_stop_limit_is_finished_only_when_its_order_has_ended() {
    let (mut exchange, one, two) = duel();
    trade_at(&mut exchange, two, "60000");
    let becomes =
        OrderKind::Limit { price: price("60005"), time_in_force: TimeInForce::GoodTilCanceled };
    let terms = StopTerms { becomes, ..by_trades(StopCondition::StopLoss) };
    let now = exchange.now();
    exchange.place_stop(now, one, &stop("s", Side::Buy, "60010", sized("0.1")), terms).unwrap();
    trade_at(&mut exchange, two, "60010");
    let triggered = exchange.query_stop(one, stop_name("s")).unwrap();
    assert_eq!(triggered.report.status, StopStatus::Triggered);
    let child = exchange.open_orders(one, None)[0];
    assert_eq!(Some(child.report.order_id), triggered.report.child_order_id);
    assert_eq!(exchange.depth(symbol(), 1).unwrap().bids[0].price, price("60005"));
    drained(&mut exchange);
    exchange.cancel(now, one, symbol(), name("s")).unwrap();
    assert_eq!(statuses(&mut exchange), [(StopStatus::Finished, false)]);
    let done = exchange.query_stop(one, stop_name("s")).unwrap();
    assert!(done.child.filled_quantity.is_zero(), "cancelled unfilled");
}

#[test]
fn a_protected_stop_waits_while_mark_price_and_last_trade_are_far_apart() {
    let (mut exchange, one, two) = duel();
    trade_at(&mut exchange, two, "62900");
    let terms = StopTerms { price_protect: true, reduce_only: false, ..StopTerms::default() };
    exchange.place_stop(at(1), one, &stop("s", Side::Sell, "59000", sized("0.1")), terms).unwrap();
    exchange.place(at(1), two, &limit("bid", Side::Buy, "58000", "1")).unwrap();
    exchange.place(at(1), two, &limit("ask", Side::Sell, "58010", "1")).unwrap();
    exchange.advance(at(8));
    let status =
        |exchange: &Exchange| exchange.query_stop(one, stop_name("s")).unwrap().report.status;
    assert_eq!(exchange.mark_price(symbol()).unwrap().price, price("58005"));
    assert_eq!(status(&exchange), StopStatus::New, "8 % apart");
    trade_at(&mut exchange, two, "58010");
    exchange.place(at(8), two, &limit("bid2", Side::Buy, "58000", "1")).unwrap();
    exchange.place(at(8), two, &limit("ask2", Side::Sell, "58010", "1")).unwrap();
    exchange.advance(at(9));
    assert_eq!(status(&exchange), StopStatus::Finished, "they have met");
}

#[test]
fn a_stop_with_a_date_expires_at_it() {
    let (mut exchange, one, _) = duel();
    let order = OrderTerms { good_till: Some(at(900)), ..OrderTerms::default() };
    let becomes =
        OrderKind::Limit { price: price("61000"), time_in_force: TimeInForce::GoodTilCanceled };
    let terms = StopTerms { becomes, order, reduce_only: false, ..StopTerms::default() };
    exchange.place_stop(at(1), one, &stop("s", Side::Buy, "61000", sized("0.1")), terms).unwrap();
    exchange.advance(at(899));
    assert_eq!(exchange.open_stops(one, None).len(), 1);
    drained(&mut exchange);
    exchange.advance(at(900));
    assert_eq!(statuses(&mut exchange), [(StopStatus::Expired, false)]);
}

#[test]
fn every_stop_known_is_listed_whatever_became_of_it() {
    let (mut exchange, one, _) = duel();
    for id in ["a", "b", "c"] {
        let request = stop(id, Side::Sell, "59000", sized("0.1"));
        exchange.place_stop(at(1), one, &request, StopTerms::default()).unwrap();
    }
    exchange.cancel_stop(at(2), one, stop_name("b")).unwrap();
    let all = StopQuery { from: AlgoOrderId::default(), since: at(0), until: at(9) };
    let known: Vec<StopStatus> =
        exchange.all_stops(one, symbol(), all).iter().map(|stop| stop.report.status).collect();
    assert_eq!(known, [StopStatus::New, StopStatus::Canceled, StopStatus::New]);
    let second = exchange.query_stop(one, stop_name("b")).unwrap().report.algo_order_id;
    assert_eq!(exchange.all_stops(one, symbol(), StopQuery { from: second, ..all }).len(), 2);
    let order = exchange.place(at(3), one, &market("m", Side::Buy, "0.1")).unwrap();
    assert_eq!(order.report.status, OrderStatus::Filled);
}

#[test]
fn a_stop_that_becomes_a_limit_too_far_away_is_rejected() {
    let (mut exchange, one, two) = duel();
    trade_at(&mut exchange, two, "60000");
    let becomes =
        OrderKind::Limit { price: price("63000.1"), time_in_force: TimeInForce::GoodTilCanceled };
    let terms = StopTerms { becomes, ..by_trades(StopCondition::StopLoss) };
    let now = exchange.now();
    exchange.place_stop(now, one, &stop("s", Side::Buy, "60010", sized("0.1")), terms).unwrap();
    trade_at(&mut exchange, two, "60010");
    let rejected = exchange.query_stop(one, stop_name("s")).unwrap().report;
    assert_eq!(rejected.status, StopStatus::Rejected);
    assert_eq!(rejected.reason.as_deref(), Some("Limit price can't be higher than 63000."));
}

/// One thing that happens around conditional orders.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Place { is_buy: bool, offset: i64, kind: u8 },
    Cancel { back: usize },
    CancelChild { back: usize },
    Trade { offset: i64 },
    Wait { millis: u64 },
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => (any::<bool>(), -20..20_i64, 0..6_u8)
            .prop_map(|(is_buy, offset, kind)| Deed::Place { is_buy, offset, kind }),
        1 => (1..8_usize).prop_map(|back| Deed::Cancel { back }),
        1 => (1..8_usize).prop_map(|back| Deed::CancelChild { back }),
        4 => (-25..25_i64).prop_map(|offset| Deed::Trade { offset }),
        2 => (1..1_500_u64).prop_map(|millis| Deed::Wait { millis }),
    ]
}

fn around(offset: i64) -> String {
    (60_000 + offset).to_string()
}

fn place(exchange: &mut Exchange, account: AccountId, id: &str, deed: (bool, i64, u8)) {
    let (is_buy, offset, kind) = deed;
    let (side, now) = (if is_buy { Side::Buy } else { Side::Sell }, exchange.now());
    let limit = OrderKind::Limit {
        price: price(&around(offset)),
        time_in_force: TimeInForce::GoodTilCanceled,
    };
    let by = |condition, becomes| StopTerms { becomes, ..by_trades(condition) };
    let terms = match kind {
        0 => by(StopCondition::StopLoss, OrderKind::Market),
        1 => by(StopCondition::TakeProfit, OrderKind::Market),
        2 => by(StopCondition::StopLoss, limit),
        3 => trailing(None, "0.0001"),
        4 => StopTerms { working_price: WorkingPrice::Mark, ..by(StopCondition::StopLoss, limit) },
        _ => StopTerms {
            order: OrderTerms {
                good_till: Some(now + Duration::from_secs(3)),
                ..Default::default()
            },
            ..by(StopCondition::TakeProfit, limit)
        },
    };
    let request = stop(id, side, &around(offset), sized("0.01"));
    let _ = exchange.place_stop(now, account, &request, terms);
}

/// Whether a conditional order may go from one status to the other.
fn may_follow(before: Option<StopStatus>, after: StopStatus) -> bool {
    match (before, after) {
        (None | Some(StopStatus::New), StopStatus::New)
        | (
            Some(StopStatus::New),
            StopStatus::Triggering | StopStatus::Canceled | StopStatus::Expired,
        )
        | (Some(StopStatus::Triggering), StopStatus::Triggered | StopStatus::Rejected)
        | (Some(StopStatus::Triggered), StopStatus::Finished) => true,
        (None | Some(_), _) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_stop_goes_through_its_life_in_order_and_ends_with_its_order(
        deeds in prop::collection::vec(deed(), 1..80),
    ) {
        let (mut exchange, one, two) = duel();
        let three = exchange.open_account(&AccountSettings::default());
        exchange.set_rules(Rules { trigger_lag: Duration::from_millis(17), ..Rules::default() });
        let mut lives: BTreeMap<AlgoOrderId, StopStatus> = BTreeMap::new();
        for (count, deed) in deeds.into_iter().enumerate() {
            let now = exchange.now();
            let earlier = |back: usize| format!("s{}", count.saturating_sub(back));
            match deed {
                Deed::Place { is_buy, offset, kind } => {
                    place(&mut exchange, one, &format!("s{count}"), (is_buy, offset, kind));
                }
                Deed::Cancel { back } => {
                    let _ = exchange.cancel_stop(now, one, stop_name(&earlier(back)));
                }
                Deed::CancelChild { back } => {
                    let _ = exchange.cancel(now, one, symbol(), name(&earlier(back)));
                }
                Deed::Trade { offset } => {
                    let (id, to) = (format!("t{count}"), around(offset));
                    let _ = exchange.place(now, two, &limit(&id, Side::Sell, &to, "0.05"));
                    let _ = exchange.place(now, three, &limit(&id, Side::Buy, &to, "0.05"));
                }
                Deed::Wait { millis } => exchange.advance(now + Duration::from_millis(millis)),
            }
            for event in drained(&mut exchange) {
                let ExchangeEvent::Stop(event) = event else { continue };
                let (id, after) = (event.stop.report.algo_order_id, event.stop.report.status);
                let before = lives.insert(id, after);
                prop_assert!(may_follow(before, after), "{:?} after {:?}", after, before);
            }
            for (id, status) in &lives {
                let known = exchange.query_stop(one, StopName::Id(*id)).unwrap();
                prop_assert_eq!(known.report.status, *status, "events tell everything");
                let child = known.report.child_order_id.map(|id| {
                    exchange.query(one, symbol(), lobd::sim::OrderName::Id(id)).unwrap()
                });
                let ended = child.map(|child| child.report.status.is_terminal());
                match status {
                    StopStatus::Triggered => prop_assert_eq!(ended, Some(false)),
                    StopStatus::Finished => prop_assert_eq!(ended, Some(true)),
                    StopStatus::New
                    | StopStatus::Triggering
                    | StopStatus::Canceled
                    | StopStatus::Expired
                    | StopStatus::Rejected => prop_assert_eq!(ended, None),
                    StopStatus::Unknown => prop_assert!(false, "the exchange knows its own"),
                }
            }
        }
    }
}
