//! `lobd orders`: what works at the venue.

use crate::domain::Symbol;

use super::live::{ORDER_HEADER, OrderRow, client, order_cells, print_list, symbol};
use super::{CommandError, Context};

/// Shows working orders and waiting conditional orders of every type, whoever placed them.
///
/// Example: `lobd orders BTCUSDT`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of what, like BTCUSDT [default: every symbol].
    #[arg(value_parser = symbol)]
    symbol: Option<Symbol>,
}

/// Runs `lobd orders`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let rest = client(context)?;
    let orders = rest.working_orders(args.symbol).await?;
    let waiting = rest.waiting_conditionals(args.symbol).await?;
    let rows: Vec<_> =
        orders.iter().map(OrderRow::from).chain(waiting.iter().map(OrderRow::from)).collect();
    print_list(context.output(), &rows, &ORDER_HEADER, order_cells, "no working orders")
}
