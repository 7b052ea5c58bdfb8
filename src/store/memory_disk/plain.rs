//! Files that are written in place, and the folder's lock, on the disk in memory.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{FileBytes, MemoryDisk, Operation, Refused, Shared};

/// A file written in place.
#[derive(Debug)]
pub(in crate::store) struct PlainFile {
    disk: Arc<Shared>,
    id: u64,
    /// Whether a sync of it has failed.
    is_spent: AtomicBool,
}

/// Holds the disk for writing until it is dropped.
#[derive(Debug)]
pub(in crate::store) struct MemoryLock(Arc<Shared>);

impl MemoryDisk {
    /// Opens a file of so many bytes, writing zeros durably if it is not so long.
    pub(in crate::store) fn open_sized(&self, path: &Path, size: usize) -> io::Result<PlainFile> {
        let id = self.0.open(&path.to_string_lossy(), true)?;
        let file = PlainFile::of(&self.0, id);
        if self.0.look(id, FileBytes::len)? != size {
            self.0.act(id, Operation::Change, |file| file.truncate(0))?;
            file.write_all_at(&vec![0; size], 0)?;
            file.sync_data()?;
        }
        Ok(file)
    }

    /// Writes a file's bytes over themselves and syncs them.
    pub(in crate::store) fn write_again(&self, path: &Path) -> io::Result<()> {
        if !self.holds(path) {
            return Ok(());
        }
        let file = PlainFile::of(&self.0, self.0.open(&path.to_string_lossy(), false)?);
        let mut bytes = vec![0; self.0.look(file.id, FileBytes::len)?];
        file.read_exact_at(&mut bytes, 0)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_data()
    }

    /// The bytes of a file, if there is one.
    pub(in crate::store) fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        let file = state.files.get(state.names.get(&*path.to_string_lossy())?)?;
        let mut bytes = vec![0; file.len()];
        file.read(&mut bytes, 0);
        Some(bytes)
    }

    /// Takes the disk for writing; `None` if it is taken.
    pub(in crate::store) fn lock(&self) -> Option<MemoryLock> {
        let was_locked = std::mem::replace(&mut self.state().is_locked, true);
        (!was_locked).then(|| MemoryLock(Arc::clone(&self.0)))
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.0.state().is_locked = false;
    }
}

impl PlainFile {
    fn of(disk: &Arc<Shared>, id: u64) -> Self {
        Self { disk: Arc::clone(disk), id, is_spent: AtomicBool::new(false) }
    }

    pub(in crate::store) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let wanted = bytes.len();
        let read = self.disk.look(self.id, |file| file.read(bytes, position(offset)))?;
        if read == wanted { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    pub(in crate::store) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let write = |file: &mut FileBytes| file.write(bytes, position(offset));
        Ok(self.disk.act(self.id, Operation::Change, write)?)
    }

    pub(in crate::store) fn sync_data(&self) -> io::Result<()> {
        let mut is_spent = self.is_spent.load(Ordering::Relaxed);
        let synced = self.disk.sync(self.id, &mut is_spent);
        self.is_spent.store(is_spent, Ordering::Relaxed);
        Ok(synced?)
    }
}

pub(super) fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => io::ErrorKind::StorageFull.into(),
            Refused::Broken => Self::other("the disk in memory refuses"),
        }
    }
}
