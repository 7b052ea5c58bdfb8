//! Positions, balances, fills and fees.

use super::unknown;
use super::{ParseError, exact, exact_or_zero, fee_magnitude, parse_rows, rounded, side, symbol};
use crate::binance::wire::{self, PositionSide};
use crate::domain::{
    Amount, BalanceReport, Exposure, FeeRates, Fill, OrderId, PositionReport, Price, Symbol,
    Timestamp, TradeId,
};

/// A position as an account event tells it: without the mark price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionChange {
    /// What is held.
    pub symbol: Symbol,
    /// How much: positive long, negative short.
    pub exposure: Exposure,
    /// The average price paid; zero when flat.
    pub entry_price: Price,
    /// When the venue says so.
    pub event_time: Timestamp,
}

/// A balance as an account event tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceChange {
    /// Which asset.
    pub asset: crate::domain::Asset,
    /// The wallet balance after the change.
    pub wallet_balance: Amount,
    /// When the venue says so.
    pub event_time: Timestamp,
}

/// The positions that are not flat, in the venue's order.
///
/// # Errors
/// [`ParseError::HedgeMode`] if any is held in hedge mode, and for numbers that are none.
pub fn parse_positions(rows: &[wire::Position]) -> Result<Vec<PositionReport>, ParseError> {
    let mut positions = Vec::new();
    for row in rows {
        let report = position(row)?;
        if report.exposure.is_zero() {
            continue;
        }
        positions.push(report);
    }
    Ok(positions)
}

/// The position in one symbol; no row, or only flat ones, is a flat position.
///
/// # Errors
/// As [`parse_positions`].
pub fn parse_position(
    wanted: Symbol,
    rows: &[wire::Position],
) -> Result<PositionReport, ParseError> {
    let mut flat = PositionReport {
        symbol: wanted,
        exposure: Exposure::ZERO,
        entry_price: Price::ZERO,
        mark_price: Price::ZERO,
        unrealized_pnl: Amount::ZERO,
        liquidation_price: None,
        update_time: Timestamp::default(),
    };
    for row in rows.iter().filter(|row| row.symbol == wanted.as_str()) {
        let report = position(row)?;
        if !report.exposure.is_zero() {
            return Ok(report);
        }
        flat = report;
    }
    Ok(flat)
}

pub(super) fn position(row: &wire::Position) -> Result<PositionReport, ParseError> {
    const WHAT: &str = "position";
    let symbol = symbol(WHAT, &row.symbol)?;
    let exposure = exact(WHAT, "positionAmt", row.position_amt.as_str())?;
    one_way(symbol, exposure, &row.position_side)?;
    let liquidation: Price = rounded(WHAT, "liquidationPrice", &row.liquidation_price)?;
    Ok(PositionReport {
        symbol,
        exposure,
        entry_price: rounded(WHAT, "entryPrice", &row.entry_price)?,
        mark_price: rounded(WHAT, "markPrice", &row.mark_price)?,
        unrealized_pnl: rounded(WHAT, "unRealizedProfit", &row.unrealized_profit)?,
        liquidation_price: (!liquidation.is_zero()).then_some(liquidation),
        update_time: Timestamp::from_millis(row.update_time),
    })
}

/// A held position of the hedge mode has no meaning for a one-way ledger. One whose side has a name
/// unknown to this version is held all the same: it is risk, whatever it is called.
pub(super) fn one_way(
    symbol: Symbol,
    exposure: Exposure,
    side: &PositionSide,
) -> Result<(), ParseError> {
    match side {
        PositionSide::Both => Ok(()),
        PositionSide::Long | PositionSide::Short | PositionSide::Other(_) if exposure.is_zero() => {
            Ok(())
        }
        PositionSide::Long | PositionSide::Short => Err(ParseError::HedgeMode(symbol)),
        PositionSide::Other(value) => {
            unknown::tell_once("position side", value, "such a position counts as one-way");
            Ok(())
        }
    }
}

/// The balances that are not zero.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_balances(rows: &[wire::Balance]) -> Result<Vec<BalanceReport>, ParseError> {
    const WHAT: &str = "balance";
    let mut balances = Vec::new();
    for row in rows {
        let wallet_balance: Amount = rounded(WHAT, "balance", &row.balance)?;
        let available_balance: Amount = rounded(WHAT, "availableBalance", &row.available_balance)?;
        if wallet_balance.is_zero() && available_balance.is_zero() {
            continue;
        }
        let asset = exact(WHAT, "asset", &row.asset)?;
        balances.push(BalanceReport { asset, wallet_balance, available_balance });
    }
    Ok(balances)
}

/// Our trades, oldest first; one whose side is unknown to this version is left out, and shows as a
/// difference of the position.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_fills(rows: &[wire::UserTrade]) -> Result<Vec<Fill>, ParseError> {
    let mut fills = parse_rows(rows, fill)?;
    fills.sort_by_key(|fill| fill.trade_id);
    Ok(fills)
}

fn fill(row: &wire::UserTrade) -> Result<Fill, ParseError> {
    const WHAT: &str = "user trade";
    let asset = if row.commission_asset.as_str().is_empty() {
        "USDT"
    } else {
        row.commission_asset.as_str()
    };
    Ok(Fill {
        symbol: symbol(WHAT, &row.symbol)?,
        trade_id: TradeId(row.id),
        order_id: OrderId(row.order_id),
        client_order_id: None,
        side: side("side", &row.side)?,
        price: exact(WHAT, "price", row.price.as_str())?,
        quantity: exact(WHAT, "qty", row.qty.as_str())?,
        commission: fee_magnitude(rounded(WHAT, "commission", &row.commission)?),
        commission_asset: exact(WHAT, "commissionAsset", asset)?,
        realized_pnl: rounded(WHAT, "realizedPnl", &row.realized_pnl)?,
        is_maker: row.maker,
        time: Timestamp::from_millis(row.time),
    })
}

/// The account's fees on a symbol.
///
/// # Errors
/// [`ParseError`] for a number that is none.
pub fn parse_fee_rates(rate: &wire::CommissionRate) -> Result<FeeRates, ParseError> {
    const WHAT: &str = "commission rate";
    Ok(FeeRates {
        maker: exact_or_zero(WHAT, "makerCommissionRate", &rate.maker_commission_rate)?,
        taker: exact_or_zero(WHAT, "takerCommissionRate", &rate.taker_commission_rate)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::parse::read_json;

    const POSITION: &str = r#"[{"symbol":"BTCUSDT","positionSide":"BOTH","positionAmt":"-0.097",
        "entryPrice":"61800.1234567891","markPrice":"61790.5","unRealizedProfit":"0.93",
        "liquidationPrice":"0","updateTime":1720736417660}]"#;

    #[test]
    fn no_row_is_a_flat_position_and_a_negative_amount_is_short() {
        let bitcoin = Symbol::new("BTCUSDT").unwrap();
        assert!(parse_position(bitcoin, &[]).unwrap().exposure.is_zero());
        let rows: Vec<wire::Position> = read_json("position", POSITION).unwrap();
        let report = parse_position(bitcoin, &rows).unwrap();
        assert_eq!(report.exposure, "-0.097".parse().unwrap());
        assert_eq!(report.entry_price, "61800.12345679".parse().unwrap());
        assert_eq!(report.liquidation_price, None);
    }

    #[test]
    fn a_position_in_hedge_mode_is_refused_unless_flat() {
        let hedged = POSITION.replace("BOTH", "SHORT");
        let rows: Vec<wire::Position> = read_json("position", &hedged).unwrap();
        assert!(matches!(parse_positions(&rows), Err(ParseError::HedgeMode(_))));
        let flat = hedged.replace("-0.097", "0.000");
        let rows: Vec<wire::Position> = read_json("position", &flat).unwrap();
        assert_eq!(parse_positions(&rows), Ok(Vec::new()));
    }
}
