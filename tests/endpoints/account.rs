//! How the account stands and how it is set up.

use lobd::binance::{ApiVersion, MarginDirection, PositionMode};

use super::{Case, DONE, NO_ROWS, bitcoin, case};

const ACCOUNT: &str = r#"{"totalInitialMargin":"0","totalMaintMargin":"0",
    "totalWalletBalance":"1","totalUnrealizedProfit":"0","totalMarginBalance":"1",
    "availableBalance":"1"}"#;

pub(super) const QUESTIONS: &[Case] = &[
    case!("GET /fapi/v3/balance", "", [5, 0, 0, 0], NO_ROWS, |client| client.balances()),
    case!("GET /fapi/v2/balance", "", [10, 0, 0, 0], NO_ROWS, |client| client
        .balances_by(ApiVersion::V2)),
    case!("GET /fapi/v3/account", "", [5, 0, 0, 0], ACCOUNT, |client| client
        .account_margin(ApiVersion::V3)),
    case!("GET /fapi/v2/account", "", [10, 0, 0, 0], ACCOUNT, |client| client
        .account_margin(ApiVersion::V2)),
    case!("GET /fapi/v3/positionRisk", "", [5, 0, 0, 0], NO_ROWS, |client| client.open_positions()),
    case!("GET /fapi/v3/positionRisk", "symbol=BTCUSDT", [5, 0, 0, 0], NO_ROWS, |client| {
        client.position_of(bitcoin())
    }),
    case!("GET /fapi/v2/positionRisk", "", [10, 0, 0, 0], NO_ROWS, |client| client
        .position_risks(ApiVersion::V2)),
    case!(
        "GET /fapi/v1/commissionRate",
        "symbol=BTCUSDT",
        [20, 0, 0, 0],
        r#"{"makerCommissionRate":"0.0002","takerCommissionRate":"0.0005"}"#,
        |client| client.commission_rates(bitcoin())
    ),
    case!("GET /fapi/v1/leverageBracket", "symbol=BTCUSDT", [1, 0, 0, 0], NO_ROWS, |client| {
        client.leverage_brackets(bitcoin())
    }),
    case!("GET /fapi/v1/adlQuantile", "symbol=BTCUSDT", [5, 0, 0, 0], NO_ROWS, |client| client
        .adl_quantiles(Some(bitcoin()))),
    case!("GET /fapi/v1/rateLimit/order", "", [1, 0, 0, 0], NO_ROWS, |client| client
        .order_rate_limits()),
    case!(
        "GET /fapi/v1/apiTradingStatus",
        "symbol=BTCUSDT",
        [1, 0, 0, 0],
        r#"{"indicators":{},"updateTime":1}"#,
        |client| client.trading_status(Some(bitcoin()))
    ),
    case!("POST /fapi/v1/listenKey", "", [1, 0, 0, 0], r#"{"listenKey":"k"}"#, |client| client
        .start_listen_key()),
    case!("PUT /fapi/v1/listenKey", "", [1, 0, 0, 0], "{}", |client| client.extend_listen_key()),
    case!("DELETE /fapi/v1/listenKey", "", [1, 0, 0, 0], "{}", |client| client.close_listen_key()),
];

pub(super) const SETTINGS: &[Case] = &[
    case!(
        "GET /fapi/v1/accountConfig",
        "",
        [5, 0, 0, 0],
        r#"{"canTrade":true,"dualSidePosition":false}"#,
        |client| client.account_configuration()
    ),
    case!("GET /fapi/v1/symbolConfig", "symbol=BTCUSDT", [5, 0, 0, 0], NO_ROWS, |client| {
        client.symbol_configuration(bitcoin())
    }),
    case!(
        "POST /fapi/v1/leverage",
        "symbol=BTCUSDT&leverage=5",
        [1, 0, 0, 0],
        r#"{"leverage":5,"maxNotionalValue":"1000000","symbol":"BTCUSDT"}"#,
        |client| client.set_leverage(bitcoin(), 5)
    ),
    case!(
        "POST /fapi/v1/marginType",
        "symbol=BTCUSDT&marginType=ISOLATED",
        [1, 0, 0, 0],
        DONE,
        |client| client.set_margin_type(bitcoin(), true)
    ),
    case!(
        "POST /fapi/v1/positionMargin",
        "symbol=BTCUSDT&amount=10.5&type=2",
        [1, 0, 0, 0],
        r#"{"amount":10.5,"code":200,"msg":"ok","type":2}"#,
        |client| async move {
            let amount = "10.5".parse().unwrap();
            client.change_position_margin(bitcoin(), MarginDirection::Reduce, amount).await
        }
    ),
    case!(
        "GET /fapi/v1/positionSide/dual",
        "",
        [30, 0, 0, 0],
        r#"{"dualSidePosition":false}"#,
        |client| client.position_mode()
    ),
    case!(
        "POST /fapi/v1/positionSide/dual",
        "dualSidePosition=false",
        [1, 0, 0, 0],
        DONE,
        |client| client.set_position_mode(PositionMode::OneWay)
    ),
    case!(
        "GET /fapi/v1/multiAssetsMargin",
        "",
        [30, 0, 0, 0],
        r#"{"multiAssetsMargin":false}"#,
        |client| client.has_multi_assets_margin()
    ),
    case!(
        "POST /fapi/v1/multiAssetsMargin",
        "multiAssetsMargin=true",
        [1, 0, 0, 0],
        DONE,
        |client| client.set_multi_assets_margin(true)
    ),
    case!("POST /fapi/v1/feeBurn", "feeBurn=false", [1, 0, 0, 0], DONE, |client| client
        .set_bnb_for_fees(false)),
    case!("GET /fapi/v1/feeBurn", "", [30, 0, 0, 0], r#"{"feeBurn":true}"#, |client| client
        .burns_bnb_for_fees()),
];
