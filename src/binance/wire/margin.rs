//! Answers about margin and the account's modes (exchange-api.md 4.5).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{PositionSide, Text};

/// `GET /fapi/v2|v3/account`: v3 lists only symbols with a position or an open order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountMargin {
    /// Margin for positions and open orders.
    pub total_initial_margin: Text,
    /// Margin below which positions are liquidated.
    pub total_maint_margin: Text,
    /// Deposits plus realised profit less fees.
    pub total_wallet_balance: Text,
    /// Profit not yet realised.
    pub total_unrealized_profit: Text,
    /// Wallet balance plus unrealised profit.
    pub total_margin_balance: Text,
    /// What may be used as margin now.
    pub available_balance: Text,
    /// Each asset.
    #[serde(default)]
    pub assets: Vec<AssetMargin>,
    /// Each position.
    #[serde(default)]
    pub positions: Vec<PositionMargin>,
}

/// One asset of an account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssetMargin {
    /// Which.
    pub asset: String,
    /// Deposits plus realised profit less fees.
    pub wallet_balance: Text,
    /// Wallet balance plus unrealised profit.
    pub margin_balance: Text,
    /// Margin below which positions are liquidated.
    #[serde(default)]
    pub maint_margin: Text,
    /// Margin for positions and open orders.
    #[serde(default)]
    pub initial_margin: Text,
    /// What may be used as margin now.
    #[serde(default)]
    pub available_balance: Text,
}

/// One position of an account, by its margin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PositionMargin {
    /// What is held.
    pub symbol: String,
    /// One-way or hedge mode.
    pub position_side: PositionSide,
    /// Positive long, negative short.
    pub position_amt: Text,
    /// Profit not yet realised.
    #[serde(default)]
    pub unrealized_profit: Text,
    /// Margin for it and its open orders.
    #[serde(default)]
    pub initial_margin: Text,
    /// Margin below which it is liquidated.
    #[serde(default)]
    pub maint_margin: Text,
}

/// One row of `GET /fapi/v1/leverageBracket`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeverageBrackets {
    /// Which symbol.
    pub symbol: String,
    /// The smallest first.
    pub brackets: Vec<LeverageBracket>,
}

/// One bracket of notional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeverageBracket {
    /// Its number, from 1.
    pub bracket: u32,
    /// The highest leverage within it.
    pub initial_leverage: u32,
    /// Where it ends.
    pub notional_cap: Text,
    /// Where it begins.
    pub notional_floor: Text,
    /// The part of notional that must be kept as margin.
    pub maint_margin_ratio: Text,
    /// What is taken off that margin, for the lower brackets.
    #[serde(default)]
    pub cum: Text,
}

/// `GET /fapi/v1/positionSide/dual`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PositionMode {
    /// Whether the account is in hedge mode.
    pub dual_side_position: bool,
}

/// `GET /fapi/v1/multiAssetsMargin`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MultiAssetsMode {
    /// Whether several assets serve as margin.
    pub multi_assets_margin: bool,
}

/// `GET /fapi/v1/feeBurn`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeeBurn {
    /// Whether fees are paid in BNB.
    pub fee_burn: bool,
}

/// `POST /fapi/v1/positionMargin`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PositionMarginChange {
    /// How much was added or taken.
    pub amount: Text,
    /// 1 added, 2 taken.
    #[serde(rename = "type")]
    pub direction: u8,
}

/// One row of `GET /fapi/v1/positionMargin/history`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PositionMarginChanged {
    /// Of which symbol.
    pub symbol: String,
    /// 1 added, 2 taken.
    #[serde(rename = "type")]
    pub direction: u8,
    /// Who did it.
    pub delta_type: Text,
    /// How much.
    pub amount: Text,
    /// Of what.
    pub asset: String,
    /// Milliseconds since the epoch.
    pub time: i64,
}

/// One row of `GET /fapi/v1/adlQuantile`: a side that is not held may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdlQuantile {
    /// Of which symbol.
    pub symbol: String,
    /// By side.
    pub adl_quantile: AdlQuantiles,
}

/// How near to auto-deleveraging, 0 to 4.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE", default)]
pub struct AdlQuantiles {
    /// Of the position in one-way mode.
    pub both: Option<u8>,
    /// Of the long position.
    pub long: Option<u8>,
    /// Of the short position.
    pub short: Option<u8>,
}

/// `GET /fapi/v1/apiTradingStatus`: the venue's rules against over-trading (exchange-api.md 6).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TradingStatus {
    /// By symbol; `ACCOUNT` is all of them.
    pub indicators: BTreeMap<String, Vec<TradingIndicator>>,
    /// Milliseconds since the epoch.
    pub update_time: i64,
}

/// One rule against over-trading, and whether it is broken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TradingIndicator {
    /// `UFR` (unfilled ratio) and others.
    pub indicator: Text,
    /// Whether only reduce-only orders are taken.
    pub is_locked: bool,
    /// When it ends, in milliseconds since the epoch.
    #[serde(default)]
    pub planned_recover_time: i64,
    /// How it stands.
    pub value: Text,
    /// From where on it locks.
    pub trigger_value: Text,
}

/// One row of `GET /fapi/v1/income`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Income {
    /// For which symbol; empty for transfers.
    #[serde(default)]
    pub symbol: String,
    /// What for.
    pub income_type: IncomeType,
    /// How much; negative is paid.
    pub income: Text,
    /// In what.
    pub asset: String,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// Unique with the account and the type; a number or text.
    pub tran_id: Text,
    /// The trade it belongs to; a number, text, or empty.
    #[serde(default)]
    pub trade_id: Text,
}

super::scalar::open_enumeration! {
    /// `incomeType`: what a payment is for.
    IncomeType {
        /// To or from another wallet of the account.
        Transfer = "TRANSFER",
        /// Profit or loss realised by a trade.
        RealizedPnl = "REALIZED_PNL",
        /// Between longs and shorts.
        FundingFee = "FUNDING_FEE",
        /// For a trade.
        Commission = "COMMISSION",
        /// To or from the insurance fund, at a liquidation.
        InsuranceClear = "INSURANCE_CLEAR",
    }
}
