//! How the account is set up, and changing it: leverage, margin, modes.
//!
//! Invariant: being asked for what is so already is a success (−4046, −4059, −4171).

use hyper::Method;
use serde::de::IgnoredAny;

use super::codes;
use super::error::BinanceError;
use super::parse::exact;
use super::request::Request;
use super::rest::RestClient;
use super::wire;
use crate::domain::{AccountTerms, Amount, Symbol, SymbolTerms};

/// One-way or hedge mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PositionMode {
    /// One position a symbol: what this daemon trades in.
    OneWay,
    /// A long and a short position a symbol.
    Hedge,
}

/// Whether margin is added to an isolated position or taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarginDirection {
    /// Added.
    Add,
    /// Taken.
    Reduce,
}

impl RestClient {
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

    /// How the account is set up, as a whole and for these symbols: two questions, whatever their
    /// number.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn account_terms(&self, symbols: &[Symbol]) -> Result<AccountTerms, BinanceError> {
        let account = self.account_configuration().await?;
        let request = Request::account("/fapi/v1/symbolConfig", 5);
        let rows: Vec<wire::SymbolConfiguration> =
            self.send("symbol configurations", &request).await?;
        let terms = |symbol: &Symbol| {
            let row = rows.iter().find(|row| row.symbol == symbol.as_str())?;
            let is_isolated = row.margin_type.eq_ignore_ascii_case("ISOLATED");
            Some((*symbol, SymbolTerms { leverage: row.leverage, is_isolated }))
        };
        Ok(AccountTerms {
            is_hedged: account.dual_side_position,
            has_multi_assets: account.multi_assets_margin,
            symbols: symbols.iter().filter_map(terms).collect(),
        })
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

    /// Sets a symbol's margin to the whole account (crossed) or to itself (isolated).
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
        self.set("margin type", &request).await
    }

    /// Adds margin to an isolated position or takes some from it; the answer is how much it was.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn change_position_margin(
        &self,
        symbol: Symbol,
        direction: MarginDirection,
        amount: Amount,
    ) -> Result<Amount, BinanceError> {
        let direction = match direction {
            MarginDirection::Add => 1,
            MarginDirection::Reduce => 2,
        };
        let request = Request::change(Method::POST, "/fapi/v1/positionMargin")
            .with("symbol", symbol)
            .with("amount", amount)
            .with("type", direction);
        let answer: wire::PositionMarginChange = self.send("position margin", &request).await?;
        Ok(exact("position margin", "amount", answer.amount.as_str())?)
    }

    /// Which mode the account is in, of futures on USDT and on coins together.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn position_mode(&self) -> Result<PositionMode, BinanceError> {
        let request = Request::account("/fapi/v1/positionSide/dual", 30);
        let answer: wire::PositionMode = self.send("position mode", &request).await?;
        Ok(if answer.dual_side_position { PositionMode::Hedge } else { PositionMode::OneWay })
    }

    /// Sets the account's mode; refused while there is an order or a position.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn set_position_mode(&self, mode: PositionMode) -> Result<(), BinanceError> {
        let is_hedge = mode == PositionMode::Hedge;
        let request = Request::change(Method::POST, "/fapi/v1/positionSide/dual")
            .with("dualSidePosition", is_hedge);
        self.set("position mode", &request).await
    }

    /// Whether several assets serve as margin.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn has_multi_assets_margin(&self) -> Result<bool, BinanceError> {
        let request = Request::account("/fapi/v1/multiAssetsMargin", 30);
        let answer: wire::MultiAssetsMode = self.send("multi-assets mode", &request).await?;
        Ok(answer.multi_assets_margin)
    }

    /// Sets whether several assets serve as margin; refused while a position has margin of its own.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn set_multi_assets_margin(&self, is_on: bool) -> Result<(), BinanceError> {
        let request = Request::change(Method::POST, "/fapi/v1/multiAssetsMargin")
            .with("multiAssetsMargin", is_on);
        self.set("multi-assets mode", &request).await
    }

    /// Whether fees are paid in BNB: then commissions are no USDT.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn burns_bnb_for_fees(&self) -> Result<bool, BinanceError> {
        let request = Request::account("/fapi/v1/feeBurn", 30);
        let answer: wire::FeeBurn = self.send("fee burn", &request).await?;
        Ok(answer.fee_burn)
    }

    /// Sets whether fees are paid in BNB.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn set_bnb_for_fees(&self, is_on: bool) -> Result<(), BinanceError> {
        let request = Request::change(Method::POST, "/fapi/v1/feeBurn").with("feeBurn", is_on);
        self.set("fee burn", &request).await
    }

    async fn set(&self, what: &'static str, request: &Request) -> Result<(), BinanceError> {
        match self.send::<IgnoredAny>(what, request).await {
            Err(error) if error.code().is_some_and(codes::is_already_so) => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }
}
