//! What the tape promises its writers and readers.

use super::*;
use crate::book::{Flow, Level, Reason, Snapshot, Validity};
use crate::domain::{Amount, Environment, Filters, Market, Rate};
use crate::store::GapKind;

pub(crate) fn instrument(symbol: &str, tick_size: &str) -> Instrument {
    Instrument {
        environment: Environment::Sandbox,
        market: Market::Usdm,
        symbol: Symbol::new(symbol).unwrap(),
        filters: Filters {
            tick_size: tick_size.parse().unwrap(),
            step_size: "0.001".parse().unwrap(),
            min_price: Price::ZERO,
            max_price: Price::ZERO,
            min_quantity: Quantity::ZERO,
            max_quantity: Quantity::ZERO,
            max_market_quantity: Quantity::ZERO,
            min_notional: Amount::ZERO,
            multiplier_up: Rate::ZERO,
            multiplier_down: Rate::ZERO,
            max_open_orders: 200,
        },
    }
}

pub(crate) fn row(symbol: &str, bid: &str, ask: &str) -> Row {
    let level =
        |price: &str| Level { price: price.parse().unwrap(), quantity: "1.5".parse().unwrap() };
    Row {
        symbol: Symbol::new(symbol).unwrap(),
        snapshot: Some(Snapshot::new([level(bid)], [level(ask)]).unwrap()),
        flow: Flow { updates: 7, ..Flow::default() },
        mark_price: None,
        validity: Validity::Valid,
        age_ms: 12,
        mark_age_ms: 0,
    }
}

fn frame(second: i64, rows: Vec<Row>) -> Frame {
    Frame { second: Second::from_unix(second), rows }
}

pub(crate) fn bitcoin(second: i64) -> Frame {
    frame(second, vec![row("BTCUSDT", "60000", "60000.1")])
}

pub(crate) fn open(folder: &tempfile::TempDir) -> Tape {
    let mut tape = Tape::open(&folder.path().join("tape.db")).unwrap();
    tape.register(&instrument("BTCUSDT", "0.1"), Second::from_unix(0)).unwrap();
    tape
}

fn seconds(from: i64, to: i64) -> Range<Second> {
    Second::from_unix(from)..Second::from_unix(to)
}

#[test]
fn rows_read_back_in_order_across_pages_and_instruments() {
    let folder = tempfile::tempdir().unwrap();
    let mut tape = open(&folder);
    tape.register(&instrument("ETHUSDT", "0.01"), Second::from_unix(0)).unwrap();
    let frames: Vec<Frame> = (1..=5_000)
        .map(|second| {
            let rows =
                vec![row("BTCUSDT", "60000", "60000.1"), row("ETHUSDT", "3000.01", "3000.02")];
            frame(second, rows)
        })
        .collect();
    tape.append_batch(&frames).unwrap();
    drop(tape);
    let tape = Tape::open_read_only(&folder.path().join("tape.db")).unwrap();
    let key = tape.resolve("ETHUSDT").unwrap();
    let read: Vec<_> = tape.scan(&key, seconds(10, 4_990)).map(Result::unwrap).collect();
    assert_eq!(read.len(), 4_980);
    for ((second, row), expected) in read.iter().zip(10..) {
        assert_eq!((second.unix(), row), (expected, &frames[0].rows[1]));
    }
    let span = tape.span(&key).unwrap().unwrap();
    assert_eq!((span.first.unix(), span.last.unix(), span.rows), (1, 5_000, 5_000));
}

#[test]
fn invariant_1_a_batch_is_wholly_there_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut tape = open(&folder);
    tape.append(&bitcoin(1)).unwrap();
    let off_grid = frame(3, vec![row("BTCUSDT", "60000.05", "60000.1")]);
    let error = tape.append_batch(&[bitcoin(2), off_grid]).unwrap_err();
    assert!(matches!(error, StoreError::OffGrid { second, .. } if second.unix() == 3));
    let key = tape.resolve("BTCUSDT").unwrap();
    assert_eq!(tape.scan(&key, seconds(0, 100)).count(), 1);
    tape.append(&bitcoin(2)).unwrap();
}

#[test]
fn invariant_2_seconds_strictly_increase_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder).append_batch(&[bitcoin(1), bitcoin(2)]).unwrap();
    let mut tape = open(&folder);
    for second in [1, 2] {
        assert!(matches!(tape.append(&bitcoin(second)), Err(StoreError::OutOfOrder { .. })));
    }
    assert!(matches!(
        tape.append_batch(&[bitcoin(4), bitcoin(3)]),
        Err(StoreError::OutOfOrder { .. })
    ));
    tape.append(&bitcoin(3)).unwrap();
    assert!(matches!(
        tape.append(&frame(4, vec![row("SOLUSDT", "1", "2")])),
        Err(StoreError::Unregistered { .. })
    ));
}

#[test]
fn invariant_3_changed_filters_open_a_version_and_old_rows_keep_their_grid() {
    let folder = tempfile::tempdir().unwrap();
    let mut tape = open(&folder);
    tape.append(&bitcoin(1)).unwrap();
    let finer = instrument("BTCUSDT", "0.01");
    let second_version = tape.register(&finer, Second::from_unix(2)).unwrap();
    assert_eq!(tape.register(&finer, Second::from_unix(9)).unwrap(), second_version);
    tape.append(&frame(2, vec![row("BTCUSDT", "60000.05", "60000.07")])).unwrap();
    let key = tape.resolve("BTCUSDT").unwrap();
    let bids: Vec<String> = tape
        .scan(&key, seconds(0, 10))
        .map(|read| read.unwrap().1.snapshot.unwrap().best_bid().price.to_string())
        .collect();
    assert_eq!(bids, ["60000", "60000.05"]);
    assert_eq!(tape.versions().len(), 2);
}

#[test]
fn a_coarser_grid_opens_a_version_whose_rows_still_hold_what_rested_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut tape = open(&folder);
    tape.append(&bitcoin(1)).unwrap();
    let coarser = instrument("BTCUSDT", "0.5");
    tape.register(&coarser, Second::from_unix(2)).unwrap();
    let between = frame(2, vec![row("BTCUSDT", "60000.2", "60000.5")]);
    tape.append(&between).unwrap();
    drop(tape);
    let tape = Tape::open_read_only(&folder.path().join("tape.db")).unwrap();
    let version = tape.newest_version(&InstrumentKey::of(&coarser)).unwrap();
    assert_eq!((version.version, version.valid_from), (2, Second::from_unix(2)));
    assert_eq!(version.instrument.filters.tick_size, "0.5".parse().unwrap());
    assert_eq!(version.as_recorded().filters.tick_size, "0.1".parse().unwrap());
    let key = tape.resolve("BTCUSDT").unwrap();
    let newest = tape.scan(&key, seconds(2, 3)).next().unwrap().unwrap().1;
    assert_eq!(newest, between.rows[0]);
}

#[test]
fn an_import_run_twice_stores_once_and_may_fill_what_came_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut tape = open(&folder);
    tape.append(&bitcoin(100)).unwrap();
    let id = tape.versions()[0].id;
    let rows: Vec<(Second, Row)> = (50..=100)
        .map(|second| (Second::from_unix(second), row("BTCUSDT", "59999", "60000")))
        .collect();
    assert_eq!(tape.import(id, &rows).unwrap(), 50, "second 100 was there");
    assert_eq!(tape.import(id, &rows).unwrap(), 0);
    assert!(tape.append(&bitcoin(100)).is_err(), "order still holds for the recorder");
    tape.append(&bitcoin(101)).unwrap();
}

#[test]
fn gaps_are_runs_with_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut tape = open(&folder);
    let with = |second, validity| {
        let mut frame = bitcoin(second);
        frame.rows[0].validity = validity;
        frame
    };
    let stale = Validity::Stale(Reason::SequenceGap);
    tape.append_batch(&[
        bitcoin(1),
        with(2, stale),
        with(3, stale),
        with(4, Validity::Missing(Reason::NoSnapshot)),
        bitcoin(8),
    ])
    .unwrap();
    let key = tape.resolve("BTCUSDT").unwrap();
    let gaps = tape.gaps(&key, seconds(1, 10)).unwrap();
    let told: Vec<_> = gaps.iter().map(|gap| (gap.from.unix(), gap.seconds(), gap.kind)).collect();
    assert_eq!(
        told,
        [
            (2, 2, GapKind::Stale(Reason::SequenceGap)),
            (4, 1, GapKind::Missing(Reason::NoSnapshot)),
            (5, 3, GapKind::Absent),
            (9, 1, GapKind::Absent),
        ]
    );
}

#[test]
fn a_damaged_row_is_named_and_the_rows_before_it_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut tape = open(&folder);
    tape.append_batch(&[bitcoin(1), bitcoin(2), bitcoin(3)]).unwrap();
    tape.connection.execute("UPDATE seconds SET book = x'0100' WHERE second = 2", []).unwrap();
    let key = tape.resolve("BTCUSDT").unwrap();
    let read: Vec<_> = tape.scan(&key, seconds(0, 10)).collect();
    assert_eq!(read.len(), 2);
    assert!(read[0].is_ok());
    let message = read[1].as_ref().unwrap_err().to_string();
    assert!(message.contains("sandbox:usdm:BTCUSDT"), "{message}");
    assert!(message.contains("1970-01-01T00:00:02Z"), "{message}");
}

#[test]
fn a_flipped_bit_is_found_also_where_it_leaves_a_possible_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut tape = open(&folder);
    tape.append_batch(&[bitcoin(1), bitcoin(2), bitcoin(3)]).unwrap();
    let key = tape.resolve("BTCUSDT").unwrap();
    let query = "SELECT book FROM seconds WHERE second = 2";
    let whole: Vec<u8> = tape.connection.query_row(query, [], |row| row.get(0)).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        let change = "UPDATE seconds SET book = ?1 WHERE second = 2";
        tape.connection.execute(change, [flipped]).unwrap();
        let read: Vec<_> = tape.scan(&key, seconds(0, 10)).collect();
        assert!(matches!(read[1], Err(StoreError::CorruptRow { .. })), "byte {at}");
    }
    assert_eq!(tape.unchecked(&key).unwrap(), 0);
    let mut old = whole;
    old.truncate(old.len() - 4);
    old[0] = row_codec::UNCHECKED_LAYOUT;
    tape.connection.execute("UPDATE seconds SET book = ?1 WHERE second = 2", [old]).unwrap();
    assert_eq!(tape.scan(&key, seconds(0, 10)).flatten().count(), 3);
    assert_eq!(tape.unchecked(&key).unwrap(), 1);
}

#[test]
fn a_full_disk_is_told_apart_and_costs_only_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let mut tape = open(&folder);
    tape.append(&bitcoin(1)).unwrap();
    let pages: i64 =
        tape.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    tape.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let frames: Vec<Frame> = (2..2_000).map(bitcoin).collect();
    assert!(matches!(tape.append_batch(&frames), Err(StoreError::DiskFull { .. })));
    let key = tape.resolve("BTCUSDT").unwrap();
    assert_eq!(tape.scan(&key, seconds(0, 9_999)).count(), 1, "nothing of the batch is there");
    tape.connection.pragma_update(None, "max_page_count", 100_000).unwrap();
    tape.append_batch(&frames).unwrap();
    tape.check_pages().unwrap();
}
