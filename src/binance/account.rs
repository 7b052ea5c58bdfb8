//! How the account stands: positions, balances, margin, fees, and the user stream's key.

use hyper::Method;
use serde::de::IgnoredAny;

use super::error::BinanceError;
use super::parse::{
    AccountMargin, LeverageBracket, PositionRisk, RateLimitRule, parse_account_margin,
    parse_balances, parse_fee_rates, parse_leverage_brackets, parse_position, parse_position_risks,
    parse_positions, parse_rate_limit,
};
use super::request::Request;
use super::rest::RestClient;
use super::wire;
use crate::domain::{BalanceReport, FeeRates, PositionReport, Symbol};
use crate::sign::Secret;

/// Which of two spellings of an account's state to ask for. The newer leaves flat symbols out; the
/// older tells leverage and margin type of each position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// The older one. Announced to weigh twice as much (exchange-api.md 12), so it is counted so.
    V2,
    /// The newer one.
    V3,
}

impl ApiVersion {
    const fn weight(self) -> u32 {
        match self {
            Self::V2 => 10,
            Self::V3 => 5,
        }
    }

    const fn of(self, older: &'static str, newer: &'static str) -> &'static str {
        match self {
            Self::V2 => older,
            Self::V3 => newer,
        }
    }
}

impl RestClient {
    /// The positions that are not flat.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn open_positions(&self) -> Result<Vec<PositionReport>, BinanceError> {
        let request = Request::account("/fapi/v3/positionRisk", 5);
        let rows: Vec<wire::Position> = self.send("positions", &request).await?;
        Ok(parse_positions(&rows)?)
    }

    /// The position in one symbol; a flat one is reported as zero.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn position_of(&self, symbol: Symbol) -> Result<PositionReport, BinanceError> {
        let request = Request::inquiry("/fapi/v3/positionRisk", 5).with("symbol", symbol);
        let rows: Vec<wire::Position> = self.send("positions", &request).await?;
        Ok(parse_position(symbol, &rows)?)
    }

    /// The balances that are not zero.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn balances(&self) -> Result<Vec<BalanceReport>, BinanceError> {
        self.balances_by(ApiVersion::V3).await
    }

    /// The balances that are not zero, by either version.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn balances_by(
        &self,
        version: ApiVersion,
    ) -> Result<Vec<BalanceReport>, BinanceError> {
        let path = version.of("/fapi/v2/balance", "/fapi/v3/balance");
        let request = Request::account(path, version.weight());
        let rows: Vec<wire::Balance> = self.send("balances", &request).await?;
        Ok(parse_balances(&rows)?)
    }

    /// The fees this account pays on a symbol.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn commission_rates(&self, symbol: Symbol) -> Result<FeeRates, BinanceError> {
        let request = Request::account("/fapi/v1/commissionRate", 20).with("symbol", symbol);
        Ok(parse_fee_rates(&self.send("commission rate", &request).await?)?)
    }

    /// The positions that are not flat, with what endangers them.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn position_risks(
        &self,
        version: ApiVersion,
    ) -> Result<Vec<PositionRisk>, BinanceError> {
        let path = version.of("/fapi/v2/positionRisk", "/fapi/v3/positionRisk");
        let rows: Vec<wire::Position> =
            self.send("positions", &Request::account(path, version.weight())).await?;
        Ok(parse_position_risks(&rows)?)
    }

    /// The account's margin, by asset and by position.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn account_margin(&self, version: ApiVersion) -> Result<AccountMargin, BinanceError> {
        let path = version.of("/fapi/v2/account", "/fapi/v3/account");
        let account = self.send("account", &Request::account(path, version.weight())).await?;
        Ok(parse_account_margin(&account)?)
    }

    /// The brackets of leverage of a symbol, the smallest first.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn leverage_brackets(
        &self,
        symbol: Symbol,
    ) -> Result<Vec<LeverageBracket>, BinanceError> {
        let request = Request::account("/fapi/v1/leverageBracket", 1).with("symbol", symbol);
        let rows: Vec<wire::LeverageBrackets> = self.send("leverage brackets", &request).await?;
        let found = rows.iter().find(|row| row.symbol == symbol.as_str());
        Ok(found.map_or_else(|| Ok(Vec::new()), parse_leverage_brackets)?)
    }

    /// How near each position is to auto-deleveraging.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn adl_quantiles(
        &self,
        symbol: Option<Symbol>,
    ) -> Result<Vec<wire::AdlQuantile>, BinanceError> {
        let request = Request::account("/fapi/v1/adlQuantile", 5).with_some("symbol", symbol);
        self.send("ADL quantiles", &request).await
    }

    /// How many orders the account may place; kept from now on.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn order_rate_limits(&self) -> Result<Vec<RateLimitRule>, BinanceError> {
        let request = Request::account("/fapi/v1/rateLimit/order", 1);
        let rows: Vec<wire::RateLimit> = self.send("order rate limits", &request).await?;
        let rules: Vec<RateLimitRule> = rows.iter().filter_map(parse_rate_limit).collect();
        self.set_rate_limits(&rules);
        Ok(rules)
    }

    /// How the account stands by the venue's rules against over-trading: one that is broken lets
    /// only reduce-only orders through (−4400).
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn trading_status(
        &self,
        symbol: Option<Symbol>,
    ) -> Result<wire::TradingStatus, BinanceError> {
        let weight = if symbol.is_some() { 1 } else { 10 };
        let request =
            Request::account("/fapi/v1/apiTradingStatus", weight).with_some("symbol", symbol);
        self.send("trading status", &request).await
    }

    /// Opens the user stream, or extends the one there is: one per account.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn start_listen_key(&self) -> Result<Secret, BinanceError> {
        let answer: wire::ListenKey =
            self.send("listen key", &Request::listen_key(Method::POST)).await?;
        Ok(Secret::new(answer.listen_key))
    }

    /// Extends the user stream's key by an hour; the answer is which key that is, where the venue
    /// says so.
    ///
    /// # Errors
    /// [`BinanceError`]; code −1125 says that there is none: start a new one.
    pub async fn extend_listen_key(&self) -> Result<Option<Secret>, BinanceError> {
        let answer: wire::ExtendedListenKey =
            self.send("listen key", &Request::listen_key(Method::PUT)).await?;
        Ok(answer.listen_key.map(Secret::new))
    }

    /// Ends the user stream, of every process of the account.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn close_listen_key(&self) -> Result<(), BinanceError> {
        self.send::<IgnoredAny>("listen key", &Request::listen_key(Method::DELETE)).await?;
        Ok(())
    }
}
