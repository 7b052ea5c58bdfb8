//! Conditional orders: the algo service.

use std::time::Duration;

use serde_json::Value;

use super::super::came::{has, integer, is, rows, text};
use super::super::case::{Case, Check, Finding, HOLDS, Shortfall, ensure, learned, not_tried};
use super::super::facts::{with, without};
use super::super::stage::{Parameters, Stage};
use crate::domain::{Price, Quantity, Rate, Rounding, Side};

pub(super) const ALGO: &str = "/fapi/v1/algoOrder";

/// The case that tells whether the countdown may guard entries, and what it then says.
pub(in crate::app::certify) const COUNTDOWN_CASE: &str = "C-181";
pub(in crate::app::certify) const STOPS_SURVIVE_COUNTDOWN: &str =
    "conditional orders survive the countdown";

/// A conditional order that survives is looked for so often, so long apart.
const COUNTDOWN_LOOKS: u32 = 3;
const COUNTDOWN_PAUSE: Duration = Duration::from_secs(1);

pub(super) const CASES: &[Case] = &[
    Case::trades("C-170", "a stop is placed, found, listed and cancelled", "4.6", |stage| {
        Box::pin(stop_life(stage))
    }),
    Case::trades("C-171", "one that would trigger at once is refused with -2021", "4.6", |stage| {
        Box::pin(triggers_at_once(stage))
    }),
    Case::trades("C-172", "closePosition with a quantity is refused with -4137", "4.6", |stage| {
        Box::pin(close_with_quantity(stage))
    }),
    Case::trades("C-173", "closePosition with reduceOnly is refused with -4138", "4.6", |stage| {
        Box::pin(close_and_reduce(stage))
    }),
    Case::trades("C-174", "an id in use is refused with -4116", "4.6", |stage| {
        Box::pin(duplicate(stage))
    }),
    Case::trades("C-175", "an algo order that never was is unknown", "4.6", |stage| {
        Box::pin(never_placed(stage))
    }),
    Case::trades("C-176", "cancel-all leaves none", "4.6", |stage| Box::pin(cancel_all(stage))),
    Case::trades("C-177", "ordinary and conditional orders are listed apart", "4.2", |stage| {
        Box::pin(listed_apart(stage))
    }),
    Case::trades("C-178", "a take-profit is placed and cancelled", "4.6", |stage| {
        Box::pin(take_profit(stage))
    }),
    Case::trades("C-179", "a trailing stop is placed and cancelled", "4.6", |stage| {
        Box::pin(trailing(stage))
    }),
    Case::trades("C-180", "a callback rate below 0.1 is refused", "4.6", |stage| {
        Box::pin(odd_callback(stage))
    }),
    Case::trades(
        COUNTDOWN_CASE,
        "whether the countdown cancels conditional orders",
        "12.7",
        |stage| Box::pin(countdown(stage)),
    ),
    Case::trades(
        "C-182",
        "how a closePosition stop is taken without a position",
        "12.19",
        |stage| Box::pin(close_position(stage)),
    ),
    Case::trades("C-183", "a stop on a held position triggers and closes it", "5.5", |stage| {
        Box::pin(triggered(stage))
    }),
    Case::trades("C-184", "what becomes of GTE_GTC once the position is closed", "4.6", |stage| {
        Box::pin(position_closed(stage))
    }),
];

/// A trigger price away from the mark price, in percent; below it if negative.
async fn trigger(stage: &mut Stage, percent: f64) -> Result<Price, Shortfall> {
    let mark = stage.mark().await?;
    let tick_size = stage.instrument().filters.tick_size;
    mark.moved_by(Rate::from_bps(percent * 100.0))
        .and_then(|price| price.round_to_tick(tick_size, Rounding::Down))
        .map_err(|error| Shortfall(error.to_string()))
}

/// A sell-stop on mark price for the smallest quantity: its parameters and its id.
pub(super) async fn stop(
    stage: &mut Stage,
    percent: f64,
) -> Result<(Parameters, String), Shortfall> {
    let price = trigger(stage, percent).await?;
    let (quantity, id) = (stage.smallest_quantity(price), stage.new_id());
    Ok((stage.sell_stop((quantity, price), &id), id))
}

fn named(id: &str) -> Parameters {
    vec![("clientAlgoId", id.to_owned())]
}

/// Cancels one of ours if it is there: what was refused is not.
async fn discard(stage: &mut Stage, id: &str) -> Result<(), Shortfall> {
    stage.delete(ALGO, named(id)).await.map(|_| ())
}

async fn stop_life(stage: &mut Stage) -> Check {
    let (order, id) = stop(stage, -3.0).await?;
    let placed = stage.post(ALGO, order).await?.accepted()?;
    let fields = ["algoId", "algoType", "orderType", "triggerPrice", "workingType", "createTime"];
    has(&placed, &fields)?;
    is(&placed, "algoStatus", "NEW")?;
    is(&placed, "clientAlgoId", &id)?;
    let symbol = stage.symbol_parameter();
    let open = stage.account("/fapi/v1/openAlgoOrders", symbol).await?.accepted()?;
    let is_listed = rows(&open)?.iter().any(|row| row["clientAlgoId"] == id.as_str());
    let found = stage.account(ALGO, named(&id)).await?.accepted()?;
    let ended = stage.delete(ALGO, named(&id)).await?.accepted()?;
    ensure(is_listed, || "it is not among the open ones".to_owned())?;
    is(&found, "clientAlgoId", &id)?;
    has(&found, &["actualOrderId", "actualPrice"])?;
    integer(&ended, "algoId")?;
    HOLDS
}

async fn triggers_at_once(stage: &mut Stage) -> Check {
    let (order, id) = stop(stage, 2.0).await?;
    let came = stage.post(ALGO, order).await?;
    if came.status == 200 {
        discard(stage, &id).await?;
    }
    came.refused(&[-2021, -4142])?;
    HOLDS
}

/// Places a spoilt stop that must be refused.
async fn refused(stage: &mut Stage, order: Parameters, id: &str, codes: &[i64]) -> Check {
    let came = stage.post(ALGO, order).await?;
    if came.status == 200 {
        discard(stage, id).await?;
    }
    came.refused(codes)?;
    HOLDS
}

async fn close_with_quantity(stage: &mut Stage) -> Check {
    let (order, id) = stop(stage, -3.0).await?;
    refused(stage, with(order, "closePosition", "true"), &id, &[-4137, -1106]).await
}

async fn close_and_reduce(stage: &mut Stage) -> Check {
    let (order, id) = stop(stage, -3.0).await?;
    let order = with(without(order, "quantity"), "closePosition", "true");
    refused(stage, with(order, "reduceOnly", "true"), &id, &[-4138, -1106]).await
}

async fn duplicate(stage: &mut Stage) -> Check {
    let (order, id) = stop(stage, -3.0).await?;
    stage.post(ALGO, order.clone()).await?.accepted()?;
    let again = stage.post(ALGO, order).await?;
    discard(stage, &id).await?;
    again.refused(&[-4116, -4115])?;
    HOLDS
}

async fn never_placed(stage: &mut Stage) -> Check {
    let id = stage.new_id();
    let found = stage.account(ALGO, named(&id)).await?.refused(&[-2013, -2011])?;
    let ended = stage.delete(ALGO, named(&id)).await?.refused(&[-2011, -2013])?;
    learned(format!("a query is refused with {found}, a cancel with {ended}"))
}

async fn open(stage: &mut Stage) -> Result<Vec<Value>, Shortfall> {
    let symbol = stage.symbol_parameter();
    let open = stage.account("/fapi/v1/openAlgoOrders", symbol).await?.accepted()?;
    Ok(rows(&open)?.to_vec())
}

async fn cancel_all(stage: &mut Stage) -> Check {
    for percent in [-3.0, -2.0] {
        let (order, _) = stop(stage, percent).await?;
        stage.post(ALGO, order).await?.accepted()?;
    }
    let symbol = stage.symbol_parameter();
    stage.delete("/fapi/v1/algoOpenOrders", symbol).await?.accepted()?;
    let left = open(stage).await?;
    ensure(left.is_empty(), || format!("{} are left", left.len()))?;
    HOLDS
}

async fn listed_apart(stage: &mut Stage) -> Check {
    let (order, id) = stop(stage, -3.0).await?;
    stage.post(ALGO, order).await?.accepted()?;
    let symbol = stage.symbol_parameter();
    let ordinary = stage.account("/fapi/v1/openOrders", symbol.clone()).await?.accepted()?;
    stage.delete("/fapi/v1/allOpenOrders", symbol).await?.accepted()?;
    let still = open(stage).await?;
    discard(stage, &id).await?;
    ensure(rows(&ordinary)?.is_empty(), || "it is among the ordinary orders".to_owned())?;
    ensure(still.len() == 1, || "cancelling ordinary orders took it away".to_owned())?;
    HOLDS
}

async fn take_profit(stage: &mut Stage) -> Check {
    let (order, id) = stop(stage, 3.0).await?;
    let order = with(order, "type", "TAKE_PROFIT_MARKET");
    let placed = stage.post(ALGO, order).await?.accepted()?;
    discard(stage, &id).await?;
    is(&placed, "orderType", "TAKE_PROFIT_MARKET")?;
    HOLDS
}

async fn trailing(stage: &mut Stage) -> Check {
    let (order, id) = stop(stage, -3.0).await?;
    let order = with(without(order, "triggerPrice"), "type", "TRAILING_STOP_MARKET");
    let placed = stage.post(ALGO, with(order, "callbackRate", "1")).await?.accepted()?;
    discard(stage, &id).await?;
    is(&placed, "orderType", "TRAILING_STOP_MARKET")?;
    HOLDS
}

async fn odd_callback(stage: &mut Stage) -> Check {
    let (order, id) = stop(stage, -3.0).await?;
    let order = with(without(order, "triggerPrice"), "type", "TRAILING_STOP_MARKET");
    let order = with(order, "callbackRate", "0.01");
    let came = stage.post(ALGO, order).await?;
    if came.status == 200 {
        discard(stage, &id).await?;
    }
    let code = came.refused_somehow()?;
    learned(format!("it is refused with {code}"))
}

async fn countdown(stage: &mut Stage) -> Check {
    let (order, id) = stop(stage, -3.0).await?;
    let entry = stage.resting_buy().await?;
    stage.post(ALGO, order).await?.accepted()?;
    let is_ours = |row: &Value| row["clientAlgoId"] == id.as_str();
    let waits = open(stage).await?.iter().any(is_ours);
    ensure(waits, || "the conditional order is not open before the countdown".to_owned())?;
    let set = with(stage.symbol_parameter(), "countdownTime", 1_000);
    stage.post("/fapi/v1/countdownCancelAll", set).await?.accepted()?;
    let fired = stage
        .event("the countdown cancels the ordinary order", |event| {
            event["o"]["c"] == entry.as_str() && event["o"]["X"] == "CANCELED"
        })
        .await;
    let survived = stays_open(stage, is_ours).await?;
    let off = with(stage.symbol_parameter(), "countdownTime", 0);
    stage.post("/fapi/v1/countdownCancelAll", off).await?.accepted()?;
    discard(stage, &id).await?;
    fired?;
    learned(if survived {
        STOPS_SURVIVE_COUNTDOWN
    } else {
        "the countdown cancels conditional orders too: it must not be armed over a stop"
    })
}

/// Whether a conditional order is still open after a while: the service that keeps them may hear of
/// the countdown later than the one that keeps ordinary orders.
async fn stays_open(
    stage: &mut Stage,
    is_ours: impl Fn(&Value) -> bool,
) -> Result<bool, Shortfall> {
    for _ in 0..COUNTDOWN_LOOKS {
        if !open(stage).await?.iter().any(&is_ours) {
            return Ok(false);
        }
        tokio::time::sleep(COUNTDOWN_PAUSE).await;
    }
    Ok(open(stage).await?.iter().any(is_ours))
}

/// One with a quantity must be taken first: a service that takes none teaches nothing.
async fn close_position(stage: &mut Stage) -> Check {
    let (order, id) = stop(stage, -3.0).await?;
    stage.post(ALGO, order).await?.accepted()?;
    discard(stage, &id).await?;
    let (order, id) = stop(stage, -3.0).await?;
    let order = with(without(order, "quantity"), "closePosition", "true");
    let came = stage.post(ALGO, order).await?;
    if came.status == 200 {
        discard(stage, &id).await?;
        return learned("it is accepted, and waits for a position");
    }
    let code = came.refused_somehow()?;
    learned(format!("it is refused with {code}"))
}

/// Holds the smallest position under a stop that lives while it does, and closes it.
async fn position_closed(stage: &mut Stage) -> Check {
    let best = stage.best().await?;
    let (quantity, entry) = (stage.smallest_quantity(best.ask), stage.new_id());
    let (order, id) = stop(stage, -3.0).await?;
    let order = with(without(order, "quantity"), "closePosition", "true");
    let order = with(order, "timeInForce", "GTE_GTC");
    let buy = stage.market_order(Side::Buy, quantity, &entry);
    stage.post("/fapi/v1/order", buy).await?.accepted()?;
    let placed = stage.post(ALGO, order).await;
    close(stage).await?;
    let placed = placed?;
    if placed.status != 200 {
        let code = placed.refused_somehow()?;
        return learned(format!("it is refused with {code}"));
    }
    let found = stage.account(ALGO, named(&id)).await;
    discard(stage, &id).await?;
    let status = text(&found?.accepted()?, "algoStatus")?.to_owned();
    learned(format!("it is {status} right after"))
}

/// Holds two of the smallest positions, lets a stop close one, and sells the other so that a trade
/// touches the trigger even where nobody else trades.
async fn triggered(stage: &mut Stage) -> Check {
    stage.listen().await?;
    let best = stage.best().await?;
    let quantity = stage.smallest_quantity(best.ask);
    let mut outcome = not_tried("no trade touched the trigger");
    for _ in 0..3 {
        outcome = try_trigger(stage, quantity).await;
        close(stage).await?;
        if !matches!(outcome, Ok(Finding::NotTried(_))) {
            break;
        }
    }
    outcome
}

/// One try; closing what is left is the caller's.
async fn try_trigger(stage: &mut Stage, quantity: Quantity) -> Check {
    trade(stage, Side::Buy, quantity).await?;
    trade(stage, Side::Buy, quantity).await?;
    let Some(finished) = touched(stage, quantity, |order| order).await? else {
        return not_tried("no trade touched the trigger");
    };
    let id = text(&finished["o"], "caid")?.to_owned();
    let child = text(&finished["o"], "ai")?.parse::<i64>();
    let child = child.map_err(|_| Shortfall("it names no order".to_owned()))?;
    stage.event("the stop triggers", |event| is_stop(event, &id, "TRIGGERING")).await?;
    stage.event("the stop has triggered", |event| is_stop(event, &id, "TRIGGERED")).await?;
    let trade = stage
        .event("its order trades", |event| {
            event["e"] == "ORDER_TRADE_UPDATE"
                && event["o"]["i"] == child
                && event["o"]["x"] == "TRADE"
        })
        .await?;
    let name = text(&trade["o"], "c")?;
    let own = if name == id { "the stop's own id" } else { "another id" };
    learned(format!("its order carries {own} as client order id"))
}

pub(super) async fn trade(
    stage: &mut Stage,
    side: Side,
    quantity: Quantity,
) -> Result<(), Shortfall> {
    let id = stage.new_id();
    let order = stage.market_order(side, quantity, &id);
    stage.post("/fapi/v1/order", order).await?.accepted().map(|_| ())
}

/// Closes whatever is held.
pub(super) async fn close(stage: &mut Stage) -> Result<(), Shortfall> {
    let Some((side, quantity)) = stage.held().await? else { return Ok(()) };
    let exit = stage.new_id();
    let order = stage.market_order(side.opposite(), quantity, &exit);
    stage.post("/fapi/v1/order", with(order, "reduceOnly", "true")).await?.accepted().map(|_| ())
}

/// Places a sell-stop right under the last price and sells, so that a trade touches it; its event
/// FINISHED, or nothing if no trade touched it after all.
pub(super) async fn touched(
    stage: &mut Stage,
    quantity: Quantity,
    shape: fn(Parameters) -> Parameters,
) -> Result<Option<Value>, Shortfall> {
    let id = stage.new_id();
    let told = match place_near(stage, quantity, (id.as_str(), shape)).await {
        Ok(()) => told_of_end(stage, quantity, &id).await,
        Err(short) => Err(short),
    };
    discard(stage, &id).await?;
    let Some(ended) = told? else { return Ok(None) };
    is(&ended["o"], "X", "FINISHED")?;
    Ok(Some(ended))
}

async fn place_near(
    stage: &mut Stage,
    quantity: Quantity,
    (id, shape): (&str, fn(Parameters) -> Parameters),
) -> Result<(), Shortfall> {
    let tick_size = stage.instrument().filters.tick_size;
    // The market may have moved past the trigger before it arrives: then a little lower.
    for ticks in [0, 1, 5, 20, 100] {
        let best = stage.best().await?;
        let price = best.bid.checked_offset(-ticks * tick_size.units());
        let price = price.map_err(|error| Shortfall(error.to_string()))?;
        let order = with(stage.sell_stop((quantity, price), id), "reduceOnly", "true");
        let order = shape(with(order, "workingType", "CONTRACT_PRICE"));
        let came = stage.post(ALGO, order).await?;
        if came.code() != Some(-2021) {
            return came.accepted().map(|_| ());
        }
    }
    Err(Shortfall("the market outran every trigger".to_owned()))
}

fn is_stop(event: &Value, id: &str, status: &str) -> bool {
    event["e"] == "ALGO_UPDATE" && event["o"]["caid"] == id && event["o"]["X"] == status
}

async fn told_of_end(
    stage: &mut Stage,
    quantity: Quantity,
    id: &str,
) -> Result<Option<Value>, Shortfall> {
    // A stream that tells nothing could not tell of the trigger either.
    stage.event("the stop is NEW", |event| is_stop(event, id, "NEW")).await?;
    trade(stage, Side::Sell, quantity).await?;
    let has_ended =
        |event: &Value| is_stop(event, id, "FINISHED") || is_stop(event, id, "REJECTED");
    Ok(stage.event("the stop has ended", has_ended).await.ok())
}
