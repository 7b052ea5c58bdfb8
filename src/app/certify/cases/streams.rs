//! Streams of the market: routes, envelopes, control messages, and the book they keep.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::came::{has, integer, is, rows};
use super::super::case::{Case, Check, HOLDS, Shortfall, ensure, learned};
use super::super::stage::{PATIENCE, Stage};

pub(super) const CASES: &[Case] = &[
    Case::reads("C-200", "depth updates follow one another by pu", "2.6", |stage| {
        Box::pin(depth_chain(stage))
    }),
    Case::reads("C-201", "a snapshot meets the updates around it", "2.6", |stage| {
        Box::pin(snapshot_meets_updates(stage))
    }),
    Case::reads("C-202", "partial depth holds ten levels a side", "2.4", |stage| {
        Box::pin(partial_depth(stage))
    }),
    Case::reads("C-203", "best prices are told in real time", "2.4", |stage| {
        Box::pin(book_ticker(stage))
    }),
    Case::reads("C-204", "trades are told on /market", "2.4", |stage| Box::pin(trades(stage))),
    Case::reads("C-205", "the mark price is told each second on /market", "2.4", |stage| {
        Box::pin(mark_price(stage))
    }),
    Case::reads("C-206", "klines are told on /market", "2.4", |stage| Box::pin(klines(stage))),
    Case::reads("C-207", "a combined stream names its stream in each frame", "1.2", |stage| {
        Box::pin(combined(stage))
    }),
    Case::reads("C-208", "two streams share one raw connection", "1.2", |stage| {
        Box::pin(two_raw(stage))
    }),
    Case::reads("C-209", "SUBSCRIBE is acknowledged, and the stream flows", "2.5", |stage| {
        Box::pin(subscribe(stage))
    }),
    Case::reads("C-210", "UNSUBSCRIBE ends it, as LIST_SUBSCRIPTIONS shows", "2.5", |stage| {
        Box::pin(unsubscribe(stage))
    }),
    Case::reads("C-211", "a method that is none is answered with an error", "2.5", |stage| {
        Box::pin(unknown_method(stage))
    }),
    Case::reads(
        "C-212",
        "a stream on the wrong route is acknowledged; is it silent?",
        "1.2",
        |stage| Box::pin(wrong_route(stage)),
    ),
    Case::reads("C-213", "a ping is answered", "2.5", |stage| Box::pin(pong(stage))),
    Case::reads("C-214", "the day's ticker is told on /market", "2.4", |stage| {
        Box::pin(day_ticker(stage))
    }),
];

async fn depth_chain(stage: &mut Stage) -> Check {
    let frames = stage.market_frames("public", "depth@100ms", 5).await?;
    for frame in &frames {
        is(frame, "e", "depthUpdate")?;
        has(frame, &["E", "T", "s", "U", "u", "pu", "b", "a"])?;
        ensure(integer(frame, "U")? <= integer(frame, "u")?, || format!("{frame}"))?;
    }
    let follows = |two: &[Value]| two[1]["pu"] == two[0]["u"];
    ensure(frames.windows(2).all(follows), || "an update does not follow the last".to_owned())?;
    HOLDS
}

async fn snapshot_meets_updates(stage: &mut Stage) -> Check {
    let path = format!("/public/ws/{}@depth@100ms", stage.stream_symbol());
    let mut stream = stage.open_stream(&path).await?;
    let mut updates = stage.frames(&mut stream, 2).await?;
    let asked = super::super::facts::with(stage.symbol_parameter(), "limit", 1000);
    let snapshot = stage.public("/fapi/v1/depth", asked).await?.accepted()?;
    let id = integer(&snapshot, "lastUpdateId")?;
    updates.extend(stage.frames(&mut stream, 6).await?);
    let first = updates.iter().find(|update| update["u"].as_i64() >= Some(id));
    let first = first.ok_or_else(|| Shortfall("no update after the snapshot".to_owned()))?;
    let meets = integer(first, "U")? <= id || integer(first, "pu")? <= id;
    ensure(meets, || format!("the snapshot {id} lies before {first}"))?;
    HOLDS
}

async fn partial_depth(stage: &mut Stage) -> Check {
    let frames = stage.market_frames("public", "depth10@100ms", 2).await?;
    for frame in &frames {
        let (bids, asks) = (rows(&frame["b"])?.len(), rows(&frame["a"])?.len());
        ensure(bids == 10 && asks == 10, || format!("{bids} bids, {asks} asks"))?;
    }
    HOLDS
}

async fn book_ticker(stage: &mut Stage) -> Check {
    let frames = stage.market_frames("public", "bookTicker", 3).await?;
    for frame in &frames {
        is(frame, "e", "bookTicker")?;
        has(frame, &["u", "s", "b", "B", "a", "A", "T", "E"])?;
    }
    let ids = frames.iter().map(|frame| integer(frame, "u"));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    ensure(ids.is_sorted(), || format!("{ids:?}"))?;
    HOLDS
}

async fn trades(stage: &mut Stage) -> Check {
    let frames = stage.market_frames("market", "aggTrade", 2).await?;
    for frame in &frames {
        is(frame, "e", "aggTrade")?;
        has(frame, &["a", "p", "q", "f", "l", "T", "m"])?;
    }
    let follows = integer(&frames[0], "a")? + 1 == integer(&frames[1], "a")?;
    ensure(follows, || format!("{} is followed by {}", frames[0]["a"], frames[1]["a"]))?;
    HOLDS
}

async fn mark_price(stage: &mut Stage) -> Check {
    let frames = stage.market_frames("market", "markPrice@1s", 3).await?;
    for frame in &frames {
        is(frame, "e", "markPriceUpdate")?;
        has(frame, &["p", "i", "r", "T"])?;
    }
    let gaps = frames.windows(2).map(|two| Ok(integer(&two[1], "E")? - integer(&two[0], "E")?));
    let gaps = gaps.collect::<Result<Vec<i64>, Shortfall>>()?;
    ensure(gaps.iter().all(|gap| (500..=1_500).contains(gap)), || format!("{gaps:?} ms apart"))?;
    HOLDS
}

async fn klines(stage: &mut Stage) -> Check {
    let frames = stage.market_frames("market", "kline_1m", 1).await?;
    is(&frames[0], "e", "kline")?;
    has(&frames[0]["k"], &["t", "T", "s", "i", "o", "c", "h", "l", "v", "n", "x", "q", "V", "Q"])?;
    HOLDS
}

async fn day_ticker(stage: &mut Stage) -> Check {
    let frames = stage.market_frames("market", "ticker", 1).await?;
    is(&frames[0], "e", "24hrTicker")?;
    has(&frames[0], &["p", "P", "w", "c", "o", "h", "l", "v", "q", "O", "C", "F", "L", "n"])?;
    HOLDS
}

async fn combined(stage: &mut Stage) -> Check {
    let symbol = stage.stream_symbol();
    let name = format!("{symbol}@depth@100ms");
    let mut stream = stage.open_stream(&format!("/public/stream?streams={name}")).await?;
    let frames = stage.frames(&mut stream, 2).await?;
    ensure(frames.len() == 2, || "it stays silent".to_owned())?;
    for frame in &frames {
        is(frame, "stream", &name)?;
        is(&frame["data"], "e", "depthUpdate")?;
    }
    HOLDS
}

async fn two_raw(stage: &mut Stage) -> Check {
    let symbol = stage.stream_symbol();
    let path = format!("/public/ws/{symbol}@depth@100ms/{symbol}@bookTicker");
    let mut stream = stage.open_stream(&path).await?;
    let deadline = Instant::now() + PATIENCE;
    let (mut depth, mut ticker) = (false, false);
    while !(depth && ticker) {
        let Some(text) = stream.next(deadline).await else { break };
        depth |= text.contains("\"depthUpdate\"");
        ticker |= text.contains("\"bookTicker\"");
    }
    stage
        .saw(format!("listened on {path}"), &format!("depth {depth}, bookTicker {ticker}"))
        .is("both");
    ensure(depth && ticker, || format!("depth came: {depth}, bookTicker came: {ticker}"))?;
    HOLDS
}

async fn subscribe(stage: &mut Stage) -> Check {
    let name = format!("{}@depth@100ms", stage.stream_symbol());
    let mut stream = stage.open_stream("/public/ws").await?;
    let asked = json!({ "method": "SUBSCRIBE", "params": [name], "id": 1 });
    let answer = stage.control(&mut stream, asked).await?;
    ensure(answer["result"].is_null() && answer.get("error").is_none(), || format!("{answer}"))?;
    let frames = stage.frames(&mut stream, 1).await?;
    ensure(frames.len() == 1, || "it stays silent".to_owned())?;
    HOLDS
}

async fn unsubscribe(stage: &mut Stage) -> Check {
    let name = format!("{}@depth@100ms", stage.stream_symbol());
    let mut stream = stage.open_stream(&format!("/public/ws/{name}")).await?;
    let list = |id| json!({ "method": "LIST_SUBSCRIPTIONS", "id": id });
    let before = stage.control(&mut stream, list(1)).await?;
    ensure(before["result"] == json!([name]), || format!("{before}"))?;
    let off = json!({ "method": "UNSUBSCRIBE", "params": [name], "id": 2 });
    stage.control(&mut stream, off).await?;
    let after = stage.control(&mut stream, list(3)).await?;
    ensure(after["result"] == json!([]), || format!("{after}"))?;
    HOLDS
}

async fn unknown_method(stage: &mut Stage) -> Check {
    let mut stream = stage.open_stream("/public/ws").await?;
    let answer = stage.control(&mut stream, json!({ "method": "NOT_A_METHOD", "id": 4 })).await?;
    has(&answer["error"], &["code", "msg"])?;
    HOLDS
}

async fn wrong_route(stage: &mut Stage) -> Check {
    // Silence teaches something only where the stream flows on its own route.
    stage.market_frames("market", "markPrice@1s", 1).await?;
    let name = format!("{}@markPrice@1s", stage.stream_symbol());
    let mut stream = stage.open_stream("/public/ws").await?;
    let asked = json!({ "method": "SUBSCRIBE", "params": [name], "id": 5 });
    let answer = stage.control(&mut stream, asked).await?;
    ensure(answer["result"].is_null(), || format!("{answer}"))?;
    let deadline = Instant::now() + Duration::from_secs(3);
    let told = stream.next(deadline).await;
    stage.saw("listened for 3 s", told.as_deref().unwrap_or("silence")).is("silence");
    learned(match told {
        None => "it is acknowledged and silent: an acknowledgement proves nothing",
        Some(_) => "it flows all the same: this venue does not reveal a routing mistake",
    })
}

async fn pong(stage: &mut Stage) -> Check {
    let path = format!("/public/ws/{}@bookTicker", stage.stream_symbol());
    let mut stream = stage.open_stream(&path).await?;
    let answered = stream.answers_ping(Instant::now() + PATIENCE).await;
    stage.saw("a ping", if answered { "its pong" } else { "no pong" }).is("its pong");
    ensure(answered, || format!("no pong in {} s", PATIENCE.as_secs()))?;
    HOLDS
}
