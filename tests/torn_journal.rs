//! What a power cut or a backup of files in use leaves of the journal (promise I7).

use std::fs;
use std::path::Path;

use lobd::domain::Timestamp;
use lobd::engine::Event;
use lobd::store::Journal;

const EVENTS: u64 = 12;

/// Reads every so many bytes: prime, so that no boundary is favoured.
const STEP: usize = 1_021;

fn write(journal: &mut Journal, seconds: std::ops::RangeInclusive<u64>) {
    for second in seconds {
        let now = Timestamp::from_seconds(i64::try_from(second).unwrap());
        journal.append(now, &Event::Tick).unwrap();
        journal.commit(&[]).unwrap();
    }
}

/// Bytes of a log's header, and of a frame with its page.
const LOG_HEADER: usize = 32;
const FRAME: usize = 24 + 4_096;
/// So much of a frame tells that it is of this log.
const FRAME_SALTS: usize = 16;

/// A folder with the journal's file and so much of its log.
fn copy(database: &[u8], log: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("journal.db"), database).unwrap();
    fs::write(folder.path().join("journal.db-wal"), log).unwrap();
    folder
}

fn open(folder: &Path) -> Journal {
    Journal::open(&folder.join("journal.db")).unwrap()
}

#[test]
fn cut_anywhere_it_reads_back_as_what_came_before_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    journal.start_run(Timestamp::from_seconds(0), "test").unwrap();
    write(&mut journal, 1..=EVENTS);
    // The journal is open: all of it is in use.
    let database = fs::read(folder.path().join("journal.db")).unwrap();
    let log = fs::read(folder.path().join("journal.db-wal")).unwrap();
    let mut survived = 0;
    for cut in (0..log.len()).step_by(STEP).chain([log.len()]) {
        let copied = copy(&database, &log[..cut]);
        let mut journal = open(copied.path());
        let found = journal.verify().unwrap();
        if cut.saturating_sub(LOG_HEADER) % FRAME >= FRAME_SALTS {
            let torn = found.torn_tails;
            assert!(torn.times == 1 && torn.pages > 0, "{torn:?} at {cut}");
        }
        let events = found.events;
        assert!((survived..=EVENTS).contains(&events), "{events} after {survived} at {cut}");
        survived = events;
        journal.start_run(Timestamp::from_seconds(100), "test").unwrap();
        write(&mut journal, 101..=102);
        assert_eq!(journal.verify().unwrap().events, events + 2);
    }
    assert_eq!(survived, EVENTS, "what was reported durable is there");
    let whole = copy(&database, &log);
    assert_eq!(open(whole.path()).verify().unwrap().torn_tails.times, 0);
}

#[test]
fn a_torn_page_of_its_log_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    journal.start_run(Timestamp::from_seconds(0), "test").unwrap();
    write(&mut journal, 1..=EVENTS);
    let database = fs::read(folder.path().join("journal.db")).unwrap();
    let log = fs::read(folder.path().join("journal.db-wal")).unwrap();
    for torn in (1..log.len()).step_by(61 * STEP) {
        let mut log = log.clone();
        log[torn..].fill(0x5a);
        let copied = copy(&database, &log);
        assert!(open(copied.path()).verify().unwrap().events < EVENTS, "torn at {torn}");
    }
}
