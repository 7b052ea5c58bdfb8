//! Requests as they are, right or deliberately wrong, and their answers as they come.
//!
//! For `lobd certify`, which asks whether a venue behaves as its specification says: here a refusal
//! is an answer, not a failure. The rate budget and the venue's wish for silence are kept all the
//! same, and nothing is sent twice.

use std::fmt::Write as _;
use std::time::Duration;

use hyper::Method;
use hyper::header::HeaderValue;

use super::{Outgoing, RestClient, with_query};
use crate::binance::error::{BinanceError, ErrorAnswer, Operation, classify};
use crate::binance::rate::Cost;
use crate::sign::percent_encode;

/// A key as long as any, and nobody's.
const FOREIGN_KEY: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A request to be sent as it is.
#[derive(Debug, Clone)]
pub struct Probe {
    /// GET, POST, PUT or DELETE.
    pub method: Method,
    /// The path, without host and query.
    pub path: String,
    /// Names and values, in the order in which they are sent, not yet percent-encoded.
    pub parameters: Vec<(&'static str, String)>,
    /// What it carries to be let in.
    pub access: Access,
    /// Its weight, for the budget.
    pub weight: u32,
    /// Orders it places, for the budget.
    pub orders: u32,
}

/// What a probe carries to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// The API key.
    Key,
    /// Key, timestamp and signature, as they should be.
    Signed,
    /// The same with the parameters in the body of the request.
    SignedBody,
    /// Key, timestamp and signature, with something wrong.
    Tampered(Tamper),
}

/// What is wrong with a request on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tamper {
    /// No key in the header.
    NoKey,
    /// A key that nobody has.
    ForeignKey,
    /// A signature of something else.
    Signature,
    /// A timestamp so many milliseconds off, positive if ahead.
    Timestamp(i64),
}

/// The answer to a probe, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The venue's counters: `x-mbx-…` and `retry-after`, lower case.
    pub counters: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl RestClient {
    /// Sends a probe and tells what came back.
    ///
    /// # Errors
    /// [`BinanceError`] if there was no answer, no key, or no room in the budget; any answer of the
    /// venue's interface is `Ok`.
    pub async fn probe(&self, probe: &Probe) -> Result<ProbeAnswer, BinanceError> {
        let is_signed = !matches!(probe.access, Access::Public | Access::Key);
        if is_signed && self.clock_offset().is_none() {
            self.measure_clock().await?;
        }
        let cost = Cost {
            weight: probe.weight,
            socket_weight: 0,
            orders: probe.orders,
            order_requests: probe.orders,
            funding_questions: 0,
            is_protective: true,
        };
        self.admit(cost)?;
        let operation = match probe.method {
            _ if probe.orders > 0 => Operation::Place,
            Method::GET => Operation::Read,
            _ => Operation::Change,
        };
        let answered = self.ask((operation, &probe.path), self.assemble(probe)?).await?;
        let (status, body) = (answered.status, answered.body);
        let counters = answered.headers.iter().filter_map(|(name, value)| {
            let name = name.as_str();
            let is_counter = name.starts_with("x-mbx-") || name == "retry-after";
            let value = value.to_str().ok().filter(|_| is_counter)?;
            Some((name.to_owned(), value.to_owned()))
        });
        let counters: Vec<_> = counters.collect();
        if status == 429 || status == 418 {
            let retry_after = counters.iter().find(|(name, _)| name == "retry-after");
            let retry_after = retry_after.and_then(|(_, value)| value.parse().ok());
            let answer = ErrorAnswer { status, retry_after, body: &body };
            return Err(self.heed(classify(operation, self.venue_now(), answer)));
        }
        Ok(ProbeAnswer { status, counters, body })
    }

    fn assemble(&self, probe: &Probe) -> Result<Outgoing, BinanceError> {
        let mut text = String::new();
        for (name, value) in &probe.parameters {
            append(&mut text, name, value);
        }
        let outgoing = |query: &str| Outgoing {
            method: probe.method.clone(),
            target: with_query(&probe.path, query),
            api_key: None,
            form: None,
        };
        if probe.access == Access::Public {
            return Ok(outgoing(&text));
        }
        let identity = self.identity.as_ref().ok_or(BinanceError::NoCredentials)?;
        if probe.access != Access::Key {
            let off_ms = if let Access::Tampered(Tamper::Timestamp(millis)) = probe.access {
                millis
            } else {
                0
            };
            let window = self.settings.receive_window.min(Duration::from_secs(5));
            append(&mut text, "recvWindow", &window.as_millis().to_string());
            append(&mut text, "timestamp", &(self.venue_now().millis() + off_ms).to_string());
            let is_forged = probe.access == Access::Tampered(Tamper::Signature);
            let signed = if is_forged { "something else" } else { &text };
            let signature = identity.signer.sign(signed);
            append(&mut text, "signature", &signature);
        }
        let api_key = match probe.access {
            Access::Tampered(Tamper::NoKey) => None,
            Access::Tampered(Tamper::ForeignKey) => Some(HeaderValue::from_static(FOREIGN_KEY)),
            Access::Public
            | Access::Key
            | Access::Signed
            | Access::SignedBody
            | Access::Tampered(Tamper::Signature | Tamper::Timestamp(_)) => {
                Some(identity.api_key_header.clone())
            }
        };
        if probe.access == Access::SignedBody {
            return Ok(Outgoing { api_key, form: Some(text), ..outgoing("") });
        }
        Ok(Outgoing { api_key, ..outgoing(&text) })
    }
}

fn append(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push('&');
    }
    // Writing to a String does not fail.
    let _ = write!(text, "{name}={}", percent_encode(value));
}
