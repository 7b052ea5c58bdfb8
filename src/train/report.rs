//! The report: the judgement as pictures, one HTML page that needs nothing else.

use std::fmt::Write as _;

use crate::features::float;
use crate::predict::Artifact;

use super::card::{FIGURES, show, show_interval};
use super::evaluate::Scored;
use super::plot::{self, MOST_POINTS, Titles};

/// Bins of the reliability plot.
const BINS: usize = 12;

/// Writes the page; the error says what could not be drawn.
pub(super) fn report(artifact: &Artifact, scored: &[Scored]) -> Result<String, String> {
    let model = artifact.model();
    let evaluation = &model.evaluation;
    let mut rows = String::new();
    for (name, figure) in FIGURES {
        let (own, zero) = (show(figure(&evaluation.model)), show(figure(&evaluation.zero)));
        let _ = write!(rows, "<tr><td>{name}</td><td>{own}</td><td>{zero}</td></tr>");
    }
    let plots = [reliability(scored)?, cumulative(scored)?, residuals(scored)?].concat();
    Ok(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{id}</title>\
         <style>body{{font:15px sans-serif;max-width:45em;margin:2em auto}}\
         td,th{{padding:.1em 1em;text-align:right}}td:first-child{{text-align:left}}</style>\
         <h1>{id}</h1><p>{target}, {horizon} s ahead, features <code>{set}</code>; judged on {first} \
         to {last}, {n} rows.</p><table><tr><th></th><th>model</th><th>zero forecast</th></tr>{rows}\
         </table><p>R² against zero, {level:.0} % interval: {skill}.</p>{plots}</html>\n",
        id = artifact.id(),
        target = model.target,
        horizon = model.horizon_s,
        set = model.feature_set,
        first = model.provenance.test.first,
        last = model.provenance.test.last,
        n = scored.len(),
        level = evaluation.level * 100.0,
        skill = show_interval(evaluation.skill_interval),
    ))
}

/// Mean realised against mean predicted move, in bins of equal count.
fn reliability(scored: &[Scored]) -> Result<String, String> {
    let mut sorted: Vec<&Scored> = scored.iter().collect();
    sorted.sort_by(|left, right| left.prediction.total_cmp(&right.prediction));
    let size = sorted.len().div_ceil(BINS).max(1);
    let mean = |rows: &[&Scored], value: fn(&Scored) -> f64| {
        rows.iter().map(|row| value(row)).sum::<f64>() / float(rows.len().max(1))
    };
    let points: Vec<(f64, f64)> = sorted
        .chunks(size)
        .map(|rows| (mean(rows, |row| row.prediction), mean(rows, |row| row.label)))
        .collect();
    let diagonal: Vec<(f64, f64)> = points.iter().map(|&(x, _)| (x, x)).collect();
    let titles = Titles {
        plot: "Realised against predicted move, bps (line: perfect)",
        x: "predicted",
        y: "realised",
    };
    plot::line(titles, &diagonal, &points)
}

/// Squared error saved against the zero forecast, summed over time.
fn cumulative(scored: &[Scored]) -> Result<String, String> {
    let mut saved = 0.0;
    let every = scored.len().div_ceil(MOST_POINTS).max(1);
    let mut points = vec![(0.0, 0.0)];
    let start = scored.first().map_or(0, |row| row.second.unix());
    for (at, row) in scored.iter().enumerate() {
        let miss = row.label - row.prediction;
        saved += row.label * row.label - miss * miss;
        if at % every == 0 || at + 1 == scored.len() {
            let elapsed = u32::try_from(row.second.unix() - start).unwrap_or(u32::MAX);
            points.push((f64::from(elapsed) / 3_600.0, saved));
        }
    }
    let titles = Titles {
        plot: "Squared error saved against the zero forecast, bps²",
        x: "hours",
        y: "saved",
    };
    plot::line(titles, &points, &[])
}

/// How often each error came.
fn residuals(scored: &[Scored]) -> Result<String, String> {
    let mut errors: Vec<f64> = scored.iter().map(|row| row.label - row.prediction).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let bounds = |share| super::outliers::quantile(&errors, share);
    let (low, high) = (bounds(0.005), bounds(0.995));
    let width = ((high - low) / 60.0).max(1e-9);
    let mut points = Vec::new();
    for bin in 0..60 {
        let left = low + width * float(bin);
        let inside = |value: f64| errors.partition_point(|error| *error < value);
        let share = float(inside(left + width) - inside(left)) / float(errors.len().max(1));
        points.extend([(left, share), (left + width, share)]);
    }
    let titles =
        Titles { plot: "Errors (99 % of them): share by size, bps", x: "error", y: "share" };
    plot::line(titles, &points, &[])
}
