//! Conditional orders over REST: place, cancel, ask (exchange-api.md 4.6). They have endpoints of
//! their own; the ordinary ones refuse them (−4120).

use hyper::Method;
use serde::de::IgnoredAny;

use super::error::BinanceError;
use super::order_requests::{
    ConditionalRequest, conditional_cancellation, conditional_placement, conditional_question,
    of_symbol,
};
use super::parse::{ConditionalReport, parse_conditional, parse_rows, parse_stop};
use super::request::Request;
use super::rest::RestClient;
use super::wire::{self, ConditionalType};
use crate::domain::{ClientOrderId, StopReport, StopRequest, Symbol};

const OPEN: &str = "/fapi/v1/openAlgoOrders";

impl RestClient {
    /// Places a protective stop: a market order once the mark price touches the trigger.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn place_protective_stop(
        &self,
        stop: &StopRequest,
    ) -> Result<StopReport, BinanceError> {
        let request = conditional_placement(&stop.into(), self.terms().self_trade_prevention);
        Ok(parse_stop(&self.send("algo order", &request).await?)?)
    }

    /// Places a conditional order of any type.
    ///
    /// # Errors
    /// [`BinanceError`]; code −2021 says that its condition is met already.
    pub async fn place_conditional(
        &self,
        order: &ConditionalRequest,
    ) -> Result<ConditionalReport, BinanceError> {
        let request = conditional_placement(order, self.terms().self_trade_prevention);
        Ok(parse_conditional(&self.send("algo order", &request).await?)?)
    }

    /// Cancels a conditional order that was not triggered yet.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn cancel_protective_stop(&self, id: ClientOrderId) -> Result<(), BinanceError> {
        // The answer is `{"code":"200",…}` or the order itself, depending on the server.
        self.send::<IgnoredAny>("algo cancel", &conditional_cancellation(id)).await?;
        Ok(())
    }

    /// Asks where a protective stop stands.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn query_protective_stop(
        &self,
        id: ClientOrderId,
    ) -> Result<StopReport, BinanceError> {
        Ok(parse_stop(&self.send("algo order", &conditional_question(id)).await?)?)
    }

    /// Asks where a conditional order of any type stands.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn query_conditional(
        &self,
        id: ClientOrderId,
    ) -> Result<ConditionalReport, BinanceError> {
        Ok(parse_conditional(&self.send("algo order", &conditional_question(id)).await?)?)
    }

    /// The waiting stop-market orders of a symbol, or of all. Conditional orders of other types
    /// (foreign take-profits) are left out: they do not protect. Whoever shows or cancels what
    /// waits needs [`Self::waiting_conditionals`].
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn waiting_stops(
        &self,
        symbol: Option<Symbol>,
    ) -> Result<Vec<StopReport>, BinanceError> {
        let rows = self.waiting(symbol).await?;
        let stops = rows.iter().filter(|row| row.order_type == ConditionalType::StopMarket);
        Ok(parse_rows(stops, parse_stop)?)
    }

    /// The waiting conditional orders of a symbol, or of all.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn waiting_conditionals(
        &self,
        symbol: Option<Symbol>,
    ) -> Result<Vec<ConditionalReport>, BinanceError> {
        let rows = self.waiting(symbol).await?;
        Ok(parse_rows(&rows, parse_conditional)?)
    }

    /// Cancels every conditional order of a symbol.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn cancel_all_stops(&self, symbol: Symbol) -> Result<(), BinanceError> {
        let request =
            Request::change(Method::DELETE, "/fapi/v1/algoOpenOrders").with("symbol", symbol);
        self.send::<IgnoredAny>("cancel all", &request).await?;
        Ok(())
    }

    async fn waiting(&self, symbol: Option<Symbol>) -> Result<Vec<wire::AlgoOrder>, BinanceError> {
        self.send("open algo orders", &of_symbol(OPEN, symbol)).await
    }
}
