//! The spot market's public questions (exchange-api.md 10): no key, no orders.
//!
//! It shares host, limits and listings with the futures in nothing; so it is a client of its own.

use std::time::Duration;

use super::error::BinanceError;
use super::market_history::BarInterval;
use super::parse::{ExchangeRules, Kline, parse_depth, parse_spot_exchange_info};
use super::rate::RateBudget;
use super::request::Request;
use super::rest::{Probe, ProbeAnswer, RestClient, RestSettings};
use super::wire;
use crate::book::DepthSnapshot;
use crate::clock::SharedClock;
use crate::domain::{Environment, SelfTradePrevention, Symbol, Timestamp};

/// The most levels a side of a book.
const MOST_LEVELS: u32 = 5_000;
/// The most bars in one answer.
const MOST_BARS: u32 = 1_000;

/// Where to ask.
#[derive(Debug, Clone)]
pub struct SpotSettings {
    /// Whose money; stamped on instruments.
    pub environment: Environment,
    /// Scheme, host and port, like `https://data-api.binance.vision`.
    pub base_url: String,
    /// How long to wait for a whole answer.
    pub timeout: Duration,
}

/// A client of the spot market's data.
#[derive(Debug)]
pub struct SpotClient(RestClient);

impl SpotClient {
    /// Prepares a client; nothing is sent.
    ///
    /// # Errors
    /// [`BinanceError::Configuration`] if the URL cannot be used.
    pub fn new(settings: SpotSettings, clock: SharedClock) -> Result<Self, BinanceError> {
        let SpotSettings { environment, base_url, timeout } = settings;
        let settings = RestSettings {
            environment,
            base_url,
            credentials: None,
            receive_window: Duration::ZERO,
            timeout,
            self_trade_prevention: SelfTradePrevention::default(),
        };
        RestClient::with_budget(settings, clock, RateBudget::documented_spot()).map(Self)
    }

    /// Sends a question as it is and tells what came back, for `lobd certify`.
    ///
    /// # Errors
    /// [`BinanceError`], as [`RestClient::probe`].
    pub async fn probe(&self, probe: &Probe) -> Result<ProbeAnswer, BinanceError> {
        self.0.probe(probe).await
    }

    /// What is listed and by which rules; the request limits found are kept from now on.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn exchange_info(&self) -> Result<ExchangeRules, BinanceError> {
        let request = Request::public("/api/v3/exchangeInfo", 20);
        let info: wire::ExchangeInfo = self.0.send("exchangeInfo", &request).await?;
        let rules = parse_spot_exchange_info(self.0.environment(), &info);
        self.0.set_rate_limits(&rules.rate_limits);
        Ok(rules)
    }

    /// The book with so many levels a side, at most 5,000.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn order_book(
        &self,
        symbol: Symbol,
        levels: u32,
    ) -> Result<DepthSnapshot, BinanceError> {
        let levels = levels.clamp(1, MOST_LEVELS);
        let request = Request::public("/api/v3/depth", weight_of_depth(levels))
            .with("symbol", symbol)
            .with("limit", levels);
        let depth: wire::Depth = self.0.send("depth", &request).await?;
        Ok(parse_depth(symbol, &depth)?)
    }

    /// The bars from a moment on, at most 1,000, oldest first; the newest may still be open. With
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
        let request = Request::public("/api/v3/klines", 2).with("symbol", symbol);
        self.0.bars(request, interval, from, count.clamp(1, MOST_BARS)).await
    }
}

/// What a book of so many levels weighs (exchange-api.md 10).
const fn weight_of_depth(levels: u32) -> u32 {
    match levels {
        ..=100 => 5,
        101..=500 => 25,
        501..=1_000 => 50,
        1_001.. => 250,
    }
}
