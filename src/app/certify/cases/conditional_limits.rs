//! How many conditional orders there may be, and what one that closes the position does.

use serde_json::Value;

use super::super::came::rows;
use super::super::case::{Case, Check, Finding, HOLDS, Shortfall, ensure, learned, not_tried};
use super::super::facts::{with, without};
use super::super::stage::Stage;
use super::conditional::{ALGO, close, stop, touched, trade};
use crate::domain::{Quantity, Side};

/// More than a third party says that one symbol takes (exchange-api.md 12.19).
const MANY: usize = 11;

pub(super) const CASES: &[Case] = &[
    Case::trades(
        "C-185",
        "a stop that closes the position triggers and closes it",
        "12.19",
        |stage| Box::pin(closes_position(stage)),
    ),
    Case::trades("C-186", "whether one symbol takes more than ten stops", "12.19", |stage| {
        Box::pin(many_stops(stage))
    }),
];

async fn many_stops(stage: &mut Stage) -> Check {
    let mut taken = 0;
    let mut refusal = None;
    for _ in 0..MANY {
        let (order, _) = stop(stage, -3.0).await?;
        let came = stage.post(ALGO, order).await?;
        if came.status != 200 {
            refusal = Some(came);
            break;
        }
        taken += 1;
    }
    let symbol = stage.symbol_parameter();
    let open = stage.account("/fapi/v1/openAlgoOrders", symbol.clone()).await?.accepted()?;
    stage.delete("/fapi/v1/algoOpenOrders", symbol).await?.accepted()?;
    let listed = rows(&open)?.len();
    ensure(taken > 0 && listed == taken, || format!("{taken} were taken, {listed} are open"))?;
    match refusal {
        None => learned(format!("{taken} stops in one symbol are taken")),
        Some(came) => {
            let code = came.refused(&[-4045])?;
            learned(format!("one symbol takes {taken} stops; the next is refused with {code}"))
        }
    }
}

async fn closes_position(stage: &mut Stage) -> Check {
    stage.listen().await?;
    let best = stage.best().await?;
    let quantity = stage.smallest_quantity(best.ask);
    let mut outcome = not_tried("no trade touched the trigger");
    for _ in 0..3 {
        outcome = try_to_close(stage, quantity).await;
        close(stage).await?;
        if !matches!(outcome, Ok(Finding::NotTried(_))) {
            break;
        }
    }
    outcome
}

async fn try_to_close(stage: &mut Stage, quantity: Quantity) -> Check {
    trade(stage, Side::Buy, quantity).await?;
    trade(stage, Side::Buy, quantity).await?;
    let told = touched(stage, quantity, |order| {
        with(without(without(order, "quantity"), "reduceOnly"), "closePosition", "true")
    });
    let Some(finished) = told.await? else {
        return not_tried("no trade touched the trigger");
    };
    has_closed(stage, &finished).await?;
    HOLDS
}

async fn has_closed(stage: &mut Stage, finished: &Value) -> Result<(), Shortfall> {
    ensure(finished["o"]["cp"] == true, || format!("it is told as {}", finished["o"]))?;
    let held = stage.held().await?;
    ensure(held.is_none(), || format!("{held:?} is left"))
}
