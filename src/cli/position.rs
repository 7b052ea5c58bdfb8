//! `lobd position`: what is held.

use serde::Serialize;

use crate::domain::{Amount, Exposure, PositionReport, Price, Symbol};

use super::live::{client, print_list, symbol};
use super::{CommandError, Context};

/// Shows open positions, as the exchange knows them.
///
/// Example: `lobd position BTCUSDT`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// In what, like BTCUSDT [default: every symbol with a position].
    #[arg(value_parser = symbol)]
    symbol: Option<Symbol>,
}

#[derive(Debug, Serialize)]
struct Position {
    symbol: Symbol,
    exposure: Exposure,
    entry_price: Price,
    mark_price: Price,
    unrealized_pnl: Amount,
    liquidation_price: Option<Price>,
}

impl From<&PositionReport> for Position {
    fn from(report: &PositionReport) -> Self {
        Self {
            symbol: report.symbol,
            exposure: report.exposure,
            entry_price: report.entry_price,
            mark_price: report.mark_price,
            unrealized_pnl: report.unrealized_pnl,
            liquidation_price: report.liquidation_price,
        }
    }
}

/// Runs `lobd position`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let rest = client(context)?;
    let positions = match args.symbol {
        Some(symbol) => vec![rest.position_of(symbol).await?],
        None => rest.open_positions().await?,
    };
    let positions: Vec<_> = positions.iter().map(Position::from).collect();
    print_list(
        context.output(),
        &positions,
        &["symbol", "position", "entry price", "mark price", "unrealised, USDT", "liquidation"],
        |position| {
            vec![
                position.symbol.to_string(),
                position.exposure.to_string(),
                position.entry_price.to_string(),
                position.mark_price.to_string(),
                position.unrealized_pnl.to_string(),
                position
                    .liquidation_price
                    .map_or_else(|| "-".to_owned(), |price| price.to_string()),
            ]
        },
        "no open position",
    )
}
