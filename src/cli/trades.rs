//! `lobd trades`: what was traded lately, by anyone.

use serde::Serialize;

use crate::book::PublicTrade;
use crate::domain::{Price, Quantity, Side, Symbol};

use super::live::{client, print_list, symbol, time_text};
use super::{CommandError, Context};

/// Shows the newest trades of the market, oldest first.
///
/// Example: `lobd trades BTCUSDT --limit 20`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of what, like BTCUSDT.
    #[arg(value_parser = symbol)]
    symbol: Symbol,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

#[derive(Debug, Serialize)]
struct Row {
    trade_id: u64,
    time: String,
    aggressor: String,
    price: Price,
    quantity: Quantity,
}

impl From<&PublicTrade> for Row {
    fn from(trade: &PublicTrade) -> Self {
        let aggressor = if trade.buyer_is_maker { Side::Sell } else { Side::Buy };
        Self {
            trade_id: trade.trade_id.0,
            time: time_text(trade.trade_time),
            aggressor: aggressor.to_string(),
            price: trade.price,
            quantity: trade.quantity,
        }
    }
}

/// Runs `lobd trades`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let trades = client(context)?.recent_trades(args.symbol, args.limit).await?;
    let trades: Vec<_> = trades.iter().map(Row::from).collect();
    print_list(
        context.output(),
        &trades,
        &["time", "trade", "aggressor", "price", "quantity"],
        |trade| {
            vec![
                trade.time.clone(),
                trade.trade_id.to_string(),
                trade.aggressor.clone(),
                trade.price.to_string(),
                trade.quantity.to_string(),
            ]
        },
        "no trades",
    )
}
