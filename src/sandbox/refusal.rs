//! What the exchange answers when it does not do what was asked: a code and a text over HTTP 4xx.
//!
//! Codes are the venue's and stable (exchange-api.md 7.1); texts follow the venue's.

use serde::Serialize;

use crate::domain::{DecimalError, Rejection, Timestamp};

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// The venue's code.
    pub(super) code: i32,
    /// The venue's text.
    pub(super) message: String,
    /// After how many seconds to ask again.
    pub(super) retry_after: Option<i64>,
}

#[derive(Serialize)]
struct Body<'a> {
    code: i32,
    msg: &'a str,
}

impl Refusal {
    pub(super) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into(), retry_after: None }
    }

    const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) const fn retry_after(mut self, seconds: i64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The body of the answer.
    pub(super) fn body(&self) -> String {
        let body = Body { code: self.code, msg: &self.message };
        serde_json::to_string(&body).unwrap_or_default()
    }

    pub(super) fn unknown_path(method: &str, path: &str) -> Self {
        Self::new(-5000, format!("Path {path}, Method {method} is invalid")).with_status(404)
    }

    /// Of a symbol that has not traded or been marked since it was listed.
    pub(super) fn no_market_yet() -> Self {
        Self::new(-1122, "Invalid symbol status.")
    }

    pub(super) fn internal() -> Self {
        Self::new(-1000, "An unknown error occurred while processing the request.").with_status(500)
    }

    pub(super) fn shutting_down() -> Self {
        Self::new(-1016, "This service is no longer available.").with_status(503)
    }

    /// Class A of exchange-api.md 7.2: it may have been done.
    pub(super) fn unknown_error() -> Self {
        let message = "Unknown error, please check your request or try again later.";
        Self::new(-1000, message).with_status(503)
    }

    /// Class B: it was not done.
    pub(super) fn unavailable() -> Self {
        Self::new(0, "Service Unavailable.").with_status(503)
    }

    /// Class B′: it was not done.
    pub(super) fn disconnected() -> Self {
        let message = "Internal error; unable to process your request. Please try again.";
        Self::new(-1001, message).with_status(503)
    }

    /// Class C: it was not done, and less is wanted.
    pub(super) fn throttled() -> Self {
        let message = "Request throttled by system-level protection. Reduce-only/close-position \
                       orders are exempt. Please try again.";
        Self::new(-1008, message).with_status(503)
    }

    pub(super) fn backend_timeout() -> Self {
        let message = "Timeout waiting for response from backend server. Send status unknown; \
                       execution status unknown.";
        Self::new(-1007, message).with_status(503)
    }

    pub(super) fn no_such_order() -> Self {
        Self::new(-2013, "Order does not exist.")
    }

    pub(super) fn too_much_weight(limit: u32) -> Self {
        let message = format!(
            "Too many requests; current limit of IP is {limit} requests per minute. \
             Please use the websocket for live updates to avoid polling the API."
        );
        Self::new(-1003, message).with_status(429)
    }

    pub(super) fn banned(until: Timestamp) -> Self {
        let message = format!(
            "Way too many requests; IP banned until {}. \
             Please use the websocket for live updates to avoid bans.",
            until.millis()
        );
        Self::new(-1003, message).with_status(418)
    }

    pub(super) fn too_many_orders(limit: u32, window: &str) -> Self {
        let message = format!("Too many new orders; current limit is {limit} orders per {window}.");
        Self::new(-1015, message).with_status(429)
    }

    pub(super) fn key_format() -> Self {
        Self::new(-2014, "API-key format invalid.").with_status(401)
    }

    pub(super) fn unknown_key() -> Self {
        let message = "Invalid API-key, IP, or permissions for action.";
        Self::new(-2015, message).with_status(401)
    }

    pub(super) fn bad_signature() -> Self {
        Self::new(-1022, "Signature for this request is not valid.")
    }

    pub(super) fn timestamp_ahead() -> Self {
        let message = "Timestamp for this request was 1000ms ahead of the server's time.";
        Self::new(-1021, message)
    }

    pub(super) fn outside_window() -> Self {
        Self::new(-1021, "Timestamp for this request is outside of the recvWindow.")
    }

    pub(super) fn illegal(name: &str, legal: &str) -> Self {
        let message =
            format!("Illegal characters found in parameter '{name}'; legal range is '{legal}'.");
        Self::new(-1100, message)
    }

    pub(super) fn duplicate_parameter() -> Self {
        Self::new(-1101, "Duplicate values for a parameter detected.")
    }

    pub(super) fn mandatory(name: &str) -> Self {
        let message =
            format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
        Self::new(-1102, message)
    }

    pub(super) fn one_of(first: &str, second: &str) -> Self {
        let message =
            format!("Param '{first}' or '{second}' must be sent, but both were empty/null!");
        Self::new(-1102, message)
    }

    pub(super) fn unread(read: usize, sent: usize) -> Self {
        let message = format!(
            "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
        );
        Self::new(-1104, message)
    }

    pub(super) fn empty(name: &str) -> Self {
        Self::new(-1105, format!("Parameter '{name}' was empty."))
    }

    pub(super) fn not_required(name: &str) -> Self {
        Self::new(-1106, format!("Parameter '{name}' sent when not required."))
    }

    pub(super) fn precision() -> Self {
        Self::new(-1111, "Precision is over the maximum defined for this asset.")
    }

    pub(super) fn bad_symbol() -> Self {
        Self::new(-1121, "Invalid symbol.")
    }

    pub(super) fn listen_key() -> Self {
        Self::new(-1125, "This listenKey does not exist.")
    }

    pub(super) fn bad_value(name: &str) -> Self {
        Self::new(-1130, format!("Data sent for parameter '{name}' is not valid."))
    }

    /// A callback rate outside 0.1 to 20 per cent.
    pub(super) fn callback_rate() -> Self {
        Self::new(-2007, "Invalid callBack rate.")
    }

    pub(super) fn batch_size(kind: &str) -> Self {
        Self::new(-4082, format!("Invalid number of batch {kind} orders."))
    }

    pub(super) fn reversed_times() -> Self {
        Self::new(-1023, "Start time is greater than end time.")
    }

    pub(super) fn interval_too_long() -> Self {
        Self::new(-1127, "Lookup interval is too big.")
    }

    pub(super) fn time_in_force() -> Self {
        Self::new(-1115, "Invalid timeInForce.")
    }

    pub(super) fn price_match_kind() -> Self {
        let message = "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT";
        Self::new(-5038, message)
    }

    pub(super) fn good_till_date() -> Self {
        let message = "The goodTillDate timestamp must be greater than the current time plus 600 \
                       seconds and smaller than 253402300799000 (UTC 9999-12-31 23:59:59)";
        Self::new(-5040, message)
    }

    pub(super) fn client_id() -> Self {
        Self::new(-4015, "Client order id is not valid.")
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection.code, rejection.reason)
    }
}

impl Refusal {
    /// A number that 1e-8 cannot hold, or that is none.
    pub(super) fn of_decimal(name: &str, error: &DecimalError) -> Self {
        match error {
            DecimalError::Inexact(_) => Self::precision(),
            DecimalError::Malformed(_) | DecimalError::Overflow(_) | DecimalError::Negative(_) => {
                Self::illegal(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
            }
        }
    }
}
