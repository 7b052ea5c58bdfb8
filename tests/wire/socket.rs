//! Answers of the order socket: the same objects as REST's, in an envelope.

use lobd::binance::parse::{
    self, parse_account_margin, parse_conditional, parse_order, parse_position_risks,
};
use lobd::binance::wire::{self, ConditionalType};
use lobd::domain::{OrderId, OrderStatus};
use serde::de::DeserializeOwned;

use super::Fixtures;

impl Fixtures {
    /// The result in an answer, and what it counts of the first limit it names.
    fn result<T: DeserializeOwned>(&self, name: &str) -> (T, Option<u32>) {
        let text = self.socket(name);
        let answer: wire::SocketAnswer<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!((answer.status, answer.error.is_none()), (200, true), "{name}");
        assert!(!answer.id.as_str().is_empty(), "{name}");
        let result = serde_json::from_str(answer.result.unwrap().get());
        let count = answer.rate_limits.first().map(|used| used.count);
        (result.unwrap_or_else(|error| panic!("{name}: {error}")), count)
    }
}

#[test]
fn orders_placed_changed_and_asked_for_by_socket_read_as_by_rest() {
    let Some(fixtures) = Fixtures::find() else { return };
    let (placed, orders) = fixtures.result("ws_api.trade_api.new_order");
    let placed = parse_order(&placed).unwrap();
    assert_eq!((placed.order_id, orders), (OrderId(325_078_477), Some(1)));
    assert_eq!(placed.price, Some("43187".parse().unwrap()));
    let (changed, _) = fixtures.result::<wire::Order>("ws_api.trade_api.modify_order");
    assert_eq!(changed.modify_id, Some(1));
    assert_eq!(parse_order(&changed).unwrap().quantity, "0.11".parse().unwrap());
    let (canceled, weight) = fixtures.result("ws_api.trade_api.cancel_order");
    assert_eq!(parse_order(&canceled).unwrap().status, OrderStatus::Canceled);
    assert_eq!(weight, Some(1));
    let (asked, none) = fixtures.result("ws_api.trade_api.query_order");
    assert_eq!(parse_order(&asked).unwrap().order_id, OrderId(1_573_346_959));
    assert_eq!(none, None, "limits are not always told");
}

#[test]
fn conditional_orders_by_socket_read_as_by_rest() {
    let Some(fixtures) = Fixtures::find() else { return };
    let (placed, _) = fixtures.result("ws_api.trade_api.new_algo_order");
    let placed = parse_conditional(&placed).unwrap();
    assert_eq!(placed.algo_order_id.0, 3_000_000_000_003_505);
    assert_eq!(placed.kind, ConditionalType::TakeProfit);
    let (canceled, weight) =
        fixtures.result::<wire::ErrorBody>("ws_api.trade_api.cancel_algo_order");
    assert_eq!((canceled.code.integer(), weight), (Some(200), Some(6)));
}

#[test]
fn the_account_by_socket_reads_as_by_rest() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (name, held) in [
        ("ws_api.account_api.account_information", 0),
        ("ws_api.account_api.account_information_v2", 1),
    ] {
        let margin = parse_account_margin(&fixtures.result(name).0).unwrap();
        assert_eq!(margin.wallet_balance, "126.72469206".parse().unwrap(), "{name}");
        assert_eq!(margin.positions.len(), held, "{name}");
    }
    for name in [
        "ws_api.account_api.futures_account_balance",
        "ws_api.account_api.futures_account_balance_v2",
    ] {
        let (rows, weight) = fixtures.result::<Vec<wire::Balance>>(name);
        let balance = parse::parse_balances(&rows).unwrap()[0];
        assert_eq!(balance.available_balance, "23.72469206".parse().unwrap(), "{name}");
        assert_eq!(weight, Some(20), "{name}");
    }
    for (name, held) in [
        ("ws_api.trade_api.position_information", 0),
        ("ws_api.trade_api.position_information_v2", 1),
    ] {
        let (rows, _) = fixtures.result::<Vec<wire::Position>>(name);
        assert_eq!(parse_position_risks(&rows).unwrap().len(), held, "{name}");
    }
}

#[test]
fn prices_and_listen_keys_by_socket_read_as_by_rest() {
    let Some(fixtures) = Fixtures::find() else { return };
    let (best, _) = fixtures.result("ws_api.market_data_api.symbol_order_book_ticker");
    assert_eq!(parse::parse_best_prices(&best).unwrap().ask.quantity, "9".parse().unwrap());
    let (last, _) = fixtures.result("ws_api.market_data_api.symbol_price_ticker");
    assert_eq!(parse::parse_last_price(&last).unwrap().price, "6000.01".parse().unwrap());
    // The generator of the sample put the levels beside the result.
    let (depth, _) = fixtures.result::<serde_json::Value>("ws_api.market_data_api.order_book");
    assert_eq!(depth["lastUpdateId"], 1_027_024);
    for name in [
        "ws_api.user_data_streams_api.start_user_data_stream",
        "ws_api.user_data_streams_api.keepalive_user_data_stream",
    ] {
        let (key, _) = fixtures.result::<wire::ListenKey>(name);
        assert_eq!(format!("{key:?}"), "ListenKey(***)", "{name}");
    }
    let (closed, _) =
        fixtures.result::<serde_json::Value>("ws_api.user_data_streams_api.close_user_data_stream");
    assert_eq!(closed, serde_json::json!({}));
}
