//! What became of a request: HTTP status, error body and transport failure to one outcome class.
//!
//! Decided here once (exchange-api.md 7): **1** a request whose bytes may have left and whose
//! effect is not known is `Unknown`; **2** what is called refused or not sent had surely no
//! effect; **3** no message holds a secret, a signed URL or a listen key.

use std::time::Duration;

use thiserror::Error;

use super::codes::{self, Effect};
use super::http::HttpFailure;
use super::parse::{ParseError, read_json, shorten};
use super::wire;
use crate::domain::{Failure, Rejection, Timestamp};

/// The window of the request limits: silence without a term lasts to its end.
const LIMIT_WINDOW_NANOS: i64 = 60_000_000_000;
/// Clocks differ: so much later the moment has surely come at the venue too.
const CLOCK_MARGIN: Duration = Duration::from_millis(500);
/// Whoever asks for silence gets some, even if it says for how long: not at all.
const SHORTEST_SILENCE: Duration = Duration::from_secs(1);
/// How long an overload lasts at the least; the rate budget lets it grow.
const OVERLOAD_PAUSE: Duration = Duration::from_millis(200);
/// `Retry-After` beyond a ban's longest term (3 days) is not believed.
const LONGEST_SILENCE: Duration = Duration::from_hours(3 * 24);

/// What a request wants to do: an error code means different things to different requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Places an order.
    Place,
    /// Cancels or changes something.
    Change,
    /// Only asks.
    Read,
}

/// Why a request did not simply succeed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BinanceError {
    /// No connection came about: nothing was sent.
    #[error("cannot reach {host}: {reason}; check the network and the URL settings")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What stood in the way.
        reason: String,
    },
    /// The local rate budget is spent: nothing was sent.
    #[error("held back to keep the venue's {budget} limit; try again after {until}")]
    HeldBack {
        /// Which budget.
        budget: &'static str,
        /// When there is room again.
        until: Timestamp,
    },
    /// The venue has refused the key: nothing is asked with it for a while.
    #[error("the venue refuses the API key; nothing is asked with it until {until}")]
    KeyHeld {
        /// When it is tried again.
        until: Timestamp,
    },
    /// The venue failed before it processed the request.
    #[error("not processed by venue: {reason}")]
    NotProcessed {
        /// What it said.
        reason: String,
    },
    /// Something between here and the venue's service answered instead of it.
    #[error("barred with HTTP status {status}: {reason}")]
    Barred {
        /// The HTTP status.
        status: u16,
        /// What it means and what to do.
        reason: String,
    },
    /// The venue processed and refused it.
    #[error("{rejection}{}", remedy(.rejection.code))]
    Rejected {
        /// Code and text.
        rejection: Rejection,
    },
    /// The venue wants silence.
    #[error("the venue asks for silence until {until}; nothing is sent before")]
    Throttled {
        /// When requests may go out again.
        until: Timestamp,
    },
    /// The venue is overloaded: nothing was done, and it takes only what protects.
    #[error("the venue is overloaded; new risk waits until {until}, cancels and closes do not")]
    Overloaded {
        /// When new risk may be taken again.
        until: Timestamp,
    },
    /// The request may have been processed.
    #[error("outcome unknown: {reason}")]
    Unknown {
        /// What hid the outcome.
        reason: String,
    },
    /// The answer came and cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
    /// A signed request without a key.
    #[error("no API key and secret for this environment; set them in .env")]
    NoCredentials,
    /// The settings name an address or a key that cannot be used.
    #[error("{0}")]
    Configuration(String),
}

fn remedy(code: i32) -> String {
    codes::rule(code)
        .map_or_else(String::new, |rule| format!(" ({}; {})", rule.meaning, rule.remedy))
}

impl BinanceError {
    /// Whether the venue refused the key itself.
    #[must_use]
    pub fn is_key_refused(&self) -> bool {
        match self {
            Self::Rejected { rejection } => codes::KEY_REFUSED.contains(&rejection.code),
            Self::Unreachable { .. }
            | Self::HeldBack { .. }
            | Self::KeyHeld { .. }
            | Self::NotProcessed { .. }
            | Self::Barred { .. }
            | Self::Throttled { .. }
            | Self::Overloaded { .. }
            | Self::Unknown { .. }
            | Self::Unreadable(_)
            | Self::NoCredentials
            | Self::Configuration(_) => false,
        }
    }

    /// The venue's code, where it refused.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Rejected { rejection } => Some(rejection.code),
            Self::Unreachable { .. }
            | Self::HeldBack { .. }
            | Self::KeyHeld { .. }
            | Self::NotProcessed { .. }
            | Self::Barred { .. }
            | Self::Throttled { .. }
            | Self::Overloaded { .. }
            | Self::Unknown { .. }
            | Self::Unreadable(_)
            | Self::NoCredentials
            | Self::Configuration(_) => None,
        }
    }
}

impl From<BinanceError> for Failure {
    fn from(error: BinanceError) -> Self {
        match error {
            BinanceError::Rejected { rejection } => Self::Rejected(rejection),
            BinanceError::Throttled { until }
            | BinanceError::Overloaded { until }
            | BinanceError::KeyHeld { until } => Self::Throttled { until },
            BinanceError::Unknown { reason } => Self::Unknown { reason },
            BinanceError::Unreadable(_) => Self::Unknown { reason: error.to_string() },
            BinanceError::Unreachable { .. }
            | BinanceError::HeldBack { .. }
            | BinanceError::NotProcessed { .. }
            | BinanceError::Barred { .. }
            | BinanceError::NoCredentials
            | BinanceError::Configuration(_) => Self::NotSent { reason: error.to_string() },
        }
    }
}

/// An answer that is no success.
#[derive(Debug, Clone, Copy)]
pub struct ErrorAnswer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After` in seconds, where the venue sends it.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: &'a str,
}

/// Classifies an answer with a status other than 2xx.
#[must_use]
pub fn classify(operation: Operation, now: Timestamp, answer: ErrorAnswer<'_>) -> BinanceError {
    let body = read_json::<wire::ErrorBody>("error body", answer.body).ok();
    let code = body.as_ref().and_then(|body| body.code.integer()).unwrap_or(0);
    let code = i32::try_from(code).unwrap_or(0);
    let text = body.as_ref().map_or("", |body| body.msg.as_str());
    match answer.status {
        429 | 418 => {
            BinanceError::Throttled { until: silence_until(now, answer.retry_after, text) }
        }
        300..=399 => barred(answer.status, "the address redirects; set the final one"),
        451 => barred(451, "the venue does not serve this place"),
        403 if body.is_none() => {
            barred(403, "refused by the venue's firewall; wait, then report it")
        }
        408 => unknown(operation, "the venue timed out"),
        503 => service_unavailable(operation, now, code, text),
        500..=599 => {
            unknown(operation, &format!("HTTP status {} {}", answer.status, shorten(text)))
        }
        _ if body.is_none() => {
            barred(answer.status, "no answer of the venue's interface; check the URL settings")
        }
        _ => refused(operation, now, code, text),
    }
}

/// Classifies a refusal that came inside a successful answer: an element of a batch.
#[must_use]
pub fn classify_element(
    operation: Operation,
    now: Timestamp,
    body: &wire::ErrorBody,
) -> BinanceError {
    let code = body.code.integer().and_then(|code| i32::try_from(code).ok()).unwrap_or(0);
    refused(operation, now, code, body.msg.as_str())
}

/// The three meanings of 503 (exchange-api.md 7.2).
fn service_unavailable(
    operation: Operation,
    now: Timestamp,
    code: i32,
    text: &str,
) -> BinanceError {
    if code == codes::OVERLOADED {
        return BinanceError::Overloaded { until: now + OVERLOAD_PAUSE };
    }
    let surely_failed = text.starts_with("Service Unavailable")
        || text.starts_with("Internal error; unable to process your request");
    if surely_failed {
        return BinanceError::NotProcessed { reason: shorten(text) };
    }
    unknown(operation, "HTTP status 503: the request may have succeeded")
}

fn refused(operation: Operation, now: Timestamp, code: i32, text: &str) -> BinanceError {
    let effect = codes::rule(code).map_or(Effect::NotDone, |rule| match operation {
        Operation::Place => rule.on_place,
        Operation::Change | Operation::Read => rule.on_change,
    });
    match effect {
        Effect::NotDone
        | Effect::Gone
        | Effect::NotVisible
        | Effect::Underway
        | Effect::AlreadySo => {
            BinanceError::Rejected { rejection: Rejection { code, reason: shorten(text) } }
        }
        Effect::Throttled if code == codes::OVERLOADED => {
            BinanceError::Overloaded { until: now + OVERLOAD_PAUSE }
        }
        Effect::Throttled => BinanceError::Throttled { until: silence_until(now, None, text) },
        Effect::AlreadyPlaced => {
            unknown(operation, &format!("{code}: an earlier copy of this order is open"))
        }
        Effect::Unknown => unknown(operation, &format!("{code} {}", shorten(text))),
    }
}

/// The outcome of a request whose answer says nothing, or will not come.
pub(super) fn unknown(operation: Operation, reason: &str) -> BinanceError {
    match operation {
        // Asking has no effect that could be unknown.
        Operation::Read => BinanceError::NotProcessed { reason: reason.to_owned() },
        Operation::Place | Operation::Change => BinanceError::Unknown { reason: reason.to_owned() },
    }
}

fn barred(status: u16, reason: &str) -> BinanceError {
    BinanceError::Barred { status, reason: reason.to_owned() }
}

/// When the venue will hear us again: `Retry-After` or the epoch in a ban's text, the later of both,
/// or the end of the window; and a margin beyond it.
fn silence_until(now: Timestamp, retry_after: Option<u64>, text: &str) -> Timestamp {
    let asked = retry_after.map(|seconds| now + Duration::from_secs(seconds));
    let banned = text
        .split(|character: char| !character.is_ascii_digit())
        .filter(|digits| digits.len() == 13)
        .filter_map(|digits| digits.parse().ok())
        .map(Timestamp::from_millis)
        .filter(|until| *until > now)
        .max();
    let until = asked.max(banned).unwrap_or_else(|| window_end(now));
    until.max(now + SHORTEST_SILENCE).min(now + LONGEST_SILENCE) + CLOCK_MARGIN
}

fn window_end(now: Timestamp) -> Timestamp {
    let window = now.nanos().div_euclid(LIMIT_WINDOW_NANOS);
    Timestamp::from_nanos(window.saturating_add(1).saturating_mul(LIMIT_WINDOW_NANOS))
}

/// Classifies a failure of the transport. `host` is shown; the URL never is.
#[must_use]
pub(super) fn classify_transport(
    operation: Operation,
    host: &str,
    failure: &HttpFailure,
) -> BinanceError {
    let is_surely_not_sent = matches!(failure, HttpFailure::NotSent(_));
    match operation {
        Operation::Place | Operation::Change if !is_surely_not_sent => {
            BinanceError::Unknown { reason: format!("{host}: {failure}") }
        }
        Operation::Read | Operation::Place | Operation::Change => {
            BinanceError::Unreachable { host: host.to_owned(), reason: failure.to_string() }
        }
    }
}

/// The cause that says most, the innermost, shortened.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    shorten(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn placing(status: u16, body: &str) -> BinanceError {
        classify(Operation::Place, NOW, ErrorAnswer { status, retry_after: None, body })
    }

    #[test]
    fn a_refusal_keeps_its_code_and_names_a_remedy() {
        let error = placing(400, r#"{"code":-2019,"msg":"Margin is insufficient."}"#);
        assert_eq!(error.code(), Some(-2019));
        let text = error.to_string();
        assert!(text.contains("-2019") && text.contains("add margin"), "{text}");
        let unheard = placing(400, r#"{"code":-9876,"msg":"?"}"#);
        assert_eq!(unheard.code(), Some(-9876), "an unknown code with 4xx is a refusal");
    }

    #[test]
    fn codes_of_unknown_outcome_are_unknown_for_orders_and_not_for_questions() {
        let body = r#"{"code":-1007,"msg":"Timeout"}"#;
        assert!(matches!(placing(400, body), BinanceError::Unknown { .. }));
        let answer = ErrorAnswer { status: 400, retry_after: None, body };
        let asked = classify(Operation::Read, NOW, answer);
        assert!(matches!(asked, BinanceError::NotProcessed { .. }), "{asked:?}");
        let duplicate = placing(400, r#"{"code":-4116,"msg":"ClientOrderId is duplicated."}"#);
        assert!(matches!(duplicate, BinanceError::Unknown { .. }));
    }

    #[test]
    fn a_ban_is_believed_in_each_of_its_spellings() {
        let until = |status, retry_after, body| {
            let answer = ErrorAnswer { status, retry_after, body };
            let error = classify(Operation::Read, NOW, answer);
            let BinanceError::Throttled { until } = error else { panic!("{error:?}") };
            until
        };
        let after = |silence: Duration| NOW + silence + CLOCK_MARGIN;
        let two_minutes = Duration::from_mins(2);
        assert_eq!(until(429, Some(7), "{}"), after(Duration::from_secs(7)));
        assert_eq!(until(429, Some(0), "{}"), after(SHORTEST_SILENCE), "some silence");
        let banned =
            r#"{"code":-1003,"msg":"Way too many requests; IP banned until 1700000120000."}"#;
        assert_eq!(until(418, None, banned), after(two_minutes));
        assert_eq!(until(418, Some(7), banned), after(two_minutes), "the later of both");
        assert_eq!(until(418, Some(300), banned), after(Duration::from_mins(5)), "of both");
        let end_of_minute = after(Duration::from_secs(40));
        assert_eq!(until(429, None, "<html>"), end_of_minute, "the window's end");
        assert_eq!(
            until(400, None, r#"{"code":-1015,"msg":"Too many new orders."}"#),
            end_of_minute
        );
        assert_eq!(until(429, Some(u64::MAX), "{}"), after(LONGEST_SILENCE));
    }

    #[test]
    fn what_is_not_the_venue_is_named_and_was_not_processed() {
        for status in [301, 302, 403, 404, 451] {
            let error = placing(status, "<html>nginx</html>");
            assert!(matches!(error, BinanceError::Barred { .. }), "{status} {error:?}");
            assert!(matches!(Failure::from(error), Failure::NotSent { .. }));
        }
        assert!(matches!(placing(502, "<html>"), BinanceError::Unknown { .. }));
    }

    #[test]
    fn what_the_venue_writes_cannot_command_a_terminal() {
        let error = placing(400, r#"{"code":-2010,"msg":"\u001b[2Jgone\u0007\r\n\u009b31m"}"#);
        let text = error.to_string();
        assert!(text.contains("gone") && !text.contains(char::is_control), "{text:?}");
    }

    #[test]
    fn a_refused_key_is_recognised() {
        let error = placing(401, r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions."}"#);
        assert!(error.is_key_refused());
        assert!(!placing(400, r#"{"code":-2019,"msg":""}"#).is_key_refused());
    }
}
