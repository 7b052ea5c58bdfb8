//! `lobd status · why-not-trading · pause · resume · halt · flatten`: the running daemon.

use crate::actors::{ControlAnswer, ControlRequest, ask};
use crate::app::DataFolder;
use crate::engine::OperatorRequest;
use crate::trading::WhyNot;

use super::{CommandError, Context, Exit};

/// Shows what the running daemon knows.
///
/// Example: `lobd status --json | jq .symbols[0].exposure`
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {}

/// Tells what keeps the running daemon from opening positions, and how often each reason did.
///
/// Example: `lobd why-not-trading --json`
#[derive(Debug, clap::Args)]
pub(super) struct WhyNotTradingArgs {}

/// Stops entries in the running daemon; protection keeps working.
///
/// Example: `lobd halt "venue maintenance at noon"`
#[derive(Debug, clap::Args)]
pub(super) struct HaltArgs {
    /// Why, for the record.
    #[arg(default_value = "asked by the operator")]
    reason: String,
}

/// Runs `lobd status`.
pub(super) async fn status(_args: &StatusArgs, context: &Context) -> Result<(), CommandError> {
    let status = status_of_daemon(context).await?;
    if context.output().is_json() {
        context.output().json(&status)?;
    } else {
        show(context, &status)?;
    }
    let is_halted = status.get("halted").is_some_and(|halted| !halted.is_null());
    if is_halted {
        return Err(CommandError::message(Exit::NotHealthy, "trading is halted")
            .remedy("see the reason above; when it is gone: lobd resume"));
    }
    Ok(())
}

/// Runs `lobd why-not-trading`.
pub(super) async fn why_not_trading(
    _args: &WhyNotTradingArgs,
    context: &Context,
) -> Result<(), CommandError> {
    let status = status_of_daemon(context).await?;
    let symbols = status["symbols"].as_array().cloned().unwrap_or_default();
    let output = context.output();
    if output.is_json() {
        let reasons = symbols.iter().map(|symbol| {
            serde_json::json!({
                "symbol": symbol["symbol"],
                "why_not": symbol["why_not"],
                "counts": symbol["why_not_counts"],
            })
        });
        let reasons: Vec<_> = reasons.collect();
        return output.json(&serde_json::json!({
            "halted": status["halted"],
            "reconcile_failure": status["reconcile_failure"],
            "symbols": reasons,
        }));
    }
    if !status["halted"].is_null() {
        output.line(format!("halted: {}", text(&status["halted"])))?;
    }
    if !status["reconcile_failure"].is_null() {
        let failure = text(&status["reconcile_failure"]);
        output.line(format!("the account cannot be asked: {failure}"))?;
    }
    let mut rows = Vec::new();
    for symbol in &symbols {
        let latest = &symbol["why_not"];
        let counts = symbol["why_not_counts"].as_object();
        for (reason, count) in counts.into_iter().flatten() {
            let is_latest = latest.as_str() == Some(reason);
            let mark = if is_latest { "the newest second" } else { "" };
            rows.push(vec![text(&symbol["symbol"]), words(reason), count.to_string(), mark.into()]);
        }
    }
    if rows.is_empty() {
        return output.line("nothing has kept it from trading yet");
    }
    output.table(&["symbol", "reason", "seconds", ""], rows)
}

async fn status_of_daemon(context: &Context) -> Result<serde_json::Value, CommandError> {
    let ControlAnswer::Status(status) = request(context, &ControlRequest::Status).await? else {
        return Err(CommandError::message(Exit::Failure, "the daemon gave no status"));
    };
    Ok(status)
}

/// A reason as the engine says it in words; one this version does not know stays as it is.
fn words(reason: &str) -> String {
    let known: Result<WhyNot, _> = serde_json::from_value(reason.into());
    known.map_or_else(|_| reason.to_owned(), |known| known.to_string())
}

fn text(value: &serde_json::Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_null() => "-".to_owned(),
        None => value.to_string(),
    }
}

/// Runs `lobd pause`, `resume` and `flatten`.
pub(super) async fn tell(wish: OperatorRequest, context: &Context) -> Result<(), CommandError> {
    match request(context, &ControlRequest::Engine(wish)).await? {
        ControlAnswer::Accepted => context.output().line("done"),
        ControlAnswer::Declined(reason) => Err(CommandError::message(Exit::RefusedByRisk, reason)
            .remedy("see lobd status; it stays as it is until the cause is gone")),
        ControlAnswer::Refused(reason) => Err(CommandError::message(Exit::Failure, reason)),
        ControlAnswer::Status(_) => {
            Err(CommandError::message(Exit::Failure, "the daemon answered something else"))
        }
    }
}

/// Runs `lobd halt`.
pub(super) async fn halt(args: &HaltArgs, context: &Context) -> Result<(), CommandError> {
    tell(OperatorRequest::Halt { reason: args.reason.clone() }, context).await
}

async fn request(
    context: &Context,
    request: &ControlRequest,
) -> Result<ControlAnswer, CommandError> {
    let folder = DataFolder::new(&context.data_dir()?);
    let path = folder.control();
    ask(&path, request).await.map_err(|error| {
        if error.kind() == std::io::ErrorKind::TimedOut {
            let text = format!("the daemon at {} does not answer", path.display());
            return CommandError::message(Exit::Timeout, text)
                .remedy("it is stopped or hung: see its log, and restart it");
        }
        let text = format!("no daemon answers at {}: {error}", path.display());
        CommandError::message(Exit::NotRunning, text)
            .remedy("start it with lobd run, or name its --data-dir")
    })
}

fn show(context: &Context, status: &serde_json::Value) -> Result<(), CommandError> {
    let output = context.output();
    for name in [
        "state",
        "halted",
        "is_paused",
        "is_reconciled",
        "reconcile_failure",
        "realized_today",
        "discrepancies",
    ] {
        output.line(format!("{name:>17}  {}", text(&status[name])))?;
    }
    let columns = [
        "symbol",
        "phase",
        "exposure",
        "entry_price",
        "best_bid",
        "best_ask",
        "mark_price",
        "unrealized_pnl",
        "stop_price",
        "take_profit_price",
        "why_not",
    ];
    let symbols = status["symbols"].as_array().cloned().unwrap_or_default();
    let rows = symbols.iter().map(|row| columns.iter().map(|name| text(&row[*name])).collect());
    output.table(&columns, rows)
}
