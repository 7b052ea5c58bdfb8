//! SQLite, as the store sets it up, on a disk that dies at each of its operations in turn.

use std::path::Path;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{DiskFault, MemoryDisk};
use crate::book::Frame;
use crate::domain::{ClientOrderId, Second, Timestamp};
use crate::engine::{Command, Event};
use crate::store::tape::tests::{bitcoin, instrument};
use crate::store::{Disk, EmergencyFile, FolderLock, Journal, StoreError, Tape};

const PATH: &str = "/data/journal.db";

fn open(disk: &MemoryDisk) -> Result<Journal, StoreError> {
    Journal::open_on(&Disk::Memory(disk.clone()), Path::new(PATH))
}

fn open_tape(disk: &MemoryDisk) -> Result<Tape, StoreError> {
    Tape::open_on(&Disk::Memory(disk.clone()), Path::new("/data/tape.db"))
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
fn a_record_that_was_reported_durable_after_failed_syncs_outlives_a_crash() {
    for syncs_lost in 1..6 {
        for seed in 0..8 {
            let disk = MemoryDisk::new(1);
            let mut journal = open(&disk).unwrap();
            journal.start_run(at(0), "test").unwrap();
            assert_eq!(commit_until_refused(&mut journal, 5), 5);
            disk.strike(DiskFault::Sync, syncs_lost);
            let mut tries = 1;
            journal.append(at(5), &second(5)).unwrap();
            while journal.commit(&[]).is_err() {
                tries += 1;
            }
            assert!(tries <= syncs_lost && journal.waiting() == 0);
            assert_eq!(commit_until_refused(&mut journal, 3), 3, "through the new file");
            assert!(journal.reopenings() >= 1);
            let left = disk.after_crash(&mut ChaCha8Rng::seed_from_u64(seed));
            let found = open(&left).unwrap().verify().unwrap().events;
            assert_eq!(found, 9, "{syncs_lost} syncs lost, seed {seed}");
        }
    }
}

#[test]
fn seconds_that_were_reported_durable_after_failed_syncs_outlive_a_crash() {
    for syncs_lost in 1..6 {
        for seed in 0..8 {
            let disk = MemoryDisk::new(1);
            let mut tape = open_tape(&disk).unwrap();
            tape.register(&instrument("BTCUSDT", "0.1"), Second::from_unix(0)).unwrap();
            tape.append_batch(&[bitcoin(1), bitcoin(2)]).unwrap();
            disk.strike(DiskFault::Sync, syncs_lost);
            let mut stores = |unix: &i64| tape.append_batch(&[bitcoin(*unix)]).is_ok();
            let reported: Vec<i64> = (3..12).filter(|unix| stores(unix)).collect();
            assert!(reported.len() > 3, "{syncs_lost}: {reported:?}");
            let left = disk.after_crash(&mut ChaCha8Rng::seed_from_u64(seed));
            let tape = open_tape(&left).unwrap();
            let key = tape.resolve("BTCUSDT").unwrap();
            let all = Second::from_unix(0)..Second::from_unix(100);
            let found: Vec<i64> = tape.scan(&key, all).map(|it| it.unwrap().0.unix()).collect();
            let is_there = |unix: &i64| found.contains(unix);
            assert!(
                [1, 2].iter().chain(&reported).all(is_there),
                "{syncs_lost}, {seed}: {found:?}"
            );
        }
    }
}

#[test]
fn what_left_by_the_emergency_file_after_a_failed_sync_outlives_a_crash() {
    let path = Path::new("/data/emergency.bin");
    let cancel = |number: u32| Command::Cancel {
        symbol: "BTCUSDT".parse().unwrap(),
        client_order_id: ClientOrderId::new(&format!("x-{number}")).unwrap(),
    };
    for seed in 0..8 {
        let disk = MemoryDisk::new(1);
        let (mut file, _) = EmergencyFile::open_on(&Disk::Memory(disk.clone()), path).unwrap();
        file.write(at(1), &[cancel(1)]).unwrap();
        disk.strike(DiskFault::Sync, 2);
        assert!(file.write(at(2), &[cancel(2)]).is_err(), "nor could it be made durable anew");
        file.write(at(3), &[cancel(3)]).unwrap();
        file.write(at(4), &[cancel(4)]).unwrap();
        let left = disk.after_crash(&mut ChaCha8Rng::seed_from_u64(seed));
        let (_, found) = EmergencyFile::open_on(&Disk::Memory(left), path).unwrap();
        let moments: Vec<_> = found.iter().map(|record| record.now).collect();
        assert_eq!(moments, [at(1), at(3), at(4)], "{seed}");
    }
}

#[test]
fn a_start_after_a_failed_sync_may_die_at_any_operation() {
    for operation in 1..60 {
        let disk = MemoryDisk::new(1);
        let mut journal = open(&disk).unwrap();
        journal.start_run(at(0), "test").unwrap();
        assert_eq!(commit_until_refused(&mut journal, 40), 40, "several pages");
        drop(journal);
        let mut journal = open(&disk).unwrap();
        assert_eq!(commit_until_refused(&mut journal, 5), 5);
        disk.set_fault(Some(DiskFault::Sync));
        assert_eq!(commit_until_refused(&mut journal, 1), 0);
        let next = disk.after_exit();
        next.die_after(operation);
        let begun = open(&next).and_then(|mut journal| journal.start_run(at(50), "test"));
        let left = next.after_crash(&mut ChaCha8Rng::seed_from_u64(operation));
        let found = open(&left).unwrap().verify().unwrap().events;
        assert!((45..=46).contains(&found), "{operation}: {found}, {begun:?}");
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
