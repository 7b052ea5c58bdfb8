//! Files that are wholly there or not at all, whatever happens between two instructions.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};

use crate::fail_point;

use super::error::StoreError;
use super::file_steps;

/// Writes a file so that a crash leaves either the old content or the new: temporary file in the
/// same folder, sync, rename, sync of the folder.
///
/// # Errors
/// [`StoreError::Io`] or [`StoreError::DiskFull`]; the target is then unchanged and the temporary
/// file removed.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = temporary_beside(path);
    let outcome = write_synced(&temporary, bytes).and_then(|()| {
        let name = path.file_name().unwrap_or_default();
        fail_point::pass(format_args!("{} written", name.display()));
        file_steps::rename(&temporary, path)
            .map_err(|source| StoreError::io("rename", &temporary, source))
    });
    if outcome.is_err() {
        // The first failure is the one to tell; a temporary file that stays is overwritten later.
        let _ = fs::remove_file(&temporary);
    }
    outcome.and_then(|()| sync_folder_of(path))
}

/// A file being written that appears under its name only once it is whole.
#[derive(Debug)]
pub(super) struct AtomicFile {
    file: BufWriter<File>,
    temporary: PathBuf,
    path: PathBuf,
    is_committed: bool,
}

impl AtomicFile {
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        let temporary = temporary_beside(path);
        let file = file_steps::create(&temporary)
            .map_err(|source| StoreError::io("create", path, source))?;
        let (file, path) = (BufWriter::new(file), path.to_owned());
        Ok(Self { file, temporary, path, is_committed: false })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(|source| StoreError::io("write", &self.path, source))
    }

    /// Overwrites the first bytes, for a header that is known only at the end.
    pub(super) fn rewrite_head(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .rewind()
            .and_then(|()| self.file.write_all(bytes))
            .map_err(|source| StoreError::io("write", &self.path, source))
    }

    pub(super) fn commit(mut self) -> Result<(), StoreError> {
        self.file
            .flush()
            .and_then(|()| file_steps::sync(self.file.get_ref(), &self.temporary))
            .and_then(|()| file_steps::rename(&self.temporary, &self.path))
            .map_err(|source| StoreError::io("write", &self.path, source))?;
        self.is_committed = true;
        sync_folder_of(&self.path)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.is_committed {
            // Nobody is left to tell; the next write under this name replaces it.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes and syncs a file in place; only for files that nothing refers to yet.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let fail = |source| StoreError::io("write", path, source);
    let mut file = file_steps::create(path).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file_steps::sync(&file, path).map_err(fail)
}

/// Makes a rename or a new file in `path`'s folder durable.
pub(super) fn sync_folder_of(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path);
    file_steps::sync_folder(folder).map_err(|source| StoreError::io("sync", folder, source))
}

/// Creates a folder and its parents, so that they are there after a crash.
pub(super) fn create_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = folder_of(path);
    if parent != path {
        create_folder(parent)?;
    }
    match file_steps::create_folder(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(source) => Err(StoreError::io("create", path, source)),
        Ok(()) => sync_folder_of(path),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

/// A name in the same folder that no other process uses.
pub(super) fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::file_steps::record::{Tree, steps_of};
    use super::*;

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pointer.json");
        write_atomically(&path, b"a much longer first version").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_crash_after_any_step_leaves_the_old_file_or_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pointer.json");
        let write_in_parts = |bytes: &[u8]| {
            let mut file = AtomicFile::create(&path).unwrap();
            file.write(bytes).unwrap();
            file.commit().unwrap();
        };
        let write_at_once = |bytes: &[u8]| write_atomically(&path, bytes).unwrap();
        for is_in_parts in [false, true] {
            let write =
                |bytes| if is_in_parts { write_in_parts(bytes) } else { write_at_once(bytes) };
            let mut tree = Tree::new(folder.path());
            tree.take(&steps_of(|| write(b"old")), |_| {});
            let mut found = BTreeSet::new();
            tree.take(&steps_of(|| write(b"new")), |left| {
                found.insert(left.read(&path).map(<[u8]>::to_vec));
            });
            assert_eq!(found, BTreeSet::from([Some(b"new".to_vec()), Some(b"old".to_vec())]));
            tree.take(&[], |left| assert_eq!(left.read(&path), Some(b"new".as_slice())));
        }
    }

    #[test]
    fn a_failed_write_leaves_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("taken");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("inside"), b"old").unwrap();
        assert!(write_atomically(&target, b"new").is_err(), "a folder is not replaced by a file");
        assert_eq!(fs::read(target.join("inside")).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }
}
