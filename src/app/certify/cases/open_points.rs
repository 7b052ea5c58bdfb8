//! What the specification leaves open and nothing else tries: see `tests/certify_covers.rs`.

use serde_json::{Value, json};

use super::super::came::{Came, decimal, has, integer, is, text};
use super::super::case::{Case, Check, Shortfall, ensure, learned, not_tried};
use super::super::facts::with;
use super::super::stage::{Parameters, Stage};
use crate::binance::{Access, Method};
use crate::domain::{Price, Side};

const ORDER: &str = "/fapi/v1/order";

/// Connections opened one right after the other.
const CONNECTIONS: usize = 5;

pub(super) const CASES: &[Case] = &[
    Case::trades("C-280", "whether an amendment keeps self-trade prevention", "4.3", |stage| {
        Box::pin(amended_prevention(stage))
    }),
    Case::trades("C-281", "whether an amendment may carry reduceOnly", "12.8", |stage| {
        Box::pin(amended_reduce_only(stage))
    }),
    Case::reads("C-282", "what version 2 of the account questions weighs", "12.4", |stage| {
        Box::pin(weight_of_version_2(stage))
    }),
    Case::trades("C-283", "what a tested order weighs", "12.11", |stage| {
        Box::pin(weight_of_test(stage))
    }),
    Case::reads("C-284", "how often a symbol's liquidations are told", "12.11", |stage| {
        Box::pin(liquidations(stage))
    }),
    Case::reads("C-285", "several connections opened at once are taken", "12.10", |stage| {
        Box::pin(connections(stage))
    }),
    Case::reads("C-286", "whether a control message may have a text as id", "2.5", |stage| {
        Box::pin(text_as_id(stage))
    }),
];

/// The parameters that move an order of ours to another price, all else as it is.
fn moved(stage: &Stage, order: &Value, price: Price) -> Result<Parameters, Shortfall> {
    let named = stage.named_order(text(order, "clientOrderId")?);
    let named =
        with(with(named, "side", text(order, "side")?), "quantity", text(order, "origQty")?);
    Ok(with(named, "price", price))
}

/// One tick away from where an order stands.
fn next_price(stage: &Stage, order: &Value, ticks: i64) -> Result<Price, Shortfall> {
    let price: Price = decimal(order, "price")?;
    let offset = price.checked_offset(ticks * stage.instrument().filters.tick_size.units());
    offset.map_err(|error| Shortfall(error.to_string()))
}

async fn amended_prevention(stage: &mut Stage) -> Check {
    const SET: &str = "EXPIRE_BOTH";
    let best = stage.best().await?;
    let price = stage.resting_price(Side::Buy, best);
    let (quantity, id) = (stage.smallest_quantity(price), stage.new_id());
    let order = stage.limit_order(Side::Buy, (quantity, price), &id);
    let placed = stage.post(ORDER, with(order, "selfTradePreventionMode", SET)).await?;
    let placed = placed.accepted()?;
    is(&placed, "selfTradePreventionMode", SET)?;
    let amended = moved(stage, &placed, next_price(stage, &placed, -1)?)?;
    let amended = stage.put(ORDER, amended).await?;
    let named = stage.named_order(&id);
    let after = stage.account(ORDER, named).await?.accepted()?;
    stage.cancel(&id).await?;
    amended.accepted()?;
    let mode = text(&after, "selfTradePreventionMode")?;
    learned(if mode == SET {
        "the amended order keeps its self-trade prevention".to_owned()
    } else {
        format!("an amendment changes self-trade prevention from {SET} to {mode}")
    })
}

/// Amends a reduce-only order over the smallest position, and says so in the amendment.
async fn amended_reduce_only(stage: &mut Stage) -> Check {
    let best = stage.best().await?;
    let (quantity, entry) = (stage.smallest_quantity(best.ask), stage.new_id());
    let order = stage.market_order(Side::Buy, quantity, &entry);
    stage.post(ORDER, order).await?.accepted()?;
    let tried = amended_exit(stage).await;
    if let Some((side, quantity)) = stage.held().await? {
        let exit = stage.new_id();
        let order = stage.market_order(side.opposite(), quantity, &exit);
        stage.post(ORDER, with(order, "reduceOnly", "true")).await?.accepted()?;
    }
    let (amended, after) = tried?;
    if amended.status != 200 {
        let code = amended.refused_somehow()?;
        return learned(format!("reduceOnly in an amendment is refused with {code}"));
    }
    let kept = if after["reduceOnly"] == true { "stays" } else { "is no longer" };
    learned(format!("reduceOnly in an amendment is taken, and the order {kept} reduce-only"))
}

/// The amendment's answer, and the order after it; the order is cancelled.
async fn amended_exit(stage: &mut Stage) -> Result<(Came, Value), Shortfall> {
    let best = stage.best().await?;
    let price = stage.resting_price(Side::Sell, best);
    let (quantity, id) = (stage.smallest_quantity(best.bid), stage.new_id());
    let order = stage.limit_order(Side::Sell, (quantity, price), &id);
    let placed = stage.post(ORDER, with(order, "reduceOnly", "true")).await?.accepted()?;
    ensure(placed["reduceOnly"] == true, || "it is not reduce-only from the start".to_owned())?;
    let amended = moved(stage, &placed, next_price(stage, &placed, 1)?)?;
    let amended = stage.put(ORDER, with(amended, "reduceOnly", "true")).await?;
    let named = stage.named_order(&id);
    let after = stage.account(ORDER, named).await?.accepted()?;
    stage.cancel(&id).await?;
    Ok((amended, after))
}

/// What a request weighs by the venue's own count. The least of a few: others may share the
/// address, and a minute may end in between.
async fn weight(
    stage: &mut Stage,
    (method, path): (Method, &str),
    parameters: &[(&'static str, String)],
) -> Result<u64, Shortfall> {
    let mut weights = Vec::new();
    for _ in 0..3 {
        let before =
            stage.public("/fapi/v1/time", vec![]).await?.counter("x-mbx-used-weight-1m")?;
        let asked = stage.send(method.clone(), path, parameters.to_vec(), Access::Signed).await?;
        let after = asked.counter("x-mbx-used-weight-1m");
        asked.accepted()?;
        weights.extend(after?.checked_sub(before));
    }
    weights.into_iter().min().ok_or_else(|| Shortfall("the count never grew".to_owned()))
}

async fn weight_of_version_2(stage: &mut Stage) -> Check {
    let mut told = Vec::new();
    for path in ["/fapi/v2/balance", "/fapi/v2/account", "/fapi/v2/positionRisk"] {
        let weighs = weight(stage, (Method::GET, path), &[]).await?;
        ensure((1..=10).contains(&weighs), || format!("{path} weighs {weighs}"))?;
        told.push(format!("{path} weighs {weighs}"));
    }
    learned(told.join(", "))
}

async fn weight_of_test(stage: &mut Stage) -> Check {
    let best = stage.best().await?;
    let price = stage.resting_price(Side::Buy, best);
    let (quantity, id) = (stage.smallest_quantity(price), stage.new_id());
    let order = stage.limit_order(Side::Buy, (quantity, price), &id);
    let weighs = weight(stage, (Method::POST, "/fapi/v1/order/test"), &order).await?;
    learned(format!("a tested order weighs {weighs}"))
}

/// Liquidations cannot be provoked; a stream that flows on the same socket shows that one would
/// have been told.
async fn liquidations(stage: &mut Stage) -> Check {
    let path =
        format!("/market/stream?streams=!forceOrder@arr/{}@markPrice@1s", stage.stream_symbol());
    let mut stream = stage.open_stream(&path).await?;
    let frames = stage.frames(&mut stream, 4).await?;
    let is_liquidation = |frame: &&Value| frame["data"]["e"] == "forceOrder";
    let (told, marks): (Vec<&Value>, Vec<&Value>) = frames.iter().partition(is_liquidation);
    ensure(!marks.is_empty(), || "the mark price beside it does not flow".to_owned())?;
    let Some(first) = told.first() else { return not_tried("nobody was liquidated meanwhile") };
    has(&first["data"]["o"], &["s", "S", "q", "p", "ap", "X", "l", "z", "T"])?;
    let times = told.iter().map(|frame| integer(&frame["data"], "E"));
    learned(format!("told at {:?}", times.collect::<Result<Vec<_>, _>>()?))
}

async fn connections(stage: &mut Stage) -> Check {
    let path = format!("/public/ws/{}@bookTicker", stage.stream_symbol());
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(stage.open_stream(&path).await?);
    }
    for stream in &mut open {
        let frames = stage.frames(stream, 1).await?;
        ensure(frames.len() == 1, || "one of them is silent".to_owned())?;
    }
    learned(format!("{CONNECTIONS} connections opened one right after the other all flow"))
}

/// A number must do first: a socket that answers nothing teaches nothing.
async fn text_as_id(stage: &mut Stage) -> Check {
    let mut stream = stage.open_stream("/public/ws").await?;
    let list = |id: Value| json!({ "method": "LIST_SUBSCRIPTIONS", "id": id });
    let answer = stage.control(&mut stream, list(json!(1))).await?;
    ensure(answer["result"] == json!([]), || format!("{answer}"))?;
    let answer = stage.control(&mut stream, list(json!("one"))).await;
    learned(match answer {
        Ok(answer) if answer.get("error").is_none() => "a text as id is taken",
        Ok(_) => "a text as id is refused",
        Err(_) => "a text as id is not answered",
    })
}
