//! What certification has shown of a venue, kept in the data folder for the daemon.
//!
//! One fact decides something: whether protective stops survive the venue's countdown
//! (exchange-api.md §12, 7). The daemon arms it over entries only where that was seen, at the same
//! address, not too long ago: venues change.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Settings;
use crate::domain::{Environment, Timestamp};
use crate::engine::CountdownProof;
use crate::store::StoreError;
use crate::store::atomic::write_atomically;

use super::certify::{Report, stops_survive_countdown};
use super::folder::DataFolder;

/// What was seen longer ago proves nothing any more.
const VALID_FOR: Duration = Duration::from_hours(30 * 24);

/// What a certification has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedFacts {
    /// Whose money.
    pub environment: Environment,
    /// Scheme, host and port of REST.
    pub venue: String,
    /// When the certification began, RFC 3339.
    pub certified_at: String,
    /// Whether conditional orders survive a countdown that runs out.
    pub stops_survive_countdown: bool,
}

impl CertifiedFacts {
    /// What a report has shown; `None` if it tried nothing that decides anything.
    #[must_use]
    pub fn of(report: &Report) -> Option<Self> {
        Some(Self {
            environment: report.environment,
            venue: report.venue.clone(),
            certified_at: report.started.clone(),
            stops_survive_countdown: stops_survive_countdown(report)?,
        })
    }

    /// Keeps it where the daemon looks.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be written.
    pub fn write(&self, folder: &DataFolder) -> Result<(), StoreError> {
        let path = folder.certified(self.environment);
        let text = serde_json::to_vec_pretty(self).map_err(|error| StoreError::Corrupt {
            path: path.clone(),
            detail: error.to_string(),
            remedy: "report this: it is a fault of this program",
        })?;
        write_atomically(&path, &text)
    }

    /// What they prove to a daemon at this address, now.
    fn prove(&self, venue: &str, now: Timestamp) -> CountdownProof {
        let is_recent = self
            .certified_at
            .parse::<Timestamp>()
            .is_ok_and(|certified_at| now.since(certified_at) < VALID_FOR);
        match (self.venue == venue, is_recent, self.stops_survive_countdown) {
            (false, _, _) => CountdownProof::Uncertified,
            (true, _, false) => CountdownProof::TakesStops,
            (true, false, true) => CountdownProof::Outdated,
            (true, true, true) => CountdownProof::StopsSurvive,
        }
    }
}

/// What is proven of the countdown at the venue of these settings.
pub(super) fn countdown_proof(
    settings: &Settings,
    folder: &DataFolder,
    now: Timestamp,
) -> CountdownProof {
    let path = folder.certified(settings.environment);
    read(&path).map_or(CountdownProof::Uncertified, |facts| facts.prove(&settings.urls.rest, now))
}

/// The facts in a file; a file that cannot be read proves nothing.
fn read(path: &Path) -> Option<CertifiedFacts> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "what was certified cannot be read");
            return None;
        }
    };
    let facts = serde_json::from_slice(&text);
    facts
        .inspect_err(|error| {
            let path = path.display();
            tracing::warn!(%path, %error, "what was certified is damaged; certify the venue anew");
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VENUE: &str = "http://127.0.0.1:1";

    fn facts(stops_survive_countdown: bool) -> CertifiedFacts {
        CertifiedFacts {
            environment: Environment::Sandbox,
            venue: VENUE.to_owned(),
            certified_at: Timestamp::from_seconds(1_800_000_000).to_string(),
            stops_survive_countdown,
        }
    }

    #[test]
    fn facts_prove_something_where_they_were_seen_and_for_a_month() {
        let proof = |facts: &CertifiedFacts, venue: &str, days: i64| {
            facts.prove(venue, Timestamp::from_seconds(1_800_000_000 + days * 86_400))
        };
        assert_eq!(proof(&facts(true), VENUE, 29), CountdownProof::StopsSurvive);
        assert_eq!(proof(&facts(true), VENUE, 30), CountdownProof::Outdated);
        assert_eq!(proof(&facts(true), "http://127.0.0.1:2", 1), CountdownProof::Uncertified);
        assert_eq!(proof(&facts(false), VENUE, 99), CountdownProof::TakesStops);
    }

    #[test]
    fn facts_are_read_as_they_were_written_and_damaged_ones_prove_nothing() {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(home.path());
        let path = folder.certified(Environment::Sandbox);
        assert_eq!(read(&path), None, "never certified");
        facts(true).write(&folder).unwrap();
        assert_eq!(read(&path), Some(facts(true)));
        std::fs::write(&path, "{").unwrap();
        assert_eq!(read(&path), None);
    }
}
