//! Questions about the market that anybody may ask.

use serde_json::Value;

use super::super::came::{decimal, first, has, integer, rows};
use super::super::case::{Case, Check, HOLDS, Shortfall, ensure};
use super::super::facts::with;
use super::super::stage::Stage;
use crate::domain::{Price, Quantity};

pub(super) const CASES: &[Case] = &[
    Case::reads("C-020", "depth is sorted and not crossed at each limit", "2.2", |stage| {
        Box::pin(depth(stage))
    }),
    Case::reads("C-021", "the update id of depth never falls", "2.2", |stage| {
        Box::pin(depth_ids(stage))
    }),
    Case::reads("C-022", "recent trades have ids that rise", "2.1", |stage| {
        Box::pin(trades(stage))
    }),
    Case::reads("C-023", "aggregate trades have consecutive ids", "2.2", |stage| {
        Box::pin(aggregate_trades(stage))
    }),
    Case::reads("C-024", "aggregate trades are told from an id on", "2.1", |stage| {
        Box::pin(aggregate_trades_from(stage))
    }),
    Case::reads("C-025", "klines have twelve fields and follow one another", "2.2", |stage| {
        Box::pin(klines(stage))
    }),
    Case::reads("C-026", "more than 1,500 klines are refused with -1130", "2.2", |stage| {
        Box::pin(too_many_klines(stage))
    }),
    Case::reads("C-027", "the kline interval 1s is refused with -1120", "2.2", |stage| {
        Box::pin(odd_interval(stage))
    }),
    Case::reads(
        "C-028",
        "premiumIndex tells mark price, funding rate and its time",
        "2.2",
        |stage| Box::pin(premium(stage)),
    ),
    Case::reads("C-029", "premiumIndex without a symbol is a list", "2.2", |stage| {
        Box::pin(premium_of_all(stage))
    }),
    Case::reads("C-030", "past funding rates come oldest first", "2.2", |stage| {
        Box::pin(funding_rates(stage))
    }),
    Case::reads("C-031", "fundingInfo is a list", "2.2", |stage| Box::pin(funding_info(stage))),
    Case::reads("C-032", "the day's ticker has its prices and volumes", "2.2", |stage| {
        Box::pin(day_ticker(stage))
    }),
    Case::reads("C-033", "the book ticker is the best of the book", "2.2", |stage| {
        Box::pin(book_ticker(stage))
    }),
    Case::reads("C-034", "the price ticker tells a price and when", "2.1", |stage| {
        Box::pin(price_ticker(stage))
    }),
    Case::reads("C-035", "open interest is told", "2.1", |stage| Box::pin(open_interest(stage))),
    Case::reads("C-036", "the book with RPI orders is sorted", "2.1", |stage| {
        Box::pin(retail_depth(stage))
    }),
];

/// The prices of levels, each with a quantity.
pub(super) fn prices(levels: &Value) -> Result<Vec<Price>, Shortfall> {
    let level = |row: &Value| {
        let quantity: Option<Quantity> = row[1].as_str().and_then(|text| text.parse().ok());
        let price: Option<Price> = row[0].as_str().and_then(|text| text.parse().ok());
        let quantity = quantity.filter(|quantity| !quantity.is_zero());
        price.filter(|_| quantity.is_some()).ok_or_else(|| Shortfall(format!("a level is {row}")))
    };
    rows(levels)?.iter().map(level).collect()
}

async fn depth(stage: &mut Stage) -> Check {
    for limit in [5_usize, 10, 20, 50, 100, 500, 1000] {
        let asked = with(stage.symbol_parameter(), "limit", limit);
        let came = stage.public("/fapi/v1/depth", asked).await?.accepted()?;
        has(&came, &["lastUpdateId", "E", "T"])?;
        let (bids, asks) = (prices(&came["bids"])?, prices(&came["asks"])?);
        ensure(bids.len() <= limit && asks.len() <= limit, || format!("more than {limit}"))?;
        ensure(!bids.is_empty() && !asks.is_empty(), || "a side is empty".to_owned())?;
        ensure(bids.windows(2).all(|two| two[0] > two[1]), || "bids are not sorted".to_owned())?;
        ensure(asks.windows(2).all(|two| two[0] < two[1]), || "asks are not sorted".to_owned())?;
        ensure(bids[0] < asks[0], || format!("crossed: {} and {}", bids[0], asks[0]))?;
    }
    HOLDS
}

async fn retail_depth(stage: &mut Stage) -> Check {
    let asked = with(stage.symbol_parameter(), "limit", 1000);
    let came = stage.public("/fapi/v1/rpiDepth", asked).await?.accepted()?;
    has(&came, &["lastUpdateId", "E", "T"])?;
    let (bids, asks) = (prices(&came["bids"])?, prices(&came["asks"])?);
    ensure(!bids.is_empty() && !asks.is_empty(), || "a side is empty".to_owned())?;
    ensure(bids.windows(2).all(|two| two[0] > two[1]), || "bids are not sorted".to_owned())?;
    ensure(asks.windows(2).all(|two| two[0] < two[1]), || "asks are not sorted".to_owned())?;
    HOLDS
}

async fn depth_ids(stage: &mut Stage) -> Check {
    let mut ids = Vec::new();
    for _ in 0..3 {
        let asked = with(stage.symbol_parameter(), "limit", 5);
        let came = stage.public("/fapi/v1/depth", asked).await?.accepted()?;
        ids.push(integer(&came, "lastUpdateId")?);
    }
    ensure(ids.is_sorted(), || format!("{ids:?}"))?;
    HOLDS
}

async fn trades(stage: &mut Stage) -> Check {
    let asked = with(stage.symbol_parameter(), "limit", 20);
    let came = stage.public("/fapi/v1/trades", asked).await?.accepted()?;
    has(first(&came)?, &["id", "price", "qty", "quoteQty", "time", "isBuyerMaker"])?;
    let ids = rows(&came)?.iter().map(|row| integer(row, "id"));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    ensure(ids.windows(2).all(|two| two[0] < two[1]), || format!("{ids:?}"))?;
    HOLDS
}

async fn aggregates(stage: &mut Stage, from: Option<i64>) -> Result<Vec<i64>, Shortfall> {
    let mut asked = with(stage.symbol_parameter(), "limit", 20);
    if let Some(id) = from {
        asked = with(asked, "fromId", id);
    }
    let came = stage.public("/fapi/v1/aggTrades", asked).await?.accepted()?;
    has(first(&came)?, &["a", "p", "q", "f", "l", "T", "m"])?;
    rows(&came)?.iter().map(|row| integer(row, "a")).collect()
}

async fn aggregate_trades(stage: &mut Stage) -> Check {
    let ids = aggregates(stage, None).await?;
    ensure(ids.windows(2).all(|two| two[0] + 1 == two[1]), || format!("{ids:?}"))?;
    HOLDS
}

async fn aggregate_trades_from(stage: &mut Stage) -> Check {
    let newest = aggregates(stage, None).await?;
    let wanted = newest[newest.len() / 2];
    let ids = aggregates(stage, Some(wanted)).await?;
    ensure(ids.first() == Some(&wanted), || format!("asked from {wanted}, came {ids:?}"))?;
    HOLDS
}

async fn klines(stage: &mut Stage) -> Check {
    let asked = with(with(stage.symbol_parameter(), "interval", "1m"), "limit", 3);
    let came = stage.public("/fapi/v1/klines", asked).await?.accepted()?;
    let bars = rows(&came)?;
    ensure(!bars.is_empty(), || "no bar".to_owned())?;
    for bar in bars {
        ensure(bar.as_array().is_some_and(|fields| fields.len() == 12), || format!("{bar}"))?;
        let span = bar[6].as_i64().zip(bar[0].as_i64()).map(|(close, open)| close - open);
        ensure(span == Some(59_999), || format!("a minute is {span:?} ms long"))?;
    }
    let follows =
        |two: &[Value]| two[0][0].as_i64().map(|open| open + 60_000) == two[1][0].as_i64();
    ensure(bars.windows(2).all(follows), || format!("{came}"))?;
    HOLDS
}

async fn too_many_klines(stage: &mut Stage) -> Check {
    let asked = with(with(stage.symbol_parameter(), "interval", "1m"), "limit", 1501);
    stage.public("/fapi/v1/klines", asked).await?.refused(&[-1130])?;
    HOLDS
}

async fn odd_interval(stage: &mut Stage) -> Check {
    let asked = with(stage.symbol_parameter(), "interval", "1s");
    stage.public("/fapi/v1/klines", asked).await?.refused(&[-1120])?;
    HOLDS
}

async fn premium(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let came = stage.public("/fapi/v1/premiumIndex", asked).await?.accepted()?;
    has(&came, &["symbol", "indexPrice", "lastFundingRate", "time"])?;
    ensure(!decimal::<Price>(&came, "markPrice")?.is_zero(), || "no mark price".to_owned())?;
    let next = integer(&came, "nextFundingTime")?;
    ensure(next > stage.rest().now().millis(), || format!("funding was due at {next}"))?;
    HOLDS
}

async fn premium_of_all(stage: &mut Stage) -> Check {
    let came = stage.public("/fapi/v1/premiumIndex", vec![]).await?.accepted()?;
    has(first(&came)?, &["symbol", "markPrice"])?;
    HOLDS
}

async fn funding_rates(stage: &mut Stage) -> Check {
    let asked = with(stage.symbol_parameter(), "limit", 10);
    let came = stage.public("/fapi/v1/fundingRate", asked).await?.accepted()?;
    let times = rows(&came)?.iter().map(|row| {
        has(row, &["symbol", "fundingRate"])?;
        integer(row, "fundingTime")
    });
    let times = times.collect::<Result<Vec<_>, _>>()?;
    ensure(times.is_sorted(), || format!("{times:?}"))?;
    HOLDS
}

async fn funding_info(stage: &mut Stage) -> Check {
    let came = stage.public("/fapi/v1/fundingInfo", vec![]).await?.accepted()?;
    for row in rows(&came)? {
        has(row, &["symbol", "fundingIntervalHours"])?;
    }
    HOLDS
}

async fn day_ticker(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let came = stage.public("/fapi/v1/ticker/24hr", asked).await?.accepted()?;
    has(&came, &["weightedAvgPrice", "lastQty", "openPrice", "volume", "quoteVolume", "count"])?;
    let (low, high) = (decimal::<Price>(&came, "lowPrice")?, decimal(&came, "highPrice")?);
    let last = decimal::<Price>(&came, "lastPrice")?;
    ensure(low <= last && last <= high, || format!("{last} is not between {low} and {high}"))?;
    HOLDS
}

async fn book_ticker(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let came = stage.public("/fapi/v1/ticker/bookTicker", asked).await?.accepted()?;
    has(&came, &["symbol", "bidQty", "askQty", "time"])?;
    let (bid, ask) = (decimal::<Price>(&came, "bidPrice")?, decimal(&came, "askPrice")?);
    ensure(bid < ask, || format!("crossed: {bid} and {ask}"))?;
    HOLDS
}

async fn price_ticker(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let came = stage.public("/fapi/v2/ticker/price", asked).await?.accepted()?;
    has(&came, &["symbol", "time"])?;
    ensure(!decimal::<Price>(&came, "price")?.is_zero(), || "no price".to_owned())?;
    HOLDS
}

async fn open_interest(stage: &mut Stage) -> Check {
    let asked = stage.symbol_parameter();
    let came = stage.public("/fapi/v1/openInterest", asked).await?.accepted()?;
    has(&came, &["symbol", "time"])?;
    decimal::<Quantity>(&came, "openInterest")?;
    HOLDS
}
