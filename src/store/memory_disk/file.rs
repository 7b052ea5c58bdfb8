//! One file of the disk in memory: what is written, what of it is durable, what a crash leaves.
//!
//! Invariants: **1** only a sync makes a change durable; **2** a sync that fails forgets the changes
//! it was for, as the kernel does: a later sync that succeeds says nothing of them; **3** a crash
//! keeps, drops or tears each change that is not durable, sector by sector and in any order.

use rand::{Rng, RngExt};

/// What a disk writes whole.
const SECTOR_BYTES: usize = 512;

/// A file's bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct FileBytes {
    /// What is read back.
    current: Vec<u8>,
    /// What outlives a crash for certain.
    durable: Vec<u8>,
    /// What came since, in order.
    unsynced: Vec<Change>,
    /// Whether its name outlives a crash.
    is_entered: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl FileBytes {
    pub(super) fn len(&self) -> usize {
        self.current.len()
    }

    /// Reads as much as there is.
    pub(super) fn read(&self, bytes: &mut [u8], offset: usize) -> usize {
        let from = self.current.get(offset..).unwrap_or_default();
        let count = from.len().min(bytes.len());
        bytes[..count].copy_from_slice(&from[..count]);
        count
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        put(&mut self.current, bytes, offset);
        self.unsynced.push(Change::Write { offset, bytes: bytes.to_vec() });
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.current.resize(length, 0);
        self.unsynced.push(Change::Truncate(length));
    }

    /// Makes everything durable.
    pub(super) fn sync(&mut self) {
        self.is_entered = true;
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// A sync that failed.
    pub(super) fn fail_to_sync(&mut self) {
        self.unsynced.clear();
    }

    /// The last bytes that are durable.
    pub(super) fn durable_tail(&self, most: usize) -> &[u8] {
        &self.durable[self.durable.len().saturating_sub(most)..]
    }

    /// The file as a crash leaves it, if it leaves it.
    pub(super) fn after_crash(self, fate: &mut impl Rng) -> Option<Self> {
        if !self.is_entered && fate.random_bool(0.5) {
            return None;
        }
        let mut left = self.durable;
        // The disk has written all of it, nothing of it, or some.
        let share = [0.0, 1.0, 0.5, 0.9][fate.random_range(0..4)];
        for change in self.unsynced {
            change.tear(share, fate, &mut left);
        }
        Some(Self::at_rest(left))
    }

    /// The file as it is certain to be after a crash, if it is.
    pub(super) fn certain(&self) -> Option<Self> {
        self.is_entered.then(|| Self::at_rest(self.durable.clone()))
    }

    fn at_rest(bytes: Vec<u8>) -> Self {
        Self { current: bytes.clone(), durable: bytes, unsynced: Vec::new(), is_entered: true }
    }
}

impl Change {
    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes: written } => put(bytes, &written, offset),
            Self::Truncate(length) => bytes.resize(length, 0),
        }
    }

    fn tear(self, share: f64, fate: &mut impl Rng, left: &mut Vec<u8>) {
        match self {
            Self::Truncate(length) if fate.random_bool(share) => left.resize(length, 0),
            Self::Truncate(_) => {}
            Self::Write { offset, bytes } => {
                let mut at = offset;
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let sector = (SECTOR_BYTES - at % SECTOR_BYTES).min(rest.len());
                    let (part, beyond) = rest.split_at(sector);
                    if fate.random_bool(share) {
                        put(left, part, at);
                    }
                    (rest, at) = (beyond, at + sector);
                }
            }
        }
    }
}

fn put(into: &mut Vec<u8>, bytes: &[u8], offset: usize) {
    let end = offset + bytes.len();
    if into.len() < end {
        into.resize(end, 0);
    }
    into[offset..end].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn written() -> FileBytes {
        let mut file = FileBytes::default();
        file.write(&[1; 2_048], 0);
        file.sync();
        file.write(&[2; 2_048], 1_024);
        file
    }

    fn crashed(file: &FileBytes, seed: u64) -> Vec<u8> {
        let mut fate = ChaCha8Rng::seed_from_u64(seed);
        file.clone().after_crash(&mut fate).unwrap().current
    }

    #[test]
    fn invariant_1_what_is_synced_outlives_every_crash_and_nothing_else_surely_does() {
        let file = written();
        let left: Vec<Vec<u8>> = (0..64).map(|seed| crashed(&file, seed)).collect();
        assert!(left.iter().all(|bytes| bytes[..1_024] == [1; 1_024]));
        assert!(left.iter().any(|bytes| bytes.len() == 2_048), "all of it lost");
        assert!(left.iter().any(|bytes| bytes[1_024..] == [2; 2_048]), "all of it kept");
        let is_torn = |bytes: &Vec<u8>| bytes.contains(&2) && bytes[1_024..] != [2; 2_048];
        assert!(left.iter().any(is_torn), "some of it kept");
        assert_eq!(file.certain().unwrap().current, [1; 2_048]);
    }

    #[test]
    fn invariant_2_a_failed_sync_forgets_and_a_later_one_does_not_bring_back() {
        let mut file = written();
        file.fail_to_sync();
        file.sync();
        assert_eq!(file.len(), 3_072, "it is still read back");
        assert!((0..64).all(|seed| crashed(&file, seed) == [1; 2_048]));
    }

    #[test]
    fn invariant_3_a_sector_is_whole_or_not_there() {
        let file = written();
        for seed in 0..64 {
            let left = crashed(&file, seed);
            for sector in left.chunks(SECTOR_BYTES) {
                assert!(sector.iter().all(|byte| *byte == sector[0]), "{seed}");
            }
        }
    }

    #[test]
    fn a_file_never_synced_may_vanish() {
        let mut file = FileBytes::default();
        file.write(&[1], 0);
        let fate = |seed| file.clone().after_crash(&mut ChaCha8Rng::seed_from_u64(seed));
        assert!((0..64).any(|seed| fate(seed).is_none()));
        assert!((0..64).any(|seed| fate(seed).is_some()));
    }
}
