//! One writer per data folder (I18), and one training: advisory locks that the system releases with
//! the process, however it ended.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::atomic;
use super::disk::Disk;
use super::error::StoreError;
use super::memory_disk::MemoryLock;

/// Holds a data folder for writing until it is dropped or the process ends.
#[derive(Debug)]
pub struct FolderLock {
    /// Kept open: closing it releases the lock.
    _held: Held,
}

#[derive(Debug)]
enum Held {
    Machine { _file: File },
    Memory { _lock: MemoryLock },
}

impl FolderLock {
    /// The lock's file in the folder; whoever empties the folder leaves it.
    pub const FILE: &str = "lock";

    /// Takes the folder, creating it if need be.
    ///
    /// # Errors
    /// [`StoreError::Locked`] with the other's process id if another instance holds it.
    pub fn acquire(data_dir: &Path) -> Result<Self, StoreError> {
        atomic::create_folder(data_dir)?;
        match take(&data_dir.join(Self::FILE), &std::process::id().to_string())? {
            Taken::Ours(file) => Ok(Self { _held: Held::Machine { _file: file } }),
            Taken::By(holder) => {
                let pid = holder.trim().parse().ok();
                Err(StoreError::Locked { path: data_dir.to_owned(), pid })
            }
        }
    }

    /// Takes the folder on a disk.
    ///
    /// # Errors
    /// As [`FolderLock::acquire`].
    pub fn acquire_on(disk: &Disk, data_dir: &Path) -> Result<Self, StoreError> {
        let Disk::Memory(disk) = disk else { return Self::acquire(data_dir) };
        let locked = || StoreError::Locked { path: data_dir.to_owned(), pid: None };
        let lock = disk.lock().ok_or_else(locked)?;
        Ok(Self { _held: Held::Memory { _lock: lock } })
    }
}

/// Trains alone in a folder of models until it is dropped or the process ends.
#[derive(Debug)]
pub struct TrainingLock {
    /// Kept open: closing it releases the lock.
    _file: File,
}

impl TrainingLock {
    const FILE: &str = "training.lock";

    /// Takes the folder of models, creating it if need be.
    ///
    /// # Errors
    /// [`StoreError::Training`] with the other's process id if somebody trains there.
    pub fn acquire(models: &Path) -> Result<Self, StoreError> {
        atomic::create_folder(models)?;
        match take(&models.join(Self::FILE), &std::process::id().to_string())? {
            Taken::Ours(file) => Ok(Self { _file: file }),
            Taken::By(holder) => {
                let pid = holder.trim().parse().ok();
                Err(StoreError::Training { path: models.to_owned(), pid })
            }
        }
    }
}

/// Whose a lock is.
pub(super) enum Taken {
    /// Ours, as long as the file is open.
    Ours(File),
    /// Somebody else's, who says this of itself; not to know it changes nothing.
    By(String),
}

/// Takes a lock file, or tells who holds it; `holder` is what we say of ourselves.
pub(super) fn take(path: &Path, holder: &str) -> Result<Taken, StoreError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|source| StoreError::io("open", path, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            return Ok(Taken::By(text));
        }
        Err(TryLockError::Error(source)) => return Err(StoreError::io("lock", path, source)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{holder}"))
        .map_err(|source| StoreError::io("write", path, source))?;
    Ok(Taken::Ours(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_instance_is_told_who_holds_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::acquire(folder.path()).unwrap();
        let Err(StoreError::Locked { pid, .. }) = FolderLock::acquire(folder.path()) else {
            panic!("the folder was taken twice");
        };
        assert_eq!(pid, Some(std::process::id()));
        drop(first);
        assert!(FolderLock::acquire(folder.path()).is_ok(), "free again");
    }

    #[test]
    fn a_second_training_is_told_who_trains() {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path().join("models");
        let first = TrainingLock::acquire(&models).unwrap();
        let error = TrainingLock::acquire(&models).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        assert!(TrainingLock::acquire(&models).is_ok(), "free again");
    }
}
