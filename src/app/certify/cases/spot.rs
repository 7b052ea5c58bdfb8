//! The spot market's data (exchange-api.md 10).

use serde_json::Value;

use super::super::came::{has, integer, is, rows};
use super::super::case::{Case, Check, HOLDS, Shortfall, ensure};
use super::super::facts::with;
use super::super::stage::{PATIENCE, Stage};
use super::market::prices;
use tokio::time::Instant;

pub(super) const CASES: &[Case] = &[
    Case::reads("C-260", "spot exchangeInfo lists the symbol with its filters", "10", |stage| {
        Box::pin(listing(stage))
    }),
    Case::reads("C-261", "spot depth takes any limit and has no times", "10", |stage| {
        Box::pin(depth(stage))
    }),
    Case::reads("C-262", "spot klines have twelve fields", "10", |stage| Box::pin(klines(stage))),
    Case::reads("C-263", "an unknown spot symbol is refused with -1121", "10", |stage| {
        Box::pin(unknown_symbol(stage))
    }),
    Case::reads("C-264", "spot answers count the weight used, apart", "10", |stage| {
        Box::pin(used_weight(stage))
    }),
    Case::reads("C-265", "spot diffs follow one another by U = u + 1", "10", |stage| {
        Box::pin(diffs(stage))
    }),
    Case::reads("C-266", "a spot snapshot meets the diffs around it", "10", |stage| {
        Box::pin(snapshot_meets_diffs(stage))
    }),
    Case::reads("C-267", "spot partial depth holds five levels a side", "10", |stage| {
        Box::pin(partial(stage))
    }),
    Case::reads("C-268", "spot best prices carry an update id and no event name", "10", |stage| {
        Box::pin(book_ticker(stage))
    }),
    Case::reads("C-269", "a combined spot stream names its stream in each frame", "10", |stage| {
        Box::pin(combined(stage))
    }),
    Case::reads("C-270", "a ping to a spot stream is answered", "10", |stage| {
        Box::pin(pong(stage))
    }),
];

async fn listing(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let info = stage.spot("/api/v3/exchangeInfo", asked, 20).await?.accepted()?;
    let symbol = stage.symbol();
    let listed = rows(&info["symbols"])?.iter().find(|row| row["symbol"] == symbol.as_str());
    let listed = listed.ok_or_else(|| Shortfall(format!("{symbol} is not listed on spot")))?;
    is(listed, "status", "TRADING")?;
    let filters = rows(&listed["filters"])?;
    let filter = |kinds: &[&str]| {
        let found = filters.iter().find(|row| kinds.iter().any(|kind| row["filterType"] == *kind));
        found.ok_or_else(|| Shortfall(format!("there is none of {kinds:?}")))
    };
    has(filter(&["PRICE_FILTER"])?, &["minPrice", "maxPrice", "tickSize"])?;
    has(filter(&["LOT_SIZE"])?, &["minQty", "maxQty", "stepSize"])?;
    has(filter(&["NOTIONAL", "MIN_NOTIONAL"])?, &["minNotional"])?;
    HOLDS
}

async fn depth(stage: &mut Stage) -> Check {
    let asked = with(stage.symbol_parameter(), "limit", 7);
    let came = stage.spot("/api/v3/depth", asked, 5).await?.accepted()?;
    has(&came, &["lastUpdateId"])?;
    let has_times = came.get("E").is_some() || came.get("T").is_some();
    ensure(!has_times, || "it has times".to_owned())?;
    let (bids, asks) = (prices(&came["bids"])?, prices(&came["asks"])?);
    ensure(bids.len() == 7 && asks.len() == 7, || {
        format!("{} bids and {} asks", bids.len(), asks.len())
    })?;
    ensure(bids[0] < asks[0], || format!("crossed: {} and {}", bids[0], asks[0]))?;
    HOLDS
}

async fn klines(stage: &mut Stage) -> Check {
    let asked = with(with(stage.symbol_parameter(), "interval", "1m"), "limit", 3);
    let came = stage.spot("/api/v3/klines", asked, 2).await?.accepted()?;
    let bars = rows(&came)?;
    ensure(!bars.is_empty(), || "no bar".to_owned())?;
    for bar in bars {
        ensure(bar.as_array().is_some_and(|fields| fields.len() == 12), || format!("{bar}"))?;
    }
    HOLDS
}

async fn unknown_symbol(stage: &mut Stage) -> Check {
    let nobody = vec![("symbol", "NOSUCHUSDT".to_owned())];
    stage.spot("/api/v3/depth", nobody, 5).await?.refused(&[-1121])?;
    HOLDS
}

async fn used_weight(stage: &mut Stage) -> Check {
    let mut used = Vec::new();
    // A minute may end between two questions, not between three.
    for _ in 0..3 {
        let came = stage.spot("/api/v3/time", vec![], 1).await?;
        used.push(came.counter("x-mbx-used-weight-1m")?);
    }
    ensure(used.windows(2).any(|two| two[1] > two[0]), || format!("it stays at {used:?}"))?;
    HOLDS
}

/// Frames of one spot stream over its own raw connection.
async fn frames(stage: &mut Stage, kind: &str, count: usize) -> Result<Vec<Value>, Shortfall> {
    let path = format!("/ws/{}@{kind}", stage.stream_symbol());
    let mut stream = stage.open_spot_stream(&path).await?;
    let frames = stage.frames(&mut stream, count).await?;
    ensure(frames.len() == count, || {
        format!("{kind} sent {} of {count} frames in {} s", frames.len(), PATIENCE.as_secs())
    })?;
    Ok(frames)
}

fn follows(two: &[Value]) -> bool {
    two[0]["u"].as_i64().map(|last| last + 1) == two[1]["U"].as_i64()
}

async fn diffs(stage: &mut Stage) -> Check {
    let frames = frames(stage, "depth@100ms", 4).await?;
    for frame in &frames {
        is(frame, "e", "depthUpdate")?;
        has(frame, &["E", "s", "U", "u", "b", "a"])?;
        ensure(frame.get("pu").is_none(), || "it has pu, as futures have".to_owned())?;
    }
    ensure(frames.windows(2).all(follows), || "an update does not follow the last".to_owned())?;
    HOLDS
}

async fn snapshot_meets_diffs(stage: &mut Stage) -> Check {
    let path = format!("/ws/{}@depth@100ms", stage.stream_symbol());
    let mut stream = stage.open_spot_stream(&path).await?;
    let mut updates = stage.frames(&mut stream, 2).await?;
    let asked = with(stage.symbol_parameter(), "limit", 1000);
    let snapshot = stage.spot("/api/v3/depth", asked, 50).await?.accepted()?;
    let id = integer(&snapshot, "lastUpdateId")?;
    updates.extend(stage.frames(&mut stream, 6).await?);
    let first = updates.iter().find(|update| update["u"].as_i64() > Some(id));
    let first = first.ok_or_else(|| Shortfall("no update after the snapshot".to_owned()))?;
    let meets = integer(first, "U")? <= id + 1;
    ensure(meets, || format!("the snapshot {id} lies before {first}"))?;
    HOLDS
}

async fn partial(stage: &mut Stage) -> Check {
    for frame in &frames(stage, "depth5@100ms", 2).await? {
        integer(frame, "lastUpdateId")?;
        ensure(frame.get("e").is_none(), || "it names its event".to_owned())?;
        let (bids, asks) = (rows(&frame["bids"])?.len(), rows(&frame["asks"])?.len());
        ensure(bids == 5 && asks == 5, || format!("{bids} bids, {asks} asks"))?;
    }
    HOLDS
}

async fn book_ticker(stage: &mut Stage) -> Check {
    for frame in &frames(stage, "bookTicker", 2).await? {
        has(frame, &["u", "s", "b", "B", "a", "A"])?;
        ensure(frame.get("e").is_none(), || "it names its event".to_owned())?;
    }
    HOLDS
}

async fn combined(stage: &mut Stage) -> Check {
    let name = format!("{}@depth@100ms", stage.stream_symbol());
    let mut stream = stage.open_spot_stream(&format!("/stream?streams={name}")).await?;
    let frames = stage.frames(&mut stream, 2).await?;
    ensure(frames.len() == 2, || "it stays silent".to_owned())?;
    for frame in &frames {
        is(frame, "stream", &name)?;
        is(&frame["data"], "e", "depthUpdate")?;
    }
    HOLDS
}

async fn pong(stage: &mut Stage) -> Check {
    let path = format!("/ws/{}@bookTicker", stage.stream_symbol());
    let mut stream = stage.open_spot_stream(&path).await?;
    let answered = stream.answers_ping(Instant::now() + PATIENCE).await;
    stage.saw("a ping", if answered { "its pong" } else { "no pong" }).is("its pong");
    ensure(answered, || format!("no pong in {} s", PATIENCE.as_secs()))?;
    HOLDS
}
