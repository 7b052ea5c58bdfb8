//! The steps by which a file or a folder comes to be there for good. A crash may follow any of them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Creates an empty file, or empties the one that is there.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let file = File::create(path)?;
    #[cfg(test)]
    record::note(|| record::Step::CreateFile(path.to_owned()));
    Ok(file)
}

/// Makes a file's bytes durable, not its name.
pub(super) fn sync(file: &File, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    #[cfg(test)]
    record::note(|| record::Step::synced(path));
    #[cfg(not(test))]
    let _ = path;
    Ok(())
}

/// Gives a file or folder another name in the same folder, in place of what has that name.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    #[cfg(test)]
    record::note(|| record::Step::Rename(from.to_owned(), to.to_owned()));
    Ok(())
}

/// Creates one folder.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    #[cfg(test)]
    record::note(|| record::Step::CreateFolder(path.to_owned()));
    Ok(())
}

/// Makes durable which names a folder holds.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()?;
    #[cfg(test)]
    record::note(|| record::Step::SyncFolder(folder.to_owned()));
    Ok(())
}

#[cfg(test)]
pub(super) mod record;
