//! What is on disk, held against the exchange's truth: after every life, and once more at the end.
//!
//! Looks at a copy: an audit changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::book_truth::BookTruth;
use super::history::History;
use super::life::FOLDER;
use super::report::{Broken, broken};
use crate::book::Row;
use crate::domain::{Exposure, Fill, Instrument, Second, Timestamp, TradeId};
use crate::store::{
    Disk, InstrumentKey, Journal, MemoryDisk, StoreError, Tape, journal_path, tape_path,
};

/// What an audit holds the disk against.
pub(super) struct Evidence<'a> {
    pub(super) instrument: &'a Instrument,
    /// The names of our orders and stops that the exchange has accepted.
    pub(super) accepted: &'a BTreeSet<String>,
    /// Every trade of the account.
    pub(super) fills: &'a BTreeMap<TradeId, Fill>,
    pub(super) books: &'a BookTruth,
    /// How far daemons' clocks were from true time.
    pub(super) offsets: &'a BTreeSet<i64>,
    /// The newest second reported durable.
    pub(super) durable: Option<Second>,
}

/// What is found in a journal and a tape.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    pub(super) events: u64,
    pub(super) valid_seconds: u64,
}

/// Checks what a life has left.
pub(super) fn after_life(disk: &MemoryDisk, evidence: &Evidence<'_>) -> Result<(), Broken> {
    let copy = Disk::Memory(disk.certain());
    let journal = open_journal(&copy)?;
    readable(journal.verify())?;
    everything_was_decided(&journal, disk, evidence)?;
    every_booked_trade_is_real(&journal, evidence)?;
    let tape = readable(Tape::open_on(&copy, &tape_path(Path::new(FOLDER))))?;
    durable_second_is_there(&tape, evidence)
}

/// Checks everything, once nothing is under way any more, and adds it to the history.
pub(super) fn at_the_end(
    disk: &MemoryDisk,
    evidence: &Evidence<'_>,
    position: Exposure,
    history: &mut History,
) -> Result<Found, Broken> {
    after_life(disk, evidence)?;
    let copy = Disk::Memory(disk.certain());
    let journal = open_journal(&copy)?;
    let events = runs_replay(&journal, history)?;
    every_trade_is_booked(&journal, evidence, position)?;
    let tape = readable(Tape::open_on(&copy, &tape_path(Path::new(FOLDER))))?;
    let valid_seconds = seconds_are_honest(&tape, evidence, history)?;
    Ok(Found { events, valid_seconds })
}

fn open_journal(disk: &Disk) -> Result<Journal, Broken> {
    readable(Journal::open_on(disk, &journal_path(Path::new(FOLDER))))
}

fn readable<T>(read: Result<T, StoreError>) -> Result<T, Broken> {
    read.or_else(|error| {
        let mut text = error.to_string();
        if let Some(cause) = std::error::Error::source(&error) {
            text = format!("{text}: {cause}");
        }
        broken("I7 what was reported durable is readable", text)
    })
}

/// I1: nothing that the exchange accepted was sent before it was durable.
fn everything_was_decided(
    journal: &Journal,
    disk: &MemoryDisk,
    evidence: &Evidence<'_>,
) -> Result<(), Broken> {
    let decided = readable(journal.decided())?;
    let emergency = Path::new(FOLDER).join("emergency.bin");
    let missing = evidence.accepted.iter().find(|name| {
        !decided.contains(*name) && !disk.holds_durably(&emergency, name.as_bytes(), usize::MAX)
    });
    match missing {
        None => Ok(()),
        Some(name) => broken(
            "I1 no order leaves before its record is durable",
            format!("the exchange accepted {name}, of which the journal knows nothing"),
        ),
    }
}

/// I6: no trade is booked that did not happen, or otherwise than it did.
fn every_booked_trade_is_real(journal: &Journal, evidence: &Evidence<'_>) -> Result<(), Broken> {
    for (id, trade) in readable(journal.booked(evidence.instrument.symbol))? {
        let Some(fill) = evidence.fills.get(&id) else {
            return broken(TRADES, format!("trade {id} is booked and never happened"));
        };
        let is_same = trade.signed_quantity == fill.quantity.on(fill.side).units()
            && trade.price == fill.price.units()
            && trade.commission == fill.commission.units();
        if !is_same {
            return broken(TRADES, format!("{trade:?} is booked for {fill:?}"));
        }
    }
    Ok(())
}

const TRADES: &str = "I6 each trade is booked exactly once, as it was";

/// I6, at the end: every trade is booked, and the ledger adds up to the position.
fn every_trade_is_booked(
    journal: &Journal,
    evidence: &Evidence<'_>,
    position: Exposure,
) -> Result<(), Broken> {
    let symbol = evidence.instrument.symbol;
    let booked = readable(journal.booked(symbol))?;
    if let Some(missing) = evidence.fills.keys().find(|id| !booked.contains_key(id)) {
        return broken(TRADES, format!("trade {missing} is not booked"));
    }
    let ledger = readable(journal.ledger(Timestamp::default()))?;
    let ours = ledger.exposures.get(&symbol).copied().unwrap_or_default();
    if ours != position {
        return broken(TRADES, format!("they add up to {ours}, the venue has {position}"));
    }
    Ok(())
}

/// I7: the newest second that was reported durable can be read.
fn durable_second_is_there(tape: &Tape, evidence: &Evidence<'_>) -> Result<(), Broken> {
    let Some(second) = evidence.durable else { return Ok(()) };
    let key = InstrumentKey::of(evidence.instrument);
    let found = tape.scan(&key, second..second.next()).count();
    if found == 0 {
        return broken(
            "I7 a second reported durable is readable after any crash",
            format!("{second} is not on the tape"),
        );
    }
    Ok(())
}

/// I15 and I19: each run decides the same again, and its time never falls.
fn runs_replay(journal: &Journal, history: &mut History) -> Result<u64, Broken> {
    let mut events = 0;
    for run in readable(journal.runs())? {
        let epoch = run.run.epoch;
        let replay = readable(journal.replay(epoch))?;
        events += replay.events;
        if let Some(difference) = replay.difference {
            return broken(
                "I15 the same journal leads to the same commands",
                format!("run {epoch}: {difference:?}"),
            );
        }
        let mut last = Timestamp::default();
        for record in journal.records(epoch) {
            let record = readable(record)?;
            if record.now < last {
                let sequence = record.sequence;
                return broken("I19 stored time never falls", format!("event {sequence}"));
            }
            last = record.now;
            history.journalled(&record);
        }
    }
    Ok(events)
}

/// I8: every second that is called valid shows the exchange's own book.
fn seconds_are_honest(
    tape: &Tape,
    evidence: &Evidence<'_>,
    history: &mut History,
) -> Result<u64, Broken> {
    let key = InstrumentKey::of(evidence.instrument);
    let Some(span) = readable(tape.span(&key))? else { return Ok(0) };
    let mut valid = 0;
    for item in tape.scan(&key, span.first..span.last.next()) {
        let (second, row) = readable(item)?;
        history.recorded(second, &row);
        if let Some(snapshot) = row.valid_snapshot() {
            valid += 1;
            let may_show = |offset: &i64| {
                let end = Timestamp::from_nanos(second.end().nanos() - offset);
                evidence.books.may_show(end, snapshot)
            };
            if !evidence.offsets.iter().any(may_show) {
                return broken("I8 a valid second shows the venue's book", told(second, &row));
            }
        }
    }
    Ok(valid)
}

fn told(second: Second, row: &Row) -> String {
    let levels = row.snapshot.map(|shown| (shown.best_bid(), shown.best_ask()));
    format!("{second} shows {levels:?} at age {} ms, which it never published", row.age_ms)
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
