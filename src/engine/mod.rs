//! The fold: `handle(now, event) -> Vec<Command>` is the only place where anything is decided.

mod command;
mod event;

pub use command::{Command, Notice, Severity};
pub use event::{
    Event, Feed, LedgerSummary, ModelInCharge, OperatorRequest, Started, TradedInstrument,
};
