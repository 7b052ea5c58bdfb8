//! What an answer says: a result or a refusal, and what is used of the limits. Pure.

use std::time::Duration;

use crate::binance::parse::{ParseError, RateLimitKind, parse_rate_limit, read_json};
use crate::binance::wire;

/// One answer.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::binance) struct Answer {
    /// As an HTTP status.
    pub(in crate::binance) status: u16,
    /// The result's JSON, or the refusal's.
    pub(in crate::binance) outcome: Result<String, String>,
    /// What is used of the limits.
    pub(in crate::binance) used: Vec<Used>,
}

/// What is used of one limit.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::binance) struct Used {
    pub(in crate::binance) kind: RateLimitKind,
    pub(in crate::binance) window: Duration,
    pub(in crate::binance) count: u32,
}

impl Answer {
    /// Reads a message that is an answer.
    pub(in crate::binance) fn read(text: &str) -> Result<Self, ParseError> {
        let answer: wire::SocketAnswer<'_> = read_json("order socket answer", text)?;
        let json = |raw: Option<&serde_json::value::RawValue>| {
            raw.map_or_else(String::new, |raw| raw.get().to_owned())
        };
        // Only a success without an error is a result, whatever else an answer holds.
        let is_result = (200..300).contains(&answer.status) && answer.error.is_none();
        let outcome = if is_result { Ok(json(answer.result)) } else { Err(json(answer.error)) };
        let used = answer.rate_limits.iter().filter_map(used).collect();
        Ok(Self { status: answer.status, outcome, used })
    }
}

/// The id of the request a message answers, if it is an answer at all.
pub(in crate::binance) fn id_of(text: &str) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Id {
        id: wire::Text,
    }
    serde_json::from_str::<Id>(text).ok()?.id.as_str().parse().ok()
}

fn used(used: &wire::UsedLimit) -> Option<Used> {
    let rule = parse_rate_limit(&used.limit)?;
    // The socket's weight is counted apart from REST's; orders are not (exchange-api.md 3.3).
    let kind = match rule.kind {
        RateLimitKind::RequestWeight => RateLimitKind::SocketWeight,
        kind @ (RateLimitKind::SocketWeight
        | RateLimitKind::FundingQuestions
        | RateLimitKind::Orders) => kind,
    };
    Some(Used { kind, window: rule.window, count: used.count })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = r#""rateLimits":[
        {"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":300,"count":12},
        {"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":2400,"count":6},
        {"rateLimitType":"RAW_REQUESTS","interval":"FORTNIGHT","intervalNum":1,"limit":1,"count":1}]"#;

    #[test]
    fn a_result_and_a_refusal_are_told_apart_and_their_counts_kept() {
        let text = format!(r#"{{"id":"7","status":200,"result":{{"orderId":1}},{LIMITS}}}"#);
        let answer = Answer::read(&text).unwrap();
        assert_eq!(answer.outcome, Ok(r#"{"orderId":1}"#.to_owned()));
        let used: Vec<_> =
            answer.used.iter().map(|used| (used.kind, used.window.as_secs(), used.count)).collect();
        let expected = [(RateLimitKind::Orders, 10, 12), (RateLimitKind::SocketWeight, 60, 6)];
        assert_eq!(used, expected);
        assert_eq!(id_of(&text), Some(7));
        let text = r#"{"id":8,"status":400,"error":{"code":-2019,"msg":"Margin."}}"#;
        let refusal = Answer::read(text).unwrap();
        assert_eq!(refusal.outcome, Err(r#"{"code":-2019,"msg":"Margin."}"#.to_owned()));
        assert_eq!((refusal.status, id_of(text)), (400, Some(8)));
    }

    #[test]
    fn what_is_no_answer_is_an_error_or_has_no_id() {
        for text in ["", "[]", "{}", r#"{"id":null}"#, r#"{"id":"x","status":200}"#] {
            assert_eq!(id_of(text), None, "{text}");
        }
        assert!(Answer::read(r#"{"id":1}"#).is_err());
        let contradiction = r#"{"id":1,"status":200,"result":{},"error":{"code":-1}}"#;
        assert!(Answer::read(contradiction).unwrap().outcome.is_err());
        let empty = Answer::read(r#"{"id":1,"status":200}"#).unwrap();
        assert_eq!(empty.outcome, Ok(String::new()), "and no JSON: its outcome is unknown");
    }
}
