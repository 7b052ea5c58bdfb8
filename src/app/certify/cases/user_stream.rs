//! The account's own events.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::came::{decimal, has, is, text};
use super::super::case::{Case, Check, HOLDS, Shortfall, ensure, learned};
use super::super::facts::with;
use super::super::stage::{PATIENCE, Stage};
use crate::binance::{Access, Method, RawStream};
use crate::domain::{Price, Quantity, Side};

const LISTEN_KEY: &str = "/fapi/v1/listenKey";

pub(super) const CASES: &[Case] = &[
    Case::trades("C-220", "a listen key asked for twice is the same", "4.7", |stage| {
        Box::pin(same_key(stage))
    }),
    Case::trades("C-221", "a listen key can be extended", "4.7", |stage| Box::pin(extended(stage))),
    Case::trades(
        "C-222",
        "an order's life is told once, in order: NEW, CANCELED",
        "5.2",
        |stage| Box::pin(life_told(stage)),
    ),
    Case::trades("C-223", "an amendment is told, with our number for it", "5.2", |stage| {
        Box::pin(amendment_told(stage))
    }),
    Case::trades("C-224", "a trade is told with price, fee and profit", "5.2", |stage| {
        Box::pin(trade_told(stage))
    }),
    Case::trades("C-225", "a trade changes wallet and position, told together", "5.4", |stage| {
        Box::pin(account_told(stage))
    }),
    Case::trades("C-226", "whether a trade is told in short as well", "5.3", |stage| {
        Box::pin(trade_lite_told(stage))
    }),
    Case::trades(
        "C-227",
        "a conditional order's life is told: NEW, then CANCELED",
        "5.5",
        |stage| Box::pin(stop_told(stage)),
    ),
    Case::trades("C-228", "the form /private/ws?listenKey=…&events=… tells", "1.2", |stage| {
        Box::pin(query_form(stage))
    }),
    Case::trades("C-229", "the form /private/stream?listenKey=… wraps", "1.2", |stage| {
        Box::pin(wrapped_form(stage))
    }),
    Case::trades("C-230", "a key that is none opens a stream that is silent", "4.7", |stage| {
        Box::pin(bogus_key(stage))
    }),
    Case::trades("C-231", "a new leverage is told", "5.4", |stage| Box::pin(leverage_told(stage))),
    Case::trades("C-232", "events of one kind come in the order of their times", "5.1", |stage| {
        Box::pin(told_in_order(stage))
    }),
    Case::trades(
        "C-233",
        "the form /private/stream?streams= with SUBSCRIBE wraps",
        "1.2",
        |stage| Box::pin(subscribed_form(stage)),
    ),
];

async fn ask_for_key(stage: &mut Stage) -> Result<String, Shortfall> {
    let key = stage.rest().start_listen_key().await;
    let key = key.map_err(|error| Shortfall(format!("no listen key: {error}")))?;
    stage.keep_secret(key.expose());
    Ok(key.expose().to_owned())
}

async fn same_key(stage: &mut Stage) -> Check {
    let (first, second) = (ask_for_key(stage).await?, ask_for_key(stage).await?);
    stage
        .saw("POST listenKey, twice", if first == second { "the same key" } else { "two keys" })
        .is("the same key");
    ensure(first == second, || "two keys".to_owned())?;
    HOLDS
}

async fn extended(stage: &mut Stage) -> Check {
    ask_for_key(stage).await?;
    let came = stage.send(Method::PUT, LISTEN_KEY, vec![], Access::Key).await?;
    ensure(came.status == 200, || format!("status {}", came.status))?;
    HOLDS
}

/// Three orders' lives, one after the other: six events.
async fn told_in_order(stage: &mut Stage) -> Check {
    stage.listen().await?;
    let mut last = String::new();
    for _ in 0..3 {
        last = stage.resting_buy().await?;
        stage.cancel(&last).await?;
    }
    stage.event("the last CANCELED", |event| is_order(event, &last, "CANCELED")).await?;
    let of_orders = stage.heard().iter().filter(|event| event["e"] == "ORDER_TRADE_UPDATE");
    let told: Vec<(i64, String)> = of_orders
        .filter_map(|event| Some((event["T"].as_i64()?, event["o"]["x"].to_string())))
        .collect();
    ensure(told.len() >= 6, || format!("the last came before the others: {told:?}"))?;
    ensure(told.is_sorted_by_key(|(time, _)| *time), || format!("{told:?}"))?;
    HOLDS
}

fn is_order(event: &Value, id: &str, execution: &str) -> bool {
    event["e"] == "ORDER_TRADE_UPDATE" && event["o"]["c"] == id && event["o"]["x"] == execution
}

async fn life_told(stage: &mut Stage) -> Check {
    stage.listen().await?;
    let id = stage.resting_buy().await?;
    let new = stage.event("NEW", |event| is_order(event, &id, "NEW")).await;
    stage.cancel(&id).await?;
    let new = new?;
    let fields = ["s", "S", "o", "f", "q", "p", "ap", "x", "X", "i", "l", "z", "L", "T", "t", "m"];
    has(&new["o"], &fields)?;
    has(&new["o"], &["R", "wt", "ot", "ps", "cp", "rp", "V", "pm", "gtd"])?;
    let ended = stage.event("CANCELED", |event| is_order(event, &id, "CANCELED")).await?;
    is(&ended["o"], "X", "CANCELED")?;
    let life: Vec<&str> = stage
        .heard()
        .iter()
        .filter(|event| event["o"]["c"] == id.as_str())
        .filter_map(|event| event["o"]["x"].as_str())
        .collect();
    ensure(life == ["NEW", "CANCELED"], || format!("its life is told as {life:?}"))?;
    HOLDS
}

async fn amendment_told(stage: &mut Stage) -> Check {
    stage.listen().await?;
    let id = stage.resting_buy().await?;
    let named = stage.named_order(&id);
    let order = stage.account("/fapi/v1/order", named.clone()).await?.accepted()?;
    let tick_size = stage.instrument().filters.tick_size;
    let price: Price = decimal(&order, "price")?;
    let lower = price.checked_offset(-tick_size.units());
    let lower = lower.map_err(|error| Shortfall(error.to_string()))?;
    let amended = with(with(named, "side", "BUY"), "quantity", text(&order, "origQty")?);
    let amended = with(with(amended, "price", lower), "modifyId", 77);
    let came = stage.put("/fapi/v1/order", amended).await?;
    let told = match came.accepted() {
        Ok(_) => stage.event("AMENDMENT", |event| is_order(event, &id, "AMENDMENT")).await,
        Err(short) => Err(short),
    };
    stage.cancel(&id).await?;
    let told = told?;
    let set: Price = decimal(&told["o"], "p")?;
    ensure(set == lower, || format!("it tells {set}, not {lower}"))?;
    match told["o"].get("M") {
        Some(_) => HOLDS,
        None => learned("the event does not carry modifyId"),
    }
}

/// Opens and closes the smallest position; the id of the order that opened it.
async fn traded(stage: &mut Stage) -> Result<String, Shortfall> {
    stage.listen().await?;
    let best = stage.best().await?;
    let (quantity, id, exit) = (stage.smallest_quantity(best.ask), stage.new_id(), stage.new_id());
    let order = stage.market_order(Side::Buy, quantity, &id);
    stage.post("/fapi/v1/order", order).await?.accepted()?;
    let order = with(stage.market_order(Side::Sell, quantity, &exit), "reduceOnly", "true");
    stage.post("/fapi/v1/order", order).await?.accepted()?;
    Ok(id)
}

async fn trade_told(stage: &mut Stage) -> Check {
    let id = traded(stage).await?;
    let told = stage.event("TRADE", |event| is_order(event, &id, "TRADE")).await?;
    let order = &told["o"];
    has(order, &["l", "L", "z", "t", "N", "n", "rp", "m"])?;
    ensure(!decimal::<Quantity>(order, "l")?.is_zero(), || "nothing is filled".to_owned())?;
    ensure(!decimal::<Price>(order, "L")?.is_zero(), || "it has no price".to_owned())?;
    ensure(order["t"].as_i64() > Some(0), || format!("trade id {}", order["t"]))?;
    HOLDS
}

async fn account_told(stage: &mut Stage) -> Check {
    traded(stage).await?;
    let symbol = stage.symbol();
    let told = stage
        .event("ACCOUNT_UPDATE", |event| {
            let of_symbol = |row: &Value| row["s"] == symbol.as_str();
            event["e"] == "ACCOUNT_UPDATE"
                && event["a"]["P"].as_array().is_some_and(|rows| rows.iter().any(of_symbol))
        })
        .await?;
    is(&told["a"], "m", "ORDER")?;
    has(&told["a"]["B"][0], &["a", "wb", "cw", "bc"])?;
    has(&told["a"]["P"][0], &["s", "pa", "ep", "cr", "up", "mt", "ps"])?;
    HOLDS
}

async fn trade_lite_told(stage: &mut Stage) -> Check {
    let id = traded(stage).await?;
    // A stream that does not tell the trade at all teaches nothing of its short form.
    let whole = stage.event("TRADE", |event| is_order(event, &id, "TRADE")).await?;
    let is_it = |event: &Value| event["e"] == "TRADE_LITE" && event["c"] == id.as_str();
    let Ok(told) = stage.event("TRADE_LITE", is_it).await else {
        return learned("TRADE_LITE is not told");
    };
    has(&told, &["s", "q", "p", "m", "S", "L", "l", "t", "i"])?;
    ensure(whole["o"]["t"] == told["t"], || "another trade id".to_owned())?;
    learned("TRADE_LITE is told, with the trade id of the whole event")
}

async fn stop_told(stage: &mut Stage) -> Check {
    stage.listen().await?;
    let best = stage.best().await?;
    let price = stage.resting_price(Side::Buy, best);
    let (quantity, id) = (stage.smallest_quantity(price), stage.new_id());
    let stop = stage.sell_stop((quantity, price), &id);
    stage.post("/fapi/v1/algoOrder", stop).await?.accepted()?;
    let is_it = |event: &Value, status: &str| {
        event["e"] == "ALGO_UPDATE"
            && event["o"]["caid"] == id.as_str()
            && event["o"]["X"] == status
    };
    let new = stage.event("ALGO NEW", |event| is_it(event, "NEW")).await;
    stage.delete("/fapi/v1/algoOrder", vec![("clientAlgoId", id.clone())]).await?.accepted()?;
    has(&new?["o"], &["aid", "at", "o", "s", "S", "q", "ai", "tp", "wt", "cp", "R"])?;
    stage.event("ALGO CANCELED", |event| is_it(event, "CANCELED")).await?;
    HOLDS
}

/// Opens another stream of the account and waits for the event of a cancelled order on it, which
/// the usual form of the stream must tell.
async fn told_over(stage: &mut Stage, path: &str) -> Result<Option<Value>, Shortfall> {
    stage.listen().await?;
    let mut stream = stage.open_stream(path).await?;
    told_on(stage, &mut stream, path).await
}

/// Waits for the event of a cancelled order on a stream of the account that is open beside the
/// usual one.
async fn told_on(
    stage: &mut Stage,
    stream: &mut RawStream,
    path: &str,
) -> Result<Option<Value>, Shortfall> {
    let id = stage.resting_buy().await?;
    stage.cancel(&id).await?;
    stage.event("CANCELED", |event| is_order(event, &id, "CANCELED")).await?;
    let deadline = Instant::now() + PATIENCE;
    while let Some(text) = stream.next(deadline).await {
        if text.contains(&id) && text.contains("CANCELED") {
            stage.saw(format!("listened on {path}"), &text).is("the same event");
            return Ok(serde_json::from_str(&text).ok());
        }
    }
    stage.saw(format!("listened on {path}"), "no event of the order").is("the same event");
    Ok(None)
}

async fn query_form(stage: &mut Stage) -> Check {
    let key = ask_for_key(stage).await?;
    let path = format!("/private/ws?listenKey={key}&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE");
    match told_over(stage, &path).await? {
        Some(event) => {
            is(&event, "e", "ORDER_TRADE_UPDATE")?;
            HOLDS
        }
        None => learned("it opens and is silent: use /private/ws/<key>"),
    }
}

async fn wrapped_form(stage: &mut Stage) -> Check {
    let key = ask_for_key(stage).await?;
    let path = format!("/private/stream?listenKey={key}&events=ORDER_TRADE_UPDATE");
    match told_over(stage, &path).await? {
        Some(event) => {
            has(&event, &["stream", "data"])?;
            HOLDS
        }
        None => learned("it opens and is silent: use /private/ws/<key>"),
    }
}

/// The list of streams may be empty; the key is subscribed to like one of them.
async fn subscribed_form(stage: &mut Stage) -> Check {
    stage.listen().await?;
    let key = ask_for_key(stage).await?;
    let path = "/private/stream?streams=";
    let mut stream = stage.open_stream(path).await?;
    let asked = json!({ "method": "SUBSCRIBE", "params": [key], "id": 1 });
    let answer = stage.control(&mut stream, asked).await?;
    ensure(answer["result"].is_null() && answer.get("error").is_none(), || format!("{answer}"))?;
    match told_on(stage, &mut stream, path).await? {
        Some(event) => {
            has(&event, &["stream", "data"])?;
            HOLDS
        }
        None => learned("it is acknowledged and silent: use /private/ws/<key>"),
    }
}

async fn bogus_key(stage: &mut Stage) -> Check {
    let path = format!("{}/private/ws/{}", stage.streams_url(), "a".repeat(64));
    stage.listen().await?;
    let mut stream = match RawStream::open(&path).await {
        Ok(stream) => stream,
        Err(why) => return learned(format!("it does not open: {why}")),
    };
    let id = stage.resting_buy().await?;
    stage.cancel(&id).await?;
    stage.event("CANCELED", |event| is_order(event, &id, "CANCELED")).await?;
    let told = stream.next(Instant::now() + Duration::from_secs(3)).await;
    stage
        .saw("listened for 3 s on a key that is none", told.as_deref().unwrap_or("silence"))
        .is("silence");
    ensure(told.is_none(), || "it tells something".to_owned())?;
    HOLDS
}

async fn leverage_told(stage: &mut Stage) -> Check {
    stage.listen().await?;
    let symbol = stage.symbol_parameter();
    let settings = stage.account("/fapi/v1/symbolConfig", symbol.clone()).await?.accepted()?;
    let before = super::super::came::integer(super::super::came::first(&settings)?, "leverage")?;
    let other = if before > 1 { before - 1 } else { 2 };
    for leverage in [other, before] {
        let asked = with(symbol.clone(), "leverage", leverage);
        stage.post("/fapi/v1/leverage", asked).await?.accepted()?;
    }
    let told = stage.event("ACCOUNT_CONFIG_UPDATE", |event| event["e"] == "ACCOUNT_CONFIG_UPDATE");
    let told = told.await?;
    has(&told["ac"], &["s", "l"])?;
    HOLDS
}
