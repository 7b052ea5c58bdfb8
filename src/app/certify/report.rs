//! What a certification found: for scripts as JSON, for people as a page and a table.

use serde::Serialize;

use crate::domain::{Environment, Symbol};

use super::evidence::Evidence;

/// A dated report of a whole run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whose money.
    pub environment: Environment,
    /// Scheme, host and port of REST.
    pub venue: String,
    /// The instrument it was tried with.
    pub symbol: Symbol,
    /// When it began, RFC 3339.
    pub started: String,
    /// The version of lobd.
    pub version: &'static str,
    /// Why it ended before every case was tried, or what it could not clear away.
    pub ended_early: Option<String>,
    /// How many cases passed, taught something, were not tried, failed.
    pub totals: Totals,
    /// Every case, in its order.
    pub cases: Vec<CaseReport>,
}

/// How many cases ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// The claim holds.
    pub passed: usize,
    /// The specification leaves it open; what the venue does is written down.
    pub learned: usize,
    /// Could not be tried here and now.
    pub not_tried: usize,
    /// The venue fell short of the claim.
    pub failed: usize,
}

/// What became of one case.
#[derive(Debug, Clone, Serialize)]
pub struct CaseReport {
    /// Its number.
    pub id: &'static str,
    /// The claim.
    pub title: &'static str,
    /// The section of `exchange-api.md` that makes it.
    pub source: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was learnt, why it was not tried, or how the venue fell short.
    pub detail: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
    /// What was sent, what was expected, what came.
    pub evidence: Vec<Evidence>,
}

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The claim holds.
    Passed,
    /// The specification leaves it open.
    Learned,
    /// Could not be tried here and now.
    NotTried,
    /// The venue fell short of the claim.
    Failed,
}

impl Totals {
    /// Counts outcomes.
    #[must_use]
    pub fn of(cases: &[CaseReport]) -> Self {
        let count = |outcome| cases.iter().filter(|case| case.outcome == outcome).count();
        Self {
            passed: count(Outcome::Passed),
            learned: count(Outcome::Learned),
            not_tried: count(Outcome::NotTried),
            failed: count(Outcome::Failed),
        }
    }
}

impl Outcome {
    /// As people read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Learned => "learned",
            Self::NotTried => "not tried",
            Self::Failed => "FAILED",
        }
    }
}
