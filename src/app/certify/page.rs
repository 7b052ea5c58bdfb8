//! The report as one HTML page that needs nothing else.

use std::fmt::Write as _;

use super::report::{CaseReport, Report};

const STYLE: &str = "body{font:15px sans-serif;max-width:70em;margin:2em auto;padding:0 1em}\
    table{border-collapse:collapse;width:100%}td,th{padding:.25em .6em;text-align:left;\
    vertical-align:top;border-bottom:1px solid #ddd}td:first-child{white-space:nowrap}pre{white-space:pre-wrap;margin:.2em 0;\
    font-size:12px;background:#f6f6f6;padding:.4em;overflow-wrap:anywhere}\
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
         A case unfolds to what was sent and what came.</p>\
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
    );
    for case in &report.cases {
        row(&mut html, case);
    }
    html.push_str("</table></html>\n");
    html
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
        let _ = write!(html, "<pre>→ {sent}\n← {came}</pre>");
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
    use super::super::report::{Outcome, Totals};
    use super::super::stage::Evidence;
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
            evidence: vec![Evidence { sent: "GET /".to_owned(), came }],
        }];
        let report = Report {
            environment: Environment::Sandbox,
            venue: "http://127.0.0.1:1".to_owned(),
            symbol: "BTCUSDT".parse().unwrap(),
            started: "2026-11-25T00:00:00Z".to_owned(),
            version: "0",
            totals: Totals::of(&reports),
            cases: reports,
        };
        let html = page(&report);
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
        assert!(html.contains("1 of 1 cases failed") && html.contains("class=\"failed\""));
    }
}
