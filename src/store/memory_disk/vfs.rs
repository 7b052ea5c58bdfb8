//! SQLite on the disk in memory: one virtual file system for all of them, told apart by name.
//!
//! A name is `ID:PATH`. Locks are no concern of it: a database in memory has one connection.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use rsqlite_vfs::{
    AccessMode, DeviceCharacteristics, LockLevel, OpenAccess, OpenOptions, OpenRequest, OpenedFile,
    OsCallback, SQLiteIoMethods, SQLiteVfs, SyncOptions, VfsError, VfsErrorCode, VfsFile,
    VfsResult, VfsStore, register_vfs,
};

use super::plain::position;
use super::{FileBytes, MemoryDisk, Operation, Refused, Shared};
use crate::store::error::StoreError;

/// Its name at SQLite.
const NAME: &str = "lobd-memory";

/// Every disk in memory that there is, by its id.
static MOUNTED: Mutex<BTreeMap<u64, Weak<Shared>>> = Mutex::new(BTreeMap::new());

fn mounted() -> MutexGuard<'static, BTreeMap<u64, Weak<Shared>>> {
    MOUNTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a disk known to SQLite until it is dropped.
pub(super) fn mount(disk: &Arc<Shared>) {
    mounted().insert(disk.id, Arc::downgrade(disk));
}

impl Drop for Shared {
    fn drop(&mut self) {
        mounted().remove(&self.id);
    }
}

impl MemoryDisk {
    /// What SQLite is to call a file of this disk.
    pub(in crate::store) fn name_of(&self, path: &Path) -> String {
        format!("{}:{}", self.0.id, path.display())
    }
}

/// Registers the file system with SQLite, once; its name.
#[expect(unsafe_code, reason = "SQLite takes its file systems by pointer")]
pub(in crate::store) fn register() -> Result<&'static str, StoreError> {
    static REGISTERED: OnceLock<Result<(), String>> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| {
        // SAFETY: the callbacks are the crate's own for exactly these types; they, the name and the
        // (empty) application data are leaked, so they outlive every connection; `OnceLock` lets
        // nobody register the name twice; all state is behind a mutex, so any thread may call.
        let registration = unsafe { register_vfs::<Methods, Vfs>(NAME, (), false) };
        registration.map(|kept| _ = kept.into_raw()).map_err(|error| error.to_string())
    });
    match registered {
        Ok(()) => Ok(NAME),
        Err(reason) => {
            Err(StoreError::io("register", Path::new(NAME), std::io::Error::other(reason.clone())))
        }
    }
}

struct Vfs;
struct Methods;
struct Store;

/// An open file.
struct Opened {
    disk: Arc<Shared>,
    id: u64,
    /// Whether a sync of it has failed.
    is_spent: bool,
}

impl SQLiteIoMethods for Methods {
    type Store = Store;
}

impl SQLiteVfs<Methods> for Vfs {
    type Os = Self;

    fn os((): &()) -> &Self {
        &Self
    }
}

impl OsCallback for Vfs {
    /// Nobody else holds a lock that waiting would free.
    fn sleep(&self, _: Duration) {}

    /// SQLite asks its default file system.
    fn random(&self, _: &mut [u8]) -> usize {
        0
    }

    fn epoch_timestamp_in_ms(&self) -> VfsResult<i64> {
        Ok(0)
    }
}

/// The disk and the path that a name stands for.
fn find(name: &str) -> VfsResult<(Arc<Shared>, &str)> {
    let absent = || VfsError::new(VfsErrorCode::CantOpen, "no such disk in memory".into());
    let (id, path) = name.split_once(':').ok_or_else(absent)?;
    let id: u64 = id.parse().map_err(|_| absent())?;
    let disk = mounted().get(&id).and_then(Weak::upgrade).ok_or_else(absent)?;
    Ok((disk, path))
}

impl VfsStore for Store {
    type File = Opened;
    type AppData = ();

    fn open_file((): &(), request: OpenRequest<'_>) -> VfsResult<OpenedFile<Opened>> {
        let name = request.filename.ok_or_else(|| {
            VfsError::new(VfsErrorCode::CantOpen, "temporary files stay in SQLite's memory".into())
        })?;
        let (disk, path) = find(name.path())?;
        let opened = disk.open(path, request.options.create());
        let id = opened.map_err(|refused| refused.told(VfsErrorCode::CantOpen))?;
        Ok(OpenedFile { file: Opened { disk, id, is_spent: false }, access: OpenAccess::ReadWrite })
    }

    fn close_file(
        (): &(),
        name: Option<&str>,
        file: Opened,
        options: OpenOptions,
    ) -> VfsResult<()> {
        drop(file);
        match name.filter(|_| options.delete_on_close()) {
            Some(name) => Self::delete_file(&(), name, false),
            None => Ok(()),
        }
    }

    fn access((): &(), name: &str, _: AccessMode) -> VfsResult<bool> {
        let (disk, path) = find(name)?;
        let is_there = disk.state().names.contains_key(path);
        Ok(is_there)
    }

    fn full_pathname((): &(), name: &str) -> VfsResult<String> {
        Ok(name.to_owned())
    }

    fn delete_file((): &(), name: &str, _: bool) -> VfsResult<()> {
        let (disk, path) = find(name)?;
        if disk.is_over.load(std::sync::atomic::Ordering::Acquire) {
            return Err(Refused::Broken.told(VfsErrorCode::IoDelete));
        }
        let mut state = disk.state();
        if let Some(id) = state.names.remove(path) {
            state.files.remove(&id);
        }
        Ok(())
    }
}

impl VfsFile for Opened {
    /// As SQLite takes every disk of a Unix machine to be: without it a commit leaves padding behind
    /// its sync, and a later sync that fails takes the commit with it.
    fn device_characteristics(&self) -> DeviceCharacteristics {
        DeviceCharacteristics::POWERSAFE_OVERWRITE
    }

    fn read(&mut self, bytes: &mut [u8], offset: u64) -> VfsResult<usize> {
        let read = self.disk.look(self.id, |file| file.read(bytes, position(offset)));
        read.map_err(|refused| refused.told(VfsErrorCode::IoRead))
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        let write = |file: &mut FileBytes| file.write(bytes, position(offset));
        let written = self.disk.act(self.id, Operation::Change, write);
        written.map_err(|refused| refused.told(VfsErrorCode::IoWrite))
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        let truncate = |file: &mut FileBytes| file.truncate(position(size));
        let truncated = self.disk.act(self.id, Operation::Change, truncate);
        truncated.map_err(|refused| refused.told(VfsErrorCode::IoTruncate))
    }

    fn sync(&mut self, _: SyncOptions) -> VfsResult<()> {
        let synced = self.disk.sync(self.id, &mut self.is_spent);
        synced.map_err(|refused| refused.told(VfsErrorCode::IoSync))
    }

    fn size(&self) -> VfsResult<u64> {
        let length = self.disk.look(self.id, FileBytes::len);
        length.map(|length| length as u64).map_err(|refused| refused.told(VfsErrorCode::IoStat))
    }

    fn lock(&mut self, _: LockLevel) -> VfsResult<()> {
        Ok(())
    }

    fn unlock(&mut self, _: LockLevel) -> VfsResult<()> {
        Ok(())
    }

    fn check_reserved_lock(&self) -> VfsResult<bool> {
        Ok(false)
    }
}

impl Refused {
    fn told(self, broken: VfsErrorCode) -> VfsError {
        match self {
            Self::Full => VfsError::new(VfsErrorCode::Full, "the disk in memory is full".into()),
            Self::Broken => VfsError::new(broken, "the disk in memory refuses".into()),
        }
    }
}
