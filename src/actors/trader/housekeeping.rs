//! When the journal is looked after: half a second after a second was cut, if nothing is under way.
//!
//! Predictions and what follows from them come right behind their second, so the middle of one is
//! its quietest part. What is done then takes one bounded step; whatever arrives meanwhile waits for
//! that step at most.

use std::time::Duration;

use crate::domain::Timestamp;
use crate::engine::{CyclePhase, EngineStatus};
use crate::store::{StoreError, Upkeep};

use super::Trader;

/// How long after a second was cut.
const QUIET_AFTER: Duration = Duration::from_millis(500);
/// A step that failed is tried again after this long.
const PATIENCE: Duration = Duration::from_mins(1);
/// While something is under way for so long, the log is written out all the same.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

const DAY: Duration = Duration::from_hours(24);

/// What upkeep the journal is due.
#[derive(Debug)]
pub(super) struct Housekeeping {
    /// For how many days closed days are kept; `None` is for ever.
    keep_days: Option<u32>,
    /// When to look next.
    due_at: Option<Timestamp>,
    /// The day whose beginning is in a checkpoint, or in the start of the run.
    day: Option<u64>,
    /// When nothing was under way the last time.
    quiet_at: Option<Timestamp>,
    /// After a failure: nothing is tried before this.
    not_before: Timestamp,
}

impl Housekeeping {
    pub(super) const fn new(keep_days: Option<u32>) -> Self {
        let not_before = Timestamp::from_nanos(0);
        Self { keep_days, due_at: None, day: None, quiet_at: None, not_before }
    }

    /// A second was cut and dealt with.
    pub(super) fn on_second(&mut self, now: Timestamp) {
        self.due_at = Some(now + QUIET_AFTER);
        self.day.get_or_insert(day_of(now));
        self.quiet_at.get_or_insert(now);
    }

    /// When to wake for it.
    pub(super) const fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }
}

impl Trader {
    /// Does one step of upkeep if it is due and nothing is under way.
    pub(super) fn keep_house_if_due(&mut self) {
        let now = self.clock.now();
        if self.housekeeping.due_at.is_none_or(|at| at > now) {
            return;
        }
        self.housekeeping.due_at = None;
        if !self.is_journal_healthy || now < self.housekeeping.not_before {
            return;
        }
        let is_quiet = is_at_rest(&self.status.borrow());
        let quiet_at = self.housekeeping.quiet_at.unwrap_or(now);
        if is_quiet || now.since(quiet_at) >= LONGEST_WAIT {
            self.housekeeping.quiet_at = Some(now);
        }
        let done = if is_quiet {
            self.keep_house(now)
        } else if self.housekeeping.quiet_at == Some(now) {
            self.records.journal.checkpoint().map(|()| Upkeep::WroteOut)
        } else {
            return;
        };
        match done {
            Ok(done) => tracing::debug!(?done, "looked after the journal"),
            Err(error) => {
                tracing::error!(%error, "the journal could not be looked after");
                self.housekeeping.not_before = now + PATIENCE;
            }
        }
    }

    /// A new day's checkpoint first, then whatever is next, whether that was kept or not.
    fn keep_house(&mut self, now: Timestamp) -> Result<Upkeep, StoreError> {
        let kept = self.keep_day(now);
        let tidied = self.records.journal.tidy(now, self.housekeeping.keep_days);
        kept.and(tidied)
    }

    fn keep_day(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let today = day_of(now);
        if self.housekeeping.day.is_some_and(|day| day < today) {
            self.records.journal.commit(&[])?;
            self.records.journal.keep_checkpoint(now, &self.engine)?;
            self.housekeeping.day = Some(today);
            tracing::info!("kept a checkpoint of the engine for the new day");
        }
        Ok(())
    }
}

fn day_of(now: Timestamp) -> u64 {
    now.since(Timestamp::from_nanos(0)).as_secs() / DAY.as_secs()
}

/// Whether no answer is awaited and nothing is being opened or closed: what is held rests under its
/// stop.
fn is_at_rest(status: &EngineStatus) -> bool {
    status.symbols.iter().all(|symbol| {
        let is_settled = match symbol.phase {
            CyclePhase::Flat => true,
            CyclePhase::Holding => symbol.stop_price.is_some(),
            CyclePhase::Entering | CyclePhase::Closing | CyclePhase::Settling => false,
        };
        is_settled && symbol.working_orders.iter().all(|order| order.state == "working")
    })
}
