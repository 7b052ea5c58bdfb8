//! Orders, fills and the ledger's end, derived from the events in their own transaction.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::domain::{
    Amount, Exposure, Failure, OrderReport, OrderStatus, Price, StopReport, StopSize, StopStatus,
    Symbol, Timestamp,
};
use crate::engine::{Command, Event, LedgerSummary};

use super::{fills, income, resolutions, takeover};
use crate::store::error::StoreError;

const NANOS_PER_DAY: i64 = 86_400 * 1_000_000_000;

/// One state of an order; an older state never replaces a terminal one.
struct OrderState<'a> {
    client_order_id: &'a str,
    symbol: Symbol,
    side: String,
    kind: &'static str,
    price: Option<i64>,
    quantity: Option<i64>,
    reduce_only: bool,
    status: &'static str,
    filled: i64,
    order_id: Option<i64>,
}

/// Books what an event says about orders and fills.
pub(super) fn book_event(
    transaction: &Transaction<'_>,
    sequence: i64,
    event: &Event,
) -> rusqlite::Result<()> {
    match event {
        Event::Fill(fill) => fills::book(transaction, sequence, fill),
        Event::Order(report) | Event::OrderAnswer(report) => {
            book_order(transaction, sequence, report)
        }
        Event::Stop(report) | Event::StopAnswer(report) => book_stop(transaction, sequence, report),
        Event::Account(report) => {
            for order in &report.open_orders {
                book_order(transaction, sequence, order)?;
            }
            for stop in &report.open_stops {
                book_stop(transaction, sequence, stop)?;
            }
            report.fills.iter().try_for_each(|fill| fills::book(transaction, sequence, fill))
        }
        Event::Income { rows, .. } => income::book(transaction, sequence, rows),
        Event::PlaceFailed { client_order_id, failure }
        | Event::PlaceStopFailed { client_order_id, failure } => transaction
            .prepare_cached(
                "UPDATE orders SET status = ?2, last_seq = ?3 \
                 WHERE client_order_id = ?1 AND status IN ('INTENT', 'UNKNOWN')",
            )?
            .execute(params![client_order_id.as_str(), failure_name(failure), sequence])
            .map(|_| ()),
        Event::Started(_)
        | Event::Second(_)
        | Event::Prediction(_)
        | Event::CancelFailed { .. }
        | Event::QueryFailed { .. }
        | Event::CancelStopFailed { .. }
        | Event::QueryStopFailed { .. }
        | Event::Position { .. }
        | Event::PositionFailed { .. }
        | Event::AccountFailed(_)
        | Event::Feed { .. }
        | Event::ClockOffset { .. }
        | Event::Journal { .. }
        | Event::Model { .. }
        | Event::Operator(_)
        | Event::Shutdown
        | Event::Tick
        | Event::External { .. }
        | Event::Rules(_)
        | Event::CountdownSet { .. }
        | Event::CountdownFailed { .. }
        | Event::Listing { .. }
        | Event::IncomeFailed(_)
        | Event::AccountChanged(_)
        | Event::Terms(_)
        | Event::TermsFailed(_) => Ok(()),
    }
}

/// Books an order we are about to place, before the venue knows of it.
pub(super) fn book_command(
    transaction: &Transaction<'_>,
    sequence: i64,
    command: &Command,
) -> rusqlite::Result<()> {
    match command {
        Command::Place(request) => {
            let request = request.get();
            let state = OrderState {
                client_order_id: request.client_order_id.as_str(),
                symbol: request.symbol,
                side: request.side.to_string(),
                kind: if request.kind.price().is_some() { "LIMIT" } else { "MARKET" },
                price: request.kind.price().map(Price::units),
                quantity: Some(request.quantity.units()),
                reduce_only: request.reduce_only,
                status: "INTENT",
                filled: 0,
                order_id: None,
            };
            upsert(transaction, sequence, &state)
        }
        Command::PlaceStop(request) => {
            let request = request.get();
            let state = OrderState {
                client_order_id: request.client_order_id.as_str(),
                symbol: request.symbol,
                side: request.side.to_string(),
                kind: "STOP",
                price: Some(request.trigger_price.units()),
                quantity: stop_quantity(request.size),
                reduce_only: true,
                status: "INTENT",
                filled: 0,
                order_id: None,
            };
            upsert(transaction, sequence, &state)
        }
        Command::TakeOver { symbol, exposure, last_trade, asked_at } => {
            takeover::book(transaction, sequence, (*symbol, *exposure), (*last_trade, *asked_at))
        }
        Command::Resolved { symbol, resolution } => {
            resolutions::book(transaction, sequence, (*symbol, resolution))
        }
        Command::Cancel { .. }
        | Command::Query { .. }
        | Command::CancelStop { .. }
        | Command::QueryStop { .. }
        | Command::QueryPosition { .. }
        | Command::QueryAccount { .. }
        | Command::SetCountdown { .. }
        | Command::QueryIncome { .. }
        | Command::QueryTerms { .. }
        | Command::Notify(_) => Ok(()),
    }
}

fn book_order(
    transaction: &Transaction<'_>,
    sequence: i64,
    report: &OrderReport,
) -> rusqlite::Result<()> {
    let state = OrderState {
        client_order_id: report.client_order_id.as_str(),
        symbol: report.symbol,
        side: report.side.to_string(),
        kind: if report.price.is_some() { "LIMIT" } else { "MARKET" },
        price: report.price.map(Price::units),
        quantity: Some(report.quantity.units()),
        reduce_only: report.reduce_only,
        status: order_status_name(report.status),
        filled: report.filled_quantity.units(),
        order_id: Some(report.order_id.0.cast_signed()),
    };
    upsert(transaction, sequence, &state)
}

fn book_stop(
    transaction: &Transaction<'_>,
    sequence: i64,
    report: &StopReport,
) -> rusqlite::Result<()> {
    let state = OrderState {
        client_order_id: report.client_order_id.as_str(),
        symbol: report.symbol,
        side: report.side.to_string(),
        kind: "STOP",
        price: Some(report.trigger_price.units()),
        quantity: stop_quantity(report.size),
        reduce_only: true,
        status: stop_status_name(report.status),
        filled: 0,
        order_id: Some(report.algo_order_id.0.cast_signed()),
    };
    upsert(transaction, sequence, &state)
}

fn upsert(
    transaction: &Transaction<'_>,
    sequence: i64,
    state: &OrderState<'_>,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO orders (client_order_id, symbol, side, kind, price_e8, quantity_e8, \
             reduce_only, status, filled_e8, order_id, first_seq, last_seq) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11) \
             ON CONFLICT (client_order_id) DO UPDATE SET \
             status = CASE WHEN excluded.status IN ('INTENT', 'NEW', 'PARTIALLY_FILLED', \
                                                    'UNKNOWN') \
               AND orders.status IN ('FILLED', 'CANCELED', 'EXPIRED', 'EXPIRED_IN_MATCH', \
                                     'REJECTED', 'FINISHED') \
               THEN orders.status ELSE excluded.status END, \
             filled_e8 = max(orders.filled_e8, excluded.filled_e8), \
             order_id = coalesce(excluded.order_id, orders.order_id), \
             last_seq = excluded.last_seq",
        )?
        .execute(params![
            state.client_order_id,
            state.symbol.as_str(),
            state.side,
            state.kind,
            state.price,
            state.quantity,
            state.reduce_only,
            state.status,
            state.filled,
            state.order_id,
            sequence,
        ])
        .map(|_| ())
}

/// Reads where the ledger ends.
pub(super) fn summarize(
    connection: &Connection,
    path: &Path,
    now: Timestamp,
) -> Result<LedgerSummary, StoreError> {
    let fail = |source| StoreError::database(path, source);
    let midnight = now.nanos() - now.nanos().rem_euclid(NANOS_PER_DAY);
    let mut summary = LedgerSummary {
        halted: connection
            .query_row("SELECT value FROM meta WHERE key = 'halted'", [], |row| row.get(0))
            .optional()
            .map_err(fail)?,
        ..LedgerSummary::default()
    };
    // What was taken over stands for every trade that is in it. A fee counts here if it was paid in
    // the quote asset, with which the symbol ends (a dated contract has its date after that).
    let mut statement = connection
        .prepare(&format!(
            "WITH newest AS (SELECT symbol, exposure_e8, trade_id, life, asked_ns, max(seq) \
               FROM takeovers GROUP BY symbol), \
             booked AS (SELECT symbol, exposure_e8 AS signed_e8, 0 AS realized_e8 \
               FROM newest UNION ALL \
             SELECT fills.symbol, \
               CASE WHEN {} THEN 0 WHEN side = 'BUY' THEN quantity_e8 ELSE -quantity_e8 END, \
               CASE WHEN time_ns >= ?1 THEN realized_pnl_e8 - \
                 CASE WHEN fills.symbol LIKE '%' || commission_asset \
                   OR fills.symbol LIKE '%' || commission_asset || '\\_%' ESCAPE '\\' \
                 THEN commission_e8 ELSE 0 END ELSE 0 END \
               FROM fills LEFT JOIN newest ON newest.symbol = fills.symbol) \
             SELECT symbol, sum(signed_e8), sum(realized_e8) \
             FROM booked GROUP BY symbol ORDER BY symbol",
            takeover::IS_IN_IT,
        ))
        .map_err(fail)?;
    let mut rows = statement.query([midnight]).map_err(fail)?;
    while let Some(row) = rows.next().map_err(fail)? {
        let symbol: String = row.get(0).map_err(fail)?;
        let [exposure, realized] = [row.get(1), row.get(2)];
        let exposure = Exposure::from_units(exposure.map_err(fail)?);
        let (Ok(symbol), Ok(exposure)) = (Symbol::new(&symbol), exposure) else {
            return Err(StoreError::Corrupt {
                path: path.to_owned(),
                detail: format!("the fills of {symbol:?} add up to no position"),
                remedy: "restore it from a backup",
            });
        };
        if let Some((_, last)) = fills::newest(connection, symbol).map_err(fail)? {
            summary.last_trades.insert(symbol, last);
        }
        if !exposure.is_zero() {
            summary.exposures.insert(symbol, exposure);
        }
        let realized = Amount::from_units(realized.map_err(fail)?).unwrap_or_default();
        summary.realized_today = summary.realized_today.saturating_add(realized);
    }
    income::summarize(connection, path, midnight, &mut summary)?;
    Ok(summary)
}

fn stop_quantity(size: StopSize) -> Option<i64> {
    match size {
        StopSize::Quantity(quantity) => Some(quantity.units()),
        StopSize::ClosePosition => None,
    }
}

const fn failure_name(failure: &Failure) -> &'static str {
    match failure {
        Failure::NotSent { .. } | Failure::Throttled { .. } => "NOT_SENT",
        Failure::Rejected(_) => "REJECTED",
        Failure::Unknown { .. } => "UNKNOWN",
    }
}

const fn order_status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::New => "NEW",
        OrderStatus::PartiallyFilled => "PARTIALLY_FILLED",
        OrderStatus::Filled => "FILLED",
        OrderStatus::Canceled => "CANCELED",
        OrderStatus::Rejected => "REJECTED",
        OrderStatus::Expired => "EXPIRED",
        OrderStatus::ExpiredInMatch => "EXPIRED_IN_MATCH",
        OrderStatus::Unknown => "UNKNOWN",
    }
}

const fn stop_status_name(status: StopStatus) -> &'static str {
    match status {
        StopStatus::New => "NEW",
        StopStatus::Triggering => "TRIGGERING",
        StopStatus::Triggered => "TRIGGERED",
        StopStatus::Finished => "FINISHED",
        StopStatus::Canceled => "CANCELED",
        StopStatus::Expired => "EXPIRED",
        StopStatus::Rejected => "REJECTED",
        StopStatus::Unknown => "UNKNOWN",
    }
}
