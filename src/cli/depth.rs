//! `lobd depth`: the order book.

use serde::Serialize;

use crate::book::Level;
use crate::domain::{Price, Quantity, Symbol};

use super::live::{client, symbol};
use super::{CommandError, Context};

/// Shows the best levels of the order book.
///
/// Example: `lobd depth BTCUSDT --levels 10`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose book, like BTCUSDT.
    #[arg(value_parser = symbol)]
    symbol: Symbol,
    /// How many levels a side.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    levels: u32,
}

#[derive(Debug, Serialize)]
struct Book {
    symbol: Symbol,
    last_update_id: u64,
    bids: Vec<(Price, Quantity)>,
    asks: Vec<(Price, Quantity)>,
}

/// Runs `lobd depth`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let snapshot = client(context)?.order_book(args.symbol, args.levels).await?;
    let levels = |side: &[Level]| -> Vec<(Price, Quantity)> {
        let count = usize::try_from(args.levels).unwrap_or(usize::MAX);
        side.iter().take(count).map(|level| (level.price, level.quantity)).collect()
    };
    let book = Book {
        symbol: args.symbol,
        last_update_id: snapshot.last_update_id,
        bids: levels(&snapshot.bids),
        asks: levels(&snapshot.asks),
    };
    let output = context.output();
    if output.is_json() {
        return output.json(&book);
    }
    let rows = (0..book.bids.len().max(book.asks.len())).map(|at| {
        let cells = |level: Option<&(Price, Quantity)>| match level {
            Some((price, quantity)) => (price.to_string(), quantity.to_string()),
            None => (String::new(), String::new()),
        };
        let (bid, bid_quantity) = cells(book.bids.get(at));
        let (ask, ask_quantity) = cells(book.asks.get(at));
        vec![(at + 1).to_string(), bid_quantity, bid, ask, ask_quantity]
    });
    output.table(&["level", "bid quantity", "bid", "ask", "ask quantity"], rows)
}
