//! Mirrors of the venue's JSON, one struct per documented payload (exchange-api.md 2–5).
//!
//! Field names are the venue's (`e` and `E` differ); fields not listed are ignored, fields not
//! always sent are optional. Nothing is interpreted here: numbers stay text, and
//! [`parse`](super::parse) makes domain values of them.

mod account;
mod market;
mod order;
mod scalar;
mod user_event;

pub use account::{
    AccountConfiguration, Balance, CommissionRate, Leverage, Position, SymbolConfiguration,
    UserTrade,
};
pub use market::{Depth, ExchangeInfo, Filter, RateLimit, RecentTrade, ServerTime, SymbolInfo};
pub use order::{AlgoOrder, ErrorBody, ListenKey, Order};
pub use scalar::{AlgoStatus, ExecutionType, OrderStatus, PositionSide, Side, Text};
pub use user_event::{
    AccountUpdate, AlgoUpdate, AlgoUpdateOrder, BalanceUpdate, ConfigurationUpdate, Envelope,
    LeverageUpdate, OrderTradeUpdate, OrderTradeUpdateOrder, PositionUpdate, TradeLite,
    UpdatedAccount,
};
