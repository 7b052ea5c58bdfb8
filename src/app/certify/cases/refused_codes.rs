//! Codes of the error table that a client can provoke without harm, and nothing else provokes.

use super::super::came::{first, text};
use super::super::case::{Case, Check, HOLDS, learned, not_tried};
use super::super::facts::with;
use super::super::stage::Stage;
use crate::binance::{Access, Method};
use crate::domain::Side;

const ORDER: &str = "/fapi/v1/order";
const LISTEN_KEY: &str = "/fapi/v1/listenKey";
const DAY_MS: i64 = 24 * 3_600_000;

pub(super) const CASES: &[Case] = &[
    Case::reads("C-300", "orders of more than a week are refused with -1127", "7.1", |stage| {
        Box::pin(too_long(stage))
    }),
    Case::reads("C-301", "trades from an id and a time are refused with -1128", "7.1", |stage| {
        Box::pin(bad_combination(stage))
    }),
    Case::trades("C-302", "another margin type over an order is refused: -4047", "7.1", |stage| {
        Box::pin(margin_type_over_order(stage))
    }),
    Case::trades("C-303", "an amendment below the smallest notional: -5029", "7.1", |stage| {
        Box::pin(amended_too_small(stage))
    }),
    Case::trades("C-304", "with which code a market order is not amended", "7.1", |stage| {
        Box::pin(market_order_amended(stage))
    }),
    Case::trades(
        "C-305",
        "a listen key taken away is told, and no longer extended",
        "4.7",
        |stage| Box::pin(key_taken_away(stage)),
    ),
];

async fn too_long(stage: &mut Stage) -> Check {
    let now = stage.rest().now().millis();
    let asked = with(stage.symbol_parameter(), "startTime", now - 8 * DAY_MS);
    let came = stage.account("/fapi/v1/allOrders", with(asked, "endTime", now)).await?;
    came.refused(&[-1127])?;
    HOLDS
}

async fn bad_combination(stage: &mut Stage) -> Check {
    let now = stage.rest().now().millis();
    let asked = with(with(stage.symbol_parameter(), "fromId", 1), "startTime", now - DAY_MS);
    stage.account("/fapi/v1/userTrades", asked).await?.refused(&[-1128])?;
    HOLDS
}

async fn margin_type_over_order(stage: &mut Stage) -> Check {
    let symbol = stage.symbol_parameter();
    let settings = stage.account("/fapi/v1/symbolConfig", symbol.clone()).await?.accepted()?;
    let kind = text(first(&settings)?, "marginType")?.to_owned();
    let other = if kind == "ISOLATED" { "CROSSED" } else { "ISOLATED" };
    let id = stage.resting_buy().await?;
    let came = stage.post("/fapi/v1/marginType", with(symbol.clone(), "marginType", other)).await?;
    stage.cancel(&id).await?;
    if came.status == 200 {
        stage.post("/fapi/v1/marginType", with(symbol, "marginType", kind)).await?.accepted()?;
    }
    came.refused(&[-4047])?;
    HOLDS
}

/// To the smallest quantity, at a price at which that is worth too little.
async fn amended_too_small(stage: &mut Stage) -> Check {
    let Some((quantity, price)) = stage.too_little().await? else {
        return not_tried("the smallest quantity is worth enough at every price");
    };
    let id = stage.resting_buy().await?;
    let amended = with(with(stage.named_order(&id), "side", Side::Buy), "quantity", quantity);
    let came = stage.put(ORDER, with(amended, "price", price)).await?;
    stage.cancel(&id).await?;
    came.refused(&[-5029, -4164])?;
    HOLDS
}

/// A market order is over at once, so it may be told as gone instead.
async fn market_order_amended(stage: &mut Stage) -> Check {
    let best = stage.best().await?;
    let (quantity, id) = (stage.smallest_quantity(best.ask), stage.new_id());
    let order = stage.market_order(Side::Buy, quantity, &id);
    stage.post(ORDER, order).await?.accepted()?;
    let amended = with(with(stage.named_order(&id), "side", Side::Buy), "quantity", quantity);
    let price = stage.resting_price(Side::Buy, best);
    let came = stage.put(ORDER, with(amended, "price", price)).await?;
    let exit = stage.new_id();
    let order = with(stage.market_order(Side::Sell, quantity, &exit), "reduceOnly", "true");
    stage.post(ORDER, order).await?.accepted()?;
    let code = came.refused(&[-5025, -2013])?;
    learned(format!("it is refused with {code}"))
}

async fn key_taken_away(stage: &mut Stage) -> Check {
    stage.listen().await?;
    let extended = stage.send(Method::PUT, LISTEN_KEY, vec![], Access::Key).await?;
    extended.accepted()?;
    stage.send(Method::DELETE, LISTEN_KEY, vec![], Access::Key).await?.accepted()?;
    let told = stage.event("listenKeyExpired", |event| event["e"] == "listenKeyExpired").await;
    let gone = stage.send(Method::PUT, LISTEN_KEY, vec![], Access::Key).await?;
    stage.hang_up();
    gone.refused(&[-1125])?;
    told?;
    HOLDS
}
