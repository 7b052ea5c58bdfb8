//! `lobd cancel`: takes one order back.

use serde::Serialize;

use crate::domain::{ClientOrderId, Symbol};

use super::live::{client, print_order, symbol};
use super::{CommandError, Context};

/// The venue's codes for an order that is not there to be cancelled.
const UNKNOWN_ORDER: [i32; 2] = [-2011, -2013];

/// Cancels one order, ordinary or stop, by its client order id.
///
/// Example: `lobd cancel BTCUSDT hand-18c2a1f0-3f2-0`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What it trades, like BTCUSDT.
    #[arg(value_parser = symbol)]
    symbol: Symbol,
    /// Which order, as `lobd orders` names it.
    client_order_id: ClientOrderId,
}

#[derive(Debug, Serialize)]
struct CanceledStop {
    client_order_id: ClientOrderId,
    kind: &'static str,
    status: &'static str,
}

/// Runs `lobd cancel`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let (rest, output) = (client(context)?, context.output());
    let id = args.client_order_id;
    let refusal = match rest.cancel_order(args.symbol, id).await {
        Ok(report) => return print_order(output, &report),
        Err(error) if error.code().is_some_and(|code| UNKNOWN_ORDER.contains(&code)) => error,
        Err(error) => return Err(error.into()),
    };
    // No ordinary order of that name: perhaps a stop.
    match rest.cancel_protective_stop(id).await {
        Ok(()) if output.is_json() => {
            output.json(&CanceledStop { client_order_id: id, kind: "stop", status: "Canceled" })
        }
        Ok(()) => output.line(format!("stop {id} cancelled")),
        Err(error) if error.code().is_some() => Err(refusal.into()),
        Err(error) => Err(error.into()),
    }
}
