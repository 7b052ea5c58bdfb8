//! `lobd stop-loss`: closes a position for certain.

use std::sync::Arc;

use serde::Serialize;

use crate::app::closing::Closer;
use crate::domain::{Exposure, Symbol};

use super::live::{client, symbol};
use super::{CommandError, Context, Exit};

/// Closes a position: cancels its orders, tries reduce-only limits at the passive best price, then
/// the market until the exchange says flat, and cancels its stops. A running daemon has `lobd
/// flatten` for this.
///
/// Example: `lobd stop-loss BTCUSDT --max-trial 3`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// In what, like BTCUSDT.
    #[arg(value_parser = symbol)]
    symbol: Symbol,
    /// Limit attempts before the market [default: `STOP_LOSS_MAX_TRIAL`].
    #[arg(long, value_name = "N")]
    max_trial: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Outcome {
    symbol: Symbol,
    closed_exposure: Exposure,
    final_position: Exposure,
    limit_orders: u32,
    market_orders: u32,
    duration_ms: u64,
}

/// Runs `lobd stop-loss`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let rest = client(context)?;
    let mut settings = context.settings()?.trading;
    settings.stop_loss_max_trial = args.max_trial.unwrap_or(settings.stop_loss_max_trial);
    let closer = Closer::new(Arc::clone(&rest), settings, args.symbol).await?;
    let closing = closer.close().await?;
    let outcome = Outcome {
        symbol: args.symbol,
        closed_exposure: closing.exposure,
        final_position: closing.remaining,
        limit_orders: closing.trials,
        market_orders: closing.strikes,
        duration_ms: u64::try_from(closing.duration.as_millis()).unwrap_or(u64::MAX),
    };
    let output = context.output();
    if output.is_json() {
        output.json(&outcome)?;
    } else if closing.exposure.is_zero() {
        output.line(format!("{}: no open position", args.symbol))?;
    } else {
        output.line(format!(
            "{}: {} closed by {} limit and {} market orders in {} ms, {} left",
            outcome.symbol,
            outcome.closed_exposure,
            outcome.limit_orders,
            outcome.market_orders,
            outcome.duration_ms,
            outcome.final_position
        ))?;
    }
    if closing.is_flat() {
        return Ok(());
    }
    let problem = format!("{} is still held: {}", args.symbol, closing.remaining);
    Err(CommandError::message(Exit::Timeout, problem)
        .remedy("close it by hand with `lobd market-order … --reduce-only`"))
}
