//! Frames that tell an account of its money and positions (exchange-api.md 5.4).

use serde::Serialize;

use crate::domain::Symbol;
use crate::sim::{AccountEvent, AccountReason, Holding, MarginCallEvent, PositionChange};

use super::super::words;
use super::market_frames::to_text;

/// `ACCOUNT_UPDATE`.
pub(super) fn update(event: &AccountEvent) -> String {
    let balance = &event.balance;
    to_text(&AccountFrame {
        e: "ACCOUNT_UPDATE",
        event_time: event.time.millis(),
        transaction_time: event.time.millis(),
        a: AccountPart {
            m: reason(event.reason),
            symbol: event.funded,
            balances: [BalancePart {
                a: balance.asset.to_string(),
                wb: balance.wallet_balance.to_string(),
                cw: event.cross_wallet.to_string(),
                bc: event.balance_change.to_string(),
            }],
            positions: event.position.iter().map(PositionPart::new).collect(),
        },
    })
}

const fn reason(reason: AccountReason) -> &'static str {
    match reason {
        AccountReason::Order => "ORDER",
        AccountReason::Deposit => "DEPOSIT",
        AccountReason::Withdraw => "WITHDRAW",
        AccountReason::FundingFee => "FUNDING_FEE",
        AccountReason::InsuranceClear => "INSURANCE_CLEAR",
        AccountReason::MarginTransfer => "MARGIN_TRANSFER",
        AccountReason::MarginTypeChange => "MARGIN_TYPE_CHANGE",
    }
}

/// `MARGIN_CALL`.
pub(super) fn margin_call(event: &MarginCallEvent) -> String {
    to_text(&MarginCallFrame {
        e: "MARGIN_CALL",
        event_time: event.time.millis(),
        cw: event.cross_wallet.map(|wallet| wallet.to_string()),
        p: event.holdings.iter().map(CalledPart::new).collect(),
    })
}

impl PositionPart {
    fn new(change: &PositionChange) -> Self {
        let report = &change.report;
        Self {
            s: report.symbol,
            pa: report.exposure.to_string(),
            ep: report.entry_price.to_string(),
            bep: change.break_even_price.to_string(),
            cr: change.realized_pnl.to_string(),
            up: report.unrealized_pnl.to_string(),
            mt: words::margin_type(change.margin_type),
            iw: change.isolated_wallet.to_string(),
            ps: "BOTH",
        }
    }
}

impl CalledPart {
    fn new(holding: &Holding) -> Self {
        let report = &holding.report;
        Self {
            s: report.symbol,
            ps: "BOTH",
            pa: report.exposure.to_string(),
            mt: words::margin_setting(holding.margin_type),
            iw: holding.isolated_wallet.to_string(),
            mp: report.mark_price.to_string(),
            up: report.unrealized_pnl.to_string(),
            mm: holding.maintenance_margin.to_string(),
        }
    }
}

#[derive(Serialize)]
struct AccountFrame {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    transaction_time: i64,
    a: AccountPart,
}

#[derive(Serialize)]
struct AccountPart {
    m: &'static str,
    #[serde(rename = "S", skip_serializing_if = "Option::is_none")]
    symbol: Option<Symbol>,
    #[serde(rename = "B")]
    balances: [BalancePart; 1],
    #[serde(rename = "P")]
    positions: Vec<PositionPart>,
}

#[derive(Serialize)]
struct BalancePart {
    a: String,
    wb: String,
    cw: String,
    bc: String,
}

#[derive(Serialize)]
struct PositionPart {
    s: Symbol,
    pa: String,
    ep: String,
    bep: String,
    cr: String,
    up: String,
    mt: &'static str,
    iw: String,
    ps: &'static str,
}

#[derive(Serialize)]
struct MarginCallFrame {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cw: Option<String>,
    p: Vec<CalledPart>,
}

#[derive(Serialize)]
struct CalledPart {
    s: Symbol,
    ps: &'static str,
    pa: String,
    mt: &'static str,
    iw: String,
    mp: String,
    up: String,
    mm: String,
}
