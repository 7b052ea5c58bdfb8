//! A scripted adverse participant, for tests: pushes the price, or takes a side's quantity away.
//!
//! It acts in the same book as everyone, every 100 ms of its span; the others react as they would
//! to anybody. Nothing is random here: the script is the whole of it.

use std::time::Duration;

use crate::domain::{Price, Rate, Side, Symbol, Timestamp};

use super::grid::Grid;
use super::matching::{Incoming, Match, MatchingBook, OrderKey, Owner};

/// How often the participant acts within the span of an act.
const INTERVAL: Duration = Duration::from_millis(100);

/// A push leaves this many levels of a side standing.
const LEVELS_LEFT: usize = 5;

/// One act of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adversity {
    /// In which symbol.
    pub symbol: Symbol,
    /// When it begins.
    pub at: Timestamp,
    /// How long it goes on.
    pub span: Duration,
    /// What is done.
    pub act: AdverseAct,
}

/// What the participant does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdverseAct {
    /// Trades the mid away from where it was at the beginning by this fraction, evenly over the
    /// span.
    Push(Rate),
    /// Keeps a side empty of everyone's quantity but the accounts'.
    Pull(Side),
}

/// A script being carried out in one book.
#[derive(Debug, Default)]
pub(super) struct Adverse {
    /// Acts not over yet, by their beginning.
    script: Vec<(Adversity, Option<Price>)>,
    next: Option<Timestamp>,
}

impl Adverse {
    /// Takes a new script, dropping the old one.
    pub(super) fn set(&mut self, script: &[Adversity]) {
        self.script = script.iter().map(|act| (*act, None)).collect();
        self.script.sort_by_key(|(act, _)| act.at);
        self.next = self.script.first().map(|(act, _)| act.at);
    }

    /// When it acts next; [`Timestamp::MAX`] if never.
    pub(super) fn next_time(&self) -> Timestamp {
        self.next.unwrap_or(Timestamp::MAX)
    }

    /// Moves acts that have not ended to a later clock.
    pub(super) fn shift_time(&mut self, by: Duration) {
        for (act, _) in &mut self.script {
            act.at = act.at + by;
        }
        self.next = self.next.map(|next| next + by);
    }

    /// Acts on the book, and appends the trades that makes.
    pub(super) fn step(
        &mut self,
        now: Timestamp,
        grid: Grid,
        book: &mut MatchingBook,
        out: &mut Vec<Match>,
    ) {
        for (adversity, origin) in &mut self.script {
            if adversity.at > now {
                continue;
            }
            match adversity.act {
                AdverseAct::Push(fraction) => {
                    if origin.is_none() {
                        *origin = mid_price(grid, book);
                    }
                    if let Some(origin) = *origin {
                        push(target(adversity, fraction, origin, now), grid, book, out);
                    }
                }
                AdverseAct::Pull(side) => empty(side, book),
            }
        }
        self.script.retain(|(act, _)| act.at + act.span > now);
        self.next = self.script.first().map(|(act, _)| act.at.max(now + INTERVAL));
    }

    /// Keeps emptied sides empty after somebody else has acted.
    pub(super) fn keep_empty(&self, now: Timestamp, book: &mut MatchingBook) {
        for (adversity, _) in &self.script {
            if let AdverseAct::Pull(side) = adversity.act
                && adversity.at <= now
            {
                empty(side, book);
            }
        }
    }
}

/// Where the price should be by now.
fn target(adversity: &Adversity, fraction: Rate, origin: Price, now: Timestamp) -> Price {
    let passed = i128::try_from(now.since(adversity.at).as_nanos()).unwrap_or(i128::MAX);
    let span = i128::try_from(adversity.span.as_nanos()).unwrap_or(i128::MAX).max(1);
    let share = i128::from(fraction.units()) * passed.min(span) / span;
    let share = i64::try_from(share).ok().and_then(|units| Rate::from_units(units).ok());
    origin.moved_by(share.unwrap_or_default()).unwrap_or(origin)
}

/// Trades with everything between the mid and the target, but for the farthest levels of a book
/// that has not followed yet: a push moves the market, it does not end it.
fn push(target: Price, grid: Grid, book: &mut MatchingBook, out: &mut Vec<Match>) {
    let Some(mid) = mid_price(grid, book) else { return };
    let side = if target > mid { Side::Buy } else { Side::Sell };
    let limit = grid.ticks(target);
    let deep = book.levels(side.opposite()).count().saturating_sub(LEVELS_LEFT);
    let lots = book
        .levels(side.opposite())
        .take(deep)
        .take_while(|(ticks, _)| side.sign() * (limit - ticks) >= 0)
        .map(|(_, lots)| lots)
        .sum();
    let (key, owner) = (OrderKey::BACKGROUND, Owner::Background);
    book.take(&Incoming { key, owner, side, limit: Some(limit), lots }, out);
}

fn empty(side: Side, book: &mut MatchingBook) {
    let levels: Vec<i64> = book.levels(side).map(|(ticks, _)| ticks).collect();
    for ticks in levels {
        book.withdraw_background(side, ticks, i64::MAX);
    }
}

fn mid_price(grid: Grid, book: &MatchingBook) -> Option<Price> {
    let best = |side| book.best(side).map(|(ticks, _)| grid.price(ticks));
    Some(best(Side::Buy)?.midpoint(best(Side::Sell)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Filters;

    fn grid() -> Grid {
        let price = |text: &str| text.parse().unwrap();
        Grid::new(&Filters {
            tick_size: price("0.1"),
            step_size: "0.001".parse().unwrap(),
            min_price: price("0.1"),
            max_price: price("1000000"),
            min_quantity: "0.001".parse().unwrap(),
            max_quantity: "1000".parse().unwrap(),
            max_market_quantity: "100".parse().unwrap(),
            min_notional: "5".parse().unwrap(),
            multiplier_up: "1.05".parse().unwrap(),
            multiplier_down: "0.95".parse().unwrap(),
            max_open_orders: 200,
        })
    }

    fn book() -> MatchingBook {
        let mut book = MatchingBook::new();
        for rank in 0..100 {
            book.join_background(Side::Buy, 9_999 - rank, 10);
            book.join_background(Side::Sell, 10_001 + rank, 10);
        }
        book
    }

    fn adverse(act: AdverseAct) -> Adverse {
        let mut adverse = Adverse::default();
        let symbol = Symbol::new("BTCUSDT").unwrap();
        let (at, span) = (Timestamp::from_seconds(10), Duration::from_secs(1));
        adverse.set(&[Adversity { symbol, at, span, act }]);
        adverse
    }

    #[test]
    fn a_push_trades_the_mid_to_its_target_by_the_end_of_its_span() {
        let (mut adverse, mut book) = (adverse(AdverseAct::Push(Rate::from_bps(-50.0))), book());
        let mut out = Vec::new();
        while adverse.next_time() < Timestamp::MAX {
            adverse.step(adverse.next_time(), grid(), &mut book, &mut out);
        }
        assert_eq!(book.best(Side::Buy), Some((9_949, 10)), "1000.0 less 0.5 %");
        assert!(out.iter().all(|found| found.taker_side == Side::Sell));
    }

    #[test]
    fn a_pulled_side_holds_nothing_until_the_span_is_over() {
        let (mut adverse, mut book) = (adverse(AdverseAct::Pull(Side::Buy)), book());
        adverse.step(Timestamp::from_seconds(10), grid(), &mut book, &mut Vec::new());
        assert_eq!(book.best(Side::Buy), None);
        book.join_background(Side::Buy, 9_999, 10);
        adverse.keep_empty(Timestamp::from_millis(10_050), &mut book);
        assert_eq!(book.best(Side::Buy), None);
        adverse.step(Timestamp::from_seconds(11), grid(), &mut book, &mut Vec::new());
        assert_eq!(adverse.next_time(), Timestamp::MAX);
    }
}
