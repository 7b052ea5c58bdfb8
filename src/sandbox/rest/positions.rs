//! Positions: what they risk, their isolated margin, and what was forced on them (exchange-api.md
//! 4.5).

use serde::Serialize;

use crate::domain::{Amount, Price, Symbol};
use crate::sim::{Forced, ForcedOrder, Holding, MarginType};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words;
use super::{Answer, to_json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PositionRisk {
    pub(super) symbol: Symbol,
    pub(super) position_side: &'static str,
    pub(super) position_amt: String,
    pub(super) entry_price: String,
    pub(super) break_even_price: String,
    mark_price: String,
    pub(super) un_realized_profit: String,
    liquidation_price: String,
    pub(super) isolated_margin: String,
    pub(super) notional: String,
    margin_asset: &'static str,
    pub(super) isolated_wallet: String,
    pub(super) initial_margin: String,
    pub(super) maint_margin: String,
    pub(super) position_initial_margin: String,
    pub(super) open_order_initial_margin: String,
    adl: u8,
    pub(super) bid_notional: String,
    pub(super) ask_notional: String,
    pub(super) update_time: i64,
}

impl PositionRisk {
    pub(super) fn new(card: &Card, holding: &Holding, quantile: u8) -> Self {
        let report = &holding.report;
        let liquidation_price = report.liquidation_price.unwrap_or(Price::ZERO);
        Self {
            symbol: report.symbol,
            position_side: "BOTH",
            position_amt: words::padded(report.exposure.units(), card.places.quantity),
            entry_price: words::padded(report.entry_price.units(), 1),
            break_even_price: words::padded(holding.break_even_price.units(), 1),
            mark_price: words::padded(report.mark_price.units(), 8),
            un_realized_profit: words::amount(report.unrealized_pnl),
            liquidation_price: words::padded(liquidation_price.units(), 0),
            isolated_margin: words::padded(holding.isolated_margin().units(), 0),
            notional: words::amount(holding.notional),
            margin_asset: "USDT",
            isolated_wallet: words::padded(holding.isolated_wallet.units(), 0),
            initial_margin: words::amount(holding.initial_margin()),
            maint_margin: words::amount(holding.maintenance_margin),
            position_initial_margin: words::amount(holding.position_margin),
            open_order_initial_margin: words::amount(holding.order_margin),
            adl: quantile,
            bid_notional: words::padded(holding.open_notional[0].units(), 0),
            ask_notional: words::padded(holding.open_notional[1].units(), 0),
            update_time: report.update_time.millis(),
        }
    }
}

/// Whether the newer endpoints show it: there is a position or an open order.
pub(super) fn is_shown(holding: &Holding) -> bool {
    let has_orders = holding.open_notional.iter().any(|open| *open != Amount::ZERO);
    !holding.report.exposure.is_zero() || has_orders
}

pub(super) fn is_isolated(holding: &Holding) -> bool {
    holding.margin_type == MarginType::Isolated
}

/// The holdings of one symbol, or of all.
pub(super) fn holdings(floor: &Floor, symbol: Option<Symbol>) -> Result<Vec<Holding>, Refusal> {
    match symbol {
        Some(symbol) => Ok(vec![floor.exchange.holding(floor.account, symbol)?]),
        None => Ok(floor.exchange.holdings(floor.account)),
    }
}

fn shown(floor: &Floor, holding: &Holding) -> Result<PositionRisk, Refusal> {
    let symbol = holding.report.symbol;
    let quantile = floor.exchange.deleveraging_quantile(floor.account, symbol);
    Ok(PositionRisk::new(floor.card(symbol)?, holding, quantile))
}

/// Only symbols with a position or open orders.
pub(super) fn risk_v3(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    parameters.only(&["symbol"])?;
    let rows: Result<Vec<PositionRisk>, Refusal> = holdings(floor, symbol)?
        .iter()
        .filter(|holding| is_shown(holding))
        .map(|holding| shown(floor, holding))
        .collect();
    to_json(&rows?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PositionRiskV2 {
    symbol: Symbol,
    position_amt: String,
    entry_price: String,
    break_even_price: String,
    mark_price: String,
    un_realized_profit: String,
    liquidation_price: String,
    leverage: String,
    max_notional_value: String,
    margin_type: &'static str,
    isolated_margin: String,
    is_auto_add_margin: &'static str,
    position_side: &'static str,
    notional: String,
    isolated_wallet: String,
    update_time: i64,
    isolated: bool,
    adl_quantile: u8,
}

impl PositionRiskV2 {
    fn new(shown: PositionRisk, holding: &Holding) -> Self {
        Self {
            symbol: shown.symbol,
            position_amt: shown.position_amt,
            entry_price: shown.entry_price,
            break_even_price: shown.break_even_price,
            mark_price: shown.mark_price,
            un_realized_profit: shown.un_realized_profit,
            liquidation_price: shown.liquidation_price,
            leverage: holding.leverage.to_string(),
            max_notional_value: words::padded(holding.max_notional.units(), 0),
            margin_type: words::margin_type(holding.margin_type),
            isolated_margin: words::amount(holding.isolated_margin()),
            is_auto_add_margin: "false",
            position_side: shown.position_side,
            notional: words::padded(holding.notional.units(), 0),
            isolated_wallet: shown.isolated_wallet,
            update_time: shown.update_time,
            isolated: is_isolated(holding),
            adl_quantile: shown.adl,
        }
    }
}

/// Every symbol, flat or not.
pub(super) fn risk_v2(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    parameters.only(&["symbol"])?;
    let rows: Result<Vec<PositionRiskV2>, Refusal> = holdings(floor, symbol)?
        .iter()
        .map(|holding| Ok(PositionRiskV2::new(shown(floor, holding)?, holding)))
        .collect();
    to_json(&rows?)
}

/// Ties more of the wallet to an isolated position (`type` 1), or less (2).
pub(super) fn move_margin(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    parameters.required("amount")?;
    let amount = parameters.amount("amount")?.ok_or_else(|| Refusal::mandatory("amount"))?;
    parameters.required("type")?;
    let sign = match parameters.integer::<u8>("type")? {
        Some(1) => 1,
        Some(2) => -1,
        Some(_) | None => return Err(Refusal::bad_value("type")),
    };
    parameters.only(&["symbol", "positionSide", "amount", "type"])?;
    super::order_form::check_position_side(parameters)?;
    if amount <= Amount::ZERO {
        return Err(Refusal::new(-4055, "Amount must be positive."));
    }
    let moved = if sign > 0 { amount } else { -amount };
    floor.exchange.move_margin(floor.account, symbol, moved)?;
    let kind = if sign > 0 { 1 } else { 2 };
    Ok(format!(
        r#"{{"amount":{amount},"code":200,"msg":"Successfully modify position margin.","type":{kind}}}"#
    ))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ForcedBody {
    order_id: u64,
    symbol: Symbol,
    status: &'static str,
    client_order_id: String,
    price: String,
    avg_price: String,
    orig_qty: String,
    executed_qty: String,
    cum_quote: String,
    time_in_force: &'static str,
    r#type: &'static str,
    reduce_only: bool,
    close_position: bool,
    side: &'static str,
    position_side: &'static str,
    stop_price: &'static str,
    working_type: &'static str,
    orig_type: &'static str,
    time: i64,
    update_time: i64,
}

impl ForcedBody {
    fn new(card: &Card, forced: &ForcedOrder) -> Self {
        let (order, report) = (&forced.order, &forced.order.report);
        Self {
            order_id: report.order_id.0,
            symbol: report.symbol,
            status: words::status(report.status),
            client_order_id: report.client_order_id.to_string(),
            price: card.places.price(report.price.unwrap_or_default()),
            avg_price: words::padded(report.average_price.unwrap_or_default().units(), 5),
            orig_qty: card.places.quantity(report.quantity),
            executed_qty: card.places.quantity(report.filled_quantity),
            cum_quote: words::padded(order.filled_notional.units(), 5),
            time_in_force: words::time_in_force(order.kind, &order.terms),
            r#type: words::kind(order.kind),
            reduce_only: report.reduce_only,
            close_position: false,
            side: words::side(report.side),
            position_side: "BOTH",
            stop_price: "0",
            working_type: "CONTRACT_PRICE",
            orig_type: words::kind(order.kind),
            time: order.created_at.millis(),
            update_time: report.update_time.millis(),
        }
    }
}

/// The newest orders that the exchange sent in the account's name.
pub(super) fn forced_orders(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    let cause = match parameters.text("autoCloseType")? {
        None => None,
        Some("LIQUIDATION") => Some(Forced::Liquidation),
        Some("ADL") => Some(Forced::Deleveraging),
        Some(_) => return Err(Refusal::bad_value("autoCloseType")),
    };
    let (since, until) = (parameters.moment("startTime")?, parameters.moment("endTime")?);
    let limit = parameters.limit(50, 100)?;
    parameters.only(&["symbol", "autoCloseType", "startTime", "endTime", "limit"])?;
    let wanted = |forced: &&ForcedOrder| {
        let report = &forced.order.report;
        symbol.is_none_or(|symbol| report.symbol == symbol)
            && cause.is_none_or(|cause| forced.cause == cause)
            && since.is_none_or(|since| forced.order.created_at >= since)
            && until.is_none_or(|until| forced.order.created_at <= until)
    };
    let newest = floor.exchange.forced_orders(floor.account).rev().filter(wanted).take(limit);
    let rows: Result<Vec<ForcedBody>, Refusal> = newest
        .map(|forced| Ok(ForcedBody::new(floor.card(forced.order.report.symbol)?, forced)))
        .collect();
    to_json(&rows?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Quantile {
    symbol: Symbol,
    adl_quantile: QuantileBySide,
}

/// In one-way mode the position is told under `BOTH`.
#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct QuantileBySide {
    long: u8,
    short: u8,
    both: u8,
}

/// How near each position is to being deleveraged.
pub(super) fn deleveraging_quantile(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    parameters.only(&["symbol"])?;
    let held = holdings(floor, symbol)?;
    let rows: Vec<Quantile> = held
        .iter()
        .map(|holding| holding.report)
        .filter(|report| !report.exposure.is_zero())
        .map(|report| {
            let both = floor.exchange.deleveraging_quantile(floor.account, report.symbol);
            let adl_quantile = QuantileBySide { long: 0, short: 0, both };
            Quantile { symbol: report.symbol, adl_quantile }
        })
        .collect();
    to_json(&rows)
}
