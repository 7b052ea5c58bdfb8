//! The venue's time, its listings, its limits, and how it refuses what it does not understand.

use std::time::Duration;

use serde_json::Value;

use super::super::came::{first, has, integer, is, rows};
use super::super::case::{Case, Check, HOLDS, Shortfall, ensure};
use super::super::stage::Stage;
use crate::binance::{Access, Method};
use crate::domain::Timestamp;

pub(super) const CASES: &[Case] = &[
    Case::reads("C-001", "the venue answers a ping", "2.1", |stage| Box::pin(ping(stage))),
    Case::reads("C-002", "its clock is within a second of ours", "3.1", |stage| {
        Box::pin(clock(stage))
    }),
    Case::reads(
        "C-003",
        "exchangeInfo lists the symbol as trading, with every filter",
        "2.3",
        |stage| Box::pin(listing(stage)),
    ),
    Case::reads("C-004", "exchangeInfo names the limits on weight and orders", "6", |stage| {
        Box::pin(limits(stage))
    }),
    Case::reads("C-005", "every answer counts the weight used, and it grows", "6", |stage| {
        Box::pin(used_weight(stage))
    }),
    Case::reads("C-006", "an unknown symbol is refused with -1121", "7.1", |stage| {
        Box::pin(unknown_symbol(stage))
    }),
    Case::reads("C-007", "a missing mandatory parameter is refused with -1102", "7.1", |stage| {
        Box::pin(missing_parameter(stage))
    }),
    Case::reads("C-008", "a depth limit that is none of the seven is refused", "2.1", |stage| {
        Box::pin(odd_depth_limit(stage))
    }),
    Case::reads("C-009", "an unknown path is refused and no order is hidden in it", "7", |stage| {
        Box::pin(unknown_path(stage))
    }),
];

async fn ping(stage: &mut Stage) -> Check {
    let came = stage.public("/fapi/v1/ping", vec![]).await?.accepted()?;
    ensure(came.is_object(), || format!("wanted an empty object, came {came}"))?;
    HOLDS
}

async fn clock(stage: &mut Stage) -> Check {
    let sent = stage.rest().now();
    let came = stage.public("/fapi/v1/time", vec![]).await?.accepted()?;
    let received = stage.rest().now();
    let server = Timestamp::from_millis(integer(&came, "serverTime")?);
    let allowed = Duration::from_secs(1);
    let is_near = server + allowed >= sent && received + allowed >= server;
    ensure(is_near, || format!("it says {server} between our {sent} and {received}"))?;
    HOLDS
}

async fn exchange_info(stage: &mut Stage) -> Result<Value, Shortfall> {
    stage.public("/fapi/v1/exchangeInfo", vec![]).await?.accepted()
}

async fn listing(stage: &mut Stage) -> Check {
    let info = exchange_info(stage).await?;
    let symbol = stage.symbol();
    let listed = rows(&info["symbols"])?.iter().find(|row| row["symbol"] == symbol.as_str());
    let listed = listed.ok_or_else(|| Shortfall(format!("{symbol} is not listed")))?;
    is(listed, "status", "TRADING")?;
    is(listed, "contractType", "PERPETUAL")?;
    is(listed, "marginAsset", "USDT")?;
    let wanted: [(&str, &[&str]); 6] = [
        ("PRICE_FILTER", &["minPrice", "maxPrice", "tickSize"]),
        ("LOT_SIZE", &["minQty", "maxQty", "stepSize"]),
        ("MARKET_LOT_SIZE", &["minQty", "maxQty", "stepSize"]),
        ("MIN_NOTIONAL", &["notional"]),
        ("PERCENT_PRICE", &["multiplierUp", "multiplierDown"]),
        ("MAX_NUM_ORDERS", &["limit"]),
    ];
    for (kind, fields) in wanted {
        let found = rows(&listed["filters"])?.iter().find(|row| row["filterType"] == kind);
        has(found.ok_or_else(|| Shortfall(format!("there is no {kind}")))?, fields)?;
    }
    HOLDS
}

async fn limits(stage: &mut Stage) -> Check {
    let info = exchange_info(stage).await?;
    let limits = rows(&info["rateLimits"])?;
    for (kind, interval, count) in
        [("REQUEST_WEIGHT", "MINUTE", 1), ("ORDERS", "MINUTE", 1), ("ORDERS", "SECOND", 10)]
    {
        let is_it = |row: &&Value| {
            row["rateLimitType"] == kind
                && row["interval"] == interval
                && row["intervalNum"] == count
        };
        let found = limits.iter().find(is_it);
        let found = found.ok_or_else(|| Shortfall(format!("no {kind} per {count} {interval}")))?;
        ensure(integer(found, "limit")? > 0, || format!("{kind} is limited to nothing"))?;
    }
    HOLDS
}

async fn used_weight(stage: &mut Stage) -> Check {
    // A minute may end between two questions, not between three.
    let mut used = Vec::new();
    for _ in 0..3 {
        let came = stage.public("/fapi/v1/time", vec![]).await?;
        used.push(came.counter("x-mbx-used-weight-1m")?);
    }
    ensure(used.windows(2).any(|two| two[1] > two[0]), || format!("it stays at {used:?}"))?;
    HOLDS
}

async fn unknown_symbol(stage: &mut Stage) -> Check {
    let nobody = vec![("symbol", "NOSUCHUSDT".to_owned())];
    stage.public("/fapi/v1/depth", nobody).await?.refused(&[-1121])?;
    HOLDS
}

async fn missing_parameter(stage: &mut Stage) -> Check {
    stage.public("/fapi/v1/depth", vec![]).await?.refused(&[-1102])?;
    HOLDS
}

async fn odd_depth_limit(stage: &mut Stage) -> Check {
    let mut odd = stage.symbol_parameter();
    odd.push(("limit", "7".to_owned()));
    // The older code is still seen.
    stage.public("/fapi/v1/depth", odd).await?.refused(&[-1130, -4021])?;
    HOLDS
}

async fn unknown_path(stage: &mut Stage) -> Check {
    let came = stage.send(Method::GET, "/fapi/v1/nothing", vec![], Access::Public).await?;
    ensure(came.status >= 400, || format!("status {}", came.status))?;
    ensure(first(&came.body).is_err() && came.body.get("orderId").is_none(), || {
        "an unknown path has an answer".to_owned()
    })?;
    HOLDS
}
