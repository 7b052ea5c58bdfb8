//! The account as a whole: its balance and its margin (exchange-api.md 4.5).

use serde::Serialize;

use crate::domain::Symbol;
use crate::sim::{Holding, MarginSummary};

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::words;
use super::configuration::AccountConfig;
use super::positions::PositionRisk;
use super::{Answer, to_json};

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
    let margin = floor.exchange.margin(floor.account);
    to_json(&[Balance {
        account_alias: "SgsR",
        asset: floor.exchange.balance(floor.account).asset.to_string(),
        balance: words::amount(margin.wallet),
        cross_wallet_balance: words::amount(margin.cross_wallet),
        cross_un_pnl: words::amount(margin.cross_unrealized_pnl),
        available_balance: words::amount(margin.available),
        max_withdraw_amount: words::amount(margin.max_withdraw),
        margin_available: true,
        update_time: floor.now().millis(),
    }])
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

impl AccountAsset {
    fn new(floor: &Floor, margin: &MarginSummary) -> Self {
        let initial = margin.position_margin.saturating_add(margin.order_margin);
        Self {
            asset: floor.exchange.balance(floor.account).asset.to_string(),
            wallet_balance: words::amount(margin.wallet),
            unrealized_profit: words::amount(margin.unrealized_pnl),
            margin_balance: words::amount(margin.wallet.saturating_add(margin.unrealized_pnl)),
            maint_margin: words::amount(margin.maintenance_margin),
            initial_margin: words::amount(initial),
            position_initial_margin: words::amount(margin.position_margin),
            open_order_initial_margin: words::amount(margin.order_margin),
            cross_wallet_balance: words::amount(margin.cross_wallet),
            cross_un_pnl: words::amount(margin.cross_unrealized_pnl),
            available_balance: words::amount(margin.available),
            max_withdraw_amount: words::amount(margin.max_withdraw),
            margin_available: true,
            update_time: floor.now().millis(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountPosition {
    symbol: Symbol,
    position_side: &'static str,
    position_amt: String,
    unrealized_profit: String,
    isolated_margin: String,
    notional: String,
    isolated_wallet: String,
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
    max_notional: String,
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
    let asset = AccountAsset::new(floor, &floor.exchange.margin(floor.account));
    let holdings = floor.exchange.holdings(floor.account);
    let rows: Result<Vec<AccountPosition>, Refusal> = holdings
        .iter()
        .filter(|holding| is_v2 || super::positions::is_shown(holding))
        .map(|holding| Ok(AccountPosition::new(floor.card(holding.report.symbol)?, holding, is_v2)))
        .collect();
    to_json(&Account {
        of_v2: is_v2.then(|| AccountConfig::of(floor)),
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

impl AccountPosition {
    fn new(card: &Card, holding: &Holding, is_v2: bool) -> Self {
        let shown = PositionRisk::new(card, holding, 0);
        Self {
            symbol: shown.symbol,
            position_side: shown.position_side,
            position_amt: shown.position_amt,
            unrealized_profit: shown.un_realized_profit,
            isolated_margin: shown.isolated_margin,
            notional: shown.notional,
            isolated_wallet: shown.isolated_wallet,
            initial_margin: shown.initial_margin,
            maint_margin: shown.maint_margin,
            update_time: shown.update_time,
            of_v2: is_v2.then(|| AccountPositionV2 {
                entry_price: shown.entry_price,
                break_even_price: shown.break_even_price,
                leverage: holding.leverage.to_string(),
                isolated: super::positions::is_isolated(holding),
                position_initial_margin: shown.position_initial_margin,
                open_order_initial_margin: shown.open_order_initial_margin,
                max_notional: words::padded(holding.max_notional.units(), 0),
                bid_notional: shown.bid_notional,
                ask_notional: shown.ask_notional,
            }),
        }
    }
}
