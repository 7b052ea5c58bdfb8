//! `lobd market-order`: trades at the best prices there are, now.

use crate::app::manual::manual_order_id;
use crate::domain::{OrderKind, OrderRequest, Quantity, Symbol};

use super::live::{SideArgument, desk, print_order, symbol};
use super::{CommandError, Context};

/// Sends a market order, checked against the symbol's filters and `MAX_POSITION_USDT`.
///
/// Example: `lobd market-order BTCUSDT sell 0.01 --reduce-only`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to trade, like BTCUSDT.
    #[arg(value_parser = symbol)]
    symbol: Symbol,
    /// Buy or sell.
    side: SideArgument,
    /// How much, in base asset.
    quantity: Quantity,
    /// May only make the position smaller.
    #[arg(long)]
    reduce_only: bool,
}

/// Runs `lobd market-order`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let (rest, desk) = desk(context)?;
    let order = OrderRequest {
        client_order_id: manual_order_id(rest.now(), std::process::id(), 0),
        symbol: args.symbol,
        side: args.side.into(),
        quantity: args.quantity,
        kind: OrderKind::Market,
        reduce_only: args.reduce_only,
    };
    let report = desk.place(&order).await?;
    print_order(context.output(), &report)
}
