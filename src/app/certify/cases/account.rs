//! Questions about the account, and settings set to what they are.

use serde_json::Value;

use super::super::came::{Came, decimal, first, has, integer, rows};
use super::super::case::{Case, Check, HOLDS, Shortfall, ensure, learned};
use super::super::facts::with;
use super::super::stage::Stage;
use crate::domain::{Amount, Rate};

pub(super) const CASES: &[Case] = &[
    Case::reads("C-060", "balances, version 2", "4.5", |stage| Box::pin(balance_v2(stage))),
    Case::reads("C-061", "balances, version 3", "4.5", |stage| Box::pin(balance_v3(stage))),
    Case::reads("C-062", "the account, version 2, lists flat symbols", "4.5", |stage| {
        Box::pin(account_v2(stage))
    }),
    Case::reads("C-063", "the account, version 3, adds up", "4.5", |stage| {
        Box::pin(account_v3(stage))
    }),
    Case::reads("C-064", "positionRisk, version 2, lists a flat symbol", "4.5", |stage| {
        Box::pin(positions_v2(stage))
    }),
    Case::reads("C-065", "positionRisk, version 3, is a list", "4.5", |stage| {
        Box::pin(positions_v3(stage))
    }),
    Case::reads("C-066", "the account trades, in one-way mode", "4.5", |stage| {
        Box::pin(account_configuration(stage))
    }),
    Case::reads("C-067", "symbolConfig tells margin type and leverage", "4.5", |stage| {
        Box::pin(symbol_configuration(stage))
    }),
    Case::reads("C-068", "commissionRate tells fractions below one percent", "4.5", |stage| {
        Box::pin(commission(stage))
    }),
    Case::reads("C-069", "leverage brackets rise and begin at nothing", "4.5", |stage| {
        Box::pin(brackets(stage))
    }),
    Case::reads("C-070", "rateLimit/order tells the limits on orders", "4.5", |stage| {
        Box::pin(order_limits(stage))
    }),
    Case::reads("C-071", "income is a list", "4.5", |stage| Box::pin(income(stage))),
    Case::reads("C-072", "userTrades is a list", "4.5", |stage| {
        Box::pin(a_list(stage, "/fapi/v1/userTrades", &["id", "orderId", "price", "commission"]))
    }),
    Case::reads("C-073", "allOrders is a list", "4.2", |stage| {
        Box::pin(a_list(stage, "/fapi/v1/allOrders", &["orderId", "status", "avgPrice", "time"]))
    }),
    Case::reads("C-074", "openOrders is a list", "4.2", |stage| {
        Box::pin(a_list(stage, "/fapi/v1/openOrders", &["orderId", "status"]))
    }),
    Case::reads("C-075", "openAlgoOrders is a list", "4.6", |stage| {
        Box::pin(a_list(stage, "/fapi/v1/openAlgoOrders", &["algoId", "algoStatus"]))
    }),
    Case::reads("C-076", "allAlgoOrders is a list", "4.6", |stage| {
        Box::pin(a_list(stage, "/fapi/v1/allAlgoOrders", &["algoId", "algoStatus"]))
    }),
    Case::reads("C-077", "positionSide/dual tells one-way mode", "4.5", |stage| {
        Box::pin(position_mode(stage))
    }),
    Case::reads("C-078", "whether margin is held in many assets", "4.0", |stage| {
        Box::pin(a_switch(stage, "/fapi/v1/multiAssetsMargin", "multiAssetsMargin"))
    }),
    Case::reads("C-079", "whether fees are paid in BNB", "4.0", |stage| {
        Box::pin(a_switch(stage, "/fapi/v1/feeBurn", "feeBurn"))
    }),
    Case::reads("C-080", "adlQuantile is a list", "4.0", |stage| {
        Box::pin(a_list(stage, "/fapi/v1/adlQuantile", &["symbol", "adlQuantile"]))
    }),
    Case::reads("C-081", "forceOrders is a list", "4.0", |stage| {
        Box::pin(a_list(stage, "/fapi/v1/forceOrders", &["orderId", "status"]))
    }),
    Case::trades("C-082", "leverage set to what it is stays", "4.5", |stage| {
        Box::pin(same_leverage(stage))
    }),
    Case::trades("C-083", "leverage beyond 125 is refused", "7.1", |stage| {
        Box::pin(absurd_leverage(stage))
    }),
    Case::trades(
        "C-084",
        "a margin type that is set already is refused with -4046",
        "4.5",
        |stage| Box::pin(same_margin_type(stage)),
    ),
    Case::trades(
        "C-085",
        "a position mode that is set already is refused with -4059",
        "4.5",
        |stage| Box::pin(same_position_mode(stage)),
    ),
    Case::trades(
        "C-086",
        "a margin mode that is set already is refused with -4171",
        "7.1",
        |stage| Box::pin(same_multi_assets(stage)),
    ),
    Case::trades("C-087", "paying fees in BNB set to what it is stays", "4.0", |stage| {
        Box::pin(same_fee_burn(stage))
    }),
];

async fn a_list(stage: &mut Stage, path: &str, fields: &[&str]) -> Check {
    let asked = stage.symbol_parameter();
    let came = stage.account(path, asked).await?.accepted()?;
    for row in rows(&came)? {
        has(row, fields)?;
    }
    HOLDS
}

async fn a_switch(stage: &mut Stage, path: &str, name: &str) -> Check {
    let is_on = switch(stage, path, name).await?;
    learned(format!("{name} is {is_on}"))
}

async fn switch(stage: &mut Stage, path: &str, name: &str) -> Result<bool, Shortfall> {
    let came = stage.account(path, vec![]).await?.accepted()?;
    let set = came[name].as_bool();
    set.ok_or_else(|| Shortfall(format!("{name} is neither true nor false: {came}")))
}

/// Sets a switch to what it is already.
async fn same_switch(stage: &mut Stage, path: &str, name: &'static str) -> Result<Came, Shortfall> {
    let is_on = switch(stage, path, name).await?;
    stage.post(path, with(vec![], name, is_on)).await
}

async fn same_multi_assets(stage: &mut Stage) -> Check {
    let (path, name) = ("/fapi/v1/multiAssetsMargin", "multiAssetsMargin");
    same_switch(stage, path, name).await?.refused(&[-4171])?;
    HOLDS
}

async fn same_fee_burn(stage: &mut Stage) -> Check {
    let came = same_switch(stage, "/fapi/v1/feeBurn", "feeBurn").await?;
    if came.status == 200 {
        return learned("it is accepted");
    }
    let code = came.refused_somehow()?;
    learned(format!("it is refused with {code}"))
}

fn tether(came: &Value) -> Result<Value, Shortfall> {
    let found = rows(came)?.iter().find(|row| row["asset"] == "USDT").cloned();
    found.ok_or_else(|| Shortfall("there is no row for USDT".to_owned()))
}

async fn balance_v2(stage: &mut Stage) -> Check {
    let came = stage.account("/fapi/v2/balance", vec![]).await?.accepted()?;
    has(&tether(&came)?, &["accountAlias", "balance", "crossWalletBalance", "availableBalance"])?;
    HOLDS
}

async fn balance_v3(stage: &mut Stage) -> Check {
    let came = stage.account("/fapi/v3/balance", vec![]).await?.accepted()?;
    let row = tether(&came)?;
    has(&row, &["crossUnPnl", "maxWithdrawAmount", "marginAvailable", "updateTime"])?;
    decimal::<Amount>(&row, "balance")?;
    HOLDS
}

async fn account_v2(stage: &mut Stage) -> Check {
    let came = stage.account("/fapi/v2/account", vec![]).await?.accepted()?;
    has(&came, &["totalWalletBalance", "availableBalance", "assets"])?;
    let symbol = stage.symbol();
    let listed = rows(&came["positions"])?.iter().any(|row| row["symbol"] == symbol.as_str());
    ensure(listed, || format!("{symbol} is not among the positions"))?;
    HOLDS
}

async fn account_v3(stage: &mut Stage) -> Check {
    let came = stage.account("/fapi/v3/account", vec![]).await?.accepted()?;
    has(&came, &["totalInitialMargin", "totalMaintMargin", "totalCrossUnPnl", "availableBalance"])?;
    let wallet: Amount = decimal(&came, "totalWalletBalance")?;
    let unrealized: Amount = decimal(&came, "totalUnrealizedProfit")?;
    let margin: Amount = decimal(&came, "totalMarginBalance")?;
    let sum = wallet.saturating_add(unrealized);
    let is_near = sum.units().abs_diff(margin.units()) <= 10;
    ensure(is_near, || format!("{wallet} and {unrealized} are not {margin}"))?;
    HOLDS
}

async fn positions_v2(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let came = stage.account("/fapi/v2/positionRisk", asked).await?.accepted()?;
    let fields = ["positionAmt", "entryPrice", "markPrice", "leverage", "marginType", "isolated"];
    has(first(&came)?, &fields)?;
    HOLDS
}

async fn positions_v3(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let came = stage.account("/fapi/v3/positionRisk", asked).await?.accepted()?;
    for row in rows(&came)? {
        let fields = ["positionAmt", "entryPrice", "breakEvenPrice", "markPrice", "notional"];
        has(row, &fields)?;
        has(row, &["unRealizedProfit", "liquidationPrice", "initialMargin", "maintMargin", "adl"])?;
    }
    HOLDS
}

async fn account_configuration(stage: &mut Stage) -> Check {
    let came = stage.account("/fapi/v1/accountConfig", vec![]).await?.accepted()?;
    has(&came, &["feeTier", "multiAssetsMargin"])?;
    ensure(came["canTrade"] == true, || "the account may not trade".to_owned())?;
    ensure(came["dualSidePosition"] == false, || "the account is in hedge mode".to_owned())?;
    HOLDS
}

async fn symbol_configuration(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let came = stage.account("/fapi/v1/symbolConfig", asked).await?.accepted()?;
    let row = first(&came)?;
    has(row, &["marginType", "isAutoAddMargin", "maxNotionalValue"])?;
    let leverage = integer(row, "leverage")?;
    ensure((1..=125).contains(&leverage), || format!("leverage {leverage}"))?;
    HOLDS
}

async fn commission(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let came = stage.account("/fapi/v1/commissionRate", asked).await?.accepted()?;
    for name in ["makerCommissionRate", "takerCommissionRate"] {
        let rate: Rate = decimal(&came, name)?;
        ensure(rate.bps().abs() < 100.0, || format!("{name} is {rate}"))?;
    }
    HOLDS
}

async fn brackets(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let came = stage.account("/fapi/v1/leverageBracket", asked).await?.accepted()?;
    // One symbol's answer is a list or the row itself (exchange-api.md 4.5 shows a list).
    let row = if came.is_array() { first(&came)?.clone() } else { came };
    let brackets = rows(&row["brackets"])?;
    let number = |bracket: &Value, name: &str| bracket[name].as_f64();
    ensure(brackets.first().and_then(|one| number(one, "notionalFloor")) == Some(0.0), || {
        "the first bracket does not begin at nothing".to_owned()
    })?;
    for two in brackets.windows(2) {
        let joins = number(&two[0], "notionalCap") == number(&two[1], "notionalFloor");
        let rises = number(&two[0], "maintMarginRatio") < number(&two[1], "maintMarginRatio");
        ensure(joins && rises, || format!("{} is followed by {}", two[0], two[1]))?;
    }
    HOLDS
}

async fn order_limits(stage: &mut Stage) -> Check {
    let came = stage.account("/fapi/v1/rateLimit/order", vec![]).await?.accepted()?;
    let intervals: Vec<&str> =
        rows(&came)?.iter().filter_map(|row| row["interval"].as_str()).collect();
    let has_both = intervals.contains(&"SECOND") && intervals.contains(&"MINUTE");
    ensure(has_both, || format!("{intervals:?}"))?;
    HOLDS
}

async fn income(stage: &mut Stage) -> Check {
    let came = stage.account("/fapi/v1/income", with(vec![], "limit", 5)).await?.accepted()?;
    for row in rows(&came)? {
        has(row, &["symbol", "incomeType", "income", "asset", "time", "tranId", "tradeId"])?;
    }
    HOLDS
}

async fn position_mode(stage: &mut Stage) -> Check {
    let came = stage.account("/fapi/v1/positionSide/dual", vec![]).await?.accepted()?;
    ensure(came["dualSidePosition"] == false, || format!("{came}"))?;
    HOLDS
}

async fn same_leverage(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let settings = stage.account("/fapi/v1/symbolConfig", asked.clone()).await?.accepted()?;
    let leverage = integer(first(&settings)?, "leverage")?;
    let asked = with(asked, "leverage", leverage);
    let came = stage.post("/fapi/v1/leverage", asked).await?.accepted()?;
    has(&came, &["symbol", "maxNotionalValue"])?;
    ensure(integer(&came, "leverage")? == leverage, || format!("{came}"))?;
    HOLDS
}

async fn absurd_leverage(stage: &mut Stage) -> Check {
    let asked = with(stage.symbol_parameter(), "leverage", 126);
    stage.post("/fapi/v1/leverage", asked).await?.refused(&[-4028, -1130, -1102])?;
    HOLDS
}

async fn same_margin_type(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let settings = stage.account("/fapi/v1/symbolConfig", asked.clone()).await?.accepted()?;
    let kind = super::super::came::text(first(&settings)?, "marginType")?.to_owned();
    let came: Came = stage.post("/fapi/v1/marginType", with(asked, "marginType", kind)).await?;
    came.refused(&[-4046])?;
    HOLDS
}

async fn same_position_mode(stage: &mut Stage) -> Check {
    let asked = with(vec![], "dualSidePosition", "false");
    let came = stage.post("/fapi/v1/positionSide/dual", asked).await?;
    came.refused(&[-4059])?;
    HOLDS
}
