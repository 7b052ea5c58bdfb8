//! The venue's official Rust client, unchanged but for its base URLs, served by `lobd exchange`
//! through the whole life of orders; every event of its user stream is asserted.

mod exchange;
mod told;

use std::str::FromStr;

use binance_sdk::config::ConfigurationRestApi;
use binance_sdk::derivatives_trading_usds_futures::DerivativesTradingUsdsFuturesRestApi;
use binance_sdk::derivatives_trading_usds_futures::rest_api::{
    CancelAlgoOrderParams, CancelMultipleOrdersParams, CancelOrderParams,
    CurrentAllAlgoOpenOrdersParams, ModifyOrderParams, ModifyOrderSideEnum,
    NewAlgoOrderAlgoTypeEnum, NewAlgoOrderParams, NewAlgoOrderReduceOnlyEnum, NewAlgoOrderResponse,
    NewAlgoOrderSideEnum, NewAlgoOrderTypeEnum, NewAlgoOrderWorkingTypeEnum, NewOrderParams,
    NewOrderSideEnum, NewOrderTimeInForceEnum, NewOrderTypeEnum, OrderBookParams,
    PlaceMultipleOrdersParams, QueryAlgoOrderParams, QueryOrderParams, RestApi,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use exchange::start_exchange;
use told::Told;

const SYMBOL: &str = "BTCUSDT";

/// One order's quantity: 0.01.
const QUANTITY: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_trades_on_the_loopback_exchange() {
    let (_exchange, ready) = start_exchange().await;
    let rest = client(&ready);

    let info = rest.exchange_information().await.unwrap().data().await.unwrap();
    let symbols = info.symbols.unwrap();
    assert!(symbols.iter().any(|symbol| symbol.symbol.as_deref() == Some(SYMBOL)));
    let book = OrderBookParams::builder(SYMBOL.to_owned()).limit(10_i64).build().unwrap();
    let book = rest.order_book(book).await.unwrap().data().await.unwrap();
    let best_ask = Decimal::from_str(&book.asks.unwrap()[0][0]).unwrap();
    assert!(Decimal::from_str(&book.bids.unwrap()[0][0]).unwrap() < best_ask);

    let mut told = Told::listen(&rest, &ready).await;
    a_limit_order_is_placed_queried_and_cancelled(&rest, &mut told).await;
    a_resting_order_is_amended(&rest, &mut told).await;
    a_batch_is_placed_and_cancelled(&rest, &mut told).await;
    an_immediate_order_expires(&rest, &mut told).await;
    a_dated_order_keeps_its_date(&rest, &mut told).await;
    a_market_order_is_filled(&rest, &mut told).await;
    a_stop_is_placed_and_cancelled(&rest, &mut told).await;
    a_stop_is_triggered(&rest, &mut told).await;
}

async fn a_limit_order_is_placed_queried_and_cancelled(rest: &RestApi, told: &mut Told) {
    let price = resting_price(rest).await;
    let id = place_limit(rest, "peer-limit", price, NewOrderTimeInForceEnum::Gtc).await;

    let query = QueryOrderParams::builder(SYMBOL.to_owned()).order_id(id).build().unwrap();
    let found = rest.query_order(query).await.unwrap().data().await.unwrap();
    assert_eq!(found.client_order_id.as_deref(), Some("peer-limit"));
    assert_eq!(Decimal::from_str(&found.price.unwrap()).unwrap(), price);

    cancel(rest, id).await;
    told.executions("peer-limit", &["NEW", "CANCELED"]).await;
}

async fn a_resting_order_is_amended(rest: &RestApi, told: &mut Told) {
    let price = resting_price(rest).await;
    let id = place_limit(rest, "peer-amended", price, NewOrderTimeInForceEnum::Gtc).await;
    let lower = price - Decimal::TEN;
    let change =
        ModifyOrderParams::builder(SYMBOL.to_owned(), ModifyOrderSideEnum::Buy, QUANTITY, lower)
            .order_id(id)
            .modify_id(77_i64)
            .build()
            .unwrap();
    let amended = rest.modify_order(change).await.unwrap().data().await.unwrap();
    assert_eq!(amended.modify_id, Some(77));
    cancel(rest, id).await;
    let events = told.executions("peer-amended", &["NEW", "AMENDMENT", "CANCELED"]).await;
    assert_eq!(Decimal::from_str(events[1].p.as_deref().unwrap()).unwrap(), lower);
    assert_eq!(events[1].m_uppercase.as_deref(), Some("77"), "our number for the amendment");
}

async fn a_batch_is_placed_and_cancelled(rest: &RestApi, told: &mut Told) {
    let price = resting_price(rest).await;
    let order = |name: &str, reduce_only: bool| {
        serde_json::from_value(json!({
            "symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
            "quantity": QUANTITY, "price": price, "newClientOrderId": name,
            "reduceOnly": reduce_only.to_string(),
        }))
        .unwrap()
    };
    let orders = vec![
        order("peer-batch-1", false),
        order("peer-batch-2", true),
        order("peer-batch-3", false),
    ];
    let batch = PlaceMultipleOrdersParams::builder(orders).build().unwrap();
    let placed = rest.place_multiple_orders(batch).await.unwrap().data().await.unwrap();
    assert_eq!(placed[1].code, Some(-2022), "nothing to reduce");
    let ids: Vec<i64> = [&placed[0], &placed[2]].map(|order| order.order_id.unwrap()).to_vec();
    let cancel =
        CancelMultipleOrdersParams::builder(SYMBOL.to_owned()).order_id_list(ids).build().unwrap();
    let ended = rest.cancel_multiple_orders(cancel).await.unwrap().data().await.unwrap();
    assert!(ended.iter().all(|order| order.status.as_deref() == Some("CANCELED")));
    for name in ["peer-batch-1", "peer-batch-3"] {
        told.executions(name, &["NEW", "CANCELED"]).await;
    }
}

async fn an_immediate_order_expires(rest: &RestApi, told: &mut Told) {
    let price = resting_price(rest).await;
    place_limit(rest, "peer-ioc", price, NewOrderTimeInForceEnum::Ioc).await;
    let events = told.executions("peer-ioc", &["NEW", "EXPIRED"]).await;
    assert_eq!(events[1].x_uppercase.as_deref(), Some("EXPIRED"));
    assert_eq!(events[1].er.as_deref(), Some("2"), "the rest of an immediate order");
    assert_eq!(Decimal::from_str(events[1].z.as_deref().unwrap()).unwrap(), Decimal::ZERO);
}

async fn a_dated_order_keeps_its_date(rest: &RestApi, told: &mut Told) {
    let time = rest.check_server_time().await.unwrap().data().await.unwrap().server_time.unwrap();
    let date = (time / 1_000 + 1_200) * 1_000;
    let order = limit("peer-gtd", resting_price(rest).await, NewOrderTimeInForceEnum::Gtd);
    let order = order.good_till_date(date).build().unwrap();
    let placed = rest.new_order(order).await.unwrap().data().await.unwrap();
    assert_eq!(placed.good_till_date, Some(date));
    cancel(rest, placed.order_id.unwrap()).await;
    let events = told.executions("peer-gtd", &["NEW", "CANCELED"]).await;
    assert_eq!(events[0].gtd, Some(date));
}

async fn a_market_order_is_filled(rest: &RestApi, told: &mut Told) {
    market(rest, NewOrderSideEnum::Buy, "peer-market").await;
    told.filled("peer-market", QUANTITY).await;
    let update = told.account().await;
    assert_eq!(update.m.as_deref(), Some("ORDER"));
    let held = &update.p_uppercase.unwrap()[0];
    assert_eq!(Decimal::from_str(held.pa.as_deref().unwrap()).unwrap(), QUANTITY);
}

async fn a_stop_is_placed_and_cancelled(rest: &RestApi, told: &mut Told) {
    let placed = stop(rest, "peer-stop", resting_price(rest).await).await.unwrap();
    assert_eq!(placed.algo_status.as_deref(), Some("NEW"));
    let open = CurrentAllAlgoOpenOrdersParams::builder().symbol(SYMBOL.to_owned()).build().unwrap();
    let open = rest.current_all_algo_open_orders(open).await.unwrap().data().await.unwrap();
    assert_eq!(open.iter().map(|order| order.algo_id).collect::<Vec<_>>(), [placed.algo_id]);
    let cancel = CancelAlgoOrderParams::builder().algo_id(placed.algo_id.unwrap()).build().unwrap();
    let ended = rest.cancel_algo_order(cancel).await.unwrap().data().await.unwrap();
    assert_eq!(ended.code.as_deref(), Some("200"));
    told.algo_states("peer-stop", &["NEW", "CANCELED"]).await;
}

/// The position is two orders large: a stop closes one, and the sale of the other touches it.
async fn a_stop_is_triggered(rest: &RestApi, told: &mut Told) {
    market(rest, NewOrderSideEnum::Buy, "peer-second").await;
    told.filled("peer-second", QUANTITY).await;
    let name = stop_near_the_market(rest).await;
    market(rest, NewOrderSideEnum::Sell, "peer-sale").await;
    told.filled("peer-sale", QUANTITY).await;
    let events = told.algo_states(&name, &["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]).await;
    let child: i64 = events[3].ai.as_deref().unwrap().parse().unwrap();
    assert_eq!(Decimal::from_str(events[3].aq.as_deref().unwrap()).unwrap(), QUANTITY);
    told.filled_by_id(child, QUANTITY).await;
    let query = QueryAlgoOrderParams::builder().client_algo_id(name).build().unwrap();
    let found = rest.query_algo_order(query).await.unwrap().data().await.unwrap();
    assert_eq!(found.algo_status.as_deref(), Some("FINISHED"));
    assert_eq!(found.actual_order_id, Some(child.to_string()));
}

/// As near as the market allows at that moment; the name of the stop.
async fn stop_near_the_market(rest: &RestApi) -> String {
    for ticks in [0_i64, 1, 5, 20, 100] {
        let name = format!("peer-trigger-{ticks}");
        let trigger = best_bid(rest).await - Decimal::new(ticks, 1);
        if stop(rest, &name, trigger).await.is_some() {
            return name;
        }
    }
    panic!("the market outran every trigger");
}

async fn best_bid(rest: &RestApi) -> Decimal {
    let book = OrderBookParams::builder(SYMBOL.to_owned()).limit(5_i64).build().unwrap();
    let book = rest.order_book(book).await.unwrap().data().await.unwrap();
    Decimal::from_str(&book.bids.unwrap()[0][0]).unwrap()
}

/// One percent below the market.
async fn resting_price(rest: &RestApi) -> Decimal {
    (best_bid(rest).await * Decimal::new(99, 2)).round_dp(0)
}

fn limit(
    name: &str,
    price: Decimal,
    time_in_force: NewOrderTimeInForceEnum,
) -> binance_sdk::derivatives_trading_usds_futures::rest_api::NewOrderParamsBuilder {
    NewOrderParams::builder(SYMBOL.to_owned(), NewOrderSideEnum::Buy, NewOrderTypeEnum::Limit)
        .time_in_force(time_in_force)
        .quantity(QUANTITY)
        .price(price)
        .new_client_order_id(name.to_owned())
}

async fn place_limit(
    rest: &RestApi,
    name: &str,
    price: Decimal,
    time_in_force: NewOrderTimeInForceEnum,
) -> i64 {
    let order = limit(name, price, time_in_force).build().unwrap();
    let placed = rest.new_order(order).await.unwrap().data().await.unwrap();
    assert_eq!(placed.client_order_id.as_deref(), Some(name));
    placed.order_id.unwrap()
}

async fn cancel(rest: &RestApi, id: i64) {
    let cancel = CancelOrderParams::builder(SYMBOL.to_owned()).order_id(id).build().unwrap();
    let cancelled = rest.cancel_order(cancel).await.unwrap().data().await.unwrap();
    assert_eq!(cancelled.status.as_deref(), Some("CANCELED"));
}

async fn market(rest: &RestApi, side: NewOrderSideEnum, name: &str) {
    let order = NewOrderParams::builder(SYMBOL.to_owned(), side, NewOrderTypeEnum::Market)
        .quantity(QUANTITY)
        .new_client_order_id(name.to_owned())
        .build()
        .unwrap();
    rest.new_order(order).await.unwrap();
}

/// Places a sell-stop on the last price; nothing if it would trigger at once.
async fn stop(rest: &RestApi, name: &str, trigger: Decimal) -> Option<NewAlgoOrderResponse> {
    let order = NewAlgoOrderParams::builder(
        NewAlgoOrderAlgoTypeEnum::Conditional,
        SYMBOL.to_owned(),
        NewAlgoOrderSideEnum::Sell,
        NewAlgoOrderTypeEnum::StopMarket,
    )
    .quantity(QUANTITY)
    .trigger_price(trigger)
    .working_type(NewAlgoOrderWorkingTypeEnum::ContractPrice)
    .reduce_only(NewAlgoOrderReduceOnlyEnum::True)
    .client_algo_id(name.to_owned())
    .build()
    .unwrap();
    match rest.new_algo_order(order).await {
        Ok(placed) => Some(placed.data().await.unwrap()),
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains("immediately"), "{message}");
            None
        }
    }
}

fn client(ready: &Value) -> RestApi {
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    let configuration = ConfigurationRestApi::builder()
        .api_key(text("api_key"))
        .api_secret(text("api_secret"))
        .base_path(text("rest"))
        .build()
        .unwrap();
    DerivativesTradingUsdsFuturesRestApi::from_config(configuration)
}
