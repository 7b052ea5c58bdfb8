//! The port of trading: orders go by REST, or by the order socket with REST as what remains.
//!
//! Invariant: a request goes by the second way only if it surely did not leave by the first, and
//! then under the same client order id. Questions go by REST always: they are asked when an answer
//! of the socket did not come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::error::BinanceError;
use super::order_socket::{OrderSocket, SocketFailure};
use super::rest::RestClient;
use crate::book::{DepthSnapshot, PublicTrade};
use crate::domain::{
    AccountReport, AccountTerms, ClientOrderId, Fill, Income, OrderReport, OrderRequest,
    PositionReport, StopReport, StopRequest, Symbol, Timestamp, TradeId,
};
use crate::venue::{Answer, PUBLIC_TRADES_MAX, Venue};

/// Levels a side of a resync: as many as the venue gives.
const RESYNC_LEVELS: u32 = 1000;

/// Binance USD-M futures as a venue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BinanceVenue {
    rest: Arc<RestClient>,
    socket: Option<OrderSocket>,
}

impl BinanceVenue {
    /// Trades through the given client.
    #[must_use]
    pub const fn new(rest: Arc<RestClient>) -> Self {
        Self { rest, socket: None }
    }

    /// Sends orders and cancels through a socket while it is open.
    #[must_use]
    pub fn with_order_socket(self, socket: OrderSocket) -> Self {
        Self { socket: Some(socket), ..self }
    }

    /// The client, for what the port does not offer.
    #[must_use]
    pub const fn rest(&self) -> &Arc<RestClient> {
        &self.rest
    }

    /// The account in the symbols asked for and in every symbol with a position. Orders of other
    /// symbols cost 80 weight to list and do not touch ours: they are left out.
    async fn account_report(
        &self,
        fills_after: &BTreeMap<Symbol, Option<TradeId>>,
        since: Timestamp,
    ) -> Result<AccountReport, BinanceError> {
        let asked_at = self.rest.now();
        let (positions, balances) =
            tokio::try_join!(self.rest.open_positions(), self.rest.balances())?;
        let held = positions.iter().map(|position| position.symbol);
        let symbols: BTreeSet<Symbol> = fills_after.keys().copied().chain(held).collect();
        let orders = symbols.iter().map(|&symbol| self.rest.working_orders(Some(symbol)));
        let stops = symbols.iter().map(|&symbol| self.rest.waiting_stops(Some(symbol)));
        let fills = fills_after
            .iter()
            .map(|(&symbol, &after)| self.rest.trade_history(symbol, after, since));
        let (orders, stops, fills) =
            tokio::try_join!(try_join_all(orders), try_join_all(stops), try_join_all(fills))?;
        let mut fills = fills.concat();
        fills.sort_by_key(|fill| (fill.time, fill.symbol, fill.trade_id));
        self.rest.end_first_look();
        Ok(AccountReport {
            asked_at,
            positions,
            open_orders: orders.concat(),
            open_stops: stops.concat(),
            fills,
            balances,
        })
    }
}

impl Venue for BinanceVenue {
    async fn place(&self, order: &OrderRequest) -> Answer<OrderReport> {
        if let Some(socket) = &self.socket
            && let Some(told) = taken(socket.place_order(order).await)
        {
            return Ok(told?);
        }
        Ok(self.rest.place_order(order).await?)
    }

    async fn cancel(&self, symbol: Symbol, id: ClientOrderId) -> Answer<OrderReport> {
        if let Some(socket) = &self.socket
            && let Some(told) = taken(socket.cancel_order(symbol, id).await)
        {
            return Ok(told?);
        }
        Ok(self.rest.cancel_order(symbol, id).await?)
    }

    async fn cancel_all(&self, symbol: Symbol) -> Answer<()> {
        Ok(self.rest.cancel_all_orders(symbol).await?)
    }

    async fn query(&self, symbol: Symbol, id: ClientOrderId) -> Answer<OrderReport> {
        Ok(self.rest.query_order(symbol, id).await?)
    }

    async fn place_stop(&self, stop: &StopRequest) -> Answer<StopReport> {
        if let Some(socket) = &self.socket
            && let Some(told) = taken(socket.place_protective_stop(stop).await)
        {
            return Ok(told?);
        }
        Ok(self.rest.place_protective_stop(stop).await?)
    }

    async fn cancel_stop(&self, id: ClientOrderId) -> Answer<()> {
        if let Some(socket) = &self.socket
            && let Some(told) = taken(socket.cancel_protective_stop(id).await)
        {
            return Ok(told?);
        }
        Ok(self.rest.cancel_protective_stop(id).await?)
    }

    async fn query_stop(&self, id: ClientOrderId) -> Answer<StopReport> {
        Ok(self.rest.query_protective_stop(id).await?)
    }

    async fn set_countdown(&self, symbol: Symbol, after: Duration) -> Answer<()> {
        Ok(self.rest.cancel_all_after(symbol, after).await?)
    }

    async fn open_orders(&self, symbol: Symbol) -> Answer<Vec<OrderReport>> {
        Ok(self.rest.working_orders(Some(symbol)).await?)
    }

    async fn open_stops(&self, symbol: Symbol) -> Answer<Vec<StopReport>> {
        Ok(self.rest.waiting_stops(Some(symbol)).await?)
    }

    async fn position(&self, symbol: Symbol) -> Answer<PositionReport> {
        Ok(self.rest.position_of(symbol).await?)
    }

    async fn fills(
        &self,
        symbol: Symbol,
        after: Option<TradeId>,
        since: Timestamp,
    ) -> Answer<Vec<Fill>> {
        Ok(self.rest.trade_history(symbol, after, since).await?)
    }

    async fn account(
        &self,
        fills_after: &BTreeMap<Symbol, Option<TradeId>>,
        since: Timestamp,
    ) -> Answer<AccountReport> {
        Ok(self.account_report(fills_after, since).await?)
    }

    async fn income(&self, from: Timestamp, to: Timestamp) -> Answer<Vec<Income>> {
        Ok(self.rest.income_history(None, from, to).await?)
    }

    async fn account_terms(&self, symbols: &[Symbol]) -> Answer<AccountTerms> {
        Ok(self.rest.account_terms(symbols).await?)
    }

    async fn depth(&self, symbol: Symbol) -> Answer<DepthSnapshot> {
        Ok(self.rest.order_book(symbol, RESYNC_LEVELS).await?)
    }

    async fn public_trades(
        &self,
        symbol: Symbol,
        from: Option<TradeId>,
    ) -> Answer<Vec<PublicTrade>> {
        let from = from.map(|id| id.0);
        Ok(self.rest.aggregate_trades(symbol, from, PUBLIC_TRADES_MAX).await?)
    }
}

/// What the socket made of a request; `None` if it surely did not leave.
fn taken<T>(outcome: Result<T, SocketFailure>) -> Option<Result<T, BinanceError>> {
    match outcome {
        Ok(report) => Some(Ok(report)),
        Err(SocketFailure::Failed(error)) => Some(Err(error)),
        Err(SocketFailure::NotTaken(reason)) => {
            tracing::debug!(reason, "by REST instead");
            None
        }
    }
}
