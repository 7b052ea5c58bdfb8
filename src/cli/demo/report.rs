//! What the demo prints: the models' judgement, and at the end what it came to.

use std::path::Path;

use crate::app::candidate::Candidate;
use crate::app::demo::{DemoSummary, Prepared};
use crate::app::trial;
use crate::cli::{CommandError, Output, simulated};
use crate::domain::Environment;
use crate::predict::Metrics;

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
        if let Some(tuned) = &candidate.tuned {
            simulated::thresholds(output, candidate.kind.name(), tuned)?;
        }
    }
    output.line("\nBacktest on the same part:")?;
    let backtests = prepared
        .candidates
        .iter()
        .map(|candidate| (candidate.trained.artifact.id().to_string(), &candidate.backtest));
    simulated::backtests(output, backtests, trial::assumed_fees(Environment::Sandbox))?;
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
        ("funding, USDT", summary.funding.to_string()),
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
