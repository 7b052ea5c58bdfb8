//! One numbered claim about the venue, and what trying it can show.

use futures_util::future::BoxFuture;

use super::stage::Stage;

/// A claim of the specification that can be tried.
#[derive(Clone, Copy)]
pub struct Case {
    /// `C-001` and so on; never reused for another claim.
    pub id: &'static str,
    /// The claim.
    pub title: &'static str,
    /// The section of `exchange-api.md` that makes it.
    pub source: &'static str,
    /// What trying it does to the account.
    pub effect: Effect,
    pub(super) run: Run,
}

/// What trying a case does to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: may be tried with real money.
    Reads,
    /// Places and cancels orders, opens and closes the smallest position.
    Trades,
}

pub(super) type Run = for<'a> fn(&'a mut Stage) -> BoxFuture<'a, Check>;

/// What a trial gives: a finding, or how the venue fell short of the claim.
pub(super) type Check = Result<Finding, Shortfall>;

/// A trial that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// The claim holds.
    AsSpecified,
    /// The specification leaves it open; this is what the venue does.
    Learned(String),
    /// It could not be tried here and now.
    NotTried(String),
}

/// How the venue fell short of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shortfall(pub(super) String);

impl Case {
    /// A case that changes nothing.
    pub(super) const fn reads(
        id: &'static str,
        title: &'static str,
        source: &'static str,
        run: Run,
    ) -> Self {
        Self { id, title, source, effect: Effect::Reads, run }
    }

    /// A case that trades.
    pub(super) const fn trades(
        id: &'static str,
        title: &'static str,
        source: &'static str,
        run: Run,
    ) -> Self {
        Self { id, title, source, effect: Effect::Trades, run }
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.id, self.title)
    }
}

/// The claim holds.
pub(super) const HOLDS: Check = Ok(Finding::AsSpecified);

/// Falls short unless a condition holds.
pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Shortfall> {
    if holds { Ok(()) } else { Err(Shortfall(otherwise())) }
}

/// Something was learnt where the specification is open.
#[expect(clippy::unnecessary_wraps, reason = "a case ends with it")]
pub(super) fn learned(what: impl Into<String>) -> Check {
    Ok(Finding::Learned(what.into()))
}

/// It could not be tried.
#[expect(clippy::unnecessary_wraps, reason = "a case ends with it")]
pub(super) fn not_tried(why: impl Into<String>) -> Check {
    Ok(Finding::NotTried(why.into()))
}
