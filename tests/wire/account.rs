//! How the account stands, as REST answers it.

use lobd::binance::parse::{
    self, ParseError, is_isolated, parse_account_margin, parse_incomes, parse_position_risks,
};
use lobd::binance::wire;
use lobd::domain::{IncomeKind, TradeId};

use super::Fixtures;

#[test]
fn the_accounts_margin_reads_in_both_versions() {
    let Some(fixtures) = Fixtures::find() else { return };
    let account: wire::AccountMargin = fixtures.official("account_api.account_information_v3");
    let margin = parse_account_margin(&account).unwrap();
    assert_eq!(margin.wallet_balance, "126.72469206".parse().unwrap());
    assert_eq!(margin.assets[0].available_balance, "23.72469206".parse().unwrap());
    assert_eq!(margin.positions[0].exposure, "1".parse().unwrap());
    for (name, assets, positions) in
        [("Account/GetAccountInfo", 2, 0), ("Account/GetAccountInfoV3", 2, 1)]
    {
        let margin = parse_account_margin(&fixtures.endpoint(name)).unwrap();
        assert_eq!((margin.assets.len(), margin.positions.len()), (assets, positions), "{name}");
        assert_eq!(margin.assets[1].wallet_balance, "103.12345678".parse().unwrap(), "{name}");
    }
}

#[test]
fn positions_tell_leverage_in_the_older_version_and_margin_in_the_newer() {
    let Some(fixtures) = Fixtures::find() else { return };
    let newer: Vec<wire::Position> = fixtures.official("trade_api.position_information_v3");
    let risk = parse_position_risks(&newer).unwrap()[0];
    assert_eq!(risk.break_even_price, "0.385077".parse().unwrap());
    assert_eq!(risk.maintenance_margin, Some("0.0800428".parse().unwrap()));
    assert_eq!((risk.leverage, risk.is_isolated, risk.adl_quantile), (None, None, Some(2)));
    for older in [
        fixtures.official::<Vec<wire::Position>>("trade_api.position_information_v2"),
        fixtures.endpoint("Account/GetPositionInformation"),
    ] {
        assert_eq!(older[0].leverage.as_ref().unwrap().integer(), Some(10));
        assert_eq!(is_isolated(older[0].margin_type.as_ref().unwrap().as_str()), Some(true));
        assert_eq!(parse_position_risks(&older), Ok(Vec::new()), "flat");
    }
    let held: Vec<wire::Position> = fixtures.endpoint("Trading/GetPositions");
    assert!(matches!(parse_position_risks(&held), Err(ParseError::HedgeMode(_))));
    assert_eq!(is_isolated(held[0].margin_type.as_ref().unwrap().as_str()), Some(false), "cross");
}

#[test]
fn balances_read_in_both_versions() {
    let Some(fixtures) = Fixtures::find() else { return };
    for rows in [
        fixtures.official::<Vec<wire::Balance>>("account_api.futures_account_balance_v2"),
        fixtures.endpoint("Account/GetBalances"),
    ] {
        let balance = parse::parse_balances(&rows).unwrap()[0];
        assert_eq!(balance.wallet_balance, "122607.35137903".parse().unwrap());
    }
}

#[test]
fn payments_are_named_by_numbers_or_texts() {
    let Some(fixtures) = Fixtures::find() else { return };
    let rows: Vec<wire::Income> = fixtures.official("account_api.get_income_history");
    let transfer = &parse_incomes(&rows).unwrap()[0];
    assert_eq!((&transfer.kind, transfer.symbol), (&IncomeKind::Transfer, None));
    assert_eq!(transfer.amount, "-0.375".parse().unwrap());
    let rows: Vec<wire::Income> = fixtures.endpoint("Account/GetIncomeHistory");
    let incomes = parse_incomes(&rows).unwrap();
    assert_eq!(incomes[0].transaction_id, transfer.transaction_id, "text there, a number here");
    assert_eq!(incomes[1].trade_id, Some(TradeId(2_059_192)));
    assert_eq!(incomes[1].kind, IncomeKind::Commission);
}

#[test]
fn settings_of_account_and_symbol_read() {
    let Some(fixtures) = Fixtures::find() else { return };
    let account: wire::AccountConfiguration = fixtures.endpoint("Account/GetAccountConfiguration");
    assert!(account.can_trade && account.dual_side_position && !account.multi_assets_margin);
    let symbols: Vec<wire::SymbolConfiguration> =
        fixtures.official("account_api.symbol_configuration");
    assert_eq!(symbols[0].max_notional_value.integer(), Some(1_000_000));
    assert!(!symbols[0].is_auto_add_margin.is_true());
    assert_eq!(is_isolated(&symbols[0].margin_type), Some(false));
    assert_eq!(is_isolated("SHARED"), None, "a type of a later year");
    let leverage: wire::Leverage = fixtures.endpoint("Account/ChangeInitialLeverage");
    assert_eq!(leverage.max_notional_value.integer(), Some(1_000_000));
    let mode: wire::PositionMode = fixtures.official("account_api.get_current_position_mode");
    assert!(mode.dual_side_position);
    for mode in [
        fixtures.official::<wire::MultiAssetsMode>("account_api.get_current_multi_assets_mode"),
        fixtures.endpoint("Account/GetMultiAssetsMode"),
    ] {
        assert!(mode.multi_assets_margin);
    }
    for burn in [
        fixtures.official::<wire::FeeBurn>("account_api.get_bnb_burn_status"),
        fixtures.endpoint("Account/GetBnbBurnStatus"),
    ] {
        assert!(burn.fee_burn);
    }
    let rate: wire::CommissionRate = fixtures.endpoint("Account/GetUserCommissionRate");
    assert_eq!(rate.rpi_commission_rate, None, "not always told");
    assert_eq!(parse::parse_fee_rates(&rate).unwrap().taker, "0.0004".parse().unwrap());
}

#[test]
fn margin_changes_brackets_and_quantiles_read() {
    let Some(fixtures) = Fixtures::find() else { return };
    for change in [
        fixtures
            .official::<wire::PositionMarginChange>("trade_api.modify_isolated_position_margin"),
        fixtures.endpoint("Account/ModifyPositionMargin"),
    ] {
        assert_eq!(change.direction, 1);
        assert_eq!(
            change.amount.as_str().parse(),
            Ok(lobd::domain::Amount::from_units(10_000_000_000).unwrap())
        );
    }
    for changes in [
        fixtures.official::<Vec<wire::PositionMarginChanged>>(
            "trade_api.get_position_margin_change_history",
        ),
        fixtures.endpoint("Account/GetMarginChangeHistory"),
    ] {
        assert_eq!(changes[0].amount.as_str(), "23.36332311");
        assert_eq!((changes[0].asset.as_str(), changes[0].direction), ("USDT", 1));
    }
    let rows: Vec<wire::LeverageBrackets> = fixtures.endpoint("Account/GetBrackets");
    let bracket = parse::parse_leverage_brackets(&rows[0]).unwrap()[0];
    assert_eq!((bracket.leverage, bracket.cap), (75, Some("10000".parse().unwrap())));
    assert_eq!(bracket.maintenance_rate, "0.0065".parse().unwrap());
    let rows: Vec<wire::LeverageBrackets> =
        fixtures.official("account_api.notional_and_leverage_brackets");
    assert_eq!(parse::parse_leverage_brackets(&rows[0]), Ok(Vec::new()), "trimmed in the sample");
    let rows: Vec<wire::AdlQuantile> =
        fixtures.endpoint("Account/GetPositionAdlQuantileEstimation");
    assert_eq!((rows[1].adl_quantile.both, rows[0].adl_quantile.long), (Some(0), Some(3)));
    let rows: Vec<wire::AdlQuantile> =
        fixtures.official("trade_api.position_adl_quantile_estimation");
    assert_eq!((rows[0].symbol.as_str(), rows[0].adl_quantile.both), ("ETHUSDT", None));
}

#[test]
fn limits_of_orders_and_rules_against_over_trading_read() {
    let Some(fixtures) = Fixtures::find() else { return };
    let rows: Vec<wire::RateLimit> = fixtures.official("account_api.query_user_rate_limit");
    assert_eq!(parse::parse_rate_limit(&rows[0]).unwrap().limit, 10_000);
    let rows: Vec<wire::RateLimit> = fixtures.endpoint("Account/GetOrderRateLimit");
    let windows: Vec<u64> =
        rows.iter().map(|row| parse::parse_rate_limit(row).unwrap().window.as_secs()).collect();
    assert_eq!(windows, [10, 60]);
    let status: wire::TradingStatus =
        fixtures.official("account_api.futures_trading_quantitative_rules_indicators");
    assert_eq!(status.indicators["ACCOUNT"][0].indicator.as_str(), "TMV");
    let status: wire::TradingStatus = fixtures.endpoint("Account/GetTradingStatus");
    let bitcoin = &status.indicators["BTCUSDT"];
    assert!(bitcoin.len() == 4 && bitcoin.iter().all(|rule| rule.is_locked));
    assert_eq!(bitcoin[0].trigger_value.as_str(), "0.995");
}

#[test]
fn a_listen_key_is_a_secret_wherever_it_comes() {
    let Some(fixtures) = Fixtures::find() else { return };
    let key: wire::ListenKey = fixtures.endpoint("Account/StartUserStream");
    assert_eq!(format!("{key:?}"), "ListenKey(***)");
    assert_eq!(key.listen_key.len(), 64);
    for name in ["Account/KeepAliveUserStream", "Account/StopUserStream"] {
        assert_eq!(fixtures.endpoint::<serde_json::Value>(name), serde_json::json!({}), "{name}");
    }
}
