//! The simulated world, sans I/O: a real matching engine, its market, accounts, latency, backtest.

mod accounts;
mod adversity;
mod backtest;
mod entry;
mod events;
mod exchange;
mod grid;
mod latency;
mod liquidity;
mod listing;
mod mark_price;
pub mod market;
pub mod matching;
mod orders;
mod position;
mod refusals;
mod reports;
mod settings;
mod settle;
mod stops;
mod triggers;

pub use accounts::{AccountId, FILLS_KEPT};
pub use adversity::{AdverseAct, Adversity};
pub use backtest::{BacktestReport, BacktestSettings, EquityPoint, backtest};
pub use events::{
    AccountEvent, AccountReason, ChildFills, ExchangeEvent, Execution, ExpiryReason, OrderEvent,
    StopEvent,
};
pub use exchange::Exchange;
pub use latency::{Latency, LatencySettings};
pub use orders::{FINISHED_KEPT, OrderName, OrderRecord};
pub use position::Position;
pub use reports::FillQuery;
pub use settings::{
    AccountSettings, ExchangeSettings, InstrumentSettings, Liquidity, SimError, default_fees,
    demo_fees,
};
pub use stops::{StopName, StopRecord, StopTerms, WorkingPrice};
