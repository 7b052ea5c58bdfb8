//! The codec's promises: exactness, and survival of any bytes.

use proptest::prelude::*;

use super::*;

fn symbol() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

fn price(units: i64) -> Price {
    Price::from_units(units).unwrap()
}

/// Grids as venues have them, and hostile ones: one unit, an odd number of units.
fn grids() -> impl Strategy<Value = RowGrid> {
    (
        prop_oneof![Just(1_i64), Just(10_000_000), Just(100_000), Just(7), 1..1_000_000_000_i64],
        prop_oneof![Just(1_i64), Just(100_000), Just(100_000_000), Just(3), 1..1_000_000_000_i64],
    )
        .prop_map(|(tick, step)| RowGrid {
            tick_size: price(tick),
            step_size: Quantity::from_units(step).unwrap(),
        })
}

fn snapshots(grid: RowGrid) -> impl Strategy<Value = Snapshot> {
    let side = || {
        proptest::collection::vec(
            (prop_oneof![3 => Just(1_i64), 1 => 1..2_000_i64], 1..9_000_i64),
            1..=DEPTH,
        )
    };
    (100_000..900_000_i64, 1..500_i64, side(), side()).prop_map(
        move |(best_bid, spread, bids, asks)| {
            let levels = |best: i64, sign: i64, side: Vec<(i64, i64)>| -> Vec<Level> {
                let mut ticks = best;
                side.into_iter()
                    .enumerate()
                    .map(|(index, (distance, steps))| {
                        ticks += if index == 0 { 0 } else { sign * distance };
                        Level {
                            price: Price::from_ticks(ticks, grid.tick_size).unwrap(),
                            quantity: Quantity::from_steps(steps, grid.step_size).unwrap(),
                        }
                    })
                    .collect()
            };
            Snapshot::new(levels(best_bid, -1, bids), levels(best_bid + spread, 1, asks)).unwrap()
        },
    )
}

fn validities() -> impl Strategy<Value = Validity> {
    let reasons = prop_oneof![
        Just(Reason::NoSnapshot),
        Just(Reason::SequenceGap),
        Just(Reason::CrossedBook),
        Just(Reason::OffGrid),
        Just(Reason::EmptySide),
        Just(Reason::Disconnected),
        Just(Reason::NoProofOfLife),
        Just(Reason::NotRunning),
        Just(Reason::FrozenStream),
        Just(Reason::MissedTrades),
        Just(Reason::LateUpdates),
    ];
    prop_oneof![
        Just(Validity::Valid),
        reasons.clone().prop_map(Validity::Stale),
        reasons.prop_map(Validity::Missing),
    ]
}

fn trades(grid: RowGrid) -> impl Strategy<Value = TradeFlow> {
    let ticks = || proptest::option::of(0..2_000_000_i64);
    (any::<u32>(), 0..1_000_000_i64, 0..1_000_000_i64, any::<i64>(), ticks(), ticks()).prop_map(
        move |(count, bought, sold, notional, lowest_sell, highest_buy)| TradeFlow {
            count,
            buy_volume: Quantity::from_steps(bought, grid.step_size).unwrap(),
            sell_volume: Quantity::from_steps(sold, grid.step_size).unwrap(),
            notional: Amount::from_units(notional).unwrap(),
            lowest_sell: lowest_sell.map(|ticks| Price::from_ticks(ticks, grid.tick_size).unwrap()),
            highest_buy: highest_buy.map(|ticks| Price::from_ticks(ticks, grid.tick_size).unwrap()),
        },
    )
}

fn flows(grid: RowGrid) -> impl Strategy<Value = Flow> {
    let mids = || proptest::option::of(prop_oneof![0..i64::MAX, 0..2_000_000_i64]);
    let trades = prop_oneof![Just(TradeFlow::default()), trades(grid)];
    (any::<u32>(), mids(), mids(), any::<u64>(), -1_000_000..1_000_000_i64, trades).prop_map(
        move |(updates, high, low, squared_mid_changes, imbalance, trades)| Flow {
            updates,
            mid_high: high.map(price),
            // A mid between two prices of the grid: the ordinary case.
            mid_low: low.map(|ticks| {
                ticks
                    .checked_mul(grid.tick_size.units())
                    .map_or(price(ticks), |units| price(units).midpoint(price(units / 2)))
            }),
            squared_mid_changes,
            order_flow_imbalance: Exposure::from_units(imbalance * grid.step_size.units()).unwrap(),
            trades,
        },
    )
}

fn rows() -> impl Strategy<Value = (RowGrid, Row)> {
    grids().prop_flat_map(|grid| {
        let mark = proptest::option::of(0..i64::MAX);
        (
            proptest::option::weighted(0.9, snapshots(grid)),
            flows(grid),
            mark,
            any::<bool>(),
            validities(),
            any::<[u32; 2]>(),
        )
            .prop_map(move |(snapshot, flow, mark, at_mid, validity, ages)| {
                let mark_price = match (at_mid, &snapshot) {
                    (true, Some(snapshot)) => Some(mid(snapshot)),
                    (true, None) | (false, _) => mark.map(price),
                };
                let [age_ms, mark_age_ms] = ages;
                let symbol = symbol();
                (grid, Row { symbol, snapshot, flow, mark_price, validity, age_ms, mark_age_ms })
            })
    })
}

proptest! {
    #[test]
    fn decode_of_encode_is_the_identity((grid, row) in rows()) {
        let mut bytes = Vec::new();
        encode(&row, grid, &mut bytes).unwrap();
        prop_assert_eq!(decode(&bytes, symbol(), grid), Ok(row.clone()));
        prop_assert_eq!(decode_validity(&bytes), Ok(row.validity));
    }

    #[test]
    fn rows_of_the_layout_without_a_checksum_stay_readable((grid, row) in rows()) {
        let mut bytes = Vec::new();
        encode(&row, grid, &mut bytes).unwrap();
        bytes.truncate(bytes.len() - 4);
        bytes[0] = UNCHECKED_LAYOUT;
        prop_assert_eq!(decode(&bytes, symbol(), grid), Ok(row));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200), grid in grids(),
    ) {
        let _ = decode(&bytes, symbol(), grid);
        if let [layout, validity, ..] = &mut bytes[..] {
            (*layout, *validity) = (UNCHECKED_LAYOUT, 0);
        }
        let _ = decode(&bytes, symbol(), grid);
    }

    #[test]
    fn any_flipped_bit_is_found_and_no_damage_panics((grid, row) in rows(), at in any::<usize>(), bit in 0..8_u32) {
        let mut bytes = Vec::new();
        encode(&row, grid, &mut bytes).unwrap();
        for cut in 0..bytes.len() {
            prop_assert!(decode(&bytes[..cut], symbol(), grid).is_err(), "cut at {}", cut);
        }
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        prop_assert!(decode(&bytes, symbol(), grid).is_err());
        bytes[0] = UNCHECKED_LAYOUT;
        let _ = decode(&bytes, symbol(), grid);
    }
}

#[test]
fn what_is_off_the_grid_is_refused_by_name() {
    let grid = RowGrid { tick_size: price(10), step_size: Quantity::from_units(10).unwrap() };
    let level = |units, quantity| Level {
        price: price(units),
        quantity: Quantity::from_units(quantity).unwrap(),
    };
    let row = |bid, ask| Row {
        symbol: symbol(),
        snapshot: Some(Snapshot::new([bid], [ask]).unwrap()),
        flow: Flow::default(),
        mark_price: None,
        validity: Validity::Valid,
        age_ms: 0,
        mark_age_ms: 0,
    };
    let refused = |row: &Row| encode(row, grid, &mut Vec::new()).unwrap_err();
    assert_eq!(
        refused(&row(level(105, 10), level(110, 10))),
        RowError::OffTick(price(105), price(10))
    );
    assert!(matches!(refused(&row(level(100, 5), level(110, 10))), RowError::OffStep(..)));
    let no_grid = RowGrid { tick_size: Price::ZERO, ..grid };
    assert_eq!(
        encode(&row(level(100, 10), level(110, 10)), no_grid, &mut Vec::new()),
        Err(RowError::NoGrid)
    );
}
