//! `lobd cancel-all`: takes every order of a symbol back.

use serde::Serialize;

use crate::domain::Symbol;

use super::live::{client, symbol};
use super::{CommandError, Context};

/// Cancels every working order of a symbol. Conditional orders (stops, take-profits, trailing
/// stops) stay unless asked for: without its stop an open position is naked.
///
/// Example: `lobd cancel-all BTCUSDT --stops`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of what, like BTCUSDT.
    #[arg(value_parser = symbol)]
    symbol: Symbol,
    /// Cancel the waiting conditional orders too, whoever placed them.
    #[arg(long)]
    stops: bool,
}

#[derive(Debug, Serialize)]
struct Canceled {
    symbol: Symbol,
    orders: usize,
    stops: usize,
    stops_left: usize,
}

/// Runs `lobd cancel-all`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let (rest, output) = (client(context)?, context.output());
    let orders = rest.working_orders(Some(args.symbol)).await?.len();
    rest.cancel_all_orders(args.symbol).await?;
    let waiting = rest.waiting_conditionals(Some(args.symbol)).await?.len();
    if args.stops {
        rest.cancel_all_stops(args.symbol).await?;
    }
    let (stops, stops_left) = if args.stops { (waiting, 0) } else { (0, waiting) };
    let canceled = Canceled { symbol: args.symbol, orders, stops, stops_left };
    if output.is_json() {
        return output.json(&canceled);
    }
    output.line(format!(
        "{}: {orders} orders and {stops} conditional orders cancelled, {stops_left} of these left",
        args.symbol
    ))
}
