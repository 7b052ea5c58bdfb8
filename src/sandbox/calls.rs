//! The WebSocket API: requests as messages, answered by the endpoints of REST (exchange-api.md 3.3).
//!
//! Sans I/O and without an answer of its own: a method names an endpoint, parameters are checked,
//! signed and limited as there. Only the envelope, the text that is signed and the weight pool
//! differ.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::domain::Timestamp;
use crate::sim::AccountId;

use super::floor::Floor;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::rest::{self, Answer, Endpoint};
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

/// One call, as its caller wrote it.
#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default)]
    params: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    id: &'a Value,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault<'a>>,
    rate_limits: Vec<Counted>,
}

#[derive(Serialize)]
struct Fault<'a> {
    code: i32,
    msg: &'a str,
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

impl Floor {
    /// Answers one call at a moment.
    pub(super) fn call(&mut self, now: Timestamp, text: &str) -> String {
        self.catch_up(now);
        let now = self.server_time();
        let first = self.account;
        let (id, endpoint, answer) = match serde_json::from_str::<Call>(text) {
            Ok(call) => {
                let endpoint = endpoint_of(&call.method);
                let answer = self.answer_call(now, &call, endpoint);
                (call.id, endpoint, answer)
            }
            Err(_) => (Value::Null, None, Err(Refusal::new(-1135, "Invalid JSON Request."))),
        };
        let served: AccountId = std::mem::replace(&mut self.account, first);
        self.publish();
        let is_order = endpoint.and_then(Endpoint::orders).is_some();
        let used = self.windows.used(now, Pool::Calls, served);
        reply(&id, answer, counted(self.windows.limits(), used, is_order))
    }

    fn answer_call(&mut self, now: Timestamp, call: &Call, endpoint: Option<&Endpoint>) -> Answer {
        self.windows.check_ban(now)?;
        let endpoint = endpoint.ok_or_else(|| Refusal::bad_value("method"))?;
        let parameters = Parameters::of_object(&call.params)?;
        self.windows.spend_weight(now, Pool::Calls, endpoint.weight_of(&parameters))?;
        if let Some(account) = self.gate.admit_call(now, endpoint.security(), &parameters)? {
            self.account = account;
        }
        self.act(now, endpoint, &parameters)
    }
}

fn endpoint_of(method: &str) -> Option<&'static Endpoint> {
    let (_, verb, path) = METHODS.iter().find(|(name, _, _)| *name == method)?;
    rest::endpoint_at(verb, path)
}

fn reply(id: &Value, answer: Answer, rate_limits: Vec<Counted>) -> String {
    let answer =
        answer.and_then(|body| RawValue::from_string(body).map_err(|_| Refusal::internal()));
    let refused = answer.as_ref().err().cloned();
    let error = refused.as_ref();
    let reply = Reply {
        id,
        status: error.map_or(200, |refusal| refusal.status),
        result: answer.ok(),
        error: error.map(|refusal| Fault { code: refusal.code, msg: &refusal.message }),
        rate_limits,
    };
    serde_json::to_string(&reply).unwrap_or_default()
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
            assert!(endpoint_of(method).is_some(), "{method}: {verb} {path}");
        }
    }
}
