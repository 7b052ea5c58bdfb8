//! The trading cycle as pure state machines: events in, commands out; no clock, no I/O.

mod approved;
mod settings;
mod why_not;

pub use approved::Approved;
pub use settings::{EntryStyle, ShutdownPolicy, TradingSettings};
pub use why_not::WhyNot;
