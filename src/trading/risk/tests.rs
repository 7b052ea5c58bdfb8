//! Each limit refuses what it is there for, and closing is never refused.

use super::*;
use crate::domain::{Rate, TimeInForce};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn limits() -> RiskLimits {
    RiskLimits {
        position_notional: "10000".parse().unwrap(),
        account_notional: "15000".parse().unwrap(),
        order_notional: "9500".parse().unwrap(),
        open_orders: 4,
        orders_per_minute: 2,
        price_collar: "0.001".parse().unwrap(),
        daily_loss: Amount::ZERO,
        drawdown: Amount::ZERO,
        consecutive_losses: 0,
        liquidation_distance: Rate::ZERO,
        unprotected_in_a_row: 1_000,
        unprotected_per_hour: 1_000,
        mid_jump: "0.01".parse().unwrap(),
        mid_jump_pause: Duration::from_secs(10),
    }
}

fn filters() -> Filters {
    Filters {
        tick_size: "0.1".parse().unwrap(),
        step_size: "0.001".parse().unwrap(),
        min_price: Price::ZERO,
        max_price: Price::ZERO,
        min_quantity: "0.001".parse().unwrap(),
        max_quantity: "0.5".parse().unwrap(),
        max_market_quantity: "0.2".parse().unwrap(),
        min_notional: "50".parse().unwrap(),
        multiplier_up: "1.05".parse().unwrap(),
        multiplier_down: "0.95".parse().unwrap(),
        max_open_orders: 200,
    }
}

fn entry(side: Side, quantity: &str, price: &str) -> OrderRequest {
    OrderRequest {
        client_order_id: "lobd-00000007-1-1".parse().unwrap(),
        symbol: "BTCUSDT".parse().unwrap(),
        side,
        quantity: quantity.parse().unwrap(),
        kind: OrderKind::Limit {
            price: price.parse().unwrap(),
            time_in_force: TimeInForce::PostOnly,
        },
        reduce_only: false,
    }
}

/// Asks for an entry while this much is held and this much may still fill.
fn ask(request: OrderRequest, held: &str, may_fill: &str) -> Result<(), Refusal> {
    ask_with(request, (held, may_fill), Elsewhere::default())
}

fn ask_with(
    request: OrderRequest,
    (held, may_fill): (&str, &str),
    elsewhere: Elsewhere,
) -> Result<(), Refusal> {
    let holding = Holding {
        exposure: held.parse().unwrap(),
        may_fill: may_fill.parse().unwrap(),
        mark_price: Some("60000".parse().unwrap()),
        elsewhere,
    };
    let quote = Quote { best_bid: "60000".parse().unwrap(), best_ask: "60000.1".parse().unwrap() };
    let (limits, filters) = (limits(), filters());
    let mut budget = RiskBudget::default();
    budget
        .approve_entry(NOW, request, (&limits, &filters), (quote, &holding))
        .map(|approved| assert_eq!(*approved.get(), request))
}

#[test]
fn invariant_1_the_worst_case_decides_and_not_the_position_alone() {
    let buy = || entry(Side::Buy, "0.1", "60000");
    assert_eq!(ask(buy(), "0", "0"), Ok(()));
    assert_eq!(ask(buy(), "0.05", "0"), Ok(()), "9,000 of 10,000");
    assert!(matches!(ask(buy(), "0.1", "0"), Err(Refusal::PositionLimit(..))));
    let unknown = ask(buy(), "0", "0.1");
    assert!(matches!(unknown, Err(Refusal::PositionLimit(..))), "what may fill counts in full");
    assert_eq!(ask(buy(), "-0.1", "0"), Ok(()), "the other direction");
}

#[test]
fn what_is_held_elsewhere_leaves_the_account_less() {
    let elsewhere = |notional: &str, open_orders| Elsewhere {
        notional: notional.parse().unwrap(),
        open_orders,
    };
    let ask = |held: &str, elsewhere| {
        let request = entry(Side::Buy, "0.1", "60000");
        ask_with(request, (held, "0"), elsewhere)
    };
    assert_eq!(ask("0", elsewhere("9000", 0)), Ok(()), "15,000 in all");
    assert!(matches!(ask("0", elsewhere("9000.01", 0)), Err(Refusal::AccountLimit(..))));
    assert!(matches!(ask("0.01", elsewhere("9000", 0)), Err(Refusal::AccountLimit(..))));
    assert_eq!(ask("-0.1", elsewhere("15000", 0)), Ok(()), "what makes it smaller may always go");
    assert_eq!(ask("0", elsewhere("0", 3)), Ok(()));
    assert_eq!(ask("0", elsewhere("0", 4)), Err(Refusal::OpenOrders(4)));
}

#[test]
fn one_order_alone_may_be_too_large() {
    assert_eq!(ask(entry(Side::Buy, "0.158", "60000"), "0", "0"), Ok(()), "9,480 of 9,500");
    let too_large = ask(entry(Side::Buy, "0.159", "60000"), "0", "0");
    assert!(matches!(too_large, Err(Refusal::OrderSize(..))), "{too_large:?}");
}

#[test]
fn an_entry_off_the_grid_or_far_from_the_mid_is_refused() {
    let refused = |request| ask(request, "0", "0").unwrap_err().why_not();
    assert_eq!(refused(entry(Side::Buy, "0.1", "60000.05")), WhyNot::Filter);
    assert_eq!(refused(entry(Side::Buy, "0.1005", "60000")), WhyNot::Filter);
    assert_eq!(refused(entry(Side::Buy, "0.0", "60000")), WhyNot::Filter);
    assert_eq!(refused(entry(Side::Buy, "0.1", "59930")), WhyNot::PriceCollar);
}

#[test]
fn no_more_entries_in_a_minute_than_allowed() {
    let (limits, filters) = (limits(), filters());
    let mut budget = RiskBudget::default();
    let quote = Quote { best_bid: "60000".parse().unwrap(), best_ask: "60000.1".parse().unwrap() };
    let (exposure, may_fill, elsewhere) = (Exposure::ZERO, Quantity::ZERO, Elsewhere::default());
    let holding = Holding { exposure, may_fill, mark_price: None, elsewhere };
    let mut ask = |seconds: u64| {
        let now = NOW + Duration::from_secs(seconds);
        let request = entry(Side::Buy, "0.1", "60000");
        budget.approve_entry(now, request, (&limits, &filters), (quote, &holding)).is_ok()
    };
    assert_eq!(
        [ask(0), ask(10), ask(20), ask(59), ask(60), ask(61)],
        [true, true, false, false, true, false]
    );
}

#[test]
fn closing_is_always_allowed_and_clipped_to_what_the_venue_takes() {
    let instrument = ("BTCUSDT".parse().unwrap(), &filters());
    let id = "lobd-00000007-1-2".parse().unwrap();
    let close = |held: &str, kind| {
        approve_close(id, instrument, held.parse().unwrap(), kind).map(|approved| *approved.get())
    };
    let market = close("-0.3", OrderKind::Market).unwrap();
    assert!(market.reduce_only && market.side == Side::Buy);
    assert_eq!(market.quantity, "0.2".parse().unwrap(), "the rest goes with the next one");
    assert_eq!(close("0.1234", OrderKind::Market).unwrap().quantity, "0.123".parse().unwrap());
    let smallest = close("0.0004", OrderKind::Market).unwrap().quantity;
    assert_eq!(smallest, "0.001".parse().unwrap(), "reduce-only, so no more than there is");
}
