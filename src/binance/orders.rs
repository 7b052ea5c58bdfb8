//! Ordinary orders over REST: place, try, change, cancel, ask (exchange-api.md 4.1–4.5).
//!
//! Every order is named by the id we gave it, so that a question can follow an unknown outcome.

use std::time::Duration;

use hyper::Method;
use serde::de::IgnoredAny;

use super::error::BinanceError;
use super::order_requests::{
    self as requests, Amendment, OrderTerms, amendment, cancellation, of_symbol,
};
use super::parse::{Amended, parse_amendment, parse_order, parse_rows};
use super::request::Request;
use super::rest::RestClient;
use super::wire;
use crate::domain::{ClientOrderId, OrderReport, OrderRequest, Symbol};

/// Which orders the venue itself sends against an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForcedKind {
    /// A liquidation.
    Liquidation,
    /// Taken off to cover another account's bankruptcy.
    Deleveraging,
}

impl RestClient {
    /// Places an ordinary order.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn place_order(&self, order: &OrderRequest) -> Result<OrderReport, BinanceError> {
        self.place_order_on(order, &self.terms()).await
    }

    /// Places an ordinary order with terms of its own.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn place_order_on(
        &self,
        order: &OrderRequest,
        terms: &OrderTerms,
    ) -> Result<OrderReport, BinanceError> {
        self.order("order", &requests::placement(order, terms)).await
    }

    /// The query that would place an ordinary order now, signed; nothing is sent.
    ///
    /// # Errors
    /// [`BinanceError::NoCredentials`].
    pub fn signed_order(&self, order: &OrderRequest) -> Result<String, BinanceError> {
        let request = requests::placement(order, &OrderTerms::default());
        Ok(self.query(&request, Some(self.identity()?), self.venue_now()))
    }

    /// Has the venue check an ordinary order as it would be placed; it is not.
    ///
    /// # Errors
    /// [`BinanceError`]: what would be refused is refused.
    pub async fn test_order(
        &self,
        order: &OrderRequest,
        terms: &OrderTerms,
    ) -> Result<(), BinanceError> {
        self.send::<IgnoredAny>("order test", &requests::rehearsal(order, terms)).await?;
        Ok(())
    }

    /// Changes price and quantity of a limit order; the answer says whether it still works.
    ///
    /// # Errors
    /// [`BinanceError`]; a refused change leaves the order as it is.
    pub async fn amend_order(&self, change: &Amendment) -> Result<OrderReport, BinanceError> {
        self.order("order", &amendment(change)).await
    }

    /// Cancels an ordinary order.
    ///
    /// # Errors
    /// [`BinanceError`]; code −2011 says that there is nothing to cancel.
    pub async fn cancel_order(
        &self,
        symbol: Symbol,
        id: ClientOrderId,
    ) -> Result<OrderReport, BinanceError> {
        self.order("order", &cancellation(symbol, id)).await
    }

    /// Asks where an ordinary order stands.
    ///
    /// # Errors
    /// [`BinanceError`]; code −2013 says that the venue does not know it (yet).
    pub async fn query_order(
        &self,
        symbol: Symbol,
        id: ClientOrderId,
    ) -> Result<OrderReport, BinanceError> {
        self.order("order", &requests::question(symbol, id)).await
    }

    /// Asks for an ordinary order among those that work.
    ///
    /// # Errors
    /// [`BinanceError`]; code −2013 says that none of this name works.
    pub async fn query_working_order(
        &self,
        symbol: Symbol,
        id: ClientOrderId,
    ) -> Result<OrderReport, BinanceError> {
        let request = of_symbol("/fapi/v1/openOrder", Some(symbol)).with("origClientOrderId", id);
        self.order("open order", &request).await
    }

    /// The working ordinary orders of a symbol, or of all.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn working_orders(
        &self,
        symbol: Option<Symbol>,
    ) -> Result<Vec<OrderReport>, BinanceError> {
        self.orders("open orders", &of_symbol("/fapi/v1/openOrders", symbol)).await
    }

    /// Cancels every ordinary order of a symbol; their ends arrive on the user stream.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn cancel_all_orders(&self, symbol: Symbol) -> Result<(), BinanceError> {
        let request =
            Request::change(Method::DELETE, "/fapi/v1/allOpenOrders").with("symbol", symbol);
        self.send::<IgnoredAny>("cancel all", &request).await?;
        Ok(())
    }

    /// The dead man's switch: the venue cancels every ordinary order of a symbol after so long,
    /// unless asked again before. Zero takes it back. Whether conditional orders go too is not
    /// documented: cancel them yourself.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn cancel_all_after(
        &self,
        symbol: Symbol,
        countdown: Duration,
    ) -> Result<(), BinanceError> {
        let request = requests::countdown(symbol, countdown);
        self.send::<wire::Countdown>("countdown", &request).await?;
        Ok(())
    }

    /// The changes an ordinary order went through, as the venue orders them.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn order_amendments(
        &self,
        symbol: Symbol,
        id: ClientOrderId,
    ) -> Result<Vec<Amended>, BinanceError> {
        let request = Request::account("/fapi/v1/orderAmendment", 1)
            .with("symbol", symbol)
            .with("origClientOrderId", id);
        let rows: Vec<wire::OrderAmendment> = self.send("order amendments", &request).await?;
        Ok(rows.iter().map(parse_amendment).collect::<Result<_, _>>()?)
    }

    /// The newest orders that the venue itself sent against the account, at most 100.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn forced_orders(
        &self,
        symbol: Option<Symbol>,
        kind: Option<ForcedKind>,
    ) -> Result<Vec<OrderReport>, BinanceError> {
        let weight = if symbol.is_some() { 20 } else { 50 };
        let kind = kind.map(|kind| match kind {
            ForcedKind::Liquidation => "LIQUIDATION",
            ForcedKind::Deleveraging => "ADL",
        });
        let request = Request::account("/fapi/v1/forceOrders", weight)
            .with_some("symbol", symbol)
            .with_some("autoCloseType", kind)
            .with("limit", 100);
        self.orders("forced orders", &request).await
    }

    async fn order(
        &self,
        what: &'static str,
        request: &Request,
    ) -> Result<OrderReport, BinanceError> {
        Ok(parse_order(&self.send(what, request).await?)?)
    }

    async fn orders(
        &self,
        what: &'static str,
        request: &Request,
    ) -> Result<Vec<OrderReport>, BinanceError> {
        let rows: Vec<wire::Order> = self.send(what, request).await?;
        Ok(parse_rows(&rows, parse_order)?)
    }
}
