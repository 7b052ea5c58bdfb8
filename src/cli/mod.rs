//! The command line: one file a command, no logic.
//!
//! A command is a clap `Args` struct and `pub(super) async fn run(args: &Args, context: &Context) ->
//! Result<(), CommandError>`. What people read goes to stdout through [`Output`]; errors go to
//! stderr as one line and a remedy, and end the process with the code of [`Exit`].

mod allocator;
mod backtest;
mod cancel;
mod cancel_all;
mod certify;
mod completions;
mod context;
mod control;
mod data;
mod dataset;
mod demo;
mod depth;
mod error;
mod evaluate;
mod exchange;
mod history;
mod journal;
mod limit_order;
mod live;
mod market_order;
mod models;
mod orders;
mod output;
mod position;
mod reconcile;
mod retrain;
mod run;
mod score;
mod simulate;
mod simulated;
mod sql;
mod stop_loss;
mod store_error;
mod time;
mod trades;
mod train;
mod training_span;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::Mode;
use crate::engine::OperatorRequest;

pub use context::Context;
pub use error::{CommandError, Exit};
pub use output::Output;

/// Limit-order-book trading daemon: records, learns, predicts, trades, protects, reconciles.
#[derive(Debug, Parser)]
#[command(name = "lobd", version, max_term_width = 100, subcommand_required = true)]
struct Arguments {
    #[command(flatten)]
    global: GlobalArguments,
    #[command(subcommand)]
    command: Command,
}

/// Options every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct GlobalArguments {
    /// Folder of tape, journal, models and control socket [default: `LOBD_DATA_DIR`, else ./data].
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// File of settings [default: ./.env if it is there].
    #[arg(long, global = true, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// One JSON object (or one a line) on stdout, for scripts.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Train(train::Args),
    Score(score::Args),
    Backtest(backtest::Args),
    Evaluate(evaluate::Args),
    Dataset(dataset::Args),
    Models(models::Args),
    Time(time::Args),
    Depth(depth::Args),
    Trades(trades::Args),
    MarketOrder(market_order::Args),
    LimitOrder(limit_order::Args),
    Position(position::Args),
    Orders(orders::Args),
    Cancel(cancel::Args),
    CancelAll(cancel_all::Args),
    StopLoss(stop_loss::Args),
    History(history::Args),
    Reconcile(reconcile::Args),
    Certify(certify::Args),
    Completions(completions::Args),
    Data(data::Args),
    Exchange(exchange::Args),
    Journal(journal::Args),
    Run(run::Args),
    /// Records, without trading; needs no key.
    ///
    /// Example: `lobd record --data-dir /var/lib/lobd`
    Record(run::Args),
    Simulate(simulate::Args),
    Sql(sql::Args),
    Status(control::StatusArgs),
    WhyNotTrading(control::WhyNotTradingArgs),
    /// Stops new entries in the running daemon until `lobd resume`.
    ///
    /// Example: `lobd pause --data-dir /var/lib/lobd`
    Pause,
    /// Lifts a pause or a latched halt of the running daemon.
    ///
    /// Example: `lobd resume`
    Resume,
    Halt(control::HaltArgs),
    /// Closes every position of the running daemon, which then stays paused.
    ///
    /// Example: `lobd flatten && lobd position`
    Flatten,
    Retrain(retrain::Args),
}

/// Parses the arguments, runs one command, and turns its outcome into an exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    allocator::keep_one_pool();
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return error::report_usage(&error),
    };
    let context = Context::new(arguments.global);
    match run(&arguments.command, &context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn run(command: &Command, context: &Context) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(Exit::InputOutput, error))?;
    runtime.block_on(dispatch(command, context))
}

async fn dispatch(command: &Command, context: &Context) -> Result<(), CommandError> {
    match command {
        Command::Demo(args) => demo::run(args, context).await,
        Command::Train(args) => train::run(args, context).await,
        Command::Score(args) => score::run(args, context).await,
        Command::Backtest(args) => backtest::run(args, context).await,
        Command::Evaluate(args) => evaluate::run(args, context).await,
        Command::Dataset(args) => dataset::run(args, context).await,
        Command::Models(args) => models::run(args, context).await,
        Command::Time(args) => time::run(args, context).await,
        Command::Depth(args) => depth::run(args, context).await,
        Command::Trades(args) => trades::run(args, context).await,
        Command::MarketOrder(args) => market_order::run(args, context).await,
        Command::LimitOrder(args) => limit_order::run(args, context).await,
        Command::Position(args) => position::run(args, context).await,
        Command::Orders(args) => orders::run(args, context).await,
        Command::Cancel(args) => cancel::run(args, context).await,
        Command::CancelAll(args) => cancel_all::run(args, context).await,
        Command::StopLoss(args) => stop_loss::run(args, context).await,
        Command::History(args) => history::run(args, context).await,
        Command::Reconcile(args) => reconcile::run(args, context).await,
        Command::Certify(args) => certify::run(args, context).await,
        Command::Completions(args) => completions::run(args, context).await,
        Command::Data(args) => data::run(args, context).await,
        Command::Exchange(args) => exchange::run(args, context).await,
        Command::Journal(args) => journal::run(args, context).await,
        Command::Run(_) => run::run(Mode::Trade, context).await,
        Command::Record(_) => run::run(Mode::Record, context).await,
        Command::Simulate(args) => simulate::run(args, context).await,
        Command::Sql(args) => sql::run(args, context).await,
        Command::Status(args) => control::status(args, context).await,
        Command::WhyNotTrading(args) => control::why_not_trading(args, context).await,
        Command::Pause => control::tell(OperatorRequest::Pause, context).await,
        Command::Resume => control::tell(OperatorRequest::Resume, context).await,
        Command::Halt(args) => control::halt(args, context).await,
        Command::Flatten => control::tell(OperatorRequest::Flatten, context).await,
        Command::Retrain(args) => retrain::run(args, context).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        let path = format!("{path} {}", command.get_name());
        let mut children = command.get_subcommands().filter(|child| child.get_name() != "help");
        let mut has_children = false;
        for child in children.by_ref() {
            has_children = true;
            leaves(child, &path, found);
        }
        if !has_children {
            let about = command.get_long_about().or_else(|| command.get_about());
            found.push((path, about.map(ToString::to_string).unwrap_or_default()));
        }
    }

    #[test]
    fn the_help_of_every_command_has_an_example() {
        let mut found = Vec::new();
        leaves(&Arguments::command(), "", &mut found);
        assert!(found.len() > 40, "{}", found.len());
        let without: Vec<_> =
            found.iter().filter(|(_, about)| !about.contains("Example")).map(|it| &it.0).collect();
        assert!(without.is_empty(), "{without:?}");
    }
}
