//! Several orders in one request (exchange-api.md 4.0, 4.2).
//!
//! The venue answers each element on its own, in the order asked, with HTTP 200 even where all
//! failed. Invariants: **1** each element has its own outcome; **2** an answer with another number
//! of elements explains nothing: the outcome of the whole batch is unknown; **3** a batch is never
//! larger than the venue takes.

use std::collections::BTreeMap;

use hyper::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use super::error::{BinanceError, classify_element};
use super::order_requests::{Amendment, amendment, placement};
use super::parse::{parse_order, read_json};
use super::request::Request;
use super::rest::RestClient;
use super::wire;
use crate::domain::{ClientOrderId, OrderReport, OrderRequest, Symbol};

const BATCH: &str = "/fapi/v1/batchOrders";

/// What became of each element of a batch, in the order asked.
pub type Outcomes = Vec<Result<OrderReport, BinanceError>>;

/// At least one and at most `MOST` things that go in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<T, const MOST: usize>(Vec<T>);

/// Orders to place together.
pub type OrderBatch = Batch<OrderRequest, 5>;
/// Changes to make together.
pub type AmendmentBatch = Batch<Amendment, 5>;
/// Orders of one symbol to cancel together.
pub type CancelBatch = Batch<ClientOrderId, 10>;

/// A batch that the venue would not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a batch of {count}; one holds 1 to {most}: split it")]
pub struct BatchSize {
    /// How many there are.
    pub count: usize,
    /// How many there may be.
    pub most: usize,
}

impl<T, const MOST: usize> Batch<T, MOST> {
    /// Takes over what goes in one request.
    ///
    /// # Errors
    /// [`BatchSize`] if it is nothing or too much.
    pub fn new(elements: Vec<T>) -> Result<Self, BatchSize> {
        if elements.is_empty() || elements.len() > MOST {
            return Err(BatchSize { count: elements.len(), most: MOST });
        }
        Ok(Self(elements))
    }
}

impl RestClient {
    /// Places several orders together. They are not one: some may be refused.
    ///
    /// # Errors
    /// [`BinanceError`] where it concerns all of them.
    pub async fn place_orders(&self, orders: &OrderBatch) -> Result<Outcomes, BinanceError> {
        let terms = self.terms();
        let each = orders.0.iter().map(|order| placement(order, &terms));
        let is_protective = orders.0.iter().all(|order| order.reduce_only);
        self.send_batch(Request::place(BATCH, is_protective), each.collect()).await
    }

    /// Changes several orders together. They are not one: some changes may be refused.
    ///
    /// # Errors
    /// [`BinanceError`] where it concerns all of them.
    pub async fn amend_orders(&self, changes: &AmendmentBatch) -> Result<Outcomes, BinanceError> {
        let each = changes.0.iter().map(amendment);
        let is_protective = changes.0.iter().all(|change| change.is_reduce_only);
        self.send_batch(Request::amend(BATCH, is_protective), each.collect()).await
    }

    /// Cancels several orders of a symbol together.
    ///
    /// # Errors
    /// [`BinanceError`] where it concerns all of them.
    pub async fn cancel_orders(
        &self,
        symbol: Symbol,
        ids: &CancelBatch,
    ) -> Result<Outcomes, BinanceError> {
        let names: Vec<&str> = ids.0.iter().map(ClientOrderId::as_str).collect();
        let request = Request::change(Method::DELETE, BATCH)
            .with("symbol", symbol)
            .with("origClientOrderIdList", json(&names));
        self.outcomes(&request, names.len()).await
    }

    async fn send_batch(
        &self,
        batch: Request,
        each: Vec<Request>,
    ) -> Result<Outcomes, BinanceError> {
        let elements: Vec<BTreeMap<&str, &str>> = each
            .iter()
            .map(|one| one.parameters().iter().map(|(name, text)| (*name, text.as_str())).collect())
            .collect();
        let request = batch.batched().with("batchOrders", json(&elements));
        self.outcomes(&request, elements.len()).await
    }

    async fn outcomes(&self, request: &Request, count: usize) -> Result<Outcomes, BinanceError> {
        let body = self.send_in_time(request).await?;
        let elements: Vec<&RawValue> = read_json("batch", &body)?;
        if elements.len() != count {
            let reason = format!("{} answers to {count} orders of a batch", elements.len());
            return Err(BinanceError::Unknown { reason });
        }
        Ok(elements.into_iter().map(|element| self.outcome(request, element.get())).collect())
    }

    fn outcome(&self, request: &Request, element: &str) -> Result<OrderReport, BinanceError> {
        let refusal: Element = read_json("batch element", element)?;
        if refusal.code.is_some() {
            let body = read_json("batch element", element)?;
            return Err(self.heed(classify_element(request.operation, self.venue_now(), &body)));
        }
        Ok(parse_order(&read_json::<wire::Order>("batch element", element)?)?)
    }
}

/// What tells a refusal from an order: an order has no code.
#[derive(Deserialize)]
struct Element {
    code: Option<wire::Text>,
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| unreachable!("texts are always JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariant_3_a_batch_is_neither_empty_nor_larger_than_the_venue_takes() {
        assert!(Batch::<u8, 5>::new(vec![1; 5]).is_ok());
        for count in [0, 6] {
            assert_eq!(Batch::<u8, 5>::new(vec![1; count]), Err(BatchSize { count, most: 5 }));
        }
    }
}
