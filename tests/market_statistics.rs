//! The seeded market is what its module head says: five seeds, a 24-hour test span each.
//!
//! Each seed runs 48 hours; the first 24 train the regression, with the horizon kept between.

#![expect(
    clippy::cast_precision_loss,
    reason = "statistics: ticks, lots and counts here are far below 2^53"
)]

use std::sync::OnceLock;
use std::time::Duration;

use lobd::domain::{HORIZON, Side, Timestamp};
use lobd::sim::market::{MarketSettings, SeededMarket};
use lobd::sim::matching::{LevelChange, Match, MatchingBook};

const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];
const TRAIN_SECONDS: usize = 24 * 3_600;
const TEST_SECONDS: usize = 24 * 3_600;
const HORIZON_SECONDS: usize = 10;
const LEVELS: usize = 10;
const START: i64 = 1_700_000_000;

/// One-second rows of one seed, and counts over the whole run.
#[derive(Default)]
struct Rows {
    mid: Vec<f64>,
    imbalances: Vec<[f64; LEVELS]>,
    oracle_bps: Vec<f64>,
    move_ticks: Vec<i64>,
    one_tick_seconds: usize,
    fewest_levels: usize,
    level_lots: [i64; LEVELS],
    trades: usize,
    bought_lots: i64,
    sold_lots: i64,
}

/// What one seed's rows say.
struct Judgement {
    seed: u64,
    rows: Rows,
    return_std_bps: f64,
    ols: f64,
    best_level: f64,
    sum_of_levels: f64,
    oracle: f64,
    /// Autocorrelation of absolute one-minute returns at lags 1 and 10.
    clustering: [f64; 2],
}

#[test]
fn the_surface_is_that_of_a_bitcoin_perpetual() {
    println!(
        "seed  moves/s  median  mean  one-tick  std bps  trades/s  bought  sold  |r| lag 1, 10"
    );
    for judgement in judgements() {
        let Judgement { rows, return_std_bps, clustering, .. } = judgement;
        let seconds = rows.mid.len() as f64;
        let mut moves = rows.move_ticks.clone();
        moves.sort_unstable();
        let a_second = moves.len() as f64 / seconds;
        let (median, mean) =
            (moves[moves.len() / 2], mean(moves.iter().map(|ticks| *ticks as f64)));
        let one_tick = rows.one_tick_seconds as f64 / seconds;
        let trades = rows.trades as f64 / seconds;
        let [bought, sold] =
            [rows.bought_lots, rows.sold_lots].map(|lots| lots as f64 / 1e3 / seconds);
        println!(
            "{:4}  {a_second:7.2}  {median:6}  {mean:4.1}  {one_tick:8.4}  {return_std_bps:7.2}  \
             {trades:8.1}  {bought:6.2}  {sold:4.2}  {:.2} {:.2}",
            judgement.seed, clustering[0], clustering[1],
        );
        assert!((5.0..7.0).contains(&a_second), "best-price moves a second: {a_second}");
        assert!((3..=5).contains(&median), "median move: {median} ticks");
        assert!((9.5..12.5).contains(&mean), "mean move: {mean} ticks");
        assert!((0.985..0.996).contains(&one_tick), "one-tick spread: {one_tick}");
        assert!((3.0..4.2).contains(return_std_bps), "10-s returns: {return_std_bps} bps");
        assert!((5.0..40.0).contains(&trades), "trades a second: {trades}");
        assert!((bought / sold - 1.0).abs() < 0.1, "bought {bought}, sold {sold}");
        assert!(rows.fewest_levels >= 20, "levels a side: {}", rows.fewest_levels);
        let [best, others] = [rows.level_lots[0], rows.level_lots[1..].iter().sum::<i64>() / 9];
        assert!(best * 2 > others && best < others * 2, "best {best}, others {others} lots");
        assert!(clustering[0] > 0.08, "volatility comes in clusters: {clustering:?}");
        assert!(clustering[1] > 0.01, "and they last for minutes: {clustering:?}");
    }
}

#[test]
fn ten_plain_imbalances_reach_an_r2_of_a_tenth_and_the_oracle_more() {
    println!("seed  OLS     best level  levels summed  oracle");
    for one in judgements() {
        println!(
            "{:4}  {:.4}  {:10.4}  {:13.4}  {:.4}",
            one.seed, one.ols, one.best_level, one.sum_of_levels, one.oracle
        );
        assert!((0.07..0.13).contains(&one.ols), "seed {}: {}", one.seed, one.ols);
        assert!(one.ols > 1.2 * one.best_level, "one level does not suffice");
        assert!(one.ols > 1.2 * one.sum_of_levels, "nor does an equal weight of all");
        assert!(one.oracle > one.ols + 0.03, "the oracle knows more than the book shows");
        assert!(one.oracle < 0.25, "and is honest: {}", one.oracle);
    }
    let mean_ols = mean(judgements().iter().map(|one| one.ols));
    println!("mean  {mean_ols:.4}");
    assert!((0.08..0.12).contains(&mean_ols), "mean R² of five seeds: {mean_ols}");
}

#[test]
fn the_recorded_perpetual_moves_as_much() {
    let Some(folder) = crate::support::market_data() else { return };
    let packed = std::fs::File::open(folder.join("one-second/usdm_btcusdt_20240808.csv.xz"))
        .expect("the shared one-second file");
    let text = std::io::read_to_string(lzma_rust2::XzReader::new(packed, true)).expect("xz text");
    let quotes: Vec<[f64; 2]> = text.lines().skip(1).map(best_quotes).collect();
    let mids: Vec<f64> = quotes.iter().map(|[bid, ask]| f64::midpoint(*bid, *ask)).collect();
    let recorded = standard_deviation(&returns_bps(&mids, HORIZON_SECONDS));
    let simulated = mean(judgements().iter().map(|one| one.return_std_bps));
    let one_tick = quotes.iter().filter(|[bid, ask]| ask - bid < 0.15).count();
    println!(
        "10-s return: recorded {recorded:.2} bps, simulated {simulated:.2} bps; one-tick spread in \
         {one_tick} of {} recorded seconds",
        quotes.len()
    );
    assert!((0.8..1.25).contains(&(simulated / recorded)), "{simulated} against {recorded}");
}

#[test]
fn one_seed_makes_one_market_byte_for_byte() {
    let runs: [_; 3] = [7, 7, 8].map(|seed| changes_and_trades(seed, 1_800));
    assert_eq!(runs[0], runs[1], "same seed");
    assert_ne!(runs[0], runs[2], "another seed");
    assert!(runs[0].0.len() > 10_000 && runs[0].1.len() > 1_000, "and much happens in it");
}

#[test]
fn every_preset_moves_a_few_basis_points_in_ten_seconds() {
    for (name, settings) in [
        ("ether", MarketSettings::ether_perpetual()),
        ("bnb", MarketSettings::bnb_perpetual()),
        ("xrp", MarketSettings::xrp_perpetual()),
        ("litecoin", MarketSettings::litecoin_perpetual()),
    ] {
        let rows = simulate(settings, 1, 4 * 3_600);
        let deviation = standard_deviation(&returns_bps(&rows.mid, HORIZON_SECONDS));
        println!("{name:8} {deviation:.2} bps, at least {} levels a side", rows.fewest_levels);
        assert!((2.5..5.0).contains(&deviation), "{name}: {deviation} bps");
        assert!(rows.fewest_levels >= 20, "{name}: {} levels", rows.fewest_levels);
    }
}

/// The rows of all seeds, made once for all tests.
fn judgements() -> &'static [Judgement] {
    static JUDGEMENTS: OnceLock<Vec<Judgement>> = OnceLock::new();
    JUDGEMENTS.get_or_init(|| {
        std::thread::scope(|scope| {
            let (first, second) = SEEDS.split_at(SEEDS.len() / 2);
            let judge_all = |seeds: &[u64]| -> Vec<Judgement> {
                seeds.iter().map(|seed| judge(*seed)).collect()
            };
            let half = scope.spawn(move || judge_all(first));
            let rest = judge_all(second);
            half.join().expect("the first half").into_iter().chain(rest).collect()
        })
    })
}

fn judge(seed: u64) -> Judgement {
    let rows = simulate(MarketSettings::bitcoin_perpetual(), seed, TRAIN_SECONDS + TEST_SECONDS);
    let returns = returns_bps(&rows.mid, HORIZON_SECONDS);
    let minutes: Vec<f64> = rows.mid.iter().step_by(60).copied().collect();
    let magnitudes: Vec<f64> = returns_bps(&minutes, 1).iter().map(|change| change.abs()).collect();
    let score = |features: &dyn Fn(usize) -> Vec<f64>| least_squares_r2(features, &returns);
    let train_mean = mean(returns[..TRAIN_SECONDS - HORIZON_SECONDS].iter().copied());
    Judgement {
        seed,
        return_std_bps: standard_deviation(&returns),
        ols: score(&|row| rows.imbalances[row].to_vec()),
        best_level: score(&|row| vec![rows.imbalances[row][0]]),
        sum_of_levels: score(&|row| vec![rows.imbalances[row].iter().sum()]),
        oracle: r2(&returns, train_mean, |row| rows.oracle_bps[row]),
        clustering: [1, 10].map(|lag| autocorrelation(&magnitudes, lag)),
        rows,
    }
}

fn simulate(settings: MarketSettings, seed: u64, seconds: usize) -> Rows {
    let mut market = SeededMarket::new(settings, seed, Timestamp::from_seconds(START));
    let (mut book, mut matches) = (MatchingBook::new(), Vec::new());
    let mut rows = Rows { fewest_levels: usize::MAX, ..Rows::default() };
    let mut last_bid = None;
    for second in (1..).take(seconds) {
        let end = Timestamp::from_seconds(START + second);
        while market.next_event_time() < end {
            market.step(market.next_event_time(), &mut book, &mut matches);
            let bid = book.best(Side::Buy).map(|(ticks, _)| ticks);
            if let (Some(last), Some(bid)) = (last_bid, bid)
                && last != bid
            {
                rows.move_ticks.push(i64::abs(bid - last));
            }
            last_bid = bid;
        }
        rows.count_trades(&mut matches);
        rows.push(&book, market.expected_move(HORIZON).bps());
    }
    rows
}

impl Rows {
    fn count_trades(&mut self, matches: &mut Vec<Match>) {
        self.trades += matches.len();
        for trade in matches.drain(..) {
            *match trade.taker_side {
                Side::Buy => &mut self.bought_lots,
                Side::Sell => &mut self.sold_lots,
            } += trade.lots;
        }
    }

    fn push(&mut self, book: &MatchingBook, oracle_bps: f64) {
        let bids: Vec<_> = book.levels(Side::Buy).take(LEVELS).collect();
        let asks: Vec<_> = book.levels(Side::Sell).take(LEVELS).collect();
        self.mid.push((bids[0].0 + asks[0].0) as f64 / 2.0);
        self.imbalances.push(std::array::from_fn(|level| {
            let (bid, ask) = (bids[level].1 as f64, asks[level].1 as f64);
            (bid - ask) / (bid + ask)
        }));
        for (total, (_, lots)) in self.level_lots.iter_mut().zip(&bids) {
            *total += lots;
        }
        self.oracle_bps.push(oracle_bps);
        self.one_tick_seconds += usize::from(asks[0].0 - bids[0].0 == 1);
        let fewest = book.level_count(Side::Buy).min(book.level_count(Side::Sell));
        self.fewest_levels = self.fewest_levels.min(fewest);
    }
}

fn changes_and_trades(seed: u64, seconds: i64) -> (Vec<LevelChange>, Vec<Match>) {
    let settings = MarketSettings::bitcoin_perpetual();
    let mut market = SeededMarket::new(settings, seed, Timestamp::from_seconds(0));
    let (mut book, mut matches) = (MatchingBook::new(), Vec::new());
    let (mut all, mut changes) = (Vec::new(), Vec::new());
    let mut now = Timestamp::from_seconds(0);
    while now < Timestamp::from_seconds(seconds) {
        now = now + Duration::from_millis(100);
        market.step(now, &mut book, &mut matches);
        book.take_changes(&mut changes);
        all.append(&mut changes);
    }
    (all, matches)
}

/// Out-of-sample R² of a least-squares fit on the training span, by its normal equations.
fn least_squares_r2(features: &dyn Fn(usize) -> Vec<f64>, returns: &[f64]) -> f64 {
    let with_constant = |row: usize| {
        let mut values = features(row);
        values.push(1.0);
        values
    };
    let train = 0..TRAIN_SECONDS - HORIZON_SECONDS;
    let width = with_constant(0).len();
    let mut system = vec![vec![0.0; width + 1]; width];
    for row in train.clone() {
        let values = with_constant(row);
        for (equation, factor) in system.iter_mut().zip(&values) {
            for (cell, value) in equation.iter_mut().zip(values.iter().chain(&returns[row..=row])) {
                *cell += factor * value;
            }
        }
    }
    let weights = solve(system);
    let train_mean = mean(returns[train].iter().copied());
    r2(returns, train_mean, |row| {
        with_constant(row).iter().zip(&weights).map(|(value, weight)| value * weight).sum()
    })
}

/// Solves linear equations, the right-hand side being the last column, by Gauss and Jordan.
fn solve(mut system: Vec<Vec<f64>>) -> Vec<f64> {
    for pivot in 0..system.len() {
        let divisor = system[pivot][pivot];
        system[pivot].iter_mut().for_each(|cell| *cell /= divisor);
        let pivot_row = system[pivot].clone();
        for (_, row) in system.iter_mut().enumerate().filter(|(row, _)| *row != pivot) {
            let factor = row[pivot];
            row.iter_mut().zip(&pivot_row).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    system.iter().map(|row| row[row.len() - 1]).collect()
}

/// R² on the test span against the mean of the training span.
fn r2(returns: &[f64], train_mean: f64, prediction: impl Fn(usize) -> f64) -> f64 {
    let (mut unexplained, mut total) = (0.0, 0.0);
    for (row, target) in returns.iter().enumerate().skip(TRAIN_SECONDS) {
        unexplained += (target - prediction(row)).powi(2);
        total += (target - train_mean).powi(2);
    }
    1.0 - unexplained / total
}

fn returns_bps(mids: &[f64], ahead: usize) -> Vec<f64> {
    mids.iter().zip(&mids[ahead..]).map(|(now, then)| (then / now - 1.0) * 1e4).collect()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn standard_deviation(values: &[f64]) -> f64 {
    let centre = mean(values.iter().copied());
    mean(values.iter().map(|value| (value - centre).powi(2))).sqrt()
}

fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    let centre = mean(values.iter().copied());
    let product: f64 =
        values.iter().zip(&values[lag..]).map(|(a, b)| (a - centre) * (b - centre)).sum();
    product / values.iter().map(|value| (value - centre).powi(2)).sum::<f64>()
}

fn best_quotes(line: &str) -> [f64; 2] {
    let cells: Vec<&str> = line.split(',').collect();
    [1, 1 + 2 * LEVELS].map(|column| cells[column].parse().expect("a price"))
}
