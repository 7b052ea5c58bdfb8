//! What a person does on the account by hand, past the daemon.

use crate::domain::{ClientOrderId, OrderKind, OrderRequest, Rate, Side, Symbol, TimeInForce};
use crate::sim::{AccountId, Exchange, OrderName, StopName};

use super::plan::Act;
use super::truth::is_ours;

/// How far from the market a person leaves an order of their own.
const FAR_BPS: f64 = 300.0;

/// Does it; a person whose order is refused shrugs.
pub(super) fn act(
    exchange: &mut Exchange,
    (account, symbol): (AccountId, Symbol),
    act: Act,
    number: u64,
) {
    let now = exchange.now();
    match act {
        Act::Close => {
            if let Some(request) = close(exchange, (account, symbol), number) {
                let _ = exchange.place(now, account, &request);
            }
        }
        Act::CancelOrder => {
            let orders = exchange.open_orders(account, Some(symbol));
            let ours = orders.iter().find(|one| is_ours(one.report.client_order_id.as_str()));
            if let Some(order) = ours {
                let name = OrderName::Id(order.report.order_id);
                let _ = exchange.cancel(now, account, symbol, name);
            }
        }
        Act::CancelStop => {
            if let Some(stop) = exchange.open_stops(account, Some(symbol)).first() {
                let name = StopName::Id(stop.report.algo_order_id);
                let _ = exchange.cancel_stop(now, account, name);
            }
        }
        Act::Order(side) => {
            if let Some(request) = far_order(exchange, (symbol, side), number) {
                let _ = exchange.place(now, account, &request);
            }
        }
    }
}

fn close(
    exchange: &Exchange,
    (account, symbol): (AccountId, Symbol),
    number: u64,
) -> Option<OrderRequest> {
    let held = exchange.position(account, symbol).ok()?.exposure;
    Some(OrderRequest {
        client_order_id: name(number)?,
        symbol,
        side: held.side()?.opposite(),
        quantity: held.quantity(),
        kind: OrderKind::Market,
        reduce_only: true,
    })
}

fn far_order(
    exchange: &Exchange,
    (symbol, side): (Symbol, Side),
    number: u64,
) -> Option<OrderRequest> {
    let (bid, ask) = exchange.best_prices(symbol)?;
    let filters = &exchange.instruments().find(|one| one.symbol == symbol)?.filters;
    let (best, bps) = match side {
        Side::Buy => (bid.price, -FAR_BPS),
        Side::Sell => (ask.price, FAR_BPS),
    };
    let price = best.moved_by(Rate::from_bps(bps)).ok()?;
    let price = price.round_to_tick(filters.tick_size, crate::domain::Rounding::Down).ok()?;
    Some(OrderRequest {
        client_order_id: name(number)?,
        symbol,
        side,
        quantity: crate::domain::Quantity::from_steps(1_000, filters.step_size).ok()?,
        kind: OrderKind::Limit { price, time_in_force: TimeInForce::GoodTilCanceled },
        reduce_only: false,
    })
}

fn name(number: u64) -> Option<ClientOrderId> {
    ClientOrderId::new(&format!("web_{number}")).ok()
}
