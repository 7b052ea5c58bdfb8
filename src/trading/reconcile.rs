//! The ledger against the venue's account: a pure comparison, and what to do about the difference.
//!
//! Fills of the report are booked before the comparison, so what remains is a real difference or
//! something in flight. A difference counts once it is two seconds old and was seen twice; one
//! that stays for ten seconds halts trading (promise I3). Orders that are not ours are counted and
//! never touched.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::blotter::Blotter;
use super::order::OrderState;
use super::position::Position;
use super::protection::{Protection, StopState};
use crate::domain::{AccountReport, ClientOrderId, Exposure, RunId, Symbol, Timestamp};

/// What is younger than this when the venue is asked may still be on its way.
pub const IN_FLIGHT: Duration = Duration::from_secs(2);

/// A discrepancy as old as this halts trading.
pub const UNRESOLVED_LIMIT: Duration = Duration::from_secs(10);

/// Which discrepancy: what stays the same while its numbers change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// The position in a symbol.
    Position(Symbol),
    /// An ordinary order.
    Order(Symbol, ClientOrderId),
    /// A protective stop.
    Stop(Symbol, ClientOrderId),
}

/// One difference between the ledger and the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Discrepancy {
    /// The positions differ.
    Position {
        /// In which symbol.
        symbol: Symbol,
        /// What the ledger says.
        local: Exposure,
        /// What the venue says.
        venue: Exposure,
    },
    /// An order that should work is not at the venue.
    OrderMissing(Symbol, ClientOrderId),
    /// An order of ours works at the venue and should not.
    OrderUnexpected(Symbol, ClientOrderId),
    /// The venue reported fills that its trade history has not shown.
    FillsMissing(Symbol, ClientOrderId),
    /// A stop that should rest is not at the venue.
    StopMissing(Symbol, ClientOrderId),
    /// A stop of ours rests at the venue and should not.
    StopUnexpected(Symbol, ClientOrderId),
}

impl Discrepancy {
    /// What it is about.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        match self {
            Self::Position { symbol, .. } => Subject::Position(*symbol),
            Self::OrderMissing(symbol, id)
            | Self::OrderUnexpected(symbol, id)
            | Self::FillsMissing(symbol, id) => Subject::Order(*symbol, *id),
            Self::StopMissing(symbol, id) | Self::StopUnexpected(symbol, id) => {
                Subject::Stop(*symbol, *id)
            }
        }
    }

    const fn symbol(&self) -> Symbol {
        match self {
            Self::Position { symbol, .. }
            | Self::OrderMissing(symbol, _)
            | Self::OrderUnexpected(symbol, _)
            | Self::FillsMissing(symbol, _)
            | Self::StopMissing(symbol, _)
            | Self::StopUnexpected(symbol, _) => *symbol,
        }
    }
}

impl std::fmt::Display for Discrepancy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Position { symbol, local, venue } => {
                write!(formatter, "position in {symbol}: ledger {local}, venue {venue}")
            }
            Self::OrderMissing(_, id) => write!(formatter, "order {id} is not at the venue"),
            Self::OrderUnexpected(_, id) => write!(formatter, "order {id} works and should not"),
            Self::FillsMissing(_, id) => write!(formatter, "fills of order {id} are missing"),
            Self::StopMissing(_, id) => write!(formatter, "stop {id} is not at the venue"),
            Self::StopUnexpected(_, id) => write!(formatter, "stop {id} rests and should not"),
        }
    }
}

/// What to do so that ledger and venue agree again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// Tell the order that the account does not hold it.
    OrderMissing(ClientOrderId),
    /// Tell an ended order that the account still holds it.
    OrderFound(ClientOrderId),
    /// Tell an ended stop that the account still holds it.
    StopFound(ClientOrderId),
    /// Take in the order at this place of the report's open orders, to cancel it.
    AdoptOrder(usize),
    /// Tell the stop that the account does not hold it.
    StopMissing(ClientOrderId),
    /// Take in the stop at this place of the report's open stops.
    AdoptStop(usize),
}

/// One symbol's part of the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Ledger<'a> {
    /// Which symbol.
    pub symbol: Symbol,
    /// The run whose orders are ours.
    pub run: RunId,
    /// Its position.
    pub position: &'a Position,
    /// Its orders.
    pub blotter: &'a Blotter,
    /// Its stops.
    pub protection: &'a Protection,
    /// When the last fill was learnt: a position asked for before that says nothing.
    pub last_fill_at: Option<Timestamp>,
}

/// What one comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// Differences, in no need of action by themselves.
    pub discrepancies: Vec<Discrepancy>,
    /// What to do.
    pub corrections: Vec<Correction>,
    /// Whether the position was in motion and could not be compared.
    pub is_inconclusive: bool,
    /// Working orders and stops that are not ours.
    pub foreign: u64,
}

/// Compares one symbol's ledger, the report's fills already booked, with the venue's account.
#[must_use]
pub fn compare(ledger: &Ledger<'_>, report: &AccountReport) -> Findings {
    let mut findings = Findings::default();
    compare_position(ledger, report, &mut findings);
    compare_orders(ledger, report, &mut findings);
    compare_stops(ledger, report, &mut findings);
    findings
}

fn compare_position(ledger: &Ledger<'_>, report: &AccountReport, findings: &mut Findings) {
    if ledger.last_fill_at.is_some_and(|at| at >= report.asked_at) {
        findings.is_inconclusive = true;
        return;
    }
    let local = ledger.position.exposure();
    let venue = venue_exposure(ledger.symbol, report);
    if local != venue {
        let symbol = ledger.symbol;
        findings.discrepancies.push(Discrepancy::Position { symbol, local, venue });
    }
}

/// The position a report shows: a flat symbol has no row.
#[must_use]
pub fn venue_exposure(symbol: Symbol, report: &AccountReport) -> Exposure {
    let row = report.positions.iter().find(|position| position.symbol == symbol);
    row.map_or(Exposure::ZERO, |position| position.exposure)
}

fn compare_orders(ledger: &Ledger<'_>, report: &AccountReport, findings: &mut Findings) {
    let symbol = ledger.symbol;
    let settled_before = report.asked_at.earlier_by(IN_FLIGHT);
    let at_venue: BTreeSet<ClientOrderId> =
        report.open_orders.iter().map(|order| order.client_order_id).collect();
    for order in ledger.blotter.live().filter(|order| !at_venue.contains(&order.id())) {
        let is_settled = order.changed_at <= settled_before;
        match order.state() {
            OrderState::Working if is_settled => {
                findings.discrepancies.push(Discrepancy::OrderMissing(symbol, order.id()));
                findings.corrections.push(Correction::OrderMissing(order.id()));
            }
            OrderState::Canceling(_) if is_settled => {
                findings.corrections.push(Correction::OrderMissing(order.id()));
            }
            OrderState::Denied { .. } => {
                findings.corrections.push(Correction::OrderMissing(order.id()));
            }
            OrderState::Pending { .. }
            | OrderState::Unknown(_)
            | OrderState::Working
            | OrderState::Canceling(_)
            | OrderState::Closed(_) => {}
        }
    }
    for order in ledger.blotter.unbooked_since(settled_before) {
        findings.discrepancies.push(Discrepancy::FillsMissing(symbol, order.id()));
    }
    for (place, order) in report.open_orders.iter().enumerate() {
        let id = order.client_order_id;
        if order.symbol != symbol {
            continue;
        }
        match ledger.blotter.find(id) {
            _ if !id.is_of_installation(ledger.run.installation) => findings.foreign += 1,
            None => {
                findings.corrections.push(Correction::AdoptOrder(place));
                if is_of_run(id, ledger.run) {
                    findings.discrepancies.push(Discrepancy::OrderUnexpected(symbol, id));
                }
            }
            Some(known) if !known.is_live() && known.changed_at <= settled_before => {
                findings.discrepancies.push(Discrepancy::OrderUnexpected(symbol, id));
                findings.corrections.push(Correction::OrderFound(id));
            }
            Some(_) => {}
        }
    }
}

fn compare_stops(ledger: &Ledger<'_>, report: &AccountReport, findings: &mut Findings) {
    let symbol = ledger.symbol;
    let settled_before = report.asked_at.earlier_by(IN_FLIGHT);
    let at_venue: BTreeSet<ClientOrderId> =
        report.open_stops.iter().map(|stop| stop.client_order_id).collect();
    for stop in ledger.protection.live().filter(|stop| !at_venue.contains(&stop.id())) {
        if stop.changed_at > settled_before {
            continue;
        }
        match stop.state() {
            StopState::Working => {
                findings.discrepancies.push(Discrepancy::StopMissing(symbol, stop.id()));
                findings.corrections.push(Correction::StopMissing(stop.id()));
            }
            StopState::Triggered { .. } | StopState::Canceling(_) => {
                findings.corrections.push(Correction::StopMissing(stop.id()));
            }
            StopState::Pending { .. } | StopState::Unknown(_) | StopState::Closed(_) => {}
        }
    }
    for (place, stop) in report.open_stops.iter().enumerate() {
        let id = stop.client_order_id;
        if stop.symbol != symbol {
            continue;
        }
        match ledger.protection.find(id) {
            _ if !id.is_of_installation(ledger.run.installation) => findings.foreign += 1,
            None => {
                findings.corrections.push(Correction::AdoptStop(place));
                if is_of_run(id, ledger.run) {
                    findings.discrepancies.push(Discrepancy::StopUnexpected(symbol, id));
                }
            }
            Some(known) if !known.is_live() && known.changed_at <= settled_before => {
                findings.discrepancies.push(Discrepancy::StopUnexpected(symbol, id));
                findings.corrections.push(Correction::StopFound(id));
            }
            Some(_) => {}
        }
    }
}

/// Whether an id was derived by this very start; what earlier ones left is no discrepancy.
fn is_of_run(id: ClientOrderId, run: RunId) -> bool {
    let epoch = id.as_str().split('-').nth(2).and_then(|text| text.parse::<u32>().ok());
    id.is_of_installation(run.installation) && epoch == Some(run.epoch)
}

/// Discrepancies over time: how old each is, and which are confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DiscrepancyLog {
    open: BTreeMap<Subject, OpenDiscrepancy>,
    confirmed_total: u64,
}

/// A discrepancy that the last report still showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct OpenDiscrepancy {
    discrepancy: Discrepancy,
    since: Timestamp,
    is_confirmed: bool,
}

impl DiscrepancyLog {
    /// Takes note of what a report showed of one symbol; returns those confirmed by it.
    pub fn observe(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        findings: &Findings,
    ) -> Vec<Discrepancy> {
        let shown: BTreeSet<Subject> =
            findings.discrepancies.iter().map(Discrepancy::subject).collect();
        self.open.retain(|subject, open| {
            let is_undecided = findings.is_inconclusive && *subject == Subject::Position(symbol);
            open.discrepancy.symbol() != symbol || shown.contains(subject) || is_undecided
        });
        let mut confirmed = Vec::new();
        for discrepancy in &findings.discrepancies {
            let new =
                OpenDiscrepancy { discrepancy: *discrepancy, since: now, is_confirmed: false };
            let open = self.open.entry(discrepancy.subject()).or_insert(new);
            open.discrepancy = *discrepancy;
            if !open.is_confirmed && now.since(open.since) >= IN_FLIGHT {
                open.is_confirmed = true;
                self.confirmed_total += 1;
                confirmed.push(*discrepancy);
            }
        }
        confirmed
    }

    /// Whether the last reports showed no difference, old or new.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.open.is_empty()
    }

    /// Confirmed discrepancies that are still open.
    pub fn confirmed(&self) -> impl Iterator<Item = &Discrepancy> {
        self.open.values().filter(|open| open.is_confirmed).map(|open| &open.discrepancy)
    }

    /// How many were confirmed since the start.
    #[must_use]
    pub const fn confirmed_total(&self) -> u64 {
        self.confirmed_total
    }

    /// Discrepancies open for at least this long.
    pub fn older_than(
        &self,
        now: Timestamp,
        age: Duration,
    ) -> impl Iterator<Item = Discrepancy> + '_ {
        let is_old = move |open: &&OpenDiscrepancy| now.since(open.since) >= age;
        self.open.values().filter(is_old).map(|open| open.discrepancy)
    }

    /// When the oldest open discrepancy reaches this age.
    #[must_use]
    pub fn deadline(&self, age: Duration) -> Option<Timestamp> {
        self.open.values().map(|open| open.since + age).min()
    }
}
