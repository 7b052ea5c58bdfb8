//! Does the venue behave as its specification says? Numbered cases, each tried and written down.
//!
//! The operator's proof before risking anything, and the canary when the exchange changes. Requests
//! are sent as they are; nothing here trades on what it learns. Invariants: **1** with real money
//! only cases that change nothing are tried; **2** cases that trade begin on an account at rest and
//! leave it so; **3** no key, signature or listen key stands in a report; **4** the venue's request
//! limits are kept; **5** however a run ends, there is a report.

mod came;
mod case;
mod cases;
mod evidence;
mod facts;
mod ground;
mod listening;
mod page;
mod report;
mod spot_venue;
mod stage;

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

pub use case::{Case, Effect};
pub use cases::all;
pub use evidence::Evidence;
pub use ground::{Ground, GroundError};
pub use page::page;
pub use report::{CaseReport, Outcome, Report, Totals};

use case::{Check, Finding, Shortfall};
use stage::Stage;

use crate::clock::SharedClock;
use crate::domain::Environment;

/// No case waits so long for anything.
const LONGEST_CASE: Duration = Duration::from_mins(2);

/// Which cases are tried.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// These alone; empty for all.
    pub ids: Vec<String>,
    /// Only those that change nothing.
    pub reads_only: bool,
}

impl Selection {
    /// Whether a case is tried at a venue of this environment.
    #[must_use]
    pub fn holds(&self, case: &Case, environment: Environment) -> bool {
        let is_named = self.ids.is_empty() || self.ids.iter().any(|id| id == case.id);
        let reads_only = self.reads_only || environment == Environment::Production;
        is_named && (!reads_only || case.effect == Effect::Reads)
    }
}

/// Tries the selected cases one after the other; `tell` hears of each when it has ended. Once the
/// first case has begun there is a report, whatever happens: if the venue cannot be cleared, or
/// `stop` is cancelled, it ends early and says so, after what was opened is cleared away.
///
/// # Errors
/// [`GroundError`] if the account is not at rest, or cannot be asked, before cases that trade; a
/// venue that falls short is no error but a failed case.
pub async fn certify(
    ground: &Ground,
    selection: &Selection,
    clock: &SharedClock,
    stop: &CancellationToken,
    tell: &mut dyn FnMut(&CaseReport),
) -> Result<Report, GroundError> {
    let environment = ground.rest.environment();
    let selected: Vec<Case> =
        all().into_iter().filter(|case| selection.holds(case, environment)).collect();
    let trades = selected.iter().any(|case| case.effect == Effect::Trades);
    if trades {
        ground.must_be_at_rest().await?;
    }
    let started = clock.now();
    let mut stage = ground.stage(&format!("certify-{}", started.millis() % 100_000_000));
    let mut cases = Vec::with_capacity(selected.len());
    let mut ended_early = None;
    for case in &selected {
        let report = try_case(case, &mut stage, stop).await;
        let leaves_traces = report.outcome == Outcome::Failed && case.effect == Effect::Trades;
        tell(&report);
        cases.push(report);
        if stop.is_cancelled() {
            ended_early = Some(format!("stopped in {}", case.id));
            break;
        }
        // What it left behind would make others fail.
        if leaves_traces && let Err(error) = ground.clear().await {
            ended_early = Some(format!("given up after {}, for it left traces: {error}", case.id));
            break;
        }
    }
    if trades && let Err(error) = ground.clear().await {
        let not_cleared = ground.not_cleared(&error);
        ended_early = Some(match ended_early {
            Some(why) => format!("{why}; {not_cleared}"),
            None => not_cleared,
        });
    }
    Ok(Report {
        environment,
        venue: ground.urls.rest.clone(),
        symbol: ground.instrument.symbol,
        started: started.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        ended_early,
        totals: Totals::of(&cases),
        cases,
    })
}

/// Tries one case; given up between two requests once `stop` is cancelled.
async fn try_case(case: &Case, stage: &mut Stage, stop: &CancellationToken) -> CaseReport {
    stage.begin();
    let began = Instant::now();
    let under_way = stage.step();
    let stopped = async {
        stop.cancelled().await;
        under_way.lock().await
    };
    let check = tokio::select! {
        biased;
        tried = timeout(LONGEST_CASE, (case.run)(stage)) => {
            tried.unwrap_or_else(|_| Err(Shortfall("it did not come to an end".to_owned())))
        }
        _at_rest = stopped => Ok(Finding::NotTried("stopped before it ended".to_owned())),
    };
    let (outcome, detail) = told(check);
    let detail = detail.map(|text| stage.redact(text));
    CaseReport {
        id: case.id,
        title: case.title,
        source: case.source,
        outcome,
        detail,
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        evidence: stage.take_evidence(),
    }
}

/// Whether a report shows that conditional orders survive a countdown that runs out; `None` if that
/// was not tried to its end.
#[must_use]
pub fn stops_survive_countdown(report: &Report) -> Option<bool> {
    let case = report.cases.iter().find(|case| case.id == cases::COUNTDOWN_CASE)?;
    let learned = case.detail.as_deref().filter(|_| case.outcome == Outcome::Learned)?;
    Some(learned == cases::STOPS_SURVIVE_COUNTDOWN)
}

fn told(check: Check) -> (Outcome, Option<String>) {
    match check {
        Ok(Finding::AsSpecified) => (Outcome::Passed, None),
        Ok(Finding::Learned(what)) => (Outcome::Learned, Some(what)),
        Ok(Finding::NotTried(why)) => (Outcome::NotTried, Some(why)),
        Err(Shortfall(how)) => (Outcome::Failed, Some(how)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn cases_are_many_numbered_once_and_in_order() {
        let ids: Vec<&str> = all().iter().map(|case| case.id).collect();
        assert!(ids.len() >= 80, "{}", ids.len());
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(unique.len(), ids.len());
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids.iter().all(|id| id.len() == 5 && id.starts_with("C-")));
    }

    #[test]
    fn with_real_money_nothing_is_traded() {
        let everything = Selection::default();
        for case in all() {
            let is_tried = everything.holds(&case, Environment::Production);
            assert_eq!(is_tried, case.effect == Effect::Reads, "{case:?}");
            assert!(everything.holds(&case, Environment::Testnet));
        }
    }
}
