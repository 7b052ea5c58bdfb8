//! What the journal promises the engine.

use super::*;
use crate::domain::{
    AccountReport, Amount, Asset, ClientOrderId, Exposure, Fill, OrderId, OrderReport, OrderStatus,
    Side, TradeId,
};
use crate::trading::LastTrade;

fn open(folder: &tempfile::TempDir) -> Journal {
    Journal::open(&folder.path().join("journal.db")).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn symbol() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

pub(super) fn fill(trade_id: u64, side: Side, time: i64) -> Fill {
    Fill {
        symbol: symbol(),
        trade_id: TradeId(trade_id),
        order_id: OrderId(u64::MAX >> 2),
        client_order_id: None,
        side,
        price: "60000".parse().unwrap(),
        quantity: "0.1".parse().unwrap(),
        commission: "0.5".parse().unwrap(),
        commission_asset: Asset::new("USDT").unwrap(),
        realized_pnl: "2".parse().unwrap(),
        is_maker: true,
        time: at(time),
    }
}

pub(super) fn order(status: OrderStatus, filled: &str) -> Event {
    Event::Order(OrderReport {
        symbol: symbol(),
        client_order_id: ClientOrderId::new("lobd-1").unwrap(),
        order_id: OrderId(9),
        side: Side::Buy,
        price: Some("60000".parse().unwrap()),
        quantity: "0.1".parse().unwrap(),
        filled_quantity: filled.parse().unwrap(),
        average_price: None,
        status,
        reduce_only: false,
        update_time: at(1),
    })
}

fn cancel() -> Command {
    let client_order_id = ClientOrderId::new("lobd-1").unwrap();
    Command::Cancel { symbol: symbol(), client_order_id }
}

#[test]
fn each_start_is_a_run_of_the_same_installation() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder).start_run(at(1), "0.1.0").unwrap();
    let mut journal = open(&folder);
    let second = journal.start_run(at(2), "0.1.0").unwrap();
    assert_eq!(first.installation, second.installation);
    assert_eq!((first.epoch, second.epoch), (1, 2));
    assert_eq!(journal.runs().unwrap().len(), 2);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(open(&other).run().installation, first.installation);
}

#[test]
fn invariant_1_what_was_committed_reads_back_and_what_was_not_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder);
    let run = journal.start_run(at(1), "0.1.0").unwrap();
    assert_eq!(journal.append(at(1), &Event::Tick).unwrap(), 1);
    assert_eq!(journal.append(at(2), &Event::Fill(fill(7, Side::Buy, 2))).unwrap(), 2);
    journal.commit(&[cancel(), cancel()]).unwrap();
    journal.append(at(3), &Event::Shutdown).unwrap();
    drop(journal);
    let journal = open(&folder);
    let records: Vec<Record> = journal.records(run.epoch).map(Result::unwrap).collect();
    assert_eq!(records.len(), 2);
    assert_eq!((records[0].now, &records[0].event), (at(1), &Event::Tick));
    assert!(records[0].commands.is_empty());
    assert_eq!(records[1].event, Event::Fill(fill(7, Side::Buy, 2)));
    let bytes = postcard::to_stdvec(&cancel()).unwrap();
    assert_eq!(records[1].commands, [bytes.clone(), bytes]);
    assert_eq!(
        journal.verify().unwrap(),
        Verification { events: 2, commands: 2, fills: 1, ..Verification::default() }
    );
}

#[test]
fn invariant_2_any_change_to_what_was_written_is_found_and_named() {
    let tampering = [
        "UPDATE events SET payload = x'00' WHERE seq = 2",
        "UPDATE events SET now_ns = now_ns + 1 WHERE seq = 2",
        "UPDATE commands SET payload = x'00' WHERE seq = 2",
        "DELETE FROM commands WHERE seq = 2",
        "INSERT INTO commands VALUES (2, 5, 'cancel', x'00')",
    ];
    for statement in tampering {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(&folder);
        journal.start_run(at(1), "0.1.0").unwrap();
        for second in 1..=3 {
            journal.append(at(second), &Event::Tick).unwrap();
            journal.commit(&[cancel()]).unwrap();
        }
        journal.verify().unwrap();
        assert_eq!(journal.connection.execute(statement, []).unwrap(), 1);
        let found = journal.verify();
        assert!(
            matches!(found, Err(StoreError::CorruptEvent { sequence: 2, .. })),
            "{statement}: {found:?}"
        );
    }
}

#[test]
fn events_of_an_older_layout_are_proven_by_their_hashes_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder);
    let run = journal.start_run(at(1), "0.0.9").unwrap();
    for second in 1..=3 {
        journal.append(at(second), &Event::Tick).unwrap();
    }
    journal.commit(&[]).unwrap();
    journal
        .connection
        .execute("UPDATE events SET version = version - 1 WHERE seq < 3", [])
        .unwrap();
    let found = journal.verify().unwrap();
    assert_eq!((found.events, found.of_older_layouts), (3, 2));
    let error = journal.replay(run.epoch).unwrap_err();
    assert!(matches!(error, StoreError::CorruptEvent { sequence: 1, .. }), "{error}");
    let change = "UPDATE events SET payload = x'00' WHERE seq = 1";
    journal.connection.execute(change, []).unwrap();
    assert!(journal.verify().is_err(), "its hash does not hold");
}

#[test]
fn the_chain_goes_on_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    for second in 1..=3 {
        let mut journal = open(&folder);
        journal.start_run(at(second), "0.1.0").unwrap();
        journal.append(at(second), &Event::Tick).unwrap();
        journal.commit(&[]).unwrap();
    }
    let journal = Journal::open_read_only(&folder.path().join("journal.db")).unwrap();
    assert_eq!(journal.verify().unwrap().events, 3);
    assert_eq!(journal.records(2).count(), 1);
}

#[test]
fn invariant_3_a_trade_is_booked_once_and_the_ledger_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder);
    journal.start_run(at(1), "0.1.0").unwrap();
    let day = 86_400;
    let account = AccountReport {
        asked_at: at(day),
        positions: Vec::new(),
        open_orders: Vec::new(),
        open_stops: Vec::new(),
        fills: vec![fill(2, Side::Buy, day + 5), fill(3, Side::Sell, day + 6)],
        balances: Vec::new(),
    };
    let events = [
        Event::Fill(fill(1, Side::Buy, day - 1)),
        Event::Fill(fill(2, Side::Buy, day + 5)),
        Event::Fill(fill(2, Side::Buy, day + 5)),
        Event::Account(Box::new(account)),
    ];
    for event in &events {
        journal.append(at(day + 9), event).unwrap();
    }
    journal.set_halted(Some("daily loss")).unwrap();
    journal.commit(&[]).unwrap();
    let ledger = open(&folder).ledger(at(day + 10)).unwrap();
    let newest = LastTrade { trade_id: TradeId(3), time: at(day + 6) };
    assert_eq!(ledger.last_trades[&symbol()], newest);
    let exposure: Exposure = "0.1".parse().unwrap();
    assert_eq!(ledger.exposures[&symbol()], exposure);
    let today: Amount = "3".parse().unwrap();
    assert_eq!(ledger.realized_today, today, "two trades of today, 2 less 0.5 each");
    assert_eq!(ledger.halted.as_deref(), Some("daily loss"));
    journal.set_halted(None).unwrap();
    assert_eq!(journal.ledger(at(day + 10)).unwrap().halted, None);
}

#[test]
fn what_was_taken_over_stands_for_every_trade_up_to_its_last() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder);
    journal.start_run(at(1), "0.1.0").unwrap();
    let take_over = |exposure: &str, last_trade: Option<u64>, second: i64| Command::TakeOver {
        symbol: symbol(),
        exposure: exposure.parse().unwrap(),
        last_trade: last_trade.map(TradeId),
        asked_at: at(second),
    };
    let held = |journal: &Journal| {
        let ledger = journal.ledger(at(10)).unwrap();
        let external = journal.external(&ledger).unwrap();
        let last = ledger.last_trades.get(&symbol()).map(|last| last.trade_id.0);
        (ledger.exposures.get(&symbol()).map(ToString::to_string), last, external == [symbol()])
    };
    journal.append(at(2), &Event::Tick).unwrap();
    journal.commit(&[take_over("0.3", None, 2)]).unwrap();
    assert_eq!(held(&journal), (Some("0.3".to_owned()), None, true), "without a single trade");
    journal.append(at(3), &Event::Fill(fill(7, Side::Buy, 3))).unwrap();
    journal.commit(&[]).unwrap();
    assert_eq!(held(&journal), (Some("0.4".to_owned()), Some(7), true));
    journal.append(at(4), &Event::Tick).unwrap();
    journal.commit(&[take_over("0.25", Some(7), 4)]).unwrap();
    journal.append(at(5), &Event::Fill(fill(6, Side::Buy, 3))).unwrap();
    journal.append(at(5), &Event::Fill(fill(8, Side::Sell, 5))).unwrap();
    journal.commit(&[]).unwrap();
    assert_eq!(held(&open(&folder)), (Some("0.15".to_owned()), Some(8), true), "less what came");
    journal.append(at(6), &Event::Tick).unwrap();
    journal.commit(&[take_over("0", Some(8), 6)]).unwrap();
    journal.append(at(7), &Event::Fill(fill(9, Side::Buy, 7))).unwrap();
    journal.commit(&[]).unwrap();
    assert_eq!(held(&journal), (Some("0.1".to_owned()), Some(9), false), "a new one, of no name");
}

#[test]
fn trades_that_are_numbered_anew_are_booked_beside_the_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder);
    journal.start_run(at(1), "0.1.0").unwrap();
    let held = |journal: &Journal| {
        let ledger = journal.ledger(at(100)).unwrap();
        let last = ledger.last_trades.get(&symbol()).map(|last| last.trade_id.0);
        (ledger.exposures.get(&symbol()).map(ToString::to_string), last)
    };
    let book = |journal: &mut Journal, trade: Fill| {
        journal.append(at(50), &Event::Fill(trade)).unwrap();
        journal.commit(&[]).unwrap();
    };
    book(&mut journal, fill(70, Side::Buy, 10));
    book(&mut journal, fill(71, Side::Buy, 11));
    assert_eq!(held(&journal), (Some("0.2".to_owned()), Some(71)));
    // The account is reset: nothing is held, and the numbers begin again.
    journal.append(at(20), &Event::Tick).unwrap();
    let flat = Command::TakeOver {
        symbol: symbol(),
        exposure: Exposure::ZERO,
        last_trade: Some(TradeId(71)),
        asked_at: at(20),
    };
    journal.commit(&[flat]).unwrap();
    assert_eq!(held(&journal), (None, Some(71)));
    for trade in [(3, 30), (4, 31), (3, 30)] {
        book(&mut journal, fill(trade.0, Side::Sell, trade.1));
    }
    book(&mut journal, fill(71, Side::Buy, 11));
    let expected = (Some("-0.2".to_owned()), Some(4));
    assert_eq!(held(&journal), expected, "each once, and the old one is known");
    assert_eq!(held(&open(&folder)), expected);
}

#[test]
fn a_position_is_of_whoever_opened_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder);
    let run = journal.start_run(at(1), "0.1.0").unwrap();
    let named = |trade_id, side, name| {
        Event::Fill(Fill { client_order_id: Some(name), ..fill(trade_id, side, 2) })
    };
    let (ours, by_hand) =
        (ClientOrderId::derive(run, 1), ClientOrderId::new("web_by-hand").unwrap());
    let stories = [
        (vec![named(1, Side::Buy, by_hand), named(2, Side::Buy, ours)], true),
        // The 0.2 are sold, one by one; then a short begins with a sale of ours.
        (vec![named(3, Side::Sell, ours), named(4, Side::Sell, ours)], false),
        (vec![named(5, Side::Sell, ours), named(6, Side::Sell, by_hand)], false),
    ];
    for (number, (events, is_external)) in stories.into_iter().enumerate() {
        for event in &events {
            journal.append(at(2), event).unwrap();
        }
        journal.commit(&[]).unwrap();
        let ledger = journal.ledger(at(3)).unwrap();
        let external = journal.external(&ledger).unwrap();
        assert_eq!(!external.is_empty(), is_external, "{number}: {ledger:?}");
    }
}

#[test]
fn what_an_earlier_run_left_in_the_emergency_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder);
    journal.start_run(at(1), "0.1.0").unwrap();
    let left = [EmergencyRecord { now: at(1), command: postcard::to_stdvec(&cancel()).unwrap() }];
    journal.refuse_writes(true);
    assert!(journal.keep_emergencies(&left).is_err());
    journal.refuse_writes(false);
    journal.keep_emergencies(&left).unwrap();
    assert_eq!(open(&folder).emergencies().unwrap(), 1);
}

#[test]
fn invariant_4_what_could_not_be_written_waits_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder);
    let run = journal.start_run(at(1), "0.1.0").unwrap();
    journal.refuse_writes(true);
    journal.append(at(1), &Event::Tick).unwrap();
    assert!(journal.commit(&[cancel()]).is_err());
    journal.append(at(2), &Event::Shutdown).unwrap();
    assert_eq!(journal.waiting(), 2);
    journal.refuse_writes(false);
    journal.commit(&[]).unwrap();
    let records: Vec<Record> = journal.records(run.epoch).map(Result::unwrap).collect();
    assert_eq!(records[0].commands.len(), 1, "the commands stay with their event");
    assert_eq!(records[1].event, Event::Shutdown);
    journal.verify().unwrap();
}

#[test]
fn a_journal_that_lost_or_changed_what_was_durable_is_not_written_to() {
    let damages = ["DELETE FROM events WHERE seq = 2", "UPDATE events SET hash = zeroblob(32)"];
    for (damage, word) in damages.into_iter().zip(["event 2 was durable", "is not the one"]) {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(&folder);
        journal.start_run(at(1), "0.1.0").unwrap();
        for second in 1..=2 {
            journal.append(at(second), &Event::Tick).unwrap();
            journal.commit(&[]).unwrap();
        }
        journal.refuse_writes(true);
        journal.append(at(3), &Event::Tick).unwrap();
        assert!(journal.commit(&[]).is_err());
        let other = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
        other.execute(damage, []).unwrap();
        journal.refuse_writes(false);
        for _ in 0..2 {
            let error = journal.commit(&[]).unwrap_err();
            assert!(error.to_string().contains(word), "{damage}: {error}");
            assert!(!error.may_pass(), "a person must look");
        }
    }
}

#[test]
fn a_journal_that_is_gone_is_not_made_anew_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder);
    journal.start_run(at(1), "0.1.0").unwrap();
    journal.refuse_writes(true);
    journal.append(at(1), &Event::Tick).unwrap();
    assert!(journal.commit(&[]).is_err());
    journal.refuse_writes(false);
    std::fs::remove_file(folder.path().join("journal.db")).unwrap();
    assert!(matches!(journal.commit(&[]), Err(StoreError::Absent { .. })));
    assert!(!folder.path().join("journal.db").exists());
}

#[test]
fn a_late_acknowledgement_never_reopens_an_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder);
    journal.start_run(at(1), "0.1.0").unwrap();
    for event in [order(OrderStatus::Canceled, "0.05"), order(OrderStatus::New, "0")] {
        journal.append(at(1), &event).unwrap();
    }
    journal.commit(&[]).unwrap();
    let state = |journal: &Journal| -> (String, i64) {
        let query = "SELECT status, filled_e8 FROM orders";
        journal.connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    assert_eq!(state(&journal), ("CANCELED".to_owned(), 5_000_000));
    journal.append(at(2), &order(OrderStatus::Filled, "0.1")).unwrap();
    journal.commit(&[]).unwrap();
    assert_eq!(state(&journal), ("FILLED".to_owned(), 10_000_000), "a late fill is real");
}

#[test]
fn by_what_a_hidden_outcome_is_known_is_kept_and_an_order_that_never_was_ends() {
    use crate::trading::{Doubt, Outcome, Proof, Resolution};
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder);
    journal.start_run(at(1), "0.1.0").unwrap();
    journal.append(at(2), &order(OrderStatus::Unknown, "0")).unwrap();
    journal.commit(&[]).unwrap();
    let mut doubt = Doubt::begin(at(2));
    doubt.on_question(at(3));
    doubt.on_question(at(12));
    doubt.on_denial(at(13));
    let resolution = Resolution {
        client_order_id: ClientOrderId::new("lobd-1").unwrap(),
        outcome: Outcome::Absent,
        proof: Proof::Absence,
        at: at(14),
        doubt,
    };
    journal.append(at(14), &Event::Tick).unwrap();
    journal.commit(&[Command::Resolved { symbol: symbol(), resolution }]).unwrap();
    let kept: (String, String, u32, i64, i64) = journal
        .connection
        .query_row(
            "SELECT outcome, proof, questions, last_asked_ns, last_denied_ns FROM resolutions",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )
        .unwrap();
    let nanos = |seconds| at(seconds).nanos();
    assert_eq!(kept, ("absent".to_owned(), "absence".to_owned(), 2, nanos(12), nanos(13)));
    let status: String =
        journal.connection.query_row("SELECT status FROM orders", [], |row| row.get(0)).unwrap();
    assert_eq!(status, "ABSENT");
}
