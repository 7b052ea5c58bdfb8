//! Public questions about what was: bars, aggregated trades, funding.

use super::error::BinanceError;
use super::parse::{
    FundingRate, FundingTerms, Kline, parse_aggregate_trades, parse_funding_rate,
    parse_funding_terms, parse_klines,
};
use super::request::Request;
use super::rest::RestClient;
use super::wire;
use crate::book::PublicTrade;
use crate::domain::{Symbol, Timestamp};

/// The most bars in one answer.
const MOST_BARS: u32 = 1_500;
/// The most trades or fundings in one answer.
const MOST_ROWS: u32 = 1_000;

/// The length of a bar (exchange-api.md 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarInterval {
    /// A minute.
    OneMinute,
    /// Three minutes.
    ThreeMinutes,
    /// Five minutes.
    FiveMinutes,
    /// A quarter of an hour.
    FifteenMinutes,
    /// Half an hour.
    ThirtyMinutes,
    /// An hour.
    OneHour,
    /// Two hours.
    TwoHours,
    /// Four hours.
    FourHours,
    /// Six hours.
    SixHours,
    /// Eight hours.
    EightHours,
    /// Twelve hours.
    TwelveHours,
    /// A day.
    OneDay,
    /// Three days.
    ThreeDays,
    /// A week.
    OneWeek,
    /// A calendar month.
    OneMonth,
}

impl BarInterval {
    /// As the venue spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneMinute => "1m",
            Self::ThreeMinutes => "3m",
            Self::FiveMinutes => "5m",
            Self::FifteenMinutes => "15m",
            Self::ThirtyMinutes => "30m",
            Self::OneHour => "1h",
            Self::TwoHours => "2h",
            Self::FourHours => "4h",
            Self::SixHours => "6h",
            Self::EightHours => "8h",
            Self::TwelveHours => "12h",
            Self::OneDay => "1d",
            Self::ThreeDays => "3d",
            Self::OneWeek => "1w",
            Self::OneMonth => "1M",
        }
    }
}

impl RestClient {
    /// The bars from a moment on, at most 1,500, oldest first; the newest may still be open. With
    /// no moment, the newest.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn klines(
        &self,
        symbol: Symbol,
        interval: BarInterval,
        from: Option<Timestamp>,
        count: u32,
    ) -> Result<Vec<Kline>, BinanceError> {
        let count = count.clamp(1, MOST_BARS);
        let request = Request::public("/fapi/v1/klines", weight_of_bars(count));
        self.bars(request.with("symbol", symbol), interval, from, count).await
    }

    /// Sends a question for bars, of whichever market, and reads them.
    pub(super) async fn bars(
        &self,
        request: Request,
        interval: BarInterval,
        from: Option<Timestamp>,
        count: u32,
    ) -> Result<Vec<Kline>, BinanceError> {
        let request = request
            .with("interval", interval.as_str())
            .with_some("startTime", from.map(Timestamp::millis))
            .with("limit", count);
        let rows: Vec<wire::Kline> = self.send("klines", &request).await?;
        Ok(parse_klines(&rows)?)
    }

    /// The aggregated trades from an id on, at most 1,000, oldest first; with no id, the newest.
    /// The venue keeps those of a day.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn aggregate_trades(
        &self,
        symbol: Symbol,
        from_id: Option<u64>,
        count: u32,
    ) -> Result<Vec<PublicTrade>, BinanceError> {
        let request = Request::public("/fapi/v1/aggTrades", 20)
            .with("symbol", symbol)
            .with_some("fromId", from_id)
            .with("limit", count.clamp(1, MOST_ROWS));
        let rows: Vec<wire::AggregateTrade> = self.send("aggregate trades", &request).await?;
        Ok(parse_aggregate_trades(symbol, &rows)?)
    }

    /// The fundings of a symbol from a moment on, at most 1,000, oldest first.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn funding_rates(
        &self,
        symbol: Symbol,
        from: Timestamp,
    ) -> Result<Vec<FundingRate>, BinanceError> {
        let request = Request::funding("/fapi/v1/fundingRate")
            .with("symbol", symbol)
            .with("startTime", from.millis())
            .with("limit", MOST_ROWS);
        let rows: Vec<wire::FundingRate> = self.send("funding rates", &request).await?;
        Ok(rows.iter().map(parse_funding_rate).collect::<Result<_, _>>()?)
    }

    /// The symbols whose funding differs from every eight hours, or from the usual bounds.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn funding_terms(&self) -> Result<Vec<FundingTerms>, BinanceError> {
        let request = Request::funding("/fapi/v1/fundingInfo");
        let rows: Vec<wire::FundingInfo> = self.send("funding terms", &request).await?;
        Ok(rows.iter().map(parse_funding_terms).collect::<Result<_, _>>()?)
    }
}

/// What an answer of so many bars weighs (exchange-api.md 2.1).
const fn weight_of_bars(count: u32) -> u32 {
    match count {
        ..100 => 1,
        100..500 => 2,
        500..=1_000 => 5,
        1_001.. => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_weigh_by_their_number() {
        for (count, weight) in [(1, 1), (99, 1), (100, 2), (499, 2), (500, 5), (1_000, 5)] {
            assert_eq!(weight_of_bars(count), weight, "{count}");
        }
        assert_eq!((weight_of_bars(1_001), weight_of_bars(1_500)), (10, 10));
    }
}
