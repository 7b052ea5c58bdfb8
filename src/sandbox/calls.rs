//! The WebSocket API: requests as messages, answered by the endpoints of REST (exchange-api.md 3.3).
//!
//! Sans I/O and without an answer of its own: a method names an endpoint, parameters are checked,
//! signed and limited as there, and the same faults strike. Only the envelope, the text that is
//! signed and the weight pool differ.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::domain::Timestamp;

use super::floor::Floor;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::rest::{self, Answer, Endpoint, Reply};
use super::windows::{Pool, RateLimits, Used};

/// What opening a socket counts toward the weight limit of calls.
pub(super) const WEIGHT_OF_HANDSHAKE: u32 = 5;

/// Every method, with the endpoint that answers it.
const METHODS: &[(&str, &str, &str)] = &[
    ("order.place", "POST", "/fapi/v1/order"),
    ("order.modify", "PUT", "/fapi/v1/order"),
    ("order.cancel", "DELETE", "/fapi/v1/order"),
    ("order.status", "GET", "/fapi/v1/order"),
    ("algoOrder.place", "POST", "/fapi/v1/algoOrder"),
    ("algoOrder.cancel", "DELETE", "/fapi/v1/algoOrder"),
    ("account.balance", "GET", "/fapi/v2/balance"),
    ("v2/account.balance", "GET", "/fapi/v3/balance"),
    ("account.status", "GET", "/fapi/v2/account"),
    ("v2/account.status", "GET", "/fapi/v3/account"),
    ("account.position", "GET", "/fapi/v2/positionRisk"),
    ("v2/account.position", "GET", "/fapi/v3/positionRisk"),
    ("userDataStream.start", "POST", "/fapi/v1/listenKey"),
    ("userDataStream.ping", "PUT", "/fapi/v1/listenKey"),
    ("userDataStream.stop", "DELETE", "/fapi/v1/listenKey"),
    ("depth", "GET", "/fapi/v1/depth"),
    ("ticker.price", "GET", "/fapi/v2/ticker/price"),
    ("ticker.book", "GET", "/fapi/v1/ticker/bookTicker"),
];

/// One call, as its caller wrote it; a message that is none has no method.
#[derive(Default, Deserialize)]
pub(super) struct Call {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default)]
    params: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    id: &'a Value,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RawValue>,
    rate_limits: Vec<Counted>,
}

/// A limit with what has been used of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    rate_limit_type: &'static str,
    interval: &'static str,
    interval_num: u32,
    limit: u32,
    count: u32,
}

impl Call {
    /// Reads a message of a socket.
    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Method and path of the request over HTTP that asks the same; empty if there is none.
    pub(super) fn request_line(&self) -> (&'static str, &'static str) {
        let found = METHODS.iter().find(|(name, _, _)| *name == self.method);
        found.map_or(("", ""), |(_, method, path)| (method, path))
    }

    /// What it says beside its method.
    pub(super) fn parameters(&self) -> Result<Parameters, Refusal> {
        Parameters::of_object(&self.params)
    }

    fn endpoint(&self) -> Option<&'static Endpoint> {
        let (method, path) = self.request_line();
        rest::endpoint_at(method, path)
    }
}

impl std::fmt::Debug for Call {
    /// Without its parameters: key and signature are among them.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Call").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Floor {
    /// Answers one call at a moment, as a request over HTTP is answered.
    pub(super) fn serve_call(&mut self, now: Timestamp, call: &Call) -> Reply {
        self.catch_up(now);
        let now = self.server_time();
        let first = self.account;
        let answer = self.answer_call(now, call);
        self.account = first;
        self.publish();
        match answer {
            Ok(body) => Reply { status: 200, headers: Vec::new(), body },
            Err(refusal) => Reply::refused(&refusal),
        }
    }

    fn answer_call(&mut self, now: Timestamp, call: &Call) -> Answer {
        self.windows.check_ban(now)?;
        if call.method.is_empty() {
            return Err(Refusal::new(-1135, "Invalid JSON Request."));
        }
        let endpoint = call.endpoint().ok_or_else(|| Refusal::bad_value("method"))?;
        let parameters = call.parameters()?;
        self.windows.spend_weight(now, Pool::Calls, endpoint.weight_of(&parameters))?;
        if let Some(account) = self.gate.admit_call(now, endpoint.security(), &parameters)? {
            self.account = account;
        }
        self.act(now, endpoint, &parameters)
    }

    /// The message that carries the answer to a call.
    pub(super) fn envelope(&mut self, call: &Call, reply: &Reply) -> String {
        let key = call.params.get("apiKey").and_then(Value::as_str);
        let account = key.and_then(|key| self.gate.account(key)).unwrap_or(self.account);
        let used = self.windows.used(self.server_time(), Pool::Calls, account);
        let is_order = call.endpoint().and_then(Endpoint::orders).is_some();
        // What the endpoints write is JSON.
        let body = serde_json::from_str(&reply.body).ok();
        let (result, error) = if reply.status == 200 { (body, None) } else { (None, body) };
        let envelope = Envelope {
            id: &call.id,
            status: reply.status,
            result,
            error,
            rate_limits: counted(self.windows.limits(), used, is_order),
        };
        serde_json::to_string(&envelope).unwrap_or_default()
    }
}

/// Orders are told what they count as, everything else its weight.
fn counted(limits: RateLimits, used: Used, is_order: bool) -> Vec<Counted> {
    let row = |rate_limit_type, (interval, interval_num), (limit, count)| Counted {
        rate_limit_type,
        interval,
        interval_num,
        limit,
        count,
    };
    if is_order {
        return vec![
            row("ORDERS", ("SECOND", 10), (limits.orders_10s, used.orders_10s)),
            row("ORDERS", ("MINUTE", 1), (limits.orders_1m, used.orders_1m)),
        ];
    }
    vec![row("REQUEST_WEIGHT", ("MINUTE", 1), (limits.weight_1m, used.weight_1m))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_answered_by_an_endpoint_that_there_is() {
        for (method, verb, path) in METHODS {
            assert!(rest::endpoint_at(verb, path).is_some(), "{method}: {verb} {path}");
        }
    }
}
