//! The trading cycle as pure state machines: events in, commands out; no clock, no I/O.

mod approved;
mod settings;

pub use approved::Approved;
pub use settings::{EntryStyle, ShutdownPolicy, TradingSettings};
