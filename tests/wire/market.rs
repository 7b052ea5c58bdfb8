//! Public answers about the market.

use lobd::binance::parse::{self, RateLimitKind};
use lobd::binance::wire;
use lobd::domain::{Timestamp, TradeId};

use super::{Fixtures, symbol};

#[test]
fn bars_recorded_and_documented_keep_their_values() {
    let Some(fixtures) = Fixtures::find() else { return };
    let rows: Vec<wire::Kline> = fixtures.read("ozakboy/rest_klines_row_testnet_20260911.json");
    let bar = parse::parse_klines(&rows).unwrap()[0];
    assert_eq!(bar.open_time, Timestamp::from_millis(1_789_116_060_000));
    assert_eq!(bar.high, "77356.8".parse().unwrap());
    assert_eq!((bar.trades, bar.close), (195, "77356.8".parse().unwrap()));
    assert!((bar.volume - 478.3328).abs() < 1e-9 && (bar.taker_buy_volume - 476.0681).abs() < 1e-9);
    for (name, trades) in [
        ("ExchangeData/GetKlines", 308),
        ("ExchangeData/GetContinuousContractKlines", 1_874),
        ("ExchangeData/GetIndexPriceKlines", 60),
        ("ExchangeData/GetMarkPriceKlines", 60),
    ] {
        let rows: Vec<wire::Kline> = fixtures.endpoint(name);
        assert_eq!(parse::parse_klines(&rows).unwrap()[0].trades, trades, "{name}");
    }
    let premium: Vec<wire::Kline> = fixtures.endpoint("ExchangeData/GetPremiumIndexKlines");
    assert_eq!(premium[0].0[1].as_str(), "-0.00042931");
    assert!(parse::parse_klines(&premium).is_err(), "a premium is no price");
}

#[test]
fn trades_single_and_aggregated_read() {
    let Some(fixtures) = Fixtures::find() else { return };
    for rows in [
        fixtures.official::<Vec<wire::AggregateTrade>>(
            "market_data_api.compressed_aggregate_trades_list",
        ),
        fixtures.endpoint("ExchangeData/GetAggregatedTradeHistory"),
    ] {
        let trade = parse::parse_aggregate_trades(symbol("BTCUSDT"), &rows).unwrap()[0];
        assert_eq!((trade.trade_id, trade.buyer_is_maker), (TradeId(26_129), true));
        assert_eq!(trade.quantity, "4.70443515".parse().unwrap());
        assert_eq!((rows[0].first_trade_id, rows[0].last_trade_id), (27_781, 27_781));
    }
    for name in ["ExchangeData/GetRecentTrades", "ExchangeData/GetTradeHistory"] {
        let rows: Vec<wire::RecentTrade> = fixtures.endpoint(name);
        let trade = parse::parse_recent_trades(symbol("BTCUSDT"), &rows).unwrap()[0];
        assert_eq!(trade.price, "4.000001".parse().unwrap(), "{name}");
    }
}

#[test]
fn prices_and_tickers_read() {
    let Some(fixtures) = Fixtures::find() else { return };
    for row in [
        fixtures.official::<wire::PremiumIndex>("market_data_api.mark_price"),
        fixtures.endpoint("ExchangeData/GetMarkPrice"),
    ] {
        let index = parse::parse_premium_index(&row).unwrap();
        assert_eq!(index.mark_price, "11793.63104562".parse().unwrap());
        assert_eq!(index.funding_rate, "0.00038246".parse().unwrap());
        let next = Timestamp::from_millis(1_597_392_000_000);
        assert_eq!(index.next_funding_time, Some(next));
    }
    for row in [
        fixtures.official::<wire::BestPrices>("market_data_api.symbol_order_book_ticker"),
        fixtures.endpoint("ExchangeData/GetBookPrice"),
    ] {
        let best = parse::parse_best_prices(&row).unwrap();
        assert_eq!(best.ask.price, "4.000002".parse().unwrap());
        assert_eq!(best.bid.quantity, "431".parse().unwrap());
    }
    for row in [
        fixtures.official::<wire::LastPrice>("market_data_api.symbol_price_ticker"),
        fixtures.official("market_data_api.symbol_price_ticker_v2"),
        fixtures.endpoint("ExchangeData/GetPrice"),
    ] {
        assert_eq!(parse::parse_last_price(&row).unwrap().price, "6000.01".parse().unwrap());
    }
    let day = parse::parse_day_ticker(&fixtures.endpoint("ExchangeData/GetTicker")).unwrap();
    assert_eq!((day.trades, day.low), (76, "0.1".parse().unwrap()));
    assert!((day.volume - 8_913.3).abs() < 1e-9);
    for row in [
        fixtures.official::<wire::OpenInterest>("market_data_api.open_interest"),
        fixtures.endpoint("ExchangeData/GetOpenInterest"),
    ] {
        let interest = parse::parse_open_interest(&row).unwrap();
        assert!((interest.contracts - 10_659.509).abs() < 1e-9);
    }
}

#[test]
fn fundings_and_their_terms_read() {
    let Some(fixtures) = Fixtures::find() else { return };
    let rows: Vec<wire::FundingRate> =
        fixtures.official("market_data_api.get_funding_rate_history");
    let funding = parse::parse_funding_rate(&rows[0]).unwrap();
    assert_eq!(funding.rate, "-0.0375".parse().unwrap());
    assert_eq!(
        (funding.mark_price, funding.is_special),
        (Some("34287.54619963".parse().unwrap()), false)
    );
    let rows: Vec<wire::FundingRate> = fixtures.endpoint("ExchangeData/GetFundingRates");
    assert_eq!(rows.len(), 2);
    let special =
        wire::FundingRate { rate_type: Some(wire::Text("Special".to_owned())), ..rows[0].clone() };
    assert!(parse::parse_funding_rate(&special).unwrap().is_special);
    for rows in [
        fixtures.official::<Vec<wire::FundingInfo>>("market_data_api.get_funding_rate_info"),
        fixtures.endpoint("ExchangeData/GetFundingInfo"),
    ] {
        let terms = parse::parse_funding_terms(&rows[0]).unwrap();
        assert_eq!((terms.cap, terms.interval_hours), ("0.025".parse().unwrap(), 8));
        assert_eq!(terms.floor, "-0.025".parse().unwrap());
    }
}

#[test]
fn books_and_clocks_read_in_both_collections() {
    let Some(fixtures) = Fixtures::find() else { return };
    for depth in [
        fixtures.official::<wire::Depth>("market_data_api.rpi_order_book"),
        fixtures.endpoint("ExchangeData/GetOrderBook"),
    ] {
        let book = parse::parse_depth(symbol("BTCUSDT"), &depth).unwrap();
        assert_eq!(
            (book.last_update_id, book.bids[0].quantity),
            (1_027_024, "431".parse().unwrap())
        );
    }
    let time: wire::ServerTime = fixtures.endpoint("ExchangeData/GetServerTime");
    assert_eq!(time.server_time, 1_499_827_319_559);
}

#[test]
fn recorded_limits_and_filters_of_both_environments_read() {
    let Some(fixtures) = Fixtures::find() else { return };
    for (name, weight) in [
        ("exchange_info_rate_limits_prod_20260911", 2_400),
        ("exchange_info_rate_limits_testnet_20260910", 6_000),
    ] {
        let rows: Vec<wire::RateLimit> = fixtures.read(&format!("ozakboy/{name}.json"));
        let rules: Vec<_> = rows.iter().filter_map(parse::parse_rate_limit).collect();
        assert_eq!(rules.len(), 3, "{name}");
        assert_eq!((rules[0].kind, rules[0].limit), (RateLimitKind::RequestWeight, weight));
    }
    let filters: Vec<wire::Filter> = fixtures.read("notes_20260930/btcusdt_filters_prod.json");
    let find = |kind: &str| filters.iter().find(|filter| filter.filter_type == kind).unwrap();
    assert_eq!(find("PRICE_FILTER").tick_size.as_ref().unwrap().as_str(), "0.10");
    assert_eq!(find("MAX_NUM_ORDERS").limit.as_ref().unwrap().integer(), Some(200));
    assert_eq!(find("POSITION_RISK_CONTROL").notional, None, "of no concern, and no error");
}
