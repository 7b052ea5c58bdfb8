//! Public questions: what is listed, the book, recent trades.

use super::error::BinanceError;
use super::parse::{ExchangeRules, parse_depth, parse_exchange_info, parse_recent_trades};
use super::request::Request;
use super::rest::RestClient;
use super::wire;
use crate::book::{DepthSnapshot, PublicTrade};
use crate::domain::Symbol;

/// The limits `depth` accepts and what they weigh (exchange-api.md 2.1).
const DEPTH_WEIGHTS: [(u32, u32); 7] =
    [(5, 2), (10, 2), (20, 2), (50, 2), (100, 5), (500, 10), (1000, 20)];

impl RestClient {
    /// What is listed and by which rules; the request limits found are kept from now on.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn exchange_info(&self) -> Result<ExchangeRules, BinanceError> {
        let request = Request::public("/fapi/v1/exchangeInfo", 1);
        let info: wire::ExchangeInfo = self.send("exchangeInfo", &request).await?;
        let rules = parse_exchange_info(self.environment(), &info);
        self.set_rate_limits(&rules.rate_limits);
        Ok(rules)
    }

    /// The book with at least `levels` levels a side where there are so many, at most 1,000.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn order_book(
        &self,
        symbol: Symbol,
        levels: u32,
    ) -> Result<DepthSnapshot, BinanceError> {
        let fitting = DEPTH_WEIGHTS.iter().find(|(limit, _)| *limit >= levels);
        let (limit, weight) = *fitting.unwrap_or(&(1000, 20));
        let request =
            Request::public("/fapi/v1/depth", weight).with("symbol", symbol).with("limit", limit);
        let depth: wire::Depth = self.send("depth", &request).await?;
        Ok(parse_depth(symbol, &depth)?)
    }

    /// The newest public trades, oldest first, at most 1,000.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn recent_trades(
        &self,
        symbol: Symbol,
        count: u32,
    ) -> Result<Vec<PublicTrade>, BinanceError> {
        let request = Request::public("/fapi/v1/trades", 5)
            .with("symbol", symbol)
            .with("limit", count.clamp(1, 1000));
        let rows: Vec<wire::RecentTrade> = self.send("trades", &request).await?;
        Ok(parse_recent_trades(symbol, &rows)?)
    }
}
