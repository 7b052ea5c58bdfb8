//! An order's whole life, seen from outside.

use serde_json::Value;

use super::super::came::{decimal, has, integer, is, rows, text};
use super::super::case::{Case, Check, HOLDS, Shortfall, ensure, learned};
use super::super::facts::{with, without};
use super::super::stage::Stage;
use crate::binance::{Access, Method};
use crate::domain::{Price, Quantity, Side};

const ORDER: &str = "/fapi/v1/order";

pub(super) const CASES: &[Case] = &[
    Case::trades("C-100", "a resting limit order is NEW, with every field", "4.2", |stage| {
        Box::pin(placed(stage))
    }),
    Case::trades("C-101", "it is found by our id and by the venue's", "4.2", |stage| {
        Box::pin(found(stage))
    }),
    Case::trades("C-102", "it is among the open orders", "4.2", |stage| Box::pin(listed(stage))),
    Case::trades("C-103", "cancelled, it is CANCELED with nothing filled", "4.2", |stage| {
        Box::pin(cancelled(stage))
    }),
    Case::trades("C-104", "cancelled again, it is unknown: -2011", "7.1", |stage| {
        Box::pin(cancelled_twice(stage))
    }),
    Case::trades("C-105", "an order that never was is unknown: -2013", "7.1", |stage| {
        Box::pin(never_placed(stage))
    }),
    Case::trades("C-106", "an id in use is refused with -4116", "4.1", |stage| {
        Box::pin(duplicate(stage))
    }),
    Case::trades("C-107", "an id is free again once its order has ended", "4.1", |stage| {
        Box::pin(id_reused(stage))
    }),
    Case::trades("C-108", "acknowledgements have no average price, queries have", "4.2", |stage| {
        Box::pin(average_price(stage))
    }),
    Case::trades("C-109", "accepted orders are counted in the answer's head", "6", |stage| {
        Box::pin(order_counts(stage))
    }),
    Case::trades(
        "C-110",
        "post-only that would take is refused, or expires unfilled",
        "7.1",
        |stage| Box::pin(post_only_would_take(stage)),
    ),
    Case::trades("C-111", "post-only that rests is NEW", "4.1", |stage| {
        Box::pin(post_only_rests(stage))
    }),
    Case::trades(
        "C-112",
        "fill-or-kill that cannot fill is refused, or expires unfilled",
        "7.1",
        |stage| Box::pin(fill_or_kill(stage)),
    ),
    Case::trades(
        "C-113",
        "immediate-or-cancel below the market expires unfilled",
        "4.4",
        |stage| Box::pin(immediate_or_cancel(stage)),
    ),
    Case::trades("C-114", "good-till-date keeps its date", "4.1", |stage| {
        Box::pin(good_till_date(stage))
    }),
    Case::trades("C-115", "priceMatch sets the price from the book", "4.1", |stage| {
        Box::pin(price_match(stage))
    }),
    Case::trades("C-116", "a tested order is checked and not placed", "4.0", |stage| {
        Box::pin(tested(stage))
    }),
    Case::trades("C-117", "cancel-all leaves none", "4.2", |stage| Box::pin(cancel_all(stage))),
    Case::trades("C-118", "a resting order may be amended in price", "4.3", |stage| {
        Box::pin(amended(stage))
    }),
    Case::trades(
        "C-119",
        "an amendment that changes nothing is refused with -5027",
        "4.3",
        |stage| Box::pin(amended_to_itself(stage)),
    ),
    Case::trades("C-120", "amendments are told afterwards", "4.0", |stage| {
        Box::pin(amendments_told(stage))
    }),
    Case::trades("C-121", "the countdown cancels what is open", "4.5", |stage| {
        Box::pin(countdown(stage))
    }),
    Case::trades("C-122", "which self-trade prevention an order has by default", "12.6", |stage| {
        Box::pin(self_trade_default(stage))
    }),
];

/// A buy that rests below the market: its parameters and its id.
async fn resting(
    stage: &mut Stage,
) -> Result<(super::super::stage::Parameters, String), Shortfall> {
    let best = stage.best().await?;
    let price = stage.resting_price(Side::Buy, best);
    let (quantity, id) = (stage.smallest_quantity(price), stage.new_id());
    Ok((stage.limit_order(Side::Buy, (quantity, price), &id), id))
}

async fn query(stage: &mut Stage, id: &str) -> Result<Value, Shortfall> {
    let named = stage.named_order(id);
    stage.account(ORDER, named).await?.accepted()
}

async fn placed(stage: &mut Stage) -> Check {
    let (order, id) = resting(stage).await?;
    let came = stage.post(ORDER, order).await?.accepted()?;
    stage.cancel(&id).await?;
    let fields =
        ["orderId", "price", "origQty", "executedQty", "timeInForce", "side", "updateTime"];
    has(&came, &fields)?;
    has(&came, &["reduceOnly", "closePosition", "positionSide", "origType", "priceMatch"])?;
    is(&came, "status", "NEW")?;
    is(&came, "clientOrderId", &id)?;
    ensure(decimal::<Quantity>(&came, "executedQty")?.is_zero(), || "it is filled".to_owned())?;
    HOLDS
}

async fn found(stage: &mut Stage) -> Check {
    let id = stage.resting_buy().await?;
    let by_ours = query(stage, &id).await?;
    let venue_id = integer(&by_ours, "orderId")?;
    let by_theirs = with(stage.symbol_parameter(), "orderId", venue_id);
    let by_theirs = stage.account(ORDER, by_theirs).await?.accepted()?;
    stage.cancel(&id).await?;
    is(&by_theirs, "clientOrderId", &id)?;
    has(&by_ours, &["avgPrice", "cumQuote", "time", "updateTime"])?;
    HOLDS
}

async fn listed(stage: &mut Stage) -> Check {
    let id = stage.resting_buy().await?;
    let symbol = stage.symbol_parameter();
    let open = stage.account("/fapi/v1/openOrders", symbol).await?.accepted()?;
    let named = stage.named_order(&id);
    let one = stage.account("/fapi/v1/openOrder", named).await?.accepted()?;
    stage.cancel(&id).await?;
    is(&one, "clientOrderId", &id)?;
    let is_listed = rows(&open)?.iter().any(|row| row["clientOrderId"] == id.as_str());
    ensure(is_listed, || "it is not among the open orders".to_owned())?;
    HOLDS
}

async fn cancelled(stage: &mut Stage) -> Check {
    let id = stage.resting_buy().await?;
    let came = stage.cancel(&id).await?;
    is(&came, "status", "CANCELED")?;
    is(&came, "clientOrderId", &id)?;
    let after = query(stage, &id).await?;
    is(&after, "status", "CANCELED")?;
    ensure(decimal::<Quantity>(&after, "executedQty")?.is_zero(), || "it is filled".to_owned())?;
    HOLDS
}

async fn cancelled_twice(stage: &mut Stage) -> Check {
    let id = stage.resting_buy().await?;
    stage.cancel(&id).await?;
    let named = stage.named_order(&id);
    stage.delete(ORDER, named).await?.refused(&[-2011])?;
    HOLDS
}

async fn never_placed(stage: &mut Stage) -> Check {
    let named = stage.new_id();
    let named = stage.named_order(&named);
    stage.account(ORDER, named).await?.refused(&[-2013])?;
    HOLDS
}

async fn duplicate(stage: &mut Stage) -> Check {
    let (order, id) = resting(stage).await?;
    stage.post(ORDER, order.clone()).await?.accepted()?;
    let again = stage.post(ORDER, order).await?;
    stage.cancel(&id).await?;
    again.refused(&[-4116])?;
    HOLDS
}

async fn id_reused(stage: &mut Stage) -> Check {
    let (order, id) = resting(stage).await?;
    let first = stage.post(ORDER, order.clone()).await?.accepted()?;
    stage.cancel(&id).await?;
    let second = stage.post(ORDER, order).await?.accepted()?;
    stage.cancel(&id).await?;
    let is_another = integer(&first, "orderId")? != integer(&second, "orderId")?;
    ensure(is_another, || "the same order came back".to_owned())?;
    HOLDS
}

async fn average_price(stage: &mut Stage) -> Check {
    let (order, id) = resting(stage).await?;
    let acknowledged = stage.post(ORDER, order).await?.accepted()?;
    let queried = query(stage, &id).await?;
    stage.cancel(&id).await?;
    has(&queried, &["avgPrice", "cumQuote"])?;
    match acknowledged.get("avgPrice") {
        None => HOLDS,
        Some(price) => learned(format!("acknowledgements still have avgPrice {price}")),
    }
}

async fn order_counts(stage: &mut Stage) -> Check {
    let (order, id) = resting(stage).await?;
    let came = stage.post(ORDER, order).await?;
    stage.cancel(&id).await?;
    for name in ["x-mbx-order-count-10s", "x-mbx-order-count-1m"] {
        ensure(came.counter(name)? >= 1, || format!("{name} counts nothing"))?;
    }
    HOLDS
}

/// An order that must not fill: refused with `code`, or accepted and then expired unfilled.
async fn dies_unfilled(stage: &mut Stage, order: Vec<(&'static str, String)>, code: i64) -> Check {
    let came = stage.post(ORDER, order.clone()).await?;
    if came.status >= 400 {
        came.refused(&[code])?;
        return HOLDS;
    }
    let id = order.iter().find(|(name, _)| *name == "newClientOrderId");
    let id = id.map(|(_, id)| id.clone()).unwrap_or_default();
    let after = query(stage, &id).await?;
    is(&after, "status", "EXPIRED")?;
    ensure(decimal::<Quantity>(&after, "executedQty")?.is_zero(), || "it is filled".to_owned())?;
    learned(format!("it is accepted and expires instead of being refused with {code}"))
}

async fn post_only_would_take(stage: &mut Stage) -> Check {
    let best = stage.best().await?;
    let (quantity, id) = (stage.smallest_quantity(best.ask), stage.new_id());
    // Far enough to take whatever the book does meanwhile, near enough to be allowed.
    let price = stage.resting_price(Side::Sell, best);
    let order = stage.limit_order(Side::Buy, (quantity, price), &id);
    dies_unfilled(stage, with(order, "timeInForce", "GTX"), -5022).await
}

async fn post_only_rests(stage: &mut Stage) -> Check {
    let (order, id) = resting(stage).await?;
    let came = stage.post(ORDER, with(order, "timeInForce", "GTX")).await?.accepted()?;
    stage.cancel(&id).await?;
    is(&came, "status", "NEW")?;
    is(&came, "timeInForce", "GTX")?;
    HOLDS
}

async fn fill_or_kill(stage: &mut Stage) -> Check {
    let (order, _) = resting(stage).await?;
    dies_unfilled(stage, with(order, "timeInForce", "FOK"), -5021).await
}

async fn immediate_or_cancel(stage: &mut Stage) -> Check {
    let (order, id) = resting(stage).await?;
    let order = with(with(order, "timeInForce", "IOC"), "newOrderRespType", "RESULT");
    let came = stage.post(ORDER, order).await?.accepted()?;
    let ended = if text(&came, "status")? == "NEW" { query(stage, &id).await? } else { came };
    is(&ended, "status", "EXPIRED")?;
    HOLDS
}

async fn good_till_date(stage: &mut Stage) -> Check {
    let (order, id) = resting(stage).await?;
    let soon = with(order.clone(), "timeInForce", "GTD");
    let now = stage.rest().now().millis();
    let soon = with(soon, "goodTillDate", now + 60_000);
    stage.post(ORDER, soon).await?.refused(&[-5040])?;
    let date = (now / 1_000 + 1_200) * 1_000;
    let order = with(with(order, "timeInForce", "GTD"), "goodTillDate", date);
    let came = stage.post(ORDER, order).await?.accepted()?;
    stage.cancel(&id).await?;
    ensure(integer(&came, "goodTillDate")? == date, || format!("{}", came["goodTillDate"]))?;
    HOLDS
}

async fn price_match(stage: &mut Stage) -> Check {
    let (order, id) = resting(stage).await?;
    let order = with(without(order, "price"), "priceMatch", "QUEUE_20");
    let came = stage.post(ORDER, order).await?.accepted()?;
    let queried = query(stage, &id).await?;
    if text(&queried, "status")? == "NEW" {
        stage.cancel(&id).await?;
    }
    is(&came, "priceMatch", "QUEUE_20")?;
    let has_price = !decimal::<Price>(&queried, "price")?.is_zero();
    ensure(has_price, || "no price was set".to_owned())?;
    HOLDS
}

async fn tested(stage: &mut Stage) -> Check {
    let (order, id) = resting(stage).await?;
    stage.post("/fapi/v1/order/test", order.clone()).await?.accepted()?;
    let named = stage.named_order(&id);
    stage.account(ORDER, named).await?.refused(&[-2013])?;
    let nonsense = with(order, "side", "HOLD");
    let came = stage.post("/fapi/v1/order/test", nonsense).await?;
    came.refused(&[-1117, -1102])?;
    HOLDS
}

async fn cancel_all(stage: &mut Stage) -> Check {
    let (first, second) = (stage.resting_buy().await?, stage.resting_buy().await?);
    let symbol = stage.symbol_parameter();
    let came = stage.delete("/fapi/v1/allOpenOrders", symbol.clone()).await?.accepted()?;
    ensure(came["code"] == 200, || format!("{came}"))?;
    for id in [first, second] {
        is(&query(stage, &id).await?, "status", "CANCELED")?;
    }
    let open = stage.account("/fapi/v1/openOrders", symbol).await?.accepted()?;
    ensure(rows(&open)?.is_empty(), || format!("{open}"))?;
    HOLDS
}

/// The parameters of an amendment of a resting buy to one tick lower.
async fn amendment(stage: &mut Stage, id: &str) -> Result<Vec<(&'static str, String)>, Shortfall> {
    let order = query(stage, id).await?;
    let (price, quantity): (Price, Quantity) =
        (decimal(&order, "price")?, decimal(&order, "origQty")?);
    let tick_size = stage.instrument().filters.tick_size;
    let lower = price.checked_offset(-tick_size.units());
    let lower = lower.map_err(|error| Shortfall(error.to_string()))?;
    let amended = with(with(stage.named_order(id), "side", "BUY"), "quantity", quantity);
    Ok(with(amended, "price", lower))
}

async fn amended(stage: &mut Stage) -> Check {
    let id = stage.resting_buy().await?;
    let wanted = amendment(stage, &id).await?;
    let came = stage.put(ORDER, wanted.clone()).await?;
    let after = query(stage, &id).await?;
    stage.cancel(&id).await?;
    let came = came.accepted()?;
    let price = wanted.iter().find(|(name, _)| *name == "price").map(|(_, price)| price.clone());
    let set: Price = decimal(&after, "price")?;
    ensure(Some(set.to_string()) == price, || format!("it stands at {set}, not {price:?}"))?;
    is(&came, "clientOrderId", &id)?;
    HOLDS
}

async fn amended_to_itself(stage: &mut Stage) -> Check {
    let id = stage.resting_buy().await?;
    let wanted = amendment(stage, &id).await?;
    stage.put(ORDER, wanted.clone()).await?.accepted()?;
    let again = stage.put(ORDER, wanted).await?;
    stage.cancel(&id).await?;
    again.refused(&[-5027])?;
    HOLDS
}

async fn amendments_told(stage: &mut Stage) -> Check {
    let id = stage.resting_buy().await?;
    let wanted = amendment(stage, &id).await?;
    stage.put(ORDER, wanted).await?.accepted()?;
    let named = stage.named_order(&id);
    let told = stage.account("/fapi/v1/orderAmendment", named).await?;
    stage.cancel(&id).await?;
    let told = told.accepted()?;
    let first = super::super::came::first(&told)?;
    has(first, &["amendmentId", "orderId", "time", "amendment"])?;
    has(&first["amendment"]["price"], &["before", "after"])?;
    HOLDS
}

async fn countdown(stage: &mut Stage) -> Check {
    let id = stage.resting_buy().await?;
    let set = with(stage.symbol_parameter(), "countdownTime", 1_000);
    let came = stage.post("/fapi/v1/countdownCancelAll", set).await?.accepted()?;
    has(&came, &["symbol", "countdownTime"])?;
    let ended = stage
        .event("the countdown cancels the order", |event| {
            event["e"] == "ORDER_TRADE_UPDATE"
                && event["o"]["c"] == id.as_str()
                && event["o"]["X"] == "CANCELED"
        })
        .await;
    let off = with(stage.symbol_parameter(), "countdownTime", 0);
    stage.post("/fapi/v1/countdownCancelAll", off).await?.accepted()?;
    ended?;
    HOLDS
}

async fn self_trade_default(stage: &mut Stage) -> Check {
    let (order, id) = resting(stage).await?;
    let came = stage.send(Method::POST, ORDER, order, Access::Signed).await?.accepted()?;
    stage.cancel(&id).await?;
    learned(format!("selfTradePreventionMode is {}", text(&came, "selfTradePreventionMode")?))
}
