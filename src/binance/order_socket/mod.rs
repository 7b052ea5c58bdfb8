//! Orders over WebSocket (exchange-api.md 3.3): one connection, many requests, answers by id.
//!
//! Says the same as REST under the same client order ids, spends from the same budget and has one
//! outcome more: a request that was not taken surely did not leave, and may go by REST. Invariants:
//! **1** a request whose bytes may have left is `Unknown` once its connection is lost or its answer
//! does not come, and is never sent again; **2** what waits for an answer is bounded; **3** each
//! request carries its own signature, and no message shows it.

pub(super) mod answer;
mod connection;
mod message;
mod pending;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::error::{BinanceError, ErrorAnswer, unknown};
use super::order_requests::{
    Amendment, ConditionalRequest, amendment, cancellation, conditional_cancellation,
    conditional_placement, placement, question,
};
use super::parse::{ConditionalReport, parse_conditional, parse_order, parse_stop, read_json};
use super::rate::Cost;
use super::request::Request;
use super::rest::RestClient;
use crate::domain::{ClientOrderId, OrderReport, OrderRequest, StopReport, StopRequest, Symbol};

use answer::Answer;
pub use connection::OrderConnection;
use connection::{Asked, Told};

/// Requests handed over and not yet written: the connection writes each at once.
const MAILBOX_CAPACITY: usize = 64;

/// Why the order socket did not simply succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketFailure {
    /// Nothing left: the same request may go out by REST.
    NotTaken(String),
    /// As any other request's.
    Failed(BinanceError),
}

impl From<BinanceError> for SocketFailure {
    fn from(error: BinanceError) -> Self {
        Self::Failed(error)
    }
}

/// Address of a running [`OrderConnection`]; cheap to clone.
#[derive(Debug, Clone)]
pub struct OrderSocket {
    rest: Arc<RestClient>,
    outbox: mpsc::Sender<Asked>,
}

impl OrderSocket {
    /// Prepares the connection to `base_url` (scheme, host and port); running it opens it. Keys,
    /// clock and budget are those of `rest`.
    #[must_use]
    pub fn new(rest: Arc<RestClient>, base_url: &str, jitter_seed: u64) -> (Self, OrderConnection) {
        let (outbox, mailbox) = mpsc::channel(MAILBOX_CAPACITY);
        let connection = OrderConnection::new(Arc::clone(&rest), base_url, jitter_seed, mailbox);
        (Self { rest, outbox }, connection)
    }

    /// Places an ordinary order.
    ///
    /// # Errors
    /// [`SocketFailure`].
    pub async fn place_order(&self, order: &OrderRequest) -> Result<OrderReport, SocketFailure> {
        self.order("order.place", &placement(order, &self.rest.terms())).await
    }

    /// Changes price and quantity of a limit order.
    ///
    /// # Errors
    /// [`SocketFailure`].
    pub async fn amend_order(&self, change: &Amendment) -> Result<OrderReport, SocketFailure> {
        self.order("order.modify", &amendment(change)).await
    }

    /// Cancels an ordinary order.
    ///
    /// # Errors
    /// [`SocketFailure`].
    pub async fn cancel_order(
        &self,
        symbol: Symbol,
        id: ClientOrderId,
    ) -> Result<OrderReport, SocketFailure> {
        self.order("order.cancel", &cancellation(symbol, id)).await
    }

    /// Asks where an ordinary order stands.
    ///
    /// # Errors
    /// [`SocketFailure`].
    pub async fn query_order(
        &self,
        symbol: Symbol,
        id: ClientOrderId,
    ) -> Result<OrderReport, SocketFailure> {
        self.order("order.status", &question(symbol, id)).await
    }

    /// Places a protective stop.
    ///
    /// # Errors
    /// [`SocketFailure`].
    pub async fn place_protective_stop(
        &self,
        stop: &StopRequest,
    ) -> Result<StopReport, SocketFailure> {
        let result = self.place_algo(&stop.into()).await?;
        Ok(parse_stop(&read("algo order", &result)?).map_err(BinanceError::from)?)
    }

    /// Places a conditional order of any type.
    ///
    /// # Errors
    /// [`SocketFailure`].
    pub async fn place_conditional(
        &self,
        order: &ConditionalRequest,
    ) -> Result<ConditionalReport, SocketFailure> {
        let result = self.place_algo(order).await?;
        Ok(parse_conditional(&read("algo order", &result)?).map_err(BinanceError::from)?)
    }

    /// Cancels a conditional order that was not triggered yet.
    ///
    /// # Errors
    /// [`SocketFailure`].
    pub async fn cancel_protective_stop(&self, id: ClientOrderId) -> Result<(), SocketFailure> {
        self.ask("algoOrder.cancel", &conditional_cancellation(id)).await?;
        Ok(())
    }

    async fn place_algo(&self, order: &ConditionalRequest) -> Result<String, SocketFailure> {
        let prevention = self.rest.terms().self_trade_prevention;
        self.ask("algoOrder.place", &conditional_placement(order, prevention)).await
    }

    async fn order(
        &self,
        method: &'static str,
        request: &Request,
    ) -> Result<OrderReport, SocketFailure> {
        let result = self.ask(method, request).await?;
        Ok(parse_order(&read("order", &result)?).map_err(BinanceError::from)?)
    }

    /// Asks; what is refused for its timestamp is asked once more under a new one, as over REST.
    async fn ask(&self, method: &'static str, request: &Request) -> Result<String, SocketFailure> {
        self.rest.know_the_time().await?;
        let mut offsets = self.rest.clock_offsets();
        match self.ask_once(method, request).await {
            Err(SocketFailure::Failed(error))
                if self.rest.is_late(request, &error, &mut offsets).await =>
            {
                self.ask_once(method, request).await
            }
            outcome => outcome,
        }
    }

    async fn ask_once(
        &self,
        method: &'static str,
        request: &Request,
    ) -> Result<String, SocketFailure> {
        let identity = self.rest.identity()?;
        let venue_now = self.rest.admit(cost_by_socket(request.cost))?;
        let window = self.rest.settings().receive_window;
        let parameters = message::signed_parameters(request, venue_now, window, identity);
        let (reply, told) = oneshot::channel();
        let asked = Asked { method, parameters, reply };
        if self.outbox.try_send(asked).is_err() {
            return Err(SocketFailure::NotTaken("the order socket is choked or gone".to_owned()));
        }
        let lost = |why: &str| unknown(request.operation, why);
        match timeout(self.rest.settings().timeout, told).await {
            Ok(Ok(Told::Answer(text))) => Ok(self.result(request, &text)?),
            Ok(Ok(Told::NotSent(reason))) => Err(SocketFailure::NotTaken(reason)),
            Ok(Ok(Told::Lost(reason))) => Err(lost(&reason).into()),
            Ok(Err(_)) => Err(lost("the order socket ended").into()),
            Err(_) => Err(lost("no answer in time").into()),
        }
    }

    /// The result in an answer; what it counts feeds the budget first.
    fn result(&self, request: &Request, text: &str) -> Result<String, BinanceError> {
        let answer = Answer::read(text)?;
        for used in &answer.used {
            self.rest.believe(used.kind, used.window, used.count);
        }
        match answer.outcome {
            Ok(result) => Ok(result),
            Err(body) => {
                let answer = ErrorAnswer { status: answer.status, retry_after: None, body: &body };
                Err(self.rest.judge(request.operation, answer))
            }
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, BinanceError> {
    Ok(read_json(what, text)?)
}

/// Orders count together with REST's, weight does not.
const fn cost_by_socket(cost: Cost) -> Cost {
    Cost { weight: 0, socket_weight: cost.weight, ..cost }
}
