//! The account: positions, balances, fills, fees, configuration, and the user stream's key.

use std::time::Duration;

use reqwest::Method;
use serde::de::IgnoredAny;

use super::codes::NOTHING_TO_CHANGE;
use super::error::BinanceError;
use super::parse::{parse_balances, parse_fee_rates, parse_fills, parse_position, parse_positions};
use super::request::Request;
use super::rest::RestClient;
use super::wire;
use crate::domain::{BalanceReport, FeeRates, Fill, PositionReport, Symbol, Timestamp, TradeId};
use crate::sign::Secret;

/// The most rows a page of trade history has.
const PAGE: usize = 1000;
/// The longest span one question by time may cover.
const HISTORY_WINDOW: Duration = Duration::from_hours(7 * 24);
/// More pages than this are no catching up but a mistake in `since`.
const MOST_PAGES: usize = 1000;

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
        let request = Request::account("/fapi/v3/positionRisk", 5).with("symbol", symbol);
        let rows: Vec<wire::Position> = self.send("positions", &request).await?;
        Ok(parse_position(symbol, &rows)?)
    }

    /// The balances that are not zero.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn balances(&self) -> Result<Vec<BalanceReport>, BinanceError> {
        let request = Request::account("/fapi/v3/balance", 5);
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

    /// How the account is set up.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn account_configuration(&self) -> Result<wire::AccountConfiguration, BinanceError> {
        self.send("account configuration", &Request::account("/fapi/v1/accountConfig", 5)).await
    }

    /// How the account is set up for one symbol.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn symbol_configuration(
        &self,
        symbol: Symbol,
    ) -> Result<Option<wire::SymbolConfiguration>, BinanceError> {
        let request = Request::account("/fapi/v1/symbolConfig", 5).with("symbol", symbol);
        let rows: Vec<wire::SymbolConfiguration> =
            self.send("symbol configuration", &request).await?;
        Ok(rows.into_iter().find(|row| row.symbol == symbol.as_str()))
    }

    /// Sets a symbol's leverage; the answer is what is set now.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn set_leverage(&self, symbol: Symbol, leverage: u32) -> Result<u32, BinanceError> {
        let request = Request::change(Method::POST, "/fapi/v1/leverage")
            .with("symbol", symbol)
            .with("leverage", leverage);
        let answer: wire::Leverage = self.send("leverage", &request).await?;
        Ok(answer.leverage)
    }

    /// Sets a symbol's margin to the whole account (crossed) or to itself (isolated). Having it
    /// already is a success.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn set_margin_type(
        &self,
        symbol: Symbol,
        is_isolated: bool,
    ) -> Result<(), BinanceError> {
        let request = Request::change(Method::POST, "/fapi/v1/marginType")
            .with("symbol", symbol)
            .with("marginType", if is_isolated { "ISOLATED" } else { "CROSSED" });
        match self.send::<IgnoredAny>("margin type", &request).await {
            Err(error) if error.code().is_some_and(|code| NOTHING_TO_CHANGE.contains(&code)) => {
                Ok(())
            }
            outcome => outcome.map(|_| ()),
        }
    }

    /// Our trades in a symbol after a known one, or since a moment: all pages, oldest first.
    ///
    /// # Errors
    /// [`BinanceError`]; then nothing is told, for a history with a hole is worse than none.
    pub async fn trade_history(
        &self,
        symbol: Symbol,
        after: Option<TradeId>,
        since: Timestamp,
    ) -> Result<Vec<Fill>, BinanceError> {
        let mut fills: Vec<Fill> = Vec::new();
        let mut next = after.map(|known| known.0.saturating_add(1));
        let mut from = since;
        for _ in 0..MOST_PAGES {
            let page = self.history_page(symbol, next, from).await?;
            let count = page.len();
            fills.extend(page);
            match (fills.last(), next) {
                // The first trades since a moment are found: from here on page by id.
                (Some(last), None) => next = Some(last.trade_id.0.saturating_add(1)),
                (Some(last), Some(_)) if count == PAGE => {
                    next = Some(last.trade_id.0.saturating_add(1));
                }
                (_, Some(_)) => return Ok(fills),
                (None, None) => {
                    from = from + HISTORY_WINDOW;
                    if from >= self.now() {
                        return Ok(fills);
                    }
                }
            }
        }
        Err(BinanceError::NotProcessed {
            reason: format!("more than {} trades since {since}", MOST_PAGES * PAGE),
        })
    }

    async fn history_page(
        &self,
        symbol: Symbol,
        from_id: Option<u64>,
        since: Timestamp,
    ) -> Result<Vec<Fill>, BinanceError> {
        let request =
            Request::account("/fapi/v1/userTrades", 5).with("symbol", symbol).with("limit", PAGE);
        let request = match from_id {
            Some(id) => request.with("fromId", id),
            None => request
                .with("startTime", since.millis())
                .with("endTime", (since + HISTORY_WINDOW).millis() - 1),
        };
        let rows: Vec<wire::UserTrade> = self.send("user trades", &request).await?;
        Ok(parse_fills(&rows)?)
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

    /// Extends the user stream's key by an hour.
    ///
    /// # Errors
    /// [`BinanceError`]; code −1125 says that there is none: start a new one.
    pub async fn extend_listen_key(&self) -> Result<(), BinanceError> {
        self.send::<IgnoredAny>("listen key", &Request::listen_key(Method::PUT)).await?;
        Ok(())
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
