//! Events of the user data stream (exchange-api.md 5). Single letters are the venue's; `null`
//! occurs in numeric fields.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{AlgoStatus, ExecutionType, OrderStatus, PositionSide, Side, Text};

/// What tells one frame from another, wrapped (`{"stream":…,"data":{…}}`) or raw.
#[derive(Debug, Deserialize)]
pub struct Envelope<'a> {
    /// The event's type, in a raw frame.
    #[serde(rename = "e")]
    pub event_type: Option<Text>,
    /// The event, in a wrapped frame.
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
}

/// `ORDER_TRADE_UPDATE`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OrderTradeUpdate {
    /// Milliseconds: when the venue sent it.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// Milliseconds: when the matching engine did it.
    #[serde(rename = "T", default)]
    pub transaction_time: i64,
    /// The order.
    #[serde(rename = "o")]
    pub order: OrderTradeUpdateOrder,
}

/// The order of an `ORDER_TRADE_UPDATE`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OrderTradeUpdateOrder {
    /// What is traded.
    #[serde(rename = "s")]
    pub symbol: String,
    /// Its sender's name for it; `autoclose-…` and the like are the venue's own.
    #[serde(rename = "c")]
    pub client_order_id: String,
    /// Buy or sell.
    #[serde(rename = "S")]
    pub side: Side,
    /// Its type: `LIMIT`, `MARKET` and others.
    #[serde(rename = "o", default)]
    pub order_type: Text,
    /// The quantity ordered.
    #[serde(rename = "q")]
    pub quantity: Text,
    /// The limit price.
    #[serde(rename = "p", default)]
    pub price: Text,
    /// The average fill price.
    #[serde(rename = "ap", default)]
    pub average_price: Text,
    /// What happened.
    #[serde(rename = "x")]
    pub execution_type: ExecutionType,
    /// Where it stands.
    #[serde(rename = "X")]
    pub status: OrderStatus,
    /// The venue's id.
    #[serde(rename = "i")]
    pub order_id: u64,
    /// The quantity of this fill.
    #[serde(rename = "l", default)]
    pub last_quantity: Text,
    /// The quantity filled so far.
    #[serde(rename = "z", default)]
    pub filled_quantity: Text,
    /// The price of this fill.
    #[serde(rename = "L", default)]
    pub last_price: Text,
    /// What the fee was paid in; absent when there is none.
    #[serde(rename = "N")]
    pub commission_asset: Option<Text>,
    /// The fee: positive is a cost; absent when there is none.
    #[serde(rename = "n")]
    pub commission: Option<Text>,
    /// Milliseconds: when the matching engine did it.
    #[serde(rename = "T", default)]
    pub trade_time: i64,
    /// The trade's id; zero when there is none.
    #[serde(rename = "t", default)]
    pub trade_id: u64,
    /// Whether this fill rested.
    #[serde(rename = "m", default)]
    pub is_maker: Text,
    /// Whether the order may only reduce.
    #[serde(rename = "R", default)]
    pub reduce_only: Text,
    /// One-way or hedge mode.
    #[serde(rename = "ps")]
    pub position_side: Option<PositionSide>,
    /// Profit realised by this fill.
    #[serde(rename = "rp", default)]
    pub realized_profit: Text,
    /// Why it expired.
    #[serde(rename = "er", default)]
    pub expiry_reason: Text,
}

/// `TRADE_LITE`: the same fill again, earlier; not used for accounting.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TradeLite {
    /// What was traded.
    #[serde(rename = "s")]
    pub symbol: String,
    /// The order's client id.
    #[serde(rename = "c")]
    pub client_order_id: String,
    /// The trade's id.
    #[serde(rename = "t")]
    pub trade_id: u64,
    /// The order's id.
    #[serde(rename = "i")]
    pub order_id: u64,
    /// The price of this fill.
    #[serde(rename = "L")]
    pub last_price: Text,
    /// The quantity of this fill.
    #[serde(rename = "l")]
    pub last_quantity: Text,
}

/// `ACCOUNT_UPDATE`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccountUpdate {
    /// Milliseconds: when the venue sent it.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// Milliseconds: when it happened.
    #[serde(rename = "T", default)]
    pub transaction_time: i64,
    /// What changed.
    #[serde(rename = "a")]
    pub account: UpdatedAccount,
}

/// What an `ACCOUNT_UPDATE` lists: only what changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UpdatedAccount {
    /// Why: `ORDER`, `FUNDING_FEE` and others.
    #[serde(rename = "m", default)]
    pub reason: Text,
    /// Balances.
    #[serde(rename = "B", default)]
    pub balances: Vec<BalanceUpdate>,
    /// Positions.
    #[serde(rename = "P", default)]
    pub positions: Vec<PositionUpdate>,
}

/// A changed balance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BalanceUpdate {
    /// Which asset.
    #[serde(rename = "a")]
    pub asset: String,
    /// The wallet balance.
    #[serde(rename = "wb")]
    pub wallet_balance: Text,
    /// The change apart from profit and fees.
    #[serde(rename = "bc", default)]
    pub balance_change: Text,
}

/// A changed position.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PositionUpdate {
    /// What is held.
    #[serde(rename = "s")]
    pub symbol: String,
    /// Positive long, negative short.
    #[serde(rename = "pa")]
    pub amount: Text,
    /// The average price paid.
    #[serde(rename = "ep", default)]
    pub entry_price: Text,
    /// Unrealised profit.
    #[serde(rename = "up", default)]
    pub unrealized_profit: Text,
    /// One-way or hedge mode.
    #[serde(rename = "ps")]
    pub position_side: PositionSide,
}

/// `ALGO_UPDATE`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AlgoUpdate {
    /// Milliseconds: when the venue sent it.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// Milliseconds: when it happened.
    #[serde(rename = "T", default)]
    pub transaction_time: i64,
    /// The conditional order.
    #[serde(rename = "o")]
    pub order: AlgoUpdateOrder,
}

/// The conditional order of an `ALGO_UPDATE`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AlgoUpdateOrder {
    /// Its sender's name for it.
    #[serde(rename = "caid")]
    pub client_algo_id: String,
    /// The venue's id.
    #[serde(rename = "aid")]
    pub algo_id: u64,
    /// `STOP_MARKET` and others.
    #[serde(rename = "o")]
    pub order_type: String,
    /// What is traded.
    #[serde(rename = "s")]
    pub symbol: String,
    /// Buy or sell.
    #[serde(rename = "S")]
    pub side: Side,
    /// How much.
    #[serde(rename = "q", default)]
    pub quantity: Text,
    /// Where it stands.
    #[serde(rename = "X")]
    pub status: AlgoStatus,
    /// The order it became; empty before.
    #[serde(rename = "ai", default)]
    pub actual_order_id: Text,
    /// The executed quantity of that order; absent before the trigger.
    #[serde(rename = "aq")]
    pub actual_quantity: Option<Text>,
    /// The price that triggers it.
    #[serde(rename = "tp")]
    pub trigger_price: Text,
    /// Whether it closes whatever the position is.
    #[serde(rename = "cp", default)]
    pub close_position: Text,
    /// Why its order was refused.
    #[serde(rename = "rm")]
    pub reject_reason: Option<Text>,
}

/// `ACCOUNT_CONFIG_UPDATE`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ConfigurationUpdate {
    /// A changed leverage, if that is what changed.
    #[serde(rename = "ac")]
    pub leverage: Option<LeverageUpdate>,
    /// A change of the account as a whole, if that is what changed.
    #[serde(rename = "ai")]
    pub account: Option<AccountModeUpdate>,
}

/// A change of the account as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccountModeUpdate {
    /// Whether several assets serve as margin.
    #[serde(rename = "j", default)]
    pub has_multi_assets: bool,
}

/// A changed leverage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LeverageUpdate {
    /// Of which symbol.
    #[serde(rename = "s")]
    pub symbol: String,
    /// The leverage now set.
    #[serde(rename = "l")]
    pub leverage: u32,
}
