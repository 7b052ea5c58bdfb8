//! The ledger as people check it by hand, and as a function of the set of fills.

use proptest::prelude::*;

use super::*;
use crate::domain::Timestamp;

fn fill(trade_id: u64, side: Side, quantity: i64, price: i64) -> Fill {
    Fill {
        symbol: "BTCUSDT".parse().unwrap(),
        trade_id: TradeId(trade_id),
        order_id: OrderId(1),
        client_order_id: None,
        side,
        price: Price::from_units(price * 10_000_000).unwrap(),
        quantity: Quantity::from_units(quantity * 100_000).unwrap(),
        commission: "0.01".parse().unwrap(),
        commission_asset: "USDT".parse().unwrap(),
        realized_pnl: Amount::ZERO,
        is_maker: true,
        time: Timestamp::from_seconds(1),
    }
}

fn flat() -> Position {
    Position::carried_over("BTCUSDT".parse().unwrap(), None, Exposure::ZERO)
}

#[test]
fn a_round_trip_brings_proceeds_less_cost() {
    let mut position = flat();
    assert!(position.book(&fill(1, Side::Buy, 100, 600_000)));
    assert!(position.book(&fill(2, Side::Buy, 100, 600_100)));
    assert_eq!(position.entry_price(), Some("60005".parse().unwrap()));
    assert!(position.book(&fill(3, Side::Sell, 200, 600_200)));
    assert_eq!(position.realized(), "3".parse().unwrap(), "15 USDT on 0.2");
    assert_eq!((position.exposure(), position.round_trips()), (Exposure::ZERO, 1));
    assert_eq!(position.quote_fees(), "0.03".parse().unwrap());
}

#[test]
fn a_fill_through_zero_closes_one_side_and_opens_the_other() {
    let mut position = flat();
    position.book(&fill(1, Side::Sell, 100, 600_000));
    position.book(&fill(2, Side::Buy, 150, 599_000));
    assert_eq!(position.realized(), "10".parse().unwrap());
    assert_eq!(position.exposure(), "0.05".parse().unwrap());
    assert_eq!(position.entry_price(), Some("59900".parse().unwrap()));
}

#[test]
fn what_an_earlier_run_paid_is_not_guessed() {
    let symbol = "BTCUSDT".parse().unwrap();
    let last = LastTrade { trade_id: TradeId(5), time: Timestamp::from_seconds(1) };
    let mut position = Position::carried_over(symbol, Some(last), "0.1".parse().unwrap());
    assert_eq!(position.entry_price(), None);
    assert!(!position.book(&fill(5, Side::Buy, 100, 600_000)), "known to the earlier run");
    let closing = Fill { realized_pnl: "7".parse().unwrap(), ..fill(6, Side::Sell, 40, 600_100) };
    position.book(&closing);
    assert_eq!(position.realized(), "7".parse().unwrap(), "the venue's own figure");
    position.adopt("0.06".parse().unwrap(), "60000".parse().unwrap());
    position.book(&fill(7, Side::Sell, 60, 600_100));
    assert_eq!(position.realized(), "7.6".parse().unwrap());
}

#[test]
fn invariant_1_and_2_hold_where_the_venue_numbers_its_trades_anew() {
    let at = |second, fill: Fill| Fill { time: Timestamp::from_seconds(second), ..fill };
    let mut position = flat();
    position.book(&at(10, fill(70, Side::Buy, 100, 600_000)));
    position.book(&at(11, fill(72, Side::Buy, 100, 600_000)));
    assert!(position.book(&at(11, fill(71, Side::Buy, 100, 600_000))), "a late one");
    position.confirm(TradeId(72));
    assert!(position.book(&at(60, fill(2, Side::Sell, 100, 600_000))), "another numbering");
    assert_eq!(position.fills_after(), None, "the next are asked for by their time");
    assert!(position.book(&at(60, fill(1, Side::Sell, 100, 600_000))));
    for again in
        [at(60, fill(2, Side::Sell, 100, 600_000)), at(11, fill(72, Side::Buy, 100, 600_000))]
    {
        assert!(!position.book(&again), "{}", again.trade_id);
    }
    assert_eq!(position.exposure(), "0.1".parse().unwrap());
}

#[test]
fn what_happened_before_a_position_was_taken_over_is_in_it_whatever_its_number() {
    let at = |second, fill: Fill| Fill { time: Timestamp::from_seconds(second), ..fill };
    let mut position = flat();
    position.book(&at(10, fill(70, Side::Buy, 100, 600_000)));
    position.confirm(TradeId(70));
    let asked_at = Timestamp::from_seconds(30);
    position.take_over("0.05".parse().unwrap(), "60000".parse().unwrap(), asked_at);
    assert_eq!(position.fills_after(), None);
    assert!(!position.book(&at(25, fill(3, Side::Buy, 50, 600_000))));
    assert!(position.book(&at(40, fill(4, Side::Sell, 50, 600_000))));
    assert!(position.exposure().is_zero());
}

#[test]
fn fees_in_other_assets_are_kept_apart() {
    let mut position = flat();
    let in_bnb = "BNB".parse().unwrap();
    position.book(&Fill { commission_asset: in_bnb, ..fill(1, Side::Buy, 1, 600_000) });
    assert_eq!(position.quote_fees(), Amount::ZERO);
    assert_eq!(position.other_fees()[&in_bnb], "0.01".parse().unwrap());
}

prop_compose! {
    fn fills()(sides in prop::collection::vec((any::<bool>(), 1..50_i64, 599_000..601_000_i64), 1..40))
        -> Vec<Fill> {
        sides.into_iter().zip(1..).map(|((buys, quantity, price), id)| {
            fill(id, if buys { Side::Buy } else { Side::Sell }, quantity, price)
        }).collect()
    }
}

proptest! {
    #[test]
    fn invariant_1_and_2_the_set_of_fills_decides(
        (fills, shuffled) in fills().prop_flat_map(|fills| {
            (Just(fills.clone()), Just(fills).prop_shuffle())
        }),
    ) {
        let (mut in_order, mut mixed) = (flat(), flat());
        for fill in &fills {
            prop_assert!(in_order.book(fill));
        }
        for fill in shuffled.iter().chain(&fills) {
            mixed.book(fill);
        }
        prop_assert_eq!(in_order, mixed);
    }

    #[test]
    fn invariant_3_flat_profit_is_exactly_proceeds_less_cost(fills in fills()) {
        let mut position = flat();
        let mut cash = Amount::ZERO;
        let closing = |position: &Position| {
            let held = position.exposure();
            let units = held.quantity().units() / 100_000;
            fill(1_000, held.side().unwrap().opposite(), units, 600_000)
        };
        let mut pay = |fill: &Fill| {
            let notional = notional(fill.price, fill.quantity);
            let sign = if fill.side == Side::Buy { -notional } else { notional };
            cash = cash.saturating_add(sign);
        };
        for fill in &fills {
            position.book(fill);
            pay(fill);
        }
        if !position.exposure().is_zero() {
            let last = closing(&position);
            position.book(&last);
            pay(&last);
        }
        prop_assert_eq!(position.realized(), cash);
    }
}
