//! A disk in memory that loses, tears and fails as a real one does, by a seed.
//!
//! SQLite runs on it through [`vfs`]; the emergency file through [`PlainFile`]. Deliberately simpler
//! than a file system: names without folders, a name is durable with the first sync of its file, and
//! a deleted file stays deleted. Invariant: once a life is over, nothing of it has an effect.

mod file;
mod plain;
#[cfg(test)]
mod tests;
pub(super) mod vfs;

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::Rng;

pub(super) use plain::{MemoryLock, PlainFile};

use file::FileBytes;

/// The disk of one life of a machine; cheap to clone.
#[derive(Debug, Clone)]
pub struct MemoryDisk(Arc<Shared>);

/// What a disk refuses while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFault {
    /// Writes: there is no space left.
    Full,
    /// Writes, as a broken disk does.
    Write,
    /// Syncs; what they were for is lost.
    Sync,
}

#[derive(Debug)]
struct Shared {
    id: u64,
    seed: u64,
    is_over: AtomicBool,
    state: Mutex<State>,
    /// How long a sync takes, on the clock that it moves.
    #[cfg(test)]
    sync_time: Mutex<Option<(Arc<crate::clock::ManualClock>, std::time::Duration)>>,
}

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<String, u64>,
    files: BTreeMap<u64, FileBytes>,
    opened: u64,
    is_locked: bool,
    fault: Option<DiskFault>,
    /// How often it still strikes, if not for ever.
    strikes: Option<u64>,
    /// Changes and syncs so far.
    operations: u64,
    /// The operation during which the machine dies.
    dies_at: Option<u64>,
    /// How often a fault struck.
    refused: u64,
    /// Changes and syncs of every life so far, each with its file, hashed.
    history: DefaultHasher,
}

/// What is done to a file, as far as faults tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Change,
    Sync,
}

/// Why an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Full,
    Broken,
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(seed, State::default())
    }

    fn with(seed: u64, state: State) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (is_over, state) = (AtomicBool::new(false), Mutex::new(state));
        let shared = Arc::new(Shared {
            id,
            seed,
            is_over,
            state,
            #[cfg(test)]
            sync_time: Mutex::default(),
        });
        vfs::mount(&shared);
        Self(shared)
    }

    /// Refuses operations from now on, or no longer.
    pub fn set_fault(&self, fault: Option<DiskFault>) {
        let mut state = self.state();
        (state.fault, state.strikes) = (fault, None);
    }

    /// Refuses the next so many operations of a kind.
    #[cfg(test)]
    pub(crate) fn strike(&self, fault: DiskFault, times: u64) {
        let mut state = self.state();
        (state.fault, state.strikes) = (Some(fault), Some(times));
    }

    /// Makes every sync from now on take so long.
    #[cfg(test)]
    pub(crate) fn set_sync_time(
        &self,
        clock: &Arc<crate::clock::ManualClock>,
        takes: std::time::Duration,
    ) {
        let mut sync_time = self.0.sync_time.lock().unwrap_or_else(PoisonError::into_inner);
        *sync_time = Some((Arc::clone(clock), takes));
    }

    /// How often a fault struck.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.state().refused
    }

    /// Changes and syncs of every life so far, hashed: which file each was done to, not with what,
    /// as SQLite salts its logs by chance.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.state().history.finish()
    }

    /// Ends this life during the so-manieth change or sync from now on.
    pub fn die_after(&self, operations: u64) {
        let mut state = self.state();
        state.dies_at = Some(state.operations + operations);
    }

    /// Ends this life.
    pub fn end(&self) {
        self.0.is_over.store(true, Ordering::Release);
    }

    /// Whether this life is over: nothing that still runs in it has an effect any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.is_over.load(Ordering::Acquire)
    }

    /// The disk that the next life finds after a crash; this life is over.
    #[must_use]
    pub fn after_crash(&self, fate: &mut impl Rng) -> Self {
        self.end();
        let mut state = self.state();
        let mut left = state.next_life();
        for (name, id) in std::mem::take(&mut state.names) {
            let file = state.files.remove(&id).and_then(|file| file.after_crash(fate));
            if let Some(file) = file {
                left.names.insert(name, id);
                left.files.insert(id, file);
            }
        }
        Self::with(self.0.seed, left)
    }

    /// The disk that the next life finds after this one has ended in order.
    #[must_use]
    pub fn after_exit(&self) -> Self {
        self.end();
        let mut state = self.state();
        let (names, files) = (std::mem::take(&mut state.names), std::mem::take(&mut state.files));
        Self::with(self.0.seed, State { names, files, ..state.next_life() })
    }

    /// A copy of what would be left for certain if the machine died at this moment.
    #[must_use]
    pub fn certain(&self) -> Self {
        let state = self.state();
        let mut left = State { opened: state.opened, ..State::default() };
        for (name, id) in &state.names {
            if let Some(file) = state.files.get(id).and_then(FileBytes::certain) {
                left.names.insert(name.clone(), *id);
                left.files.insert(*id, file);
            }
        }
        Self::with(self.0.seed, left)
    }

    /// Whether there is a file of this name.
    pub(super) fn holds(&self, path: &Path) -> bool {
        self.state().names.contains_key(&*path.to_string_lossy())
    }

    /// Whether some bytes are among the last so many durable ones of a file.
    #[must_use]
    pub fn holds_durably(&self, path: &Path, sought: &[u8], most: usize) -> bool {
        let state = self.state();
        let file = state.names.get(&*path.to_string_lossy()).and_then(|id| state.files.get(id));
        file.is_some_and(|file| {
            let tail = file.durable_tail(most);
            tail.windows(sought.len().max(1)).rev().any(|window| window == sought)
        })
    }

    pub(super) fn draw(&self) -> u64 {
        // A step of splitmix64: neighbouring seeds give numbers far apart.
        let mut mixed = self.0.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }
}

impl State {
    /// What the next life finds of this one, files aside.
    fn next_life(&self) -> Self {
        Self { opened: self.opened, history: self.history.clone(), ..Self::default() }
    }
}

impl Shared {
    /// Held for one operation and never across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds a file, creating it if that is wanted.
    fn open(&self, name: &str, create: bool) -> Result<u64, Refused> {
        if self.is_over.load(Ordering::Acquire) {
            return Err(Refused::Broken);
        }
        let mut state = self.state();
        if let Some(id) = state.names.get(name) {
            return Ok(*id);
        }
        if !create {
            return Err(Refused::Broken);
        }
        state.opened += 1;
        let id = state.opened;
        state.names.insert(name.to_owned(), id);
        state.files.insert(id, FileBytes::default());
        Ok(id)
    }

    /// Looks at a file.
    fn look<T>(&self, id: u64, look: impl FnOnce(&FileBytes) -> T) -> Result<T, Refused> {
        if self.is_over.load(Ordering::Acquire) {
            return Err(Refused::Broken);
        }
        self.state().files.get(&id).map(look).ok_or(Refused::Broken)
    }

    /// Syncs a file through one of its handles. One whose sync has failed says from then on that it
    /// has succeeded, and makes nothing durable: the worst that systems do.
    fn sync(&self, id: u64, is_spent: &mut bool) -> Result<(), Refused> {
        #[cfg(test)]
        if let Some((clock, takes)) =
            &*self.sync_time.lock().unwrap_or_else(PoisonError::into_inner)
        {
            clock.advance(*takes);
        }
        if *is_spent {
            return self.act(id, Operation::Sync, FileBytes::fail_to_sync);
        }
        let synced = self.act(id, Operation::Sync, FileBytes::sync);
        *is_spent = synced.is_err();
        synced
    }

    /// Does something to a file, unless the disk refuses or the machine dies of it.
    fn act(
        &self,
        id: u64,
        operation: Operation,
        act: impl FnOnce(&mut FileBytes),
    ) -> Result<(), Refused> {
        if self.is_over.load(Ordering::Acquire) {
            return Err(Refused::Broken);
        }
        let mut state = self.state();
        state.operations += 1;
        (id, operation).hash(&mut state.history);
        if state.dies_at.is_some_and(|at| state.operations >= at) {
            // What a change has begun is left to the crash to keep or to tear.
            if operation == Operation::Change
                && let Some(file) = state.files.get_mut(&id)
            {
                act(file);
            }
            self.is_over.store(true, Ordering::Release);
            return Err(Refused::Broken);
        }
        let refused = match (state.fault, operation) {
            (Some(DiskFault::Full), Operation::Change) => Some(Refused::Full),
            (Some(DiskFault::Write), Operation::Change)
            | (Some(DiskFault::Sync), Operation::Sync) => Some(Refused::Broken),
            (None | Some(_), _) => None,
        };
        state.refused += u64::from(refused.is_some());
        if let (Some(_), Some(left)) = (refused, &mut state.strikes) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                (state.fault, state.strikes) = (None, None);
            }
        }
        let file = state.files.get_mut(&id).ok_or(Refused::Broken)?;
        match refused {
            None => act(file),
            Some(refused) => {
                if operation == Operation::Sync {
                    file.fail_to_sync();
                }
                return Err(refused);
            }
        }
        Ok(())
    }
}
