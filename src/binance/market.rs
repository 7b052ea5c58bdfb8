//! Public questions about now: what is listed, the book, prices, recent trades.

use super::error::BinanceError;
use super::parse::{
    BestPrices, DayTicker, ExchangeRules, LastPrice, OpenInterest, PremiumIndex, parse_best_prices,
    parse_day_ticker, parse_depth, parse_exchange_info, parse_last_price, parse_open_interest,
    parse_premium_index, parse_recent_trades,
};
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

    /// The book with the orders that only the venue's own customers meet (RPI): never one to trade
    /// on, at most 1,000 levels a side.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn retail_order_book(&self, symbol: Symbol) -> Result<DepthSnapshot, BinanceError> {
        let request =
            Request::public("/fapi/v1/rpiDepth", 20).with("symbol", symbol).with("limit", 1000);
        let depth: wire::Depth = self.send("RPI depth", &request).await?;
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

    /// Mark price, index price and the next funding of a symbol.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn premium_index(&self, symbol: Symbol) -> Result<PremiumIndex, BinanceError> {
        let request = Request::public("/fapi/v1/premiumIndex", 1).with("symbol", symbol);
        Ok(parse_premium_index(&self.send("premium index", &request).await?)?)
    }

    /// A day of trading of a symbol.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn day_ticker(&self, symbol: Symbol) -> Result<DayTicker, BinanceError> {
        let request = Request::public("/fapi/v1/ticker/24hr", 1).with("symbol", symbol);
        Ok(parse_day_ticker(&self.send("ticker", &request).await?)?)
    }

    /// A day of trading of every symbol; those whose numbers cannot be read are left out.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn day_tickers(&self) -> Result<Vec<DayTicker>, BinanceError> {
        let request = Request::public("/fapi/v1/ticker/24hr", 40);
        let rows: Vec<wire::DayTicker> = self.send("tickers", &request).await?;
        Ok(rows.iter().filter_map(|row| parse_day_ticker(row).ok()).collect())
    }

    /// The best prices of a symbol.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn best_prices(&self, symbol: Symbol) -> Result<BestPrices, BinanceError> {
        let request = Request::public("/fapi/v1/ticker/bookTicker", 2).with("symbol", symbol);
        Ok(parse_best_prices(&self.send("book ticker", &request).await?)?)
    }

    /// The newest price of a symbol.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn last_price(&self, symbol: Symbol) -> Result<LastPrice, BinanceError> {
        let request = Request::public("/fapi/v2/ticker/price", 1).with("symbol", symbol);
        Ok(parse_last_price(&self.send("price ticker", &request).await?)?)
    }

    /// How much of a symbol is held by all.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn open_interest(&self, symbol: Symbol) -> Result<OpenInterest, BinanceError> {
        let request = Request::public("/fapi/v1/openInterest", 1).with("symbol", symbol);
        Ok(parse_open_interest(&self.send("open interest", &request).await?)?)
    }
}
