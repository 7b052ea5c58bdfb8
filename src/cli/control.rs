//! `lobd status · pause · resume · halt · flatten · retrain`: the running daemon.

use std::path::Path;

use crate::actors::{ControlAnswer, ControlRequest, ask};
use crate::app::DataFolder;
use crate::engine::OperatorRequest;
use crate::store::atomic::write_atomically;

use super::{CommandError, Context, Exit};

/// The unit that `deploy/install.sh` installs.
const TRAIN_UNIT: &str = "/etc/systemd/system/lobd-train.path";

/// Shows what the running daemon knows.
///
/// Example: `lobd status --json | jq .symbols[0].exposure`
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {}

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
    let ControlAnswer::Status(status) = request(context, &ControlRequest::Status).await? else {
        return Err(CommandError::message(Exit::Failure, "the daemon gave no status"));
    };
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

/// Runs `lobd pause`, `resume` and `flatten`.
pub(super) async fn tell(wish: OperatorRequest, context: &Context) -> Result<(), CommandError> {
    match request(context, &ControlRequest::Engine(wish)).await? {
        ControlAnswer::Accepted => context.output().line("accepted"),
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

/// Runs `lobd retrain`: under systemd a request that `lobd-train.path` turns into a training,
/// else the training itself, niced so that it never competes with trading.
pub(super) async fn retrain(context: &Context) -> Result<(), CommandError> {
    let data_dir = context.data_dir()?;
    if Path::new(TRAIN_UNIT).exists() {
        let path = DataFolder::new(&data_dir).retrain_request();
        let asked_at = context.clock().now().to_string();
        write_atomically(&path, asked_at.as_bytes())
            .map_err(|error| CommandError::new(Exit::InputOutput, error))?;
        return context.output().line("asked for; see journalctl -u lobd-train");
    }
    let fail = |error| CommandError::new(Exit::InputOutput, error);
    let program = std::env::current_exe().map_err(fail)?;
    let mut training = tokio::process::Command::new("nice");
    training.args(["-n", "19"]).arg(program).args(["train", "--promote", "--data-dir"]);
    let status = training.arg(&data_dir).status().await.map_err(fail)?;
    if status.success() {
        return Ok(());
    }
    let exit = if status.code() == Some(Exit::VerificationFailed as i32) {
        Exit::VerificationFailed
    } else {
        Exit::Failure
    };
    Err(CommandError::message(exit, "no model was promoted; the old one stays"))
}

async fn request(
    context: &Context,
    request: &ControlRequest,
) -> Result<ControlAnswer, CommandError> {
    let folder = DataFolder::new(&context.data_dir()?);
    ask(&folder.control(), request).await.map_err(|error| {
        CommandError::message(
            Exit::NotRunning,
            format!("no daemon answers at {}: {error}", folder.control().display()),
        )
        .remedy("start it with lobd run, or name its --data-dir")
    })
}

fn show(context: &Context, status: &serde_json::Value) -> Result<(), CommandError> {
    let text = |value: &serde_json::Value| match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_null() => "-".to_owned(),
        None => value.to_string(),
    };
    let output = context.output();
    for name in ["halted", "is_paused", "is_reconciled", "realized_today", "discrepancies"] {
        output.line(format!("{name:>16}  {}", text(&status[name])))?;
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
