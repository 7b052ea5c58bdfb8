//! Model artefacts as files: whole or absent, named by id, one of them current.
//!
//! Carries bytes and their SHA-256; what the bytes mean is the predictor's. Layout:
//! `<models>/<instrument>/<id>/{model.json, …, SHA256SUMS}` and the pointer
//! `<models>/<instrument>/current`. Invariants: **1** an artefact's folder appears whole by one
//! rename; **2** what is loaded has the bytes that were saved, or is refused; **3** the pointer
//! always names an artefact that was whole when it was promoted, and the one before it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::{ModelId, Timestamp};

use super::atomic::{self, create_folder, sync_folder_of, write_synced};
use super::error::StoreError;
use super::file_steps;

/// The checksums of an artefact's files, in the format of `sha256sum`.
const SUMS: &str = "SHA256SUMS";
const CURRENT: &str = "current";
const REMEDY: &str = "run `lobd models rollback`, or train again";

/// The files of one artefact by name: `model.json`, weights, `card.md`, `report.html`.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The model artefacts of a data folder.
#[derive(Debug, Clone)]
pub struct ModelStore {
    root: PathBuf,
}

/// Which artefact of an instrument trades.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Current {
    /// The artefact in charge.
    pub id: ModelId,
    /// When it was put in charge, in RFC 3339.
    pub promoted_at: String,
    /// The artefact before it, to go back to.
    pub previous: Option<ModelId>,
}

/// An artefact as loaded: its files with their bytes verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// Its id.
    pub id: ModelId,
    /// Its folder.
    pub path: PathBuf,
    /// SHA-256 of each file, in hexadecimal.
    pub checksums: BTreeMap<String, String>,
    /// The bytes of each file.
    pub files: Files,
}

impl ModelStore {
    /// The artefacts under a folder, normally `<data-dir>/models`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Saves an artefact and makes it durable. Saving the same bytes again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if another artefact has that id; [`StoreError::DiskFull`] or
    /// [`StoreError::Io`], leaving no half-written folder behind.
    pub fn save(
        &self,
        instrument: &str,
        id: ModelId,
        files: &Files,
    ) -> Result<PathBuf, StoreError> {
        let path = self.folder(instrument).join(id.as_str());
        if path.exists() {
            let held = self.load(instrument, id)?;
            if held.files == *files {
                return Ok(path);
            }
            return Err(corrupt(&path, "another artefact has this id".to_owned()));
        }
        create_folder(&self.folder(instrument))?;
        let temporary = atomic::temporary_beside(&path);
        let outcome = write_folder(&temporary, files).and_then(|()| {
            file_steps::rename(&temporary, &path)
                .map_err(|source| StoreError::io("rename", &path, source))
        });
        if outcome.is_err() {
            // The first failure is the one to tell.
            let _ = fs::remove_dir_all(&temporary);
        }
        outcome.and_then(|()| sync_folder_of(&path))?;
        Ok(path)
    }

    /// Loads an artefact, verifying the bytes of every file.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if there is none; [`StoreError::Corrupt`] naming the file that is
    /// not what was saved.
    pub fn load(&self, instrument: &str, id: ModelId) -> Result<Artefact, StoreError> {
        let path = self.folder(instrument).join(id.as_str());
        if !path.is_dir() {
            let remedy = "see `lobd models list`, or run `lobd train`";
            return Err(StoreError::Absent { what: "model", path, remedy });
        }
        let checksums = read_sums(&path)?;
        let mut files = Files::new();
        for (name, expected) in &checksums {
            let file = path.join(name);
            let bytes = fs::read(&file).map_err(|source| unreadable(&file, source))?;
            if checksum(&bytes) != *expected {
                return Err(corrupt(&file, "its checksum is not the one saved".to_owned()));
            }
            files.insert(name.clone(), bytes);
        }
        Ok(Artefact { id, path, checksums, files })
    }

    /// The ids of an instrument's artefacts, in order of name.
    ///
    /// # Errors
    /// [`StoreError::Io`]; a folder that is not there holds none.
    pub fn list(&self, instrument: &str) -> Result<Vec<ModelId>, StoreError> {
        let names = entries(&self.folder(instrument))?;
        Ok(names
            .iter()
            .filter_map(|name| ModelId::new(name).ok())
            .filter(|id| id.as_str() != CURRENT)
            .collect())
    }

    /// The instruments that have artefacts, in order of name.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn instruments(&self) -> Result<Vec<String>, StoreError> {
        let names = entries(&self.root)?;
        Ok(names.into_iter().filter(|name| self.folder(name).is_dir()).collect())
    }

    /// Which artefact of an instrument is in charge; `None` before the first promotion.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the pointer cannot be read.
    pub fn current(&self, instrument: &str) -> Result<Option<Current>, StoreError> {
        let path = self.pointer_path(instrument);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::io("read", &path, source)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| StoreError::Corrupt {
            path,
            detail: error.to_string(),
            remedy: "run `lobd models promote ID`",
        })
    }

    /// Puts an artefact in charge by one rename, after verifying it.
    ///
    /// # Errors
    /// Those of [`ModelStore::load`] and of writing; the former artefact then stays in charge.
    pub fn promote(
        &self,
        instrument: &str,
        id: ModelId,
        now: Timestamp,
    ) -> Result<Current, StoreError> {
        self.load(instrument, id)?;
        // A damaged pointer is what a promotion repairs, so it does not stand in the way.
        let held = self.current(instrument).ok().flatten();
        let previous = match held {
            Some(held) if held.id == id => held.previous,
            Some(held) => Some(held.id),
            None => None,
        };
        let current = Current { id, promoted_at: now.to_string(), previous };
        self.point(instrument, &current)?;
        Ok(current)
    }

    /// Puts the artefact before the current one back in charge.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if there is none to go back to; those of [`ModelStore::load`].
    pub fn roll_back(&self, instrument: &str, now: Timestamp) -> Result<Current, StoreError> {
        let held = self.current(instrument)?;
        let Some((id, previous)) = held.and_then(|held| Some((held.id, held.previous?))) else {
            let path = self.pointer_path(instrument);
            let remedy = "promote another model first";
            return Err(StoreError::Absent { what: "previous model", path, remedy });
        };
        self.load(instrument, previous)?;
        let current = Current { id: previous, promoted_at: now.to_string(), previous: Some(id) };
        self.point(instrument, &current)?;
        Ok(current)
    }

    /// The pointer's file: whoever watches it learns of a promotion.
    #[must_use]
    pub fn pointer_path(&self, instrument: &str) -> PathBuf {
        self.folder(instrument).join(CURRENT)
    }

    fn point(&self, instrument: &str, current: &Current) -> Result<(), StoreError> {
        let text = serde_json::to_string_pretty(current).unwrap_or_default();
        atomic::write_atomically(&self.pointer_path(instrument), text.as_bytes())
    }

    fn folder(&self, instrument: &str) -> PathBuf {
        self.root.join(instrument.replace(['/', ':', '\\'], "-"))
    }
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn checksum(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn write_folder(folder: &Path, files: &Files) -> Result<(), StoreError> {
    // What an interrupted save left under this name is of no use.
    let _ = fs::remove_dir_all(folder);
    create_folder(folder)?;
    let mut sums = String::new();
    for (name, bytes) in files {
        write_synced(&folder.join(name), bytes)?;
        sums.extend([checksum(bytes).as_str(), "  ", name, "\n"]);
    }
    let path = folder.join(SUMS);
    write_synced(&path, sums.as_bytes())?;
    sync_folder_of(&path)
}

fn read_sums(folder: &Path) -> Result<BTreeMap<String, String>, StoreError> {
    let path = folder.join(SUMS);
    let text = fs::read_to_string(&path).map_err(|source| unreadable(&path, source))?;
    text.lines()
        .map(|line| {
            // A name with a path in it could lead out of the folder.
            line.split_once("  ")
                .filter(|(_, name)| !name.contains(['/', '\\']))
                .map(|(sum, name)| (name.to_owned(), sum.to_owned()))
                .ok_or_else(|| corrupt(&path, format!("no checksum line: {line:.40?}")))
        })
        .collect()
}

/// The names in a folder, in order, apart from hidden and temporary ones.
fn entries(folder: &Path) -> Result<Vec<String>, StoreError> {
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(StoreError::io("list", folder, source)),
    };
    let mut names = Vec::new();
    for entry in found {
        let entry = entry.map_err(|source| StoreError::io("list", folder, source))?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn unreadable(path: &Path, source: std::io::Error) -> StoreError {
    if source.kind() == std::io::ErrorKind::NotFound {
        return corrupt(path, "the file is missing".to_owned());
    }
    StoreError::io("read", path, source)
}

fn corrupt(path: &Path, detail: String) -> StoreError {
    StoreError::Corrupt { path: path.to_owned(), detail, remedy: REMEDY }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::file_steps::record::{Tree, steps_of};
    use super::*;

    const INSTRUMENT: &str = "sandbox-usdm-BTCUSDT";

    fn files(text: &str) -> Files {
        let named = |name: &str, bytes: &[u8]| (name.to_owned(), bytes.to_vec());
        Files::from([named("model.json", text.as_bytes()), named("card.md", b"# a model")])
    }

    fn store() -> (tempfile::TempDir, ModelStore, ModelId, ModelId) {
        let folder = tempfile::tempdir().unwrap();
        let store = ModelStore::new(folder.path());
        let (first, second) = (ModelId::new("ols-1").unwrap(), ModelId::new("lasso-2").unwrap());
        store.save(INSTRUMENT, first, &files("{1}")).unwrap();
        store.save(INSTRUMENT, second, &files("{2}")).unwrap();
        (folder, store, first, second)
    }

    #[test]
    fn an_artefact_loads_with_the_bytes_that_were_saved() {
        let (_folder, store, first, second) = store();
        assert_eq!(store.load(INSTRUMENT, first).unwrap().files, files("{1}"));
        assert_eq!(store.list(INSTRUMENT).unwrap(), [second, first]);
        assert_eq!(store.instruments().unwrap(), [INSTRUMENT]);
        store.save(INSTRUMENT, first, &files("{1}")).unwrap();
        assert!(store.save(INSTRUMENT, first, &files("{other}")).is_err());
        let nobody = ModelId::new("ols-9").unwrap();
        assert!(matches!(store.load(INSTRUMENT, nobody), Err(StoreError::Absent { .. })));
    }

    #[test]
    fn a_damaged_artefact_is_refused_by_file_and_never_promoted() {
        let (folder, store, first, second) = store();
        store.promote(INSTRUMENT, first, Timestamp::from_seconds(1)).unwrap();
        let path = folder.path().join(INSTRUMENT).join("lasso-2").join("model.json");
        fs::write(&path, "{2 }").unwrap();
        let error = store.promote(INSTRUMENT, second, Timestamp::from_seconds(2)).unwrap_err();
        assert!(error.to_string().contains("model.json"), "{error}");
        assert!(error.to_string().contains("lobd models rollback"), "{error}");
        assert_eq!(store.current(INSTRUMENT).unwrap().unwrap().id, first);
        fs::remove_file(&path).unwrap();
        assert!(matches!(store.load(INSTRUMENT, second), Err(StoreError::Corrupt { .. })));
    }

    #[test]
    fn what_a_kill_in_the_middle_leaves_changes_nothing_and_stands_in_nobodys_way() {
        let (folder, store, first, second) = store();
        store.promote(INSTRUMENT, first, Timestamp::from_seconds(1)).unwrap();
        let pointer = store.pointer_path(INSTRUMENT);
        fs::write(atomic::temporary_beside(&pointer), "{\"id\":\"las").unwrap();
        let third = ModelId::new("ols-3").unwrap();
        let path = folder.path().join(INSTRUMENT).join(third.as_str());
        let half_saved = atomic::temporary_beside(&path);
        fs::create_dir(&half_saved).unwrap();
        fs::write(half_saved.join("model.json"), "{").unwrap();
        assert_eq!(store.current(INSTRUMENT).unwrap().unwrap().id, first);
        assert_eq!(store.list(INSTRUMENT).unwrap(), [second, first]);
        store.save(INSTRUMENT, third, &files("{3}")).unwrap();
        assert_eq!(store.load(INSTRUMENT, third).unwrap().files, files("{3}"));
        let promoted = store.promote(INSTRUMENT, third, Timestamp::from_seconds(2)).unwrap();
        assert_eq!(promoted.previous, Some(first));
    }

    #[test]
    fn a_crash_after_any_step_of_saving_and_promoting_leaves_a_whole_model_in_charge() {
        let folder = tempfile::tempdir().unwrap();
        let store = ModelStore::new(&folder.path().join("models"));
        let [first, second] = ["ols-1", "lasso-2"].map(|id| ModelId::new(id).unwrap());
        let put_in_charge = |id, text| {
            steps_of(|| {
                store.save(INSTRUMENT, id, &files(text)).unwrap();
                store.promote(INSTRUMENT, id, Timestamp::from_seconds(1)).unwrap();
            })
        };
        let in_charge = |left: &Tree| -> Option<ModelId> {
            let pointer = left.read(&store.pointer_path(INSTRUMENT))?;
            let current: Current = serde_json::from_slice(pointer).unwrap();
            let artefact = store.folder(INSTRUMENT).join(current.id.as_str());
            let sums = std::str::from_utf8(left.read(&artefact.join(SUMS)).unwrap()).unwrap();
            assert_eq!(sums.lines().count(), 2, "{sums}");
            for (sum, name) in sums.lines().filter_map(|line| line.split_once("  ")) {
                assert_eq!(checksum(left.read(&artefact.join(name)).unwrap()), sum, "{name}");
            }
            Some(current.id)
        };
        let mut tree = Tree::new(folder.path());
        let mut found = BTreeSet::new();
        tree.take(&put_in_charge(first, "{1}"), |left| _ = found.insert(in_charge(left)));
        assert_eq!(found, BTreeSet::from([None, Some(first)]));
        found.clear();
        tree.take(&put_in_charge(second, "{2}"), |left| _ = found.insert(in_charge(left)));
        assert_eq!(found, BTreeSet::from([Some(first), Some(second)]));
        tree.take(&[], |left| assert_eq!(in_charge(left), Some(second), "it was reported"));
    }

    #[test]
    fn promotion_remembers_what_to_go_back_to() {
        let (folder, store, first, second) = store();
        let now = Timestamp::from_seconds(1);
        assert_eq!(store.current(INSTRUMENT).unwrap(), None);
        assert!(store.roll_back(INSTRUMENT, now).is_err());
        assert_eq!(store.promote(INSTRUMENT, first, now).unwrap().previous, None);
        assert_eq!(store.promote(INSTRUMENT, second, now).unwrap().previous, Some(first));
        assert_eq!(store.promote(INSTRUMENT, second, now).unwrap().previous, Some(first));
        assert_eq!(store.roll_back(INSTRUMENT, now).unwrap().id, first);
        assert_eq!(store.current(INSTRUMENT).unwrap().unwrap().previous, Some(second));
        fs::write(folder.path().join(INSTRUMENT).join(CURRENT), "nonsense").unwrap();
        assert!(matches!(store.current(INSTRUMENT), Err(StoreError::Corrupt { .. })));
        store.promote(INSTRUMENT, first, now).unwrap();
    }
}
