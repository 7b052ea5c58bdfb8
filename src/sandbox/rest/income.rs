//! What moved an account's wallet (exchange-api.md 4.5, `income`).

use std::time::Duration;

use serde::Serialize;

use crate::domain::Timestamp;
use crate::sim::{Income, IncomeKind, IncomeQuery};

use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words;
use super::{Answer, to_json};

/// How far back is looked where no time is asked for.
const USUAL_SPAN: Duration = Duration::from_hours(7 * 24);

/// How far back is looked at most: three months.
const WIDEST_SPAN: Duration = Duration::from_hours(92 * 24);

/// Kinds that the venue knows and that do not happen here.
const NEVER: &[&str] = &[
    "WELCOME_BONUS",
    "REFERRAL_KICKBACK",
    "COMMISSION_REBATE",
    "API_REBATE",
    "CONTEST_REWARD",
    "CROSS_COLLATERAL_TRANSFER",
    "OPTIONS_PREMIUM_FEE",
    "OPTIONS_SETTLE_PROFIT",
    "INTERNAL_TRANSFER",
    "AUTO_EXCHANGE",
    "DELIVERED_SETTELMENT",
    "COIN_SWAP_DEPOSIT",
    "COIN_SWAP_WITHDRAW",
    "POSITION_LIMIT_INCREASE_FEE",
    "STRATEGY_UMFUTURES_TRANSFER",
    "FEE_RETURN",
    "BFUSD_REWARD",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IncomeBody {
    symbol: String,
    income_type: &'static str,
    income: String,
    asset: &'static str,
    info: &'static str,
    time: i64,
    tran_id: u64,
    trade_id: String,
}

impl IncomeBody {
    fn new(row: &Income) -> Self {
        Self {
            symbol: row.symbol.map(|symbol| symbol.to_string()).unwrap_or_default(),
            income_type: kind(row.kind),
            income: words::amount(row.amount),
            asset: "USDT",
            info: kind(row.kind),
            time: row.time.millis(),
            tran_id: row.transaction_id,
            trade_id: row.trade_id.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}

const fn kind(kind: IncomeKind) -> &'static str {
    match kind {
        IncomeKind::Transfer => "TRANSFER",
        IncomeKind::RealizedPnl => "REALIZED_PNL",
        IncomeKind::Commission => "COMMISSION",
        IncomeKind::FundingFee => "FUNDING_FEE",
        IncomeKind::InsuranceClear => "INSURANCE_CLEAR",
    }
}

fn parse_kind(text: &str) -> Result<IncomeKind, Refusal> {
    let all = [
        IncomeKind::Transfer,
        IncomeKind::RealizedPnl,
        IncomeKind::Commission,
        IncomeKind::FundingFee,
        IncomeKind::InsuranceClear,
    ];
    all.into_iter()
        .find(|found| kind(*found) == text)
        .ok_or_else(|| Refusal::bad_value("incomeType"))
}

/// Oldest first: from the start asked for, or page by page; else the newest.
pub(super) fn income(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    if let Some(symbol) = symbol {
        floor.card(symbol)?;
    }
    let kind = parameters.text("incomeType")?;
    let (start, end) = (parameters.moment("startTime")?, parameters.moment("endTime")?);
    let page = match parameters.integer::<usize>("page")? {
        Some(0) => return Err(Refusal::bad_value("page")),
        page => page,
    };
    let limit = parameters.limit(100, 1_000)?;
    parameters.only(&["symbol", "incomeType", "startTime", "endTime", "page", "limit"])?;
    if kind.is_some_and(|kind| NEVER.contains(&kind)) {
        return Ok("[]".to_owned());
    }
    let kind = kind.map(parse_kind).transpose()?;
    let query = IncomeQuery {
        symbol,
        kind,
        since: since(floor.now(), start, end),
        until: end.unwrap_or(Timestamp::MAX),
    };
    let rows = floor.exchange.income(floor.account, query);
    let wanted: Vec<&Income> = if page.is_some() || start.is_some() {
        rows.skip((page.unwrap_or(1) - 1).saturating_mul(limit)).take(limit).collect()
    } else {
        let mut newest: Vec<&Income> = rows.rev().take(limit).collect();
        newest.reverse();
        newest
    };
    let rows: Vec<IncomeBody> = wanted.into_iter().map(IncomeBody::new).collect();
    to_json(&rows)
}

/// A week back where no time is named; never more than three months.
fn since(now: Timestamp, start: Option<Timestamp>, end: Option<Timestamp>) -> Timestamp {
    let usual = end.unwrap_or(now).earlier_by(USUAL_SPAN);
    start.unwrap_or(usual).max(now.earlier_by(WIDEST_SPAN))
}
