//! What the live functions share: the client, the names of things on the command line, and how a
//! failure ends the process.

use std::fmt::Display;
use std::sync::Arc;

use clap::ValueEnum;
use serde::Serialize;

use crate::app::manual::{ManualDesk, ManualError};
use crate::app::rest_settings;
use crate::binance::parse::ConditionalReport;
use crate::binance::{BinanceError, RestClient};
use crate::domain::{OrderReport, Side, StopSize, Symbol, Timestamp};

use super::{CommandError, Context, Exit, Output};

/// A client for the environment of the settings.
pub(super) fn client(context: &Context) -> Result<Arc<RestClient>, CommandError> {
    let settings = context.settings()?;
    Ok(Arc::new(RestClient::new(rest_settings(&settings), context.clock())?))
}

/// A desk for orders by hand, within the limits of the settings.
pub(super) fn desk(context: &Context) -> Result<(Arc<RestClient>, ManualDesk), CommandError> {
    let rest = client(context)?;
    let desk = ManualDesk::new(Arc::clone(&rest), context.settings()?.trading.limits);
    Ok((rest, desk))
}

impl From<BinanceError> for CommandError {
    fn from(error: BinanceError) -> Self {
        let exit = match &error {
            error if error.is_key_refused() => Exit::KeyRefused,
            BinanceError::KeyHeld { .. } => Exit::KeyRefused,
            BinanceError::Unreachable { .. }
            | BinanceError::HeldBack { .. }
            | BinanceError::NotProcessed { .. }
            | BinanceError::Throttled { .. }
            | BinanceError::Overloaded { .. }
            | BinanceError::Barred { .. } => Exit::Unreachable,
            BinanceError::Unknown { .. } => Exit::Timeout,
            BinanceError::NoCredentials | BinanceError::Configuration(_) => Exit::Configuration,
            BinanceError::Rejected { .. } | BinanceError::Unreadable(_) => Exit::Failure,
        };
        Self::new(exit, error)
    }
}

impl From<ManualError> for CommandError {
    fn from(error: ManualError) -> Self {
        match error {
            ManualError::Venue(error) => error.into(),
            ManualError::Filter(_) | ManualError::Limit(_) | ManualError::Range(_) => {
                Self::new(Exit::RefusedByRisk, error)
            }
            ManualError::UnknownSymbol(_) => Self::new(Exit::Failure, error)
                .remedy("check the spelling, like BTCUSDT, and the environment"),
            ManualError::NotPlaced(_) => Self::new(Exit::Failure, error),
            ManualError::Unresolved { .. } => Self::new(Exit::Timeout, error),
        }
    }
}

/// Reads a symbol; the venue's are in capitals.
pub(super) fn symbol(text: &str) -> Result<Symbol, String> {
    Symbol::new(&text.to_uppercase()).map_err(|error| error.to_string())
}

/// Buy or sell, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SideArgument {
    /// Buy.
    Buy,
    /// Sell.
    Sell,
}

impl From<SideArgument> for Side {
    fn from(side: SideArgument) -> Self {
        match side {
            SideArgument::Buy => Self::Buy,
            SideArgument::Sell => Self::Sell,
        }
    }
}

/// Prints a list: one JSON array for scripts, a table (or a line if empty) for people.
pub(super) fn print_list<T: Serialize>(
    output: Output,
    items: &[T],
    header: &[&str],
    row: impl Fn(&T) -> Vec<String>,
    none: &str,
) -> Result<(), CommandError> {
    if output.is_json() {
        return output.json(&items);
    }
    if items.is_empty() {
        return output.line(none);
    }
    output.table(header, items.iter().map(row))
}

/// Prints one order.
pub(super) fn print_order(output: Output, order: &OrderReport) -> Result<(), CommandError> {
    if output.is_json() {
        return output.json(&OrderRow::from(order));
    }
    output.table(&ORDER_HEADER, [order_cells(&OrderRow::from(order))])
}

/// An ordinary or conditional order as the live functions show it.
#[derive(Debug, Serialize)]
pub(super) struct OrderRow {
    symbol: Symbol,
    client_order_id: String,
    order_id: u64,
    kind: String,
    side: String,
    price: Option<String>,
    quantity: String,
    filled_quantity: String,
    average_price: Option<String>,
    status: String,
    reduce_only: bool,
    time: String,
}

/// The columns of [`order_cells`].
pub(super) const ORDER_HEADER: [&str; 10] = [
    "symbol",
    "client order id",
    "kind",
    "side",
    "price",
    "quantity",
    "filled",
    "average",
    "status",
    "time",
];

/// A row of the table of orders.
pub(super) fn order_cells(row: &OrderRow) -> Vec<String> {
    let kind =
        if row.reduce_only { format!("{}, reduce-only", row.kind) } else { row.kind.clone() };
    vec![
        row.symbol.to_string(),
        row.client_order_id.clone(),
        kind,
        row.side.clone(),
        or_dash(row.price.as_ref()),
        row.quantity.clone(),
        row.filled_quantity.clone(),
        or_dash(row.average_price.as_ref()),
        row.status.clone(),
        row.time.clone(),
    ]
}

impl From<&OrderReport> for OrderRow {
    fn from(order: &OrderReport) -> Self {
        Self {
            symbol: order.symbol,
            client_order_id: order.client_order_id.to_string(),
            order_id: order.order_id.0,
            kind: if order.price.is_some() { "limit" } else { "market" }.to_owned(),
            side: order.side.to_string(),
            price: text(order.price),
            quantity: order.quantity.to_string(),
            filled_quantity: order.filled_quantity.to_string(),
            average_price: text(order.average_price),
            status: format!("{:?}", order.status),
            reduce_only: order.reduce_only,
            time: order.update_time.to_string(),
        }
    }
}

impl From<&ConditionalReport> for OrderRow {
    fn from(order: &ConditionalReport) -> Self {
        let quantity = match order.size {
            StopSize::Quantity(quantity) => quantity.to_string(),
            StopSize::ClosePosition => "position".to_owned(),
        };
        Self {
            symbol: order.symbol,
            client_order_id: order.client_order_id.to_string(),
            order_id: order.algo_order_id.0,
            kind: order.kind.as_str().to_lowercase().replace('_', "-"),
            side: order.side.to_string(),
            price: text(order.trigger_price),
            quantity,
            filled_quantity: "0".to_owned(),
            average_price: None,
            status: format!("{:?}", order.status),
            reduce_only: order.reduce_only,
            time: order.update_time.to_string(),
        }
    }
}

/// A moment for people and scripts.
pub(super) fn time_text(time: Timestamp) -> String {
    time.to_string()
}

fn text(value: Option<impl Display>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn or_dash(value: Option<&String>) -> String {
    value.cloned().unwrap_or_else(|| "-".to_owned())
}
