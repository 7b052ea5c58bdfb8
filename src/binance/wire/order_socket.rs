//! Answers of the WebSocket order interface (exchange-api.md 3.3).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{RateLimit, Text};

/// One answer: a result or an error, by its status.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketAnswer<'a> {
    /// The id of the request it answers; `null` if the request could not be read.
    #[serde(default)]
    pub id: Text,
    /// As an HTTP status.
    pub status: u16,
    /// What was asked for.
    #[serde(borrow)]
    pub result: Option<&'a RawValue>,
    /// Why it was not done.
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
    /// What is used of the request limits.
    #[serde(default)]
    pub rate_limits: Vec<UsedLimit>,
}

/// A request limit and what is used of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UsedLimit {
    /// The limit.
    #[serde(flatten)]
    pub limit: RateLimit,
    /// How much is used in the current window.
    pub count: u32,
}
