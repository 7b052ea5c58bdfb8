//! Fitting: known coefficients are found, collinear columns named, one seed gives one file, and the
//! real market gives the figure that others found.

use std::io::{BufRead, BufReader};
use std::path::Path;

use lobd::app::candidate::{self, CandidateSettings};
use lobd::app::trial::TrialSettings;
use lobd::binance::market_data::MarketDataParser;
use lobd::book::{Flow, Level, Reason, Row, Snapshot, Validity};
use lobd::config::Variables;
use lobd::domain::{Amount, Environment, Instrument, Market, Price, Quantity, Second, Symbol};
use lobd::features::{Dataset, DatasetBuilder, FeatureSet, Window};
use lobd::predict::{Artifact, Fate, LinearPredictor, ModelKind, Target};
use lobd::store::import::{ImportOptions, import};
use lobd::store::models::ModelStore;
use lobd::store::{InstrumentKey, Tape, TapeImport, models_path, tape_path};
use lobd::train::design::Design;
use lobd::train::outliers::OutlierRule;
use lobd::train::{Fitted, Progress, TrainSettings, finish, fit, lasso, ols, score};
use lzma_rust2::XzReader;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::support::market_data;

fn target(symbol: &str, market: Market) -> Target {
    Target { environment: Environment::Production, market, symbol: Symbol::new(symbol).unwrap() }
}

fn trained(dataset: &Dataset, kind: ModelKind) -> Fitted {
    let target = target("BTCUSDT", Market::Usdm);
    fit(dataset, &TrainSettings::standard(kind, target, dataset.horizon_s(), 7), &mut |_| ())
        .unwrap()
}

/// A book of ten levels a side around `bid`, one tick (0.1) wide, with the given lots.
fn row(bid: i64, bid_lots: impl Fn(i64) -> i64, ask_lots: impl Fn(i64) -> i64) -> Row {
    let level = |tick: i64, lots: i64| Level {
        price: Price::from_units(tick * 10_000_000).unwrap(),
        quantity: Quantity::from_units(lots * 100_000).unwrap(),
    };
    let bids = (0..10).map(|at| level(bid - at, bid_lots(at)));
    let asks = (0..10).map(|at| level(bid + 1 + at, ask_lots(at)));
    valid(&Snapshot::new(bids, asks).unwrap())
}

fn valid(snapshot: &Snapshot) -> Row {
    Row {
        symbol: Symbol::new("BTCUSDT").unwrap(),
        snapshot: Some(*snapshot),
        flow: Flow::default(),
        mark_price: None,
        validity: Validity::Valid,
        age_ms: 0,
        mark_age_ms: 0,
    }
}

/// A market whose next second's mid moves by a tick up or down with the best level's imbalance, and
/// whose second level repeats the first exactly.
fn market(seconds: i64, seed: u64) -> Vec<Row> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut bid = 600_000;
    (0..seconds)
        .map(|_| {
            let best = (generator.random_range(50..500), generator.random_range(50..500));
            let lots: Vec<i64> = (0..20).map(|_| generator.random_range(50..500)).collect();
            let row = row(
                bid,
                |at| if at < 2 { best.0 } else { lots[usize::try_from(at).unwrap()] },
                |at| if at < 2 { best.1 } else { lots[10 + usize::try_from(at).unwrap()] },
            );
            let up: bool = generator.random_range(0..best.0 + best.1) < best.0;
            bid += if up { 4 } else { -4 };
            row
        })
        .collect()
}

fn dataset(rows: &[Row], set: FeatureSet, horizon_s: u32) -> Dataset {
    let mut builder = DatasetBuilder::new(set, horizon_s);
    for (at, row) in rows.iter().enumerate() {
        builder.push(Second::from_unix(1_000 + i64::try_from(at).unwrap()), row).unwrap();
    }
    builder.finish()
}

#[test]
fn a_known_coefficient_is_recovered_and_an_exact_copy_is_dropped_by_name() {
    let rows = market(8_000, 1);
    let fitted = trained(&dataset(&rows, FeatureSet::Imbalance10, 1), ModelKind::Ols);
    let model = &fitted.model;
    let dropped: Vec<_> = model.dropped().collect();
    assert_eq!(dropped, [("imbalance_2", Fate::Collinear)]);
    // E[move | imbalance] = 4 ticks × imbalance: 0.4 of about 60,000.05 in bps.
    let best = &model.columns[0];
    let per_unit = best.coefficient / best.scale;
    assert!((per_unit - 0.4 / 60_000.0 * 1e4).abs() < 0.005, "{per_unit}");
    assert!(model.columns[2..].iter().all(|column| column.coefficient.abs() < 0.003));
    assert!(model.evaluation.skill_interval.unwrap().lower > 0.0);
}

#[test]
fn a_spread_that_is_always_one_tick_leaves_the_fit_finite() {
    let rows = market(4_000, 2);
    let fitted = trained(&dataset(&rows, FeatureSet::Full, 10), ModelKind::Ols);
    let model = &fitted.model;
    assert!(model.columns.iter().all(|column| column.coefficient.abs() < 10.0), "{model:?}");
    // No trade ever happened.
    assert!(model.dropped().any(|dropped| dropped == ("trade_pressure_30s", Fate::Constant)));
}

#[test]
fn one_seed_gives_one_file_and_the_file_predicts_as_the_fit_did() {
    let rows = market(4_000, 3);
    let data = dataset(&rows, FeatureSet::Flow, 10);
    for kind in [ModelKind::Ols, ModelKind::Lasso] {
        let (first, second) = (trained(&data, kind), trained(&data, kind));
        let scored = first.scored.clone();
        let (first, second) = (finish(first, 2.0).unwrap(), finish(second, 2.0).unwrap());
        let bytes = first.artifact.to_bytes().unwrap();
        assert_eq!(bytes, second.artifact.to_bytes().unwrap());
        assert_eq!((&first.card, &first.report), (&second.card, &second.report));
        let read = Artifact::parse(&bytes).unwrap();
        let mut predictor = LinearPredictor::new(&read).unwrap();
        let mut compared = 0;
        for (at, row) in rows.iter().enumerate() {
            let second = Second::from_unix(1_000 + i64::try_from(at).unwrap());
            let Some(prediction) = predictor.push_row(second, row) else { continue };
            if let Ok(at) = scored.binary_search_by_key(&second, |scored| scored.second) {
                let offline = lobd::domain::Rate::from_bps(scored[at].prediction);
                assert_eq!(prediction.expected_move, offline);
                compared += 1;
            }
        }
        assert_eq!(compared, scored.len());
        let (evaluation, _) = score(
            &read,
            &data,
            TrainSettings::standard(kind, read.model().target, 10, 7).bootstrap,
        )
        .unwrap();
        assert_eq!(evaluation.model.n, data.len());
    }
}

#[test]
fn no_vector_comes_until_the_window_is_whole_again() {
    let rows = market(400, 5);
    let mut window = Window::new(FeatureSet::Full);
    let second = |at: usize| Second::from_unix(i64::try_from(at).unwrap());
    let mut wait = |from: usize| {
        (from..from + 100).position(|at| window.push(second(at), &rows[at]).is_some()).unwrap()
    };
    let whole = wait(0);
    assert!(whole > 10, "it reaches back {whole} seconds");
    assert_eq!(wait(whole + 1), 0, "and goes on each second");
    assert_eq!(wait(whole + 3), whole, "one second is missing");
    let stale = Row { validity: Validity::Stale(Reason::SequenceGap), ..rows[300].clone() };
    assert!(window.push(second(2 * whole + 4), &stale).is_none());
    let again = |at| window.push(second(2 * whole + 5 + at), &rows[at]).is_some();
    assert_eq!((0..100).position(again), Some(whole), "one is stale");
}

#[test]
fn seconds_that_are_not_valid_are_learnt_from_by_no_row() {
    let mut rows = market(300, 4);
    let whole = dataset(&rows, FeatureSet::Flow, 10);
    let stale = Second::from_unix(1_150);
    rows[150].validity = Validity::Stale(Reason::SequenceGap);
    let without = dataset(&rows, FeatureSet::Flow, 10);
    let reach = whole.seconds()[0].seconds_since(Second::from_unix(1_000));
    let is_clear = |second: &&Second| {
        let ahead = stale.seconds_since(**second);
        !(-reach..=10).contains(&ahead)
    };
    let expected: Vec<Second> = whole.seconds().iter().filter(is_clear).copied().collect();
    assert_eq!(without.seconds(), expected);
    assert!(without.len() + 11 <= whole.len() && !without.is_empty());
}

#[test]
fn lasso_on_the_factor_agrees_with_our_descent_and_with_linfa_on_all_rows() {
    use linfa::traits::Fit;
    let data = dataset(&market(3_000, 4), FeatureSet::Imbalance10, 10);
    let rule = OutlierRule { tail_share: 0.0005, label_deviations: 10.0 };
    let rows: Vec<usize> = (0..data.len()).collect();
    let design = Design::new(&data, &rows, rule);
    let silencing = lasso::path::silencing_penalty(&design.covariance);
    for alpha in [0.5, 0.1, 0.01].map(|share| share * silencing) {
        let ours = lasso::fit(&design, alpha).unwrap();
        let mut descended = ndarray::Array1::zeros(ours.len());
        lasso::path::descend(design.correlation.view(), &design.covariance, alpha, &mut descended);
        let whole = linfa_elasticnet::ElasticNet::<f64>::params()
            .l1_ratio(1.0)
            .penalty(alpha)
            .with_intercept(false)
            .tolerance(1e-12)
            .max_iterations(20_000)
            .fit(&linfa::DatasetBase::new(design.x.view(), design.y.view()))
            .unwrap();
        for ((ours, descended), whole) in ours.iter().zip(&descended).zip(whole.hyperplane()) {
            assert!((ours - descended).abs() < 1e-6, "{ours} {descended}");
            assert!((ours - whole).abs() < 1e-6, "{ours} {whole}");
        }
    }
    assert!(lasso::fit(&design, silencing * 1.01).unwrap().iter().all(|value| value.abs() < 1e-12));
    let (free, least) = (ols::fit(&design).unwrap(), lasso::fit(&design, 0.0).unwrap());
    assert!(free.iter().zip(&least).all(|(ols, lasso)| (ols - lasso).abs() < 1e-6));
}

#[test]
fn a_span_too_short_is_refused_with_what_it_lacks() {
    let data = dataset(&market(150, 5), FeatureSet::Imbalance10, 10);
    let settings = TrainSettings::standard(ModelKind::Ols, target("BTCUSDT", Market::Usdm), 10, 7);
    let error = fit(&data, &settings, &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("too few") && error.contains("record or import more"), "{error}");
}

#[test]
fn lasso_tells_how_far_it_is() {
    let data = dataset(&market(2_000, 6), FeatureSet::Imbalance10, 10);
    let settings =
        TrainSettings::standard(ModelKind::Lasso, target("BTCUSDT", Market::Usdm), 10, 7);
    let mut told = Vec::new();
    fit(&data, &settings, &mut |progress| told.push(progress)).unwrap();
    assert_eq!(told.first(), Some(&Progress::Folds { done: 1, total: 5 }));
    assert_eq!(told.last(), Some(&Progress::Judging));
}

/// Reads an independent one-second record (no flow): `ts_ms, bp1..10, bq1..10, ap1..10, aq1..10`.
fn one_second_rows(path: &Path) -> Vec<(Second, Row)> {
    let file = std::fs::File::open(path).unwrap();
    let lines = BufReader::new(XzReader::new(file, false)).lines().skip(1);
    lines
        .map(|line| {
            let line = line.unwrap();
            let cells: Vec<&str> = line.split(',').collect();
            let side = |price: usize, quantity: usize| {
                let cells = &cells;
                (0..10).map(move |at| Level {
                    price: cells[price + at].parse().unwrap(),
                    quantity: cells[quantity + at].parse().unwrap(),
                })
            };
            let second = Second::from_unix(cells[0].parse::<i64>().unwrap() / 1_000);
            (second, valid(&Snapshot::new(side(1, 11), side(21, 31)).unwrap()))
        })
        .collect()
}

#[test]
fn plain_imbalances_on_the_independent_record_give_the_published_figure() {
    let Some(folder) = market_data() else { return };
    let rows = one_second_rows(&folder.join("one-second/spot_nexousdt_20240723-24.dev.csv.xz"));
    assert_eq!(rows.len(), 87_617);
    let mut builder = DatasetBuilder::new(FeatureSet::Imbalance10, 10);
    for (second, row) in &rows {
        builder.push(*second, row).unwrap();
    }
    let data = builder.finish();
    assert_eq!(data.len(), 87_607);
    let evaluation = trained(&data, ModelKind::Ols).model.evaluation;
    let r2 = evaluation.model.r2.unwrap();

    assert!((r2 - 0.0359).abs() < 0.003, "{r2}");
    assert!((evaluation.model.sign_hit_rate.unwrap() - 0.727).abs() < 0.01);
    assert!((evaluation.model.correlation.unwrap() - 0.193).abs() < 0.01);
}

/// The NEXOUSDT recording on a tape, as `lobd data import` puts it there: flow and trades included.
fn imported(recordings: &Path, tape: &mut Tape) -> Instrument {
    let folder = recordings.join("binance-nexousdt-spot-2024-07");
    let files =
        ["20240723", "20240724"].map(|day| folder.join(format!("spot_nexousdt_{day}.dat.gz")));
    let mut kept = TapeImport::new(tape);
    let mut parser = MarketDataParser::default();
    let mut sink = |instrument: &Instrument, frame| {
        kept.take(instrument, frame)?;
        Ok(())
    };
    let summary = import(&files, &ImportOptions::default(), &mut parser, &mut sink).unwrap();
    kept.flush().unwrap();
    summary.instrument
}

#[test]
fn the_imported_market_gives_the_published_figure_and_the_default_set_stands_beside_it() {
    let Some(recordings) = market_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut tape = Tape::open(&tape_path(folder.path())).unwrap();
    let key = InstrumentKey::of(&imported(&recordings, &mut tape));
    let models = ModelStore::new(&models_path(folder.path()));
    let trading = lobd::config::trading_settings(&Variables::new(), key.environment).unwrap();
    for features in [FeatureSet::Imbalance10, FeatureSet::default()] {
        let settings = CandidateSettings {
            kind: ModelKind::Ols,
            seconds: Second::from_unix(0)..Second::from_unix(i64::from(u32::MAX)),
            features,
            horizon_s: 10,
            threshold: None,
            trial: TrialSettings::offline(&tape, &key, trading.clone(), 7).unwrap(),
        };
        let candidate = candidate::train(&settings, (&tape, &models), &mut |_| ()).unwrap();
        let evaluation = &candidate.trained.artifact.model().evaluation;
        let (r2, interval) = (evaluation.model.r2.unwrap(), evaluation.r2_interval.unwrap());
        let tuned = candidate.tuned.as_ref().unwrap();
        let (fees, report) = (settings.trial.fees, &candidate.backtest);
        println!(
            "{features}: r2 {r2:.4}, 95 % {:.4} to {:.4}; traded as if shortable at {} spreads \
             ({}): {} round trips, PnL {} before fees, {} after (maker {}, taker {} bps), {} at \
             default fees",
            interval.lower,
            interval.upper,
            candidate.trained.artifact.model().signal_spread_multiple,
            tuned.choice.remark(),
            report.round_trips,
            report.pnl_before_fees,
            report.pnl_after_fees,
            fees.maker.bps(),
            fees.taker.bps(),
            report.pnl_at_default_fees,
        );
        let bare = &tuned.without_floor[0];
        println!(
            "{features}: on the end of the training part without the fee floor: {} round trips, PnL \
             {} before fees, {} after",
            bare.trades, bare.pnl_before_fees, bare.pnl_after_fees
        );
        assert!(interval.lower < r2 && r2 < interval.upper);
        assert!(features == FeatureSet::default() || (r2 - 0.0359).abs() < 0.003, "{r2}");
        let judged = candidate.gates.iter().find(|gate| gate.name.contains("after fees")).unwrap();
        let has_earned = report.round_trips > 0 && report.pnl_after_fees >= Amount::ZERO;
        assert_eq!(judged.passed, has_earned, "gated on what it traded: {}", judged.reason);
    }
}
