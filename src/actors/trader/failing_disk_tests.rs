//! What leaves, and what is remembered, on a disk that fails or is slow (promises I1, I5, I7, I10).

use std::path::Path;
use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::super::gateway::GatewayMailbox;
use super::failing_journal_tests::{accepted, entry_in, places, prediction, ready_on, second};
use super::*;
use crate::clock::{Clock as _, ManualClock};
use crate::engine::TradingState;
use crate::store::{Disk, DiskFault, MemoryDisk};

const FOLDER: &str = "/data";

fn ready() -> (MemoryDisk, Trader, Arc<ManualClock>, GatewayMailbox) {
    let disk = MemoryDisk::new(1);
    let (trader, clock, mail) = ready_on(&Disk::Memory(disk.clone()), Path::new(FOLDER));
    (disk, trader, clock, mail)
}

fn journal_on(disk: &MemoryDisk) -> Journal {
    let path = Path::new(FOLDER).join("journal.db");
    Journal::open_on(&Disk::Memory(disk.clone()), &path).unwrap()
}

/// A second passes, and its prediction is told.
fn pass(trader: &mut Trader, clock: &ManualClock) {
    clock.advance(Duration::from_secs(1));
    trader.step(second(clock.now()));
    trader.step(prediction(clock.now()));
}

#[test]
fn an_entry_that_leaves_after_a_failed_sync_is_in_the_journal_after_a_crash() {
    for seed in 0..16 {
        let (disk, mut trader, clock, mut mail) = ready();
        disk.strike(DiskFault::Sync, 1);
        trader.step(prediction(clock.now()));
        let entry = entry_in(mail.take()).expect("it was made durable through a new file");
        let left = disk.after_crash(&mut ChaCha8Rng::seed_from_u64(seed));
        let journal = journal_on(&left);
        journal.verify().unwrap();
        let name = entry.client_order_id.to_string();
        assert!(journal.decided().unwrap().contains(&name), "{seed}");
    }
}

#[test]
fn a_disk_that_stays_broken_halts_and_nothing_leaves_until_a_person_resumes() {
    for fault in [DiskFault::Write, DiskFault::Sync] {
        let (disk, mut trader, clock, mut mail) = ready();
        disk.set_fault(Some(fault));
        trader.step(prediction(clock.now()));
        for _ in 0..3 {
            pass(&mut trader, &clock);
        }
        assert!(!places(&mail.take()), "{fault:?}");
        let halted = trader.engine.status().halted.unwrap();
        assert!(halted.contains("the journal cannot be written"), "{halted}");
        disk.set_fault(None);
        for _ in 0..3 {
            pass(&mut trader, &clock);
        }
        assert!(trader.told_healthy, "it works again");
        assert!(!places(&mail.take()), "a halt latches");
        assert_eq!(journal_on(&disk.certain()).ledger(clock.now()).unwrap().halted, Some(halted));
        trader.step(Event::Operator(OperatorRequest::Resume));
        pass(&mut trader, &clock);
        assert!(places(&mail.take()), "{fault:?}");
        let journal = journal_on(&disk.certain());
        assert_eq!(journal.replay(journal.run().epoch).unwrap().difference, None);
    }
}

#[test]
fn a_full_disk_halts_nobody_and_trading_goes_on_when_there_is_space() {
    let (disk, mut trader, clock, mut mail) = ready();
    disk.set_fault(Some(DiskFault::Full));
    for _ in 0..3 {
        pass(&mut trader, &clock);
    }
    assert!(!places(&mail.take()));
    assert_eq!(trader.engine.status().state, TradingState::Reducing);
    disk.set_fault(None);
    pass(&mut trader, &clock);
    assert!(places(&mail.take()));
}

#[test]
fn after_a_commit_of_five_seconds_no_entry_leaves_and_a_cancel_does() {
    let (disk, mut trader, clock, mut mail) = ready();
    disk.set_sync_time(&clock, Duration::from_secs(5));
    trader.step(prediction(clock.now()));
    let left = mail.take();
    assert!(!places(&left), "its prediction was old: {left:?}");
    let status = trader.engine.status();
    assert!(status.symbols[0].working_orders.is_empty(), "the engine knows that it did not leave");
    pass(&mut trader, &clock);
    let why_not = trader.engine.status().symbols[0].why_not;
    assert_eq!(why_not, Some(crate::trading::WhyNot::JournalFailing));

    disk.set_sync_time(&clock, Duration::ZERO);
    let mut seconds = 0;
    let entry = loop {
        pass(&mut trader, &clock);
        seconds += 1;
        if let Some(entry) = entry_in(mail.take()) {
            break entry;
        }
        assert!(seconds < 30, "it is fast again");
    };
    assert!(seconds >= 10, "it must have been fast for a while: {seconds}");
    trader.step(accepted(&entry, clock.now()));
    disk.set_sync_time(&clock, Duration::from_secs(5));
    trader.step(Event::Operator(OperatorRequest::Halt { reason: "a test".to_owned() }));
    let left = mail.take();
    assert!(left.iter().any(|command| matches!(command, Command::Cancel { .. })), "{left:?}");

    let journal = journal_on(&disk.certain());
    let records = journal.records(journal.run().epoch).map(Result::unwrap);
    let unsent = |event: &Event| matches!(event, Event::PlaceFailed { failure, .. } if matches!(failure, Failure::NotSent { .. }));
    assert_eq!(records.filter(|record| unsent(&record.event)).count(), 1);
    assert_eq!(journal.replay(journal.run().epoch).unwrap().difference, None);
}

#[tokio::test(start_paused = true)]
async fn while_the_disk_is_slow_senders_wait_and_nothing_piles_up() {
    let (handle, mut mailbox) = trader_mailbox();
    for _ in 0..MAILBOX_CAPACITY {
        handle.tell(Event::Tick).await.unwrap();
    }
    let waiting = tokio::time::timeout(Duration::from_mins(1), handle.tell(Event::Tick));
    assert!(waiting.await.is_err(), "there is room for no more");
    mailbox.0.recv().await.unwrap();
    handle.tell(Event::Tick).await.unwrap();
}
