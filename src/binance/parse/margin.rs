//! Margin, leverage and payments of the account.

use super::{ParseError, account, exact, rounded, symbol, unknown};
use crate::binance::wire::{self, Text};
use crate::domain::{
    Amount, Asset, Exposure, Income, IncomeKind, PositionReport, Price, Rate, Symbol, Timestamp,
    TradeId,
};

/// The account's margin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountMargin {
    /// Deposits plus realised profit less fees.
    pub wallet_balance: Amount,
    /// Wallet balance plus unrealised profit.
    pub margin_balance: Amount,
    /// Profit not yet realised.
    pub unrealized_pnl: Amount,
    /// Margin for positions and open orders.
    pub initial_margin: Amount,
    /// Margin below which positions are liquidated.
    pub maintenance_margin: Amount,
    /// What may be used as margin now.
    pub available_balance: Amount,
    /// Each asset that is not nothing.
    pub assets: Vec<AssetMargin>,
    /// Each position that is not flat.
    pub positions: Vec<PositionMargin>,
}

/// One asset of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetMargin {
    /// Which.
    pub asset: Asset,
    /// Deposits plus realised profit less fees.
    pub wallet_balance: Amount,
    /// Wallet balance plus unrealised profit.
    pub margin_balance: Amount,
    /// What may be used as margin now.
    pub available_balance: Amount,
}

/// One position, by its margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionMargin {
    /// What is held.
    pub symbol: Symbol,
    /// How much: positive long, negative short.
    pub exposure: Exposure,
    /// Margin for it and its open orders.
    pub initial_margin: Amount,
    /// Margin below which it is liquidated.
    pub maintenance_margin: Amount,
}

/// A position with what endangers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionRisk {
    /// What is held.
    pub report: PositionReport,
    /// The price at which closing loses nothing, fees included.
    pub break_even_price: Price,
    /// Value at the mark price, signed.
    pub notional: Amount,
    /// Margin below which it is liquidated, where told (v3).
    pub maintenance_margin: Option<Amount>,
    /// The leverage set, where told (v2).
    pub leverage: Option<u32>,
    /// Whether its margin is its own, where told in words this version knows (v2).
    pub is_isolated: Option<bool>,
    /// How near to auto-deleveraging, 0 to 4, where told (v3).
    pub adl_quantile: Option<u8>,
}

/// One bracket of leverage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeverageBracket {
    /// Where it begins, in notional.
    pub floor: Amount,
    /// Where it ends; `None` if it does not.
    pub cap: Option<Amount>,
    /// The highest leverage within it.
    pub leverage: u32,
    /// The part of notional that must be kept as margin.
    pub maintenance_rate: Rate,
    /// What is taken off that margin, for the lower brackets.
    pub deduction: Amount,
}

/// The account's margin.
///
/// # Errors
/// [`ParseError::HedgeMode`] for a position in hedge mode, and for numbers that are none.
pub fn parse_account_margin(account: &wire::AccountMargin) -> Result<AccountMargin, ParseError> {
    const WHAT: &str = "account";
    let assets = account.assets.iter().map(asset_margin).collect::<Result<Vec<_>, _>>()?;
    let positions = account.positions.iter().map(position_margin).collect::<Result<Vec<_>, _>>()?;
    Ok(AccountMargin {
        wallet_balance: rounded(WHAT, "totalWalletBalance", &account.total_wallet_balance)?,
        margin_balance: rounded(WHAT, "totalMarginBalance", &account.total_margin_balance)?,
        unrealized_pnl: rounded(WHAT, "totalUnrealizedProfit", &account.total_unrealized_profit)?,
        initial_margin: rounded(WHAT, "totalInitialMargin", &account.total_initial_margin)?,
        maintenance_margin: rounded(WHAT, "totalMaintMargin", &account.total_maint_margin)?,
        available_balance: rounded(WHAT, "availableBalance", &account.available_balance)?,
        assets: assets.into_iter().filter(|asset| !asset.wallet_balance.is_zero()).collect(),
        positions: positions.into_iter().filter(|held| !held.exposure.is_zero()).collect(),
    })
}

fn asset_margin(row: &wire::AssetMargin) -> Result<AssetMargin, ParseError> {
    const WHAT: &str = "account asset";
    Ok(AssetMargin {
        asset: exact(WHAT, "asset", &row.asset)?,
        wallet_balance: rounded(WHAT, "walletBalance", &row.wallet_balance)?,
        margin_balance: rounded(WHAT, "marginBalance", &row.margin_balance)?,
        available_balance: rounded(WHAT, "availableBalance", &row.available_balance)?,
    })
}

fn position_margin(row: &wire::PositionMargin) -> Result<PositionMargin, ParseError> {
    const WHAT: &str = "account position";
    let symbol = symbol(WHAT, &row.symbol)?;
    let exposure = exact(WHAT, "positionAmt", row.position_amt.as_str())?;
    account::one_way(symbol, exposure, &row.position_side)?;
    Ok(PositionMargin {
        symbol,
        exposure,
        initial_margin: rounded(WHAT, "initialMargin", &row.initial_margin)?,
        maintenance_margin: rounded(WHAT, "maintMargin", &row.maint_margin)?,
    })
}

/// The positions with what endangers them, flat ones left out.
///
/// # Errors
/// [`ParseError::HedgeMode`] for a position in hedge mode, and for numbers that are none.
pub fn parse_position_risks(rows: &[wire::Position]) -> Result<Vec<PositionRisk>, ParseError> {
    let risks = rows.iter().map(position_risk).collect::<Result<Vec<_>, _>>()?;
    Ok(risks.into_iter().filter(|risk| !risk.report.exposure.is_zero()).collect())
}

fn position_risk(row: &wire::Position) -> Result<PositionRisk, ParseError> {
    const WHAT: &str = "position";
    let optional = |field, text: &Option<Text>| {
        text.as_ref().map(|text| rounded(WHAT, field, text)).transpose()
    };
    let leverage = row.leverage.as_ref().map(|text| exact(WHAT, "leverage", text.as_str()));
    Ok(PositionRisk {
        report: account::position(row)?,
        break_even_price: rounded(WHAT, "breakEvenPrice", &row.break_even_price)?,
        notional: rounded(WHAT, "notional", &row.notional)?,
        maintenance_margin: optional("maintMargin", &row.maint_margin)?,
        leverage: leverage.transpose()?,
        is_isolated: row.margin_type.as_ref().and_then(|kind| is_isolated(kind.as_str())),
        adl_quantile: row.adl,
    })
}

/// `cross`, `CROSSED`, `isolated` and `ISOLATED` are all spelt by the venue; `None` for anything
/// else.
#[must_use]
pub fn is_isolated(margin_type: &str) -> Option<bool> {
    match margin_type.to_ascii_lowercase().as_str() {
        "isolated" => Some(true),
        "cross" | "crossed" => Some(false),
        _ => {
            unknown::tell_once("margin type", margin_type, "it counts as not told");
            None
        }
    }
}

/// The brackets of a symbol, the smallest first.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_leverage_brackets(
    row: &wire::LeverageBrackets,
) -> Result<Vec<LeverageBracket>, ParseError> {
    let mut brackets = row.brackets.iter().map(bracket).collect::<Result<Vec<_>, _>>()?;
    brackets.sort_by_key(|bracket| bracket.floor);
    Ok(brackets)
}

fn bracket(row: &wire::LeverageBracket) -> Result<LeverageBracket, ParseError> {
    const WHAT: &str = "leverage bracket";
    Ok(LeverageBracket {
        floor: rounded(WHAT, "notionalFloor", &row.notional_floor)?,
        cap: open_ended(&row.notional_cap)?,
        leverage: row.initial_leverage,
        maintenance_rate: rounded(WHAT, "maintMarginRatio", &row.maint_margin_ratio)?,
        deduction: rounded(WHAT, "cum", &row.cum)?,
    })
}

/// The last bracket's end may be the largest number there is.
fn open_ended(cap: &Text) -> Result<Option<Amount>, ParseError> {
    match cap.as_str().parse() {
        Ok(cap) => Ok(Some(cap)),
        Err(crate::domain::DecimalError::Overflow(_)) => Ok(None),
        Err(_) => exact("leverage bracket", "notionalCap", cap.as_str()).map(Some),
    }
}

/// Payments, oldest first.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_incomes(rows: &[wire::Income]) -> Result<Vec<Income>, ParseError> {
    let mut incomes = rows.iter().map(income).collect::<Result<Vec<_>, _>>()?;
    incomes.sort_by_key(|income| income.time);
    Ok(incomes)
}

fn income(row: &wire::Income) -> Result<Income, ParseError> {
    const WHAT: &str = "income";
    let has_symbol = !row.symbol.is_empty();
    let trade_id = row.trade_id.as_str();
    let has_trade = !trade_id.is_empty() && trade_id != "0";
    Ok(Income {
        kind: IncomeKind::from_word(row.income_type.as_str()),
        symbol: has_symbol.then(|| symbol(WHAT, &row.symbol)).transpose()?,
        amount: rounded(WHAT, "income", &row.income)?,
        asset: exact(WHAT, "asset", &row.asset)?,
        time: Timestamp::from_millis(row.time),
        transaction_id: exact(WHAT, "tranId", row.tran_id.as_str())?,
        trade_id: has_trade.then(|| exact(WHAT, "tradeId", trade_id).map(TradeId)).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::parse::read_json;

    #[test]
    fn the_last_bracket_may_have_no_end() {
        let text = r#"{"symbol":"ETHUSDT","notionalCoef":1.5,"brackets":[
            {"bracket":2,"initialLeverage":1,"notionalCap":9223372036854775807,
             "notionalFloor":10000,"maintMarginRatio":0.5,"cum":65.0},
            {"bracket":1,"initialLeverage":75,"notionalCap":10000,"notionalFloor":0,
             "maintMarginRatio":6.5E-3,"cum":0}]}"#;
        let row: wire::LeverageBrackets = read_json("brackets", text).unwrap();
        let brackets = parse_leverage_brackets(&row).unwrap();
        assert_eq!(brackets[0].maintenance_rate, "0.0065".parse().unwrap());
        assert_eq!(brackets[0].cap, Some("10000".parse().unwrap()));
        assert_eq!((brackets[1].cap, brackets[1].leverage), (None, 1));
    }

    #[test]
    fn a_payment_is_named_by_a_number_or_by_text() {
        let row = |id: &str, trade: &str| {
            let text = format!(
                r#"{{"symbol":"","incomeType":"LOYALTY","income":"-3.75E-1","asset":"USDT",
                "time":1570608000000,"tranId":{id},"tradeId":{trade}}}"#
            );
            parse_incomes(&[read_json("income", &text).unwrap()]).unwrap().remove(0)
        };
        let income = row("9689322392", "\"\"");
        assert_eq!(income, row("\"9689322392\"", "null"));
        assert_eq!(income.amount, "-0.375".parse().unwrap());
        assert_eq!(income.kind, IncomeKind::Other("LOYALTY".to_owned()), "kept as it came");
        assert_eq!(row("1", "2059192").trade_id, Some(TradeId(2_059_192)));
    }
}
