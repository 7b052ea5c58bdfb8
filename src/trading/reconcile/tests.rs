//! What counts as a difference, what is in flight, and what is whose.

use super::*;
use crate::domain::{
    OrderId, OrderKind, OrderReport, OrderRequest, OrderStatus, PositionReport, Price, Quantity,
    Side,
};
use crate::trading::order::{OrderEvent, Purpose};

const RUN: RunId = RunId { installation: 7, epoch: 3 };

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(second)
}

fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

fn order(id: ClientOrderId) -> OrderReport {
    OrderReport {
        symbol: symbol(),
        client_order_id: id,
        order_id: OrderId(1),
        side: Side::Buy,
        price: Some("60000".parse().unwrap()),
        quantity: "0.1".parse().unwrap(),
        filled_quantity: Quantity::ZERO,
        average_price: None,
        status: OrderStatus::New,
        reduce_only: false,
        update_time: at(1),
    }
}

fn account(asked_at: Timestamp, held: &str, open_orders: Vec<OrderReport>) -> AccountReport {
    let exposure: Exposure = held.parse().unwrap();
    let position = PositionReport {
        symbol: symbol(),
        exposure,
        entry_price: "60000".parse().unwrap(),
        mark_price: Price::ZERO,
        unrealized_pnl: crate::domain::Amount::ZERO,
        liquidation_price: None,
        update_time: asked_at,
    };
    AccountReport {
        asked_at,
        positions: if exposure.is_zero() { Vec::new() } else { vec![position] },
        open_orders,
        open_stops: Vec::new(),
        fills: Vec::new(),
        balances: Vec::new(),
    }
}

/// A ledger that holds 0.1 and one working order, sent at second 1.
struct Books {
    position: Position,
    blotter: Blotter,
    protection: Protection,
    last_fill_at: Option<Timestamp>,
}

impl Books {
    fn new() -> Self {
        let id = ClientOrderId::derive(RUN, 1);
        let mut blotter = Blotter::default();
        let request = OrderRequest {
            client_order_id: id,
            symbol: symbol(),
            side: Side::Buy,
            quantity: "0.1".parse().unwrap(),
            kind: OrderKind::Market,
            reduce_only: false,
        };
        blotter.submit(at(1), request, Purpose::Entry);
        let _ = blotter.handle(at(1), id, OrderEvent::Report(&order(id)));
        let position = Position::carried_over(symbol(), None, "0.1".parse().unwrap());
        Self { position, blotter, protection: Protection::default(), last_fill_at: None }
    }

    fn compare(&self, report: &AccountReport) -> Findings {
        let ledger = Ledger {
            symbol: symbol(),
            run: RUN,
            position: &self.position,
            blotter: &self.blotter,
            protection: &self.protection,
            last_fill_at: self.last_fill_at,
        };
        compare(&ledger, report)
    }
}

#[test]
fn what_agrees_has_no_findings() {
    let ours = ClientOrderId::derive(RUN, 1);
    let findings = Books::new().compare(&account(at(10), "0.1", vec![order(ours)]));
    assert_eq!(findings, Findings::default());
}

#[test]
fn what_is_younger_than_the_question_is_not_missed() {
    let books = Books::new();
    assert!(books.compare(&account(at(2), "0.1", Vec::new())).discrepancies.is_empty());
    let findings = books.compare(&account(at(4), "0.1", Vec::new()));
    let ours = ClientOrderId::derive(RUN, 1);
    assert_eq!(findings.discrepancies, [Discrepancy::OrderMissing(symbol(), ours)]);
    assert_eq!(findings.corrections, [Correction::OrderMissing(ours)]);
}

#[test]
fn a_position_in_motion_is_not_compared() {
    let mut books = Books::new();
    books.last_fill_at = Some(at(10));
    let findings = books.compare(&account(at(10), "0.3", Vec::new()));
    assert!(findings.is_inconclusive);
    let findings = books.compare(&account(at(11), "0.3", Vec::new()));
    assert!(matches!(findings.discrepancies[0], Discrepancy::Position { .. }));
}

#[test]
fn orders_of_others_are_counted_and_those_of_earlier_runs_adopted() {
    let ours = order(ClientOrderId::derive(RUN, 1));
    let earlier = order(ClientOrderId::derive(RunId { epoch: 2, ..RUN }, 9));
    let foreign = order("web_123".parse().unwrap());
    let stray = order(ClientOrderId::derive(RUN, 77));
    let report = account(at(10), "0.1", vec![ours, earlier, foreign, stray]);
    let findings = Books::new().compare(&report);
    assert_eq!(findings.foreign, 1);
    assert_eq!(findings.corrections, [Correction::AdoptOrder(1), Correction::AdoptOrder(3)]);
    let unexpected = Discrepancy::OrderUnexpected(symbol(), stray.client_order_id);
    assert_eq!(findings.discrepancies, [unexpected], "only this run's stray is a discrepancy");
}

#[test]
fn a_discrepancy_counts_once_it_is_old_and_seen_again() {
    let books = Books::new();
    let ours = order(ClientOrderId::derive(RUN, 1));
    let differs = |second| books.compare(&account(at(second), "0.3", vec![ours]));
    let mut log = DiscrepancyLog::default();
    assert!(log.observe(at(10), symbol(), &differs(10)).is_empty());
    assert!(log.observe(at(11), symbol(), &differs(11)).is_empty());
    assert_eq!(log.observe(at(12), symbol(), &differs(12)).len(), 1);
    assert!(log.observe(at(13), symbol(), &differs(13)).is_empty(), "counted once");
    assert_eq!(log.older_than(at(19), UNRESOLVED_LIMIT).count(), 0);
    assert_eq!(log.older_than(at(20), UNRESOLVED_LIMIT).count(), 1);
    let agrees = books.compare(&account(at(21), "0.1", vec![ours]));
    log.observe(at(21), symbol(), &agrees);
    assert!(log.is_clean());
    assert_eq!(log.confirmed_total(), 1);
}
