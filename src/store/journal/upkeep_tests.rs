//! What upkeep promises: nothing is lost, whatever happens in the middle of it.

use std::path::Path;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::book::Frame;
use crate::domain::{Failure, Second};
use crate::engine::TradingEngine;
use crate::store::journal::replay::tests::started;
use crate::store::{Answer, Cell, MemoryDisk, Query, Tape, journal_path, tape_path};

const DAY: i64 = 86_400;
const PATH: &str = "/data/journal.db";

fn at(day: i64, second: i64) -> Timestamp {
    Timestamp::from_seconds(day * DAY + second)
}

fn second(unix: i64) -> Event {
    Event::Second(Box::new(Frame { second: Second::from_unix(unix), rows: Vec::new() }))
}

/// A run of several days, journalled and looked after as the trader does it.
struct Life {
    journal: Journal,
    engine: TradingEngine,
    run: RunId,
}

impl Life {
    fn begin(mut journal: Journal, now: Timestamp) -> Self {
        let run = journal.start_run(now, env!("CARGO_PKG_VERSION")).unwrap();
        let mut life = Self { journal, engine: TradingEngine::default(), run };
        life.tell(now, started(run));
        life
    }

    fn tell(&mut self, now: Timestamp, event: Event) {
        self.journal.append(now, &event).unwrap();
        let commands = self.engine.handle(now, event);
        self.journal.commit(&commands).unwrap();
    }

    fn day(&mut self, day: i64, seconds: i64) {
        for number in 0..seconds {
            self.tell(at(day, number), second(day * DAY + number));
            self.tell(at(day, number), Event::Tick);
        }
    }

    fn tidy_up(&mut self, now: Timestamp, keep_days: Option<u32>) -> Vec<Upkeep> {
        let mut done = Vec::new();
        loop {
            let step = self.journal.tidy(now, keep_days).unwrap();
            if step == Upkeep::Nothing {
                return done;
            }
            done.push(step);
        }
    }

    fn records(&self) -> Vec<Record> {
        self.journal.records(self.run.epoch).map(Result::unwrap).collect()
    }

    fn rows(&self) -> i64 {
        self.journal.rows_left()
    }
}

fn on_disk(folder: &tempfile::TempDir) -> Journal {
    Journal::open(&folder.path().join("journal.db")).unwrap()
}

fn in_memory(disk: &MemoryDisk) -> Result<Journal, StoreError> {
    Journal::open_on(&Disk::Memory(disk.clone()), Path::new(PATH))
}

#[test]
fn closed_days_are_packed_and_read_back_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut life = Life::begin(on_disk(&folder), at(10, 0));
    life.day(10, 400);
    life.day(11, 5);
    let (written, before) = (life.records(), life.journal.verify().unwrap());
    let commands: usize = written.iter().map(|record| record.commands.len()).sum();
    assert!(commands > 0, "the account was asked for");
    life.tidy_up(at(11, 6), None);
    assert_eq!(life.rows(), 10, "today's");
    assert_eq!(life.records(), written);
    assert_eq!(life.journal.verify().unwrap(), before);
    assert_eq!(life.journal.replay(life.run.epoch).unwrap().difference, None);
    let (epoch, events) = (life.run.epoch, written.len() as u64);
    life.tidy_up(at(12, 0), None);
    assert_eq!(life.rows(), 0);
    drop(life);
    let mut journal = on_disk(&folder);
    assert_eq!(journal.runs().unwrap()[0].events, events);
    journal.start_run(at(12, 1), "0.1.0").unwrap();
    journal.append(at(12, 1), &Event::Tick).unwrap();
    journal.commit(&[]).unwrap();
    assert_eq!(journal.verify().unwrap().events, events + 1, "the chain goes on behind the blocks");
    assert_eq!(journal.records(epoch).count() as u64, events);
    assert_eq!(journal.records(epoch + 1).count(), 1);
}

#[test]
fn days_beyond_those_kept_are_dropped_and_what_is_left_is_proven_and_replays() {
    let folder = tempfile::tempdir().unwrap();
    let mut life = Life::begin(on_disk(&folder), at(10, 0));
    for day in 10..14 {
        life.day(day, 20);
        life.journal.keep_checkpoint(at(day, 21), &life.engine).unwrap();
        life.day(day, 10);
    }
    let all = life.records();
    life.tidy_up(at(13, 40), Some(2));
    let kept = life.records();
    assert_eq!(kept[0].now, at(11, 0), "two days before the thirteenth");
    assert_eq!(kept, all[all.len() - kept.len()..]);
    let found = life.journal.verify().unwrap();
    assert_eq!(found.dropped, (all.len() - kept.len()) as u64);
    let replay = life.journal.replay(life.run.epoch).unwrap();
    assert_eq!(replay.difference, None);
    assert!(replay.begins_at > kept[0].sequence, "from the first checkpoint that is left");
    let version = "UPDATE runs SET version = '0.0.1'";
    life.journal.connection.execute(version, []).unwrap();
    let refused = life.journal.replay(life.run.epoch);
    assert!(matches!(refused, Err(StoreError::NoBeginning { run: 1, .. })), "{refused:?}");
    assert_eq!(life.journal.verify().unwrap().checkpoints_of_others, found.checkpoints);
}

#[test]
fn a_change_within_a_block_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut life = Life::begin(on_disk(&folder), at(10, 0));
    life.day(10, 30);
    life.tidy_up(at(11, 0), None);
    life.journal.verify().unwrap();
    let tampering = [
        "UPDATE blocks SET packed = x'00'",
        "UPDATE blocks SET packed = CAST(packed || x'00' AS BLOB)",
        "UPDATE blocks SET last_seq = last_seq - 1",
        "UPDATE blocks SET first_seq = 2, last_seq = last_seq + 1",
        "UPDATE blocks SET epoch = 2",
        "UPDATE blocks SET hash_before = hash_after",
        "DELETE FROM blocks",
    ];
    let connection = &life.journal.connection;
    for statement in tampering {
        connection.execute_batch("SAVEPOINT intact").unwrap();
        assert_eq!(connection.execute(statement, []).unwrap(), 1, "{statement}");
        let found = life.journal.replay(1).map(|replay| replay.events);
        let is_found = found.as_ref().map_or(true, |events| *events != 61);
        assert!(is_found, "{statement}: {found:?}");
        connection.execute_batch("ROLLBACK TO intact; RELEASE intact").unwrap();
    }
}

#[test]
fn an_event_that_is_not_what_was_written_is_not_packed_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut life = Life::begin(on_disk(&folder), at(10, 0));
    life.day(10, 30);
    let change = "UPDATE events SET now_ns = now_ns + 1 WHERE seq = 7";
    life.journal.connection.execute(change, []).unwrap();
    let rows = life.rows();
    let refused = life.journal.pack_oldest(11);
    assert!(matches!(refused, Err(StoreError::CorruptEvent { .. })), "{refused:?}");
    assert_eq!(life.rows(), rows);
}

/// SQLite's own way of testing: the machine dies in the first operation, in the second, and so on,
/// until the work is done before it dies.
#[test]
fn killed_at_any_operation_of_its_upkeep_it_loses_nothing_and_goes_on() {
    let (mut operation, mut deaths) = (0, 0);
    loop {
        operation += 1;
        let disk = MemoryDisk::new(1);
        let mut life = Life::begin(in_memory(&disk).unwrap(), at(10, 0));
        life.day(10, 150);
        life.day(11, 40);
        life.day(12, 5);
        let written = life.records();
        disk.die_after(operation);
        let mut upkeep = || -> Result<(), StoreError> {
            life.journal.keep_checkpoint(at(12, 6), &life.engine)?;
            while life.journal.tidy(at(12, 6), Some(1))? != Upkeep::Nothing {}
            Ok(())
        };
        let outcome = upkeep();
        let is_done = outcome.is_ok() && !disk.is_over();
        deaths += u32::from(!is_done);
        let left = disk.after_crash(&mut ChaCha8Rng::seed_from_u64(operation));
        let mut journal = in_memory(&left).unwrap();
        let found = journal.verify().unwrap();
        assert_eq!(found.dropped + found.events, written.len() as u64, "{operation}");
        let kept: Vec<Record> = journal.records(1).map(Result::unwrap).collect();
        assert_eq!(kept, written[written.len() - kept.len()..], "{operation}");
        assert!(kept.len() >= 90, "{operation}: the eleventh and the twelfth are kept");
        while journal.tidy(at(12, 7), Some(1)).unwrap() != Upkeep::Nothing {}
        assert_eq!(journal.records(1).count(), 90, "{operation}: it is finished later");
        journal.verify().unwrap();
        if is_done {
            break;
        }
    }
    assert!(deaths > 20, "{deaths}");
}

#[test]
fn space_that_became_free_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut life = Life::begin(on_disk(&folder), at(10, 0));
    let text = "x".repeat(2_000);
    let failed = Event::AccountFailed(Failure::NotSent { reason: text });
    for _ in 0..1_500 {
        life.journal.append(at(10, 1), &failed).unwrap();
    }
    life.journal.commit(&[]).unwrap();
    life.journal.checkpoint().unwrap();
    let size = || folder.path().join("journal.db").metadata().unwrap().len();
    let before = size();
    let done = life.tidy_up(at(11, 0), None);
    assert!(done.contains(&Upkeep::GaveBack), "{done:?}");
    assert!(size() * 2 < before, "{before} to {}", size());
    life.journal.verify().unwrap();
}

#[test]
fn a_checkpoint_stands_for_all_before_it_and_a_changed_one_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut life = Life::begin(on_disk(&folder), at(10, 0));
    life.day(10, 20);
    life.day(11, 2);
    let at_midnight = life.journal.last_sequence;
    life.journal.keep_checkpoint(at(11, 2), &life.engine).unwrap();
    life.day(11, 30);
    assert_eq!(life.journal.verify().unwrap().checkpoints, 1);
    let replay = life.journal.replay_since(life.run.epoch, Some(at(11, 12))).unwrap();
    assert_eq!((replay.difference, replay.begins_at), (None, at_midnight + 1));
    assert_eq!(life.journal.replay(life.run.epoch).unwrap().begins_at, 1);
    let tampering = [
        "UPDATE checkpoints SET state = x'0000'",
        "UPDATE checkpoints SET state_hash = chain_hash",
        "UPDATE checkpoints SET chain_hash = state_hash",
        "UPDATE checkpoints SET seq = seq - 1",
    ];
    for statement in tampering {
        let connection = &life.journal.connection;
        let copy = "CREATE TEMP TABLE kept AS SELECT * FROM checkpoints";
        connection.execute_batch(copy).unwrap();
        assert_eq!(connection.execute(statement, []).unwrap(), 1);
        let found = life.journal.verify();
        assert!(matches!(found, Err(StoreError::CheckpointDiffers { .. })), "{statement}");
        let restore = "DELETE FROM checkpoints; INSERT INTO checkpoints SELECT * FROM temp.kept;
                       DROP TABLE temp.kept;";
        connection.execute_batch(restore).unwrap();
    }
    life.journal.connection.execute("UPDATE checkpoints SET layout = layout - 1", []).unwrap();
    assert_eq!(life.journal.verify().unwrap().checkpoints_of_others, 1);
    let replay = life.journal.replay_since(life.run.epoch, Some(at(11, 12))).unwrap();
    assert_eq!((replay.difference, replay.begins_at), (None, 1), "with the run, as another's");
}

#[test]
fn a_ledger_that_its_events_do_not_lead_to_is_found_and_named() {
    let tampering = [
        ("UPDATE fills SET price_e8 = price_e8 + 1", "fills BTCUSDT 7"),
        ("DELETE FROM fills", "fills BTCUSDT 7"),
        ("UPDATE fills SET trade_id = 8", "fills BTCUSDT 8"),
        ("UPDATE orders SET filled_e8 = 1", "orders lobd-1"),
        ("DELETE FROM orders", "orders lobd-1"),
    ];
    for (statement, row) in tampering {
        let folder = tempfile::tempdir().unwrap();
        let mut life = Life::begin(on_disk(&folder), at(10, 0));
        life.tell(at(10, 1), super::tests::order(crate::domain::OrderStatus::New, "0"));
        let fill = super::tests::fill(7, crate::domain::Side::Buy, 10 * DAY);
        life.tell(at(10, 1), Event::Fill(fill));
        let found = life.journal.verify().unwrap();
        assert_eq!((found.fills, found.orders), (1, 1));
        assert_eq!(life.journal.connection.execute(statement, []).unwrap(), 1);
        let found = life.journal.verify().unwrap_err();
        assert!(matches!(found, StoreError::LedgerDiffers { .. }), "{found}");
        assert!(found.to_string().contains(row), "{statement}: {found}");
    }
}

#[derive(Default)]
struct Collected(Vec<Vec<Cell>>);

impl Answer for Collected {
    fn columns(&mut self, _names: Vec<String>) {}
    fn row(&mut self, cells: Vec<Cell>) -> bool {
        self.0.push(cells);
        true
    }
}

#[test]
fn a_query_sees_packed_events_as_it_saw_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    drop(Tape::open(&tape_path(folder.path())).unwrap());
    let mut life = Life::begin(Journal::open(&journal_path(folder.path())).unwrap(), at(10, 0));
    life.day(10, 40);
    life.day(11, 3);
    let ask = || {
        let mut collected = Collected::default();
        let sql = "SELECT seq, epoch, time, kind, version, hex(payload) FROM events ORDER BY seq;
                   SELECT seq, position, kind, hex(payload) FROM commands ORDER BY seq, position";
        Query::open(folder.path()).unwrap().run(sql, &mut collected).unwrap();
        collected.0
    };
    let before = ask();
    life.tidy_up(at(11, 4), None);
    assert_eq!(life.rows(), 6);
    assert!(before.len() > 88, "{}", before.len());
    assert_eq!(ask(), before);
}

#[test]
fn a_run_wholly_dropped_replays_as_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut life = Life::begin(on_disk(&folder), at(10, 0));
    life.day(10, 20);
    let mut life = Life::begin(life.journal, at(20, 0));
    life.day(20, 5);
    life.tidy_up(at(20, 6), Some(1));
    assert_eq!(life.journal.replay(1).unwrap().events, 0);
    assert_eq!(life.journal.runs().unwrap()[0].events, 0);
    assert_eq!(life.journal.replay(2).unwrap().events, 11);
    life.journal.verify().unwrap();
}
