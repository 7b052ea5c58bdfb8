//! One writer per data folder (I18): an advisory lock that the system releases with the process.

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
        let path = data_dir.join(Self::FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| StoreError::io("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder's id only helps the operator; not to know it changes nothing.
                let _ = file.read_to_string(&mut text);
                let pid = text.trim().parse().ok();
                return Err(StoreError::Locked { path: data_dir.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(StoreError::io("lock", &path, source)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|source| StoreError::io("write", &path, source))?;
        Ok(Self { _held: Held::Machine { _file: file } })
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
}
