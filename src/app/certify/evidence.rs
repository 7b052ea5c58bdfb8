//! What was sent, what was expected, what came.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::came::shorten;

/// One step of a case, as the report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The request without secrets and timestamps, or what was done instead.
    pub sent: String,
    /// What should have come.
    pub expected: String,
    /// Status and body, or what was seen; shortened.
    pub came: String,
}

/// A step whose expectation is known only once its answer is judged.
pub(super) struct Said {
    sent: String,
    expectation: Expectation,
    came: String,
}

/// What should have come; the first that asks says it.
#[derive(Debug, Clone, Default)]
pub(super) struct Expectation(Arc<OnceLock<Cow<'static, str>>>);

impl Said {
    /// Keeps a step; both texts must be free of secrets already, for a cut secret is not found.
    pub(super) fn new(sent: String, came: &str) -> Self {
        Self { sent, expectation: Expectation::default(), came: shorten(came) }
    }

    pub(super) fn expectation(&self) -> Expectation {
        self.expectation.clone()
    }
}

impl Expectation {
    /// Says what should have come, unless that is said.
    pub(super) fn is(&self, what: impl Into<Cow<'static, str>>) {
        // Who said it first asked first: a later question is about the same answer.
        let _ = self.0.set(what.into());
    }
}

impl From<Said> for Evidence {
    fn from(said: Said) -> Self {
        let expected = said.expectation.0.get();
        let expected = expected.map_or("what the claim says", |text| text.as_ref()).to_owned();
        Self { sent: said.sent, expected, came: said.came }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_expectation_stands_beside_what_came() {
        let said = Said::new("GET /".to_owned(), "200 {}");
        said.expectation().is("success");
        said.expectation().is("a list");
        let evidence = Evidence::from(said);
        assert_eq!((evidence.expected.as_str(), evidence.came.as_str()), ("success", "200 {}"));
        let silent = Evidence::from(Said::new("GET /".to_owned(), "200 {}"));
        assert_eq!(silent.expected, "what the claim says");
    }
}
