//! Where files are: this machine's file system, or a disk in memory that a simulation can break.
//!
//! Journal, tape, emergency file and the folder's lock live on it; model files do not.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::atomic;
use super::error::StoreError;
use super::memory_disk::{MemoryDisk, PlainFile, vfs};

/// How much of a file is in memory at once while it is written again.
const PART_BYTES: usize = 1 << 20;

/// Where files are.
#[derive(Debug, Clone, Default)]
pub enum Disk {
    /// On this machine.
    #[default]
    Machine,
    /// In memory.
    Memory(MemoryDisk),
}

/// A file of either disk that is written in place.
#[derive(Debug)]
pub(super) enum DiskFile {
    Machine(File),
    Memory(PlainFile),
}

impl Disk {
    /// Creates a folder and its parents.
    pub(super) fn create_folder(&self, path: &Path) -> Result<(), StoreError> {
        match self {
            Self::Machine => atomic::create_folder(path),
            Self::Memory(_) => Ok(()), // it has names, not folders
        }
    }

    /// Makes a new file in `path`'s folder durable.
    pub(super) fn sync_folder_of(&self, path: &Path) -> Result<(), StoreError> {
        match self {
            Self::Machine => atomic::sync_folder_of(path),
            Self::Memory(_) => Ok(()), // a name is durable with the first sync of its file
        }
    }

    /// Opens a database, creating it if need be.
    pub(super) fn connect(&self, path: &Path) -> Result<Connection, StoreError> {
        let fail = |source| StoreError::database(path, source);
        match self {
            Self::Machine => Connection::open(path).map_err(fail),
            Self::Memory(disk) => {
                let name = vfs::register()?;
                let flags = OpenFlags::default() & !OpenFlags::SQLITE_OPEN_URI;
                let connection =
                    Connection::open_with_flags_and_vfs(disk.name_of(path), flags, name)
                        .map_err(fail)?;
                // The index of the log is then kept on the heap: this disk has no shared memory.
                connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(fail)?;
                Ok(connection)
            }
        }
    }

    /// The bytes of a file; `None` if there is none.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Machine => match std::fs::read(path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(source) => Err(StoreError::io("read", path, source)),
            },
            Self::Memory(disk) => Ok(disk.read(path)),
        }
    }

    /// Opens a file of exactly these many bytes, writing zeros if there is none.
    pub(super) fn open_sized(&self, path: &Path, size: usize) -> Result<DiskFile, StoreError> {
        match self {
            Self::Machine => {
                let is_whole =
                    std::fs::metadata(path).is_ok_and(|found| found.len() == size as u64);
                if !is_whole {
                    if let Some(folder) = path.parent() {
                        atomic::create_folder(folder)?;
                    }
                    atomic::write_atomically(path, &vec![0; size])?;
                }
                let opened = OpenOptions::new().read(true).write(true).open(path);
                opened.map(DiskFile::Machine).map_err(|source| StoreError::io("open", path, source))
            }
            Self::Memory(disk) => disk
                .open_sized(path, size)
                .map(DiskFile::Memory)
                .map_err(|source| StoreError::io("open", path, source)),
        }
    }

    /// Whether there is a file of this name.
    pub(super) fn holds(&self, path: &Path) -> bool {
        match self {
            Self::Machine => path.exists(),
            Self::Memory(disk) => disk.holds(path),
        }
    }

    /// Writes a file's bytes over themselves and syncs them, so that what is read back is on disk.
    /// Nothing is done where there is no such file.
    pub(super) fn write_again(&self, path: &Path) -> Result<(), StoreError> {
        let fail = |source| StoreError::io("write again", path, source);
        match self {
            Self::Machine => match OpenOptions::new().read(true).write(true).open(path) {
                Ok(file) => write_over(&file).map_err(fail),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                Err(source) => Err(fail(source)),
            },
            Self::Memory(disk) => disk.write_again(path).map_err(fail),
        }
    }

    /// A number that no other installation has; of a disk in memory, that of its seed.
    pub(super) fn draw(&self) -> u64 {
        match self {
            // From the system's randomness that the standard library seeds its hash maps with.
            Self::Machine => RandomState::new().build_hasher().finish(),
            Self::Memory(disk) => disk.draw(),
        }
    }
}

fn write_over(file: &File) -> std::io::Result<()> {
    let length = file.metadata()?.len();
    let mut part = vec![0; PART_BYTES];
    let mut at = 0;
    while at < length {
        let count = usize::try_from(length - at).unwrap_or(PART_BYTES).min(PART_BYTES);
        file.read_exact_at(&mut part[..count], at)?;
        file.write_all_at(&part[..count], at)?;
        at += count as u64;
    }
    file.sync_all()
}

impl DiskFile {
    pub(super) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
        match self {
            Self::Machine(file) => file.read_exact_at(bytes, offset),
            Self::Memory(file) => file.read_exact_at(bytes, offset),
        }
    }

    pub(super) fn write_all_at(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        match self {
            Self::Machine(file) => file.write_all_at(bytes, offset),
            Self::Memory(file) => file.write_all_at(bytes, offset),
        }
    }

    pub(super) fn sync_data(&self) -> std::io::Result<()> {
        match self {
            Self::Machine(file) => file.sync_data(),
            Self::Memory(file) => file.sync_data(),
        }
    }
}
