//! What was: our trades, orders, conditional orders and payments, all pages.
//!
//! Invariant: a history is told whole or not at all, for one with a hole is worse than none. Only a
//! row that means nothing without a value unknown to this version is left out, and told of.

use serde::de::DeserializeOwned;

use super::error::BinanceError;
use super::pages::{MOST_PAGES, PAGE, Pages, Question};
use super::parse::{
    ConditionalReport, parse_conditional, parse_fills, parse_incomes, parse_order, parse_rows,
};
use super::request::Request;
use super::rest::RestClient;
use super::wire;
use crate::domain::{AlgoOrderId, Fill, Income, OrderId, OrderReport, Symbol, Timestamp, TradeId};

/// A history that ids lead through.
struct History<R> {
    what: &'static str,
    request: Request,
    /// The parameter that names the first id wanted.
    from_id: &'static str,
    id_of: fn(&R) -> u64,
}

impl RestClient {
    /// Our trades in a symbol after a known one, or since a moment, oldest first.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn trade_history(
        &self,
        symbol: Symbol,
        after: Option<TradeId>,
        since: Timestamp,
    ) -> Result<Vec<Fill>, BinanceError> {
        let history = History::<wire::UserTrade> {
            what: "user trades",
            request: Request::account("/fapi/v1/userTrades", 5).with("symbol", symbol),
            from_id: "fromId",
            id_of: |trade| trade.id,
        };
        let pages = Pages::after(after.map(|known| known.0), since, self.now());
        Ok(parse_fills(&self.read_pages(&history, pages).await?)?)
    }

    /// Our ordinary orders in a symbol after a known one, or since a moment, whatever became of
    /// them. Those cancelled without a fill are forgotten after three days (exchange-api.md 4.4).
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn order_history(
        &self,
        symbol: Symbol,
        after: Option<OrderId>,
        since: Timestamp,
    ) -> Result<Vec<OrderReport>, BinanceError> {
        let history = History::<wire::Order> {
            what: "all orders",
            request: Request::account("/fapi/v1/allOrders", 5).with("symbol", symbol),
            from_id: "orderId",
            id_of: |order| order.order_id,
        };
        let pages = Pages::after(after.map(|known| known.0), since, self.now());
        let rows = self.read_pages(&history, pages).await?;
        Ok(parse_rows(&rows, parse_order)?)
    }

    /// Our conditional orders in a symbol after a known one, or since a moment.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn conditional_history(
        &self,
        symbol: Symbol,
        after: Option<AlgoOrderId>,
        since: Timestamp,
    ) -> Result<Vec<ConditionalReport>, BinanceError> {
        let history = History::<wire::AlgoOrder> {
            what: "all algo orders",
            request: Request::account("/fapi/v1/allAlgoOrders", 5).with("symbol", symbol),
            from_id: "algoId",
            id_of: |order| order.algo_id,
        };
        let pages = Pages::after(after.map(|known| known.0), since, self.now());
        let rows = self.read_pages(&history, pages).await?;
        Ok(parse_rows(&rows, parse_conditional)?)
    }

    /// The account's payments from one moment on, before another: at most three months back. Here
    /// pages have numbers; a fixed end keeps new rows from moving them.
    ///
    /// # Errors
    /// [`BinanceError`].
    pub async fn income_history(
        &self,
        kind: Option<&wire::IncomeType>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Income>, BinanceError> {
        let mut rows: Vec<wire::Income> = Vec::new();
        for page in 1..=MOST_PAGES {
            let request = Request::account("/fapi/v1/income", 30)
                .with_some("incomeType", kind.map(wire::IncomeType::as_str))
                .with("startTime", from.millis())
                .with("endTime", to.millis() - 1)
                .with("page", page)
                .with("limit", PAGE);
            let read: Vec<wire::Income> = self.send("income", &request).await?;
            let is_last = read.len() < PAGE;
            rows.extend(read);
            if is_last {
                return Ok(parse_incomes(&rows)?);
            }
        }
        Err(endless("payments", from))
    }

    async fn read_pages<R: DeserializeOwned>(
        &self,
        history: &History<R>,
        mut pages: Pages,
    ) -> Result<Vec<R>, BinanceError> {
        let mut rows: Vec<R> = Vec::new();
        while let Some(question) = pages.question() {
            if pages.is_endless() {
                return Err(endless(history.what, self.now()));
            }
            let request = history.request.clone();
            let request = match question {
                Question::FromId(id) => request.with(history.from_id, id),
                Question::Window(from, to) => {
                    request.with("startTime", from.millis()).with("endTime", to.millis() - 1)
                }
            };
            let mut page: Vec<R> = self.send(history.what, &request.with("limit", PAGE)).await?;
            page.sort_by_key(history.id_of);
            pages.read(page.len(), page.last().map(history.id_of));
            rows.extend(page);
        }
        Ok(rows)
    }
}

fn endless(what: &str, since: Timestamp) -> BinanceError {
    let most = MOST_PAGES * PAGE;
    BinanceError::NotProcessed { reason: format!("more than {most} rows of {what} by {since}") }
}
