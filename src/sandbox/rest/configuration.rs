//! What an account may set, and what it is told of its terms (exchange-api.md 4.5).

use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::{Amount, Rate, Symbol};

use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::streams::Setting;
use super::super::words;
use super::positions::holdings;
use super::{Answer, Done, to_json};

const DONE: Done = Done { code: 200, msg: "success" };

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the venue's shape")]
pub(super) struct AccountConfig {
    fee_tier: u8,
    can_trade: bool,
    can_deposit: bool,
    can_withdraw: bool,
    dual_side_position: bool,
    update_time: i64,
    multi_assets_margin: bool,
    trade_group_id: i8,
}

impl AccountConfig {
    pub(super) fn of(floor: &Floor) -> Self {
        Self {
            fee_tier: 0,
            can_trade: true,
            can_deposit: true,
            can_withdraw: true,
            dual_side_position: floor.exchange.is_hedged(floor.account),
            update_time: 0,
            multi_assets_margin: floor.exchange.is_multi_assets(floor.account),
            trade_group_id: -1,
        }
    }
}

pub(super) fn account(floor: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.only(&[])?;
    to_json(&AccountConfig::of(floor))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SymbolConfig {
    symbol: Symbol,
    margin_type: &'static str,
    is_auto_add_margin: bool,
    leverage: u32,
    max_notional_value: String,
}

pub(super) fn symbol(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    parameters.only(&["symbol"])?;
    let rows: Vec<SymbolConfig> = holdings(floor, symbol)?
        .iter()
        .map(|holding| SymbolConfig {
            symbol: holding.report.symbol,
            margin_type: words::margin_setting(holding.margin_type),
            is_auto_add_margin: false,
            leverage: holding.leverage,
            max_notional_value: words::padded(holding.max_notional.units(), 0),
        })
        .collect();
    to_json(&rows)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CommissionRate {
    symbol: Symbol,
    maker_commission_rate: String,
    taker_commission_rate: String,
    rpi_commission_rate: &'static str,
}

pub(super) fn commission_rate(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    floor.card(symbol)?;
    parameters.only(&["symbol"])?;
    let fees = floor.exchange.fee_rates(floor.account).ok_or_else(Refusal::internal)?;
    to_json(&CommissionRate {
        symbol,
        maker_commission_rate: words::rate(fees.maker),
        taker_commission_rate: words::rate(fees.taker),
        rpi_commission_rate: "0.0000",
    })
}

#[derive(Serialize)]
struct SymbolBrackets {
    symbol: Symbol,
    brackets: Vec<BracketBody>,
}

/// A bracket; its numbers are numbers here and not text, as at the venue.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BracketBody {
    bracket: usize,
    initial_leverage: u32,
    notional_cap: Box<RawValue>,
    notional_floor: Box<RawValue>,
    maint_margin_ratio: Box<RawValue>,
    cum: Box<RawValue>,
}

/// One list of brackets for each symbol asked for.
pub(super) fn brackets(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    parameters.only(&["symbol"])?;
    let asked = match symbol {
        Some(symbol) => vec![floor.card(symbol)?.instrument.symbol],
        None => floor.cards.keys().copied().collect(),
    };
    let rows: Result<Vec<SymbolBrackets>, Refusal> = asked
        .into_iter()
        .map(|symbol| Ok(SymbolBrackets { symbol, brackets: bracket_rows(floor, symbol)? }))
        .collect();
    to_json(&rows?)
}

fn bracket_rows(floor: &Floor, symbol: Symbol) -> Result<Vec<BracketBody>, Refusal> {
    let amount = |amount: Amount| number(amount.to_string());
    let rate = |rate: Rate| number(words::padded(rate.units(), 0));
    let rows = floor.exchange.brackets(symbol).iter().enumerate();
    rows.map(|(at, row)| {
        Ok(BracketBody {
            bracket: at + 1,
            initial_leverage: row.leverage,
            notional_cap: amount(row.notional_cap)?,
            notional_floor: amount(row.notional_floor)?,
            maint_margin_ratio: rate(row.maintenance_rate)?,
            cum: amount(row.maintenance_deduction)?,
        })
    })
    .collect()
}

/// A decimal as a JSON number, without passing through a float.
fn number(decimal: String) -> Result<Box<RawValue>, Refusal> {
    RawValue::from_string(decimal).map_err(|_| Refusal::internal())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Leverage {
    leverage: u32,
    max_notional_value: String,
    symbol: Symbol,
}

pub(super) fn set_leverage(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    parameters.required("leverage")?;
    let leverage = parameters.integer("leverage")?.ok_or_else(|| Refusal::mandatory("leverage"))?;
    parameters.only(&["symbol", "leverage"])?;
    let max_notional = floor.exchange.set_leverage(floor.account, symbol, leverage)?;
    floor.tell_setting(Setting::Leverage(symbol, leverage));
    let max_notional_value = words::padded(max_notional.units(), 0);
    to_json(&Leverage { leverage, max_notional_value, symbol })
}

pub(super) fn set_margin_type(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    let margin_type = words::parse_margin_setting(parameters.required("marginType")?)?;
    parameters.only(&["symbol", "marginType"])?;
    floor.exchange.set_margin_type(floor.account, symbol, margin_type)?;
    to_json(&DONE)
}

pub(super) fn hedge_mode(floor: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.only(&[])?;
    let is_on = floor.exchange.is_hedged(floor.account);
    Ok(format!(r#"{{"dualSidePosition":{is_on}}}"#))
}

/// One-way mode is all there is; the exchange says why not.
pub(super) fn set_hedge_mode(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let is_on = required_flag(parameters, "dualSidePosition")?;
    parameters.only(&["dualSidePosition"])?;
    floor.exchange.set_hedge_mode(floor.account, is_on)?;
    to_json(&DONE)
}

pub(super) fn multi_assets(floor: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.only(&[])?;
    let is_on = floor.exchange.is_multi_assets(floor.account);
    Ok(format!(r#"{{"multiAssetsMargin":{is_on}}}"#))
}

pub(super) fn set_multi_assets(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let is_on = required_flag(parameters, "multiAssetsMargin")?;
    parameters.only(&["multiAssetsMargin"])?;
    floor.exchange.set_multi_assets(floor.account, is_on)?;
    floor.tell_setting(Setting::MultiAssets(is_on));
    to_json(&DONE)
}

pub(super) fn fee_burn(floor: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.only(&[])?;
    Ok(format!(r#"{{"feeBurn":{}}}"#, floor.exchange.burns_fees(floor.account)))
}

pub(super) fn set_fee_burn(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let is_on = required_flag(parameters, "feeBurn")?;
    parameters.only(&["feeBurn"])?;
    floor.exchange.set_burns_fees(floor.account, is_on);
    to_json(&DONE)
}

fn required_flag(parameters: &Parameters, name: &str) -> Result<bool, Refusal> {
    parameters.required(name)?;
    parameters.flag(name)?.ok_or_else(|| Refusal::mandatory(name))
}

/// No account breaks a trading rule here, so none is shown.
pub(super) fn trading_rules(floor: &mut Floor, parameters: &Parameters) -> Answer {
    if let Some(symbol) = parameters.optional_symbol()? {
        floor.card(symbol)?;
    }
    parameters.only(&["symbol"])?;
    Ok(format!(r#"{{"indicators":{{}},"updateTime":{}}}"#, floor.now().millis()))
}
