//! How simulated trading is shown: the thresholds tried, and what backtests came to.

use crate::app::trial::Tuned;
use crate::domain::{Amount, FeeRates};
use crate::sim::BacktestReport;
use crate::train::threshold::Point;

use super::{CommandError, Output};

/// Prints the grid of thresholds, traded with the fee floor and without.
pub(super) fn thresholds(output: Output, name: &str, tuned: &Tuned) -> Result<(), CommandError> {
    output.line(format!(
        "\nSignal threshold of {name}, in spreads, traded on the end of the training part; chosen: \
         {} ({})",
        tuned.choice.spread_multiple,
        tuned.choice.remark(),
    ))?;
    let header = [
        "threshold",
        "round trips",
        "PnL before fees",
        "PnL after fees",
        "without floor: trips",
        "before fees",
        "after fees",
    ];
    let rows = tuned.with_floor.iter().zip(&tuned.without_floor).map(|(with, without)| {
        let mut row = vec![with.spread_multiple.to_string()];
        row.extend(traded(with));
        row.extend(traded(without));
        row
    });
    output.table(&header, rows)
}

fn traded(point: &Point) -> [String; 3] {
    [point.trades.to_string(), cents(point.pnl_before_fees), cents(point.pnl_after_fees)]
}

/// Prints backtests by name, with the fees assumed for the account.
pub(super) fn backtests<'a>(
    output: Output,
    named: impl IntoIterator<Item = (String, &'a BacktestReport)>,
    fees: FeeRates,
) -> Result<(), CommandError> {
    output.line(format!(
        "fees of the account: maker {} bps, taker {} bps; default: maker 2 bps, taker 5 bps",
        fees.maker.bps(),
        fees.taker.bps()
    ))?;
    let header = [
        "model",
        "round trips",
        "win rate",
        "PnL before fees",
        "account's fees",
        "default fees",
        "max drawdown",
        "stop-losses",
    ];
    output.table(&header, named.into_iter().map(|(name, report)| row(name, report)))
}

fn row(name: String, report: &BacktestReport) -> Vec<String> {
    let win_rate = report.win_rate.map_or("-".to_owned(), |rate| format!("{:.0} %", rate * 100.0));
    vec![
        name,
        report.round_trips.to_string(),
        win_rate,
        cents(report.pnl_before_fees),
        cents(report.pnl_after_fees),
        cents(report.pnl_at_default_fees),
        cents(report.max_drawdown),
        report.stop_losses.to_string(),
    ]
}

fn cents(amount: Amount) -> String {
    format!("{:.2}", amount.to_f64())
}
