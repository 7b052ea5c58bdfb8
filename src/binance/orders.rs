//! Orders, ordinary and conditional: place, cancel, query (exchange-api.md 4.1–4.6).
//!
//! Every order is named by the id we gave it, so that a question can follow an unknown outcome.

use reqwest::Method;

use super::error::BinanceError;
use super::parse::{parse_order, parse_stop};
use super::request::Request;
use super::rest::RestClient;
use super::wire;
use crate::domain::{
    ClientOrderId, OrderKind, OrderReport, OrderRequest, StopReport, StopRequest, StopSize, Symbol,
    TimeInForce,
};

const ORDER: &str = "/fapi/v1/order";
const ALGO_ORDER: &str = "/fapi/v1/algoOrder";

/// The one conditional type we place; others found at the venue are not protective stops.
const STOP_MARKET: &str = "STOP_MARKET";

impl RestClient {
    /// Places an ordinary order.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn place_order(&self, order: &OrderRequest) -> Result<OrderReport, BinanceError> {
        let request = Request::place(ORDER, order.reduce_only)
            .with("symbol", order.symbol)
            .with("side", order.side)
            .with("type", if order.kind.price().is_some() { "LIMIT" } else { "MARKET" })
            .with("quantity", order.quantity);
        let request = match order.kind {
            OrderKind::Limit { price, time_in_force } => {
                request.with("price", price).with("timeInForce", time_in_force_code(time_in_force))
            }
            OrderKind::Market => request,
        };
        let request = if order.reduce_only { request.with("reduceOnly", "true") } else { request };
        let request = request
            .with("newClientOrderId", order.client_order_id)
            .with("newOrderRespType", "RESULT");
        Ok(parse_order(&self.send("order", &request).await?)?)
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
        let request = Request::change(Method::DELETE, ORDER)
            .with("symbol", symbol)
            .with("origClientOrderId", id);
        Ok(parse_order(&self.send("order", &request).await?)?)
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
        let request =
            Request::account(ORDER, 1).with("symbol", symbol).with("origClientOrderId", id);
        Ok(parse_order(&self.send("order", &request).await?)?)
    }

    /// The working ordinary orders of a symbol, or of all.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn working_orders(
        &self,
        symbol: Option<Symbol>,
    ) -> Result<Vec<OrderReport>, BinanceError> {
        let request = of_symbol("/fapi/v1/openOrders", symbol);
        let orders: Vec<wire::Order> = self.send("open orders", &request).await?;
        Ok(orders.iter().map(parse_order).collect::<Result<_, _>>()?)
    }

    /// Cancels every ordinary order of a symbol.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn cancel_all_orders(&self, symbol: Symbol) -> Result<(), BinanceError> {
        self.cancel_every("/fapi/v1/allOpenOrders", symbol).await
    }

    /// Places a protective stop: a market order once the mark price touches the trigger.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn place_protective_stop(
        &self,
        stop: &StopRequest,
    ) -> Result<StopReport, BinanceError> {
        let request = Request::place(ALGO_ORDER, true)
            .with("algoType", "CONDITIONAL")
            .with("symbol", stop.symbol)
            .with("side", stop.side)
            .with("type", STOP_MARKET)
            .with("triggerPrice", stop.trigger_price)
            .with("workingType", "MARK_PRICE");
        let request = match stop.size {
            StopSize::Quantity(quantity) => {
                request.with("quantity", quantity).with("reduceOnly", "true")
            }
            StopSize::ClosePosition => request.with("closePosition", "true"),
        };
        let request = request.with("clientAlgoId", stop.client_order_id);
        Ok(parse_stop(&self.send("algo order", &request).await?)?)
    }

    /// Cancels a conditional order.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn cancel_protective_stop(&self, id: ClientOrderId) -> Result<(), BinanceError> {
        let request = Request::change(Method::DELETE, ALGO_ORDER).with("clientAlgoId", id);
        // The answer is `{"code":"200",…}` or the order itself, depending on the server.
        let _: serde::de::IgnoredAny = self.send("algo cancel", &request).await?;
        Ok(())
    }

    /// Asks where a conditional order stands.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn query_protective_stop(
        &self,
        id: ClientOrderId,
    ) -> Result<StopReport, BinanceError> {
        let request = Request::account(ALGO_ORDER, 1).with("clientAlgoId", id);
        Ok(parse_stop(&self.send("algo order", &request).await?)?)
    }

    /// The waiting stop-market orders of a symbol, or of all. Conditional orders of other types
    /// (foreign take-profits) are left out: they do not protect.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn waiting_stops(
        &self,
        symbol: Option<Symbol>,
    ) -> Result<Vec<StopReport>, BinanceError> {
        let request = of_symbol("/fapi/v1/openAlgoOrders", symbol);
        let orders: Vec<wire::AlgoOrder> = self.send("open algo orders", &request).await?;
        let stops = orders.iter().filter(|order| order.order_type == STOP_MARKET);
        Ok(stops.map(parse_stop).collect::<Result<_, _>>()?)
    }

    /// Cancels every conditional order of a symbol.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn cancel_all_stops(&self, symbol: Symbol) -> Result<(), BinanceError> {
        self.cancel_every("/fapi/v1/algoOpenOrders", symbol).await
    }

    async fn cancel_every(&self, path: &'static str, symbol: Symbol) -> Result<(), BinanceError> {
        let request = Request::change(Method::DELETE, path).with("symbol", symbol);
        let _: serde::de::IgnoredAny = self.send("cancel all", &request).await?;
        Ok(())
    }
}

/// A list costs 1 for one symbol and 40 for all.
fn of_symbol(path: &'static str, symbol: Option<Symbol>) -> Request {
    match symbol {
        Some(symbol) => Request::account(path, 1).with("symbol", symbol),
        None => Request::account(path, 40),
    }
}

const fn time_in_force_code(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::GoodTilCanceled => "GTC",
        TimeInForce::ImmediateOrCancel => "IOC",
        TimeInForce::FillOrKill => "FOK",
        TimeInForce::PostOnly => "GTX",
    }
}
