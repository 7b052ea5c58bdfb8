//! The record of last resort: when the journal fails, what reduces risk may still leave (I1).
//!
//! The file's blocks are written once at the start, so that using it needs no free space. It takes
//! cancels, stops, reduce-only closes and questions; never an order that could open risk. A slot
//! is a length, a checksum and the bytes; a torn slot reads as the end.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::domain::Timestamp;
use crate::engine::Command;

use super::disk::{Disk, DiskFile};
use super::error::StoreError;

/// A slot holds any command that reduces risk with room to spare.
const SLOT_BYTES: usize = 512;
/// More than a stop-loss of every symbol needs: 64 symbols, 16 commands each.
const SLOTS: usize = 1_024;
/// Length (2), moment (8), checksum (8).
const HEAD_BYTES: usize = 18;

/// A preallocated file for the commands that must not wait for a failing journal.
#[derive(Debug)]
pub struct EmergencyFile {
    file: DiskFile,
    disk: Disk,
    path: PathBuf,
    /// The slots in use, as they should be on disk.
    slots: Vec<u8>,
    /// Whether a write has failed: the file is opened anew first, and all of it written again.
    is_doubtful: bool,
}

/// One command found in the file after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyRecord {
    /// When it was decided.
    pub now: Timestamp,
    /// The command, serialised as the journal serialises it.
    pub command: Vec<u8>,
}

impl EmergencyFile {
    /// Opens the file, writing out its blocks if it is new; gives what an earlier run left in it.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] or [`StoreError::Io`].
    pub fn open(path: &Path) -> Result<(Self, Vec<EmergencyRecord>), StoreError> {
        Self::open_on(&Disk::Machine, path)
    }

    /// Opens the file on a disk.
    ///
    /// # Errors
    /// As [`EmergencyFile::open`].
    pub fn open_on(disk: &Disk, path: &Path) -> Result<(Self, Vec<EmergencyRecord>), StoreError> {
        let size = SLOT_BYTES * SLOTS;
        let file = disk.open_sized(path, size)?;
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, 0).map_err(|source| StoreError::io("read", path, source))?;
        let records: Vec<_> = bytes.chunks_exact(SLOT_BYTES).map_while(read_slot).collect();
        bytes.truncate(records.len() * SLOT_BYTES);
        let (disk, path) = (disk.clone(), path.to_owned());
        Ok((Self { file, disk, path, slots: bytes, is_doubtful: false }, records))
    }

    /// Makes commands durable; all of them may leave once this returns.
    ///
    /// # Errors
    /// [`StoreError::NotReducing`] if one of them could open risk, [`StoreError::EmergencyFull`],
    /// or [`StoreError::Io`]: then none of them may leave.
    pub fn write(&mut self, now: Timestamp, commands: &[Command]) -> Result<(), StoreError> {
        let uses: Vec<Use> = commands.iter().map(use_of).collect();
        if uses.contains(&Use::Refused) {
            return Err(StoreError::NotReducing);
        }
        let commands: Vec<&Command> = commands
            .iter()
            .zip(&uses)
            .filter(|(_, found)| **found == Use::Recorded)
            .map(|(command, _)| command)
            .collect();
        let full = || StoreError::EmergencyFull { path: self.path.clone() };
        if (commands.len() * SLOT_BYTES) + self.slots.len() > SLOT_BYTES * SLOTS {
            return Err(full());
        }
        let mut bytes = Vec::with_capacity(commands.len() * SLOT_BYTES);
        for command in &commands {
            let payload = postcard::to_stdvec(*command).map_err(|_| full())?;
            bytes.extend_from_slice(&slot(now, &payload).ok_or_else(full)?);
        }
        let slots = [self.slots.as_slice(), &bytes].concat();
        self.put("write", &slots, self.slots.len())?;
        self.slots = slots;
        Ok(())
    }

    /// Forgets what is in the file, once the journal holds it.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn clear(&mut self) -> Result<(), StoreError> {
        self.put("clear", &vec![0; SLOT_BYTES * SLOTS], 0)?;
        self.slots.clear();
        Ok(())
    }

    /// Makes the file durably begin with these slots, of which those before `from` are there unless
    /// a write has failed. A failed write is final for its handle: it is made once more, wholly and
    /// through a new one.
    fn put(&mut self, action: &'static str, slots: &[u8], from: usize) -> Result<(), StoreError> {
        if !self.is_doubtful && put(&self.file, &slots[from..], from).is_ok() {
            return Ok(());
        }
        self.is_doubtful = true;
        if !self.disk.holds(&self.path) {
            let (what, remedy) = ("emergency file", "it was there at the start: put it back");
            return Err(StoreError::Absent { what, path: self.path.clone(), remedy });
        }
        self.file = self.disk.open_sized(&self.path, SLOT_BYTES * SLOTS)?;
        put(&self.file, slots, 0).map_err(|source| StoreError::io(action, &self.path, source))?;
        self.is_doubtful = false;
        Ok(())
    }
}

fn put(file: &DiskFile, bytes: &[u8], offset: usize) -> std::io::Result<()> {
    file.write_all_at(bytes, offset as u64)?;
    file.sync_data()
}

/// What the file does with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It may open risk.
    Refused,
    /// It changes something at the venue, and can only reduce risk.
    Recorded,
    /// It changes nothing at the venue, so nothing is lost with it.
    Passed,
}

fn use_of(command: &Command) -> Use {
    match command {
        Command::Place(request) if !request.get().reduce_only => Use::Refused,
        Command::Place(_)
        | Command::Cancel { .. }
        | Command::PlaceStop(_)
        | Command::CancelStop { .. }
        | Command::SetCountdown { .. } => Use::Recorded,
        Command::Query { .. }
        | Command::QueryStop { .. }
        | Command::QueryPosition { .. }
        | Command::QueryAccount { .. }
        | Command::QueryIncome { .. }
        | Command::QueryTerms { .. }
        | Command::Notify(_)
        | Command::TakeOver { .. }
        | Command::Resolved { .. } => Use::Passed,
    }
}

fn slot(now: Timestamp, payload: &[u8]) -> Option<[u8; SLOT_BYTES]> {
    let mut slot = [0; SLOT_BYTES];
    let room = slot.get_mut(HEAD_BYTES..HEAD_BYTES + payload.len())?;
    room.copy_from_slice(payload);
    slot[..2].copy_from_slice(&u16::try_from(payload.len()).ok()?.to_le_bytes());
    slot[2..10].copy_from_slice(&now.nanos().to_le_bytes());
    slot[10..HEAD_BYTES].copy_from_slice(&checksum(now, payload));
    Some(slot)
}

fn read_slot(slot: &[u8]) -> Option<EmergencyRecord> {
    let length = usize::from(u16::from_le_bytes(slot[..2].try_into().ok()?));
    let now = Timestamp::from_nanos(i64::from_le_bytes(slot[2..10].try_into().ok()?));
    let payload = slot.get(HEAD_BYTES..HEAD_BYTES + length).filter(|_| length > 0)?;
    (slot[10..HEAD_BYTES] == checksum(now, payload))
        .then(|| EmergencyRecord { now, command: payload.to_vec() })
}

fn checksum(now: Timestamp, payload: &[u8]) -> [u8; 8] {
    let mut digest = Sha256::new();
    digest.update(now.nanos().to_le_bytes());
    digest.update(payload);
    let digest: [u8; 32] = digest.finalize().into();
    std::array::from_fn(|index| digest[index])
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::os::unix::fs::FileExt;

    use super::super::file_steps::record::{Tree, steps_of};
    use super::*;
    use crate::domain::{ClientOrderId, Symbol};

    fn cancel(sequence: u32) -> Command {
        Command::Cancel {
            symbol: Symbol::new("BTCUSDT").unwrap(),
            client_order_id: ClientOrderId::new(&format!("x-{sequence}")).unwrap(),
        }
    }

    #[test]
    fn what_was_written_is_found_after_a_restart_up_to_a_torn_slot() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.emergency");
        let (mut file, found) = EmergencyFile::open(&path).unwrap();
        assert!(found.is_empty());
        file.write(Timestamp::from_seconds(5), &[cancel(1), cancel(2)]).unwrap();
        file.write(Timestamp::from_seconds(6), &[cancel(3)]).unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        drop(file);
        let torn = OpenOptions::new().write(true).open(&path).unwrap();
        torn.write_all_at(&[0xff], (2 * SLOT_BYTES + 20) as u64).unwrap();
        let (mut file, found) = EmergencyFile::open(&path).unwrap();
        let expected: Vec<_> =
            [1, 2].map(|number| postcard::to_stdvec(&cancel(number)).unwrap()).into();
        assert_eq!(found.iter().map(|record| record.command.clone()).collect::<Vec<_>>(), expected);
        assert_eq!(size, (SLOT_BYTES * SLOTS) as u64, "the file never grows");
        file.clear().unwrap();
        assert!(EmergencyFile::open(&path).unwrap().1.is_empty());
    }

    #[test]
    fn a_crash_while_it_is_made_leaves_a_whole_file_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join("emergency");
        let mut tree = Tree::new(folder.path());
        let steps = steps_of(|| _ = EmergencyFile::open(&path).unwrap());
        let is_whole = |left: &Tree| left.read(&path).map(<[u8]>::len);
        tree.take(&steps, |left| {
            assert!([None, Some(SLOT_BYTES * SLOTS)].contains(&is_whole(left)));
        });
        tree.take(&[], |left| assert_eq!(is_whole(left), Some(SLOT_BYTES * SLOTS)));
    }

    #[test]
    fn a_full_file_says_so_and_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, _) = EmergencyFile::open(&folder.path().join("emergency")).unwrap();
        let many: Vec<Command> = (0..).take(SLOTS + 1).map(cancel).collect();
        let now = Timestamp::from_seconds(1);
        assert!(matches!(file.write(now, &many), Err(StoreError::EmergencyFull { .. })));
        file.write(now, &many[..SLOTS]).unwrap();
        assert!(file.write(now, &[cancel(0)]).is_err());
    }
}
