//! Orders, ordinary and conditional, as REST answers them.

use lobd::binance::parse::{self, parse_conditional, parse_order};
use lobd::binance::wire::{self, ConditionalType};
use lobd::binance::{BinanceError, Operation, classify_element};
use lobd::domain::{OrderId, OrderStatus, Side, StopSize, StopStatus, Timestamp};
use serde_json::Value;

use super::Fixtures;

#[test]
fn amended_orders_keep_their_name_and_say_their_number() {
    let Some(fixtures) = Fixtures::find() else { return };
    let amended: wire::Order = fixtures.official("trade_api.modify_order");
    assert_eq!(amended.modify_id, Some(1));
    let report = parse_order(&amended).unwrap();
    assert_eq!(report.order_id, OrderId(20_072_994_037));
    assert_eq!(report.price, Some("30005".parse().unwrap()));
    let older: wire::Order = fixtures.endpoint("Trading/EditOrder");
    assert_eq!((older.modify_id, parse_order(&older).unwrap().quantity), (None, report.quantity));
}

#[test]
fn the_changes_of_an_order_say_before_and_after() {
    let Some(fixtures) = Fixtures::find() else { return };
    let rows: Vec<wire::OrderAmendment> = fixtures.official("trade_api.get_order_modify_history");
    let change = parse::parse_amendment(&rows[0]).unwrap();
    assert_eq!(change.price, ("30004".parse().unwrap(), "30003.2".parse().unwrap()));
    assert_eq!((change.count, change.modify_id), (3, Some(123)));
    let rows: Vec<wire::OrderAmendment> = fixtures.endpoint("Trading/GetOrderEditHistory");
    let counts: Vec<u32> = rows.iter().map(|row| row.amendment.count).collect();
    assert_eq!(counts, [3, 2, 1], "the newest first");
}

/// The official samples merge an order and a refusal into one object; the others tell them apart.
#[test]
fn elements_of_batches_are_orders_or_refusals() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (name, code) in [
        ("trade_api.place_multiple_orders", -2022),
        ("trade_api.modify_multiple_orders", -2022),
        ("trade_api.cancel_multiple_orders", -2011),
    ] {
        let elements: Vec<wire::ErrorBody> = fixtures.official(name);
        let error = classify_element(Operation::Place, Timestamp::default(), &elements[0]);
        assert_eq!(error.code(), Some(code), "{name}");
    }
    for (name, order_id, code) in [
        ("Trading/PlaceMultipleOrders", 22_542_179, -2022),
        ("Trading/EditMultipleOrders", 20_072_994_037, -2022),
        ("Trading/CancelMultipleOrders", 283_194_212, -2011),
    ] {
        let elements: Vec<Value> = fixtures.endpoint(name);
        let order: wire::Order = serde_json::from_value(elements[0].clone()).unwrap();
        assert_eq!(parse_order(&order).unwrap().order_id, OrderId(order_id), "{name}");
        let refusal: wire::ErrorBody = serde_json::from_value(elements[1].clone()).unwrap();
        let error = classify_element(Operation::Change, Timestamp::default(), &refusal);
        assert!(matches!(error, BinanceError::Rejected { .. }), "{name}");
        assert_eq!(error.code(), Some(code), "{name}");
    }
}

#[test]
fn queried_and_cancelled_orders_read_in_both_collections() {
    let Some(fixtures) = Fixtures::find() else { return };
    let tested = parse_order(&fixtures.official("trade_api.test_order")).unwrap();
    assert_eq!((tested.order_id, tested.side), (OrderId(22_542_179), Side::Sell));
    for (name, order_id, status) in [
        ("Trading/CancelOrder", 283_194_212, OrderStatus::Canceled),
        ("Trading/GetOrder", 1_917_641, OrderStatus::New),
        ("Trading/GetOpenOrder", 1_917_641, OrderStatus::New),
    ] {
        let report = parse_order(&fixtures.endpoint(name)).unwrap();
        assert_eq!((report.order_id, report.status), (OrderId(order_id), status), "{name}");
    }
    let open = parse_order(&fixtures.official("trade_api.query_current_open_order")).unwrap();
    assert_eq!(open.quantity, "0.4".parse().unwrap());
    let all: Vec<wire::Order> = fixtures.endpoint("Trading/GetOrders");
    assert_eq!(parse_order(&all[0]).unwrap().client_order_id.as_str(), "abc");
}

#[test]
fn orders_sent_by_the_venue_itself_are_recognised_by_name() {
    let Some(fixtures) = Fixtures::find() else { return };
    let liquidated: Vec<wire::Order> = fixtures.official("trade_api.users_force_orders");
    let report = parse_order(&liquidated[0]).unwrap();
    assert!(report.client_order_id.as_str().starts_with("autoclose-"));
    assert_eq!(report.average_price, Some("10913.21".parse().unwrap()));
    let rows: Vec<wire::Order> = fixtures.endpoint("Trading/GetForcedOrders");
    assert_eq!(parse_order(&rows[1]).unwrap().client_order_id.as_str(), "adl_autoclose");
}

#[test]
fn a_conditional_order_of_every_type_says_what_it_waits_for_and_what_it_became() {
    let Some(fixtures) = Fixtures::find() else { return };
    for placed in [
        fixtures.official::<wire::AlgoOrder>("trade_api.new_algo_order"),
        fixtures.endpoint("Trading/PlaceConditionalOrder"),
    ] {
        let report = parse_conditional(&placed).unwrap();
        assert_eq!((report.kind, report.status), (ConditionalType::TakeProfit, StopStatus::New));
        assert_eq!(report.limit_price, Some("750".parse().unwrap()));
        assert_eq!((report.trigger_price, report.child), (report.limit_price, None));
    }
    let rows: Vec<wire::AlgoOrder> = fixtures.endpoint("Trading/GetConditionalOrders");
    let finished = parse_conditional(&rows[0]).unwrap();
    assert_eq!((finished.kind, finished.limit_price), (ConditionalType::StopMarket, None));
    let child = finished.child.unwrap();
    assert_eq!(child.order_id, OrderId(974_828_356_187));
    assert_eq!(child.filled_quantity, "0.002".parse().unwrap());
    assert_eq!(child.average_price, Some("69067.6".parse().unwrap()));
    let rows: Vec<wire::AlgoOrder> = fixtures.official("trade_api.query_all_algo_orders");
    assert_eq!(parse_conditional(&rows[0]).unwrap().status, StopStatus::Canceled);
    let rows: Vec<wire::AlgoOrder> = fixtures.endpoint("Trading/GetOpenConditionalOrders");
    assert_eq!(parse_conditional(&rows[0]).unwrap().client_order_id.as_str().len(), 22);
    let canceled = parse_conditional(&fixtures.endpoint("Trading/CancelConditionalOrder")).unwrap();
    assert_eq!(canceled.status, StopStatus::Canceled, "some servers answer with the order");
    assert_eq!(canceled.size, StopSize::Quantity("1".parse().unwrap()));
}

#[test]
fn a_conditional_order_of_a_type_to_come_stays_what_it_is() {
    let Some(fixtures) = Fixtures::find() else { return };
    let text = fixtures.text("official_connector_examples/rest.trade_api.new_algo_order.json");
    let text = text.replace("TAKE_PROFIT", "STOP_AND_REVERSE").replace("\"NEW\"", "\"SLEEPING\"");
    let order: wire::AlgoOrder = serde_json::from_str(&text).unwrap();
    assert_eq!(order.order_type, ConditionalType::Other("STOP_AND_REVERSE".to_owned()));
    let status = parse_conditional(&order).unwrap().status;
    assert_eq!(status, StopStatus::Unknown, "an unknown status is never another one");
}

#[test]
fn what_is_done_without_a_result_says_so_with_code_200() {
    let Some(fixtures) = Fixtures::find() else { return };
    let bodies: [wire::ErrorBody; 12] = [
        fixtures.official("trade_api.cancel_all_open_orders"),
        fixtures.official("trade_api.change_margin_type"),
        fixtures.official("trade_api.change_multi_assets_mode"),
        fixtures.official("trade_api.change_position_mode"),
        fixtures.official("trade_api.futures_tradfi_perps_contract"),
        fixtures.official("account_api.toggle_bnb_burn_on_futures_trade"),
        fixtures.endpoint("Trading/CancelAllOrders"),
        fixtures.endpoint("Trading/CancelAllConditionalOrders"),
        fixtures.endpoint("Account/ChangeMarginType"),
        fixtures.endpoint("Account/ModifyPositionMode"),
        fixtures.endpoint("Account/SetBnbBurnStatus"),
        fixtures.endpoint("Account/SetMultiAssetsMode"),
    ];
    for body in bodies {
        assert_eq!(body.code.integer(), Some(200));
    }
    for countdown in [
        fixtures.official::<wire::Countdown>("trade_api.auto_cancel_all_open_orders"),
        fixtures.endpoint("Trading/CancelAllOrdersAfterTimeout"),
    ] {
        assert_eq!(countdown.countdown_time.integer(), Some(100_000));
    }
}
