//! The account: balances, positions, configuration, fees (exchange-api.md 4.5).

use serde::Serialize;

use crate::domain::{Amount, PositionReport, Price, Rate, Side, Symbol};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words;
use super::{Answer, to_json};

/// Maintenance margin of the first bracket of BTCUSDT: 0.4 % of notional.
const MAINTENANCE_RATE: i64 = 400_000;

/// The largest notional the exchange says it lets an account hold.
const MAX_NOTIONAL: &str = "20000000";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Balance {
    account_alias: &'static str,
    asset: String,
    balance: String,
    cross_wallet_balance: String,
    cross_un_pnl: String,
    available_balance: String,
    max_withdraw_amount: String,
    margin_available: bool,
    update_time: i64,
}

pub(super) fn balance(floor: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.only(&[])?;
    let report = floor.exchange.balance(floor.account);
    let wallet = words::amount(report.wallet_balance);
    to_json(&[Balance {
        account_alias: "SgsR",
        asset: report.asset.to_string(),
        balance: wallet.clone(),
        cross_wallet_balance: wallet,
        cross_un_pnl: words::amount(unrealized(floor)),
        available_balance: words::amount(report.available_balance),
        max_withdraw_amount: words::amount(report.available_balance),
        margin_available: true,
        update_time: floor.now().millis(),
    }])
}

fn unrealized(floor: &Floor) -> Amount {
    floor.exchange.positions(floor.account).iter().map(|position| position.unrealized_pnl).sum()
}

/// One position with what it binds.
struct Held {
    report: PositionReport,
    notional: Amount,
    initial_margin: Amount,
    position_margin: Amount,
    maintenance_margin: Amount,
    open_notional: [Amount; 2],
    leverage: u32,
}

impl Held {
    fn new(floor: &Floor, report: PositionReport) -> Self {
        let leverage = floor.exchange.leverage(floor.account, report.symbol).unwrap_or(1).max(1);
        let size =
            Amount::notional(report.mark_price, report.exposure.quantity()).unwrap_or_default();
        let notional = if report.exposure.side() == Some(Side::Sell) { -size } else { size };
        let position_margin =
            Amount::from_units(size.units() / i64::from(leverage)).unwrap_or_default();
        let maintenance_rate = Rate::from_units(MAINTENANCE_RATE).unwrap_or_default();
        Self {
            report,
            notional,
            initial_margin: floor.exchange.bound_margin(floor.account, report.symbol),
            position_margin,
            maintenance_margin: size.times(maintenance_rate).unwrap_or_default(),
            open_notional: [Side::Buy, Side::Sell].map(|side| open_notional(floor, &report, side)),
            leverage,
        }
    }

    /// Margin bound by orders beyond that of the position.
    fn order_margin(&self) -> Amount {
        self.initial_margin.saturating_add(-self.position_margin).max(Amount::ZERO)
    }

    fn is_shown(&self) -> bool {
        !self.report.exposure.is_zero() || self.open_notional.iter().any(|open| !open.is_zero())
    }
}

fn open_notional(floor: &Floor, report: &PositionReport, side: Side) -> Amount {
    floor
        .exchange
        .open_orders(floor.account, Some(report.symbol))
        .iter()
        .filter(|order| order.report.side == side)
        .map(|order| {
            let open = order.report.quantity.saturating_sub(order.report.filled_quantity);
            let price = order.report.price.unwrap_or(report.mark_price);
            Amount::notional(price, open).unwrap_or_default()
        })
        .sum()
}

fn holdings(floor: &Floor, symbol: Option<Symbol>) -> Result<Vec<Held>, Refusal> {
    if let Some(symbol) = symbol {
        floor.card(symbol)?;
    }
    let positions = floor.exchange.positions(floor.account);
    let wanted = positions.into_iter().filter(|held| symbol.is_none_or(|one| one == held.symbol));
    Ok(wanted.map(|report| Held::new(floor, report)).collect())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PositionV3 {
    symbol: Symbol,
    position_side: &'static str,
    position_amt: String,
    entry_price: String,
    break_even_price: String,
    mark_price: String,
    un_realized_profit: String,
    liquidation_price: String,
    isolated_margin: &'static str,
    notional: String,
    margin_asset: &'static str,
    isolated_wallet: &'static str,
    initial_margin: String,
    maint_margin: String,
    position_initial_margin: String,
    open_order_initial_margin: String,
    adl: u8,
    bid_notional: String,
    ask_notional: String,
    update_time: i64,
}

impl PositionV3 {
    fn new(card: &Card, held: &Held) -> Self {
        let report = &held.report;
        Self {
            symbol: report.symbol,
            position_side: "BOTH",
            position_amt: words::padded(report.exposure.units(), card.places.quantity),
            entry_price: words::padded(report.entry_price.units(), 1),
            break_even_price: words::padded(report.entry_price.units(), 1),
            mark_price: words::padded(report.mark_price.units(), 8),
            un_realized_profit: words::amount(report.unrealized_pnl),
            liquidation_price: liquidation_price(report),
            isolated_margin: "0",
            notional: words::amount(held.notional),
            margin_asset: "USDT",
            isolated_wallet: "0",
            initial_margin: words::amount(held.initial_margin),
            maint_margin: words::amount(held.maintenance_margin),
            position_initial_margin: words::amount(held.position_margin),
            open_order_initial_margin: words::amount(held.order_margin()),
            adl: 0,
            bid_notional: words::padded(held.open_notional[0].units(), 0),
            ask_notional: words::padded(held.open_notional[1].units(), 0),
            update_time: report.update_time.millis(),
        }
    }
}

fn liquidation_price(report: &PositionReport) -> String {
    words::padded(report.liquidation_price.unwrap_or(Price::ZERO).units(), 0)
}

/// Only symbols with a position or open orders.
pub(super) fn position_risk_v3(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    parameters.only(&["symbol"])?;
    let rows: Result<Vec<PositionV3>, Refusal> = holdings(floor, symbol)?
        .iter()
        .filter(|held| held.is_shown())
        .map(|held| Ok(PositionV3::new(floor.card(held.report.symbol)?, held)))
        .collect();
    to_json(&rows?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PositionV2 {
    symbol: Symbol,
    position_amt: String,
    entry_price: String,
    break_even_price: String,
    mark_price: String,
    un_realized_profit: String,
    liquidation_price: String,
    leverage: String,
    max_notional_value: &'static str,
    margin_type: &'static str,
    isolated_margin: &'static str,
    is_auto_add_margin: &'static str,
    position_side: &'static str,
    notional: String,
    isolated_wallet: &'static str,
    update_time: i64,
    isolated: bool,
    adl_quantile: u8,
}

/// Every symbol, flat or not.
pub(super) fn position_risk_v2(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    parameters.only(&["symbol"])?;
    let rows: Result<Vec<PositionV2>, Refusal> = holdings(floor, symbol)?
        .iter()
        .map(|held| {
            let shown = PositionV3::new(floor.card(held.report.symbol)?, held);
            Ok(PositionV2 {
                symbol: shown.symbol,
                position_amt: shown.position_amt,
                entry_price: shown.entry_price,
                break_even_price: shown.break_even_price,
                mark_price: shown.mark_price,
                un_realized_profit: shown.un_realized_profit,
                liquidation_price: shown.liquidation_price,
                leverage: held.leverage.to_string(),
                max_notional_value: MAX_NOTIONAL,
                margin_type: "cross",
                isolated_margin: "0.00000000",
                is_auto_add_margin: "false",
                position_side: "BOTH",
                notional: words::padded(held.notional.units(), 0),
                isolated_wallet: "0",
                update_time: shown.update_time,
                isolated: false,
                adl_quantile: 0,
            })
        })
        .collect();
    to_json(&rows?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    #[serde(flatten)]
    of_v2: Option<AccountConfig>,
    total_initial_margin: String,
    total_maint_margin: String,
    total_wallet_balance: String,
    total_unrealized_profit: String,
    total_margin_balance: String,
    total_position_initial_margin: String,
    total_open_order_initial_margin: String,
    total_cross_wallet_balance: String,
    total_cross_un_pnl: String,
    available_balance: String,
    max_withdraw_amount: String,
    assets: [AccountAsset; 1],
    positions: Vec<AccountPosition>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountAsset {
    asset: String,
    wallet_balance: String,
    unrealized_profit: String,
    margin_balance: String,
    maint_margin: String,
    initial_margin: String,
    position_initial_margin: String,
    open_order_initial_margin: String,
    cross_wallet_balance: String,
    cross_un_pnl: String,
    available_balance: String,
    max_withdraw_amount: String,
    margin_available: bool,
    update_time: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountPosition {
    symbol: Symbol,
    position_side: &'static str,
    position_amt: String,
    unrealized_profit: String,
    isolated_margin: &'static str,
    notional: String,
    isolated_wallet: &'static str,
    initial_margin: String,
    maint_margin: String,
    update_time: i64,
    #[serde(flatten)]
    of_v2: Option<AccountPositionV2>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountPositionV2 {
    entry_price: String,
    break_even_price: String,
    leverage: String,
    isolated: bool,
    position_initial_margin: String,
    open_order_initial_margin: String,
    max_notional: &'static str,
    bid_notional: String,
    ask_notional: String,
}

pub(super) fn account_v2(floor: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.only(&[])?;
    account(floor, true)
}

pub(super) fn account_v3(floor: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.only(&[])?;
    account(floor, false)
}

fn account(floor: &Floor, is_v2: bool) -> Answer {
    let held = holdings(floor, None)?;
    let report = floor.exchange.balance(floor.account);
    let profit = unrealized(floor);
    let sum = |part: fn(&Held) -> Amount| words::amount(held.iter().map(part).sum());
    let now = floor.now().millis();
    let asset = AccountAsset {
        asset: report.asset.to_string(),
        wallet_balance: words::amount(report.wallet_balance),
        unrealized_profit: words::amount(profit),
        margin_balance: words::amount(report.wallet_balance.saturating_add(profit)),
        maint_margin: sum(|held| held.maintenance_margin),
        initial_margin: sum(|held| held.initial_margin),
        position_initial_margin: sum(|held| held.position_margin),
        open_order_initial_margin: sum(Held::order_margin),
        cross_wallet_balance: words::amount(report.wallet_balance),
        cross_un_pnl: words::amount(profit),
        available_balance: words::amount(report.available_balance),
        max_withdraw_amount: words::amount(report.available_balance),
        margin_available: true,
        update_time: now,
    };
    let rows: Result<Vec<AccountPosition>, Refusal> = held
        .iter()
        .filter(|held| is_v2 || held.is_shown())
        .map(|held| Ok(account_position(floor.card(held.report.symbol)?, held, is_v2)))
        .collect();
    to_json(&Account {
        of_v2: is_v2.then_some(AccountConfig::ONLY),
        total_initial_margin: asset.initial_margin.clone(),
        total_maint_margin: asset.maint_margin.clone(),
        total_wallet_balance: asset.wallet_balance.clone(),
        total_unrealized_profit: asset.unrealized_profit.clone(),
        total_margin_balance: asset.margin_balance.clone(),
        total_position_initial_margin: asset.position_initial_margin.clone(),
        total_open_order_initial_margin: asset.open_order_initial_margin.clone(),
        total_cross_wallet_balance: asset.cross_wallet_balance.clone(),
        total_cross_un_pnl: asset.cross_un_pnl.clone(),
        available_balance: asset.available_balance.clone(),
        max_withdraw_amount: asset.max_withdraw_amount.clone(),
        assets: [asset],
        positions: rows?,
    })
}

fn account_position(card: &Card, held: &Held, is_v2: bool) -> AccountPosition {
    let shown = PositionV3::new(card, held);
    AccountPosition {
        symbol: shown.symbol,
        position_side: "BOTH",
        position_amt: shown.position_amt,
        unrealized_profit: shown.un_realized_profit,
        isolated_margin: "0",
        notional: shown.notional,
        isolated_wallet: "0",
        initial_margin: shown.initial_margin,
        maint_margin: shown.maint_margin,
        update_time: shown.update_time,
        of_v2: is_v2.then_some(AccountPositionV2 {
            entry_price: shown.entry_price,
            break_even_price: shown.break_even_price,
            leverage: held.leverage.to_string(),
            isolated: false,
            position_initial_margin: shown.position_initial_margin,
            open_order_initial_margin: shown.open_order_initial_margin,
            max_notional: MAX_NOTIONAL,
            bid_notional: shown.bid_notional,
            ask_notional: shown.ask_notional,
        }),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the venue's shape")]
struct AccountConfig {
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
    /// The one configuration there is.
    const ONLY: Self = Self {
        fee_tier: 0,
        can_trade: true,
        can_deposit: true,
        can_withdraw: true,
        dual_side_position: false,
        update_time: 0,
        multi_assets_margin: false,
        trade_group_id: -1,
    };
}

pub(super) fn account_config(_: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.only(&[])?;
    to_json(&AccountConfig::ONLY)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SymbolConfig {
    symbol: Symbol,
    margin_type: &'static str,
    is_auto_add_margin: bool,
    leverage: u32,
    max_notional_value: &'static str,
}

pub(super) fn symbol_config(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    parameters.only(&["symbol"])?;
    let rows: Vec<SymbolConfig> = holdings(floor, symbol)?
        .iter()
        .map(|held| SymbolConfig {
            symbol: held.report.symbol,
            margin_type: "CROSSED",
            is_auto_add_margin: false,
            leverage: held.leverage,
            max_notional_value: MAX_NOTIONAL,
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
#[serde(rename_all = "camelCase")]
struct Leverage {
    leverage: u32,
    max_notional_value: &'static str,
    symbol: Symbol,
}

pub(super) fn set_leverage(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    parameters.required("leverage")?;
    let leverage = parameters.integer("leverage")?.ok_or_else(|| Refusal::mandatory("leverage"))?;
    parameters.only(&["symbol", "leverage"])?;
    floor.exchange.set_leverage(floor.account, symbol, leverage)?;
    floor.tell_leverage(symbol, leverage);
    to_json(&Leverage { leverage, max_notional_value: MAX_NOTIONAL, symbol })
}

/// Cross margin is all there is.
pub(super) fn set_margin_type(floor: &mut Floor, parameters: &Parameters) -> Answer {
    floor.card(parameters.symbol()?)?;
    match parameters.required("marginType")? {
        "CROSSED" => Err(Refusal::new(-4046, "No need to change margin type.")),
        _ => Err(Refusal::bad_value("marginType")),
    }
}

pub(super) fn position_mode(_: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.only(&[])?;
    Ok(r#"{"dualSidePosition":false}"#.to_owned())
}

/// One-way mode is all there is.
pub(super) fn set_position_mode(_: &mut Floor, parameters: &Parameters) -> Answer {
    parameters.required("dualSidePosition")?;
    match parameters.flag("dualSidePosition")? {
        Some(false) => Err(Refusal::new(-4059, "No need to change position side.")),
        Some(true) | None => Err(Refusal::bad_value("dualSidePosition")),
    }
}
