//! The simulated world, sans I/O: a real matching engine, its market, accounts, latency, backtest.

mod accounts;
mod adversity;
mod alarms;
mod amend;
mod backtest;
mod brackets;
mod candles;
mod countdown;
mod endings;
mod entry;
mod events;
mod exchange;
mod funding;
mod grid;
mod ids;
mod income;
mod interval;
mod latency;
mod liquidation;
mod liquidity;
mod listing;
mod margin;
mod margin_terms;
mod mark_price;
pub mod market;
pub mod matching;
mod orders;
mod position;
mod prevention;
mod refusals;
mod reports;
mod rules;
mod settings;
mod settle;
mod stops;
mod tampering;
mod terms;
mod trading_status;
mod trailing;
mod transfers;
mod triggers;

pub use accounts::{AccountId, FILLS_KEPT};
pub use adversity::{AdverseAct, Adversity};
pub use amend::{Amendment, AmendmentRecord};
pub use backtest::{BacktestReport, BacktestSettings, EquityPoint, backtest};
pub use brackets::{Bracket, Brackets};
pub use candles::{Candle, CandleQuery};
pub use events::{
    AccountEvent, AccountReason, ChildFills, ExchangeEvent, Execution, ExpiryReason,
    MarginCallEvent, OrderEvent, PositionChange, StopEvent,
};
pub use exchange::Exchange;
pub use funding::{FundingOutlook, FundingPayment};
pub use income::{INCOME_KEPT, Income, IncomeKind, IncomeQuery};
pub use interval::{INTERVALS, Interval};
pub use latency::{Latency, LatencySettings};
pub use liquidation::{Forced, ForcedOrder};
pub use margin::{Holding, MarginSummary, MarginType};
pub use orders::{FINISHED_KEPT, OrderName, OrderRecord};
pub use position::Position;
pub use reports::FillQuery;
pub use rules::Rules;
pub use settings::{
    AccountSettings, ExchangeSettings, InstrumentSettings, Liquidity, SimError, default_fees,
    demo_fees,
};
pub use stops::{StopCondition, StopName, StopQuery, StopRecord, StopTerms, WorkingPrice};
pub use terms::{OrderTerms, PriceMatch, SelfTradePrevention};
pub use trading_status::TradingStatus;
