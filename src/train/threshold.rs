//! The signal threshold as multiples of the spread: which to try, and which the trading chose.
//!
//! On a one-tick market the fee floor lies hundreds of spreads away, so the grid is made of what
//! the model predicts and of the floor, not of round numbers. Trading itself happens elsewhere.

use serde::Serialize;

use crate::domain::Amount;

use super::evaluate::Scored;
use super::outliers::quantile;

/// Shares of the predictions that the grid's points leave out.
const SHARES: [f64; 9] = [0.0, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999];

/// Multiples of the fee floor that are tried as well, so that the grid reaches past it.
const FLOORS: [f64; 4] = [0.5, 1.0, 1.5, 2.0];

/// How simulated trading went at one threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The threshold, in spreads.
    pub spread_multiple: f64,
    /// Round trips.
    pub trades: usize,
    /// Profit before fees.
    pub pnl_before_fees: Amount,
    /// Profit after the account's fees.
    pub pnl_after_fees: Amount,
}

/// The chosen threshold and how far the choice means anything.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The threshold, in spreads.
    pub spread_multiple: f64,
    /// Points whose trades and profits equal the chosen one's, itself included.
    pub alike: usize,
    /// Points judged.
    pub points: usize,
    /// Whether no point traded enough to be judged.
    pub too_few_trades: bool,
}

/// Thresholds to try, smallest first, of moves between the smallest and past both the largest
/// prediction's tail and the fee floor (`fee_floor_bps`: entry and exit fee and margin).
#[must_use]
pub fn grid(scored: &[Scored], fee_floor_bps: f64) -> Vec<f64> {
    let with_spread = || scored.iter().filter(|row| row.spread_bps > 0.0);
    let mut ratios: Vec<f64> =
        with_spread().map(|row| row.prediction.abs() / row.spread_bps).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let mut spreads: Vec<f64> = with_spread().map(|row| row.spread_bps).collect();
    spreads.sort_unstable_by(f64::total_cmp);
    let spread = quantile(&spreads, 0.5);
    let floor = if spread > 0.0 { (fee_floor_bps / spread).max(0.0) } else { 0.0 };
    let mut grid: Vec<f64> = SHARES.iter().map(|&share| quantile(&ratios, share)).collect();
    grid.extend(FLOORS.iter().map(|multiple| multiple * floor));
    grid.push(0.0);
    // Three digits: enough to tell points apart, and readable in a report.
    for point in &mut grid {
        *point = round(*point);
    }
    grid.sort_unstable_by(f64::total_cmp);
    grid.dedup();
    grid
}

/// Chooses the most profitable point after fees among those with at least `fewest_trades`; of equal
/// ones the smallest threshold, as it filters least. If none trades enough, no figure justifies
/// filtering, and the smallest is chosen.
#[must_use]
pub fn choose(points: &[Point], fewest_trades: usize) -> Option<Choice> {
    let enough = |point: &&Point| point.trades >= fewest_trades;
    let too_few_trades = !points.iter().any(|point| enough(&point));
    let is_better = |point: &Point, best: &Point| {
        let filters_less = point.spread_multiple < best.spread_multiple;
        if too_few_trades || point.pnl_after_fees == best.pnl_after_fees {
            return filters_less;
        }
        point.pnl_after_fees > best.pnl_after_fees
    };
    let best = points
        .iter()
        .filter(|point| too_few_trades || enough(point))
        .reduce(|best, point| if is_better(point, best) { point } else { best })?;
    let alike = points.iter().filter(|point| {
        point.trades == best.trades
            && point.pnl_before_fees == best.pnl_before_fees
            && point.pnl_after_fees == best.pnl_after_fees
    });
    Some(Choice {
        spread_multiple: best.spread_multiple,
        alike: alike.count(),
        points: points.len(),
        too_few_trades,
    })
}

impl Choice {
    /// Says in words how far the threshold matters.
    #[must_use]
    pub fn remark(&self) -> String {
        let Self { alike, points, .. } = self;
        if self.too_few_trades {
            "no threshold traded enough to be judged".to_owned()
        } else if alike == points && *points > 1 {
            format!("all {points} thresholds trade alike: the fee floor decides, not the spread")
        } else if *alike > 1 {
            format!("{alike} of {points} thresholds trade like the chosen one")
        } else {
            format!("best of {points} thresholds")
        }
    }
}

fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Second;

    fn point(spread_multiple: f64, trades: usize, pnl: &str) -> Point {
        let pnl: Amount = pnl.parse().unwrap();
        Point { spread_multiple, trades, pnl_before_fees: pnl, pnl_after_fees: pnl }
    }

    #[test]
    fn the_grid_of_a_one_tick_market_reaches_past_the_fee_floor() {
        let scored: Vec<Scored> = (0..1_000)
            .map(|at| Scored {
                second: Second::from_unix(at),
                prediction: f64::from(u16::try_from(at).unwrap()) / 500.0,
                label: 0.0,
                spread_bps: 0.016,
            })
            .collect();
        let grid = grid(&scored, 3.0);
        assert!(grid.is_sorted() && grid[0].abs() < 1e-9);
        assert!(*grid.last().unwrap() > 3.0 / 0.016, "{grid:?}");
    }

    #[test]
    fn points_that_trade_alike_are_reported_and_the_smallest_threshold_is_kept() {
        let alike = [point(0.0, 9, "1"), point(5.0, 9, "1"), point(9.0, 9, "1")];
        let choice = choose(&alike, 3).unwrap();
        assert_eq!((choice.alike, choice.points), (3, 3));
        assert!(choice.spread_multiple.abs() < 1e-9 && choice.remark().contains("alike"));
        let mixed = [point(0.0, 90, "-4"), point(5.0, 9, "1"), point(9.0, 1, "8")];
        let choice = choose(&mixed, 3).unwrap();
        assert!((choice.spread_multiple - 5.0).abs() < 1e-9 && choice.alike == 1);
        let none = choose(&mixed, 1_000).unwrap();
        assert!(none.too_few_trades && none.spread_multiple.abs() < 1e-9);
        assert_eq!(choose(&[], 1), None);
    }
}
