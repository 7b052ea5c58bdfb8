//! The model card: what a model is, what it learnt from, how well it does and where it must not be
//! trusted; Markdown, for people.

use std::fmt::Write as _;

use crate::predict::{Artifact, Fate, Interval, Metrics, Model};

/// Writes the card of a sealed model.
pub(super) fn card(artifact: &Artifact) -> String {
    let model = artifact.model();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_head(&mut text, artifact);
    let _ = write_figures(&mut text, model);
    let _ = write_columns(&mut text, model);
    text
}

fn write_head(text: &mut String, artifact: &Artifact) -> std::fmt::Result {
    let model = artifact.model();
    let provenance = &model.provenance;
    writeln!(text, "# {}\n", artifact.id())?;
    writeln!(
        text,
        "Predicts the mid-price of {} {} s ahead, in bps, from the feature set `{}`.\n",
        model.target, model.horizon_s, model.feature_set
    )?;
    let (fitted, judged) = (&provenance.train, &provenance.test);
    writeln!(text, "| | |\n|---|---|")?;
    writeln!(text, "| fitted on | {} to {}, {} rows |", fitted.first, fitted.last, fitted.rows)?;
    writeln!(text, "| judged on | {} to {}, {} rows |", judged.first, judged.last, judged.rows)?;
    writeln!(text, "| embargo after the cut | {} s |", provenance.embargo_s)?;
    writeln!(text, "| labels left out as outliers | {} |", provenance.outliers)?;
    if let Some(alpha) = provenance.alpha {
        writeln!(text, "| penalty, by walk-forward validation | {alpha:.6} |")?;
    }
    writeln!(text, "| signal threshold | {} spreads |", model.signal_spread_multiple)?;
    writeln!(text, "| seed, code | {}, {} |", provenance.seed, provenance.code_version)?;
    writeln!(text, "| SHA-256 | `{}` |\n", artifact.sha256())
}

fn write_figures(text: &mut String, model: &Model) -> std::fmt::Result {
    let evaluation = &model.evaluation;
    writeln!(text, "## On the test part\n\n| | model | zero forecast |\n|---|---|---|")?;
    for (name, figure) in FIGURES {
        let (own, zero) = (figure(&evaluation.model), figure(&evaluation.zero));
        writeln!(text, "| {name} | {} | {} |", show(own), show(zero))?;
    }
    writeln!(
        text,
        "\n{:.0} % intervals from {} resamples of {}-s blocks: r2 {}, r2 against zero {}.",
        evaluation.level * 100.0,
        evaluation.resamples,
        evaluation.block_s,
        show_interval(evaluation.r2_interval),
        show_interval(evaluation.skill_interval)
    )?;
    writeln!(
        text,
        "Labels overlap for {} s: n counts rows, not independent moves. Profit is another question; \
         fees eat a move of this size on most accounts.\n",
        model.horizon_s
    )
}

fn write_columns(text: &mut String, model: &Model) -> std::fmt::Result {
    writeln!(text, "## Columns\n\n| feature | bps per standard deviation | mean | scale |")?;
    writeln!(text, "|---|---|---|---|")?;
    for column in &model.columns {
        let coefficient = match column.fate {
            Fate::Kept => format!("{:+.4}", column.coefficient),
            Fate::Constant => "dropped: never varied".to_owned(),
            Fate::Collinear => "dropped: collinear with earlier columns".to_owned(),
        };
        writeln!(
            text,
            "| {} | {coefficient} | {:.4} | {:.4} |",
            column.name, column.mean, column.scale
        )?;
    }
    writeln!(text, "\nIntercept {:+.4} bps.", model.intercept)
}

type Figure = (&'static str, fn(&Metrics) -> Option<f64>);

/// The figures of every report, in their order.
pub(super) const FIGURES: [Figure; 7] = [
    ("MSE, bps²", |metrics| Some(metrics.mse)),
    ("R² against the training mean", |metrics| metrics.r2),
    ("R² against zero", |metrics| metrics.r2_vs_zero),
    ("correlation", |metrics| metrics.correlation),
    ("MAE, bps", |metrics| Some(metrics.mae_bps)),
    ("RMSE, bps", |metrics| Some(metrics.rmse_bps)),
    ("sign right, of non-zero moves", |metrics| metrics.sign_hit_rate),
];

pub(super) fn show(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.4}"))
}

pub(super) fn show_interval(interval: Option<Interval>) -> String {
    interval.map_or_else(
        || "unknown".to_owned(),
        |interval| format!("{:.4} to {:.4}", interval.lower, interval.upper),
    )
}
