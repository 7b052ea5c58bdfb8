//! The report as one HTML page that needs nothing else.

use std::fmt::Write as _;

use super::report::{CaseReport, Report};

const STYLE: &str = "body{font:15px sans-serif;max-width:70em;margin:2em auto;padding:0 1em}\
    table{border-collapse:collapse;width:100%}td,th{padding:.25em .6em;text-align:left;\
    vertical-align:top;border-bottom:1px solid #ddd}td:first-child{white-space:nowrap}dl{display:grid;\
    grid-template-columns:6em 1fr;margin:.2em 0;font-size:12px;background:#f6f6f6;padding:.4em}\
    dt{color:#777}dd{margin:0;font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere}\
    .passed{color:#177245}.learned{color:#1f4e9c}.not-tried{color:#777}.failed{color:#b00020;\
    font-weight:bold}summary{cursor:pointer}";

/// Writes the page.
#[must_use]
pub fn page(report: &Report) -> String {
    let environment = format!("{:?}", report.environment).to_lowercase();
    let totals = report.totals;
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <title>lobd certify: {environment}</title><style>{STYLE}</style>\
         <h1>{environment}: {} of {} cases failed</h1>\
         <p>{} at {}, with {}, by lobd {}.</p>\
         <p>{} passed, {} learned (the specification leaves it open), {} not tried, {} failed. \
         A case unfolds to what was sent, what was expected and what came.</p>{}\
         <table><tr><th>case<th>claim<th>section<th>outcome<th>ms</tr>",
        totals.failed,
        report.cases.len(),
        escape(&report.venue),
        escape(&report.started),
        report.symbol,
        report.version,
        totals.passed,
        totals.learned,
        totals.not_tried,
        totals.failed,
        ended_early(report),
    );
    for case in &report.cases {
        row(&mut html, case);
    }
    html.push_str("</table></html>\n");
    html
}

/// What stands above the cases of a report that is not whole.
fn ended_early(report: &Report) -> String {
    let why = report.ended_early.as_ref();
    why.map_or_else(String::new, |why| format!("<p class=\"failed\">{}</p>", escape(why)))
}

fn row(html: &mut String, report: &CaseReport) {
    let class = report.outcome.as_str().to_lowercase().replace(' ', "-");
    // Writing to a string cannot fail.
    let _ = write!(
        html,
        "<tr id=\"{id}\"><td>{id}<td><details><summary>{}</summary>",
        escape(report.title),
        id = report.id,
    );
    for evidence in &report.evidence {
        let (sent, came) = (escape(&evidence.sent), escape(&evidence.came));
        let expected = escape(&evidence.expected);
        let _ =
            write!(html, "<dl><dt>sent<dd>{sent}<dt>expected<dd>{expected}<dt>came<dd>{came}</dl>");
    }
    html.push_str("</details>");
    if let Some(detail) = &report.detail {
        let _ = write!(html, "<span class=\"{class}\">{}</span>", escape(detail));
    }
    let _ = write!(
        html,
        "<td>{}<td class=\"{class}\">{}<td>{}</tr>",
        escape(report.source),
        report.outcome.as_str(),
        report.duration_ms
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::super::report::{Outcome, Totals};
    use super::*;
    use crate::domain::Environment;

    #[test]
    fn a_venues_text_is_shown_and_never_obeyed() {
        let came = "<script>alert(1)</script>".to_owned();
        let reports = vec![CaseReport {
            id: "C-001",
            title: "a claim",
            source: "2.1",
            outcome: Outcome::Failed,
            detail: Some("came <b>".to_owned()),
            duration_ms: 3,
            evidence: vec![Evidence { sent: "GET /".into(), expected: "success".into(), came }],
        }];
        let report = Report {
            environment: Environment::Sandbox,
            venue: "http://127.0.0.1:1".to_owned(),
            symbol: "BTCUSDT".parse().unwrap(),
            started: "2026-11-25T00:00:00Z".to_owned(),
            version: "0",
            ended_early: Some("stopped <by hand>".to_owned()),
            totals: Totals::of(&reports),
            cases: reports,
        };
        let html = page(&report);
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
        assert!(
            html.contains("stopped &lt;by hand&gt;") && html.contains("<dt>expected<dd>success")
        );
        assert!(html.contains("1 of 1 cases failed") && html.contains("class=\"failed\""));
    }
}
