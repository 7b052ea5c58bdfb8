//! Mirrors of the venue's JSON, one struct per documented payload (exchange-api.md 2–5).
//!
//! Field names are the venue's (`e` and `E` differ); fields not listed are ignored, fields not
//! always sent are optional. Nothing is interpreted here: numbers stay text, and
//! [`parse`](super::parse) makes domain values of them.

mod account;
mod margin;
mod market;
mod order;
mod order_socket;
mod scalar;
mod user_event;

pub use account::{
    AccountConfiguration, Balance, CommissionRate, Leverage, Position, SymbolConfiguration,
    UserTrade,
};
pub use margin::{
    AccountMargin, AdlQuantile, AdlQuantiles, AssetMargin, FeeBurn, Income, IncomeType,
    LeverageBracket, LeverageBrackets, MultiAssetsMode, PositionMargin, PositionMarginChange,
    PositionMarginChanged, PositionMode, TradingIndicator, TradingStatus,
};
pub use market::{
    AggregateTrade, BestPrices, DayTicker, Depth, ExchangeInfo, Filter, FundingInfo, FundingRate,
    Kline, LastPrice, OpenInterest, PremiumIndex, RateLimit, RecentTrade, ServerTime, SymbolInfo,
};
pub use order::{
    AlgoOrder, AmendedFields, BeforeAfter, Countdown, ErrorBody, ExtendedListenKey, ListenKey,
    Order, OrderAmendment,
};
pub use order_socket::{SocketAnswer, UsedLimit};
pub use scalar::{
    AlgoStatus, ConditionalType, ExecutionType, OrderStatus, PositionSide, Side, Text,
};
pub use user_event::{
    AccountUpdate, AlgoUpdate, AlgoUpdateOrder, BalanceUpdate, ConfigurationUpdate, Envelope,
    LeverageUpdate, OrderTradeUpdate, OrderTradeUpdateOrder, PositionUpdate, TradeLite,
    UpdatedAccount,
};
