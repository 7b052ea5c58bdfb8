//! Each audit, of a disk on which something is wrong on purpose.

use super::super::setting::{BEGINNING, Setting};
use super::*;
use crate::book::{Frame, Level, Snapshot, Validity};
use crate::domain::{Amount, Asset, ClientOrderId, OrderId, Side};
use crate::engine::{Command, Event, Notice, Severity};

/// A disk with a journal and a tape, and what the exchange knows.
struct Scene {
    disk: MemoryDisk,
    journal: Journal,
    tape: Tape,
    instrument: Instrument,
    accepted: BTreeSet<String>,
    fills: BTreeMap<TradeId, Fill>,
    books: BookTruth,
    durable: Option<Second>,
}

impl Scene {
    fn new() -> Self {
        let disk = MemoryDisk::new(1);
        let on = Disk::Memory(disk.clone());
        let instrument = Setting::of(1).unwrap().instrument;
        let mut journal = Journal::open_on(&on, &journal_path(Path::new(FOLDER))).unwrap();
        journal.start_run(BEGINNING, "test").unwrap();
        let mut tape = Tape::open_on(&on, &tape_path(Path::new(FOLDER))).unwrap();
        tape.register(&instrument, BEGINNING.second()).unwrap();
        Self {
            disk,
            journal,
            tape,
            instrument,
            accepted: BTreeSet::new(),
            fills: BTreeMap::new(),
            books: BookTruth::default(),
            durable: None,
        }
    }

    fn journal(&mut self, now: Timestamp, event: &Event, commands: &[Command]) {
        self.journal.append(now, event).unwrap();
        self.journal.commit(commands).unwrap();
    }

    fn fill(&self) -> Fill {
        Fill {
            symbol: self.instrument.symbol,
            trade_id: TradeId(7),
            order_id: OrderId(1),
            client_order_id: None,
            side: Side::Buy,
            price: "0.6".parse().unwrap(),
            quantity: "10".parse().unwrap(),
            commission: Amount::ZERO,
            commission_asset: Asset::new("USDT").unwrap(),
            realized_pnl: Amount::ZERO,
            is_maker: true,
            time: BEGINNING,
        }
    }

    fn record(&mut self, bid: &str) -> Second {
        let level =
            |price: &str| Level { price: price.parse().unwrap(), quantity: "10".parse().unwrap() };
        let (bids, asks) = (vec![level(bid)], vec![level("0.7")]);
        let row = Row {
            symbol: self.instrument.symbol,
            snapshot: Some(Snapshot::new(bids, asks).unwrap()),
            flow: crate::book::Flow::default(),
            mark_price: None,
            validity: Validity::Valid,
            age_ms: 5,
            mark_age_ms: 5,
        };
        let second = BEGINNING.second().next();
        self.tape.append(&Frame { second, rows: vec![row] }).unwrap();
        second
    }

    fn publish(&mut self, bid: &str) {
        let level =
            |price: &str| Level { price: price.parse().unwrap(), quantity: "10".parse().unwrap() };
        self.books.publish(BEGINNING, &(vec![level(bid)], vec![level("0.7")]));
    }

    fn audit(&self, is_end: bool) -> Result<(), Broken> {
        let offsets = BTreeSet::from([0]);
        let evidence = Evidence {
            instrument: &self.instrument,
            accepted: &self.accepted,
            fills: &self.fills,
            books: &self.books,
            offsets: &offsets,
            durable: self.durable,
        };
        if is_end {
            let position = Exposure::default();
            return at_the_end(&self.disk, &evidence, position, &mut History::default())
                .map(|_| ());
        }
        after_life(&self.disk, &evidence)
    }
}

fn promise(checked: Result<(), Broken>) -> &'static str {
    checked.unwrap_err().promise.split(' ').next().unwrap()
}

#[test]
fn an_empty_disk_breaks_no_promise() {
    Scene::new().audit(false).unwrap();
    Scene::new().audit(true).unwrap();
}

#[test]
fn i1_an_order_that_no_journal_knows_is_seen() {
    let mut scene = Scene::new();
    scene.accepted.insert("lobd-00000001-1-1".to_owned());
    assert_eq!(promise(scene.audit(false)), "I1");
}

#[test]
fn i6_a_trade_that_never_happened_or_happened_otherwise_is_seen() {
    let mut scene = Scene::new();
    let fill = scene.fill();
    scene.journal(BEGINNING, &Event::Fill(fill), &[]);
    assert_eq!(promise(scene.audit(false)), "I6");
    scene.fills.insert(fill.trade_id, Fill { side: Side::Sell, ..fill });
    assert_eq!(promise(scene.audit(false)), "I6");
    scene.fills.insert(fill.trade_id, fill);
    scene.audit(false).unwrap();
}

#[test]
fn i6_a_trade_that_is_not_booked_or_no_longer_held_is_seen_at_the_end() {
    let mut scene = Scene::new();
    let fill = scene.fill();
    scene.fills.insert(fill.trade_id, fill);
    scene.audit(false).unwrap();
    assert_eq!(promise(scene.audit(true)), "I6", "it is not booked");
    scene.journal(BEGINNING, &Event::Fill(fill), &[]);
    assert_eq!(promise(scene.audit(true)), "I6", "the venue is flat");
}

#[test]
fn i7_a_second_that_is_not_on_the_tape_is_seen() {
    let mut scene = Scene::new();
    let second = scene.record("0.6");
    scene.durable = Some(second);
    scene.audit(false).unwrap();
    scene.durable = Some(second.next());
    assert_eq!(promise(scene.audit(false)), "I7");
}

#[test]
fn i8_a_valid_second_with_another_book_is_seen() {
    let mut scene = Scene::new();
    scene.record("0.6");
    scene.publish("0.5");
    assert_eq!(promise(scene.audit(true)), "I8");
    scene.publish("0.6");
    scene.audit(true).unwrap();
}

#[test]
fn i15_commands_that_the_engine_would_not_give_are_seen() {
    let mut scene = Scene::new();
    let text = "nobody decided this".to_owned();
    let notice = Notice { severity: Severity::Info, symbol: None, text };
    scene.journal(BEGINNING, &Event::Tick, &[Command::Notify(notice)]);
    assert_eq!(promise(scene.audit(true)), "I15");
}

#[test]
fn i19_time_that_falls_is_seen() {
    let mut scene = Scene::new();
    scene.journal(BEGINNING + std::time::Duration::from_secs(1), &Event::Tick, &[]);
    scene.journal(BEGINNING, &Event::Tick, &[]);
    assert_eq!(promise(scene.audit(true)), "I19");
}

#[test]
fn i1_a_name_is_recorded_only_once_it_is_durable() {
    let mut scene = Scene::new();
    let life = super::super::life::Life::new(scene.disk.clone());
    let name = "lobd-00000001-1-1";
    let cancel = Command::Cancel {
        symbol: scene.instrument.symbol,
        client_order_id: ClientOrderId::new(name).unwrap(),
    };
    scene.journal.append(BEGINNING, &Event::Tick).unwrap();
    life.must_have_recorded(name);
    assert_eq!(life.first_unrecorded().as_deref(), Some(name), "it left too early");
    scene.journal.commit(&[cancel]).unwrap();
    assert!(life.has_recorded(name));
}
