//! SQLite, as the store sets it up, on a disk that dies at each of its operations in turn.

use std::path::Path;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{DiskFault, MemoryDisk};
use crate::book::Frame;
use crate::domain::{Second, Timestamp};
use crate::engine::Event;
use crate::store::{Disk, EmergencyFile, FolderLock, Journal, StoreError};

const PATH: &str = "/data/journal.db";

fn open(disk: &MemoryDisk) -> Result<Journal, StoreError> {
    Journal::open_on(&Disk::Memory(disk.clone()), Path::new(PATH))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + second)
}

fn second(unix: i64) -> Event {
    Event::Second(Box::new(Frame { second: Second::from_unix(unix), rows: Vec::new() }))
}

/// Commits event after event until the disk refuses; how many commits succeeded.
fn commit_until_refused(journal: &mut Journal, most: i64) -> u64 {
    let mut committed = 0;
    for number in 0..most {
        let appended = journal.append(at(number), &second(number));
        if appended.and_then(|_| journal.commit(&[])).is_err() {
            break;
        }
        committed += 1;
    }
    committed
}

#[test]
fn what_was_committed_is_there_and_verifies_whichever_operation_the_machine_dies_in() {
    let mut deaths = 0;
    for operation in 1..120 {
        let mut fate = ChaCha8Rng::seed_from_u64(operation);
        let disk = MemoryDisk::new(1);
        disk.die_after(operation);
        let committed = match open(&disk) {
            Ok(mut journal) => {
                let begun = journal.start_run(at(0), "test");
                begun.map_or(0, |_| commit_until_refused(&mut journal, 20))
            }
            Err(_) => 0,
        };
        deaths += u64::from(disk.is_over());
        let left = disk.after_crash(&mut fate);
        let mut journal = open(&left).unwrap();
        let found = journal.verify().unwrap().events;
        assert!(found >= committed, "{operation}: {found} of {committed}");
        assert!(found <= committed + 1, "{operation}: more than was begun");
        journal.start_run(at(100), "test").unwrap();
        assert_eq!(commit_until_refused(&mut journal, 5), 5, "it goes on");
    }
    assert!(deaths > 80, "{deaths}");
}

#[test]
fn a_refused_commit_is_tried_again_and_nothing_acknowledged_is_lost() {
    for (seed, fault) in
        [DiskFault::Full, DiskFault::Write, DiskFault::Sync].into_iter().enumerate()
    {
        let disk = MemoryDisk::new(1);
        let mut journal = open(&disk).unwrap();
        journal.start_run(at(0), "test").unwrap();
        assert_eq!(commit_until_refused(&mut journal, 5), 5);
        disk.set_fault(Some(fault));
        assert_eq!(commit_until_refused(&mut journal, 1), 0, "{fault:?}");
        assert!(disk.refused() > 0);
        disk.set_fault(None);
        journal.commit(&[]).unwrap();
        let left = disk.after_crash(&mut ChaCha8Rng::seed_from_u64(seed as u64));
        assert_eq!(open(&left).unwrap().verify().unwrap().events, 6, "{fault:?}");
    }
}

#[test]
fn a_process_that_starts_after_a_failed_sync_builds_on_nothing_that_is_not_durable() {
    for seed in 0..16 {
        let disk = MemoryDisk::new(1);
        let mut journal = open(&disk).unwrap();
        journal.start_run(at(0), "test").unwrap();
        assert_eq!(commit_until_refused(&mut journal, 5), 5);
        disk.set_fault(Some(DiskFault::Sync));
        assert_eq!(commit_until_refused(&mut journal, 1), 0);
        let next = disk.after_exit(); // what it wrote is read back, and not on disk
        let mut journal = open(&next).unwrap();
        journal.start_run(at(50), "test").unwrap();
        assert_eq!(commit_until_refused(&mut journal, 5), 5);
        let left = next.after_crash(&mut ChaCha8Rng::seed_from_u64(seed));
        assert!(open(&left).unwrap().verify().unwrap().events >= 10, "{seed}");
    }
}

#[test]
fn what_is_certain_is_what_was_synced() {
    let disk = MemoryDisk::new(1);
    let mut journal = open(&disk).unwrap();
    journal.start_run(at(0), "test").unwrap();
    assert_eq!(commit_until_refused(&mut journal, 3), 3);
    journal.append(at(4), &second(4)).unwrap();
    assert_eq!(open(&disk.certain()).unwrap().verify().unwrap().events, 3);
    assert_eq!(commit_until_refused(&mut journal, 1), 1, "looking changes nothing");
}

#[test]
fn the_emergency_file_and_the_lock_live_on_it_too() {
    let disk = MemoryDisk::new(1);
    let on = Disk::Memory(disk.clone());
    let (folder, path) = (Path::new("/data"), Path::new("/data/emergency.bin"));
    let lock = FolderLock::acquire_on(&on, folder).unwrap();
    assert!(FolderLock::acquire_on(&on, folder).is_err(), "taken");
    drop(lock);
    assert!(FolderLock::acquire_on(&on, folder).is_ok());
    assert!(EmergencyFile::open_on(&on, path).unwrap().1.is_empty());
    let left = Disk::Memory(disk.after_exit());
    assert!(EmergencyFile::open_on(&left, path).unwrap().1.is_empty());
    assert!(EmergencyFile::open_on(&on, path).is_err(), "that life is over");
}
