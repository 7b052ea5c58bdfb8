//! Faults on the way of a request, over real sockets: what the client makes of each.
//!
//! What matters is the promise kept: an order whose fate is hidden is never called refused, and
//! found again under its name (I2); the venue's wish for silence is heeded (I12).

use std::sync::Arc;
use std::time::Duration;

use lobd::binance::{BinanceError, BinanceVenue, RestClient};
use lobd::clock::{Clock, ManualClock, SystemClock};
use lobd::domain::{
    ClientOrderId, Failure, OrderId, OrderKind, OrderRequest, OrderStatus, Side, StopRequest,
    StopSize, TimeInForce,
};
use lobd::sim::OrderRecord;
use lobd::venue::Venue;

use crate::support::faulted::{fired, switch_on};
use crate::support::loopback::{DEADLINE, Loopback, bitcoin};
use crate::support::order_faults::{
    IMPATIENT, WINDOW, each_503_is_told_apart, post_only, resting,
    what_is_lost_on_its_way_is_unknown, what_lost_its_answer_is_unknown_and_there,
};
use crate::support::process::eventually;

async fn orders(loopback: &Loopback) -> Vec<OrderRecord> {
    let all = loopback.sandbox.control.with_exchange(|exchange, account| {
        exchange.all_orders(account, bitcoin(), OrderId(0), 1_000)
    });
    all.await.unwrap()
}

/// A loopback exchange, and a client that has met it before any fault and waits for so long.
async fn meet(patience: Duration) -> (Loopback, BinanceVenue) {
    let loopback = Loopback::start().await;
    let client = loopback.client(patience, WINDOW);
    client.measure_clock().await.unwrap();
    (loopback, BinanceVenue::new(client))
}

/// What placing an order comes to under a fault, and whether it is at the venue afterwards.
async fn placing_under(fault: &str) -> (Failure, bool) {
    let (loopback, venue) = meet(IMPATIENT).await;
    let number = switch_on(&loopback.sandbox.control, fault).await;
    let failure = venue.place(&resting("a-1")).await.unwrap_err();
    assert_eq!(fired(&loopback.sandbox.control, number).await, 1, "{fault}");
    let found = orders(&loopback).await;
    assert!(found.len() <= 1, "an order is sent once, whatever comes of it: {found:?}");
    let asked = venue.query(bitcoin(), resting("a-1").client_order_id).await;
    assert_eq!(asked.is_ok(), found.len() == 1, "{asked:?}");
    (failure, found.len() == 1)
}

/// Promise I2.
#[tokio::test]
async fn an_order_lost_on_its_way_is_unknown_and_not_at_the_venue() {
    what_is_lost_on_its_way_is_unknown(placing_under).await;
}

/// Promise I2.
#[tokio::test]
async fn an_order_whose_answer_is_lost_is_unknown_and_found_by_its_name() {
    what_lost_its_answer_is_unknown_and_there(placing_under).await;
}

/// Promise I2: what was surely not done may be tried again, and nothing else.
#[tokio::test]
async fn each_503_is_told_from_the_others() {
    each_503_is_told_apart(placing_under).await;
}

/// Promise I4: what protects passes where new risk does not.
#[tokio::test]
async fn protection_from_overload_lets_what_reduces_risk_pass() {
    let (loopback, venue) = meet(DEADLINE).await;
    let entry = OrderRequest { kind: OrderKind::Market, ..resting("entry") };
    venue.place(&entry).await.unwrap();
    let number = switch_on(&loopback.sandbox.control, "http-503=throttled").await;
    let close = OrderRequest { side: Side::Sell, reduce_only: true, ..entry };
    let close = OrderRequest { client_order_id: resting("close").client_order_id, ..close };
    assert_eq!(venue.place(&close).await.unwrap().status, OrderStatus::Filled);
    assert_eq!(fired(&loopback.sandbox.control, number).await, 0);
    assert!(matches!(venue.place(&resting("more")).await, Err(Failure::Throttled { .. })));
}

/// Promise I2: a seed decides, and decides the same again.
#[tokio::test]
async fn a_503_of_unknown_outcome_is_as_the_seed_has_it() {
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let (loopback, venue) = meet(DEADLINE).await;
        switch_on(&loopback.sandbox.control, "http-503=unknown:POST").await;
        let mut done = Vec::new();
        for number in 0..12 {
            let request = resting(&format!("a-{number}"));
            let failure = venue.place(&request).await.unwrap_err();
            assert!(matches!(failure, Failure::Unknown { .. }), "{failure:?}");
            done.push(venue.query(bitcoin(), request.client_order_id).await.is_ok());
        }
        assert!(done.contains(&true) && done.contains(&false), "{done:?}");
        outcomes.push(done);
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

/// Promise I2.
#[tokio::test]
async fn an_order_that_arrives_after_the_client_gave_up_is_found_by_its_name() {
    let (loopback, venue) = meet(IMPATIENT).await;
    switch_on(&loopback.sandbox.control, "delay=600ms:POST:times=1").await;
    let failure = venue.place(&resting("a-1")).await.unwrap_err();
    assert!(matches!(failure, Failure::Unknown { .. }), "{failure:?}");
    let id = resting("a-1").client_order_id;
    let asked = venue.query(bitcoin(), id).await;
    assert!(matches!(&asked, Err(Failure::Rejected(refused)) if refused.code == -2013));
    eventually("it arrives", async || venue.query(bitcoin(), id).await.is_ok()).await;
    assert_eq!(orders(&loopback).await.len(), 1);
}

/// Promise I2: the window of acceptance bounds how late an order can come.
#[tokio::test]
async fn an_order_that_arrives_after_its_window_goes_out_again_under_its_name() {
    let loopback = Loopback::start().await;
    let client = loopback.client(DEADLINE, Duration::from_millis(200));
    client.measure_clock().await.unwrap();
    let number = switch_on(&loopback.sandbox.control, "delay=600ms:POST:times=1").await;
    let placed = client.place_order(&resting("a-1")).await.unwrap();
    assert_eq!(placed.status, OrderStatus::New);
    assert_eq!(fired(&loopback.sandbox.control, number).await, 1);
    assert_eq!(orders(&loopback).await.len(), 1);
}

/// Promise I2: "no such order" is not believed at once.
#[tokio::test]
async fn an_order_that_is_not_visible_yet_lives_and_shows_itself_later() {
    let (loopback, venue) = meet(DEADLINE).await;
    let control = &loopback.sandbox.control;
    let hidden = switch_on(control, "hide-order=800ms").await;
    switch_on(control, "hide-stop=800ms").await;
    let id = resting("a-1").client_order_id;
    venue.place(&resting("a-1")).await.unwrap();
    let stop = StopRequest {
        client_order_id: ClientOrderId::new("s-1").unwrap(),
        symbol: bitcoin(),
        side: Side::Sell,
        trigger_price: "59000".parse().unwrap(),
        size: StopSize::Quantity("0.01".parse().unwrap()),
    };
    venue.place_stop(&stop).await.unwrap();
    for denied in [
        venue.query(bitcoin(), id).await.map(|_| ()),
        venue.query_stop(stop.client_order_id).await.map(|_| ()),
    ] {
        assert!(
            matches!(&denied, Err(Failure::Rejected(refused)) if refused.code == -2013),
            "{denied:?}"
        );
    }
    assert!(venue.open_orders(bitcoin()).await.unwrap().is_empty());
    assert!(venue.open_stops(bitcoin()).await.unwrap().is_empty());
    assert!(fired(control, hidden).await >= 2);
    eventually("it is seen", async || venue.query(bitcoin(), id).await.is_ok()).await;
    eventually("and its stop", async || venue.open_stops(bitcoin()).await.unwrap().len() == 1)
        .await;
    assert_eq!(orders(&loopback).await.len(), 1);
}

/// Promise I12: after a ban nothing is asked until its time.
#[tokio::test]
async fn a_banned_client_is_silent_until_the_moment_it_was_told() {
    let (loopback, venue) = meet(DEADLINE).await;
    let control = &loopback.sandbox.control;
    let number = switch_on(control, "ban:for=1500ms").await;
    let banned = venue.place(&resting("a-1")).await.unwrap_err();
    let Failure::Throttled { until } = banned else { panic!("{banned:?}") };
    let left = until.since(SystemClock::start().now());
    assert!(left > Duration::from_millis(500) && left < Duration::from_secs(3), "{left:?}");
    let mut asked = 1;
    eventually("the ban ends", async || {
        asked += 1;
        venue.open_orders(bitcoin()).await.is_ok()
    })
    .await;
    assert!(asked > 5, "it wanted to ask: {asked}");
    assert_eq!(fired(control, number).await, 1, "it did not");
    venue.place(&resting("a-1")).await.unwrap();
}

/// Promise I5: a clock that is off is measured anew and the request goes out once more.
#[tokio::test]
async fn a_venue_whose_clock_was_shifted_is_understood_again_after_one_refusal() {
    for (shift, wanted) in [("shift-time=-3s", -3_000), ("shift-time=+8s", 8_000)] {
        let (loopback, venue) = meet(DEADLINE).await;
        switch_on(&loopback.sandbox.control, shift).await;
        assert_eq!(venue.place(&resting("a-1")).await.unwrap().status, OrderStatus::New, "{shift}");
        assert_eq!(orders(&loopback).await.len(), 1);
        let offset = venue.rest().clock_offset().unwrap().nanos / 1_000_000;
        assert!((offset - wanted).abs() < 500, "{shift}: {offset}");
    }
}

/// Promises I12 and I16: the budget goes on by our clock, whatever the venue's does meanwhile.
#[tokio::test]
async fn a_venue_whose_clock_leaps_ahead_and_comes_back_is_asked_again_within_a_window() {
    let loopback = Loopback::start().await;
    let clock = Arc::new(ManualClock::at(SystemClock::start().now()));
    let client = loopback.client_by(clock.clone(), DEADLINE, WINDOW);
    client.measure_clock().await.unwrap();
    let leap = switch_on(&loopback.sandbox.control, "shift-time=+1h").await;
    let (price, time_in_force) = ("59000".parse().unwrap(), TimeInForce::ImmediateOrCancel);
    let kind = OrderKind::Limit { price, time_in_force };
    let place = async |number: u32| {
        client.place_order(&OrderRequest { kind, ..resting(&format!("a-{number}")) }).await
    };
    let mut placed = 0;
    let full = loop {
        if let Err(error) = place(placed).await {
            break error;
        }
        placed += 1;
    };
    assert!(matches!(full, BinanceError::HeldBack { .. }), "{full:?} after {placed}");
    assert!(client.clock_offset().unwrap().nanos > 3_500_000_000_000, "it was believed");
    assert!(loopback.sandbox.control.clear_fault(leap).await);
    client.measure_clock().await.unwrap();
    let held = place(placed).await.unwrap_err();
    let BinanceError::HeldBack { until, .. } = held else { panic!("{held:?}") };
    let left = until.since(clock.now());
    assert!(left <= Duration::from_mins(1), "held back for {left:?}");
    clock.advance(left);
    assert!(place(placed).await.is_ok());
}

/// Promise I5: a time that no clock shows is not believed, and nothing is reckoned by it.
#[tokio::test]
async fn a_time_more_than_a_day_off_is_refused() {
    let (loopback, venue) = meet(DEADLINE).await;
    let before = venue.rest().clock_offset();
    for shift in ["shift-time=+25h", "shift-time=-25h"] {
        let number = switch_on(&loopback.sandbox.control, shift).await;
        let error = venue.rest().measure_clock().await.unwrap_err();
        assert!(error.to_string().contains("serverTime"), "{error}");
        assert_eq!(venue.rest().clock_offset(), before, "{shift}");
        assert!(loopback.sandbox.control.clear_fault(number).await);
    }
}

/// Promise I10: an answer byte by byte is read whole, or given up in time.
#[tokio::test]
async fn an_answer_that_trickles_is_read_whole_by_whoever_waits() {
    let (loopback, venue) = meet(DEADLINE).await;
    let control = &loopback.sandbox.control;
    let slow = switch_on(control, "slow-trickle=1ms:GET /fapi/v1/depth").await;
    let whole = |client: Arc<RestClient>| async move { client.order_book(bitcoin(), 5).await };
    let trickled = whole(Arc::clone(venue.rest())).await.unwrap();
    assert_eq!((trickled.bids.len(), fired(control, slow).await), (5, 1));
    let impatient = loopback.client(IMPATIENT, WINDOW);
    assert!(control.clear_fault(slow).await);
    switch_on(control, "slow-trickle=1h:GET /fapi/v1/depth").await;
    assert!(whole(impatient).await.is_err(), "given up");
    control.clear_faults().await;
    assert!(whole(Arc::clone(venue.rest())).await.is_ok());
}

/// Promise I20: a price of the old grid is refused by code, and the new rules can be read.
#[tokio::test]
async fn new_filters_judge_new_orders_and_are_told_to_whoever_asks() {
    let (loopback, venue) = meet(DEADLINE).await;
    venue.place(&resting("before")).await.unwrap();
    switch_on(&loopback.sandbox.control, "change-filters=BTCUSDT,tick=5,min-notional=900").await;
    for (name, price, code) in [("a", "59001", -4014), ("b", "59000", -4164)] {
        let refused = venue.place(&OrderRequest { kind: post_only(price), ..resting(name) }).await;
        assert!(
            matches!(&refused, Err(Failure::Rejected(refused)) if refused.code == code),
            "{refused:?}"
        );
    }
    let rules = venue.rest().exchange_info().await.unwrap();
    assert_eq!(rules.instruments[0].filters.tick_size, "5".parse().unwrap());
    assert_eq!(rules.instruments[0].filters.min_notional, "900".parse().unwrap());
    let larger = OrderRequest { quantity: "0.020".parse().unwrap(), ..resting("c") };
    venue.place(&larger).await.unwrap();
    assert_eq!(venue.open_orders(bitcoin()).await.unwrap().len(), 2, "what rested rests on");
}

/// Promise I12, G3: a key that is refused is not used again and again; one answer frees it.
#[tokio::test]
async fn a_client_whose_key_is_refused_is_silent_for_a_while_and_speaks_once_it_is_taken() {
    let (loopback, venue) = meet(DEADLINE).await;
    let number = switch_on(&loopback.sandbox.control, "revoke-key").await;
    let refused = venue.open_orders(bitcoin()).await.unwrap_err();
    assert!(matches!(refused, Failure::Rejected(ref refusal) if refusal.code == -2015));
    let held = venue.place(&resting("a-1")).await.unwrap_err();
    assert!(matches!(held, Failure::Throttled { .. }), "{held:?}");
    assert_eq!(fired(&loopback.sandbox.control, number).await, 1, "it was not asked again");
    assert!(orders(&loopback).await.is_empty());
    loopback.sandbox.control.clear_faults().await;
    eventually("the key is tried again", async || venue.open_orders(bitcoin()).await.is_ok()).await;
    assert!(venue.place(&resting("a-1")).await.is_ok());
}
