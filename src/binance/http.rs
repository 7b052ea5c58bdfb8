//! The HTTP connection under the REST client: what it refuses to do, and how much it reads.
//!
//! Straight on hyper: a client for every purpose reads each URL several times, which an order pays for.
//!
//! Invariants: **1** redirects are not followed, so a key goes only to the host that was set;
//! **2** nothing is sent again but what a connection that had ended took no byte of; **3** nothing
//! is unpacked: no decompression is compiled in, so an answer is never larger in memory than on the
//! wire; **4** an answer is read up to a bound.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::uri::{Authority, Scheme};
use hyper::{Method, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls_platform_verifier::ConfigVerifierExt;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::error::{BinanceError, innermost};
use super::rest::install_tls_provider;

/// exchangeInfo of 919 symbols is 1.1 MB (exchange-api.md 2.3); more than this is no answer.
const LARGEST_ANSWER_BYTES: usize = 16 << 20;
/// A connection that takes longer will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that waits is asked so often whether it still lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// So many questions without an answer are its end.
const KEEP_ALIVE_RETRIES: u32 = 3;
/// What was sent and not acknowledged for so long ends the connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

const API_KEY: HeaderName = HeaderName::from_static("x-mbx-apikey");

/// A client of one host that does nothing of its own accord.
pub(super) struct HttpClient {
    client: Client<Connector, Full<Bytes>>,
    scheme: Scheme,
    authority: Authority,
    /// What stands before every path: mostly nothing.
    prefix: String,
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
        let connector = Connector {
            https: https_connector(*scheme == Scheme::HTTPS)?,
            patience: CONNECT_TIMEOUT.min(timeout),
        };
        Ok(Self {
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build(connector),
            scheme: scheme.clone(),
            authority: authority.clone(),
            prefix: url.path().trim_end_matches('/').to_owned(),
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
            let response = self.client.request(request).await.map_err(|error| {
                let reason = innermost(&error);
                if error.is_connect() {
                    HttpFailure::NotSent(reason)
                } else {
                    HttpFailure::Lost(reason)
                }
            })?;
            let (parts, body) = response.into_parts();
            heed(&parts.headers);
            let body =
                read_body(body).await.map_err(|error| HttpFailure::Lost(innermost(&error)))?;
            Ok(Answered { status: parts.status.as_u16(), headers: parts.headers, body })
        };
        timeout(self.timeout, answered).await.unwrap_or(Err(HttpFailure::TimedOut))
    }

    fn assemble(&self, outgoing: Outgoing) -> Result<Request<Full<Bytes>>, HttpFailure> {
        let not_sent = |error: hyper::http::Error| HttpFailure::NotSent(innermost(&error));
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(self.prefix.clone() + &outgoing.target)
            .build()
            .map_err(not_sent)?;
        let is_form = outgoing.form.is_some();
        let body = Full::from(outgoing.form.unwrap_or_default());
        let mut request =
            Request::builder().method(outgoing.method).uri(uri).body(body).map_err(not_sent)?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let agent = concat!("lobd/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
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

fn https_connector(is_encrypted: bool) -> Result<HttpsConnector<HttpConnector>, BinanceError> {
    install_tls_provider();
    let tls = if is_encrypted {
        rustls::ClientConfig::with_platform_verifier().map_err(|error| {
            BinanceError::Configuration(format!("no TLS for the venue: {error}"))
        })?
    } else {
        // On loopback no certificate is needed: work also where the machine has none.
        rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth()
    };
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEP_ALIVE));
    tcp.set_keepalive_interval(Some(KEEP_ALIVE));
    tcp.set_keepalive_retries(Some(KEEP_ALIVE_RETRIES));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(builder.enable_all_versions().wrap_connector(tcp))
}

/// Connects, TLS included, within a time: later nothing was sent.
#[derive(Clone)]
struct Connector {
    https: HttpsConnector<HttpConnector>,
    patience: Duration,
}

type ConnectError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let connecting = timeout(self.patience, self.https.call(address));
        Box::pin(async move { connecting.await? })
    }
}
