//! Answers about the account (exchange-api.md 4.5).

use serde::Deserialize;

use super::{PositionSide, Side, Text};

/// One row of `GET /fapi/v2|v3/positionRisk`; v3 omits flat symbols.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// What is held.
    pub symbol: String,
    /// One-way or hedge mode.
    pub position_side: PositionSide,
    /// Positive long, negative short.
    pub position_amt: Text,
    /// The average price paid.
    #[serde(default)]
    pub entry_price: Text,
    /// The mark price.
    #[serde(default)]
    pub mark_price: Text,
    /// Unrealised profit at the mark price (spelt so here only).
    #[serde(rename = "unRealizedProfit", default)]
    pub unrealized_profit: Text,
    /// Zero where none is named.
    #[serde(default)]
    pub liquidation_price: Text,
    /// The price at which closing loses nothing, fees included.
    #[serde(default)]
    pub break_even_price: Text,
    /// Value at the mark price, signed.
    #[serde(default)]
    pub notional: Text,
    /// The margin set aside, where it is isolated.
    #[serde(default)]
    pub isolated_margin: Text,
    /// What must be kept as margin; v3 only.
    pub maint_margin: Option<Text>,
    /// The leverage set; v2 only, and there it is text.
    pub leverage: Option<Text>,
    /// `cross` or `isolated`; v2 only.
    pub margin_type: Option<Text>,
    /// How near to auto-deleveraging, 0 to 4; v3 only.
    pub adl: Option<u8>,
    /// Milliseconds since the epoch.
    #[serde(default)]
    pub update_time: i64,
}

/// One row of `GET /fapi/v2|v3/balance`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// Which asset.
    pub asset: String,
    /// The wallet balance.
    pub balance: Text,
    /// What may be used as margin.
    #[serde(default)]
    pub available_balance: Text,
}

/// One row of `GET /fapi/v1/userTrades`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserTrade {
    /// What was traded.
    pub symbol: String,
    /// The trade's id, unique within the symbol.
    pub id: u64,
    /// The order it belongs to.
    pub order_id: u64,
    /// Whether we bought or sold.
    pub side: Side,
    /// At which price.
    pub price: Text,
    /// How much.
    pub qty: Text,
    /// The fee; its sign is not agreed on.
    #[serde(default)]
    pub commission: Text,
    /// What the fee was paid in.
    #[serde(default)]
    pub commission_asset: Text,
    /// Profit realised, before fees.
    #[serde(default)]
    pub realized_pnl: Text,
    /// Whether our order rested.
    pub maker: bool,
    /// Milliseconds since the epoch.
    pub time: i64,
}

/// `GET /fapi/v1/commissionRate`: fractions of notional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommissionRate {
    /// For a fill whose order rested.
    pub maker_commission_rate: Text,
    /// For a fill whose order took.
    pub taker_commission_rate: Text,
    /// For a fill of a retail price improvement order; not always told.
    pub rpi_commission_rate: Option<Text>,
}

/// `GET /fapi/v1/accountConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the venue's shape")]
pub struct AccountConfiguration {
    /// Whether the account may trade.
    pub can_trade: bool,
    /// Whether what it holds may be withdrawn.
    #[serde(default)]
    pub can_withdraw: bool,
    /// Whether the account is in hedge mode.
    pub dual_side_position: bool,
    /// Whether several assets serve as margin.
    #[serde(default)]
    pub multi_assets_margin: bool,
    /// The fee tier.
    #[serde(default)]
    pub fee_tier: i64,
}

/// One row of `GET /fapi/v1/symbolConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SymbolConfiguration {
    /// Which symbol.
    pub symbol: String,
    /// `CROSSED` or `ISOLATED`.
    pub margin_type: String,
    /// The leverage set.
    pub leverage: u32,
    /// The largest position at this leverage.
    #[serde(default)]
    pub max_notional_value: Text,
    /// Whether margin is added by itself.
    #[serde(default)]
    pub is_auto_add_margin: Text,
}

/// `POST /fapi/v1/leverage`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leverage {
    /// Which symbol.
    pub symbol: String,
    /// The leverage now set.
    pub leverage: u32,
    /// The largest position at this leverage.
    #[serde(default)]
    pub max_notional_value: Text,
}
