//! Whether the data folder is still the one that was opened (fault D9).
//!
//! A daemon whose folder was deleted or replaced can neither be asked (its socket went with it) nor
//! keep a second one away (its lock did too), and nothing that it records is found again. So it
//! halts, leaves positions under their stops and ends.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::store::{Disk, FolderLock, Identities, StoreError};

use super::folder::DataFolder;

/// How often it is looked: a few questions to the system, and less than a position's stop takes.
const INTERVAL: Duration = Duration::from_secs(2);

/// Looks whether a data folder's files stay where they are.
#[derive(Default)]
pub(super) struct FolderWatch {
    known: Identities,
    /// None where there is nothing to watch, or nothing any more.
    ticks: Option<Interval>,
}

impl FolderWatch {
    /// Watches over what is in a folder now, on this machine.
    pub(super) fn over(disk: &Disk, folder: &DataFolder) -> Self {
        if !matches!(disk, Disk::Machine) {
            return Self::default();
        }
        let paths = [
            folder.path().to_owned(),
            folder.path().join(FolderLock::FILE),
            folder.tape(),
            folder.journal(),
            folder.emergency(),
        ];
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { known: Identities::of(paths), ticks: Some(ticks) }
    }

    /// Waits until something of it is gone or another, and says so once. Cancel-safe.
    pub(super) async fn lost(&mut self) -> StoreError {
        let Some(ticks) = &mut self.ticks else { return pending().await };
        loop {
            ticks.tick().await;
            if let Err(lost) = self.known.check() {
                self.ticks = None;
                return lost;
            }
        }
    }
}
