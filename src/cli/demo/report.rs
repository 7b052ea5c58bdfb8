//! What the demo prints: the models' judgement, and at the end what it came to.

use std::path::Path;

use crate::app::demo::{Candidate, DemoSummary, Prepared};
use crate::cli::{CommandError, Output};
use crate::predict::Metrics;
use crate::train::threshold::Point;

/// Prints the models beside the zero forecast, how their thresholds traded, and the backtests.
pub(super) fn judgement(output: Output, prepared: &Prepared) -> Result<(), CommandError> {
    let history = &prepared.history;
    output.line(format!(
        "recorded {} seconds ({} valid) from {} on, {} depth updates",
        history.last.seconds_since(history.first) + 1,
        history.valid,
        history.first,
        history.updates,
    ))?;
    output.line("\nPrediction of the mid 10 s ahead, on the last 30 % of the history:")?;
    let mut rows: Vec<Vec<String>> = prepared.candidates.iter().map(judged).collect();
    rows.extend(prepared.candidates.first().map(|first| {
        let zero = &first.trained.artifact.model().evaluation.zero;
        metrics_row("zero forecast", zero, String::from("-"))
    }));
    let header =
        ["model", "R²", "R² interval", "correlation", "MAE bps", "RMSE bps", "sign hit", "gates"];
    output.table(&header, rows)?;
    for candidate in &prepared.candidates {
        thresholds(output, candidate)?;
    }
    output.line("\nBacktest on the same part (demo tier: maker 0, taker 1.0 bps):")?;
    let header = [
        "model",
        "round trips",
        "win rate",
        "PnL before fees",
        "demo tier",
        "default tier",
        "max drawdown",
        "stop-losses",
    ];
    output.table(&header, prepared.candidates.iter().map(backtested))?;
    if let Some(at) = prepared.promoted {
        let id = prepared.candidates[at].trained.artifact.id();
        output.line(format!("\n{id} is promoted and trades from here on"))?;
    }
    Ok(())
}

fn judged(candidate: &Candidate) -> Vec<String> {
    let evaluation = &candidate.trained.artifact.model().evaluation;
    let interval = evaluation.r2_interval.as_ref();
    let interval = interval.map_or("-".to_owned(), |interval| {
        format!("{:.3} to {:.3}", interval.lower, interval.upper)
    });
    let id = candidate.trained.artifact.id().to_string();
    let mut row = metrics_row(&id, &evaluation.model, interval);
    let failed = candidate.gates.iter().filter(|gate| !gate.passed).count();
    let verdict = if failed == 0 { "passed".to_owned() } else { format!("{failed} failed") };
    if let Some(last) = row.last_mut() {
        *last = verdict;
    }
    row
}

fn metrics_row(name: &str, metrics: &Metrics, interval: String) -> Vec<String> {
    let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
    vec![
        name.to_owned(),
        shown(metrics.r2),
        interval,
        shown(metrics.correlation),
        format!("{:.3}", metrics.mae_bps),
        format!("{:.3}", metrics.rmse_bps),
        shown(metrics.sign_hit_rate),
        "-".to_owned(),
    ]
}

fn thresholds(output: Output, candidate: &Candidate) -> Result<(), CommandError> {
    let tuned = &candidate.tuned;
    output.line(format!(
        "\nSignal threshold of {}, in spreads, traded on the end of the training part; chosen: {} ({})",
        candidate.kind.name(),
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
    [
        point.trades.to_string(),
        format!("{:.2}", point.pnl_before_fees.to_f64()),
        format!("{:.2}", point.pnl_after_fees.to_f64()),
    ]
}

fn backtested(candidate: &Candidate) -> Vec<String> {
    let report = &candidate.backtest;
    let win_rate = report.win_rate.map_or("-".to_owned(), |rate| format!("{:.0} %", rate * 100.0));
    vec![
        candidate.trained.artifact.id().to_string(),
        report.round_trips.to_string(),
        win_rate,
        format!("{:.2}", report.pnl_before_fees.to_f64()),
        format!("{:.2}", report.pnl_after_fees.to_f64()),
        format!("{:.2}", report.pnl_at_default_fees.to_f64()),
        format!("{:.2}", report.max_drawdown.to_f64()),
        report.stop_losses.to_string(),
    ]
}

/// Prints what the demo came to.
pub(super) fn summary(
    output: Output,
    summary: &DemoSummary,
    folder: &Path,
) -> Result<(), CommandError> {
    if output.is_json() {
        return output.json(summary);
    }
    let shown =
        |value: Option<f64>| value.map_or("too few".to_owned(), |value| format!("{value:.4}"));
    output.line("\nWhat it came to:")?;
    let rows = [
        ("seconds recorded", summary.seconds_recorded.to_string()),
        ("seconds missing", summary.seconds_missing.to_string()),
        ("live predictions", summary.predictions.to_string()),
        (
            "R² live / backtest",
            format!("{} / {}", shown(summary.live_r2), shown(summary.backtest_r2)),
        ),
        ("round trips", summary.round_trips.to_string()),
        ("stop-losses", summary.stop_losses.to_string()),
        ("PnL before fees, USDT", summary.pnl_before_fees.to_string()),
        ("PnL with the demo's tier", summary.pnl_after_fees.to_string()),
        ("PnL at default fees", summary.pnl_at_default_fees.to_string()),
        ("discrepancies", summary.discrepancies.to_string()),
        ("seconds without a stop", format!("{:.3}", summary.naked_seconds)),
        ("final position", summary.final_position.to_string()),
    ];
    output.table(&["", ""], rows.map(|(name, value)| vec![name.to_owned(), value]))?;
    output.line(format!(
        "\nLook closer: lobd models list --data-dir {0}; lobd journal replay --data-dir {0}; \
         lobd sql --data-dir {0} 'select * from book limit 3'",
        folder.display()
    ))
}
