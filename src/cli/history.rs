//! `lobd history`: our trades in a symbol.

use std::time::Duration;

use serde::Serialize;

use crate::domain::{Amount, Asset, Fill, Price, Quantity, Symbol, Timestamp};

use super::live::{client, print_list, symbol, time_text};
use super::{CommandError, Context};

/// Without `--since`, a day is shown.
const DEFAULT_SPAN: Duration = Duration::from_hours(24);

/// Shows this account's trades in a symbol, oldest first.
///
/// Example: `lobd history BTCUSDT --since 2026-11-21T00:00:00Z`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// In what, like BTCUSDT.
    #[arg(value_parser = symbol)]
    symbol: Symbol,
    /// From when on, RFC 3339 [default: a day ago].
    #[arg(long, value_name = "T")]
    since: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Row {
    trade_id: u64,
    order_id: u64,
    time: String,
    side: String,
    price: Price,
    quantity: Quantity,
    is_maker: bool,
    commission: Amount,
    commission_asset: Asset,
    realized_pnl: Amount,
}

impl From<&Fill> for Row {
    fn from(fill: &Fill) -> Self {
        Self {
            trade_id: fill.trade_id.0,
            order_id: fill.order_id.0,
            time: time_text(fill.time),
            side: fill.side.to_string(),
            price: fill.price,
            quantity: fill.quantity,
            is_maker: fill.is_maker,
            commission: fill.commission,
            commission_asset: fill.commission_asset,
            realized_pnl: fill.realized_pnl,
        }
    }
}

/// Runs `lobd history`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let rest = client(context)?;
    let since = args.since.unwrap_or_else(|| rest.now().earlier_by(DEFAULT_SPAN));
    let fills = rest.trade_history(args.symbol, None, since).await?;
    let trades: Vec<_> = fills.iter().map(Row::from).collect();
    print_list(
        context.output(),
        &trades,
        &["time", "trade", "order", "side", "price", "quantity", "role", "fee", "realised, USDT"],
        |trade| {
            vec![
                trade.time.clone(),
                trade.trade_id.to_string(),
                trade.order_id.to_string(),
                trade.side.clone(),
                trade.price.to_string(),
                trade.quantity.to_string(),
                (if trade.is_maker { "maker" } else { "taker" }).to_owned(),
                format!("{} {}", trade.commission, trade.commission_asset),
                trade.realized_pnl.to_string(),
            ]
        },
        "no trades",
    )
}
