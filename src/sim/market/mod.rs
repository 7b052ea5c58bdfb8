//! The seeded market: background participants who quote, cancel, sweep and re-quote.
//!
//! **Who acts.** *Revaluations* arrive at random, clustered in time: the value moves by a number of
//! ticks drawn from two kinds of news, small and large. Either somebody fast sweeps the quotes left
//! behind, or their owners withdraw them; then both sides are re-quoted around the new value.
//! *Market orders* of noise traders and a few informed ones hit the best levels. *Limit orders and
//! cancellations* stir the levels in between. Whoever empties a best level, an account included,
//! moves the value by half of what is missing. Accounts' orders in the way of a re-quote are traded
//! with, so that a resting order is filled when the price passes it, and knows why too late.
//!
//! **What they know.** A mean-reverting drift (relaxation 10 s) tilts the direction of
//! revaluations. Informed participants see it and lean their resting quantities by it, less so the
//! deeper they quote; all of them lean with persistent inventories too. Nobody, here or in the
//! book, sees a future draw, and nothing is periodic.
//!
//! **Statistics** of [`MarketSettings::bitcoin_perpetual`], 24-hour spans, seeds 1 to 10; beside it
//! the recorded BTCUSDT perpetual of 2024-08-08 (5.7 minutes, best prices by its bookTicker);
//! `tests/market_statistics.rs` holds the first column to them.
//!
//! | | here | recorded |
//! |---|---|---|
//! | best-price moves a second | 5.6 to 6.2 | 3.9 |
//! | their size in ticks: median, mean | 4, 11 | 8, 16 |
//! | spread of one tick, share of seconds | 0.992 | 0.997 |
//! | 10-s mid return, standard deviation in bps | 3.3 to 4.0 | 3.6 |
//! | autocorrelation of absolute one-minute returns, lag 1, 10 | 0.2, 0.07 | |
//! | trades a second (one a level and taker) | 15 to 17 | 30 |
//! | bought and sold a second, BTC each | 2.3 | 3.5 |
//! | median level distance in ticks; levels a side | 3; at least 30 | 4 to 6 |
//! | R² at 10 s: OLS on ten level imbalances | 0.088 to 0.113, mean 0.099 | |
//! | R² at 10 s: one level; ten levels summed; the oracle | 0.06; 0.07; 0.175 | |
//! | a post-only order of 0.1 at the best, filled within 10 s | 0.8, mostly adversely | |
//!
//! Its levels are of comparable size, where the recorded best level holds most of the quantity.
//! The other presets are scaled copies of the first and are only as plausible as that.
//!
//! Does not know accounts, orders' rules or recorded data, and has no clock: the exchange asks when
//! somebody acts next and says when it is so.
//!
//! Invariants: (1) same settings, seed, times of steps and foreign orders: same trades and changes,
//! byte for byte, on one platform (floats use its `exp` and `ln`); (2) participants never cross the
//! book; (3) after a re-quote each side has at least 30 levels; (4) every draw comes from the
//! stream of its purpose.

mod crowd;
mod draws;
mod latent;
mod quoting;
mod settings;

pub use settings::MarketSettings;

use std::time::Duration;

use crate::domain::{Rate, Side, Timestamp};

use super::matching::{Incoming, Match, MatchingBook, OrderKey, Owner};
use crowd::Crowd;
use draws::{Draws, Purpose, float, floor};
use latent::Latent;
use quoting::Quotes;

/// How many levels a side noise orders reach.
const NOISE_LEVELS: usize = 20;
/// How strongly the sign of market orders follows the drift: the informed share of them.
const INFORMED_MARKET_ORDERS: f64 = 0.1;
/// Nobody sweeps more than so many typical levels at once.
const SWEEP_LEVELS: f64 = 30.0;
/// Nobody revises the value by more than this because somebody emptied levels, in ticks.
const IMPACT_LIMIT_TICKS: i64 = 50;

/// A market of background participants over one book.
#[derive(Debug, Clone)]
pub struct SeededMarket {
    settings: MarketSettings,
    latent: Latent,
    crowd: Crowd,
    quotes: Quotes,
    clock: Draws,
    moves: Draws,
    flow: Draws,
    next: Timestamp,
    advanced: Timestamp,
    requoted: Timestamp,
}

/// What a participant does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Revalue,
    MarketOrder,
    LimitOrder,
}

impl SeededMarket {
    /// A market that opens at `start`; the same settings and seed make the same market.
    #[must_use]
    pub fn new(settings: MarketSettings, seed: u64, start: Timestamp) -> Self {
        let value = settings.start_price.units() / settings.tick_size.units().max(1);
        Self {
            latent: Latent::new(&settings, seed),
            crowd: Crowd::new(&settings, seed),
            quotes: Quotes::new(value, settings.level_gap_ticks),
            clock: Draws::new(seed, Purpose::Clock),
            moves: Draws::new(seed, Purpose::Moves),
            flow: Draws::new(seed, Purpose::Flow),
            settings,
            next: start,
            advanced: start,
            requoted: start,
        }
    }

    /// When somebody acts next; the first time is the opening.
    #[must_use]
    pub const fn next_event_time(&self) -> Timestamp {
        self.next
    }

    /// Lets everybody act who is due at `now`, and appends the trades they make.
    ///
    /// Stepping at each [`Self::next_event_time`] tells the trades' times; a later `now` makes up
    /// for everything in between at once.
    pub fn step(&mut self, now: Timestamp, book: &mut MatchingBook, matches: &mut Vec<Match>) {
        while self.next <= now {
            let due = self.next;
            self.act(due, book, matches);
            self.next = due + self.wait();
        }
    }

    /// The oracle, for tests only: the expected relative move of the mid over `horizon`, given
    /// everything the participants know and nothing they do not.
    #[must_use]
    pub fn expected_move(&self, horizon: Duration) -> Rate {
        let ticks = self.latent.expected_move_ticks(horizon.as_secs_f64());
        Rate::from_bps(ticks / float(self.quotes.bid.max(1)) * 1e4)
    }

    fn act(&mut self, now: Timestamp, book: &mut MatchingBook, matches: &mut Vec<Match>) {
        self.latent.advance(now.since(self.advanced).as_secs_f64());
        self.advanced = now;
        if book.best(Side::Buy).is_none() && book.best(Side::Sell).is_none() {
            return self.requote(now, book, matches);
        }
        match self.next_action() {
            Action::Revalue => self.revalue(now, book, matches),
            Action::MarketOrder => self.market_order(book, matches),
            Action::LimitOrder => self.limit_order(book),
        }
        // Whoever emptied a best level, participant or account, has told the others something.
        let impact = self.quotes.impact(book).clamp(-IMPACT_LIMIT_TICKS, IMPACT_LIMIT_TICKS);
        if impact != 0 {
            self.quotes.shift(impact, 1);
            self.requote(now, book, matches);
        }
    }

    fn revalue(&mut self, now: Timestamp, book: &mut MatchingBook, matches: &mut Vec<Match>) {
        let is_large = self.moves.chance(self.settings.large_move_share);
        let mean =
            if is_large { self.settings.large_move_ticks } else { self.settings.small_move_ticks };
        let ticks = self.moves.whole_from_one(1.0 + (mean - 1.0) * self.latent.move_scale());
        let is_up = self.moves.chance(f64::midpoint(1.0, self.latent.bias()));
        let is_wide = self.moves.chance(self.settings.wide_spread_share);
        let spread = if is_wide { 1 + self.moves.whole_from_one(2.0) } else { 1 };
        self.quotes.shift(if is_up { ticks } else { -ticks }, spread);
        if self.moves.chance(self.settings.sweep_share) {
            self.sweep(if is_up { Side::Buy } else { Side::Sell }, book, matches);
        }
        self.requote(now, book, matches);
    }

    /// Somebody fast takes everything that the new value has left behind.
    fn sweep(&self, side: Side, book: &mut MatchingBook, matches: &mut Vec<Match>) {
        let limit = self.quotes.price(side);
        let is_stale = |(ticks, _): &(i64, i64)| side.sign() * (limit - ticks) >= 0;
        let stale = book.levels(side.opposite()).take_while(is_stale);
        let lots: i64 = stale.map(|(_, lots)| lots).sum();
        let capital = floor(SWEEP_LEVELS * self.settings.level_lots);
        book.take(&background(side, limit, lots.min(capital)), matches);
    }

    fn requote(&mut self, now: Timestamp, book: &mut MatchingBook, matches: &mut Vec<Match>) {
        let seconds = now.since(self.requoted).as_secs_f64();
        self.crowd.advance(seconds, self.latent.drift());
        self.requoted = now;
        self.quotes.requote(&mut self.crowd, book, matches);
    }

    fn market_order(&mut self, book: &mut MatchingBook, matches: &mut Vec<Match>) {
        let bias = INFORMED_MARKET_ORDERS * self.latent.drift();
        let side = if self.flow.chance(f64::midpoint(1.0, bias)) { Side::Buy } else { Side::Sell };
        let lots = 1 + floor(self.flow.exponential(self.settings.market_order_lots));
        // It pays the best price and, where that does not suffice, the next few.
        let reach = side.sign() * floor(3.0 * self.settings.level_gap_ticks);
        if let Some((best, _)) = book.best(side.opposite()) {
            book.take(&background(side, best + reach, lots), matches);
        }
    }

    fn limit_order(&mut self, book: &mut MatchingBook) {
        let side = if self.flow.chance(0.5) { Side::Buy } else { Side::Sell };
        let rank = self.flow.below(NOISE_LEVELS);
        let lots = 1 + floor(self.flow.exponential(self.settings.level_lots / 4.0));
        let Some((ticks, resting)) = book.levels(side).nth(rank) else { return };
        if self.flow.chance(0.5) {
            book.join_background(side, ticks, lots);
        } else {
            // The best level is left by trading or by a revaluation, not by a stray cancellation.
            book.withdraw_background(side, ticks, lots.min(resting / 2));
        }
    }

    fn next_action(&mut self) -> Action {
        let activity = self.latent.activity();
        let revalue = self.settings.moves_per_second * activity;
        let market = self.settings.market_orders_per_second * activity;
        let choice =
            self.clock.uniform() * (revalue + market + self.settings.limit_orders_per_second);
        if choice < revalue {
            Action::Revalue
        } else if choice < revalue + market {
            Action::MarketOrder
        } else {
            Action::LimitOrder
        }
    }

    fn wait(&mut self) -> Duration {
        let settings = &self.settings;
        let busy = settings.moves_per_second + settings.market_orders_per_second;
        let rate = busy * self.latent.activity() + settings.limit_orders_per_second;
        let nanos = floor(self.clock.exponential(1e9 / rate)).max(1);
        Duration::from_nanos(nanos.unsigned_abs())
    }
}

/// An order of nobody in particular.
const fn background(side: Side, limit: i64, lots: i64) -> Incoming {
    Incoming { key: OrderKey::BACKGROUND, owner: Owner::Background, side, limit: Some(limit), lots }
}

#[cfg(test)]
mod tests {
    use super::super::matching::AccountId;
    use super::*;

    const US: Owner = Owner::Account(AccountId(1));

    #[test]
    fn an_order_at_the_best_bid_is_filled_before_the_price_passes_it() {
        let (mut market, mut book, mut matches) = opened(11);
        let mut filled = 0;
        for key in 1..=50 {
            let (best, _) = book.best(Side::Buy).unwrap();
            book.rest(ours(key, Side::Buy, best, 100));
            let expiry = market.next_event_time() + Duration::from_secs(10);
            while book.remaining_lots(OrderKey(key)).is_some() {
                let (ask, _) = book.best(Side::Sell).unwrap();
                assert!(ask > best, "asks at {ask} have passed our bid at {best}");
                if market.next_event_time() > expiry {
                    break;
                }
                step(&mut market, &mut book, &mut matches);
            }
            filled += matches.iter().filter(|one| one.maker == OrderKey(key)).count().min(1);
            book.cancel(OrderKey(key));
        }
        assert!((30..50).contains(&filled), "{filled} of 50 orders met somebody within 10 s");
    }

    #[test]
    fn a_wall_is_eaten_and_not_jumped_over() {
        let (mut market, mut book, mut matches) = opened(5);
        let (best, _) = book.best(Side::Buy).unwrap();
        book.rest(ours(1, Side::Buy, best, 1_000_000_000));
        for _ in 0..20_000 {
            step(&mut market, &mut book, &mut matches);
            assert!(book.best(Side::Sell).unwrap().0 > best);
        }
        let eaten = 1_000_000_000 - book.remaining_lots(OrderKey(1)).unwrap();
        assert!(eaten > 1_000, "sold to the wall: {eaten} lots");
    }

    #[test]
    fn an_emptied_side_is_quoted_again_at_the_next_action() {
        let (mut market, mut book, mut matches) = opened(8);
        let all = Incoming { limit: None, ..ours(1, Side::Buy, 0, 1_000_000_000) };
        assert!(book.take(&all, &mut matches) > 0, "the side is empty now");
        assert_eq!(book.best(Side::Sell), None);
        for _ in 0..2 {
            step(&mut market, &mut book, &mut matches);
        }
        assert!(book.level_count(Side::Sell) >= 20);
        assert!(book.best(Side::Buy).unwrap().0 < book.best(Side::Sell).unwrap().0);
    }

    #[test]
    fn one_late_step_makes_the_same_market_as_many_punctual_ones() {
        let (mut punctual, mut book, mut matches) = opened(2);
        let (mut late, mut late_book, mut late_matches) = opened(2);
        let end = Timestamp::from_seconds(60);
        while punctual.next_event_time() <= end {
            step(&mut punctual, &mut book, &mut matches);
        }
        late.step(end, &mut late_book, &mut late_matches);
        assert_eq!(matches, late_matches);
        let levels = |book: &MatchingBook| book.levels(Side::Buy).collect::<Vec<_>>();
        assert_eq!(levels(&book), levels(&late_book));
    }

    fn opened(seed: u64) -> (SeededMarket, MatchingBook, Vec<Match>) {
        let settings = MarketSettings::bitcoin_perpetual();
        let mut market = SeededMarket::new(settings, seed, Timestamp::from_seconds(0));
        let (mut book, mut matches) = (MatchingBook::new(), Vec::new());
        step(&mut market, &mut book, &mut matches);
        (market, book, matches)
    }

    fn step(market: &mut SeededMarket, book: &mut MatchingBook, matches: &mut Vec<Match>) {
        market.step(market.next_event_time(), book, matches);
    }

    fn ours(key: u64, side: Side, limit: i64, lots: i64) -> Incoming {
        Incoming { key: OrderKey(key), owner: US, side, limit: Some(limit), lots }
    }
}
