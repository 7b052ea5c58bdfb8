//! `lobd limit-order`: trades at a price or better.

use clap::ValueEnum;

use crate::app::manual::manual_order_id;
use crate::domain::{OrderKind, OrderRequest, Price, Quantity, Symbol, TimeInForce};

use super::live::{SideArgument, desk, print_order, symbol};
use super::{CommandError, Context};

/// Sends a limit order, checked against the symbol's filters, `PRICE_COLLAR_BPS` and
/// `MAX_POSITION_USDT`. The printed client order id cancels it: `lobd cancel`.
///
/// Example: `lobd limit-order BTCUSDT buy 0.01 60000 --time-in-force post-only`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to trade, like BTCUSDT.
    #[arg(value_parser = symbol)]
    symbol: Symbol,
    /// Buy or sell.
    side: SideArgument,
    /// How much, in base asset.
    quantity: Quantity,
    /// The worst price accepted.
    price: Price,
    /// How long it works.
    #[arg(long, value_enum, default_value_t = TimeInForceArgument::Gtc)]
    time_in_force: TimeInForceArgument,
    /// May only make the position smaller.
    #[arg(long)]
    reduce_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TimeInForceArgument {
    /// Until filled or cancelled.
    Gtc,
    /// Fills what it can at once, cancels the rest.
    Ioc,
    /// Fills wholly at once or not at all.
    Fok,
    /// Rests or is refused.
    PostOnly,
}

/// Runs `lobd limit-order`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let (rest, desk) = desk(context)?;
    let time_in_force = match args.time_in_force {
        TimeInForceArgument::Gtc => TimeInForce::GoodTilCanceled,
        TimeInForceArgument::Ioc => TimeInForce::ImmediateOrCancel,
        TimeInForceArgument::Fok => TimeInForce::FillOrKill,
        TimeInForceArgument::PostOnly => TimeInForce::PostOnly,
    };
    let order = OrderRequest {
        client_order_id: manual_order_id(rest.now(), std::process::id(), 0),
        symbol: args.symbol,
        side: args.side.into(),
        quantity: args.quantity,
        kind: OrderKind::Limit { price: args.price, time_in_force },
        reduce_only: args.reduce_only,
    };
    let report = desk.place(&order).await?;
    print_order(context.output(), &report)
}
