//! A backtest as one HTML page that needs nothing else: the equity curve and the figures.

use std::fmt::Write as _;

use crate::domain::{Amount, FeeRates};
use crate::sim::BacktestReport;
use crate::train::plot::{self, MOST_POINTS, Titles};

/// Writes the page of a backtest; `fees` are those the account was assumed to pay.
///
/// # Errors
/// What could not be drawn.
pub fn page(title: &str, report: &BacktestReport, fees: FeeRates) -> Result<String, String> {
    let mut rows = String::new();
    for (name, figure) in figures(report, fees) {
        // Writing to a string cannot fail.
        let _ = write!(rows, "<tr><td>{name}</td><td>{figure}</td></tr>");
    }
    for (reason, count) in &report.why_not {
        let _ = write!(rows, "<tr><td>no entry: {reason}, seconds</td><td>{count}</td></tr>");
    }
    let curve = equity(report)?;
    Ok(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:15px sans-serif;max-width:45em;margin:2em auto}}\
         td{{padding:.1em 1em;text-align:right}}td:first-child{{text-align:left}}</style>\
         <h1>{title}</h1>{curve}<table>{rows}</table>\
         <p>Simulated on recorded seconds: an order joins behind the displayed quantity, and only \
         trades move it forward.</p></html>\n"
    ))
}

fn figures(report: &BacktestReport, fees: FeeRates) -> Vec<(String, String)> {
    let money = |amount: Amount| format!("{:.2}", amount.to_f64());
    let after = format!(
        "PnL after fees (maker {}, taker {} bps), USDT",
        fees.maker.bps(),
        fees.taker.bps()
    );
    let win_rate =
        report.win_rate.map_or("–".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
    let named = |name: &str, figure: String| (name.to_owned(), figure);
    vec![
        named("seconds", report.seconds.to_string()),
        named("predictions", report.predictions.to_string()),
        named("entries", report.entries.to_string()),
        named("round trips", report.round_trips.to_string()),
        named("round trips won after fees", win_rate),
        named("fills", report.fills.to_string()),
        named("volume, USDT", money(report.volume)),
        named("of it as maker, USDT", money(report.maker_volume)),
        named("PnL before fees, USDT", money(report.pnl_before_fees)),
        (after, money(report.pnl_after_fees)),
        named(
            "PnL at default fees (maker 2, taker 5 bps), USDT",
            money(report.pnl_at_default_fees),
        ),
        named("deepest fall of equity, USDT", money(report.max_drawdown)),
        named("stop-losses", report.stop_losses.to_string()),
        named("closed for age", report.holding_timeouts.to_string()),
        named("seconds without a stop", format!("{:.3}", report.naked.as_secs_f64())),
        named("discrepancies", report.discrepancies.to_string()),
    ]
}

fn equity(report: &BacktestReport) -> Result<String, String> {
    let start = report.equity.first().map_or(0, |point| point.second.unix());
    let every = report.equity.len().div_ceil(MOST_POINTS).max(1);
    let last = report.equity.len().saturating_sub(1);
    let kept = report.equity.iter().enumerate().filter(|(at, _)| at % every == 0 || *at == last);
    let points: Vec<(f64, f64)> = kept
        .map(|(_, point)| {
            let elapsed = u32::try_from(point.second.unix() - start).unwrap_or(u32::MAX);
            (f64::from(elapsed) / 3_600.0, point.equity.to_f64())
        })
        .collect();
    let titles = Titles { plot: "Equity after the account's fees, USDT", x: "hours", y: "equity" };
    plot::line(titles, &points, &[])
}
