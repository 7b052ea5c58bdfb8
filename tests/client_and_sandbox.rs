//! Our client against our exchange over real sockets: two readings of one specification agree.
//!
//! Only what both sides have; each was written from `exchange-api.md`, knowing nothing of the other.

use std::time::Duration;

use lobd::binance::{ApiVersion, ConditionalKind, ConditionalRequest, PositionMode, TriggerPrice};
use lobd::domain::{
    ClientOrderId, OrderId, OrderKind, OrderRequest, OrderStatus, Side, StopRequest, StopSize,
    StopStatus, TimeInForce,
};

use crate::support::loopback::{Loopback, bitcoin, purchase};

fn id(number: u32) -> ClientOrderId {
    ClientOrderId::new(&format!("lobd-0000000a-1-{number}")).unwrap()
}

fn bid(number: u32, price: &str) -> OrderRequest {
    OrderRequest {
        client_order_id: id(number),
        symbol: bitcoin(),
        side: Side::Buy,
        quantity: "0.010".parse().unwrap(),
        kind: OrderKind::Limit {
            price: price.parse().unwrap(),
            time_in_force: TimeInForce::GoodTilCanceled,
        },
        reduce_only: false,
    }
}

fn market_buy(number: u32) -> OrderRequest {
    OrderRequest { kind: OrderKind::Market, ..bid(number, "1") }
}

#[tokio::test]
async fn an_orders_whole_life_reads_the_same_by_every_question() {
    let venue = Loopback::start().await;
    let rest = &venue.rest;
    let since = rest.now().earlier_by(Duration::from_hours(1));
    let placed = rest.place_order(&bid(1, "59000")).await.unwrap();
    assert_eq!(placed.status, OrderStatus::New);
    let working = rest.query_working_order(bitcoin(), id(1)).await.unwrap();
    assert_eq!(working.order_id, placed.order_id);
    rest.cancel_order(bitcoin(), id(1)).await.unwrap();
    let gone = rest.query_working_order(bitcoin(), id(1)).await.unwrap_err();
    assert_eq!(gone.code(), Some(-2013));
    let filled = rest.place_order(&market_buy(2)).await.unwrap();
    assert_eq!(filled.status, OrderStatus::Filled);
    let history = rest.order_history(bitcoin(), None, since).await.unwrap();
    let told: Vec<_> = history.iter().map(|order| (order.client_order_id, order.status)).collect();
    assert_eq!(told, [(id(1), OrderStatus::Canceled), (id(2), OrderStatus::Filled)]);
    let later = rest.order_history(bitcoin(), Some(OrderId(placed.order_id.0)), since).await;
    assert_eq!(later.unwrap().len(), 1, "only what came after");
    let fills = rest.trade_history(bitcoin(), None, since).await.unwrap();
    assert!(fills.iter().all(|fill| fill.order_id == filled.order_id) && !fills.is_empty());
    let limits = rest.order_rate_limits().await.unwrap();
    assert_eq!(limits.len(), 2);
}

#[tokio::test]
async fn the_account_reads_the_same_in_both_versions() {
    let venue = Loopback::start().await;
    let rest = &venue.rest;
    rest.place_order(&market_buy(1)).await.unwrap();
    let held = rest.position_of(bitcoin()).await.unwrap();
    for version in [ApiVersion::V2, ApiVersion::V3] {
        let risks = rest.position_risks(version).await.unwrap();
        assert_eq!(risks[0].report.exposure, held.exposure, "{version:?}");
        let margin = rest.account_margin(version).await.unwrap();
        assert_eq!(margin.positions[0].exposure, held.exposure, "{version:?}");
        let balances = rest.balances_by(version).await.unwrap();
        assert_eq!(balances[0].wallet_balance, margin.wallet_balance, "{version:?}");
    }
    assert_eq!(rest.position_mode().await.unwrap(), PositionMode::OneWay);
    rest.set_position_mode(PositionMode::OneWay).await.unwrap();
    rest.set_margin_type(bitcoin(), false).await.unwrap();
    let leverage = rest.set_leverage(bitcoin(), 5).await.unwrap();
    let set = rest.symbol_configuration(bitcoin()).await.unwrap().unwrap();
    assert_eq!((leverage, set.leverage), (5, 5));
}

#[tokio::test]
async fn a_waiting_stop_reads_as_a_conditional_order_too() {
    let venue = Loopback::start().await;
    let rest = &venue.rest;
    rest.place_order(&market_buy(1)).await.unwrap();
    let stop = StopRequest {
        client_order_id: id(2),
        symbol: bitcoin(),
        side: Side::Sell,
        trigger_price: "59000".parse().unwrap(),
        size: StopSize::Quantity("0.010".parse().unwrap()),
    };
    let placed = rest.place_protective_stop(&stop).await.unwrap();
    let waiting = rest.waiting_conditionals(Some(bitcoin())).await.unwrap();
    assert_eq!(waiting[0].algo_order_id, placed.algo_order_id);
    assert_eq!(waiting[0].trigger_price, Some(stop.trigger_price));
    let asked = rest.query_conditional(id(2)).await.unwrap();
    assert_eq!((asked.status, asked.child), (placed.status, None));
}

#[tokio::test]
async fn the_switches_of_an_account_are_as_they_were_set_even_twice() {
    let venue = Loopback::start().await;
    let rest = &venue.rest;
    for is_on in [true, true, false] {
        rest.set_multi_assets_margin(is_on).await.unwrap();
        assert_eq!(rest.has_multi_assets_margin().await.unwrap(), is_on);
        rest.set_bnb_for_fees(is_on).await.unwrap();
        assert_eq!(rest.burns_bnb_for_fees().await.unwrap(), is_on);
    }
}

#[tokio::test]
async fn conditional_orders_that_live_with_a_position_end_with_it_and_others_wait_on() {
    let venue = Loopback::start().await;
    let rest = &venue.rest;
    rest.place_order(&market_buy(1)).await.unwrap();
    let quantity = StopSize::Quantity("0.010".parse().unwrap());
    let stops = [(2, StopSize::ClosePosition, true), (3, quantity, true), (4, quantity, false)];
    for (number, size, ends_with_position) in stops {
        let stop = ConditionalRequest {
            client_order_id: id(number),
            symbol: bitcoin(),
            side: Side::Sell,
            kind: ConditionalKind::StopMarket("59000".parse().unwrap(), size),
            trigger_by: TriggerPrice::Mark,
            reduce_only: true,
            price_protect: false,
            ends_with_position,
        };
        let placed = rest.place_conditional(&stop).await.unwrap();
        assert_eq!(placed.status, StopStatus::New);
    }
    let more =
        OrderRequest { side: Side::Sell, quantity: "0.004".parse().unwrap(), ..market_buy(5) };
    rest.place_order(&more).await.unwrap();
    assert_eq!(rest.waiting_conditionals(Some(bitcoin())).await.unwrap().len(), 3, "it lives on");
    let rest_of_it =
        OrderRequest { side: Side::Sell, quantity: "0.006".parse().unwrap(), ..market_buy(6) };
    rest.place_order(&rest_of_it).await.unwrap();
    let mut ended = Vec::new();
    for (number, ..) in stops {
        ended.push(rest.query_conditional(id(number)).await.unwrap().status);
    }
    assert_eq!(ended, [StopStatus::Expired, StopStatus::Expired, StopStatus::New]);
}

#[tokio::test]
async fn the_market_reads_as_it_was_fed() {
    let venue = Loopback::start().await;
    let rest = &venue.rest;
    let best = rest.best_prices(bitcoin()).await.unwrap();
    assert_eq!(best.bid.price, "60000".parse().unwrap());
    assert_eq!(best.ask.price, "60000.1".parse().unwrap());
    let book = rest.order_book(bitcoin(), 1_000).await.unwrap();
    let retail = rest.retail_order_book(bitcoin()).await.unwrap();
    assert_eq!((retail.bids, retail.asks), (book.bids, book.asks), "nobody has an RPI order");
    let index = rest.premium_index(bitcoin()).await.unwrap();
    assert_eq!(index.mark_price, "60000.05".parse().unwrap());
    assert!(index.next_funding_time.is_some_and(|next| next > rest.now()));
    venue.feed(purchase(7, "60000.1", "0.5")).await;
    let trades = rest.aggregate_trades(bitcoin(), None, 10).await.unwrap();
    assert_eq!(trades.last().unwrap().quantity, "0.5".parse().unwrap());
}
