//! One listed instrument: its book, its mark price, its counters.

use std::collections::VecDeque;
use std::time::Duration;

use crate::book::{DepthSnapshot, DepthUpdate, PublicTrade};
use crate::domain::{Instrument, Price, Side, Symbol, Timestamp, TradeId};

use super::brackets::Brackets;
use super::candles::Candles;
use super::funding::Funding;
use super::grid::Grid;
use super::liquidity::{Live, Seconds, Source, Tape};
use super::mark_price::MarkPrice;
use super::market::SeededMarket;
use super::settings::{InstrumentSettings, Liquidity, SimError};
use super::trading_status::TradingStatus;

/// Public trades kept for queries.
const RECENT_TRADES: usize = 1_000;

/// The first trade's id.
const FIRST_TRADE_ID: u64 = 1;

/// Fills against a recording take ids beyond those the recording uses.
const FIRST_TRADE_ID_BESIDE_A_RECORDING: u64 = 1_000_000_000_001;

/// Depth messages go out this often, as `@depth@100ms`.
const FLUSH_INTERVAL: Duration = Duration::from_millis(100);

/// Mark prices go out this often, as `@markPrice@1s`.
const SECOND: Duration = Duration::from_secs(1);

/// What an instrument does by itself, in the order in which it does it at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// The seeded market.
    Market,
    /// The scripted participant.
    Adverse,
    /// A depth message.
    Flush,
    /// A mark price.
    MarkPrice,
    /// Funding, at the mark price of its hour.
    Funding,
}

/// One listed instrument.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) instrument: Instrument,
    pub(super) grid: Grid,
    pub(super) source: Source,
    pub(super) mark: MarkPrice,
    pub(super) brackets: Brackets,
    pub(super) funding: Funding,
    pub(super) last_price: Option<Price>,
    pub(super) recent_trades: VecDeque<PublicTrade>,
    pub(super) candles: Candles,
    pub(super) status: TradingStatus,
    next_trade_id: u64,
    next_flush: Timestamp,
    next_second: Timestamp,
}

impl Listing {
    pub(super) fn new(
        settings: &InstrumentSettings,
        seed: u64,
        start: Timestamp,
    ) -> Result<Self, SimError> {
        let instrument = settings.instrument.clone();
        let filters = &instrument.filters;
        if filters.tick_size.is_zero() || filters.step_size.is_zero() {
            return Err(SimError::NotTradable(instrument.symbol));
        }
        let grid = Grid::new(filters);
        let source = match &settings.liquidity {
            Liquidity::Seeded(market) => {
                let is_on_grid =
                    market.tick_size == filters.tick_size && market.step_size == filters.step_size;
                if !is_on_grid {
                    return Err(SimError::OtherGrid(instrument.symbol));
                }
                let seed = derive_seed(seed, instrument.symbol);
                let market = SeededMarket::new(market.as_ref().clone(), seed, start);
                Source::Live(Box::new(Live::new(Some(market))))
            }
            Liquidity::Accounts => Source::Live(Box::new(Live::new(None))),
            Liquidity::Tape => Source::Tape(Box::new(Tape::new(grid, filters))),
            Liquidity::Seconds => Source::Seconds(Box::new(Seconds::new(grid))),
        };
        let next_trade_id = match source {
            Source::Live(_) => FIRST_TRADE_ID,
            Source::Tape(_) | Source::Seconds(_) => FIRST_TRADE_ID_BESIDE_A_RECORDING,
        };
        let brackets = Brackets::of(instrument.symbol);
        let funding = Funding::new(&brackets, start);
        Ok(Self {
            instrument,
            brackets,
            funding,
            grid,
            source,
            mark: MarkPrice::default(),
            last_price: None,
            recent_trades: VecDeque::new(),
            candles: Candles::default(),
            status: TradingStatus::default(),
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

    /// Leaves so many ids of trades and of book updates out; a recording's own stay.
    pub(super) const fn skip_ids(&mut self, count: u64) {
        self.next_trade_id = self.next_trade_id.saturating_add(count);
        if let Source::Live(live) = &mut self.source {
            live.skip_update_ids(count);
        }
    }

    /// Numbers trades from the first again; a recording's own stay.
    pub(super) const fn renumber_trades(&mut self) {
        if let Source::Live(_) = self.source {
            self.next_trade_id = FIRST_TRADE_ID;
        }
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
        self.candles.take(&trade);
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
            Source::Tape(tape) => tape.update_id(),
            Source::Seconds(_) => 0,
        }
    }

    /// What is due next by itself, and when; at one moment in the order of [`Due`].
    pub(super) fn next_due(&self) -> (Timestamp, Due) {
        match &self.source {
            Source::Live(live) => (live.next_market_time(), Due::Market)
                .min((live.adverse.next_time(), Due::Adverse))
                .min((self.next_flush, Due::Flush))
                .min((self.next_second, Due::MarkPrice))
                .min((self.funding.next_time(), Due::Funding)),
            Source::Tape(_) if self.mark.is_recorded() => (self.funding.next_time(), Due::Funding),
            Source::Tape(_) => {
                (self.next_second, Due::MarkPrice).min((self.funding.next_time(), Due::Funding))
            }
            Source::Seconds(_) => (Timestamp::MAX, Due::MarkPrice),
        }
    }

    /// Notes that what was due has been done.
    pub(super) fn done(&mut self, due: Due, now: Timestamp) {
        match due {
            Due::Market | Due::Adverse => {}
            Due::Flush => self.next_flush = next_multiple(now, FLUSH_INTERVAL),
            Due::MarkPrice => self.next_second = next_multiple(now, SECOND),
            Due::Funding => self.funding.schedule(now),
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
    pub(super) fn shift_time(&mut self, by: Duration, now: Timestamp) {
        if let Source::Live(live) = &mut self.source {
            live.shift_time(by);
        }
        self.next_flush = next_multiple(now, FLUSH_INTERVAL);
        self.next_second = next_multiple(now, SECOND);
        self.funding.schedule(now);
    }
}

/// A seed of its own for each symbol, so that listing another changes nobody's market (FNV-1a).
fn derive_seed(seed: u64, symbol: Symbol) -> u64 {
    symbol.as_str().bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The first multiple of an interval after a moment.
fn next_multiple(after: Timestamp, interval: Duration) -> Timestamp {
    let interval = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_nanos((after.nanos().div_euclid(interval) + 1).saturating_mul(interval))
}
