//! The fold: `handle(now, event) -> Vec<Command>` is the only place where anything is decided.

mod command;
mod deadline;
mod event;
mod status;

pub use command::{Command, Notice, Severity};
pub use deadline::DeadlineReason;
pub use event::{
    Event, Feed, LedgerSummary, ModelInCharge, OperatorRequest, Started, TradedInstrument,
};
pub use status::{CyclePhase, EngineStatus, SymbolStatus, Totals, WorkingOrder};

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{Symbol, Timestamp, TradeId};

/// Decides everything: events in, commands out; no clock, no I/O.
///
/// A new engine knows nothing; its first event is [`Event::Started`], so a journal alone replays it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TradingEngine {
    status: EngineStatus,
    fills_after: BTreeMap<Symbol, Option<TradeId>>,
    reconcile: Option<(Timestamp, Duration)>,
}

impl TradingEngine {
    /// Advances by one event; what it returns is to be made durable and carried out, in order.
    #[must_use]
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Command> {
        self.status.at = now;
        if let Event::Started(started) = event {
            self.reconcile = Some((now, started.settings.reconcile_interval));
            self.fills_after = started
                .instruments
                .iter()
                .map(|traded| traded.instrument.symbol)
                .map(|symbol| (symbol, started.ledger.last_trade_ids.get(&symbol).copied()))
                .collect();
        }
        match &mut self.reconcile {
            Some((due, interval)) if *due <= now => {
                *due = now + *interval;
                vec![Command::QueryAccount { fills_after: self.fills_after.clone() }]
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// When to send [`Event::Tick`] if nothing else comes before, and what for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Timestamp, DeadlineReason)> {
        self.reconcile.map(|(due, _)| (due, DeadlineReason::Reconcile))
    }

    /// A copy of what the engine knows, for people.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        self.status.clone()
    }
}
