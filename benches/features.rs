//! Features and prediction for a new frame: the limit is 5 µs.
//!
//! Run: `cargo bench --bench features`

use divan::Bencher;
use divan::counter::ItemsCount;
use lobd::book::{Flow, Frame, Level, Row, Snapshot, Validity};
use lobd::domain::{Environment, Market, Price, Quantity, Second, Symbol};
use lobd::features::{DatasetBuilder, FeatureSet};
use lobd::predict::{LinearPredictor, ModelKind, Predictor, Target};
use lobd::train::{TrainSettings, finish, fit};

/// What one frame may cost.
const LIMIT_NANOSECONDS: u128 = 5_000;

/// Frames in one measured pass.
const FRAMES: i64 = 4_000;

#[expect(clippy::print_stdout, reason = "the figure is what this is run for")]
fn main() {
    for set in [FeatureSet::Flow, FeatureSet::Full] {
        let (frames, mut predictor) = (frames(), predictor(set));
        let start = clock();
        let answered = frames.iter().filter_map(|frame| predictor.push(frame)).count();
        let each = start.elapsed().as_nanos() / frames.len() as u128;
        println!("{set}: {each} ns a frame, limit {LIMIT_NANOSECONDS} ns, {answered} answered");
        assert!(each < LIMIT_NANOSECONDS, "features and prediction are over the limit");
    }
    divan::main();
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}

#[divan::bench(args = [FeatureSet::Imbalance10, FeatureSet::Flow, FeatureSet::Full])]
fn frame_to_prediction(bencher: Bencher<'_, '_>, set: FeatureSet) {
    let frames = frames();
    bencher.counter(ItemsCount::new(frames.len())).with_inputs(|| predictor(set)).bench_values(
        |mut predictor| frames.iter().filter_map(|frame| predictor.push(frame)).count(),
    );
}

/// A market that walks by a tick and whose quantities vary.
fn frames() -> Vec<Frame> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut draw = move |below: i64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        i64::try_from(state % below.unsigned_abs()).unwrap_or(0)
    };
    let mut bid = 600_000;
    (0..FRAMES)
        .map(|second| {
            bid += draw(3) - 1;
            let mut level = |tick: i64| Level {
                price: Price::from_units(tick * 10_000_000).unwrap_or_default(),
                quantity: Quantity::from_units((1 + draw(900)) * 100_000).unwrap_or_default(),
            };
            let bids: Vec<Level> = (0..10).map(|at| level(bid - at)).collect();
            let asks: Vec<Level> = (0..10).map(|at| level(bid + 1 + at)).collect();
            let row = Row {
                symbol: symbol(),
                snapshot: Snapshot::new(bids, asks).ok(),
                flow: Flow::default(),
                mark_price: None,
                validity: Validity::Valid,
                age_ms: 0,
                mark_age_ms: 0,
            };
            Frame { second: Second::from_unix(second), rows: vec![row] }
        })
        .collect()
}

fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap_or_else(|_| unreachable!("a symbol"))
}

fn predictor(set: FeatureSet) -> LinearPredictor {
    let target =
        Target { environment: Environment::Sandbox, market: Market::Usdm, symbol: symbol() };
    let mut builder = DatasetBuilder::new(set, 10);
    for frame in frames() {
        builder.push(frame.second, &frame.rows[0]).unwrap_or_else(|error| unreachable!("{error}"));
    }
    let settings = TrainSettings::standard(ModelKind::Ols, target, 10, 7);
    let trained =
        fit(&builder.finish(), &settings, &mut |_| ()).and_then(|fitted| finish(fitted, 1.0));
    let trained = trained.unwrap_or_else(|error| unreachable!("{error}"));
    LinearPredictor::new(&trained.artifact).unwrap_or_else(|error| unreachable!("{error}"))
}
