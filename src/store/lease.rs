//! One trading daemon per account on a machine (I18), whatever their data folders.
//!
//! A lock file in a folder of this user's own, named by a salted hash of the account's key: the name
//! tells nobody the key. The system releases it with the process, so a dead holder never blocks. On
//! another machine, or as another user, a second daemon is known by its orders instead, and halts.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::lock::{Taken, take};
use crate::domain::Environment;
use crate::sign::Secret;

/// So that the hash is nobody else's.
const SALT: &str = "lobd account lease 1";
/// So much of the hash tells accounts apart.
const NAME_DIGITS: usize = 32;
/// For its owner alone.
const PRIVATE: u32 = 0o700;

/// Trades on an account until it is dropped or the process ends.
#[derive(Debug)]
pub struct AccountLease {
    /// Kept open: closing it releases the lease.
    _file: File,
}

/// Which account.
#[derive(Debug, Clone, Copy)]
pub struct AccountName<'a> {
    /// Of which environment.
    pub environment: Environment,
    /// At which venue: on the sandbox each exchange has accounts of its own.
    pub rest_url: &'a str,
    /// Whose.
    pub api_key: &'a Secret,
}

impl AccountLease {
    /// Takes the account, among all daemons of this user that have the same `runtime` folder;
    /// `data_dir` is what another one is told of us.
    ///
    /// # Errors
    /// [`StoreError::AccountInUse`] naming the holder, or [`StoreError::Io`] if there is no folder
    /// that is ours alone.
    pub fn acquire(
        runtime: &Path,
        account: AccountName<'_>,
        data_dir: &Path,
    ) -> Result<Self, StoreError> {
        let folder = private_folder(runtime)?;
        let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        let holder = format!("{} {}", std::process::id(), data_dir.display());
        match take(&folder.join(account.file_name()), &holder)? {
            Taken::Ours(file) => Ok(Self { _file: file }),
            Taken::By(holder) => {
                let (pid, data_dir) = holder.trim_end().split_once(' ').unwrap_or_default();
                Err(StoreError::AccountInUse { data_dir: data_dir.into(), pid: pid.parse().ok() })
            }
        }
    }
}

impl AccountName<'_> {
    fn file_name(&self) -> String {
        let venue = match self.environment {
            Environment::Sandbox => self.rest_url,
            Environment::Testnet | Environment::Production => "",
        };
        let mut hash = Sha256::new();
        for part in [SALT, &format!("{:?}", self.environment), venue, self.api_key.expose()] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let mut name = hex::encode(hash.finalize());
        name.truncate(NAME_DIGITS);
        name + ".lease"
    }
}

/// A folder under `runtime` that only this user can write: others may write the one above it.
fn private_folder(runtime: &Path) -> Result<PathBuf, StoreError> {
    let us = rustix::process::geteuid().as_raw();
    let folder = runtime.join(format!("lobd-{us}"));
    let refused = |source| StoreError::io("keep leases in", &folder, source);
    match DirBuilder::new().mode(PRIVATE).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(refused(error)),
        Ok(()) | Err(_) => {}
    }
    let found = fs::symlink_metadata(&folder).map_err(refused)?;
    if !found.is_dir() || found.uid() != us || found.mode() & 0o077 != 0 {
        let problem = "it is not a folder of this user alone; remove it, or set XDG_RUNTIME_DIR";
        return Err(refused(io::Error::new(io::ErrorKind::PermissionDenied, problem)));
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn account<'a>(key: &'a Secret, rest_url: &'a str) -> AccountName<'a> {
        AccountName { environment: Environment::Sandbox, rest_url, api_key: key }
    }

    #[test]
    fn a_second_daemon_of_an_account_is_told_who_trades_on_it() {
        let runtime = tempfile::tempdir().unwrap();
        let (key, other) = (Secret::new("key".to_owned()), Secret::new("other".to_owned()));
        let take = |account| AccountLease::acquire(runtime.path(), account, Path::new("/here"));
        let first = take(account(&key, "a")).unwrap();
        let Err(StoreError::AccountInUse { data_dir, pid }) = take(account(&key, "a")) else {
            panic!("the account was taken twice");
        };
        assert_eq!((data_dir, pid), (PathBuf::from("/here"), Some(std::process::id())));
        assert!(take(account(&other, "a")).is_ok(), "another account");
        assert!(take(account(&key, "b")).is_ok(), "another exchange");
        drop(first);
        assert!(take(account(&key, "a")).is_ok(), "free again");
    }

    #[test]
    fn the_file_tells_nobody_the_key_and_only_its_owner_comes_near() {
        let runtime = tempfile::tempdir().unwrap();
        let key = Secret::new("abcdefghijklmnopqrstuvwxyz0123456789".to_owned());
        let _lease =
            AccountLease::acquire(runtime.path(), account(&key, "a"), Path::new("/here")).unwrap();
        let folder = fs::read_dir(runtime.path()).unwrap().next().unwrap().unwrap().path();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, PRIVATE);
        let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        let told = format!("{} {}", file.display(), fs::read_to_string(&file).unwrap());
        assert!(!told.contains(key.expose()), "{told}");
    }

    #[test]
    fn a_folder_that_others_may_write_is_refused() {
        let runtime = tempfile::tempdir().unwrap();
        let folder = private_folder(runtime.path()).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let error = private_folder(runtime.path()).unwrap_err().to_string();
        assert!(error.contains("XDG_RUNTIME_DIR"), "{error}");
        fs::remove_dir(&folder).unwrap();
        std::os::unix::fs::symlink(runtime.path(), &folder).unwrap();
        assert!(private_folder(runtime.path()).is_err(), "a link leads elsewhere");
    }
}
