//! Orders over a WebSocket (exchange-api.md 3.3).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::came::{has, is};
use super::super::case::{Case, Check, HOLDS, Shortfall, ensure};
use super::super::stage::{Parameters, Stage};
use crate::binance::RawStream;
use crate::domain::Side;

pub(super) const CASES: &[Case] = &[
    Case::trades(
        "C-240",
        "an order is placed, found and cancelled over a socket",
        "3.3",
        |stage| Box::pin(life(stage)),
    ),
    Case::trades("C-241", "a refusal has the code that REST has", "3.3", |stage| {
        Box::pin(refusal(stage))
    }),
    Case::trades("C-242", "a wrong signature is refused with -1022", "3.3", |stage| {
        Box::pin(wrong_signature(stage))
    }),
    Case::reads("C-243", "a method that is none is answered with an error", "3.3", |stage| {
        Box::pin(unknown_method(stage))
    }),
];

async fn open(stage: &mut Stage) -> Result<RawStream, Shortfall> {
    let url = stage.socket_interface_url();
    RawStream::open(&url).await.map_err(|why| {
        stage.saw("open the socket interface", &why).is("an open socket");
        Shortfall(format!("the socket interface cannot be opened: {why}"))
    })
}

async fn ask(
    stage: &mut Stage,
    socket: &mut RawStream,
    method: &str,
    parameters: Parameters,
) -> Result<Value, Shortfall> {
    let signed = stage.sign_by_name(parameters)?;
    send(stage, socket, method, signed).await
}

async fn send(
    stage: &mut Stage,
    socket: &mut RawStream,
    method: &str,
    parameters: BTreeMap<String, String>,
) -> Result<Value, Shortfall> {
    let id = stage.new_id();
    let message = json!({ "id": id, "method": method, "params": parameters });
    stage.control(socket, message).await
}

async fn life(stage: &mut Stage) -> Check {
    let mut socket = open(stage).await?;
    let best = stage.best().await?;
    let price = stage.resting_price(Side::Buy, best);
    let (quantity, id) = (stage.smallest_quantity(price), stage.new_id());
    let order = stage.limit_order(Side::Buy, (quantity, price), &id);
    let placed = ask(stage, &mut socket, "order.place", order).await?;
    ensure(placed["status"] == 200, || format!("{placed}"))?;
    has(&placed, &["result", "rateLimits"])?;
    let named = stage.named_order(&id);
    let found = ask(stage, &mut socket, "order.status", named.clone()).await?;
    let ended = ask(stage, &mut socket, "order.cancel", named).await?;
    is(&placed["result"], "status", "NEW")?;
    is(&found["result"], "clientOrderId", &id)?;
    is(&ended["result"], "status", "CANCELED")?;
    HOLDS
}

async fn refusal(stage: &mut Stage) -> Check {
    let mut socket = open(stage).await?;
    let nobody = stage.new_id();
    let nobody = stage.named_order(&nobody);
    let came = ask(stage, &mut socket, "order.status", nobody).await?;
    ensure(came["error"]["code"] == -2013, || format!("{came}"))?;
    ensure(came["status"].as_i64() >= Some(400), || format!("{came}"))?;
    HOLDS
}

async fn wrong_signature(stage: &mut Stage) -> Check {
    let mut socket = open(stage).await?;
    let nobody = stage.new_id();
    let mut signed = stage.sign_by_name(stage.named_order(&nobody))?;
    signed.insert("signature".to_owned(), "0".repeat(64));
    let came = send(stage, &mut socket, "order.status", signed).await?;
    ensure(came["error"]["code"] == -1022, || format!("{came}"))?;
    HOLDS
}

async fn unknown_method(stage: &mut Stage) -> Check {
    let mut socket = open(stage).await?;
    let came = send(stage, &mut socket, "order.wish", BTreeMap::new()).await?;
    has(&came["error"], &["code", "msg"])?;
    HOLDS
}
