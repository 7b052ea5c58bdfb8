//! `lobd data import`: other people's recordings through the recorder's own path.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::binance::market_data::MarketDataParser;
use crate::book::Frame;
use crate::cli::{CommandError, Context};
use crate::domain::{Environment, Instrument, Market, Price, Quantity, Second, Symbol};
use crate::store::import::{self, ImportOptions, ImportSummary};
use crate::store::{self, FolderLock, InstrumentKey, Tape, TapeImport};

/// Options of `lobd data import`.
///
/// Example: `lobd data import --format binance-depth usdm_btcusdt_20230404.dat.gz
/// usdm_btcusdt_20230405.dat.gz`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the files hold.
    #[arg(long, value_enum)]
    format: Format,
    /// The files of one stream, in order.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Which symbol [default: the only one in the files].
    #[arg(long)]
    symbol: Option<Symbol>,
    /// Which market: usdm, coinm or spot [default: told from the messages].
    #[arg(long, value_parser = parse_market)]
    market: Option<Market>,
    /// Whose market: sandbox, testnet or production.
    #[arg(long, value_parser = parse_environment, default_value = "production")]
    environment: Environment,
    /// The price grid [default: told from the prices].
    #[arg(long)]
    tick_size: Option<Price>,
    /// The quantity grid [default: told from the quantities].
    #[arg(long)]
    step_size: Option<Quantity>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Lines of receive time (µs or ns) and the exchange's JSON: diff depth, trades, best and mark
    /// prices, snapshots inline; gzipped or plain.
    BinanceDepth,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    match args.format {
        Format::BinanceDepth => import_depth(args, context),
    }
}

fn import_depth(args: &Args, context: &Context) -> Result<(), CommandError> {
    let data_dir = context.data_dir()?;
    let _lock = FolderLock::acquire(&data_dir)?;
    let mut tape = Tape::open(&store::tape_path(&data_dir))?;
    let options = ImportOptions {
        environment: args.environment,
        market: args.market,
        symbol: args.symbol,
        tick_size: args.tick_size,
        step_size: args.step_size,
    };
    let mut kept = TapeImport::new(&mut tape);
    let progress = Progress::new();
    let mut sink = |instrument: &Instrument, frame: Frame| {
        let second = frame.second;
        if kept.take(instrument, frame)? {
            progress.show(second);
        }
        Ok(())
    };
    let outcome = import::import(&args.files, &options, &mut MarketDataParser::new(), &mut sink);
    progress.finish();
    // Whatever ended the import, the seconds before it are whole and stay.
    let flushed = kept.flush();
    let summary = outcome?;
    flushed?;
    report(&summary, kept.stored(), kept.skipped(), context)
}

fn report(
    summary: &ImportSummary,
    stored: usize,
    skipped: usize,
    context: &Context,
) -> Result<(), CommandError> {
    let key = InstrumentKey::of(&summary.instrument);
    let filters = &summary.instrument.filters;
    let (seconds, proof) = (&summary.seconds, &summary.proof);
    let output = context.output();
    if output.is_json() {
        return output.json(&json!({
            "instrument": key.to_string(),
            "tick_size": filters.tick_size,
            "step_size": filters.step_size,
            "stored": stored,
            "skipped": skipped,
            "valid": seconds.valid,
            "stale": seconds.stale,
            "missing": seconds.missing,
            "depth_updates": summary.messages.depth_updates,
            "trades": summary.messages.trades,
            "gaps": summary.messages.gaps,
            "refused": summary.messages.refused,
            "best_prices_compared": proof.compared,
            "best_prices_equal": proof.equal,
        }));
    }
    output.line(format!(
        "{key}: {stored} seconds stored, {skipped} were there; {} valid, {} stale, {} missing",
        seconds.valid, seconds.stale, seconds.missing
    ))?;
    output.line(format!(
        "tick {}, step {}; {} depth updates, {} trades, {} gaps; best prices equal to the venue's \
         own {}/{}",
        filters.tick_size,
        filters.step_size,
        summary.messages.depth_updates,
        summary.messages.trades,
        summary.messages.gaps,
        proof.equal,
        proof.compared
    ))
}

/// Shows that the work goes on: a spinner on a terminal, a line an hour of data elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
                bar.set_style(style);
            }
            bar.set_message("reading the files");
            bar
        });
        Self { bar }
    }

    fn show(&self, second: Second) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(format!("stored up to {second}"));
                bar.tick();
            }
            // Progress is a courtesy: if stderr is gone, the import still is not.
            None => drop(writeln!(std::io::stderr(), "stored up to {second}")),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn parse_market(text: &str) -> Result<Market, String> {
    [Market::Usdm, Market::Coinm, Market::Spot]
        .into_iter()
        .find(|market| market.to_string() == text)
        .ok_or_else(|| "say usdm, coinm or spot".to_owned())
}

fn parse_environment(text: &str) -> Result<Environment, String> {
    [Environment::Sandbox, Environment::Testnet, Environment::Production]
        .into_iter()
        .find(|environment| environment.to_string() == text)
        .ok_or_else(|| "say sandbox, testnet or production".to_owned())
}
