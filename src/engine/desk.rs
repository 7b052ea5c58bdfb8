//! What a cycle needs from the engine while it handles one event.

use std::time::Duration;

use crate::domain::{ClientOrderId, RunId, Symbol, Timestamp};
use crate::trading::risk::RiskBudget;
use crate::trading::{TradingSettings, UnprotectedWatch, Wallet, WhyNot};

use super::command::{Command, Notice, Severity};

/// The engine's side of one event: its time, its numbers, and where commands go.
pub(super) struct Desk<'a> {
    /// The time of the event.
    pub(super) now: Timestamp,
    /// The numbers of the cycle.
    pub(super) settings: &'a TradingSettings,
    /// The budget all instruments share.
    pub(super) risk: &'a mut RiskBudget,
    /// How often positions were closed for lack of a stop.
    pub(super) unprotected: &'a mut UnprotectedWatch,
    /// Whether new risk may be taken at all, else why not.
    pub(super) standing: Result<(), WhyNot>,
    /// Whether ledger and venue have agreed since the start: what earlier runs did is booked.
    pub(super) has_agreed: bool,
    /// How often an entry that works is asked for.
    pub(super) entry_interval: Duration,
    /// How often a position may be polled.
    pub(super) position_interval: Duration,
    /// How long the venue's countdown over entries runs, where it may guard them.
    pub(super) countdown: Option<Duration>,
    /// Whether the process was asked to end.
    pub(super) is_leaving: bool,
    /// The wallet all instruments share.
    pub(super) wallet: &'a mut Wallet,
    /// Whether every position is to be closed.
    pub(super) is_flattening: bool,
    /// Why trading must halt, if something in the cycle found a reason.
    pub(super) halt: &'a mut Option<String>,
    /// Where the commands go, in order.
    pub(super) commands: &'a mut Vec<Command>,
    /// Which run, and how many ids it has used.
    pub(super) ids: &'a mut IdSequence,
}

/// Client order ids of a run: each is used once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct IdSequence {
    run: RunId,
    used: u32,
}

impl IdSequence {
    /// The ids of a run that has used none.
    pub(super) const fn new(run: RunId) -> Self {
        Self { run, used: 0 }
    }

    /// Which run.
    pub(super) const fn run(&self) -> RunId {
        self.run
    }

    fn take(&mut self) -> ClientOrderId {
        assert!(self.used < u32::MAX, "four billion orders in one run");
        self.used += 1;
        ClientOrderId::derive(self.run, self.used)
    }
}

impl Desk<'_> {
    /// A client order id that was never used.
    pub(super) fn next_id(&mut self) -> ClientOrderId {
        self.ids.take()
    }

    /// Asks the outside for something.
    pub(super) fn send(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Tells people something about one symbol.
    pub(super) fn notify(&mut self, severity: Severity, symbol: Symbol, text: String) {
        self.send(Command::Notify(Notice { severity, symbol: Some(symbol), text }));
    }
}
