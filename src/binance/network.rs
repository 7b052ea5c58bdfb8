//! The way to the venue: the sockets of this machine, or what a simulation puts in their place.
//!
//! Everything above it is the same in either case: signing, budgets, classification, parsing,
//! reconnecting. Invariant: what a simulation cannot answer is told as a real line would tell it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Sink, Stream};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Message};

use super::error::BinanceError;
use super::http::{Answered, HttpClient, HttpFailure, Outgoing};

/// Something a simulation does for its client.
pub type Underway<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What carries requests and frames where there are no sockets.
pub trait Carrier: Send + Sync {
    /// Carries a request there and its answer back.
    fn ask(&self, request: HttpRequest) -> Underway<Result<HttpAnswer, NoAnswer>>;

    /// Opens a stream of frames; the answer to a failure never holds the URL.
    fn connect(&self, url: &str) -> Underway<Result<Box<dyn Frames>, String>>;
}

/// Both directions of an open WebSocket.
pub trait Frames:
    Stream<Item = Result<Message, tungstenite::Error>>
    + Sink<Message, Error = tungstenite::Error>
    + Send
    + Sync
    + Unpin
{
}

impl<T> Frames for T where
    T: Stream<Item = Result<Message, tungstenite::Error>>
        + Sink<Message, Error = tungstenite::Error>
        + Send
        + Sync
        + Unpin
{
}

/// Where requests and streams go.
#[derive(Clone, Default)]
pub enum Network {
    /// By the sockets of this machine.
    #[default]
    Machine,
    /// By what a simulation puts in their place.
    Simulated(Arc<dyn Carrier>),
}

/// A request as it leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// GET, POST, PUT or DELETE.
    pub method: String,
    /// The path, without host and query.
    pub path: String,
    /// The query as it is signed and sent.
    pub query: String,
    /// Whose it is, if it says so.
    pub api_key: Option<String>,
    /// The body; most have none.
    pub body: String,
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// It surely did not leave.
    NotSent(String),
    /// No answer came in time.
    Late,
    /// The connection was lost with the request, or its answer, on the way.
    Lost(String),
}

impl HttpAnswer {
    /// An answer with the headers that can be headers.
    #[must_use]
    pub fn new(status: u16, headers: &[(&'static str, String)], body: String) -> Self {
        let headers = headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
        });
        Self { status, headers: headers.collect(), body }
    }
}

impl From<HttpAnswer> for Answered {
    fn from(HttpAnswer { status, headers, body }: HttpAnswer) -> Self {
        Self { status, headers, body }
    }
}

impl From<NoAnswer> for HttpFailure {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::NotSent(reason) => Self::NotSent(reason),
            NoAnswer::Late => Self::TimedOut,
            NoAnswer::Lost(reason) => Self::Lost(reason),
        }
    }
}

/// The HTTP client under the REST client, over either network.
pub(super) struct HttpTransport {
    client: HttpClient,
    network: Network,
    timeout: Duration,
}

impl HttpTransport {
    /// Prepares a client of one host; nothing is sent.
    pub(super) fn new(base_url: &str, timeout: Duration) -> Result<Self, BinanceError> {
        let client = HttpClient::new(base_url, timeout)?;
        Ok(Self { client, network: Network::Machine, timeout })
    }

    pub(super) fn over(self, network: Network) -> Self {
        Self { network, ..self }
    }

    pub(super) const fn network(&self) -> &Network {
        &self.network
    }

    /// Host, and port where one was set.
    pub(super) fn host(&self) -> &str {
        self.client.host()
    }

    /// Sends a request and reads its whole answer; `heed` is told of its headers as soon as they
    /// are there, even if the body never comes.
    pub(super) async fn send(
        &self,
        outgoing: Outgoing,
        heed: impl FnOnce(&HeaderMap),
    ) -> Result<Answered, HttpFailure> {
        match &self.network {
            Network::Machine => self.client.send(outgoing, heed).await,
            Network::Simulated(carrier) => {
                let asked = carrier.ask(HttpRequest::of(outgoing));
                let answer = timeout(self.timeout, asked).await.unwrap_or(Err(NoAnswer::Late))?;
                heed(&answer.headers);
                Ok(answer.into())
            }
        }
    }
}

impl HttpRequest {
    fn of(outgoing: Outgoing) -> Self {
        let (path, query) = match outgoing.target.split_once('?') {
            Some((path, query)) => (path.to_owned(), query.to_owned()),
            None => (outgoing.target, String::new()),
        };
        let key = outgoing.api_key.as_ref().and_then(|key| key.to_str().ok());
        Self {
            method: outgoing.method.as_str().to_owned(),
            path,
            query,
            api_key: key.map(ToOwned::to_owned),
            body: outgoing.form.unwrap_or_default(),
        }
    }
}
