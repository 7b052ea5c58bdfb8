//! Several orders in one request.

use serde_json::{Value, json};

use super::super::came::{is, rows};
use super::super::case::{Case, Check, HOLDS, Shortfall, ensure};
use super::super::facts::with;
use super::super::stage::{Parameters, Stage};
use crate::domain::Side;

const BATCH: &str = "/fapi/v1/batchOrders";

pub(super) const CASES: &[Case] = &[
    Case::trades("C-150", "two orders in one request are placed in their order", "4.2", |stage| {
        Box::pin(two_placed(stage))
    }),
    Case::trades("C-151", "one refused order of a batch does not stop the other", "4.2", |stage| {
        Box::pin(one_refused(stage))
    }),
    Case::trades("C-152", "more than five are refused with -4082", "7.1", |stage| {
        Box::pin(too_many(stage))
    }),
    Case::trades("C-153", "several are cancelled by their ids", "4.0", |stage| {
        Box::pin(cancelled_together(stage))
    }),
    Case::trades("C-154", "several are amended in one request", "4.0", |stage| {
        Box::pin(amended_together(stage))
    }),
];

/// Resting buys as a batch wants them, and their ids.
async fn buys(stage: &mut Stage, count: usize) -> Result<(Vec<Value>, Vec<String>), Shortfall> {
    let best = stage.best().await?;
    let price = stage.resting_price(Side::Buy, best);
    let quantity = stage.smallest_quantity(price);
    let ids: Vec<String> = (0..count).map(|_| stage.new_id()).collect();
    let order = |id: &String| object(stage.limit_order(Side::Buy, (quantity, price), id));
    let orders = ids.iter().map(order).collect();
    Ok((orders, ids))
}

fn object(parameters: Parameters) -> Value {
    parameters.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

fn batch(orders: &[Value]) -> Parameters {
    vec![("batchOrders", json!(orders).to_string())]
}

async fn cancel_each(stage: &mut Stage, ids: &[String]) -> Result<Value, Shortfall> {
    let list = json!(ids).to_string();
    let named = with(stage.symbol_parameter(), "origClientOrderIdList", list);
    stage.delete(BATCH, named).await?.accepted()
}

async fn two_placed(stage: &mut Stage) -> Check {
    let (orders, ids) = buys(stage, 2).await?;
    let came = stage.post(BATCH, batch(&orders)).await?.accepted()?;
    cancel_each(stage, &ids).await?;
    let placed = rows(&came)?;
    ensure(placed.len() == 2, || format!("{} answers", placed.len()))?;
    for (row, id) in placed.iter().zip(&ids) {
        is(row, "clientOrderId", id)?;
        is(row, "status", "NEW")?;
    }
    HOLDS
}

async fn one_refused(stage: &mut Stage) -> Check {
    let (mut orders, ids) = buys(stage, 2).await?;
    orders[0]["reduceOnly"] = json!("true");
    let came = stage.post(BATCH, batch(&orders)).await?.accepted()?;
    cancel_each(stage, &ids[1..]).await?;
    let placed = rows(&came)?;
    ensure(placed.len() == 2, || format!("{} answers", placed.len()))?;
    ensure(placed[0]["code"] == -2022, || format!("the first is {}", placed[0]))?;
    is(&placed[1], "status", "NEW")?;
    HOLDS
}

async fn too_many(stage: &mut Stage) -> Check {
    let (orders, ids) = buys(stage, 6).await?;
    let came = stage.post(BATCH, batch(&orders)).await?;
    if came.status == 200 {
        cancel_each(stage, &ids).await?;
    }
    came.refused(&[-4082, -1130])?;
    HOLDS
}

async fn cancelled_together(stage: &mut Stage) -> Check {
    let (orders, mut ids) = buys(stage, 2).await?;
    stage.post(BATCH, batch(&orders)).await?.accepted()?;
    let stranger = stage.new_id();
    ids.push(stranger);
    let came = cancel_each(stage, &ids).await?;
    let ended = rows(&came)?;
    ensure(ended.len() == 3, || format!("{} answers", ended.len()))?;
    is(&ended[0], "status", "CANCELED")?;
    is(&ended[1], "status", "CANCELED")?;
    ensure(ended[2]["code"] == -2011, || format!("the unknown one is {}", ended[2]))?;
    HOLDS
}

async fn amended_together(stage: &mut Stage) -> Check {
    let (orders, ids) = buys(stage, 2).await?;
    stage.post(BATCH, batch(&orders)).await?.accepted()?;
    let tick_size = stage.instrument().filters.tick_size;
    let best = stage.best().await?;
    let lower = stage.resting_price(Side::Buy, best).checked_offset(-2 * tick_size.units());
    let lower = lower.map_err(|error| Shortfall(error.to_string()))?;
    let amended: Vec<Value> = ids
        .iter()
        .zip(&orders)
        .map(|(id, order)| {
            json!({
                "symbol": order["symbol"], "side": "BUY", "origClientOrderId": id,
                "quantity": order["quantity"], "price": lower.to_string(),
            })
        })
        .collect();
    let came = stage.put(BATCH, batch(&amended)).await?;
    cancel_each(stage, &ids).await?;
    let came = came.accepted()?;
    for (row, id) in rows(&came)?.iter().zip(&ids) {
        is(row, "clientOrderId", id)?;
    }
    HOLDS
}
