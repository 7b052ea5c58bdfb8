//! One listed instrument: its book, its mark price, its counters.

use std::collections::VecDeque;
use std::time::Duration;

use crate::book::{DepthSnapshot, DepthUpdate, PublicTrade};
use crate::domain::{Instrument, Price, Side, Symbol, Timestamp, TradeId};

use super::grid::Grid;
use super::liquidity::{Live, Seconds, Source, Tape};
use super::mark_price::MarkPrice;
use super::settings::{InstrumentSettings, Liquidity, SimError};

/// Public trades kept for queries.
const RECENT_TRADES: usize = 1_000;

/// Fills against a recording take ids beyond those the recording uses.
const FIRST_TRADE_ID_BESIDE_A_RECORDING: u64 = 1_000_000_000_001;

/// Depth messages go out this often, as `@depth@100ms`.
const FLUSH_INTERVAL: Duration = Duration::from_millis(100);

/// Mark prices go out this often, as `@markPrice@1s`.
const SECOND: Duration = Duration::from_secs(1);

/// What an instrument does by itself, in the order in which it does it at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A depth message.
    Flush,
    /// A mark price.
    MarkPrice,
}

/// One listed instrument.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) instrument: Instrument,
    pub(super) grid: Grid,
    pub(super) source: Source,
    pub(super) mark: MarkPrice,
    pub(super) last_price: Option<Price>,
    pub(super) recent_trades: VecDeque<PublicTrade>,
    next_trade_id: u64,
    next_flush: Timestamp,
    next_second: Timestamp,
}

impl Listing {
    pub(super) fn new(settings: &InstrumentSettings, start: Timestamp) -> Result<Self, SimError> {
        let instrument = settings.instrument.clone();
        let filters = &instrument.filters;
        if filters.tick_size.is_zero() || filters.step_size.is_zero() {
            return Err(SimError::NotTradable(instrument.symbol));
        }
        let grid = Grid::new(filters);
        let source = match settings.liquidity {
            Liquidity::Accounts => Source::Live(Live::new()),
            Liquidity::Tape => Source::Tape(Tape::new(grid)),
            Liquidity::Seconds => Source::Seconds(Box::new(Seconds::new(grid))),
        };
        let next_trade_id = match source {
            Source::Live(_) => 1,
            Source::Tape(_) | Source::Seconds(_) => FIRST_TRADE_ID_BESIDE_A_RECORDING,
        };
        Ok(Self {
            instrument,
            grid,
            source,
            mark: MarkPrice::default(),
            last_price: None,
            recent_trades: VecDeque::new(),
            next_trade_id,
            next_flush: next_multiple(start, FLUSH_INTERVAL),
            next_second: next_multiple(start, SECOND),
        })
    }

    pub(super) const fn symbol(&self) -> Symbol {
        self.instrument.symbol
    }

    pub(super) const fn take_trade_id(&mut self) -> TradeId {
        let id = self.next_trade_id;
        self.next_trade_id += 1;
        TradeId(id)
    }

    /// The best price of a side.
    pub(super) fn best(&self, side: Side) -> Option<Price> {
        self.source.best(side).map(|(ticks, _)| self.grid.price(ticks))
    }

    /// The mid-price, if both sides hold anything.
    pub(super) fn mid_price(&self) -> Option<Price> {
        Some(self.best(Side::Buy)?.midpoint(self.best(Side::Sell)?))
    }

    /// The price that margin and filters reckon with: mark, else mid, else the last trade.
    pub(super) fn reference_price(&self) -> Option<Price> {
        self.mark.price().or_else(|| self.mid_price()).or(self.last_price)
    }

    pub(super) fn keep_trade(&mut self, trade: PublicTrade) {
        self.last_price = Some(trade.price);
        self.recent_trades.push_back(trade);
        if self.recent_trades.len() > RECENT_TRADES {
            self.recent_trades.pop_front();
        }
    }

    /// The whole book, up to `limit` levels a side.
    pub(super) fn depth(&self, limit: usize) -> DepthSnapshot {
        let side = |side| {
            self.source.levels(side).take(limit).map(|level| self.grid.level(level)).collect()
        };
        DepthSnapshot {
            symbol: self.symbol(),
            last_update_id: self.update_id(),
            bids: side(Side::Buy),
            asks: side(Side::Sell),
        }
    }

    /// The update id up to which the book holds.
    pub(super) const fn update_id(&self) -> u64 {
        match &self.source {
            Source::Live(live) => live.update_id,
            Source::Tape(tape) => tape.update_id,
            Source::Seconds(_) => 0,
        }
    }

    /// What is due next by itself, and when; at one moment in the order of [`Due`].
    pub(super) fn next_due(&self) -> (Timestamp, Due) {
        match &self.source {
            Source::Live(_) => {
                (self.next_flush, Due::Flush).min((self.next_second, Due::MarkPrice))
            }
            Source::Tape(_) if self.mark.is_recorded() => (Timestamp::MAX, Due::MarkPrice),
            Source::Tape(_) => (self.next_second, Due::MarkPrice),
            Source::Seconds(_) => (Timestamp::MAX, Due::MarkPrice),
        }
    }

    /// Notes that what was due has been done.
    pub(super) fn done(&mut self, due: Due, now: Timestamp) {
        match due {
            Due::Flush => self.next_flush = next_multiple(now, FLUSH_INTERVAL),
            Due::MarkPrice => self.next_second = next_multiple(now, SECOND),
        }
    }

    /// The depth message that is due, if anything changed.
    pub(super) fn flush(&mut self, now: Timestamp) -> Option<DepthUpdate> {
        let (symbol, grid) = (self.symbol(), self.grid);
        match &mut self.source {
            Source::Live(live) => live.flush(now, symbol, grid),
            Source::Tape(_) | Source::Seconds(_) => None,
        }
    }

    /// Goes on at a later clock.
    pub(super) fn shift_time(&mut self, now: Timestamp) {
        self.next_flush = next_multiple(now, FLUSH_INTERVAL);
        self.next_second = next_multiple(now, SECOND);
    }
}

/// The first multiple of an interval after a moment.
fn next_multiple(after: Timestamp, interval: Duration) -> Timestamp {
    let interval = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_nanos((after.nanos().div_euclid(interval) + 1).saturating_mul(interval))
}
