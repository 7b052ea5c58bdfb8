//! Whether files are still those that were opened: others may delete, move or replace them meanwhile,
//! and what is written through an open handle is then found by nobody.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::error::StoreError;

/// The files and folders that were there, by path.
#[derive(Debug, Default)]
pub struct Identities(Vec<(PathBuf, Identity)>);

/// Device and inode.
type Identity = (u64, u64);

fn identity(found: &Metadata) -> Identity {
    (found.dev(), found.ino())
}

impl Identities {
    /// Those of the paths that are there now.
    pub fn of(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let known = |path: PathBuf| path.metadata().ok().map(|found| (path, identity(&found)));
        Self(paths.into_iter().filter_map(known).collect())
    }

    /// Looks whether each is still there: one question to the system a path, and no file opened.
    ///
    /// # Errors
    /// [`StoreError::Replaced`] for the first that is gone, or is another. What cannot be asked is
    /// not taken for gone.
    pub fn check(&self) -> Result<(), StoreError> {
        let is_another = |path: &PathBuf, known: Identity| match path.metadata() {
            Ok(found) => identity(&found) != known,
            Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        };
        match self.0.iter().find(|(path, known)| is_another(path, *known)) {
            Some((path, _)) => Err(StoreError::Replaced { path: path.clone() }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_gone_or_another_is_named_and_what_only_grew_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let [kept, other] = ["kept", "other"].map(|name| folder.path().join(name));
        fs::write(&kept, "1").unwrap();
        fs::write(&other, "1").unwrap();
        let absent = folder.path().join("absent");
        let known = Identities::of([folder.path().to_owned(), kept.clone(), other.clone(), absent]);
        fs::write(&kept, "12").unwrap();
        known.check().unwrap();
        fs::rename(&other, folder.path().join("moved")).unwrap();
        let error = known.check().unwrap_err().to_string();
        assert!(error.contains("other"), "{error}");
        fs::copy(folder.path().join("moved"), &other).unwrap();
        assert!(known.check().is_err(), "a copy of the same name is another file");
    }
}
