//! What may leave while nothing can be written to the journal (promise I1).

use std::sync::Arc;

use super::super::gateway::{GatewayMailbox, gateway_mailbox};
use super::*;
use crate::book::{Flow, Frame, Level, Row, Snapshot, Validity};
use crate::clock::{Clock as _, ManualClock};
use crate::domain::{
    AccountReport, FeeRates, ModelId, OrderId, OrderReport, OrderRequest, OrderStatus, Prediction,
    Quantity, Rate, Second,
};
use crate::engine::{Feed, LedgerSummary, ModelInCharge, Started, TradedInstrument};
use crate::sandbox::listings;
use crate::store::Disk;

fn model() -> ModelId {
    "ols-3fa92c51".parse().unwrap()
}

fn started(run: crate::domain::RunId) -> Event {
    let variables = [
        ("LOBD_ENVIRONMENT", "sandbox"),
        ("LOBD_REST_URL", "http://127.0.0.1:1"),
        ("LOBD_STREAM_URL", "ws://127.0.0.1:1"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings =
        crate::config::Settings::from_variables(&variables.into_iter().collect()).unwrap();
    let in_charge = ModelInCharge {
        model: model(),
        expires_at: Second::from_unix(1_000_000),
        spread_multiple: Rate::ZERO,
    };
    let traded = TradedInstrument {
        instrument: listings::instrument("BTCUSDT").unwrap(),
        fees: FeeRates { maker: Rate::ZERO, taker: Rate::ZERO },
        model: Some(in_charge),
    };
    Event::Started(Box::new(Started {
        run,
        version: "test".to_owned(),
        settings: settings.trading,
        instruments: vec![traded],
        ledger: LedgerSummary::default(),
        countdown: crate::engine::CountdownProof::Uncertified,
    }))
}

pub(super) fn second(now: Timestamp) -> Event {
    let level =
        |price: &str| Level { price: price.parse().unwrap(), quantity: "5".parse().unwrap() };
    let row = Row {
        symbol: "BTCUSDT".parse().unwrap(),
        snapshot: Some(Snapshot::new([level("60000")], [level("60000.1")]).unwrap()),
        flow: Flow::default(),
        mark_price: Some("60000".parse().unwrap()),
        validity: Validity::Valid,
        age_ms: 0,
        mark_age_ms: 0,
    };
    Event::Second(Box::new(Frame { second: now.second(), rows: vec![row] }))
}

pub(super) fn prediction(now: Timestamp) -> Event {
    Event::Prediction(Prediction {
        second: now.second(),
        symbol: "BTCUSDT".parse().unwrap(),
        model: model(),
        expected_move: Rate::from_bps(20.0),
        error: Rate::ZERO,
        in_range: true,
    })
}

/// A trader that has agreed with an empty account and enters at the next prediction.
fn ready(folder: &std::path::Path) -> (Trader, Arc<ManualClock>, GatewayMailbox) {
    ready_on(&Disk::Machine, folder)
}

/// The same on another disk.
pub(super) fn ready_on(
    disk: &Disk,
    folder: &std::path::Path,
) -> (Trader, Arc<ManualClock>, GatewayMailbox) {
    let mut journal = Journal::open_on(disk, &folder.join("journal.db")).unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(100)));
    let run = journal.start_run(clock.now(), "test").unwrap();
    let (emergency, _) = EmergencyFile::open_on(disk, &folder.join("emergency")).unwrap();
    let (gateway, mut mail) = gateway_mailbox();
    let records = Records { journal, emergency };
    let shared: SharedClock = Arc::clone(&clock) as SharedClock;
    let (mut trader, _) = Trader::new(trader_mailbox().1, shared, records, gateway);
    let account = AccountReport {
        asked_at: clock.now(),
        positions: Vec::new(),
        open_orders: Vec::new(),
        open_stops: Vec::new(),
        fills: Vec::new(),
        balances: Vec::new(),
    };
    for event in [
        started(run),
        Event::Feed { feed: Feed::Market, is_live: true },
        Event::Feed { feed: Feed::User, is_live: true },
        Event::ClockOffset { nanos: 0 },
        Event::Account(Box::new(account)),
        second(clock.now()),
    ] {
        trader.step(event);
    }
    mail.take();
    (trader, clock, mail)
}

pub(super) fn places(commands: &[Command]) -> bool {
    commands.iter().any(|command| matches!(command, Command::Place(_)))
}

/// The entry among commands.
pub(super) fn entry_in(commands: Vec<Command>) -> Option<OrderRequest> {
    commands.into_iter().find_map(|command| {
        if let Command::Place(entry) = command { Some(*entry.get()) } else { None }
    })
}

/// The venue's word that an entry works.
pub(super) fn accepted(entry: &OrderRequest, now: Timestamp) -> Event {
    Event::Order(OrderReport {
        symbol: entry.symbol,
        client_order_id: entry.client_order_id,
        order_id: OrderId(1),
        side: entry.side,
        price: entry.kind.price(),
        quantity: entry.quantity,
        filled_quantity: Quantity::ZERO,
        average_price: None,
        status: OrderStatus::New,
        reduce_only: false,
        update_time: now,
    })
}

#[test]
fn an_entry_leaves_once_it_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let (mut trader, clock, mut mail) = ready(folder.path());
    trader.step(prediction(clock.now()));
    assert!(places(&mail.take()));
}

#[test]
fn while_nothing_can_be_written_no_entry_leaves_nor_does_it_late() {
    let folder = tempfile::tempdir().unwrap();
    let (mut trader, clock, mut mail) = ready(folder.path());
    trader.records.journal.refuse_writes(true);
    trader.step(prediction(clock.now()));
    for _ in 0..5 {
        clock.advance(Duration::from_secs(1));
        trader.step(second(clock.now()));
        trader.step(prediction(clock.now()));
        trader.step(Event::Tick);
    }
    assert!(!places(&mail.take()), "it could not be made durable");
    trader.records.journal.refuse_writes(false);
    clock.advance(Duration::from_secs(1));
    trader.step(second(clock.now()));
    assert!(!places(&mail.take()), "what did not leave is not sent late");
}

#[test]
fn while_nothing_can_be_written_a_cancel_leaves_by_way_of_the_emergency_file() {
    let folder = tempfile::tempdir().unwrap();
    let (mut trader, clock, mut mail) = ready(folder.path());
    trader.step(prediction(clock.now()));
    let entry = entry_in(mail.take()).unwrap();
    trader.step(accepted(&entry, clock.now()));
    trader.records.journal.refuse_writes(true);
    trader.step(Event::Operator(OperatorRequest::Halt { reason: "the disk".to_owned() }));
    let left = mail.take();
    assert!(left.iter().any(|command| matches!(command, Command::Cancel { .. })), "{left:?}");
    let (_, kept) = EmergencyFile::open(&folder.path().join("emergency")).unwrap();
    assert_eq!(kept.len(), 1, "it was durable before it left");
}
