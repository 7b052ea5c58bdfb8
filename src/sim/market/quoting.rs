//! The participants' quotes: where the best prices belong, and the ladder of levels behind them.
//!
//! Works on the book as it is. Background quantity that a new value has left behind is withdrawn;
//! accounts' orders that stand in the way of a new quote are traded with, as far as the quote's
//! quantity goes, and otherwise bound it.
//!
//! Invariants: (1) quotes never cross the book; (2) after a re-quote each side has at least
//! [`FEWEST_LEVELS`] levels.

use crate::domain::Side;

use super::background;
use super::crowd::{Crowd, QUOTED_LEVELS};
use crate::sim::matching::{Match, MatchingBook};

/// A side with fewer levels than this is filled up …
const FEWEST_LEVELS: usize = 30;
/// … to this many, …
const USUAL_LEVELS: usize = 40;
/// … and beyond this many the farthest are withdrawn.
const MOST_LEVELS: usize = 56;
/// Nobody quotes in between where the next level is nearer than this many mean gaps.
const GAPS_LEFT_EMPTY: f64 = 3.0;

/// Where the best quotes belong.
#[derive(Debug, Clone)]
pub(super) struct Quotes {
    /// The best bid, in ticks.
    pub(super) bid: i64,
    spread: i64,
    gap: f64,
    ladder: Vec<i64>,
    existing: Vec<i64>,
}

impl Quotes {
    pub(super) fn new(bid: i64, gap: f64) -> Self {
        let ladder = Vec::with_capacity(QUOTED_LEVELS);
        Self { bid, spread: 1, gap, ladder, existing: Vec::with_capacity(MOST_LEVELS) }
    }

    /// Moves both quotes and sets the spread between them.
    pub(super) fn shift(&mut self, ticks: i64, spread: i64) {
        self.bid = (self.bid + ticks).max(2);
        self.spread = spread;
    }

    /// Where a side's best quote belongs.
    pub(super) const fn price(&self, side: Side) -> i64 {
        match side {
            Side::Buy => self.bid,
            Side::Sell => self.bid + self.spread,
        }
    }

    /// How far a best level has been taken away since the last re-quote: positive if asks are
    /// missing, negative if bids are; half the distance, at least a tick.
    pub(super) fn impact(&self, book: &MatchingBook) -> i64 {
        let missing = |side: Side| match book.best(side) {
            Some((best, _)) => ((self.price(side) - best) * side.sign()).max(0),
            None => 1,
        };
        match (missing(Side::Sell), missing(Side::Buy)) {
            (0, 0) => 0,
            (asks, bids) if asks >= bids => (asks - bids + 1) / 2,
            (asks, bids) => -((bids - asks + 1) / 2),
        }
    }

    /// Brings both sides of the book to where they belong.
    pub(super) fn requote(
        &mut self,
        crowd: &mut Crowd,
        book: &mut MatchingBook,
        matches: &mut Vec<Match>,
    ) {
        self.withdraw_stale(Side::Buy, book);
        self.withdraw_stale(Side::Sell, book);
        for side in [Side::Buy, Side::Sell] {
            if let Some(top) = self.reach_top(side, crowd, book, matches) {
                self.plan_ladder(side, top, crowd, book);
                for (rank, ticks) in self.ladder.iter().enumerate() {
                    book.set_background(side, *ticks, crowd.lots(side, rank));
                }
                self.keep_depth(side, crowd, book);
            }
        }
    }

    /// Withdraws the background quantity that is better than a side's best quote.
    fn withdraw_stale(&mut self, side: Side, book: &mut MatchingBook) {
        let best = self.price(side);
        let is_stale = |ticks: &i64| (ticks - best) * side.sign() > 0;
        self.existing.clear();
        self.existing.extend(book.levels(side).map(|(ticks, _)| ticks).take_while(is_stale));
        for ticks in &self.existing {
            book.set_background(side, *ticks, 0);
        }
    }

    /// Trades with accounts' orders that stand in the way of a side's best quote, and returns the
    /// price at which it can rest.
    fn reach_top(
        &self,
        side: Side,
        crowd: &mut Crowd,
        book: &mut MatchingBook,
        matches: &mut Vec<Match>,
    ) -> Option<i64> {
        let price = self.price(side);
        if book.would_take(side, price) {
            book.take(&background(side, price, crowd.lots(side, 0)), matches);
        }
        match book.best(side.opposite()) {
            Some((other, _)) if (price - other) * side.sign() >= 0 => Some(other - side.sign()),
            Some(_) | None => Some(price),
        }
        .filter(|top| *top > 0)
    }

    /// Chooses the prices of the re-quoted levels: those that exist, and new ones in wide gaps.
    fn plan_ladder(&mut self, side: Side, top: i64, crowd: &mut Crowd, book: &MatchingBook) {
        let worse = |(ticks, _): &(i64, i64)| (top - ticks) * side.sign() > 0;
        let existing = book.levels(side).filter(worse).map(|(ticks, _)| ticks);
        let mut existing = existing.peekable();
        self.ladder.clear();
        self.ladder.push(top);
        let mut last = top;
        while self.ladder.len() < QUOTED_LEVELS && last * side.sign() != 1 {
            let distance = existing
                .peek()
                .map_or(f64::MAX, |ticks| super::draws::float((last - ticks) * side.sign()));
            last = if distance <= GAPS_LEFT_EMPTY * self.gap {
                existing.next().unwrap_or(last)
            } else {
                (last - side.sign() * crowd.gap(self.gap)).max(1)
            };
            while existing.next_if(|ticks| (ticks - last) * side.sign() >= 0).is_some() {}
            self.ladder.push(last);
        }
    }

    /// Fills the far end of a side up, or withdraws its farthest levels.
    fn keep_depth(&mut self, side: Side, crowd: &mut Crowd, book: &mut MatchingBook) {
        let count = book.level_count(side);
        if count < FEWEST_LEVELS {
            let mut last = book.levels(side).last().map_or(self.price(side), |(ticks, _)| ticks);
            for rank in count..USUAL_LEVELS {
                last -= side.sign() * crowd.gap(self.gap);
                if last > 0 {
                    book.set_background(side, last, crowd.lots(side, rank));
                }
            }
        } else if count > MOST_LEVELS {
            self.existing.clear();
            self.existing.extend(book.levels(side).skip(USUAL_LEVELS).map(|(ticks, _)| ticks));
            for ticks in &self.existing {
                book.set_background(side, *ticks, 0);
            }
        }
    }
}
