//! The HTTP connection under the REST client: what it refuses to do, and how much it reads.
//!
//! Invariants: **1** redirects are not followed, so a key goes only to the host that was set;
//! **2** nothing is retried; **3** nothing is unpacked: no decompression is compiled in, so an
//! answer is never larger in memory than on the wire; **4** an answer is read up to a bound.

use std::time::Duration;

use reqwest::header::HeaderMap;

use super::error::{BinanceError, innermost};
use super::rest::install_tls_provider;

/// exchangeInfo of 919 symbols is 1.1 MB (exchange-api.md 2.3); more than this is no answer.
const LARGEST_ANSWER_BYTES: usize = 16 << 20;
/// A connection that takes longer will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that does nothing of its own accord.
pub(super) fn http_client(
    is_encrypted: bool,
    timeout: Duration,
) -> Result<reqwest::Client, BinanceError> {
    install_tls_provider();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("lobd/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout);
    if !is_encrypted {
        // On loopback no certificate is needed: work also where the machine has none.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| {
        let reason = innermost(&error.without_url());
        BinanceError::Configuration(format!("no HTTP client: {reason}"))
    })
}

/// Reads the body up to the bound; what is beyond it is cut off, and so no JSON.
pub(super) async fn read_body(mut response: reqwest::Response) -> Result<String, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = LARGEST_ANSWER_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// A header that is a whole number.
pub(super) fn header_number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
