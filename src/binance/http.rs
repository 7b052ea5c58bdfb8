//! The HTTP connection under the REST client: what it refuses to do, and how much it reads.
//!
//! Straight on hyper, HTTP/1.1: a client for every purpose reads each URL several times and gives
//! every request to a task of its own, which an order pays for.
//!
//! Invariants: **1** redirects are not followed, so a key goes only to the host that was set;
//! **2** nothing is sent again but what a connection that had ended took no byte of; **3** nothing
//! is unpacked: no decompression is compiled in, so an answer is never larger in memory than on the
//! wire; **4** an answer is read up to a bound.

mod connections;
#[cfg(feature = "fail-points")]
mod passing_line;

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Method, Request, Uri};
use thiserror::Error;
use tokio::time::timeout;

use self::connections::Connections;
use super::error::{BinanceError, innermost};

/// exchangeInfo of 919 symbols is 1.1 MB (exchange-api.md 2.3); more than this is no answer.
const LARGEST_ANSWER_BYTES: usize = 16 << 20;

const API_KEY: HeaderName = HeaderName::from_static("x-mbx-apikey");

/// A client of one host that does nothing of its own accord.
pub(super) struct HttpClient {
    connections: Connections,
    authority: Authority,
    /// What stands before every path: mostly nothing.
    prefix: String,
    /// What every request carries.
    headers: HeaderMap,
    timeout: Duration,
}

/// A request to the host that was set.
pub(super) struct Outgoing {
    pub(super) method: Method,
    /// Path and query, percent-encoded.
    pub(super) target: String,
    pub(super) api_key: Option<HeaderValue>,
    /// A form as the body; none is the rule.
    pub(super) form: Option<String>,
}

/// A whole answer.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum HttpFailure {
    /// Surely nothing was sent.
    #[error("{0}")]
    NotSent(String),
    /// It may have been sent.
    #[error("no answer in time")]
    TimedOut,
    /// It may have been sent.
    #[error("connection lost: {0}")]
    Lost(String),
}

impl HttpClient {
    /// Prepares a client; nothing is sent.
    pub(super) fn new(base_url: &str, timeout: Duration) -> Result<Self, BinanceError> {
        let unusable =
            |problem: String| BinanceError::Configuration(format!("REST URL: {problem}"));
        let url: Uri = base_url.parse().map_err(|error| unusable(format!("{error}")))?;
        let (Some(scheme), Some(authority)) = (url.scheme(), url.authority()) else {
            return Err(unusable("it has no scheme or no host".to_owned()));
        };
        let is_encrypted = *scheme == Scheme::HTTPS;
        let host = HeaderValue::from_str(&host_header(authority, is_encrypted))
            .map_err(|error| unusable(format!("{error}")))?;
        let agent = HeaderValue::from_static(concat!("lobd/", env!("CARGO_PKG_VERSION")));
        let every = HeaderValue::from_static("*/*");
        Ok(Self {
            authority: authority.clone(),
            prefix: url.path().trim_end_matches('/').to_owned(),
            headers: [(HOST, host), (USER_AGENT, agent), (ACCEPT, every)].into_iter().collect(),
            connections: Connections::new(url, is_encrypted, timeout)?,
            timeout,
        })
    }

    /// Host, and port where one was set.
    pub(super) fn host(&self) -> &str {
        self.authority.as_str()
    }

    /// Sends a request and reads its whole answer; `heed` is told of its headers as soon as they
    /// are there, even if the body never comes.
    pub(super) async fn send(
        &self,
        request: Outgoing,
        heed: impl FnOnce(&HeaderMap),
    ) -> Result<Answered, HttpFailure> {
        let request = self.assemble(request)?;
        let answered = async {
            let (response, mut connection) = self.connections.ask(request).await?;
            let (parts, body) = response.into_parts();
            heed(&parts.headers);
            let body = connection.bring(read_body(body)).await;
            let body = body.map_err(|error| HttpFailure::Lost(innermost(&error)))?;
            self.connections.keep(connection);
            Ok(Answered { status: parts.status.as_u16(), headers: parts.headers, body })
        };
        timeout(self.timeout, answered).await.unwrap_or(Err(HttpFailure::TimedOut))
    }

    fn assemble(&self, outgoing: Outgoing) -> Result<Request<Full<Bytes>>, HttpFailure> {
        let target = match self.prefix.as_str() {
            "" => outgoing.target,
            prefix => prefix.to_owned() + &outgoing.target,
        };
        let target = PathAndQuery::from_maybe_shared(target)
            .map_err(|error| HttpFailure::NotSent(innermost(&error)))?;
        let is_form = outgoing.form.is_some();
        let mut request = Request::new(Full::from(outgoing.form.unwrap_or_default()));
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = Uri::from(target);
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        if let Some(key) = outgoing.api_key {
            headers.insert(API_KEY, key);
        }
        if is_form {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
        }
        Ok(request)
    }
}

/// The host as a request names it: with its port only where that is not the scheme's.
fn host_header(authority: &Authority, is_encrypted: bool) -> String {
    let usual = if is_encrypted { 443 } else { 80 };
    match authority.port_u16() {
        Some(port) if port != usual => format!("{}:{port}", authority.host()),
        Some(_) | None => authority.host().to_owned(),
    }
}

/// A header that is a whole number.
pub(super) fn header_number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Reads the body up to the bound; what is beyond it is cut off, and so no JSON.
async fn read_body(mut body: Incoming) -> Result<String, hyper::Error> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame?.into_data() else { continue };
        let room = LARGEST_ANSWER_BYTES - read.len();
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            break;
        }
    }
    Ok(String::from_utf8(read)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}
