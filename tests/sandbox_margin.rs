//! The money side of the loopback exchange over real sockets: terms, margin, liquidation, funding,
//! income, modes, and several accounts.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lobd::book::{DepthSnapshot, MarketEvent};
use lobd::clock::ManualClock;
use lobd::domain::{Amount, Timestamp};
use lobd::sandbox::{SandboxAccount, SandboxSettings};
use lobd::sign::Signer;
use serde_json::{Value, json};

use crate::support::raw_client::{Answer, Venue, level, mark, symbol};

/// 16:00 UTC of a day: funding is due.
const FUNDING: i64 = 1_700_006_400;

fn amount(value: &Value) -> Amount {
    value.as_str().unwrap().parse().unwrap()
}

async fn get(venue: &Venue, path: &str, parameters: &str) -> Value {
    venue.signed("GET", path, parameters).await.ok()
}

async fn buy(venue: &Venue, quantity: &str) {
    let order = format!("symbol=BTCUSDT&side=BUY&type=MARKET&quantity={quantity}");
    venue.signed("POST", "/fapi/v1/order", &order).await.ok();
}

/// A request signed by another account than the first.
async fn signed_by(
    venue: &Venue,
    account: &SandboxAccount,
    method: &str,
    path: &str,
    parameters: &str,
) -> Answer {
    let query = format!("{parameters}&timestamp={}", venue.now_ms());
    let signature = Signer::new(&account.api_secret).sign(&query);
    let target = format!("{path}?{query}&signature={signature}");
    venue.send(method, &target, "", Some(&account.api_key)).await
}

#[tokio::test]
async fn brackets_bound_leverage_and_size_and_are_told_as_numbers() {
    let venue = Venue::start().await;
    let brackets = get(&venue, "/fapi/v1/leverageBracket", "symbol=BTCUSDT").await;
    assert_eq!(
        brackets[0]["brackets"][1],
        json!({"bracket": 2, "initialLeverage": 100, "notionalCap": 600_000,
               "notionalFloor": 50_000, "maintMarginRatio": 0.005, "cum": 50})
    );
    assert_eq!(get(&venue, "/fapi/v1/leverageBracket", "").await[0]["symbol"], "BTCUSDT");

    let set = async |leverage: u32| {
        let parameters = format!("symbol=BTCUSDT&leverage={leverage}");
        venue.signed("POST", "/fapi/v1/leverage", &parameters).await
    };
    assert_eq!(set(126).await.code(), -4028);
    assert_eq!(set(125).await.ok()["maxNotionalValue"], "50000");
    let large = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1";
    assert_eq!(venue.signed("POST", "/fapi/v1/order", large).await.code(), -2027);
    set(50).await.ok();
    buy(&venue, "3").await;
    assert_eq!(set(125).await.code(), -2027);
    assert_eq!(set(10).await.code(), -2028);
    let settings = get(&venue, "/fapi/v1/symbolConfig", "symbol=BTCUSDT").await;
    assert_eq!(settings[0]["leverage"], 50);
    assert_eq!(settings[0]["maxNotionalValue"], "12000000");
}

#[tokio::test]
async fn isolated_margin_is_set_told_and_moved() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let set = async |kind: &str| {
        let parameters = format!("symbol=BTCUSDT&marginType={kind}");
        venue.signed("POST", "/fapi/v1/marginType", &parameters).await
    };
    assert_eq!(set("CROSSED").await.code(), -4046);
    assert_eq!(set("ODD").await.code(), -1130);
    assert_eq!(set("ISOLATED").await.ok(), json!({"code": 200, "msg": "success"}));
    let told = events.next_named("ACCOUNT_UPDATE").await["a"].clone();
    assert_eq!(
        (&told["m"], &told["P"][0]["mt"]),
        (&json!("MARGIN_TYPE_CHANGE"), &json!("isolated"))
    );

    buy(&venue, "1").await;
    assert_eq!(set("CROSSED").await.code(), -4048);
    let told = events.next_named("ACCOUNT_UPDATE").await["a"].clone();
    assert_eq!(
        (&told["P"][0]["iw"], &told["B"][0]["wb"]),
        (&json!("3000.005"), &json!("9969.99995"))
    );
    assert_eq!(told["B"][0]["cw"], "6969.99495");

    let less = venue.signed("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=10").await;
    assert_eq!(less.code(), -4161);
    let move_margin = async |parameters: &str| {
        let parameters = format!("symbol=BTCUSDT&{parameters}");
        venue.signed("POST", "/fapi/v1/positionMargin", &parameters).await
    };
    assert_eq!(move_margin("amount=1&type=3").await.code(), -1130);
    assert_eq!(move_margin("amount=0&type=1").await.code(), -4055);
    assert_eq!(move_margin("amount=7000&type=1").await.code(), -4050);
    assert_eq!(move_margin("amount=100&type=2").await.code(), -4051);
    let moved = move_margin("amount=100.5&type=1").await.ok();
    assert_eq!((&moved["amount"], &moved["type"]), (&json!(100.5), &json!(1)));
    let told = events.next_named("ACCOUNT_UPDATE").await["a"].clone();
    assert_eq!((&told["m"], &told["P"][0]["iw"]), (&json!("MARGIN_TRANSFER"), &json!("3100.505")));

    let risk = get(&venue, "/fapi/v3/positionRisk", "").await[0].clone();
    assert_eq!(risk["isolatedWallet"], "3100.505");
    assert_eq!(risk["positionInitialMargin"], "3000.00250000", "60,000.05 at 20 times");
    assert_eq!(risk["maintMargin"], "250.00025000", "0.5 % less 50");
    let liquidation = amount(&risk["liquidationPrice"]);
    // Cost less the isolated wallet and the deduction, over 1 − 0.5 %.
    assert!((liquidation.units() - 5_713_527_135_678).abs() < 10, "{liquidation}");
    let older = get(&venue, "/fapi/v2/positionRisk", "symbol=BTCUSDT").await[0].clone();
    assert_eq!((&older["marginType"], &older["isolated"]), (&json!("isolated"), &json!(true)));
    assert_eq!(older["maxNotionalValue"], "100000000");
    let account = get(&venue, "/fapi/v3/account", "").await;
    assert_eq!(account["availableBalance"], account["totalCrossWalletBalance"]);
    assert_eq!(account["totalMaintMargin"], "250.00025000");
    assert_eq!(account["positions"][0]["isolatedWallet"], "3100.505");
}

/// One bitcoin bid for at 56,800 and nothing above it.
fn fallen() -> MarketEvent {
    MarketEvent::Snapshot(DepthSnapshot {
        symbol: symbol(),
        last_update_id: 200,
        bids: vec![level("56800", "1"), level("50000", "10")],
        asks: vec![level("56900", "10")],
    })
}

#[tokio::test]
async fn a_liquidation_is_told_to_its_account_and_to_everyone() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let mut market = venue.connect("/market/ws/btcusdt@forceOrder").await;
    venue.settled(2).await;
    buy(&venue, "3").await;
    let resting = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.01&price=62000";
    venue.signed("POST", "/fapi/v1/order", resting).await.ok();
    let told = get(&venue, "/fapi/v3/positionRisk", "").await[0]["liquidationPrice"].clone();
    assert!(amount(&told) > "56900".parse().unwrap() && amount(&told) < "57000".parse().unwrap());

    venue.feed(mark("57030")).await;
    let call = events.next_named("MARGIN_CALL").await;
    assert_eq!((&call["cw"], &call["p"][0]["mt"]), (&json!("9909.99985"), &json!("CROSSED")));
    assert_eq!((&call["p"][0]["pa"], &call["p"][0]["mm"]), (&json!("3"), &json!("805.45")));
    venue.feed(fallen()).await;
    venue.feed(mark("56900")).await;

    let expired = events.next_named("ORDER_TRADE_UPDATE").await["o"].clone();
    assert_eq!((&expired["x"], &expired["er"]), (&json!("EXPIRED"), &json!("5")));
    let sent = events.next_named("ORDER_TRADE_UPDATE").await["o"].clone();
    assert!(sent["c"].as_str().unwrap().starts_with("autoclose-"));
    assert_eq!(
        (&sent["x"], &sent["S"], &sent["f"]),
        (&json!("NEW"), &json!("SELL"), &json!("IOC"))
    );
    let traded = events.next_named("ORDER_TRADE_UPDATE").await["o"].clone();
    assert_eq!(
        (&traded["x"], &traded["l"], &traded["L"]),
        (&json!("TRADE"), &json!("1"), &json!("56800"))
    );
    let taken = events.next_named("ORDER_TRADE_UPDATE").await["o"].clone();
    assert_eq!((&taken["x"], &taken["X"]), (&json!("CALCULATED"), &json!("NEW_INSURANCE")));
    assert_eq!((&taken["l"], &taken["n"], &taken["er"]), (&json!("2"), &json!("0"), &json!("5")));
    let told = events.next_named("ACCOUNT_UPDATE").await["a"].clone();
    assert_eq!((&told["m"], &told["P"][0]["pa"]), (&json!("ORDER"), &json!("0")));
    let told = events.next_named("ACCOUNT_UPDATE").await["a"].clone();
    assert_eq!((&told["m"], &told["P"]), (&json!("INSURANCE_CLEAR"), &json!([])));

    let frame = market.next().await;
    assert_eq!((&frame["e"], &frame["o"]["S"]), (&json!("forceOrder"), &json!("SELL")));
    assert_eq!((&frame["o"]["q"], &frame["o"]["X"]), (&json!("3.000"), &json!("FILLED")));
    let forced = get(&venue, "/fapi/v1/forceOrders", "autoCloseType=LIQUIDATION").await;
    assert_eq!((&forced[0]["clientOrderId"], &forced[0]["status"]), (&sent["c"], &json!("FILLED")));
    assert_eq!(get(&venue, "/fapi/v1/forceOrders", "autoCloseType=ADL").await, json!([]));
    let found = format!("symbol=BTCUSDT&orderId={}", sent["i"]);
    assert_eq!(get(&venue, "/fapi/v1/order", &found).await["status"], "FILLED");
    assert_eq!(get(&venue, "/fapi/v3/positionRisk", "").await, json!([]));
    let cleared = get(&venue, "/fapi/v1/income", "incomeType=INSURANCE_CLEAR").await;
    assert_eq!(amount(&cleared[0]["income"]), amount(&told["B"][0]["bc"]));
}

#[tokio::test]
async fn deleveraging_has_its_own_name_and_status() {
    let venue = Venue::start().await;
    buy(&venue, "0.5").await;
    venue.feed(mark("60500")).await;
    let quantile = get(&venue, "/fapi/v1/adlQuantile", "").await;
    assert_eq!(quantile[0]["adlQuantile"], json!({"LONG": 0, "SHORT": 0, "BOTH": 4}));
    let mut events = venue.user_stream().await;
    let forced = venue.sandbox.control.with_exchange(|exchange, account| {
        exchange.deleverage(exchange.now(), account, symbol(), None).map(|_| ())
    });
    forced.await.unwrap().unwrap();
    assert_eq!(events.next_named("ORDER_TRADE_UPDATE").await["o"]["c"], "adl_autoclose");
    let taken = events.next_named("ORDER_TRADE_UPDATE").await["o"].clone();
    assert_eq!((&taken["x"], &taken["X"]), (&json!("CALCULATED"), &json!("NEW_ADL")));
    let rows = get(&venue, "/fapi/v1/forceOrders", "autoCloseType=ADL").await;
    assert_eq!((&rows[0]["side"], &rows[0]["avgPrice"]), (&json!("SELL"), &json!("60500.00000")));
}

#[tokio::test]
async fn funding_is_announced_paid_at_its_hour_and_listed() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(FUNDING - 5)));
    let venue = Venue::start_on(clock.clone(), SandboxSettings::for_seed(1)).await;
    buy(&venue, "1").await;
    let mut market = venue.connect("/market/ws/btcusdt@markPrice@1s").await;
    let mut events = venue.user_stream().await;
    venue.settled(2).await;
    venue.feed(mark("60000.05")).await;
    let frame = market.next().await;
    assert_eq!((&frame["r"], &frame["T"]), (&json!("0.00010000"), &json!(FUNDING * 1_000)));
    let index = venue.public("/fapi/v1/premiumIndex?symbol=BTCUSDT").await.ok();
    assert_eq!((&index["lastFundingRate"], &index["nextFundingTime"]), (&frame["r"], &frame["T"]));
    assert_eq!(venue.public("/fapi/v1/fundingRate?symbol=BTCUSDT").await.ok(), json!([]));

    clock.advance(Duration::from_secs(5));
    let told = events.next_named("ACCOUNT_UPDATE").await["a"].clone();
    assert_eq!((&told["m"], &told["S"]), (&json!("FUNDING_FEE"), &json!("BTCUSDT")));
    assert_eq!((&told["B"][0]["bc"], &told["P"]), (&json!("-6.000005"), &json!([])));
    let paid = venue.public("/fapi/v1/fundingRate?symbol=BTCUSDT").await.ok();
    assert_eq!(
        paid,
        json!([{"symbol": "BTCUSDT", "fundingRate": "0.00010000", "fundingTime": FUNDING * 1_000,
                "markPrice": "60000.05000000", "rateType": "Regular"}])
    );
    let rows = get(&venue, "/fapi/v1/income", "incomeType=FUNDING_FEE").await;
    assert_eq!(
        (&rows[0]["income"], &rows[0]["symbol"]),
        (&json!("-6.00000500"), &json!("BTCUSDT"))
    );
    let index = venue.public("/fapi/v1/premiumIndex?symbol=BTCUSDT").await.ok();
    assert_eq!(index["nextFundingTime"], (FUNDING + 8 * 3_600) * 1_000);

    assert_eq!(venue.public("/fapi/v1/fundingInfo").await.ok(), json!([]), "all is usual");
    let set = venue
        .sandbox
        .control
        .with_exchange(|exchange, _| exchange.set_funding_interval(symbol(), 4));
    set.await.unwrap().unwrap();
    let adjusted = venue.public("/fapi/v1/fundingInfo").await.ok();
    assert_eq!(adjusted[0]["fundingIntervalHours"], 4);
    assert_eq!(adjusted[0]["adjustedFundingRateCap"], "0.00300000");
}

#[tokio::test]
async fn income_adds_up_to_the_wallet_and_comes_in_pages() {
    let venue = Venue::start().await;
    let deposit = venue.sandbox.control.with_exchange(|exchange, account| {
        exchange.transfer(exchange.now(), account, "250".parse().unwrap())
    });
    let mut events = venue.user_stream().await;
    deposit.await.unwrap().unwrap();
    let told = events.next_named("ACCOUNT_UPDATE").await["a"].clone();
    assert_eq!((&told["m"], &told["B"][0]["bc"]), (&json!("DEPOSIT"), &json!("250")));
    for _ in 0..2 {
        buy(&venue, "0.1").await;
        let close = "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.1&reduceOnly=true";
        venue.signed("POST", "/fapi/v1/order", close).await.ok();
    }
    let income = async |parameters: &str| get(&venue, "/fapi/v1/income", parameters).await;
    let all = income("limit=1000").await;
    let rows = all.as_array().unwrap();
    // A deposit; two openings with a fee each; two closings with a fee and a loss each.
    assert_eq!(rows.len(), 7);
    assert!(rows.is_sorted_by_key(|row| row["time"].as_i64()));
    let sum: Amount = rows.iter().map(|row| amount(&row["income"])).sum();
    let balance = get(&venue, "/fapi/v3/balance", "").await[0]["balance"].clone();
    assert_eq!(amount(&balance), sum.saturating_add("10000".parse().unwrap()));

    let (first, second) = (income("page=1&limit=4").await, income("page=2&limit=4").await);
    let paged: Vec<Value> =
        [first, second].into_iter().flat_map(|page| page.as_array().unwrap().clone()).collect();
    assert_eq!(&paged, rows);
    assert_eq!(income("limit=2").await.as_array().unwrap()[..], rows[5..], "the newest");
    let fees = income("incomeType=COMMISSION&symbol=BTCUSDT").await;
    assert_eq!(fees.as_array().unwrap().len(), 4);
    assert!(fees[0]["tradeId"].as_str().is_some_and(|id| !id.is_empty()));
    assert_eq!(income("incomeType=TRANSFER").await[0]["symbol"], "");
    assert_eq!(income("incomeType=WELCOME_BONUS").await, json!([]));
    assert_eq!(income("startTime=1&endTime=2").await, json!([]));
    let odd = venue.signed("GET", "/fapi/v1/income", "incomeType=ODD").await;
    assert_eq!(odd.code(), -1130);
}

#[tokio::test]
async fn modes_are_told_and_changed_only_where_they_can_be() {
    let venue = Venue::start().await;
    let mut events = venue.user_stream().await;
    let post = async |path: &str, parameters: &str| venue.signed("POST", path, parameters).await;
    let (dual, multi) = ("/fapi/v1/positionSide/dual", "/fapi/v1/multiAssetsMargin");
    assert_eq!(get(&venue, dual, "").await, json!({"dualSidePosition": false}));
    assert_eq!(post(dual, "dualSidePosition=false").await.code(), -4059);
    assert_eq!(post(dual, "dualSidePosition=true").await.code(), -4531);
    let resting = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=59000";
    post("/fapi/v1/order", resting).await.ok();
    assert_eq!(post(dual, "dualSidePosition=true").await.code(), -4067);
    venue.signed("DELETE", "/fapi/v1/allOpenOrders", "symbol=BTCUSDT").await.ok();
    buy(&venue, "0.01").await;
    assert_eq!(post(dual, "dualSidePosition=true").await.code(), -4068);

    assert_eq!(post(multi, "multiAssetsMargin=false").await.code(), -4171);
    post(multi, "multiAssetsMargin=true").await.ok();
    assert_eq!(events.next_named("ACCOUNT_CONFIG_UPDATE").await["ai"], json!({"j": true}));
    assert_eq!(get(&venue, multi, "").await, json!({"multiAssetsMargin": true}));
    assert_eq!(get(&venue, "/fapi/v1/accountConfig", "").await["multiAssetsMargin"], true);
    let isolated = post("/fapi/v1/marginType", "symbol=BTCUSDT&marginType=ISOLATED").await;
    assert_eq!(isolated.code(), -4168);
    post("/fapi/v1/feeBurn", "feeBurn=true").await.ok();
    assert_eq!(get(&venue, "/fapi/v1/feeBurn", "").await, json!({"feeBurn": true}));
    assert_eq!(get(&venue, "/fapi/v1/apiTradingStatus", "").await["indicators"], json!({}));
}

#[tokio::test]
async fn every_account_has_keys_orders_money_and_events_of_its_own() {
    let venue = Venue::start_with(SandboxSettings::for_seed(1).with_accounts(1, 3)).await;
    let other = &venue.sandbox.others[0];
    let mut own = venue.user_stream().await;
    let key = venue.send("POST", "/fapi/v1/listenKey", "", Some(&other.api_key)).await.ok();
    let key = key["listenKey"].as_str().unwrap();
    let mut others = venue.connect(&format!("/private/ws/{key}")).await;
    venue.settled(2).await;

    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=59000";
    let theirs = format!("{order}&newClientOrderId=theirs");
    let placed = signed_by(&venue, other, "POST", "/fapi/v1/order", &theirs).await;
    assert_eq!(placed.header("x-mbx-order-count-10s").as_deref(), Some("1"));
    placed.ok();
    let mine = format!("{order}&newClientOrderId=mine");
    let placed = venue.signed("POST", "/fapi/v1/order", &mine).await;
    assert_eq!(placed.header("x-mbx-order-count-10s").as_deref(), Some("1"), "counted apart");
    assert_eq!(own.next_named("ORDER_TRADE_UPDATE").await["o"]["c"], "mine");
    assert_eq!(others.next_named("ORDER_TRADE_UPDATE").await["o"]["c"], "theirs");

    let market = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1";
    signed_by(&venue, other, "POST", "/fapi/v1/order", market).await.ok();
    let balance = signed_by(&venue, other, "GET", "/fapi/v3/balance", "recvWindow=5000").await.ok();
    assert_eq!(balance[0]["balance"], "9996.99999500", "a fee of 5 bps");
    assert_eq!(get(&venue, "/fapi/v3/balance", "").await[0]["balance"], "10000.00000000");
    let found = venue.signed("GET", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=theirs");
    assert_eq!(found.await.code(), -2013);

    let query = format!("timestamp={}", venue.now_ms());
    let signature = Signer::new(&other.api_secret).sign(&query);
    let target = format!("/fapi/v3/balance?{query}&signature={signature}");
    let mixed = venue.send("GET", &target, "", Some(&venue.sandbox.api_key)).await;
    assert_eq!(mixed.code(), -1022, "another account's signature");
}

#[test]
fn the_command_prints_the_keys_of_every_account() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lobd"));
    command.env_clear().args(["exchange", "--seed", "1", "--accounts", "3"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let expected = SandboxSettings::for_seed(1).with_accounts(1, 3);
    assert_eq!(ready["api_key"], expected.api_key);
    let keys = |account: &SandboxAccount| json!({"api_key": account.api_key, "api_secret": account.api_secret.expose()});
    assert_eq!(ready["accounts"], expected.others.iter().map(keys).collect::<Value>());
}
