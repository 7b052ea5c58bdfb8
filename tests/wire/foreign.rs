//! Answers of endpoints that a trading daemon does not ask: converting, downloads, statistics for
//! people, the venue's own execution algorithms, another venue. What must hold is that none of our
//! readers takes one for an order, a stop, a position or a fill.

use lobd::binance::parse::{
    parse_conditional, parse_fills, parse_order, parse_positions, parse_user_events,
};
use lobd::binance::wire;
use serde_json::Value;

use super::Fixtures;

/// The fixture, where to look in it, and what is there: that the file is what it says.
const OFFICIAL: &[(&str, &str, &str)] = &[
    ("account_api.get_download_id_for_futures_order_history", "/downloadId", "546975389218332672"),
    ("account_api.get_download_id_for_futures_trade_history", "/downloadId", "546975389218332672"),
    (
        "account_api.get_download_id_for_futures_transaction_history",
        "/downloadId",
        "546975389218332672",
    ),
    ("account_api.get_futures_order_history_download_link_by_id", "/status", "processing"),
    ("account_api.get_futures_trade_download_link_by_id", "/status", "processing"),
    ("account_api.get_futures_transaction_history_download_link_by_id", "/status", "processing"),
    ("convert_api.list_all_convert_pairs", "/0/fromAsset", "BTC"),
    ("convert_api.order_status", "/orderStatus", "SUCCESS"),
    ("convert_api.send_quote_request", "/quoteId", "12415572564"),
    ("market_data_api.asset_index", "/symbol", "ADAUSD"),
    ("market_data_api.basis", "/0/pair", "BTCUSDT"),
    ("market_data_api.composite_index_symbol_information", "/0/symbol", "DEFIUSDT"),
    ("market_data_api.open_interest_statistics", "/0/sumOpenInterest", "20403.12345678"),
    ("market_data_api.query_index_price_constituents", "/symbol", "BTCUSDT"),
    ("market_data_api.query_insurance_fund_balance_snapshot", "/symbols", "[]"),
    ("market_data_api.taker_buy_sell_volume", "/0/buySellRatio", "1.5586"),
    ("market_data_api.top_trader_long_short_ratio_accounts", "/0/longShortRatio", "1.8105"),
    ("market_data_api.top_trader_long_short_ratio_positions", "/0/longShortRatio", "1.4342"),
    ("market_data_api.trading_schedule", "/updateTime", "1761286643918"),
];

const ENDPOINTS: &[(&str, &str, &str)] = &[
    ("Account/GetDownloadIdForOrderHistory", "/downloadId", "546975389218332672"),
    ("Account/GetDownloadIdForTradeHistory", "/downloadId", "546975389218332672"),
    ("Account/GetDownloadIdForTransactionHistory", "/downloadId", "546975389218332672"),
    ("Account/GetDownloadLinkForOrderHistory", "/status", "completed"),
    ("Account/GetDownloadLinkForTradeHistory", "/status", "completed"),
    ("Account/GetDownloadLinkForTransactionHistory", "/status", "completed"),
    ("ExchangeData/GetAssetIndexes", "/0/symbol", "ADAUSD"),
    ("ExchangeData/GetBasis", "/0/basisRate", "0.0004"),
    ("ExchangeData/GetCompositeIndexInfo", "/0/baseAssetList/0/baseAsset", "BAL"),
    ("ExchangeData/GetGlobalLongShortAccountRatio", "/0/longShortRatio", "0.1960"),
    ("ExchangeData/GetIndexPriceConstituents", "/constituents/0/exchange", "binance"),
    ("ExchangeData/GetInsuranceFundBalances", "/assets/0/asset", "USDC"),
    ("ExchangeData/GetOpenInterestHistory", "/0/sumOpenInterest", "20403.63700000"),
    ("ExchangeData/GetTakerBuySellVolumeRatio", "/0/buySellRatio", "1.5586"),
    ("ExchangeData/GetTopLongShortAccountRatio", "/0/symbol", "BTCUSDT"),
    ("ExchangeData/GetTopLongShortPositionRatio", "/0/symbol", "BTCUSDT"),
    ("Trading/CancelAlgoOrder", "/algoId", "14511"),
    ("Trading/ConvertAcceptQuote", "/orderStatus", "PROCESS"),
    ("Trading/ConvertQuoteRequest", "/quoteId", "12415572564"),
    ("Trading/GetAlgoSubOrders", "/subOrders/0/orderStatus", "FILLED"),
    ("Trading/GetClosedAlgoOrders", "/orders/0/algoStatus", "CANCELLED"),
    ("Trading/GetConvertOrderStatus", "/orderStatus", "SUCCESS"),
    ("Trading/GetOpenAlgoOrders", "/orders/0/algoStatus", "WORKING"),
    ("Trading/PlaceTimeWeightedAveragePriceOrder", "/success", "true"),
    ("Trading/PlaceVolumeParticipationOrder", "/success", "true"),
];

/// Signatures of Coinbase, for whoever builds that client (exchange-api.md 9).
const COINBASE: &str = "coinbase_exchange_sign_computed.json";

#[test]
fn no_reader_takes_a_foreign_answer_for_something_of_ours() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (name, place, expected) in OFFICIAL {
        let path = format!("official_connector_examples/rest.{name}.json");
        check(name, &fixtures.text(&path), place, expected);
    }
    for (name, place, expected) in ENDPOINTS {
        check(name, &fixtures.endpoint_text(name), place, expected);
    }
    check(COINBASE, &fixtures.text(COINBASE), "/0/prehash", "1700000000GET/accounts");
}

fn check(name: &str, text: &str, place: &str, expected: &str) {
    let json: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let found = json.pointer(place).unwrap_or_else(|| panic!("{name} has nothing at {place}"));
    let found = found.as_str().map_or_else(|| found.to_string(), ToOwned::to_owned);
    assert_eq!(found, expected, "{name}");
    let rows = json.as_array().cloned().unwrap_or_else(|| vec![json.clone()]);
    for row in rows {
        let order = serde_json::from_value::<wire::Order>(row.clone());
        assert!(order.is_err() || parse_order(&order.unwrap()).is_err(), "{name} as an order");
        let stop = serde_json::from_value::<wire::AlgoOrder>(row.clone());
        assert!(stop.is_err() || parse_conditional(&stop.unwrap()).is_err(), "{name} as a stop");
        let position = serde_json::from_value::<wire::Position>(row.clone());
        assert!(position.is_err() || parse_positions(&[position.unwrap()]).is_err(), "{name}");
        let trade = serde_json::from_value::<wire::UserTrade>(row);
        assert!(trade.is_err() || parse_fills(&[trade.unwrap()]).is_err(), "{name} as a fill");
    }
    assert!(
        parse_user_events(text)
            .iter()
            .all(|event| { matches!(event, lobd::binance::parse::UserEvent::Unreadable(_)) })
    );
}
