//! The future cannot be seen: changing it changes no feature, label in reach, or split.

use lobd::book::{Flow, Level, Row, Snapshot, TradeFlow, Validity};
use lobd::domain::{Exposure, Price, Quantity, Second, Symbol};
use lobd::features::{DatasetBuilder, FeatureSet, Window};
use proptest::prelude::*;

/// What one second of an arbitrary market looks like, in ticks and lots.
#[derive(Debug, Clone)]
struct Moment {
    bid: i64,
    spread: i64,
    lots: Vec<i64>,
    bought: i64,
    sold: i64,
    flow: i64,
}

fn moment() -> impl Strategy<Value = Moment> {
    (
        1_000..1_020_i64,
        1..3_i64,
        prop::collection::vec(1..500_i64, 20),
        0..50_i64,
        0..50_i64,
        -80..80_i64,
    )
        .prop_map(|(bid, spread, lots, bought, sold, flow)| Moment {
            bid,
            spread,
            lots,
            bought,
            sold,
            flow,
        })
}

fn row(moment: &Moment) -> Row {
    let level = |tick: i64, lots: i64| Level {
        price: Price::from_units(tick * 10_000_000).unwrap(),
        quantity: Quantity::from_units(lots * 100_000).unwrap(),
    };
    let bids = (0..10).map(|at| level(moment.bid - at, moment.lots[usize::try_from(at).unwrap()]));
    let asks = (0..10).map(|at| {
        level(moment.bid + moment.spread + at, moment.lots[10 + usize::try_from(at).unwrap()])
    });
    let trades = TradeFlow {
        buy_volume: Quantity::from_units(moment.bought * 100_000).unwrap(),
        sell_volume: Quantity::from_units(moment.sold * 100_000).unwrap(),
        ..TradeFlow::default()
    };
    Row {
        symbol: Symbol::new("BTCUSDT").unwrap(),
        snapshot: Some(Snapshot::new(bids, asks).unwrap()),
        flow: Flow {
            order_flow_imbalance: Exposure::from_units(moment.flow * 100_000).unwrap(),
            trades,
            ..Flow::default()
        },
        mark_price: None,
        validity: Validity::Valid,
        age_ms: 0,
        mark_age_ms: 0,
    }
}

fn vectors(moments: &[Moment], from: usize) -> Vec<(Second, Vec<f64>)> {
    let mut window = Window::new(FeatureSet::Full);
    moments[from..]
        .iter()
        .enumerate()
        .filter_map(|(at, moment)| {
            let second = Second::from_unix(i64::try_from(from + at).unwrap());
            let vector = window.push(second, &row(moment))?;
            Some((vector.second, vector.values.to_vec()))
        })
        .collect()
}

fn labelled(moments: &[Moment]) -> Vec<(Second, Vec<f64>, f64)> {
    let mut builder = DatasetBuilder::new(FeatureSet::Flow, 10);
    for (at, moment) in moments.iter().enumerate() {
        builder.push(Second::from_unix(i64::try_from(at).unwrap()), &row(moment)).unwrap();
    }
    let dataset = builder.finish();
    (0..dataset.len())
        .map(|at| (dataset.seconds()[at], dataset.row(at).to_vec(), dataset.labels()[at]))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn changing_the_future_changes_no_feature_and_no_label_that_ended(
        past in prop::collection::vec(moment(), 90),
        one in prop::collection::vec(moment(), 20),
        other in prop::collection::vec(moment(), 20),
    ) {
        let (first, second) = ([&past[..], &one].concat(), [&past[..], &other].concat());
        let known = |all: Vec<(Second, Vec<f64>)>| -> Vec<_> {
            all.into_iter().filter(|(second, _)| second.unix() < 90).collect()
        };
        let seen = known(vectors(&first, 0));
        prop_assert!(!seen.is_empty());
        prop_assert_eq!(seen, known(vectors(&second, 0)));
        let ended = |all: Vec<(Second, Vec<f64>, f64)>| -> Vec<_> {
            all.into_iter().filter(|(second, ..)| second.unix() + 10 < 90).collect()
        };
        let learnt = ended(labelled(&first));
        prop_assert!(!learnt.is_empty());
        prop_assert_eq!(learnt, ended(labelled(&second)));
    }

    #[test]
    fn a_vector_does_not_depend_on_when_the_window_was_started(
        moments in prop::collection::vec(moment(), 100), from in 0..30_usize,
    ) {
        let early = vectors(&moments, 0);
        let late = vectors(&moments, from);
        prop_assert!(!late.is_empty());
        prop_assert_eq!(&early[early.len() - late.len()..], &late[..]);
    }
}
