//! Every state a crash may leave after each of the steps that were taken.
//!
//! A step that changes which names a folder holds is durable with that folder's sync; until then it
//! may be there after a crash or not, whatever became of the others. Bytes are durable with their
//! file's sync; until then they may be anything.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What bytes read as that were not made durable.
pub(in crate::store) const ANYTHING: &[u8] = b"torn";

#[derive(Debug, Clone)]
pub(in crate::store) enum Step {
    CreateFile(PathBuf),
    SyncFile(PathBuf, Vec<u8>),
    Rename(PathBuf, PathBuf),
    CreateFolder(PathBuf),
    SyncFolder(PathBuf),
}

impl Step {
    pub(super) fn synced(path: &Path) -> Self {
        Self::SyncFile(path.to_owned(), std::fs::read(path).unwrap())
    }
}

thread_local! {
    static STEPS: RefCell<Option<Vec<Step>>> = const { RefCell::new(None) };
}

pub(super) fn note(step: impl FnOnce() -> Step) {
    STEPS.with_borrow_mut(|steps| {
        if let Some(steps) = steps {
            steps.push(step());
        }
    });
}

/// The steps that this thread takes meanwhile.
pub(in crate::store) fn steps_of(act: impl FnOnce()) -> Vec<Step> {
    STEPS.set(Some(Vec::new()));
    act();
    STEPS.take().unwrap()
}

/// A file or folder.
type Node = usize;
/// A name in a folder.
type Name = (Node, OsString);

/// A change of the names that a folder holds.
#[derive(Debug, Clone)]
enum Change {
    Enter(Name, Node),
    Rename(Name, Name, Node),
}

/// A folder's tree: as it is read, and what of it is durable.
#[derive(Debug, Clone)]
pub(in crate::store) struct Tree {
    root: PathBuf,
    names: BTreeMap<Name, Node>,
    durable: BTreeMap<Name, Node>,
    pending: Vec<Change>,
    bytes: BTreeMap<Node, Vec<u8>>,
    nodes: Node,
}

impl Tree {
    /// An empty folder.
    pub(in crate::store) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            names: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
            bytes: BTreeMap::new(),
            nodes: 0,
        }
    }

    /// Takes the steps one after another; after each, and before the first, shows every state that a
    /// crash may leave.
    pub(in crate::store) fn take(&mut self, steps: &[Step], mut look: impl FnMut(&Self)) {
        self.crash(&mut look);
        for step in steps {
            self.step(step);
            self.crash(&mut look);
        }
    }

    /// What is read under a path; `None` if there is nothing.
    pub(in crate::store) fn read(&self, path: &Path) -> Option<&[u8]> {
        let node = find(&self.names, &self.root, path)?;
        Some(self.bytes.get(&node).map_or(ANYTHING, Vec::as_slice))
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::CreateFile(path) | Step::CreateFolder(path) => {
                self.nodes += 1;
                let change = Change::Enter(self.name(path), self.nodes);
                self.change(change);
            }
            Step::SyncFile(path, bytes) => {
                let node = find(&self.names, &self.root, path).unwrap();
                self.bytes.insert(node, bytes.clone());
            }
            Step::Rename(from, to) => {
                let node = find(&self.names, &self.root, from).unwrap();
                let change = Change::Rename(self.name(from), self.name(to), node);
                self.change(change);
            }
            Step::SyncFolder(folder) => {
                let Some(folder) = find(&self.names, &self.root, folder) else { return };
                for change in std::mem::take(&mut self.pending) {
                    let (Change::Enter((parent, _), _) | Change::Rename(_, (parent, _), _)) =
                        &change;
                    if *parent == folder {
                        apply(&change, &mut self.durable);
                    } else {
                        self.pending.push(change);
                    }
                }
            }
        }
    }

    fn change(&mut self, change: Change) {
        apply(&change, &mut self.names);
        self.pending.push(change);
    }

    fn name(&self, path: &Path) -> Name {
        let parent = path.parent().unwrap();
        let parent = find(&self.names, &self.root, parent).unwrap();
        (parent, path.file_name().unwrap().to_owned())
    }

    fn crash(&self, look: &mut impl FnMut(&Self)) {
        for kept in 0..1_u32 << self.pending.len() {
            let mut left = Self { names: self.durable.clone(), ..self.clone() };
            for (index, change) in self.pending.iter().enumerate() {
                if kept >> index & 1 == 1 {
                    apply(change, &mut left.names);
                }
            }
            look(&left);
        }
    }
}

fn apply(change: &Change, names: &mut BTreeMap<Name, Node>) {
    match change {
        Change::Enter(name, node) => _ = names.insert(name.clone(), *node),
        Change::Rename(from, to, node) => {
            names.remove(from);
            names.insert(to.clone(), *node);
        }
    }
}

/// The root is node 0; what is outside of it is not looked at.
fn find(names: &BTreeMap<Name, Node>, root: &Path, path: &Path) -> Option<Node> {
    let inside = path.strip_prefix(root).ok()?;
    inside.iter().try_fold(0, |folder, part| names.get(&(folder, part.to_owned())).copied())
}
