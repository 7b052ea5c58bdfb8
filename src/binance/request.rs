//! One request, assembled before it is sent (exchange-api.md 3.1).
//!
//! Everything goes into the query string, percent-encoded as it is signed and sent; the body is
//! empty. Pure: the time enters as an argument.

use std::fmt::Display;
use std::time::Duration;

use super::error::Operation;
use super::rate::Cost;
use crate::domain::Timestamp;
use crate::sign::{Signer, percent_encode};

/// A signed order of the usual length fits.
const QUERY_CAPACITY: usize = 384;
/// What a batch of orders weighs, and how many orders it counts as (exchange-api.md 4.0).
const BATCH_WEIGHT: u32 = 5;
const BATCH_ORDERS: u32 = 5;

/// What a request must carry to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// Nothing.
    Public,
    /// The API key in a header.
    Key,
    /// The API key, a timestamp and a signature.
    Signed,
}

/// A request without its timestamp and signature: these are made when it is sent.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: hyper::Method,
    pub(super) path: &'static str,
    pub(super) security: Security,
    pub(super) operation: Operation,
    pub(super) cost: Cost,
    parameters: Vec<(&'static str, String)>,
}

impl Request {
    /// A public question.
    pub(super) fn public(path: &'static str, weight: u32) -> Self {
        Self::new(hyper::Method::GET, path, Security::Public, weight)
    }

    /// A question about the account. It never touches what is kept for cancels: reconciliation can
    /// wait for the next window, a cancel cannot (I12).
    pub(super) fn account(path: &'static str, weight: u32) -> Self {
        Self::new(hyper::Method::GET, path, Security::Signed, weight)
    }

    /// A question about one order, stop or position that is being protected or closed.
    pub(super) fn inquiry(path: &'static str, weight: u32) -> Self {
        Self::account(path, weight).protective(true)
    }

    /// A question for funding rates: it has no weight, but a limit of its own.
    pub(super) fn funding(path: &'static str) -> Self {
        let mut request = Self::public(path, 0);
        request.cost.funding_questions = 1;
        request
    }

    /// Places an order.
    pub(super) fn place(path: &'static str, is_protective: bool) -> Self {
        let mut request = Self::new(hyper::Method::POST, path, Security::Signed, 0);
        request.operation = Operation::Place;
        request.counting_orders(1).protective(is_protective)
    }

    /// Tries an order without placing it.
    pub(super) fn rehearse(path: &'static str) -> Self {
        Self::new(hyper::Method::POST, path, Security::Signed, 0)
    }

    /// Changes an order.
    pub(super) fn amend(path: &'static str, is_protective: bool) -> Self {
        let mut request = Self::new(hyper::Method::PUT, path, Security::Signed, 0);
        request.operation = Operation::Change;
        request.counting_orders(1).protective(is_protective)
    }

    /// Makes a request one for a batch of orders: it costs the same however few they are.
    pub(super) fn batched(mut self) -> Self {
        self.cost.weight = BATCH_WEIGHT;
        self.cost.orders = BATCH_ORDERS;
        self
    }

    /// Cancels or changes something.
    pub(super) fn change(method: hyper::Method, path: &'static str) -> Self {
        let mut request = Self::new(method, path, Security::Signed, 1);
        request.operation = Operation::Change;
        request.protective(true)
    }

    /// Opens, extends or closes the user stream.
    pub(super) fn listen_key(method: hyper::Method) -> Self {
        let mut request = Self::new(method, "/fapi/v1/listenKey", Security::Key, 1);
        request.operation = Operation::Change;
        request.protective(true)
    }

    fn new(method: hyper::Method, path: &'static str, security: Security, weight: u32) -> Self {
        let cost = Cost { weight, ..Cost::default() };
        Self { method, path, security, operation: Operation::Read, cost, parameters: Vec::new() }
    }

    /// Whether it may use what is kept for cancels and stops.
    pub(super) const fn protective(mut self, is_protective: bool) -> Self {
        self.cost.is_protective = is_protective;
        self
    }

    fn counting_orders(mut self, orders: u32) -> Self {
        (self.cost.orders, self.cost.order_requests) = (orders, 1);
        self
    }

    /// Costs this much weight instead of what is usual for its kind.
    pub(super) const fn weighing(mut self, weight: u32) -> Self {
        self.cost.weight = weight;
        self
    }

    /// Adds a parameter.
    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.parameters.push((name, value.to_string()));
        self
    }

    /// Adds a parameter where there is a value for it.
    pub(super) fn with_some(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The parameters, in the order in which they were added.
    pub(super) fn parameters(&self) -> &[(&'static str, String)] {
        &self.parameters
    }

    /// The query as it goes out, signed if the request wants it. `now` is the venue's time.
    pub(super) fn query_at(
        &self,
        now: Timestamp,
        receive_window: Duration,
        signer: Option<&Signer>,
    ) -> String {
        let mut query = String::with_capacity(QUERY_CAPACITY);
        for (name, value) in &self.parameters {
            append(&mut query, name, value);
        }
        let (Security::Signed, Some(signer)) = (self.security, signer) else { return query };
        append(&mut query, "recvWindow", &receive_window.as_millis().to_string());
        append(&mut query, "timestamp", &now.millis().to_string());
        let signature = signer.sign(&query);
        append(&mut query, "signature", &signature);
        query
    }
}

fn append(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    query.extend(percent_encode(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Secret;

    #[test]
    fn the_documentations_example_is_assembled_and_signed_byte_for_byte() {
        let secret = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9";
        let signer = Signer::new(&Secret::new(secret.to_owned()));
        let request = Request::place("/fapi/v1/order", false)
            .with("symbol", "BTCUSDT")
            .with("side", "BUY")
            .with("type", "LIMIT")
            .with("quantity", 1)
            .with("price", 9000)
            .with("timeInForce", "GTC");
        let now = Timestamp::from_millis(1_591_702_613_943);
        let query = request.query_at(now, Duration::from_secs(5), Some(&signer));
        let expected = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC\
            &recvWindow=5000&timestamp=1591702613943&signature=\
            3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9";
        assert_eq!(query, expected);
    }

    #[test]
    fn a_symbol_outside_ascii_is_signed_as_it_is_sent() {
        let request = Request::public("/fapi/v1/depth", 5).with("symbol", "１a b");
        let query = request.query_at(Timestamp::default(), Duration::ZERO, None);
        assert_eq!(query, "symbol=%EF%BC%91a%20b");
    }
}
