//! Every message of the shared fixtures means what the documentation says it means.
//!
//! The folders `official_connector_examples` and `binance_net` hold documentation samples, the
//! others recorded values; see `INDEX.md` there. A fixture that no test here names fails
//! [`every_fixture_is_named_by_a_test`].

mod account;
mod foreign;
mod frames;
mod market;
mod orders;
mod socket;

use std::path::{Path, PathBuf};

use lobd::binance::parse::{
    self, RateLimitKind, UserEvent, parse_exchange_info, parse_order, parse_stop, parse_user_events,
};
use lobd::binance::{BinanceError, ErrorAnswer, Operation, classify, wire};
use lobd::domain::{
    Environment, Failure, OrderId, OrderStatus, Side, StopSize, StopStatus, Symbol, Timestamp,
    TradeId,
};
use proptest::prelude::*;
use serde::de::DeserializeOwned;

use crate::support;

/// The fixtures, or the end of the test where they are absent.
struct Fixtures(PathBuf);

impl Fixtures {
    fn find() -> Option<Self> {
        support::fixtures().map(Self)
    }

    fn text(&self, path: &str) -> String {
        let path = self.0.join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn read<T: DeserializeOwned>(&self, path: &str) -> T {
        let text = self.text(path);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn official<T: DeserializeOwned>(&self, name: &str) -> T {
        self.read(&format!("official_connector_examples/rest.{name}.json"))
    }

    /// An answer of the order socket.
    fn socket(&self, name: &str) -> String {
        self.text(&format!("official_connector_examples/{name}.json"))
    }

    /// A REST answer of the other collection: three lines of request, then the body.
    fn endpoint<T: DeserializeOwned>(&self, name: &str) -> T {
        serde_json::from_str(&self.endpoint_text(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn endpoint_text(&self, name: &str) -> String {
        let text = self.text(&format!("binance_net/Endpoints/UsdFutures/{name}.txt"));
        text.splitn(4, '\n').nth(3).unwrap().to_owned()
    }

    /// A stream frame of the other collection: what follows the exchange of control messages.
    fn frame(&self, name: &str) -> String {
        let text = self.text(&format!("binance_net/Subscriptions/UsdFutures/{name}.txt"));
        let (_, frame) = text.split_once("\n=").unwrap();
        frame.trim_start_matches(|character: char| character.is_ascii_digit()).to_owned()
    }

    /// What a user stream frame of the other collection says.
    fn events(&self, name: &str) -> Vec<UserEvent> {
        parse_user_events(&self.frame(name))
    }
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

#[test]
fn recorded_orders_keep_every_value() {
    let Some(fixtures) = Fixtures::find() else { return };
    let placed = parse_order(&fixtures.read("ozakboy/rest_post_order_new_testnet_20260911.json"));
    let placed = placed.unwrap();
    assert_eq!(placed.symbol, symbol("BTCUSDT"));
    assert_eq!(placed.client_order_id.as_str(), "pulsetrade-rec-1789116070165");
    assert_eq!(placed.order_id, OrderId(28_580_357_696));
    assert_eq!(placed.side, Side::Buy);
    assert_eq!(placed.price, Some("74260.4".parse().unwrap()));
    assert_eq!(placed.quantity, "0.0008".parse().unwrap());
    assert!(placed.filled_quantity.is_zero());
    assert_eq!(placed.average_price, None);
    assert_eq!(placed.status, OrderStatus::New);
    assert!(!placed.reduce_only);
    assert_eq!(placed.update_time, Timestamp::from_millis(1_789_116_070_010));
    let canceled: wire::Order = fixtures.read("ozakboy/rest_delete_order_testnet_20260911.json");
    let canceled = parse_order(&canceled).unwrap();
    assert_eq!(canceled.status, OrderStatus::Canceled);
    assert!(canceled.update_time > placed.update_time);
}

#[test]
fn documented_orders_parse_with_and_without_the_fields_of_older_answers() {
    let Some(fixtures) = Fixtures::find() else { return };
    let new = parse_order(&fixtures.official("trade_api.new_order")).unwrap();
    assert_eq!((new.order_id, new.price), (OrderId(22_542_179), None));
    let older = parse_order(&fixtures.endpoint("Trading/PlaceOrder")).unwrap();
    assert_eq!(older.order_id, new.order_id);
    let queried = parse_order(&fixtures.official("trade_api.query_order")).unwrap();
    assert_eq!(queried.quantity, "0.4".parse().unwrap());
    let canceled = parse_order(&fixtures.official("trade_api.cancel_order")).unwrap();
    assert_eq!(canceled.status, OrderStatus::Canceled);
    for orders in [
        fixtures.official::<Vec<wire::Order>>("trade_api.current_all_open_orders"),
        fixtures.endpoint("Trading/GetOpenOrders"),
        fixtures.official("trade_api.all_orders"),
    ] {
        assert_eq!(parse_order(&orders[0]).unwrap().order_id, OrderId(1_917_641));
    }
}

#[test]
fn conditional_orders_parse_before_and_after_their_trigger() {
    let Some(fixtures) = Fixtures::find() else { return };
    let recorded = fixtures.read("ozakboy/rest_post_algo_order_testnet_20260914.json");
    let placed = parse_stop(&recorded).unwrap();
    assert_eq!(placed.trigger_price, "74457.1".parse().unwrap());
    assert_eq!(placed.size, StopSize::Quantity("0.0007".parse().unwrap()));
    assert_eq!((placed.side, placed.status), (Side::Sell, StopStatus::New));
    assert_eq!(placed.algo_order_id.0, 1_000_000_204_743_716);
    let finished = parse_stop(&fixtures.endpoint("Trading/GetConditionalOrder")).unwrap();
    assert_eq!(finished.status, StopStatus::Finished);
    assert_eq!(finished.child_order_id, Some(OrderId(974_828_356_187)));
    let documented = parse_stop(&fixtures.official("trade_api.query_algo_order")).unwrap();
    assert_eq!((documented.status, documented.child_order_id), (StopStatus::Canceled, None));
    let open: Vec<wire::AlgoOrder> = fixtures.official("trade_api.current_all_algo_open_orders");
    assert_eq!(parse_stop(&open[0]).unwrap().status, StopStatus::New);
    let text = fixtures.text("ozakboy/rest_post_algo_order_testnet_20260914.json");
    let exponent: wire::AlgoOrder =
        serde_json::from_str(&text.replace("0.0007", "7.0E-4")).unwrap();
    assert_eq!(parse_stop(&exponent).unwrap(), placed);
}

#[test]
fn a_cancelled_conditional_order_answers_with_a_code_as_text_or_number() {
    let Some(fixtures) = Fixtures::find() else { return };
    let single: wire::ErrorBody = fixtures.official("trade_api.cancel_algo_order");
    let all: wire::ErrorBody = fixtures.official("trade_api.cancel_all_algo_open_orders");
    assert_eq!((single.code.integer(), all.code.integer()), (Some(200), Some(200)));
}

#[test]
fn fills_positions_balances_and_fees_keep_their_values() {
    let Some(fixtures) = Fixtures::find() else { return };
    let trades: Vec<wire::UserTrade> = fixtures.endpoint("Trading/GetUserTrades");
    let fill = parse::parse_fills(&trades).unwrap()[0];
    assert_eq!((fill.trade_id, fill.order_id), (TradeId(698_759), OrderId(25_851_813)));
    assert_eq!((fill.side, fill.is_maker), (Side::Sell, false));
    assert_eq!(fill.price, "7819.01".parse().unwrap());
    assert_eq!(fill.commission, "0.0781901".parse().unwrap(), "a cost, whatever its sign");
    assert_eq!(fill.realized_pnl, "-0.91539999".parse().unwrap());

    let held = fixtures.official::<Vec<wire::Position>>("trade_api.position_information_v3");
    let position = parse::parse_positions(&held).unwrap()[0];
    assert_eq!(position.exposure, "30".parse().unwrap());
    assert_eq!(position.entry_price, "0.385".parse().unwrap());
    assert_eq!(position.unrealized_pnl, "0.764277".parse().unwrap());
    assert_eq!(position.liquidation_price, None);
    let flat: Vec<wire::Position> =
        fixtures.read("ozakboy/rest_position_risk_v2_flat_testnet.json");
    assert_eq!(parse::parse_positions(&flat), Ok(Vec::new()), "v2 lists flat symbols");
    let hedged: Vec<wire::Position> = fixtures.endpoint("Trading/GetPositions");
    assert!(parse::parse_positions(&hedged).is_err(), "a position in hedge mode");

    let balances: Vec<wire::Balance> = fixtures.official("account_api.futures_account_balance_v3");
    let balance = parse::parse_balances(&balances).unwrap()[0];
    assert_eq!(balance.wallet_balance, "122607.35137903".parse().unwrap());
    assert_eq!(balance.available_balance, "23.72469206".parse().unwrap());

    let rate: wire::CommissionRate = fixtures.official("account_api.user_commission_rate");
    let fees = parse::parse_fee_rates(&rate).unwrap();
    assert_eq!(fees.maker, "0.0002".parse().unwrap());
    assert_eq!(fees.taker, "0.0004".parse().unwrap());
}

#[test]
fn the_accounts_configuration_reads() {
    let Some(fixtures) = Fixtures::find() else { return };
    let account: wire::AccountConfiguration =
        fixtures.official("account_api.futures_account_configuration");
    assert!(account.can_trade && account.dual_side_position);
    let symbols: Vec<wire::SymbolConfiguration> =
        fixtures.endpoint("Account/GetSymbolConfiguration");
    assert_eq!((symbols[0].leverage, symbols[0].margin_type.as_str()), (21, "CROSSED"));
    let leverage: wire::Leverage = fixtures.official("trade_api.change_initial_leverage");
    assert_eq!(leverage.leverage, 21);
    let key: wire::ListenKey = fixtures.official("user_data_streams_api.start_user_data_stream");
    assert_eq!(format!("{key:?}"), "ListenKey(***)", "a listen key is a secret");
}

#[test]
fn exchange_info_yields_filters_and_request_limits() {
    let Some(fixtures) = Fixtures::find() else { return };
    let info: wire::ExchangeInfo = fixtures.read("ozakboy/ASSEMBLED_exchange_info_subset.json");
    let rules = parse_exchange_info(Environment::Production, &info);
    assert_eq!((rules.instruments.len(), rules.unreadable), (5, 0));
    let bitcoin = &rules.instruments[0];
    let filters = &bitcoin.filters;
    assert_eq!(bitcoin.symbol, symbol("BTCUSDT"));
    assert_eq!(filters.tick_size, "0.1".parse().unwrap());
    assert_eq!(filters.step_size, "0.001".parse().unwrap());
    assert_eq!(filters.min_price, "556.8".parse().unwrap());
    assert_eq!(filters.max_market_quantity, "120".parse().unwrap());
    assert_eq!(filters.min_notional, "50".parse().unwrap());
    assert_eq!(filters.multiplier_down, "0.95".parse().unwrap());
    assert_eq!(filters.max_open_orders, 200);
    let limits: Vec<_> = rules
        .rate_limits
        .iter()
        .map(|rule| (rule.kind, rule.window.as_secs(), rule.limit))
        .collect();
    assert_eq!(
        limits,
        [
            (RateLimitKind::RequestWeight, 60, 2400),
            (RateLimitKind::Orders, 60, 1200),
            (RateLimitKind::Orders, 10, 300),
        ]
    );
    let older: wire::ExchangeInfo = fixtures.endpoint("ExchangeData/GetExchangeInfo");
    assert_eq!(parse_exchange_info(Environment::Testnet, &older).instruments.len(), 1);
}

#[test]
fn public_answers_read() {
    let Some(fixtures) = Fixtures::find() else { return };
    let time: wire::ServerTime = fixtures.official("market_data_api.check_server_time");
    assert_eq!(time.server_time, 1_499_827_319_559);
    let depth: wire::Depth = fixtures.official("market_data_api.order_book");
    let book = parse::parse_depth(symbol("BTCUSDT"), &depth).unwrap();
    assert_eq!(book.last_update_id, 1_027_024);
    assert_eq!(book.asks[0].price, "4.000002".parse().unwrap());
    let trades: Vec<wire::RecentTrade> = fixtures.official("market_data_api.recent_trades_list");
    let trade = parse::parse_recent_trades(symbol("BTCUSDT"), &trades).unwrap()[0];
    assert_eq!((trade.trade_id, trade.buyer_is_maker), (TradeId(28_457), true));
}

#[test]
fn stream_events_mean_what_they_say() {
    let Some(fixtures) = Fixtures::find() else { return };
    let events = fixtures.events("OrderUpdate");
    let [UserEvent::Order(order)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((order.order_id, order.status), (OrderId(8_886_774), OrderStatus::New));
    assert!(fixtures.events("TradeUpdate").is_empty(), "TRADE_LITE is not booked");
    let events = fixtures.events("AlgoOrderUpdate");
    let [UserEvent::Stop(stop)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((stop.status, stop.child_order_id), (StopStatus::Canceled, None));
    let events = fixtures.events("AccountUpdate");
    let balances = events.iter().filter(|event| matches!(event, UserEvent::Balance(_))).count();
    let unread = events.iter().filter(|event| matches!(event, UserEvent::Unreadable(_))).count();
    assert_eq!((balances, unread), (2, 2), "positions in hedge mode are told as unreadable");
    let events = fixtures.events("Leverage");
    assert_eq!(events, [UserEvent::Leverage { symbol: symbol("BTCUSDT"), leverage: 25 }]);
    assert_eq!(fixtures.events("MarginUpdate"), [UserEvent::MarginCall]);
    assert!(fixtures.events("ConditionalTrigger").is_empty());
    assert_eq!(fixtures.events("MultiAssetMode"), [UserEvent::MultiAssets { is_on: true }]);
}

#[test]
fn a_recorded_stop_lives_from_new_to_canceled() {
    let Some(fixtures) = Fixtures::find() else { return };
    let stop = |name: &str| {
        let events = parse_user_events(&fixtures.text(&format!("ozakboy/{name}.json")));
        let [UserEvent::Stop(stop)] = events.as_slice() else { panic!("{events:?}") };
        stop.clone()
    };
    let new = stop("ws_algo_update_new_testnet_20260914");
    let canceled = stop("ws_algo_update_canceled_testnet_20260914");
    assert_eq!(new.client_order_id, canceled.client_order_id);
    assert_eq!((new.status, canceled.status), (StopStatus::New, StopStatus::Canceled));
    assert!(parse_user_events(&fixtures.text("ozakboy/ws_error_unknown_method.json")).is_empty());
}

/// The recorded sequence of exchange-api.md 5.5, production 2025-12-11.
#[test]
fn a_stop_that_triggers_passes_through_every_state() {
    let frame = |status: &str, child: &str, rest: &str| {
        format!(
            r#"{{"e":"ALGO_UPDATE","T":1765431097037,"E":1765431097037,"o":{{"caid":"lobd-1","aid":9,
            "at":"CONDITIONAL","o":"STOP_MARKET","s":"DOGEUSDT","S":"BUY","ps":"BOTH","f":"GTC",
            "q":"38","X":"{status}","ai":"{child}"{rest},"tp":"0.13855","p":"0","cp":false,
            "tt":1765431097019}}}}"#
        )
    };
    let rejected = r#","rm":"Margin is insufficient.""#;
    let steps = [
        (frame("TRIGGERING", "", ""), StopStatus::Triggering, None),
        (
            frame("TRIGGERED", "88937381063", r#","ap":"0","aq":"0""#),
            StopStatus::Triggered,
            Some(88_937_381_063),
        ),
        (
            frame("FINISHED", "88937381063", r#","ap":"0.13856","aq":"38""#),
            StopStatus::Finished,
            Some(88_937_381_063),
        ),
        (frame("REJECTED", "", rejected), StopStatus::Rejected, None),
    ];
    for (frame, status, child) in steps {
        let events = parse_user_events(&frame);
        let [UserEvent::Stop(stop)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(stop.status, status);
        assert_eq!(stop.child_order_id, child.map(OrderId));
        let is_rejected = status == StopStatus::Rejected;
        assert_eq!(stop.reason.as_deref(), is_rejected.then_some("Margin is insufficient."));
    }
}

#[test]
fn recorded_errors_have_their_outcome_class() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (name, code) in [
        ("rest_error_2013_testnet", -2013),
        ("rest_error_4046_testnet", -4046),
        ("rest_error_4120_testnet", -4120),
    ] {
        let body = fixtures.text(&format!("ozakboy/{name}.json"));
        let answer = ErrorAnswer { status: 400, retry_after: None, body: &body };
        let error = classify(Operation::Place, Timestamp::default(), answer);
        assert_eq!(error.code(), Some(code));
        assert!(matches!(Failure::from(error), Failure::Rejected(_)));
    }
}

/// Every JSON answer and frame there is goes through every reader: none may panic.
#[test]
fn no_fixture_makes_a_reader_panic() {
    let Some(fixtures) = Fixtures::find() else { return };
    let mut read = 0;
    for_each_file(&fixtures.0, &mut |text| {
        read += 1;
        read_every_way(text);
    });
    assert!(read > 100, "{read} files");
}

fn for_each_file(folder: &Path, visit: &mut dyn FnMut(&str)) {
    for path in files_below(folder) {
        if let Ok(text) = std::fs::read_to_string(&path) {
            visit(&text);
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The names by which tests call a fixture.
fn names_of(relative: &str) -> Vec<String> {
    let stem = relative.rsplit_once('.').map_or(relative, |(stem, _)| stem);
    let mut names = vec![relative.to_owned(), stem.to_owned()];
    let shortened = [
        "official_connector_examples/rest.",
        "official_connector_examples/",
        "binance_net/Endpoints/UsdFutures/",
        "binance_net/Subscriptions/UsdFutures/",
        "ozakboy/",
    ];
    names.extend(shortened.iter().filter_map(|prefix| Some(stem.strip_prefix(prefix)?.to_owned())));
    names
}

#[test]
fn every_fixture_is_named_by_a_test() {
    let Some(fixtures) = Fixtures::find() else { return };
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut sources = files_below(&tests.join("wire"));
    sources.extend([tests.join("wire.rs"), tests.join("signature_vectors.rs")]);
    let code: String = sources.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut uncovered = Vec::new();
    let mut count = 0;
    for path in files_below(&fixtures.0) {
        let relative = path.strip_prefix(&fixtures.0).unwrap().to_str().unwrap().to_owned();
        if relative.ends_with("LICENSE") || relative.ends_with("INDEX.md") {
            continue;
        }
        count += 1;
        let is_named = names_of(&relative).iter().any(|name| code.contains(&format!("\"{name}\"")));
        if !is_named {
            uncovered.push(relative);
        }
    }
    assert!(count > 200, "{count} fixtures");
    assert!(uncovered.is_empty(), "no test names these:\n{}", uncovered.join("\n"));
}

fn read_every_way(text: &str) {
    let _ = parse_user_events(text);
    let _ = serde_json::from_str(text).map(|order: wire::Order| parse_order(&order));
    let _ = serde_json::from_str(text).map(|order: wire::AlgoOrder| parse_stop(&order));
    let _ =
        serde_json::from_str(text).map(|rows: Vec<wire::Position>| parse::parse_positions(&rows));
    let _ = serde_json::from_str(text).map(|rows: Vec<wire::UserTrade>| parse::parse_fills(&rows));
    let _ = serde_json::from_str(text)
        .map(|info: wire::ExchangeInfo| parse_exchange_info(Environment::Testnet, &info));
    let _ = serde_json::from_str(text).map(|row: wire::AlgoOrder| parse::parse_conditional(&row));
    let _ = serde_json::from_str(text).map(|rows: Vec<wire::Kline>| parse::parse_klines(&rows));
    let _ = serde_json::from_str(text).map(|rows: Vec<wire::Income>| parse::parse_incomes(&rows));
    let _ = serde_json::from_str(text)
        .map(|account: wire::AccountMargin| parse::parse_account_margin(&account));
    let _ = serde_json::from_str(text)
        .map(|row: wire::LeverageBrackets| parse::parse_leverage_brackets(&row));
    let _ =
        serde_json::from_str(text).map(|row: wire::PremiumIndex| parse::parse_premium_index(&row));
    let _ = serde_json::from_str::<wire::SocketAnswer<'_>>(text);
    for status in [200, 400, 429, 503] {
        let answer = ErrorAnswer { status, retry_after: None, body: text };
        let _: BinanceError = classify(Operation::Place, Timestamp::default(), answer);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_every_way(&String::from_utf8_lossy(&bytes));
    }

    /// JSON of the right shape with wrong values.
    #[test]
    fn arbitrary_values_never_panic(value in "[-0-9.eE\"a-z{}\\[\\]]{0,12}") {
        read_every_way(&format!(
            r#"{{"orderId":1,"symbol":{value},"status":"NEW","clientOrderId":"a","price":{value},
            "origQty":{value},"side":"BUY","e":{value},"data":{value},"code":{value}}}"#
        ));
    }
}
