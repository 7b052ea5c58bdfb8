//! One instrument's seconds: follows its market data and cuts a row at each second's end.
//!
//! Knows no clock: the caller says when a second has ended. Invariants: **1** the row of second T
//! holds everything received before T and nothing later, its flow what came in [T − 1 s, T);
//! **2** a row is valid exactly if the chain of updates is proven and both sides hold a level,
//! however quiet the market; **3** nothing is interpolated: a stale row shows the last book held.

use crate::domain::{Instrument, Market, Price, Second, Side, Symbol, Timestamp};

use super::flow_meter::{Best, FlowMeter};
use super::frame::{Reason, Row, Validity};
use super::grid::Grid;
use super::sequence::{BookSync, Outcome};
use super::snapshot::Snapshot;
use super::update::{DepthUpdate, MarketEvent};

/// Follows one instrument and cuts its rows.
#[derive(Debug, Clone)]
pub struct Sampler {
    symbol: Symbol,
    market: Market,
    sync: BookSync,
    flow: FlowMeter,
    /// The last proven snapshot that was cut or lost.
    held: Option<Snapshot>,
    /// When the book last changed.
    changed_at: Option<Timestamp>,
    mark_price: Option<(Timestamp, Price)>,
    is_proven_alive: bool,
}

impl Sampler {
    /// A sampler that waits for the instrument's first snapshot.
    #[must_use]
    pub fn new(instrument: &Instrument) -> Self {
        let grid = Grid::from(&instrument.filters);
        Self {
            symbol: instrument.symbol,
            market: instrument.market,
            sync: BookSync::new(grid),
            flow: FlowMeter::new(grid.tick_size()),
            held: None,
            changed_at: None,
            mark_price: None,
            is_proven_alive: true,
        }
    }

    /// Which instrument it follows.
    #[must_use]
    pub const fn symbol(&self) -> Symbol {
        self.symbol
    }

    /// The book and the proof of its continuity.
    #[must_use]
    pub const fn sync(&self) -> &BookSync {
        &self.sync
    }

    /// Takes one event of its instrument; says what became of it for the book
    /// ([`Outcome::Ignored`] if it does not concern the book).
    pub fn on_event(&mut self, receive_time: Timestamp, event: &MarketEvent) -> Outcome {
        match event {
            MarketEvent::Depth(update) => self.on_update(receive_time, update),
            MarketEvent::Snapshot(snapshot) => {
                self.hold();
                let outcome = self.sync.on_snapshot(snapshot);
                if outcome == Outcome::Applied {
                    self.changed_at = Some(receive_time);
                    self.flow.on_replaced(self.best());
                }
                outcome
            }
            MarketEvent::Trade(trade) => {
                if trade.is_book_trade {
                    self.flow.on_trade(trade);
                }
                Outcome::Ignored
            }
            MarketEvent::MarkPrice(mark) => {
                self.mark_price = Some((receive_time, mark.price));
                Outcome::Ignored
            }
            MarketEvent::BookTicker(_) => Outcome::Ignored,
        }
    }

    /// The connection that carries the book is gone; a snapshot is needed after it is back.
    pub fn on_disconnect(&mut self) {
        self.hold();
        self.sync.on_disconnect();
    }

    /// The connection has proven nothing for too long: rows are stale until it does.
    pub const fn on_proof_of_life_lost(&mut self) {
        self.is_proven_alive = false;
    }

    /// The connection has proven itself again; if no update was lost the book still holds.
    pub const fn on_proof_of_life_restored(&mut self) {
        self.is_proven_alive = true;
    }

    /// Keeps updates for a snapshot that is about to be fetched while the book holds
    /// (see [`BookSync::needs_fresh_snapshot`]).
    pub fn begin_refresh(&mut self) {
        self.sync.begin_refresh();
    }

    /// Cuts the row of a second that has ended and begins the next.
    pub fn cut(&mut self, second: Second) -> Row {
        self.hold();
        let validity = self.validity();
        let book_age = age_ms(second, self.changed_at);
        let (mark_price, mark_age_ms) = match self.market {
            Market::Spot => {
                let mid = |snapshot: &Snapshot| super::measures::mid_price(snapshot);
                let age = if validity == Validity::Valid { 0 } else { book_age };
                (self.held.as_ref().map(mid), age)
            }
            Market::Usdm | Market::Coinm => {
                let (received, price) = self.mark_price.unzip();
                (price, age_ms(second, received))
            }
        };
        Row {
            symbol: self.symbol,
            snapshot: self.held,
            flow: self.flow.cut(self.best()),
            mark_price,
            validity,
            age_ms: book_age,
            mark_age_ms,
        }
    }

    fn on_update(&mut self, receive_time: Timestamp, update: &DepthUpdate) -> Outcome {
        let before = self.best();
        let was_proven = self.sync.waiting().is_none();
        let outcome = self.sync.on_update(update);
        match outcome {
            Outcome::Applied => {
                if !update.bids.is_empty() || !update.asks.is_empty() {
                    self.changed_at = Some(receive_time);
                }
                self.flow.on_update(before, self.best());
            }
            // A gap or an off-grid level leaves the last proven book in place: show that one.
            Outcome::NeedsSnapshot(_) if was_proven => self.hold_unproven(),
            Outcome::NeedsSnapshot(_) | Outcome::Buffered | Outcome::Ignored => {}
        }
        outcome
    }

    fn validity(&self) -> Validity {
        let reason = match (self.sync.waiting(), self.best()) {
            (Some(reason), _) => reason,
            (None, _) if !self.is_proven_alive => Reason::NoProofOfLife,
            (None, None) => Reason::EmptySide,
            (None, Some(_)) => return Validity::Valid,
        };
        if self.held.is_some() { Validity::Stale(reason) } else { Validity::Missing(reason) }
    }

    /// The best prices of a proven book with two sides.
    fn best(&self) -> Option<Best> {
        if self.sync.waiting().is_some() {
            return None;
        }
        let book = self.sync.book();
        Some(Best { bid: book.best(Side::Buy)?, ask: book.best(Side::Sell)? })
    }

    fn hold(&mut self) {
        if self.sync.waiting().is_none() {
            self.hold_unproven();
        }
    }

    /// Holds the book unless it is crossed or lacks a side: then the one held before stays.
    fn hold_unproven(&mut self) {
        self.held = self.sync.book().snapshot().ok().or(self.held);
    }
}

/// Milliseconds from a moment to the second's end, at most [`u32::MAX`], which also means never.
fn age_ms(second: Second, since: Option<Timestamp>) -> u32 {
    since.map_or(u32::MAX, |moment| {
        u32::try_from(second.end().since(moment).as_millis()).unwrap_or(u32::MAX)
    })
}
