//! The smallest position, opened and closed again.

use serde_json::Value;

use super::super::came::{decimal, has, integer, is, rows};
use super::super::case::{Case, Check, HOLDS, Shortfall, ensure, learned, not_tried};
use super::super::facts::{is_something, with};
use super::super::stage::Stage;
use crate::domain::{Amount, Exposure, Price, Quantity, Side};

const ORDER: &str = "/fapi/v1/order";

pub(super) const CASES: &[Case] = &[
    Case::trades("C-190", "a market order fills, and its result says so", "4.1", |stage| {
        Box::pin(round_trip(stage, filled))
    }),
    Case::trades("C-191", "the position is what was filled, at its price", "4.5", |stage| {
        Box::pin(position_told(stage))
    }),
    Case::trades("C-192", "the trades of an order add up to it", "4.5", |stage| {
        Box::pin(trades_add_up(stage))
    }),
    Case::trades("C-193", "with which sign userTrades tells a commission", "4.5", |stage| {
        Box::pin(commission_sign(stage))
    }),
    Case::trades("C-194", "reduce-only closes, and the flat symbol is left out", "4.5", |stage| {
        Box::pin(closes_flat(stage))
    }),
    Case::trades("C-195", "reduce-only never flips a position", "4.1", |stage| {
        Box::pin(never_flips(stage))
    }),
    Case::trades("C-196", "fees and profit are income", "4.5", |stage| Box::pin(income(stage))),
];

/// Buys the smallest position; the order's answer.
async fn open(stage: &mut Stage) -> Result<(Value, Quantity), Shortfall> {
    let best = stage.best().await?;
    let (quantity, id) = (stage.smallest_quantity(best.ask), stage.new_id());
    let order = stage.market_order(Side::Buy, quantity, &id);
    Ok((stage.post(ORDER, order).await?.accepted()?, quantity))
}

/// Sells what is held; the order's answer, if there was anything to sell.
async fn close(stage: &mut Stage) -> Result<Option<Value>, Shortfall> {
    let Some((side, quantity)) = stage.held().await? else { return Ok(None) };
    let id = stage.new_id();
    let order = with(stage.market_order(side.opposite(), quantity, &id), "reduceOnly", "true");
    stage.post(ORDER, order).await?.accepted().map(Some)
}

/// Opens, looks at the opening order, and closes whatever the look found.
async fn round_trip(stage: &mut Stage, look: fn(&Value, Quantity) -> Check) -> Check {
    let (opened, quantity) = open(stage).await?;
    close(stage).await?;
    look(&opened, quantity)
}

fn filled(order: &Value, quantity: Quantity) -> Check {
    is(order, "status", "FILLED")?;
    let executed: Quantity = decimal(order, "executedQty")?;
    ensure(executed == quantity, || format!("{executed} of {quantity} is filled"))?;
    HOLDS
}

async fn position_told(stage: &mut Stage) -> Check {
    let (_, quantity) = open(stage).await?;
    let symbol = stage.symbol_parameter();
    let told = stage.account("/fapi/v3/positionRisk", symbol).await;
    close(stage).await?;
    let told = told?.accepted()?;
    let row = super::super::came::first(&told)?;
    let held: Exposure = decimal(row, "positionAmt")?;
    ensure(held == quantity.on(Side::Buy), || format!("{held} is held, {quantity} was bought"))?;
    let (entry, mark): (Price, Price) = (decimal(row, "entryPrice")?, decimal(row, "markPrice")?);
    ensure(entry.relative_to(mark).bps().abs() < 500.0, || format!("{entry} beside {mark}"))?;
    is(row, "positionSide", "BOTH")?;
    HOLDS
}

/// The trades of an order.
async fn trades_of(stage: &mut Stage, order: &Value) -> Result<Vec<Value>, Shortfall> {
    let id = integer(order, "orderId")?;
    let asked = with(stage.symbol_parameter(), "orderId", id);
    let came = stage.account("/fapi/v1/userTrades", asked).await?.accepted()?;
    Ok(rows(&came)?.to_vec())
}

async fn trades_add_up(stage: &mut Stage) -> Check {
    let (order, quantity) = open(stage).await?;
    close(stage).await?;
    let mut sum = Quantity::ZERO;
    for trade in trades_of(stage, &order).await? {
        has(&trade, &["id", "price", "commission", "commissionAsset", "realizedPnl", "maker"])?;
        ensure(trade["buyer"] == true, || "a sale among the buys".to_owned())?;
        let traded: Quantity = decimal(&trade, "qty")?;
        sum = sum.checked_add(traded).map_err(|error| Shortfall(error.to_string()))?;
    }
    ensure(sum == quantity, || format!("the trades add up to {sum}, not {quantity}"))?;
    HOLDS
}

async fn commission_sign(stage: &mut Stage) -> Check {
    let (order, _) = open(stage).await?;
    close(stage).await?;
    let trades = trades_of(stage, &order).await?;
    let paid = trades.iter().map(|trade| decimal::<Amount>(trade, "commission"));
    let paid = paid.collect::<Result<Vec<_>, _>>()?;
    let Some(first) = paid.iter().find(|amount| is_something(**amount)) else {
        return not_tried("this account pays nothing");
    };
    let sign = if first.units() > 0 { "positive" } else { "negative" };
    learned(format!("a cost is told as a {sign} commission"))
}

async fn closes_flat(stage: &mut Stage) -> Check {
    open(stage).await?;
    let closed = close(stage).await?;
    let closed = closed.ok_or_else(|| Shortfall("there was nothing to close".to_owned()))?;
    is(&closed, "status", "FILLED")?;
    let left = stage.held().await?;
    ensure(left.is_none(), || format!("{left:?} is left"))?;
    HOLDS
}

async fn never_flips(stage: &mut Stage) -> Check {
    let (_, quantity) = open(stage).await?;
    let twice = quantity.checked_add(quantity).map_err(|error| Shortfall(error.to_string()))?;
    let id = stage.new_id();
    let order = with(stage.market_order(Side::Sell, twice, &id), "reduceOnly", "true");
    let came = stage.post(ORDER, order).await?;
    let held = stage.held().await?;
    close(stage).await?;
    let flipped = held.is_some_and(|(side, _)| side == Side::Sell);
    ensure(!flipped, || format!("it flipped to {held:?}"))?;
    if came.status == 200 {
        return learned("twice the position, reduce-only, is taken and closes it");
    }
    let code = came.refused(&[-2022])?;
    learned(format!("twice the position, reduce-only, is refused with {code}"))
}

async fn income(stage: &mut Stage) -> Check {
    let since = stage.rest().now().millis() - 1_000;
    open(stage).await?;
    close(stage).await?;
    let asked = with(with(stage.symbol_parameter(), "startTime", since), "limit", 100);
    let came = stage.account("/fapi/v1/income", asked).await?.accepted()?;
    let kinds: Vec<&str> =
        rows(&came)?.iter().filter_map(|row| row["incomeType"].as_str()).collect();
    if kinds.is_empty() {
        return not_tried("no income is told yet: it may lag");
    }
    let is_known = kinds.iter().any(|kind| ["COMMISSION", "REALIZED_PNL"].contains(kind));
    ensure(is_known, || format!("{kinds:?}"))?;
    HOLDS
}
